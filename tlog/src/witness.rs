//! add-checkpoint: a log asks a witness to cosign (c2sp.org/tlog-witness v1.0.0). The wire only.
//!
//! ```text
//! request                                             answer 200
//!   old 2                                               — witness.example.org/w1 88CAtgAAAABlU/EA…
//!   Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=
//!                                                     answer 409, text/x.tlog.size
//!   log.example.org/models                              2
//!   3
//!   Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
//!
//!   — log.example.org/models PTFwEqS8b089h0CM…
//! ```
//!
//! A witness answers, in this order: 400 if [`AddCheckpointRequest::parse`] refuses; 404 for an unknown origin; 403 if
//! the log's signature is missing or bad; 409 with a [`WitnessedSize`] if the old size is not the one it last cosigned;
//! 422 if the consistency proof does not hold, or is not empty where the old size is 0; 200 with an
//! [`AddCheckpointResponse`].
//!
//! In scope: these three texts. Out of scope: HTTP, what a witness remembers, and sign-subtree, which needs ML-DSA-44.

use std::fmt;
use std::str::FromStr;

use merkle::{ConsistencyProof, Hash, TreeSize};
use thiserror::Error;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::signature_line::{NoteSignature, SignatureLineError};
use crate::text::{
    MAX_NOTE_BYTES, MAX_PROOF_LINES, MAX_SIGNATURE_LINES, TextError, encode_base64, hash, lines, plain,
    tree_size,
};

/// Largest request or answer that is read, in bytes.
pub const MAX_BODY_BYTES: usize = MAX_NOTE_BYTES;

/// Largest request that should be sent, in bytes: the witness that most others are modelled on reads no more. Send the log's
/// own signatures only, not everybody's cosignatures.
pub const MAX_SENT_BYTES: usize = 16 * 1024;

/// The body of an add-checkpoint request as received: nobody has verified the checkpoint or the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpointRequest {
    old: TreeSize,
    proof: ConsistencyProof,
    checkpoint: SignedCheckpoint,
}

/// Bytes that are no add-checkpoint request; a witness answers 400, with the exception that
/// [`AddCheckpointRequestError::is_root_of_empty_tree`] tells.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddCheckpointRequestError {
    /// What follows the empty line is no checkpoint.
    #[error("checkpoint of the request is refused")]
    Checkpoint {
        /// Why.
        #[from]
        source: CheckpointError,
    },
    /// A hash line is refused.
    #[error("hash {position} of the consistency proof is refused")]
    Hash {
        /// Which, counted from 0.
        position: usize,
        /// What the reader saw.
        source: TextError,
    },
    /// No empty line, so there is no checkpoint.
    #[error("request has no empty line before its checkpoint")]
    NoEmptyLine,
    /// The first line does not start with `old` and a space.
    #[error("request does not start with the old size")]
    NoOldSize,
    /// The old size is above that of the checkpoint.
    #[error("old size {old} is above the checkpoint's {new}")]
    OldAboveNew {
        /// The old size.
        old: TreeSize,
        /// The size in the checkpoint.
        new: TreeSize,
    },
    /// The old size is refused.
    #[error("old size is refused")]
    OldSize {
        /// What the reader saw.
        source: TextError,
    },
    /// Not plain text.
    #[error("request is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// More than [`MAX_BODY_BYTES`].
    #[error("request of {seen} bytes is above {MAX_BODY_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// More than [`MAX_PROOF_LINES`].
    #[error("consistency proof has {seen} hashes, above {MAX_PROOF_LINES}")]
    TooManyHashes {
        /// The number of hash lines.
        seen: usize,
    },
}

impl AddCheckpointRequestError {
    /// Whether the one fault is a checkpoint of size 0 with another root than that of the empty tree, which the
    /// specification answers with 422 instead of 400.
    #[must_use]
    pub const fn is_root_of_empty_tree(&self) -> bool {
        matches!(
            self,
            Self::Checkpoint {
                source: CheckpointError::Head { source: merkle::HeadError::EmptyTreeRoot { .. } }
            }
        )
    }
}

