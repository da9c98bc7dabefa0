//! All statements that are at hand, found by what they are about, and verified when they are asked for.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use attest::bundle::{Bundle, BundleFile};
use attest::digest::Sha256Digest;
use attest::event::{Act, Identity};
use attest::statement::{StatementError, StatementKind};

use super::{Evidence, SetAside};
use crate::custody::Testimony;
use crate::failure::Failure;
use crate::place::Place;
use crate::requirements::Requirements;
use crate::signature::read_statement;

/// The lines of the model's own bundle file and of the evidence.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    requirements: &'a Requirements,
    lines: Vec<PoolLine<'a>>,
    by_subject: HashMap<Sha256Digest, Vec<usize>>,
    by_identity: HashMap<Identity, Vec<usize>>,
    unread: Vec<SetAside>,
}

/// One statement.
#[derive(Debug)]
pub(crate) struct PoolLine<'a> {
    place: Place,
    bundle: &'a Bundle,
    kind: StatementKind,
    // Signatures and proofs are the cost of a lineage, so each is checked once.
    opened: OnceCell<Result<Testimony, Arc<Failure>>>,
}

impl<'a> Pool<'a> {
    pub(crate) fn of(
        own: &'a BundleFile,
        evidence: Option<&'a Evidence>,
        requirements: &'a Requirements,
    ) -> Self {
        let (lines, by_subject, by_identity) = (Vec::new(), HashMap::new(), HashMap::new());
        let mut this = Self { requirements, lines, by_subject, by_identity, unread: Vec::new() };
        let files = evidence.into_iter().flat_map(Evidence::files).map(|(name, file)| (Some(name), file));
        for (name, file) in [(None, own)].into_iter().chain(files) {
            for (line, bundle) in (1..).zip(file.bundles()) {
                this.add(Place::new(name.cloned(), line), bundle);
            }
        }
        this
    }

    fn add(&mut self, place: Place, bundle: &'a Bundle) {
        match read_statement(bundle) {
            Ok(statement) => {
                let subject = statement.tree_digest().digest();
                self.by_subject.entry(subject).or_default().push(self.lines.len());
                if let Some(Act::Alias(alias)) = statement.event().map(attest::event::Event::act) {
                    for identity in alias.identities() {
                        self.by_identity.entry(identity.clone()).or_default().push(self.lines.len());
                    }
                }
                let (kind, opened) = (statement.kind(), OnceCell::new());
                self.lines.push(PoolLine { place, bundle, kind, opened });
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
