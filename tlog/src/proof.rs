//! Proofs of logging: where an entry stands, and the checkpoint of a tree that has it (c2sp.org/tlog-proof).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>                                  optional, and nobody vouches for it
//! index 1                                         leaf index, decimal, from 0
//! 0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=    inclusion proof, at most 63 hashes,
//! Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=    from the leaf's sibling up to the root's child
//!
//! log.example.org/models                          the signed checkpoint, with its cosignatures
//! 3
//! Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
//!
//! — log.example.org/models PTFwEqS8b089h0CM…
//! ```
//!
//! Such a file is a signature: with a [`Policy`] it verifies without the log. Its name ends in `.tlog-proof`.
//!
//! In scope: the text, and verifying it for a leaf hash. Out of scope: computing the leaf hash, which is what binds the
//! proof to an entry; how old cosignatures may be.

use merkle::{Hash, InclusionProof, LeafHash, LeafIndex};
use thiserror::Error;

use crate::checkpoint::{CheckpointError, SignedCheckpoint, VerifiedCheckpoint};
use crate::cosignature::Cosignature;
use crate::error::ErrorClass;
use crate::policy::{Policy, PolicyOpenError, QuorumError};
use crate::text::{
    MAX_NOTE_BYTES, MAX_PROOF_LINES, TextError, decode_base64, encode_base64, hash, leaf_index, plain,
};

/// First line of every proof of logging.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Largest extra data in bytes. The specification sets no bound; the data that others put here is a nonce or a short proof.
pub const MAX_EXTRA_BYTES: usize = 32 * 1024;

/// Largest proof of logging in bytes: a checkpoint, 63 hashes of 44 characters and the extra data in base64 fit.
pub const MAX_LOG_PROOF_BYTES: usize = MAX_NOTE_BYTES + 64 * 1024;

/// A proof of logging as received: nobody has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    extra: Option<Vec<u8>>,
    inclusion: InclusionProof,
    checkpoint: SignedCheckpoint,
}

/// Bytes that are no proof of logging.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogProofError {
    /// What follows the empty line is no checkpoint.
    #[error("checkpoint of the proof is refused")]
    Checkpoint {
        /// Why.
        #[from]
        source: CheckpointError,
    },
    /// The extra data is not base64.
    #[error("extra data is refused")]
    Extra {
        /// What the reader saw.
        source: TextError,
    },
    /// An `extra` line without data; it would be left out.
    #[error("extra data is empty")]
    ExtraEmpty,
    /// More than [`MAX_EXTRA_BYTES`].
    #[error("extra data of {seen} bytes is above {MAX_EXTRA_BYTES}")]
    ExtraTooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// A hash line is refused.
    #[error("hash {position} of the inclusion proof is refused")]
    Hash {
        /// Which, counted from 0.
        position: usize,
        /// What the reader saw.
        source: TextError,
    },
    /// Another first line, of another version perhaps.
    #[error("first line is not {HEADER}")]
    Header,
    /// The leaf index is refused.
    #[error("leaf index is refused")]
    Index {
        /// What the reader saw.
        source: TextError,
    },
    /// No empty line, so there is no checkpoint.
    #[error("proof has no empty line before its checkpoint")]
    NoEmptyLine,
    /// No `index` line where one has to be.
    #[error("proof has no index line")]
    NoIndex,
    /// Not plain text.
    #[error("proof is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// More than [`MAX_LOG_PROOF_BYTES`].
    #[error("proof of {seen} bytes is above {MAX_LOG_PROOF_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// More than [`MAX_PROOF_LINES`].
    #[error("inclusion proof has {seen} hashes, above {MAX_PROOF_LINES}")]
    TooManyHashes {
        /// The number of hash lines.
        seen: usize,
    },
}

/// Why a proof of logging does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf hash is not at that index of the signed tree.
    #[error("inclusion proof does not hold")]
    Inclusion {
        /// Why.
        source: merkle::ProofError,
    },
    /// The checkpoint is not that of a known log.
    #[error("log of the proof is refused")]
    Log {
        /// Why.
        #[from]
        source: PolicyOpenError,
    },
    /// The checkpoint is not witnessed as the policy demands.
    #[error("witnesses of the proof are refused")]
    Quorum {
        /// Why.
        #[from]
        source: QuorumError,
    },
}

impl ProofError {
    /// Sorts the refusal.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Inclusion { .. } => ErrorClass::Mismatch,
            Self::Log { source } => source.class(),
            Self::Quorum { source } => source.class(),
        }
    }
}

impl LogProof {
    /// Puts a proof together, without extra data. Nothing is verified.
    #[must_use]
    pub const fn new(inclusion: InclusionProof, checkpoint: SignedCheckpoint) -> Self {
        Self { extra: None, inclusion, checkpoint }
    }

