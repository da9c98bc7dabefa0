//! Statuses: what a log says a map of its entries amounts to, at one size of its tree and one time, as the text of a note.
//!
//! ```text
//! tallymark-status/v1                            so that it is no checkpoint, whatever the log is called
//! log.example.org/models                         origin, 1 to 255 bytes
//! 3                                              tree size, decimal, 0 to 2^63-1
//! Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=   root hash of the tree, base64 of 32 bytes
//! AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=   root of the map of the entries below the size
//! 1795737600                                     when, POSIX seconds
//!
//! — log.example.org/models PTFwEqS8b089h0CM…     the log's signature, by the key that signs its checkpoints
//! ```
//!
//! No text is a status and a checkpoint: the third line of a checkpoint is a hash, which is no decimal number.
//!
//! In scope: the text, opening a status with the log's key. Out of scope: what the map holds, which is the log's own; whether
//! the map is that of these entries, which whoever has the entries can see; witnesses, who confirm the checkpoint of the same
//! tree.

use std::fmt;
use std::str::FromStr;

use merkle::{Hash, HeadError, TreeHead};
use thiserror::Error;

use crate::checkpoint::{CheckpointOpenError, Origin, OriginError};
use crate::note::{Note, NoteError};
use crate::policy::{Policy, PolicyLog, PolicyOpenError};
use crate::text::{TextError, decimal, encode_base64, hash, lines, plain, tree_size};
use crate::vkey::{KeyAlgorithm, Vkey};

/// First line of every status.
const HEADER: &str = "tallymark-status/v1";

/// The text of a status, taken apart. Who signed it, if anybody, is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    origin: Origin,
    head: TreeHead,
    map: Hash,
    time: u64,
}

/// Bytes that are no status.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusError {
    /// Size and root cannot belong to one tree: only the empty tree has the hash of nothing for a root.
    #[error("size and root do not go together")]
    Head {
        /// Which of the two ways.
        #[from]
        source: HeadError,
    },
    /// Another first line, of another version perhaps.
    #[error("first line is not {HEADER}")]
    Header,
    /// Another number of lines than six.
    #[error("status has {seen} lines, not 6")]
    LineCount {
        /// The number of lines.
        seen: usize,
    },
    /// The line with the root of the map is refused.
    #[error("root of the map is refused")]
    Map {
        /// What the reader saw.
        source: TextError,
    },
    /// The envelope is no note.
    #[error("status is no signed note")]
    Note {
        /// Why.
        #[from]
        source: NoteError,
    },
    /// The line with the origin is refused.
    #[error("origin is refused")]
    Origin {
        /// Why.
        #[from]
        source: OriginError,
    },
    /// The line with the root of the tree is refused.
    #[error("root hash is refused")]
    Root {
        /// What the reader saw.
        source: TextError,
    },
    /// The line with the tree size is refused.
    #[error("tree size is refused")]
    Size {
        /// What the reader saw.
        source: TextError,
    },
    /// Not plain text, or cut short.
    #[error("status is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// The line with the time is refused.
    #[error("time is refused")]
    Time {
        /// What the reader saw.
        source: TextError,
    },
}

impl Status {
    /// Says that the entries of the tree of `head` have a map with the root `map`, at `time` in POSIX seconds.
    #[must_use]
    pub const fn new(origin: Origin, head: TreeHead, map: Hash, time: u64) -> Self {
        Self { origin, head, map, time }
    }

    /// Takes the text of a status apart: the lines above the empty line, with the last line feed.
    ///
    /// # Errors
    ///
    /// * [`StatusError::Text`] if it is not plain text that ends in a line feed;
    /// * [`StatusError::Header`], [`StatusError::LineCount`] if it is not of this make;
    /// * [`StatusError::Origin`], [`StatusError::Size`], [`StatusError::Root`], [`StatusError::Map`],
    ///   [`StatusError::Time`] for the line they name;
    /// * [`StatusError::Head`] if size 0 has another root than the empty tree, or another size has that root.
    pub fn parse(text: &str) -> Result<Self, StatusError> {
        let lines: Vec<&str> = lines(plain(text.as_bytes())?)?.collect();
        if lines.first() != Some(&HEADER) {
            return Err(StatusError::Header);
        }
        let [_, origin, size, root, map, time] = lines[..] else {
            return Err(StatusError::LineCount { seen: lines.len() });
        };
        let origin = origin.parse()?;
        let size = tree_size(size).map_err(|source| StatusError::Size { source })?;
        let root = hash(root).map_err(|source| StatusError::Root { source })?;
        let map = hash(map).map_err(|source| StatusError::Map { source })?;
        let time = decimal(time).map_err(|source| StatusError::Time { source })?;
        Ok(Self { origin, head: TreeHead::new(size, root)?, map, time })
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Size and root of the tree whose entries are in the map.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The root of the map.
    #[must_use]
    pub const fn map(&self) -> &Hash {
        &self.map
    }

    /// When the log says that it signed, in POSIX seconds.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }
}

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        Self::parse(text)
    }
}

