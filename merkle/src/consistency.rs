//! Consistency proofs: the newer tree begins with exactly the leaves of the older.
//!
//! Building follows RFC 6962 §2.1.2, verification RFC 9162 §2.1.4.2.
//!
//! In scope: two trees of at least one leaf. Out of scope: the empty older tree. Every tree extends it and no
//! proof is needed, so a caller decides that case by itself (as a witness does for `old 0`) instead of having
//! a verifier say yes without having looked at anything.

use core::ops::Range;

use crate::error::{BuildError, ProofError};
use crate::hash::{Hash, node_hash};
use crate::node::{NodeId, hash_of_range};
use crate::tree_head::{TreeHead, TreeSize};

/// The longest consistency proof: the height of a tree of [`crate::MAX_TREE_SIZE`] leaves, and the node to
/// start from.
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

    /// Collects the proof that the tree of the first `new` leaves extends the tree of the first `old` leaves.
    /// It is empty if the two are equal.
    ///
    /// `get` hands out the hash of a perfect node; it is asked only for nodes inside the newer tree, at most
    /// 126 times.
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
        link(0, old.get(), new, &mut get).map(|hashes| Self { hashes })
    }

    /// For hashes that [`link`] collected, which are never too many.
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
    /// * [`ProofError::ProofLength`] if the sizes call for another number of hashes, and for none if they are
    ///   equal;
    /// * [`ProofError::SameSizeDifferentRoots`] if the sizes are equal and the roots are not;
    /// * [`ProofError::OldRootMismatch`], [`ProofError::NewRootMismatch`] if the hashes lead to another root,
    ///   in this order.
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
            wanted: link_length(0, old_size, new_size),
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
        // An old tree whose size is a power of two is itself a node of the new tree: its root is where the
        // proof starts, and is left out of it.
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

/// Where a consistency proof stands on its way up: three nodes of one level, as indexes within it.
pub(crate) struct Position {
    /// The node over the first leaf of the subtree.
    pub(crate) first: u64,
    /// The node over the last leaf of the subtree.
    pub(crate) node: u64,
    /// The last node of the tree.
    pub(crate) last: u64,
    /// The height of the three over the leaves.
    level: u8,
}

impl Position {
    /// Goes up to the level at which the proof starts: that of the whole subtree if it is a node of the tree,
    /// otherwise that of the largest perfect node at its end. Precondition: `start < end <= size`.
    pub(crate) fn start(start: u64, end: u64, size: u64) -> Self {
        let mut at = Self { first: start, node: end - 1, last: size - 1, level: 0 };
        let at_end_of_tree = at.node == at.last;
        while at.first != at.node && (at_end_of_tree || at.node & 1 == 1) {
            at.up();
        }
        at
    }

    /// Goes up one level.
    pub(crate) fn up(&mut self) {
        (self.first, self.node, self.last) = (self.first >> 1, self.node >> 1, self.last >> 1);
        self.level += 1;
    }
}

