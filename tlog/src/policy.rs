//! Skeleton: policy.
use crate::checkpoint::{Origin, SignedCheckpoint, VerifiedCheckpoint};
use crate::cosignature::Cosignature;
use crate::vkey::Vkey;
use thiserror::Error;
/// 64 KiB.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
}
/// A `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    vkey: Vkey,
    url: Option<String>,
}
impl PolicyLog {
    /// Key.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        &self.vkey
    }
    /// URL.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}
/// A `witness` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    vkey: Vkey,
    url: Option<String>,
}
impl PolicyWitness {
    /// Key.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        &self.vkey
    }
    /// URL.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Skeleton.
    #[error("policy has no quorum line")]
    NoQuorum,
}
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// Skeleton.
    #[error("{seen} witnesses")]
    Insufficient {
        /// Seen.
        seen: usize,
    },
}
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyOpenError {
    /// The policy has no log of this origin.
    #[error("no log called {origin} in the policy")]
    UnknownLog {
        /// Seen.
        origin: Origin,
    },
}
impl Policy {
    /// Parses.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let _ = bytes;
        todo!()
    }
    /// Canonical form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Logs.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }
    /// First log with this origin.
    #[must_use]
    pub fn log_for_origin(&self, origin: &Origin) -> Option<&PolicyLog> {
        let _ = origin;
        todo!()
    }
    /// Witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }
    /// The log's signature by a key listed for the origin.
    pub fn open(&self, checkpoint: &SignedCheckpoint) -> Result<VerifiedCheckpoint, PolicyOpenError> {
        let _ = checkpoint;
        todo!()
    }
    /// Verified cosignatures, one per witness, if the quorum is met.
    pub fn quorum_met(&self, checkpoint: &SignedCheckpoint) -> Result<Vec<Cosignature>, QuorumError> {
        let _ = checkpoint;
        todo!()
    }
}
impl std::str::FromStr for Policy {
    type Err = PolicyError;
    fn from_str(s: &str) -> Result<Self, PolicyError> {
        Self::parse(s.as_bytes())
    }
}
impl std::fmt::Display for Policy {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