/// Writes the note text, its last line feed included.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (root, map) = (encode_base64(self.head.root().as_bytes()), encode_base64(self.map.as_bytes()));
        let (origin, size, time) = (&self.origin, self.head.size(), self.time);
        write!(f, "{HEADER}\n{origin}\n{size}\n{root}\n{map}\n{time}\n")
    }
}

/// A status with signature lines, as received: nobody has verified one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatus {
    note: Note,
    status: Status,
}

impl SignedStatus {
    /// Takes a signed status apart.
    ///
    /// # Errors
    ///
    /// [`StatusError::Note`] if it is no note, otherwise as [`Status::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusError> {
        let note = Note::parse(bytes)?;
        let status = Status::parse(note.text())?;
        Ok(Self { note, status })
    }

    /// What the text says. Nobody has verified that its log said so.
    #[must_use]
    pub const fn unverified(&self) -> &Status {
        &self.status
    }

    /// The envelope.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The signed status exactly as it was parsed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.note.as_bytes()
    }

    /// Verifies the log's signature. The key's name has to equal the origin.
    ///
    /// # Errors
    ///
    /// As [`SignedStatus::open_with`].
    pub fn open(&self, log: &Vkey) -> Result<VerifiedStatus, CheckpointOpenError> {
        self.open_with(&[log])
    }

    /// Verifies the signatures of a log that has several keys. One of them has to have signed; the name of each has to equal
    /// the origin.
    ///
    /// # Errors
    ///
    /// * [`CheckpointOpenError::Algorithm`] if a key signs anything but note texts;
    /// * [`CheckpointOpenError::OtherOrigin`] if the status is another log's;
    /// * [`CheckpointOpenError::Signature`] if the log's signature is missing or does not fit.
    pub fn open_with(&self, log: &[&Vkey]) -> Result<VerifiedStatus, CheckpointOpenError> {
        let seen = &self.status.origin;
        if let Some(key) = log.iter().find(|key| key.name().as_str() != seen.as_str()) {
            return Err(CheckpointOpenError::OtherOrigin { seen: seen.clone(), wanted: key.name().into() });
        }
        if let Some(key) = log.iter().find(|key| key.algorithm() != KeyAlgorithm::Ed25519) {
            return Err(CheckpointOpenError::Algorithm { name: key.name().clone(), seen: key.algorithm() });
        }
        self.note.open(log)?;
        Ok(VerifiedStatus { signed: self.clone() })
    }

    /// Verifies that a log of the policy signed, with a key that is listed for its origin.
    ///
    /// # Errors
    ///
    /// * [`PolicyOpenError::UnknownLog`] if no log has the origin;
    /// * [`PolicyOpenError::Checkpoint`] if none of its keys signed, or a signature of one does not fit.
    pub fn open_by(&self, policy: &Policy) -> Result<VerifiedStatus, PolicyOpenError> {
        let origin = &self.status.origin;
        let keys: Vec<&Vkey> = policy.logs_for_origin(origin).map(PolicyLog::vkey).collect();
        if keys.is_empty() {
            return Err(PolicyOpenError::UnknownLog { origin: origin.clone() });
        }
        Ok(self.open_with(&keys)?)
    }
}

/// A status that its log signed: made only by [`SignedStatus::open`] and its two siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedStatus {
    signed: SignedStatus,
}

impl VerifiedStatus {
    /// What the log signed.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.signed.status
    }

    /// The signed status exactly as it was parsed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use merkle::{EMPTY_MAP_ROOT, TreeSize};

    fn status(origin: &str) -> Status {
        let head = TreeHead::new(TreeSize::new(9).unwrap(), Hash::from_bytes([7; 32])).unwrap();
        Status::new(origin.parse().unwrap(), head, EMPTY_MAP_ROOT, 1_795_737_600)
    }

    #[test]
    fn what_is_written_is_read() {
        let status = status("log.example.org/models");
        assert_eq!(status.to_string().parse(), Ok(status));
    }

    #[test]
    fn no_text_is_a_status_and_a_checkpoint_whatever_the_log_is_called() {
        for origin in ["log.example.org/models", HEADER, "9", "AAAA"] {
            let status = status(origin);
            assert!(Checkpoint::parse(&status.to_string()).is_err(), "{origin}");
            let checkpoint = Checkpoint::new(status.origin().clone(), *status.head()).to_string();
            assert!(Status::parse(&checkpoint).is_err(), "{origin}");
            // With extension lines, so that it has as many.
            assert!(Status::parse(&format!("{checkpoint}x\ny\nz\n")).is_err(), "{origin}");
        }
    }
}
