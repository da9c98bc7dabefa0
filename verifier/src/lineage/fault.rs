use std::sync::Arc;

use attest::digest::Sha256Digest;

use super::{MAX_DEPTH, MAX_LINKS, MAX_NODES};
use crate::failure::Failure;
use crate::place::Place;
use crate::reason::Reason;

/// What is not known, or does not hold, at one place of a lineage.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It comes among its own ancestors.
    #[error("it was made from itself, says the chain of statements")]
    Cycle,
    /// Two verified statements tell different stories.
    #[error("{first} and {second} name different inputs")]
    Disagrees {
        /// One of them.
        first: Place,
        /// The other.
        second: Place,
    },
    /// Nobody whose word counts says where it came from.
    #[error("no statement says where it came from")]
    Missing,
    /// It has inputs, and the walk ends here.
    #[error("more than {MAX_DEPTH} links from the model")]
    TooDeep,
    /// The graph is full.
    #[error("a lineage of more than {MAX_NODES} things or {MAX_LINKS} links")]
    TooLarge,
    /// A dataset names a statement about how it was made.
    #[error("statement {statement}, which says how it was made, is not there")]
    TransformMissing {
        /// Digest of that statement.
        statement: Sha256Digest,
    },
    /// It is named, and no digest is shown.
    #[error("no digest says which it is")]
    Unpinned,
    /// There are statements, and none that verifies.
    #[error("statement at {place} does not verify")]
    Unverified {
        /// The one that came furthest.
        place: Place,
        /// Why it does not.
        source: Arc<Failure>,
    },
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Cycle => Reason::LineageCycle,
            Self::Disagrees { .. } => Reason::LineageDisagrees,
            Self::Missing | Self::TransformMissing { .. } => Reason::LineageMissing,
            Self::TooDeep => Reason::LineageTooDeep,
            Self::TooLarge => Reason::LineageTooLarge,
            Self::Unpinned => Reason::LineageUnpinned,
            Self::Unverified { .. } => Reason::LineageUnverified,
        }
    }

    /// Whether the walk ended before the graph did.
    pub(crate) const fn is_a_limit(&self) -> bool {
        matches!(self, Self::TooDeep | Self::TooLarge)
    }
}
