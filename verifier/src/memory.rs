//! What was verified before: so that nobody goes back unnoticed.
//!
//! Follows spec/memory.md. A [`Memory`] has, for each log, the newest tree head that a verified model came with, and for each
//! name in each log the newest release that was verified, with the newest head its bundle file had. Three things are held
//! against it:
//!
//! * a log that signed another tree of a size that was seen: it shows different people different things;
//! * a release that stands before one of the same name that was verified already, unless the caller names its version;
//! * a bundle file that is older than one that was verified for that name: what was said since may be missing from it.
//!
//! A version label has no order, so what is newer is what stands later in the log.
//!
//! A memory is a value. It is given to a [`Question`](crate::Question), and a new one is made from what was verified
//! ([`Memory::remembering`]); a refusal makes none. Where it is kept is for [`load`](crate::load) to say.

mod file;

use std::collections::BTreeMap;

use attest::model_name::{ModelName, VersionLabel};
use attest::tree::TreeDigest;
use merkle::TreeHead;
use tlog::checkpoint::Origin;

pub use self::file::MemoryError;
use crate::contents::VerifiedModel;
use crate::custody::Testimony;
use crate::failure::Failure;
use crate::logged::LoggedStatement;
use crate::requirements::Expectation;

/// Most logs that are remembered.
pub const MAX_LOGS: usize = 1024;

/// Most releases that are remembered: one for each name in each log.
pub const MAX_RELEASES: usize = 1 << 15;

/// Longest memory as a file, in bytes.
pub const MAX_MEMORY_BYTES: usize = 32 << 20;

/// What was verified before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    logs: BTreeMap<String, TreeHead>,
    releases: BTreeMap<(ModelName, String), Release>,
}

/// The newest release of a name in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    version: VersionLabel,
    tree: TreeDigest,
    index: u64,
    head: TreeHead,
}

/// What a verification came upon: a release, and the heads of logs.
pub(crate) struct Seen<'a> {
    provenance: &'a LoggedStatement,
    heads: Vec<(&'a Origin, TreeHead)>,
}

impl<'a> Seen<'a> {
    /// What the statement and those about the same model came with.
    pub(crate) fn of(
        provenance: &'a LoggedStatement,
        testimonies: impl Iterator<Item = &'a Testimony>,
    ) -> Self {
        let logged = [provenance].into_iter().chain(testimonies.map(Testimony::logged));
        let heads = logged.map(|logged| (logged.origin(), logged.position().head())).collect();
        Self { provenance, heads }
    }

    /// The largest tree of the provenance's own log. There is one: the provenance's.
    fn newest(&self) -> TreeHead {
        let log = self.provenance.origin();
        let own = self.heads.iter().filter(|(origin, _)| *origin == log).map(|(_, head)| *head);
        own.max_by_key(TreeHead::size).unwrap_or_else(|| self.provenance.position().head())
    }

    /// Two trees of one size among them. Needs no memory.
    pub(crate) fn fork(&self) -> Option<Failure> {
        let mut known = BTreeMap::new();
        self.heads.iter().find_map(|(origin, head)| {
            let first = known.entry((origin.as_str(), head.size())).or_insert(*head);
            forked(origin, *first, *head)
        })
    }
}

fn forked(origin: &Origin, seen: TreeHead, found: TreeHead) -> Option<Failure> {
    let is_fork = seen.size() == found.size() && seen.root() != found.root();
    let (size, seen, found) = (seen.size().get(), seen.root(), found.root());
    is_fork.then(|| Failure::LogForked { origin: origin.clone(), size, seen, found })
}

impl Memory {
    /// Nothing was verified yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { logs: BTreeMap::new(), releases: BTreeMap::new() }
    }

    /// The newest release of that name in that log.
    #[must_use]
    pub fn release(&self, name: &ModelName, log: &str) -> Option<&Release> {
        self.releases.get(&(name.clone(), log.to_owned()))
    }

    /// The newest head of that log.
    #[must_use]
    pub fn head(&self, log: &str) -> Option<TreeHead> {
        self.logs.get(log).copied()
    }

    /// What speaks against what was seen now.
    pub(crate) fn against(&self, seen: &Seen<'_>, expectation: &Expectation) -> Vec<Failure> {
        let mut against: Vec<Failure> =
            seen.heads.iter().filter_map(|(origin, head)| self.forked(origin, *head)).take(1).collect();
        let statement = seen.provenance.signed().statement();
        let log = seen.provenance.origin();
        let Some(release) = self.release(statement.name(), log.as_str()) else { return against };
        // Whoever names the version wants that one, and has it.
        if expectation.version().is_some() {
            return against;
        }
        let index = seen.provenance.position().index();
        if index < release.index && statement.tree_digest() != release.tree {
            against.push(Failure::ReleaseOlder {
                found: format!("{}:{} at entry {index}", statement.name(), statement.version()),
                seen: format!("{}:{} at entry {}", statement.name(), release.version, release.index),
                log: log.clone(),
            });
        }
        let (found, known) = (seen.newest().size().get(), release.head.size().get());
        if found < known {
            against.push(Failure::CheckpointOlder { log: log.clone(), found, seen: known });
        }
        against
    }

    fn forked(&self, origin: &Origin, found: TreeHead) -> Option<Failure> {
        let releases = self.releases.iter().filter(|((_, log), _)| log == origin.as_str());
        let known = self.head(origin.as_str()).into_iter().chain(releases.map(|(_, release)| release.head));
        known.into_iter().find_map(|seen| forked(origin, seen, found))
    }

    /// The memory after that model was verified: nothing in it goes back.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Full`]: forgetting something would let somebody go back to it.
    pub fn remembering(&self, model: &VerifiedModel) -> Result<Self, MemoryError> {
        let seen = model.seen();
        let mut next = self.clone();
        for (origin, head) in &seen.heads {
            let known = next.logs.entry(origin.as_str().to_owned()).or_insert(*head);
            if head.size() > known.size() {
                *known = *head;
            }
        }
        let (statement, newest) = (seen.provenance.signed().statement(), seen.newest());
        let (version, tree) = (statement.version().clone(), statement.tree_digest());
        let index = seen.provenance.position().index();
        let key = (statement.name().clone(), seen.provenance.origin().as_str().to_owned());
        let release = Release { version, tree, index, head: newest };
        let known = next.releases.entry(key).or_insert_with(|| release.clone());
        let head = if newest.size() > known.head.size() { newest } else { known.head };
        if release.index > known.index {
            *known = release;
        }
        known.head = head;
        if next.logs.len() > MAX_LOGS || next.releases.len() > MAX_RELEASES {
            return Err(MemoryError::Full);
        }
        Ok(next)
    }
}

impl Release {
    /// What its publisher calls it.
    #[must_use]
    pub const fn version(&self) -> &VersionLabel {
        &self.version
    }

    /// What it is.
    #[must_use]
    pub const fn tree(&self) -> TreeDigest {
        self.tree
    }

    /// Where it stands in the log.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The newest head that a bundle file about the name came with.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }
}
