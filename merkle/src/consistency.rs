//! Consistency proofs: the newer tree begins with exactly the leaves of the older.
//!
//! Building follows RFC 6962 §2.1.2, verification RFC 9162 §2.1.4.2.
//!
//! In scope: two trees of at least one leaf. Out of scope: the empty older tree. Every tree extends it and no proof is
//! needed, so a caller decides that case by itself (as a witness does for `old 0`) instead of having a verifier say yes
//! without having looked at anything.

use crate::error::{BuildError, ProofError};
use crate::hash::{Hash, node_hash};
use crate::node::NodeId;
use crate::subtree;
use crate::tree_head::{TreeHead, TreeSize};

/// The longest consistency proof: the height of a tree of [`crate::MAX_TREE_SIZE`] leaves, and the node to start from.
///
/// C2SP's texts carry at most 63 lines. That is enough up to a size of 2^62.
pub const MAX_CONSISTENCY_HASHES: usize = 64;

/// The hashes from which the roots of an older and of a newer tree can both be computed, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    hashes: Vec<Hash>,
}

impl ConsistencyProof {
    /// Takes a proof as received. Nothing is implied about its truth.
    ///
    /// # Errors
    ///
    /// [`ProofError::ProofTooLong`] if there are more than [`MAX_CONSISTENCY_HASHES`] hashes.
    pub fn new(hashes: Vec<Hash>) -> Result<Self, ProofError> {
        if hashes.len() <= MAX_CONSISTENCY_HASHES {
            Ok(Self { hashes })
        } else {
            Err(ProofError::ProofTooLong { seen: hashes.len(), limit: MAX_CONSISTENCY_HASHES })
        }
    }

    /// Collects the proof that the tree of the first `new` leaves extends the tree of the first `old` leaves. It is empty if
    /// the two are equal.
    ///
    /// `get` hands out the hash of a perfect node; it is asked only for nodes inside the newer tree, at most 126 times.
    ///
    /// # Errors
    ///
    /// * [`BuildError::OldTreeEmpty`] if `old` is 0;
    /// * [`BuildError::OldTreeLarger`] if `old > new`;
    /// * [`BuildError::Read`] if `get` fails.
    pub fn build<E>(
        old: TreeSize,
        new: TreeSize,
        mut get: impl FnMut(NodeId) -> Result<Hash, E>,
    ) -> Result<Self, BuildError<E>> {
        subtree::link(0, old.get(), new, &mut get).map(|hashes| Self { hashes })
    }

    /// For hashes that [`subtree::link`] collected, which are never too many.
    pub(crate) const fn built(hashes: Vec<Hash>) -> Self {
        Self { hashes }
    }

    /// The hashes, lowest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Establishes that the tree of `new` begins with the leaves of the tree of `old`.
    ///
    /// # Errors
    ///
    /// * [`ProofError::OldTreeEmpty`] if the old size is 0;
    /// * [`ProofError::OldTreeLarger`] if the old size is above the new;
    /// * [`ProofError::ProofLength`] if the sizes call for another number of hashes, and for none if they are equal;
    /// * [`ProofError::SameSizeDifferentRoots`] if the sizes are equal and the roots are not;
    /// * [`ProofError::OldRootMismatch`], [`ProofError::NewRootMismatch`] if the hashes lead to another root, in this order.
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
        let (old_size, new_size) = (old.size().get(), new.size().get());
        if old_size == 0 {
            return Err(ProofError::OldTreeEmpty);
        }
        if old_size > new_size {
            return Err(ProofError::OldTreeLarger { old: old_size, new: new.size() });
        }
        let wrong_length = || ProofError::ProofLength {
            seen: self.hashes.len(),
            wanted: subtree::link_length(0, old_size, new_size),
        };
        if old_size == new_size {
            return if !self.hashes.is_empty() {
                Err(wrong_length())
            } else if old.root() != new.root() {
                Err(ProofError::SameSizeDifferentRoots { size: old.size(), old: old.root(), new: new.root() })
            } else {
                Ok(())
            };
        }

        let mut hashes = self.hashes.iter();
        // An old tree whose size is a power of two is itself a node of the new tree: its root is where the proof starts, and
        // is left out of it.
        let seed =
            if old_size.is_power_of_two() { old.root() } else { *hashes.next().ok_or_else(wrong_length)? };
        // The last node of the old tree and that of the new, as an index within the level.
        let (mut node, mut last) = (old_size - 1, new_size - 1);
        while node & 1 == 1 {
            (node, last) = (node >> 1, last >> 1);
        }
        let (mut old_root, mut new_root) = (seed, seed);
        for hash in hashes {
            if last == 0 {
                return Err(wrong_length());
            }
            if node & 1 == 1 || node == last {
                old_root = node_hash(hash, &old_root);
                new_root = node_hash(hash, &new_root);
                while node & 1 == 0 && node != 0 {
                    (node, last) = (node >> 1, last >> 1);
                }
            } else {
                new_root = node_hash(&new_root, hash);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        if last != 0 {
            return Err(wrong_length());
        }
        if old_root != old.root() {
            return Err(ProofError::OldRootMismatch { seen: old_root, wanted: old.root() });
        }
        if new_root != new.root() {
            return Err(ProofError::NewRootMismatch { seen: new_root, wanted: new.root() });
        }
        Ok(())
    }
}
