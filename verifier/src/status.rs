//! Whether anything that was said about the model is missing here: what logs knew, by their status (spec/status.md). Part of step 8.
//!
//! Whoever hands out a model can leave a line out of its bundle file. A [`Snapshot`] of a trusted log says of a digest which events
//! mention it; so it is seen that one is missing, and which. What the missing one says is not known, and unknown is not yes.
//!
//! Not every mention matters: anybody may log an event about anything. One matters if its key may say something about the model
//! whose absence could turn a no into a yes, and counts at that place in the log.
//!
//! A private entry has a commitment where another has a digest, and that is then what a snapshot is about. A model whose own entry is
//! private is looked for under its salt: what was logged about it in the clear or under another salt is found if there is a snapshot
//! of that, and not asked for, since the question would tell the log the digest.
//!
//! In scope: opening snapshots, what they show against a model, how old they are. Out of scope: getting new ones, which is for whoever
//! has a network.

use std::collections::{BTreeMap, BTreeSet};

use attest::digest::Sha256Digest;
use attest::entry::ModelSalt;
use attest::event::{EventKind, EventLabel};
use attest::form::Form;
use attest::key::PublicKey;
use attest::model_name::ModelName;
use attest::statement::StatementKind;
use attest::status::{Mention, Snapshot, SnapshotRefused};
use attest::utc_time::UtcTime;
use tlog::checkpoint::Origin;
use tlog::policy::{Policy, PolicyOpenError, Quorum, QuorumError};

use crate::custody::Testimony;
use crate::failure::Failure;
use crate::lineage::Pool;
use crate::requirements::{Mode, Requirements, Right};
use crate::standing::Judgement;

/// How far a log's clock may be ahead of ours, in seconds. A status from later on is one whose age nobody knows.
const MAX_AHEAD: u64 = 60 * 60;

/// What may be said whose absence could turn a no into a yes: all that speaks against a model, and a promotion, of which the last
/// counts.
pub(crate) const WEIGHTY: [EventKind; 4] =
    [EventKind::Reject, EventKind::Promote, EventKind::Supersede, EventKind::Revoke];

/// What is known of a thing from the statuses of logs: one status of each log, the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    logs: Vec<KnownLog>,
    /// Logs with a status that the quorum did not see.
    unwitnessed: Vec<Origin>,
    /// Every log of the policy is among the first.
    is_whole: bool,
}

/// The newest status of one log that has to do with a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    origin: Origin,
    time: u64,
    age: Option<u64>,
    tree_size: u64,
    mentions: usize,
    is_fetched: bool,
}

/// How well it is known that nothing is missing, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/verification.md")]
pub enum Freshness {
    /// Of some log of the policy nothing is known but what the bundle file says.
    Stale,
    /// There is a snapshot of every log.
    Snapshot,
    /// There is one of every log that was fetched for this verdict.
    Online,
}

impl Freshness {
    /// The word for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Stale => "offline-stale",
            Self::Snapshot => "snapshot",
            Self::Online => "online",
        }
    }
}

impl Known {
    /// The logs of which something is known, by origin.
    #[must_use]
    pub fn logs(&self) -> &[KnownLog] {
        &self.logs
    }

    /// How well it is known that nothing is missing.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        match self.is_whole {
            true if self.logs.iter().all(KnownLog::is_fetched) => Freshness::Online,
            true => Freshness::Snapshot,
            false => Freshness::Stale,
        }
    }

    /// How old the oldest of them is, in seconds; `None` if that is not known of some log of the policy.
    #[must_use]
    pub fn age(&self) -> Option<u64> {
        let ages: Option<Vec<u64>> = self.logs.iter().map(KnownLog::age).collect();
        ages?.into_iter().max().filter(|_| self.is_whole)
    }

    /// What the rules for models of that name at that stage say.
    pub(crate) fn judge(
        &self,
        requirements: &Requirements,
        name: &ModelName,
        stage: Option<&EventLabel>,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        for rule in requirements.rules().iter().filter(|rule| rule.applies(name, stage)) {
            let Some(limit) = rule.status_age() else { continue };
            let broken =
                origins(requirements.policy()).filter_map(|log| self.broken(&log, limit, rule.line()));
            match rule.mode() {
                Mode::Enforce => judgement.refused.extend(broken),
                Mode::Warn => judgement.warned.extend(broken),
            }
        }
        judgement
    }

    fn broken(&self, log: &Origin, limit: u64, line: usize) -> Option<Failure> {
        let Some(known) = self.logs.iter().find(|known| known.origin == *log) else {
            let is_unwitnessed = self.unwitnessed.contains(log);
            return Some(Failure::StatusMissing { log: log.clone(), is_unwitnessed, line });
        };
        match known.age {
            Some(age) if age <= limit => None,
            age => Some(Failure::StatusStale { log: log.clone(), age, limit, line }),
        }
    }
}

impl KnownLog {
    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// When it signed, by its own word, in POSIX seconds.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// How long ago that is, in seconds; `None` if it is not known what time it is, or the time lies ahead.
    #[must_use]
    pub const fn age(&self) -> Option<u64> {
        self.age
    }

