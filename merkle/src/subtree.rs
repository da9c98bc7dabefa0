//! Subtrees: the trees over a range of leaves that are themselves part of a larger tree.
//!
//! Follows draft-ietf-plants-merkle-tree-certs, section "Subtrees". A range `[start, end)` is a subtree if
//! `start` is a multiple of the smallest power of two that is at least `end - start`:
//!
//! ```text
//! leaf  0   1   2   3   4   5   6
//!      [0              ,   5)         a subtree: starts at 0
//!                      [4      , 6)   a subtree: 4 is a multiple of 2
//!                      [4          ,7) a subtree: 4 is a multiple of 4
//!              [2          , 5)       none: 2 is no multiple of 4
//! ```
//!
//! A tree of the first `n` leaves is the subtree `[0, n)`; a consistency proof between two trees is the case
//! `start = 0` of the proof that a subtree lies in a tree.
//!
//! In scope: hash, inclusion, consistency, and the two subtrees that cover any range. Out of scope:
//! cosignatures over subtrees.

use core::fmt;
use core::ops::Range;

use crate::consistency::{ConsistencyProof, Position, link, link_length};
use crate::error::{BuildError, ProofError, SizeError};
use crate::hash::{Hash, LeafHash, node_hash};
use crate::inclusion::{InclusionProof, climb, path};
use crate::node::{NodeId, cover, hash_of_range};
use crate::tree_head::{LeafIndex, MAX_TREE_SIZE, TreeHead, TreeSize};

/// A range of leaves that forms a tree of its own inside every larger tree. It may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    start: u64,
    end: u64,
}

impl Subtree {
    /// Takes a range of leaf indexes.
    ///
    /// # Errors
    ///
    /// * [`SizeError::RangeReversed`] if it ends before it starts;
    /// * [`SizeError::TreeSize`] if it ends beyond [`MAX_TREE_SIZE`];
    /// * [`SizeError::RangeUnaligned`] if its start is no multiple of the smallest power of two that holds
    ///   its length.
    pub const fn new(leaves: Range<u64>) -> Result<Self, SizeError> {
        let Range { start, end } = leaves;
        if start > end {
            return Err(SizeError::RangeReversed { start, end });
        }
        if end > MAX_TREE_SIZE {
            return Err(SizeError::TreeSize { seen: end });
        }
        // The length is below 2^63, so the power of two that holds it fits; an empty range has 1, which
        // divides all.
        if start % (end - start).next_power_of_two() != 0 {
            return Err(SizeError::RangeUnaligned { start, end });
        }
        Ok(Self { start, end })
    }

    /// The whole tree of the first `size` leaves.
    #[must_use]
    pub const fn whole(size: TreeSize) -> Self {
        Self { start: 0, end: size.get() }
    }

    /// The index of the first leaf.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// One past the index of the last leaf.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.end - self.start
    }

    /// Tells whether there are no leaves.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Lists the perfect nodes that cover the leaves, left to right, largest first; at most 63.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        cover(self.start, self.end).rev()
    }
}

/// `[start, end)`.
impl fmt::Display for Subtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

/// Computes the hash over the leaves of `subtree`: the root, if the subtree is a whole tree.
///
/// `get` hands out the hash of a perfect node and is asked for those of [`Subtree::nodes`], from the right.
///
/// # Errors
///
/// What `get` fails with.
pub fn range_hash<E>(subtree: Subtree, mut get: impl FnMut(NodeId) -> Result<Hash, E>) -> Result<Hash, E> {
    hash_of_range(subtree.start, subtree.end, &mut get, |_, source| source)
}

