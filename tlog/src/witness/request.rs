//! What a log sends.

use merkle::{ConsistencyProof, Hash, TreeSize};
use thiserror::Error;

use super::MAX_BODY_BYTES;
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::text::{MAX_PROOF_LINES, TextError, encode_base64, hash, plain, tree_size};

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
        let hashes: Vec<Hash> = lines
            .enumerate()
            .map(|(position, line)| {
                hash(line).map_err(|source| AddCheckpointRequestError::Hash { position, source })
            })
            .collect::<Result<_, _>>()?;
        let seen = hashes.len();
        let proof =
            ConsistencyProof::new(hashes).map_err(|_| AddCheckpointRequestError::TooManyHashes { seen })?;
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