    /// How many entries the log had then.
    #[must_use]
    pub const fn tree_size(&self) -> u64 {
        self.tree_size
    }

    /// How many events mentioned the thing.
    #[must_use]
    pub const fn mentions(&self) -> usize {
        self.mentions
    }

    /// Whether it was fetched for this verdict: the caller's word.
    #[must_use]
    pub const fn is_fetched(&self) -> bool {
        self.is_fetched
    }
}

/// The logs of a policy, each once however many keys it has.
fn origins(policy: &Policy) -> impl Iterator<Item = Origin> {
    let mut origins: Vec<Origin> = policy.logs().iter().map(|log| log.vkey().name().into()).collect();
    origins.sort_unstable();
    origins.dedup();
    origins.into_iter()
}

/// Why a snapshot is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unused {
    /// Something in it is false.
    False(StatusFault),
    /// Its log is not in the policy: it says nothing here, and may say something elsewhere.
    Foreign,
    /// The quorum of the policy did not see its tree.
    Unwitnessed,
}

/// What is false in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusFault {
    /// A line in the name of a witness does not verify.
    #[error("a line in the name of a witness of the policy does not verify")]
    Cosignature {
        /// Which.
        source: QuorumError,
    },
    /// Its log did not sign the status or the checkpoint.
    #[error("not signed by the key in the policy")]
    Signature {
        /// Whether the signature is missing or false.
        source: PolicyOpenError,
    },
    /// It does not show what it says.
    #[error("does not show what it says")]
    Snapshot {
        /// Why.
        source: SnapshotRefused,
    },
}

/// Whether the snapshot is that of a log of the policy, whose quorum saw the tree, and shows what it says.
pub(crate) fn open(snapshot: &Snapshot, policy: &Policy) -> Result<(), Unused> {
    let signature = |source| match source {
        PolicyOpenError::UnknownLog { .. } => Unused::Foreign,
        source => Unused::False(StatusFault::Signature { source }),
    };
    snapshot.status().open_by(policy).map_err(signature)?;
    snapshot.verify().map_err(|source| Unused::False(StatusFault::Snapshot { source }))?;
    let Some(checkpoint) = snapshot.checkpoint() else {
        return if policy.quorum() == Quorum::None { Ok(()) } else { Err(Unused::Unwitnessed) };
    };
    policy.open(checkpoint).map_err(signature)?;
    policy.quorum_met(checkpoint).map(drop).map_err(|source| match source {
        QuorumError::NotMet { .. } => Unused::Unwitnessed,
        source => Unused::False(StatusFault::Cosignature { source }),
    })
}

/// What is asked about: a model or dataset, and the digests under which logs may have it.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    digest: Sha256Digest,
    label: String,
    salts: Vec<ModelSalt>,
}

impl Thing {
    /// The thing with that tree digest, and what it is called.
    pub(crate) const fn new(digest: Sha256Digest, label: String) -> Self {
        Self { digest, label, salts: Vec::new() }
    }

    /// The same; the entry that tells what it is, or one of them, is private under that salt.
    pub(crate) fn under(mut self, salt: Option<&ModelSalt>) -> Self {
        self.salts.extend(salt);
        self
    }

    /// What a status has to be about for its log to be known: the digest, or what stands for it in private entries.
    fn asked(&self) -> Sha256Digest {
        self.salts.first().map_or(self.digest, |salt| under(salt, self.digest))
    }

    /// All that a snapshot about it may be about.
    fn subjects(&self) -> BTreeSet<Sha256Digest> {
        let hidden = self.salts.iter().map(|salt| under(salt, self.digest));
        hidden.chain([self.digest]).collect()
    }
}

/// What stands for a tree digest in private entries.
fn under(salt: &ModelSalt, tree: Sha256Digest) -> Sha256Digest {
    salt.subject(Form::ModelTree, tree.as_bytes())
}