/// Collects the proof that the leaf at `index`, counted from the start of the log, stands in `subtree`.
///
/// # Errors
///
/// * [`BuildError::IndexOutsideTree`] unless the subtree holds the index;
/// * [`BuildError::Read`] if `get` fails.
pub fn build_inclusion<E>(
    index: LeafIndex,
    subtree: Subtree,
    mut get: impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<InclusionProof, BuildError<E>> {
    let Some(offset) = offset(index, subtree) else {
        return Err(BuildError::IndexOutsideTree { index, start: subtree.start, end: subtree.end });
    };
    Ok(InclusionProof::built(index, path(subtree.start, offset, subtree.size(), &mut get)?))
}

/// Establishes that `leaf` stands at the proof's index, counted from the start of the log, in the subtree
/// with hash `root`.
///
/// # Errors
///
/// * [`ProofError::IndexOutsideTree`] unless the subtree holds the index;
/// * [`ProofError::ProofLength`] if index and subtree call for another number of hashes;
/// * [`ProofError::NewRootMismatch`] if the hashes lead to another root.
pub fn verify_inclusion(
    proof: &InclusionProof,
    leaf: &LeafHash,
    subtree: Subtree,
    root: &Hash,
) -> Result<(), ProofError> {
    let index = proof.index();
    let Some(offset) = offset(index, subtree) else {
        return Err(ProofError::IndexOutsideTree { index, start: subtree.start, end: subtree.end });
    };
    let seen = climb(offset, subtree.size(), leaf, proof.hashes())?;
    if seen == *root { Ok(()) } else { Err(ProofError::NewRootMismatch { seen, wanted: *root }) }
}

/// The position within the subtree, if it holds the index.
fn offset(index: LeafIndex, subtree: Subtree) -> Option<u64> {
    if index.get() >= subtree.end {
        return None;
    }
    index.get().checked_sub(subtree.start)
}

/// Collects the proof that `subtree` lies in the tree of the first `size` leaves. It is empty for the whole
/// tree.
///
/// # Errors
///
/// * [`BuildError::OldTreeEmpty`] if the subtree is empty;
/// * [`BuildError::OldTreeLarger`] if it ends beyond the tree;
/// * [`BuildError::Read`] if `get` fails.
pub fn build_consistency<E>(
    subtree: Subtree,
    size: TreeSize,
    mut get: impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<ConsistencyProof, BuildError<E>> {
    link(subtree.start, subtree.end, size, &mut get).map(ConsistencyProof::built)
}

/// Establishes that the subtree with hash `root` lies in the tree of `head`.
///
/// # Errors
///
/// * [`ProofError::OldTreeEmpty`] if the subtree is empty;
/// * [`ProofError::OldTreeLarger`] if it ends beyond the tree;
/// * [`ProofError::ProofLength`] if subtree and size call for another number of hashes;
/// * [`ProofError::OldRootMismatch`] if the hashes lead to another hash of the subtree;
/// * [`ProofError::NewRootMismatch`] if they lead to another root of the tree.
pub fn verify_consistency(
    proof: &ConsistencyProof,
    subtree: Subtree,
    root: &Hash,
    head: &TreeHead,
) -> Result<(), ProofError> {
    if subtree.is_empty() {
        return Err(ProofError::OldTreeEmpty);
    }
    let size = head.size().get();
    if subtree.end > size {
        return Err(ProofError::OldTreeLarger { old: subtree.end, new: head.size() });
    }
    let wrong_length = || ProofError::ProofLength {
        seen: proof.hashes().len(),
        wanted: link_length(subtree.start, subtree.end, size),
    };
    let mut hashes = proof.hashes().iter();
    let mut at = Position::start(subtree.start, subtree.end, size);
    let seed = if at.first == at.node { *root } else { *hashes.next().ok_or_else(wrong_length)? };
    let (mut old_root, mut new_root) = (seed, seed);
    for hash in hashes {
        if at.last == 0 {
            return Err(wrong_length());
        }
        if at.node & 1 == 1 || at.node == at.last {
            // Only what lies to the left inside the subtree is part of its own hash.
            if at.first < at.node {
                old_root = node_hash(hash, &old_root);
            }
            new_root = node_hash(hash, &new_root);
            while at.node & 1 == 0 && at.node != 0 {
                at.up();
            }
        } else {
            new_root = node_hash(&new_root, hash);
        }
        at.up();
    }
    if at.last != 0 {
        return Err(wrong_length());
    }
    if old_root != *root {
        return Err(ProofError::OldRootMismatch { seen: old_root, wanted: *root });
    }
    if new_root != head.root() {
        return Err(ProofError::NewRootMismatch { seen: new_root, wanted: head.root() });
    }
    Ok(())
}

/// Picks two subtrees, one next to the other, that cover the leaves of any range.
///
/// The first may start before the range, by less than half its size; the second ends with the range, and is
/// empty if one subtree is enough for a range of at most one leaf.
///
/// # Errors
///
/// * [`SizeError::RangeReversed`] if the range ends before it starts;
/// * [`SizeError::TreeSize`] if it ends beyond [`MAX_TREE_SIZE`].
pub fn covering(leaves: Range<u64>) -> Result<(Subtree, Subtree), SizeError> {
    let Range { start, end } = leaves;
    if start > end {
        return Err(SizeError::RangeReversed { start, end });
    }
    if end > MAX_TREE_SIZE {
        return Err(SizeError::TreeSize { seen: end });
    }
    if end - start <= 1 {
        return Ok((Subtree { start, end }, Subtree { start: end, end }));
    }
    let last = end - 1;
    // Below the highest bit in which the ways of the first and of the last leaf differ, they are in different
    // halves; the halves meet at `middle`.
    let half = 1 << (start ^ last).ilog2();
    let middle = last - last % half;
    // The smallest perfect node that ends at `middle` and holds `start`.
    let width = (middle - start).next_power_of_two();
    Ok((Subtree { start: middle - width, end: middle }, Subtree { start: middle, end }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{self, MAX, Stored, head, index, leaves, size, spoiled};

    /// Every subtree that ends at or before `end`, but for the empty ones.
    fn subtrees(end: u64) -> impl Iterator<Item = Subtree> {
        (1..=end).flat_map(|end| (0..end).filter_map(move |start| Subtree::new(start..end).ok()))
    }

    #[test]
    fn new_refuses_what_is_no_subtree() {
        let refused = |leaves| Subtree::new(leaves).unwrap_err();
        assert_eq!(refused(2..5), SizeError::RangeUnaligned { start: 2, end: 5 });
        assert_eq!(refused(1..3), SizeError::RangeUnaligned { start: 1, end: 3 });
        assert_eq!(refused(4..9), SizeError::RangeUnaligned { start: 4, end: 9 });
        assert_eq!(refused(1..MAX_TREE_SIZE), SizeError::RangeUnaligned { start: 1, end: MAX_TREE_SIZE });
        assert_eq!(refused(0..1 << 63), SizeError::TreeSize { seen: 1 << 63 });
        assert_eq!(refused(Range { start: 5, end: 4 }), SizeError::RangeReversed { start: 5, end: 4 });
        assert_eq!(
            refused(Range { start: u64::MAX, end: 0 }),
            SizeError::RangeReversed { start: u64::MAX, end: 0 }
        );
    }

    #[test]
    fn new_takes_the_subtrees_of_the_picture_and_empty_ones() {
        for (start, end) in [(0, 5), (4, 6), (4, 7), (0, 0), (7, 7), (0, MAX_TREE_SIZE), (6, 7)] {
            let subtree = Subtree::new(start..end).unwrap();
            assert_eq!((subtree.start(), subtree.end(), subtree.size()), (start, end, end - start));
            assert_eq!(subtree.is_empty(), start == end);
            assert_eq!(subtree.to_string(), format!("[{start}, {end})"));
        }
        assert_eq!(Subtree::new(0..7), Ok(Subtree::whole(size(7))));
    }

    #[test]
    fn range_hash_equals_the_recursion() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        for subtree in subtrees(MAX) {
            let wanted = reference::mth(&leaves[subtree.start as usize..subtree.end as usize]);
            assert_eq!(range_hash(subtree, stored.at(subtree.end)), Ok(wanted), "{subtree}");
            assert!(subtree.nodes().count() as u32 == subtree.size().count_ones());
        }
    }

    #[test]
    fn every_inclusion_proof_equals_the_recursion_and_verifies() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        for subtree in subtrees(MAX) {
            let inside = &leaves[subtree.start as usize..subtree.end as usize];
            let root = reference::mth(inside);
            for i in subtree.start..subtree.end {
                let proof = build_inclusion(index(i), subtree, stored.at(subtree.end)).unwrap();
                let leaf = &leaves[i as usize];
                assert_eq!(
                    proof.hashes(),
                    reference::path((i - subtree.start) as usize, inside),
                    "{i} in {subtree}"
                );
                assert_eq!(verify_inclusion(&proof, leaf, subtree, &root), Ok(()), "{i} in {subtree}");
            }
            for i in [subtree.start.wrapping_sub(1), subtree.end] {
                let Ok(index) = LeafIndex::new(i) else { continue };
                let outside = ProofError::IndexOutsideTree { index, start: subtree.start, end: subtree.end };
                let proof = InclusionProof::new(index, Vec::new()).unwrap();
                assert_eq!(verify_inclusion(&proof, &leaves[0], subtree, &root), Err(outside));
                let outside = BuildError::IndexOutsideTree { index, start: subtree.start, end: subtree.end };
                assert_eq!(build_inclusion(index, subtree, stored.at(MAX)), Err(outside));
            }
        }
    }

    #[test]
    fn verify_inclusion_refuses_another_root() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        let subtree = Subtree::new(4..7).unwrap();
        let proof = build_inclusion(index(5), subtree, stored.at(7)).unwrap();
        let (seen, wanted) = (reference::mth(&leaves[4..7]), reference::mth(&leaves[..7]));
        let refused = verify_inclusion(&proof, &leaves[5], subtree, &wanted);
        assert_eq!(refused, Err(ProofError::NewRootMismatch { seen, wanted }));
    }

    #[test]
    fn every_consistency_proof_equals_the_recursion_and_verifies() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        // Up to MAX, tests/known_answer.rs compares them all with the digest in the draft.
        for n in 1..=70 {
            let (head, tree) = (head(&leaves, n), &leaves[..n as usize]);
            for subtree in subtrees(n) {
                let (start, end) = (subtree.start as usize, subtree.end as usize);
                let proof = build_consistency(subtree, size(n), stored.at(n)).unwrap();
                let root = reference::mth(&leaves[start..end]);
                assert_eq!(
                    proof.hashes(),
                    reference::subtree_proof(start..end, tree, true),
                    "{subtree} in {n}"
                );
                assert_eq!(verify_consistency(&proof, subtree, &root, &head), Ok(()), "{subtree} in {n}");
            }
        }
    }

    #[test]
    fn verify_consistency_refuses_every_spoiled_proof() {
        let leaves = leaves();
        for n in 1..=40 {
            let (head, tree) = (head(&leaves, n), &leaves[..n as usize]);
            for subtree in subtrees(n) {
                let (start, end) = (subtree.start as usize, subtree.end as usize);
                let root = reference::mth(&leaves[start..end]);
                for wrong in spoiled(&reference::subtree_proof(start..end, tree, true)) {
                    let proof = ConsistencyProof::new(wrong).unwrap();
                    assert!(
                        verify_consistency(&proof, subtree, &root, &head).is_err(),
                        "{subtree} in {n}: {proof:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn both_consistency_verifiers_agree_on_whole_trees() {
        let leaves = leaves();
        for new in 1..=40 {
            for old in 1..new {
                let right = reference::proof(old as usize, &leaves[..new as usize]);
                let (old, new) = (head(&leaves, old), head(&leaves, new));
                for hashes in spoiled(&right).into_iter().chain([right]) {
                    let proof = ConsistencyProof::new(hashes).unwrap();
                    assert_eq!(
                        verify_consistency(&proof, Subtree::whole(old.size()), &old.root(), &new),
                        proof.verify(&old, &new)
                    );
                }
            }
        }
    }

    #[test]
    fn empty_and_overlong_subtrees_are_refused() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        let none = ConsistencyProof::new(Vec::new()).unwrap();
        let (empty, late) = (Subtree::new(3..3).unwrap(), Subtree::new(4..8).unwrap());
        let (head, root) = (head(&leaves, 7), leaves[0].hash());
        assert_eq!(verify_consistency(&none, empty, &root, &head), Err(ProofError::OldTreeEmpty));
        assert_eq!(build_consistency(empty, size(7), stored.at(7)), Err(BuildError::OldTreeEmpty));
        let larger = ProofError::OldTreeLarger { old: 8, new: size(7) };
        assert_eq!(verify_consistency(&none, late, &root, &head), Err(larger));
        let larger = BuildError::OldTreeLarger { old: 8, new: size(7) };
        assert_eq!(build_consistency(late, size(7), stored.at(7)), Err(larger));
    }

    #[test]
    fn covering_subtrees_hold_the_range_and_little_more() {
        let edges = [(0, MAX_TREE_SIZE), (1, MAX_TREE_SIZE), (MAX_TREE_SIZE - 2, MAX_TREE_SIZE)];
        let small = (0..=MAX).flat_map(|end| (0..=end).map(move |start| (start, end)));
        for (start, end) in small.chain(edges) {
            let (left, right) = covering(start..end).unwrap();
            assert_eq!(Subtree::new(left.start..left.end), Ok(left));
            assert_eq!(Subtree::new(right.start..right.end), Ok(right));
            assert_eq!((left.end, right.end), (right.start, end), "[{start}, {end})");
            let early = start - left.start;
            assert!(left.is_empty() || 2 * early < left.size(), "[{start}, {end})");
        }
        assert_eq!(covering(0..1 << 63), Err(SizeError::TreeSize { seen: 1 << 63 }));
        assert_eq!(covering(Range { start: 2, end: 1 }), Err(SizeError::RangeReversed { start: 2, end: 1 }));
    }
}
