use core::fmt;

use tlog::checkpoint::CheckpointError;
use tlog::text::TextError;

use crate::json::{FieldError, JsonError, JsonPath};

/// Why some bytes are not a `TransparencyLogEntry` of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogEntryError {
    /// The checkpoint is malformed.
    #[error("checkpoint of the log entry does not parse")]
    Checkpoint {
        /// Why.
        #[source]
        source: CheckpointError,
    },
    /// What the format says twice is said in two ways.
    #[error("{repeated} differs from what checkpoint and inclusion proof say")]
    Disagrees {
        /// What is said twice.
        repeated: Repeated,
    },
    /// More bytes than an entry may have.
    #[error("entry of {len} bytes, want at most {max}", max = crate::entry::MAX_ENTRY_BYTES)]
    EntryLength {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A known member is missing or of another type, or an unknown one is there.
    #[error("log entry has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// A time, about which our logs make no claim.
    #[error("integrated time {seen}, want 0")]
    IntegratedTime {
        /// The time seen, in seconds since 1970.
        seen: u64,
    },
    /// Not JSON as we read it.
    #[error("log entry is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// The inclusion proof is malformed.
    #[error("inclusion proof of the log entry does not parse")]
    Proof {
        /// Why.
        #[source]
        source: merkle::ProofError,
    },
    /// A log proof with extra data, which this format has no place for.
    #[error("extra data in the log proof, want none")]
    ProofExtra,
    /// A number, a hash or base64 that is not in its one spelling.
    #[error("{path} does not parse")]
    Text {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: TextError,
    },
    /// An entry of another kind, of another log for example.
    #[error(
        "entry of kind {kind:?} {version:?}, want {:?} {:?}",
        crate::types::ENTRY_KIND,
        crate::types::ENTRY_KIND_VERSION
    )]
    UnknownKind {
        /// The kind seen, at most 64 characters of it.
        kind: String,
        /// The version seen, at most 64 characters of it.
        version: String,
    },
}

/// What a `TransparencyLogEntry` says a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeated {
    /// `logId`: the key that signed the checkpoint.
    LogId,
    /// `logIndex`, outside and inside `inclusionProof`.
    LogIndex,
    /// `rootHash`, also in the checkpoint.
    RootHash,
    /// `treeSize`, also in the checkpoint.
    TreeSize,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogId => "log id",
            Self::LogIndex => "log index",
            Self::RootHash => "root hash",
            Self::TreeSize => "tree size",
        })
    }
}
