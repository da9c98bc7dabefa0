//! Checkpoints: a tree head with the log's origin, as the text of a note (c2sp.org/tlog-checkpoint v1.0.0).
//!
//! ```text
//! log.example.org/models                         origin, 1 to 255 bytes
//! 3                                              tree size, decimal, 0 to 2^63-1
//! Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=   root hash, base64 of 32 bytes
//!                                                extension lines, if any, none of them empty
//!
//! — log.example.org/models PTFwEqS8b089h0CM…     the log's signature; cosignatures below it
//! ```
//!
//! Our log has its key name for an origin and writes no extension lines: no monitor can check them. Those of other logs
//! are read and kept, because Ed25519 signatures cover them.
//!
//! In scope: the text, opening a checkpoint with the log's key, signing one. Out of scope: whether two checkpoints are
//! consistent, which is [`merkle::ConsistencyProof`]; whether witnesses saw it, which is [`crate::policy`].

mod origin;
mod signer;

use std::fmt;
use std::str::FromStr;

use merkle::{HeadError, TreeHead};
use thiserror::Error;

pub use origin::{Origin, OriginError};
pub use signer::CheckpointSigner;

use crate::error::ErrorClass;
use crate::note::{Note, NoteError, NoteSignature, OpenError};
use crate::text::{TextError, encode_base64, hash, lines, plain, tree_size};
use crate::vkey::{KeyAlgorithm, KeyName, Vkey};

/// The text of a checkpoint, taken apart. Who signed it, if anybody, is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Origin,
    head: TreeHead,
    extensions: Vec<String>,
}

/// Bytes that are no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// An extension line without a byte in it.
    #[error("extension line {line} is empty")]
    EmptyExtension {
        /// The line, counted from 1 at the origin.
        line: usize,
    },
    /// Size and root cannot belong to one tree: only the empty tree has the hash of nothing for a root.
    #[error("size and root do not go together")]
    Head {
        /// Which of the two ways.
        #[from]
        source: HeadError,
    },
    /// Fewer than three lines.
    #[error("checkpoint has {seen} lines, fewer than 3")]
    MissingLine {
        /// The number of lines.
        seen: usize,
    },
    /// The envelope is no note.
    #[error("checkpoint is no signed note")]
    Note {
        /// Why.
        #[from]
        source: NoteError,
    },
    /// The first line is refused.
    #[error("origin is refused")]
    Origin {
        /// Why.
        #[from]
        source: OriginError,
    },
    /// The third line is refused.
    #[error("root hash is refused")]
    Root {
        /// What the reader saw.
        source: TextError,
    },
    /// The second line is refused.
    #[error("tree size is refused")]
    Size {
        /// What the reader saw.
        source: TextError,
    },
    /// Not plain text, or cut short.
    #[error("checkpoint is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
}

impl Checkpoint {
    /// A checkpoint without extension lines, the only kind a log of ours writes.
    #[must_use]
    pub const fn new(origin: Origin, head: TreeHead) -> Self {
        Self { origin, head, extensions: Vec::new() }
    }

    /// Takes the text of a checkpoint apart: the lines above the empty line, with the last line feed.
    ///
    /// # Errors
    ///
    /// * [`CheckpointError::Text`] if it is not plain text that ends in a line feed;
    /// * [`CheckpointError::MissingLine`], [`CheckpointError::Origin`], [`CheckpointError::Size`],
    ///   [`CheckpointError::Root`], [`CheckpointError::EmptyExtension`] for the line they name;
    /// * [`CheckpointError::Head`] if size 0 has another root than the empty tree, or another size has that root.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = lines(plain(text.as_bytes())?)?;
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::MissingLine { seen: text.lines().count() });
        };
        let origin = origin.parse()?;
        let size = tree_size(size).map_err(|source| CheckpointError::Size { source })?;
        let root = hash(root).map_err(|source| CheckpointError::Root { source })?;
        let head = TreeHead::new(size, root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        match extensions.iter().position(String::is_empty) {
            Some(position) => Err(CheckpointError::EmptyExtension { line: position + 4 }),
            None => Ok(Self { origin, head, extensions }),
        }
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Size and root of the tree.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The extension lines without their line feeds, none of them empty. Their meaning is the log's own.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        Self::parse(text)
    }
}