impl AddCheckpointRequest {
    /// Puts a request together. Nothing is verified.
    ///
    /// # Errors
    ///
    /// * [`AddCheckpointRequestError::OldAboveNew`] if the tree would shrink;
    /// * [`AddCheckpointRequestError::TooManyHashes`] if the proof has more than [`MAX_PROOF_LINES`] hashes;
    /// * [`AddCheckpointRequestError::TooLong`] if the request would be above [`MAX_BODY_BYTES`].
    pub fn new(
        old: TreeSize,
        proof: ConsistencyProof,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, AddCheckpointRequestError> {
        let request = Self::checked(old, proof, checkpoint)?;
        match request.to_bytes().len() {
            seen if seen > MAX_BODY_BYTES => Err(AddCheckpointRequestError::TooLong { seen }),
            _ => Ok(request),
        }
    }

    fn checked(
        old: TreeSize,
        proof: ConsistencyProof,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, AddCheckpointRequestError> {
        let new = checkpoint.unverified().head().size();
        if old > new {
            return Err(AddCheckpointRequestError::OldAboveNew { old, new });
        }
        match proof.hashes().len() {
            seen if seen > MAX_PROOF_LINES => Err(AddCheckpointRequestError::TooManyHashes { seen }),
            _ => Ok(Self { old, proof, checkpoint }),
        }
    }

    /// Takes a request apart. See the module for the format.
    ///
    /// # Errors
    ///
    /// * [`AddCheckpointRequestError::TooLong`], [`AddCheckpointRequestError::Text`],
    ///   [`AddCheckpointRequestError::NoEmptyLine`] for the text as a whole;
    /// * [`AddCheckpointRequestError::Checkpoint`] for what follows the empty line;
    /// * any other variant for the line or the limit that it names.
    pub fn parse(bytes: &[u8]) -> Result<Self, AddCheckpointRequestError> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(AddCheckpointRequestError::TooLong { seen: bytes.len() });
        }
        // The first empty line: the checkpoint below has one of its own.
        let (above, checkpoint) =
            plain(bytes)?.split_once("\n\n").ok_or(AddCheckpointRequestError::NoEmptyLine)?;
        let mut lines = above.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = tree_size(old.ok_or(AddCheckpointRequestError::NoOldSize)?)
            .map_err(|source| AddCheckpointRequestError::OldSize { source })?;
        let hashes: Vec<&str> = lines.collect();
        let too_many = AddCheckpointRequestError::TooManyHashes { seen: hashes.len() };
        if hashes.len() > MAX_PROOF_LINES {
            return Err(too_many);
        }
        let hashes: Vec<Hash> = hashes
            .into_iter()
            .enumerate()
            .map(|(position, line)| {
                hash(line).map_err(|source| AddCheckpointRequestError::Hash { position, source })
            })
            .collect::<Result<_, _>>()?;
        let proof = ConsistencyProof::new(hashes).map_err(|_| too_many)?;
        Self::checked(old, proof, SignedCheckpoint::parse(checkpoint.as_bytes())?)
    }

    /// Writes the request. [`AddCheckpointRequest::parse`] reads it back, and gives these bytes for those it read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        for hash in self.proof.hashes() {
            text.push_str(&encode_base64(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.checkpoint.as_bytes());
        bytes
    }

    /// The size from which the proof leads, 0 if the log thinks that the witness has seen nothing.
    #[must_use]
    pub const fn old(&self) -> TreeSize {
        self.old
    }

    /// The proof from the old size to the checkpoint's. Where the old size is 0 it has to be empty, and there is nothing to
    /// verify: a witness has to ask for that before it calls [`ConsistencyProof::verify`], which refuses size 0.
    #[must_use]
    pub const fn proof(&self) -> &ConsistencyProof {
        &self.proof
    }

