//! All statements that are at hand, found by what they are about, and verified when they are asked for.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use attest::bundle::{Bundle, BundleFile};
use attest::digest::Sha256Digest;
use attest::event::{Act, Event, EventKind, Identity};
use attest::statement::{StatementError, StatementKind};
use attest::status::Snapshot;
use tlog::policy::Policy;

use super::{Evidence, SetAside};
use crate::custody::Testimony;
use crate::failure::Failure;
use crate::place::Place;
use crate::requirements::Requirements;
use crate::signature::read_statement;
use crate::status::{self, Unused};

/// The lines of the model's own bundle file and of the evidence.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    requirements: &'a Requirements,
    lines: Vec<PoolLine<'a>>,
    by_subject: HashMap<Sha256Digest, Vec<usize>>,
    by_identity: HashMap<Identity, Vec<usize>>,
    unread: Vec<SetAside>,
    snapshots: HashMap<Sha256Digest, Vec<PoolSnapshot<'a>>>,
}

/// What a log knew to have been said about something.
#[derive(Debug)]
pub(crate) struct PoolSnapshot<'a> {
    snapshot: &'a Snapshot,
    is_fetched: bool,
    // Likewise checked once.
    opened: OnceCell<Result<(), Unused>>,
}

/// One statement.
#[derive(Debug)]
pub(crate) struct PoolLine<'a> {
    place: Place,
    bundle: &'a Bundle,
    kind: StatementKind,
    // As an entry has it: a private one a commitment.
    statement: Sha256Digest,
    event: Option<EventKind>,
    // Signatures and proofs are the cost of a lineage, so each is checked once.
    opened: OnceCell<Result<Testimony, Arc<Failure>>>,
}

impl<'a> Pool<'a> {
    pub(crate) fn of(
        own: &'a BundleFile,
        evidence: Option<&'a Evidence>,
        fetched: &'a [Snapshot],
        requirements: &'a Requirements,
    ) -> Self {
        let (lines, by_subject, by_identity) = (Vec::new(), HashMap::new(), HashMap::new());
        let (unread, snapshots) = (Vec::new(), HashMap::new());
        let mut this = Self { requirements, lines, by_subject, by_identity, unread, snapshots };
        fetched.iter().for_each(|snapshot| this.add_snapshot(snapshot, true));
        let files = evidence.into_iter().flat_map(Evidence::files).map(|(name, file)| (Some(name), file));
        for (name, file) in [(None, own)].into_iter().chain(files) {
            for (index, bundle) in file.indexed_bundles() {
                this.add(Place::new(name.cloned(), index + 1), bundle);
            }
            file.indexed_snapshots().for_each(|(_, snapshot)| this.add_snapshot(snapshot, false));
        }
        this
    }

    fn add(&mut self, place: Place, bundle: &'a Bundle) {
        match read_statement(bundle) {
            Ok(statement) => {
                let subject = statement.tree_digest().digest();
                self.by_subject.entry(subject).or_default().push(self.lines.len());
                if let Some(Act::Alias(alias)) = statement.event().map(Event::act) {
                    for identity in alias.identities() {
                        self.by_identity.entry(identity.clone()).or_default().push(self.lines.len());
                    }
                }
                let (kind, event) = (statement.kind(), statement.event().map(Event::kind));
                let (digest, opened) = (statement.digest(), OnceCell::new());
                let statement = bundle.salt().map_or(digest, |salt| salt.statement(digest));
                self.lines.push(PoolLine { place, bundle, kind, statement, event, opened });
            }
            // Of a kind that says nothing about a lineage.
            Err(Failure::ProvenanceMissing { source: StatementError::UnreadKind { .. } }) => {}
            // The lines of the model's own file have notes already.
            Err(failure) if place.file().is_some() => {
                self.unread.push(SetAside { place, failure: Arc::new(failure) });
            }
            Err(_) => {}
        }
    }

    fn add_snapshot(&mut self, snapshot: &'a Snapshot, is_fetched: bool) {
        let of_subject = self.snapshots.entry(*snapshot.subject()).or_default();
        of_subject.push(PoolSnapshot { snapshot, is_fetched, opened: OnceCell::new() });
    }

    /// What logs knew of the thing with that digest.
    pub(crate) fn snapshots(&self, digest: Sha256Digest) -> impl Iterator<Item = &PoolSnapshot<'a>> {
        self.snapshots.get(&digest).into_iter().flatten()
    }

    /// What kind of event that statement about the thing is, if it is here, verified or not: its digest, or the
    /// commitment to that, is that of what was logged.
    pub(crate) fn event_kind(&self, digest: Sha256Digest, statement: Sha256Digest) -> Option<EventKind> {
        self.about(digest).find(|line| line.statement == statement)?.event
    }

    /// What is about the thing with that digest, in the order of the files and their lines.
    pub(crate) fn about(&self, digest: Sha256Digest) -> impl Iterator<Item = &PoolLine<'a>> {
        self.by_subject.get(&digest).into_iter().flatten().filter_map(|number| self.lines.get(*number))
    }

    /// The lines that say what that identity means, verified or not.
    pub(super) fn aliases(&self, of: &Identity) -> impl Iterator<Item = &PoolLine<'a>> {
        self.by_identity.get(of).into_iter().flatten().filter_map(|number| self.lines.get(*number))
    }

    pub(crate) const fn requirements(&self) -> &'a Requirements {
        self.requirements
    }

    pub(super) fn unread(&self) -> &[SetAside] {
        &self.unread
    }
}

impl PoolSnapshot<'_> {
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        self.snapshot
    }

    /// Whether the caller fetched it for this verdict.
    pub(crate) const fn is_fetched(&self) -> bool {
        self.is_fetched
    }

    /// Whether it shows what it says, by a log of that policy, which is always the same.
    pub(crate) fn open(&self, policy: &Policy) -> Result<(), &Unused> {
        self.opened.get_or_init(|| status::open(self.snapshot, policy)).as_ref().copied()
    }
}

impl PoolLine<'_> {
    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it tells where its subject came from.
    pub(super) const fn is_account(&self) -> bool {
        matches!(self.kind, StatementKind::Provenance | StatementKind::Dataset)
    }

    /// Whether it is something else that was said about its subject.
    pub(crate) const fn is_testimony(&self) -> bool {
        !self.is_account()
    }

    /// The statement, if its signature, its place in the log and its signer are as they should be.
    pub(crate) fn open(&self, requirements: &Requirements) -> Result<&Testimony, &Arc<Failure>> {
        let open = || Testimony::open(self.place.clone(), self.bundle, Some(requirements)).map_err(Arc::new);
        self.opened.get_or_init(open).as_ref()
    }
}
