//! Whether a checkpoint may become the latest: the checks of c2sp.org/tlog-witness that need what was cosigned before.
//!
//! In scope: the decision, from values. Out of scope: making it one step with writing it down, which is [`crate::recorder`]; the
//! checks before it, which are [`crate::request`].

use merkle::{ProofError, TreeSize};
use thiserror::Error;

use crate::durable::Latest;
use crate::request::Request;

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The old size is not that of the latest checkpoint. The log has to prove from there.
    #[error("old size {seen}, the latest that was cosigned is {latest}")]
    OldSize {
        /// What the request says.
        seen: TreeSize,
        /// What was cosigned last, 0 if nothing was.
        latest: TreeSize,
    },
    /// The proof does not lead from the one to the other, or the roots of one size differ.
    #[error("not consistent with what was cosigned: {source}")]
    Proof {
        /// Why.
        source: ProofError,
    },
    /// A proof from the empty tree, which needs none.
    #[error("{hashes} hashes in a proof from size 0, none wanted")]
    ProofFromNothing {
        /// How many.
        hashes: usize,
    },
}

impl Refusal {
    /// Whether the log signed two trees of one size: nobody else can have done that.
    #[must_use]
    pub const fn is_fork(&self) -> bool {
        matches!(self, Self::Proof { source: ProofError::SameSizeDifferentRoots { .. } })
    }
}

/// Decides about a request whose log signed it, against the latest checkpoint of that log.
///
/// # Errors
/// [`Refusal`], in the order of the specification.
pub fn decide(latest: Option<&Latest>, request: &Request) -> Result<(), Refusal> {
    let size = latest.map_or(TreeSize::ZERO, |latest| latest.head().size());
    if request.old() != size {
        return Err(Refusal::OldSize { seen: request.old(), latest: size });
    }
    match latest {
        // The empty tree is the beginning of every tree. That its root is the one it has, the type says.
        Some(latest) if size != TreeSize::ZERO => request
            .proof()
            .verify(latest.head(), request.checkpoint().unverified().head())
            .map_err(|source| Refusal::Proof { source }),
        _ if request.proof().hashes().is_empty() => Ok(()),
        _ => Err(Refusal::ProofFromNothing { hashes: request.proof().hashes().len() }),
    }
}