/// Writes the note text, its last line feed included.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = encode_base64(self.head.root().as_bytes());
        write!(f, "{}\n{}\n{root}\n", self.origin, self.head.size())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint with signature lines, as received: nobody has verified one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// Takes a signed checkpoint apart.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Note`] if it is no note, otherwise as [`Checkpoint::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::from_note(Note::parse(bytes)?)
    }

    fn from_note(note: Note) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { note, checkpoint })
    }

    /// The same checkpoint with more signature lines, cosignatures for example, below those it has.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Note`] if the note becomes too long.
    pub fn with_signatures(&self, more: &[NoteSignature]) -> Result<Self, CheckpointError> {
        Self::from_note(self.note.with_signatures(more)?)
    }

    /// What the text says. Nobody has verified that its log said so.
    #[must_use]
    pub const fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The envelope.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The signed checkpoint exactly as it was parsed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.note.as_bytes()
    }

    /// Verifies the log's signature. The key's name has to equal the origin.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::open_with`].
    pub fn open(&self, log: &Vkey) -> Result<VerifiedCheckpoint, CheckpointOpenError> {
        self.open_with(&[log])
    }

    /// Verifies the signatures of a log that has several keys, an old and a new one for example. One of them has to have
    /// signed; the name of each has to equal the origin.
    ///
    /// # Errors
    ///
    /// * [`CheckpointOpenError::Algorithm`] if a key signs anything but note texts;
    /// * [`CheckpointOpenError::OtherOrigin`] if the checkpoint is another log's;
    /// * [`CheckpointOpenError::Signature`] if the log's signature is missing or does not fit.
    pub fn open_with(&self, log: &[&Vkey]) -> Result<VerifiedCheckpoint, CheckpointOpenError> {
        let seen = &self.checkpoint.origin;
        if let Some(key) = log.iter().find(|key| key.name().as_str() != seen.as_str()) {
            return Err(CheckpointOpenError::OtherOrigin { seen: seen.clone(), wanted: key.name().into() });
        }
        self.signed_by(log)
    }

    /// Verifies the signatures of a log whose key is not called like its origin. `origin` says which log is meant.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::open_with`].
    pub fn open_foreign(
        &self,
        origin: &Origin,
        log: &[&Vkey],
    ) -> Result<VerifiedCheckpoint, CheckpointOpenError> {
        let seen = &self.checkpoint.origin;
        if seen != origin {
            return Err(CheckpointOpenError::OtherOrigin { seen: seen.clone(), wanted: origin.clone() });
        }
        self.signed_by(log)
    }

    fn signed_by(&self, log: &[&Vkey]) -> Result<VerifiedCheckpoint, CheckpointOpenError> {
        // A witness that is called like the log must not pass for it.
        if let Some(key) = log.iter().find(|key| key.algorithm() != KeyAlgorithm::Ed25519) {
            return Err(CheckpointOpenError::Algorithm { name: key.name().clone(), seen: key.algorithm() });
        }
        self.note.open(log)?;
        Ok(VerifiedCheckpoint { signed: self.clone() })
    }
}

/// Why a checkpoint is not believed to be the log's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointOpenError {
    /// A key that was given for the log's is for something else than note signatures.
    #[error("key of {name} is for {seen}, which does not make it the log's")]
    Algorithm {
        /// The key's name.
        name: KeyName,
        /// What the key is for.
        seen: KeyAlgorithm,
    },
    /// The checkpoint is of another log than the key.
    #[error("checkpoint of {seen}, wanted {wanted}")]
    OtherOrigin {
        /// The origin in the checkpoint.
        seen: Origin,
        /// The origin that the key speaks for.
        wanted: Origin,
    },
    /// The log's signature is missing or does not fit.
    #[error("checkpoint is not signed by its log")]
    Signature {
        /// Which of the two.
        #[from]
        source: OpenError,
    },
}

impl CheckpointOpenError {
    /// Sorts the refusal.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Algorithm { .. } => ErrorClass::Untrusted,
            Self::OtherOrigin { .. } => ErrorClass::Mismatch,
            Self::Signature { source } => source.class(),
        }
    }
}

/// A checkpoint that its log signed: made only by [`SignedCheckpoint::open`] and its two siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
}

impl VerifiedCheckpoint {
    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.signed.checkpoint.origin
    }

    /// Size and root, as the log signed them.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.signed.checkpoint.head
    }

    /// The text, taken apart.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.signed.checkpoint
    }

    /// The signed checkpoint, with all its signature lines; those of other keys than the log's are not verified.
    #[must_use]
    pub const fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }

    /// The signed checkpoint exactly as it was parsed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }
}
