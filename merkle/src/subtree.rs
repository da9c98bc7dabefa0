//! Subtrees: the trees over a range of leaves that are themselves part of a larger tree.
//!
//! Follows draft-ietf-plants-merkle-tree-certs, section "Subtrees". A range `[start, end)` is a subtree if `start` is a
//! multiple of the smallest power of two that is at least `end - start`:
//!
//! ```text
//! leaf  0   1   2   3   4   5   6
//!      [0              ,   5)         a subtree: starts at 0
//!                      [4      , 6)   a subtree: 4 is a multiple of 2
//!                      [4          ,7) a subtree: 4 is a multiple of 4
//!              [2          , 5)       none: 2 is no multiple of 4
//! ```
//!
//! A tree of the first `n` leaves is the subtree `[0, n)`; a consistency proof between two trees is the case `start = 0`
//! of the proof that a subtree lies in a tree.
//!
//! In scope: hash, inclusion, consistency, and the two subtrees that cover any range. Out of scope: cosignatures over
//! subtrees.

use core::fmt;
use core::ops::Range;

use crate::consistency::ConsistencyProof;
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
    /// * [`SizeError::RangeUnaligned`] if its start is no multiple of the smallest power of two that holds its length.
    pub const fn new(leaves: Range<u64>) -> Result<Self, SizeError> {
        let Range { start, end } = leaves;
        if start > end {
            return Err(SizeError::RangeReversed { start, end });
        }
        if end > MAX_TREE_SIZE {
            return Err(SizeError::TreeSize { seen: end });
        }
        // The length is below 2^63, so the power of two that holds it fits; an empty range has 1, which divides all.
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

/// Establishes that `leaf` stands at the proof's index, counted from the start of the log, in the subtree with hash `root`.
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

/// Collects the proof that `subtree` lies in the tree of the first `size` leaves. It is empty for the whole tree.
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

/// Where a consistency proof stands on its way up: three nodes of one level, as indexes within it.
struct Position {
    /// The node over the first leaf of the subtree.
    first: u64,
    /// The node over the last leaf of the subtree.
    node: u64,
    /// The last node of the tree.
    last: u64,
    level: u8,
}

impl Position {
    /// Goes up to the level at which the proof starts: that of the whole subtree if it is a node of the tree, otherwise that
    /// of the largest perfect node at its end. Precondition: `start < end <= size`.
    fn start(start: u64, end: u64, size: u64) -> Self {
        let mut at = Self { first: start, node: end - 1, last: size - 1, level: 0 };
        let at_end_of_tree = at.node == at.last;
        while at.first != at.node && (at_end_of_tree || at.node & 1 == 1) {
            at.up();
        }
        at
    }

    fn up(&mut self) {
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

/// Picks two subtrees, one next to the other, that cover the leaves of any range.
///
/// The first may start before the range, by less than half its size; the second ends with the range, and is empty if one
/// subtree is enough for a range of at most one leaf.
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
    // Below the highest bit in which the ways of the first and of the last leaf differ, they are in different halves; the
    // halves meet at `middle`.
    let half = 1 << (start ^ last).ilog2();
    let middle = last - last % half;
    // The smallest perfect node that ends at `middle` and holds `start`.
    let width = (middle - start).next_power_of_two();
    Ok((Subtree { start: middle - width, end: middle }, Subtree { start: middle, end }))
}
