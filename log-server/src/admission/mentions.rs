//! What the entries of a log mention, and what is shown of that: the one place where the status map meets entries.
//!
//! The register is made of all entries in their order, from the first one on. Nothing of it is stored.

use attest::digest::Sha256Digest;
use attest::status::{Mention, Register, RegisterError, Snapshot, SnapshotError, subject_key};
use merkle::{Map, TreeSize};
use thiserror::Error;
use tlog::checkpoint::SignedCheckpoint;
use tlog::status::SignedStatus;

pub use attest::status::{MAX_MENTIONS, STANDARD_MAX_MENTIONS};

/// All mentions of the first entries of a log.
#[derive(Debug)]
pub struct Mentions {
    register: Register,
}

/// What a snapshot is asked about: a digest of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject(Sha256Digest);

impl Subject {
    /// Reads 64 lower-case hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Mentions {
    /// None yet, and never more than `limit`.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { register: Register::new(limit) }
    }

    /// Takes the next entry of the log.
    ///
    /// # Errors
    /// [`MentionsError`].
    pub fn add(&mut self, entry: &[u8]) -> Result<(), MentionsError> {
        let index = self.register.size().get();
        let entry = super::parsed(entry).map_err(|_| MentionsError::NotAnEntry { index })?;
        Ok(self.register.add(entry.payload())?)
    }

    /// How many entries were taken.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.register.size()
    }

    /// How many mentions there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.register.mentions()
    }

    /// The map of all of them.
    #[must_use]
    pub const fn map(&self) -> &Map {
        self.register.map()
    }

    /// What the map of a status has for a subject, as one line of JSON without a line feed.
    ///
    /// # Errors
    /// [`MentionsError::TooMany`] if that cannot be shown.
    pub fn snapshot(
        &self,
        subject: Subject,
        map: &Map,
        status: &SignedStatus,
        checkpoint: Option<SignedCheckpoint>,
    ) -> Result<Vec<u8>, MentionsError> {
        let Subject(digest) = subject;
        let mentions: Vec<Mention> =
            self.register.mentions_of(&digest, status.unverified().head().size()).to_vec();
        let proof = map.prove(&subject_key(&digest));
        let snapshot = Snapshot::new(digest, mentions, proof, status.clone(), checkpoint);
        snapshot.map(|snapshot| snapshot.to_json_line()).map_err(|error| match error {
            SnapshotError::TooManyMentions { seen } => MentionsError::TooMany { seen },
            // They were collected in the order of their entries.
            _ => MentionsError::TooMany { seen: 0 },
        })
    }
}

/// Why mentions are not known, or not shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MentionsError {
    /// What is stored there is no entry.
    #[error("what is stored as entry {index} is no entry")]
    NotAnEntry {
        /// Its index.
        index: u64,
    },
    /// The register takes no more.
    #[error("the register of mentions takes nothing more")]
    Register {
        /// Why.
        #[from]
        source: RegisterError,
    },
    /// More than can be looked through.
    #[error("it was mentioned {seen} times, of which nobody can look through more than {MAX_MENTIONS}")]
    TooMany {
        /// How often.
        seen: usize,
    },
}