/// What the snapshots at hand say about a thing: what is known, and what speaks against it.
///
/// `counts` says whether a mention matters, given what kind of event it is if that is known; `said` is what was said about the thing and
/// verified, wherever it stands. A statement that is here and does not verify is no better than one that is not, unless its kind is one
/// that its key may not sign anyway.
pub(crate) fn weigh(
    thing: &Thing,
    pool: &Pool<'_>,
    said: &[&Testimony],
    now: Option<UtcTime>,
    counts: impl Fn(&Origin, &Mention, Option<EventKind>) -> bool,
) -> (Known, Vec<Failure>) {
    let policy = pool.requirements().policy();
    let (mut newest, mut against) = (BTreeMap::<Origin, KnownLog>::new(), Vec::new());
    let mut unwitnessed = Vec::new();
    let subjects = thing.subjects();
    for one in subjects.iter().flat_map(|subject| pool.snapshots(*subject)) {
        let snapshot = one.snapshot();
        let is_asked = *snapshot.subject() == thing.asked();
        let status = snapshot.status().unverified();
        let log = status.origin();
        match one.open(policy) {
            Ok(()) => {}
            Err(Unused::False(fault)) => {
                against.push(Failure::StatusInvalid { log: log.clone(), source: fault.clone() });
                continue;
            }
            Err(Unused::Foreign) => continue,
            Err(Unused::Unwitnessed) => {
                unwitnessed.extend(is_asked.then(|| log.clone()));
                continue;
            }
        }
        let is_here = |mention: &Mention| said.iter().any(|testimony| is_of(testimony, log, mention));
        let missing = snapshot.mentions().iter().find(|mention| {
            let kind = pool.event_kind(thing.digest, mention.statement());
            !is_here(mention) && counts(log, mention, kind)
        });
        against.extend(missing.map(|mention| Failure::StatusWithheld {
            about: thing.label.clone(),
            log: log.clone(),
            index: mention.index().get(),
            key_id: mention.key_id(),
            statement: mention.statement(),
        }));
        let size = status.head().size().get();
        let is_denied = |testimony: &&&Testimony| {
            let index = testimony.logged().position().index();
            testimony.logged().origin() == log
                && testimony.statement().kind() == StatementKind::Event
                && subject_of(testimony) == *snapshot.subject()
                && index < size
                && !snapshot.mentions().iter().any(|mention| mention.index().get() == index)
        };
        against.extend(said.iter().find(is_denied).map(|testimony| Failure::StatusContradicts {
            log: log.clone(),
            index: testimony.logged().position().index(),
            size,
        }));
        if !is_asked {
            continue;
        }
        let known = KnownLog {
            origin: log.clone(),
            time: status.time(),
            age: now.and_then(|now| age(now.unix_seconds(), status.time())),
            tree_size: size,
            mentions: snapshot.mentions().len(),
            is_fetched: one.is_fetched(),
        };
        match newest.get_mut(log) {
            Some(before) if (before.time, before.is_fetched) >= (known.time, known.is_fetched) => {}
            Some(before) => *before = known,
            None => drop(newest.insert(log.clone(), known)),
        }
    }
    let is_whole = origins(policy).all(|log| newest.contains_key(&log));
    (Known { logs: newest.into_values().collect(), unwitnessed, is_whole }, against)
}

/// Whether a mention is one of what was said.
fn is_of(testimony: &Testimony, log: &Origin, mention: &Mention) -> bool {
    let signer = testimony.logged().signed().key().key_id();
    testimony.logged().origin() == log
        && statement_of(testimony) == mention.statement()
        && signer == mention.key_id()
}

/// The statement digest as the entry has it.
fn statement_of(testimony: &Testimony) -> Sha256Digest {
    let digest = testimony.statement().digest();
    testimony.logged().salt().map_or(digest, |salt| salt.statement(digest))
}

/// The tree digest as the entry has it.
fn subject_of(testimony: &Testimony) -> Sha256Digest {
    let digest = testimony.statement().tree_digest().digest();
    testimony.logged().salt().map_or(digest, |salt| under(salt, digest))
}

/// Whether the key of a mention may sign one of these kinds of events for that name, at that place; of one whose kind is known that
/// alone. When witnesses saw it is not known of what is not shown: a key that counts until some time is taken to count.
pub(crate) fn may_sign(
    requirements: &Requirements,
    kinds: &[EventKind],
    name: &ModelName,
    (log, mention, kind): (&Origin, &Mention, Option<EventKind>),
) -> bool {
    let Some(key) = requirements.key(&mention.key_id()) else { return false };
    let may = |kind| {
        let mut admitting = requirements.publishers_for(name, key, Right::Event(kind));
        admitting.any(|publisher| publisher.may_count_at(log, mention.index().get()))
    };
    kinds.iter().copied().filter(|one| kind.is_none_or(|kind| kind == *one)).any(may)
}

/// Whether the key of a mention may withdraw anything, at that place: what counts about a thing of which nobody says what it is called.
pub(crate) fn may_revoke(
    requirements: &Requirements,
    (log, mention, kind): (&Origin, &Mention, Option<EventKind>),
) -> bool {
    if kind.is_some_and(|kind| kind != EventKind::Revoke) {
        return false;
    }
    let has_key = |key: &PublicKey| key.key_id() == mention.key_id();
    let right = Right::Event(EventKind::Revoke);
    requirements.publishers().iter().any(|publisher| {
        publisher.keys().iter().any(has_key)
            && publisher.may().is_none_or(|may| may.contains(&right))
            && publisher.may_count_at(log, mention.index().get())
    })
}

fn age(now: u64, signed: u64) -> Option<u64> {
    (signed <= now.saturating_add(MAX_AHEAD)).then(|| now.saturating_sub(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_from_the_future_has_no_age() {
        assert_eq!((age(1000, 400), age(1000, 1000)), (Some(600), Some(0)));
        assert_eq!((age(1000, 1000 + MAX_AHEAD), age(1000, 1001 + MAX_AHEAD)), (Some(0), None));
        assert_eq!(age(u64::MAX, u64::MAX), Some(0));
    }
}