    /// The checkpoint to be cosigned; nobody has verified it.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

/// The body of a 200 answer: one signature line or more, as received. Verify each with [`crate::cosignature::verify`]
/// before keeping it, and pass over those of unknown keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpointResponse {
    signatures: Vec<NoteSignature>,
}

/// Bytes that are no answer to add-checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddCheckpointResponseError {
    /// There is no signature line at all.
    #[error("answer has no signature line")]
    Empty,
    /// A line is no signature line.
    #[error("line {line} of the answer is refused")]
    Signature {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        source: SignatureLineError,
    },
    /// Not plain text, or cut short.
    #[error("answer is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// More than [`MAX_BODY_BYTES`].
    #[error("answer of {seen} bytes is above {MAX_BODY_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// More than [`MAX_SIGNATURE_LINES`].
    #[error("answer has {seen} signature lines, above {MAX_SIGNATURE_LINES}")]
    TooManySignatures {
        /// The number of lines.
        seen: usize,
    },
}

impl AddCheckpointResponse {
    /// Puts an answer together.
    ///
    /// # Errors
    ///
    /// [`AddCheckpointResponseError::Empty`], [`AddCheckpointResponseError::TooManySignatures`],
    /// [`AddCheckpointResponseError::TooLong`] unless the lines are 1 to [`MAX_SIGNATURE_LINES`] and fit.
    pub fn new(signatures: Vec<NoteSignature>) -> Result<Self, AddCheckpointResponseError> {
        if signatures.is_empty() {
            return Err(AddCheckpointResponseError::Empty);
        }
        Self::parse(&Self { signatures }.to_bytes())
    }

    /// Takes an answer apart.
    ///
    /// # Errors
    ///
    /// * [`AddCheckpointResponseError::Empty`], [`AddCheckpointResponseError::TooLong`],
    ///   [`AddCheckpointResponseError::TooManySignatures`] if there is nothing or too much;
    /// * [`AddCheckpointResponseError::Text`] if it is not plain text that ends in a line feed;
    /// * [`AddCheckpointResponseError::Signature`] at the first line that is no signature line.
    pub fn parse(bytes: &[u8]) -> Result<Self, AddCheckpointResponseError> {
        if bytes.is_empty() {
            return Err(AddCheckpointResponseError::Empty);
        }
        if bytes.len() > MAX_BODY_BYTES {
            return Err(AddCheckpointResponseError::TooLong { seen: bytes.len() });
        }
        let text = plain(bytes)?;
        let seen = lines(text)?.count();
        if seen > MAX_SIGNATURE_LINES {
            return Err(AddCheckpointResponseError::TooManySignatures { seen });
        }
        let signatures = lines(text)?
            .zip(1..)
            .map(|(text, line)| {
                text.parse().map_err(|source| AddCheckpointResponseError::Signature { line, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { signatures })
    }

    /// The signature lines, at least one.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Writes the answer, each line with its line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.signatures.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }
}

/// The body of a 409 answer: the size of the tree that the witness cosigned last, `<decimal>\n`.
///
/// A log that holds fewer leaves than this has lost data, and must stop signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessedSize(TreeSize);

impl WitnessedSize {
    /// `Content-Type` of the answer.
    pub const MEDIA_TYPE: &str = "text/x.tlog.size";

    /// Takes a size for an answer.
    #[must_use]
    pub const fn new(size: TreeSize) -> Self {
        Self(size)
    }

    /// The size.
    #[must_use]
    pub const fn get(self) -> TreeSize {
        self.0
    }
}

impl FromStr for WitnessedSize {
    type Err = TextError;

    fn from_str(body: &str) -> Result<Self, TextError> {
        tree_size(body.strip_suffix('\n').ok_or(TextError::NoFinalNewline)?).map(Self)
    }
}

/// Writes the body with its line feed.
impl fmt::Display for WitnessedSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}