    /// The same proof with extra data.
    ///
    /// # Errors
    ///
    /// [`LogProofError::ExtraEmpty`], [`LogProofError::ExtraTooLong`] unless there are 1 to [`MAX_EXTRA_BYTES`] bytes.
    pub fn with_extra(self, extra: Vec<u8>) -> Result<Self, LogProofError> {
        match extra.len() {
            0 => Err(LogProofError::ExtraEmpty),
            1..=MAX_EXTRA_BYTES => Ok(Self { extra: Some(extra), ..self }),
            seen => Err(LogProofError::ExtraTooLong { seen }),
        }
    }

    /// Takes a proof apart. See the module for the format.
    ///
    /// # Errors
    ///
    /// * [`LogProofError::TooLong`], [`LogProofError::Text`], [`LogProofError::NoEmptyLine`] for the text as a whole;
    /// * [`LogProofError::Checkpoint`] for what follows the empty line;
    /// * any other variant for the line or the limit that it names.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        if bytes.len() > MAX_LOG_PROOF_BYTES {
            return Err(LogProofError::TooLong { seen: bytes.len() });
        }
        // The first empty line: the checkpoint below has one of its own.
        let (above, checkpoint) = plain(bytes)?.split_once("\n\n").ok_or(LogProofError::NoEmptyLine)?;
        let mut lines = above.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(LogProofError::Header);
        }
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(extra) => {
                lines.next();
                Some(decode_base64(extra).map_err(|source| LogProofError::Extra { source })?)
            }
            None => None,
        };
        let index =
            lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(LogProofError::NoIndex)?;
        let index = leaf_index(index).map_err(|source| LogProofError::Index { source })?;
        let hashes: Vec<Hash> = lines
            .enumerate()
            .map(|(position, line)| hash(line).map_err(|source| LogProofError::Hash { position, source }))
            .collect::<Result<_, _>>()?;
        let seen = hashes.len();
        let inclusion =
            InclusionProof::new(index, hashes).map_err(|_| LogProofError::TooManyHashes { seen })?;
        let proof = Self::new(inclusion, SignedCheckpoint::parse(checkpoint.as_bytes())?);
        match extra {
            Some(extra) => proof.with_extra(extra),
            None => Ok(proof),
        }
    }

    /// Writes the proof. [`LogProof::parse`] reads it back, and gives these bytes for those it read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", encode_base64(extra)));
        }
        text.push_str(&format!("index {}\n", self.inclusion.index()));
        for hash in self.inclusion.hashes() {
            text.push_str(&encode_base64(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.checkpoint.as_bytes());
        bytes
    }

    /// The extra data, 1 to [`MAX_EXTRA_BYTES`] bytes. **Nothing vouches for it**, even if the proof verifies.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Leaf index and hashes.
    #[must_use]
    pub const fn inclusion(&self) -> &InclusionProof {
        &self.inclusion
    }

    /// The checkpoint; nobody has verified it.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Verifies that a log of the policy has the leaf, and that the policy's quorum witnessed it:
    ///
    /// 1. the checkpoint is signed with a key that the policy lists for its origin;
    /// 2. the cosignatures of known witnesses verify and meet the quorum;
    /// 3. the inclusion proof leads from `leaf` to the root that was signed.
    ///
    /// `leaf` is computed by the caller from the entry it holds, never taken from beside the proof.
    ///
    /// # Errors
    ///
    /// [`ProofError::Log`], [`ProofError::Quorum`], [`ProofError::Inclusion`] for the three steps, in this order.
    pub fn verify(&self, leaf: &LeafHash, policy: &Policy) -> Result<VerifiedProof, ProofError> {
        let checkpoint = policy.open(&self.checkpoint)?;
        let cosignatures = policy.quorum_met(&self.checkpoint)?;
        self.inclusion.verify(leaf, checkpoint.head()).map_err(|source| ProofError::Inclusion { source })?;
        Ok(VerifiedProof { leaf: *leaf, index: self.inclusion.index(), checkpoint, cosignatures })
    }
}

/// A leaf that is in a log, as the log and the policy's quorum say: made only by [`LogProof::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    leaf: LeafHash,
    index: LeafIndex,
    checkpoint: VerifiedCheckpoint,
    cosignatures: Vec<Cosignature>,
}

impl VerifiedProof {
    /// The leaf that is logged.
    #[must_use]
    pub const fn leaf(&self) -> &LeafHash {
        &self.leaf
    }

    /// Where the leaf stands.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The checkpoint of the tree that has the leaf.
    #[must_use]
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// One verified cosignature for each known witness that cosigned.
    #[must_use]
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }
}
