//! Skeleton: proof of logging.
use crate::checkpoint::{CheckpointError, SignedCheckpoint, VerifiedCheckpoint};
use crate::cosignature::Cosignature;
use crate::policy::{Policy, PolicyOpenError, QuorumError};
use merkle::{InclusionProof, LeafHash, LeafIndex};
use thiserror::Error;
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    extra: Option<Vec<u8>>,
    inclusion: InclusionProof,
    checkpoint: SignedCheckpoint,
}
/// Malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogProofError {
    /// Checkpoint.
    #[error("checkpoint is refused")]
    Checkpoint {
        /// Why.
        #[from]
        source: CheckpointError,
    },
}
/// Does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Inclusion.
    #[error("inclusion proof is refused")]
    Inclusion {
        /// Why.
        source: merkle::ProofError,
    },
    /// Log.
    #[error("log is refused")]
    Log {
        /// Why.
        #[from]
        source: PolicyOpenError,
    },
    /// Quorum.
    #[error("quorum is not met")]
    Quorum {
        /// Why.
        #[from]
        source: QuorumError,
    },
}
/// Verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    index: LeafIndex,
    checkpoint: VerifiedCheckpoint,
    cosignatures: Vec<Cosignature>,
}
impl LogProof {
    /// Without extra data.
    #[must_use]
    pub const fn new(inclusion: InclusionProof, checkpoint: SignedCheckpoint) -> Self {
        Self { extra: None, inclusion, checkpoint }
    }
    /// Parses.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        let _ = bytes;
        todo!()
    }
    /// Inverse.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Unauthenticated extra data.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }
    /// Inclusion proof.
    #[must_use]
    pub const fn inclusion(&self) -> &InclusionProof {
        &self.inclusion
    }
    /// Checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
    /// Verifies.
    pub fn verify(&self, leaf: &LeafHash, policy: &Policy) -> Result<VerifiedProof, ProofError> {
        let _ = (leaf, policy);
        todo!()
    }
}
impl VerifiedProof {
    /// Index.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }
    /// Checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }
    /// Cosignatures.
    #[must_use]
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }
}