/// Collects the hashes that link the subtree `[start, end)` to the tree of the first `size` leaves.
/// Precondition: `[start, end)` is a subtree.
pub(crate) fn link<E>(
    start: u64,
    end: u64,
    size: TreeSize,
    get: &mut impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<Vec<Hash>, BuildError<E>> {
    if start == end {
        return Err(BuildError::OldTreeEmpty);
    }
    if end > size.get() {
        return Err(BuildError::OldTreeLarger { old: end, new: size });
    }
    let mut hashes = Vec::new();
    for Range { start, end } in link_ranges(start, end, size.get()) {
        hashes.push(hash_of_range(start, end, get, |node, source| BuildError::Read { node, source })?);
    }
    Ok(hashes)
}

/// How many hashes [`link`] collects. Precondition: `start < end <= size`.
pub(crate) fn link_length(start: u64, end: u64, size: u64) -> usize {
    link_ranges(start, end, size).len()
}

/// Which leaves each hash of a consistency proof covers, lowest first. Precondition: `start < end <= size`.
fn link_ranges(start: u64, end: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut at = Position::start(start, end, size);
    if at.first != at.node {
        ranges.push(at.node << at.level..end);
    }
    while at.last != 0 {
        let Position { node, last, level, .. } = at;
        if node & 1 == 1 {
            ranges.push((node - 1) << level..node << level);
        } else if node < last {
            ranges.push((node + 1) << level..((node + 2) << level).min(size));
        }
        at.up();
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::LeafHash;
    use crate::reference::{self, MAX, Outside, Stored, head, leaves, size, spoiled};
    use crate::tree_head::MAX_TREE_SIZE;

    #[test]
    fn every_proof_equals_the_recursion_and_verifies() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        let heads: Vec<_> = (0..=MAX).map(|n| head(&leaves, n)).collect();
        for new in 1..=MAX {
            for old in 1..=new {
                let proof = ConsistencyProof::build(size(old), size(new), stored.at(new)).unwrap();
                let wanted = reference::proof(old as usize, &leaves[..new as usize]);
                assert_eq!(proof.hashes(), wanted, "{old} to {new}");
                assert_eq!(link_length(0, old, new), wanted.len(), "{old} to {new}");
                assert_eq!(
                    proof.verify(&heads[old as usize], &heads[new as usize]),
                    Ok(()),
                    "{old} to {new}"
                );
            }
        }
    }

    #[test]
    fn verify_refuses_every_spoiled_proof() {
        let leaves = leaves();
        let heads: Vec<_> = (0..=MAX).map(|n| head(&leaves, n)).collect();
        for new in 1..=MAX {
            for old in 1..=new {
                let right = reference::proof(old as usize, &leaves[..new as usize]);
                for wrong in spoiled(&right) {
                    let proof = ConsistencyProof::new(wrong.clone()).unwrap();
                    match proof.verify(&heads[old as usize], &heads[new as usize]) {
                        Err(ProofError::ProofLength { seen, wanted }) => {
                            assert_eq!((seen, wanted), (wrong.len(), right.len()), "{old} to {new}");
                        }
                        Err(ProofError::OldRootMismatch { .. } | ProofError::NewRootMismatch { .. }) => {
                            assert_eq!(wrong.len(), right.len(), "{old} to {new}");
                        }
                        other => panic!("{other:?} for {old} to {new} with {wrong:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn verify_refuses_either_root_changed() {
        let leaves = leaves();
        let stranger = LeafHash::of(b"stranger").hash();
        for new in 2..=MAX {
            for old in 1..new {
                let proof =
                    ConsistencyProof::new(reference::proof(old as usize, &leaves[..new as usize])).unwrap();
                let (old_head, new_head) = (head(&leaves, old), head(&leaves, new));
                let wrong_old = TreeHead::new(old_head.size(), stranger).unwrap();
                let wrong_new = TreeHead::new(new_head.size(), stranger).unwrap();
                assert_eq!(
                    proof.verify(&old_head, &wrong_new),
                    Err(ProofError::NewRootMismatch { seen: new_head.root(), wanted: stranger })
                );
                // An old tree that is a node of the new one is the seed of both, so its change shows in the
                // new root.
                match proof.verify(&wrong_old, &new_head) {
                    Err(ProofError::NewRootMismatch { wanted, .. }) if old.is_power_of_two() => {
                        assert_eq!(wanted, new_head.root());
                    }
                    refused => assert_eq!(
                        refused,
                        Err(ProofError::OldRootMismatch { seen: old_head.root(), wanted: stranger })
                    ),
                }
            }
        }
    }

    #[test]
    fn the_empty_old_tree_is_refused() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        let proof = ConsistencyProof::new(Vec::new()).unwrap();
        for n in [0, 1, 2, 7] {
            assert_eq!(proof.verify(&TreeHead::empty(), &head(&leaves, n)), Err(ProofError::OldTreeEmpty));
            let built = ConsistencyProof::build(TreeSize::ZERO, size(n), stored.at(n));
            assert_eq!(built, Err(BuildError::OldTreeEmpty));
        }
    }

    #[test]
    fn an_old_tree_larger_than_the_new_is_refused() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        for (old, new) in [(1, 0), (3, 2), (130, 129)] {
            let proof = ConsistencyProof::new(Vec::new()).unwrap();
            assert_eq!(
                proof.verify(&head(&leaves, old), &head(&leaves, new)),
                Err(ProofError::OldTreeLarger { old, new: size(new) })
            );
            assert_eq!(
                ConsistencyProof::build(size(old), size(new), stored.at(new)),
                Err(BuildError::OldTreeLarger { old, new: size(new) })
            );
        }
    }

    #[test]
    fn equal_sizes_want_no_hash_and_equal_roots() {
        let leaves = leaves();
        let stranger = LeafHash::of(b"stranger").hash();
        for n in 1..=MAX {
            let head = head(&leaves, n);
            let fork = TreeHead::new(head.size(), stranger).unwrap();
            let none = ConsistencyProof::new(Vec::new()).unwrap();
            assert_eq!(none.verify(&head, &head), Ok(()));
            assert_eq!(
                none.verify(&head, &fork),
                Err(ProofError::SameSizeDifferentRoots {
                    size: head.size(),
                    old: head.root(),
                    new: stranger
                })
            );
            let one = ConsistencyProof::new(vec![head.root()]).unwrap();
            assert_eq!(one.verify(&head, &head), Err(ProofError::ProofLength { seen: 1, wanted: 0 }));
        }
    }

    #[test]
    fn build_names_the_node_that_cannot_be_read() {
        let stored = Stored::new(&leaves());
        let node = NodeId::leaf(reference::index(2));
        assert_eq!(
            ConsistencyProof::build(size(2), size(3), stored.at(2)),
            Err(BuildError::Read { node, source: Outside(node) })
        );
    }

    #[test]
    fn the_longest_proof_of_all_has_64_hashes() {
        let hash = LeafHash::of(b"").hash();
        let get = |_| Ok::<_, ()>(hash);
        let longest = ConsistencyProof::build(size(3), size(MAX_TREE_SIZE), get).unwrap();
        assert_eq!(longest.hashes().len(), MAX_CONSISTENCY_HASHES);
        for old in [1, 2, 3, (1 << 62) - 1, 1 << 62, (1 << 62) + 1, MAX_TREE_SIZE - 1] {
            let built = ConsistencyProof::build(size(old), size(MAX_TREE_SIZE), get).unwrap();
            assert!(built.hashes().len() <= MAX_CONSISTENCY_HASHES, "{old}");
            // The hashes are made up, so the roots are wrong; the length must be found right all the same.
            let (old, new) = (size(old), size(MAX_TREE_SIZE));
            let refused = built.verify(&TreeHead::computed(old, hash), &TreeHead::computed(new, hash));
            assert!(matches!(
                refused,
                Err(ProofError::OldRootMismatch { .. } | ProofError::NewRootMismatch { .. })
            ));
        }
        let fits_the_wire = ConsistencyProof::build(size(3), size(1 << 62), get).unwrap();
        assert_eq!(fits_the_wire.hashes().len(), 63);
        assert_eq!(
            ConsistencyProof::new(vec![hash; 65]),
            Err(ProofError::ProofTooLong { seen: 65, limit: MAX_CONSISTENCY_HASHES })
        );
    }
}
