//! Coordinates of nodes, and which perfect nodes make up a range of leaves.
//!
//! A node is named by its level and its index within the level. Only perfect nodes have a name: those whose
//! 2^level leaves all exist, and whose hash therefore never changes again. A tree of 7 leaves has these:
//!
//! ```text
//! level 3                .                     the root: not perfect, hashed afresh for each size
//!                ┌───────┴───────┐
//! level 2      (2,0)             .             likewise not perfect
//!            ┌───┴───┐       ┌───┴───┐
//! level 1  (1,0)   (1,1)   (1,2)     │
//!          ┌─┴─┐   ┌─┴─┐   ┌─┴─┐     │
//! level 0 0,0 0,1 0,2 0,3 0,4 0,5   0,6        the lone leaf is carried up unchanged
//! leaf     0   1   2   3   4   5     6
//! ```
//!
//! The perfect nodes that cover the tree from left to right are (2,0), (1,2), (0,6): one for each one-bit of
//! 7 = 0b111. The root is `node(h(2,0), node(h(1,2), h(0,6)))`.
//!
//! In scope: naming nodes, covering a range. Out of scope: where their hashes are stored.

use core::fmt;

use crate::error::SizeError;
use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::tree_head::{LeafIndex, MAX_TREE_SIZE};

/// The name of a perfect node: it covers the leaves `[index << level, (index + 1) << level)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    level: u8,
    index: u64,
}

impl NodeId {
    /// Names a node.
    ///
    /// # Errors
    ///
    /// [`SizeError::Node`] if the node covers a leaf beyond [`MAX_TREE_SIZE`]; in particular if `level > 62`.
    pub const fn new(level: u8, index: u64) -> Result<Self, SizeError> {
        // With level <= 62 and index < MAX >> level, (index + 1) << level is at most MAX_TREE_SIZE.
        if level <= 62 && index < (MAX_TREE_SIZE >> level) {
            Ok(Self { level, index })
        } else {
            Err(SizeError::Node { level, index })
        }
    }

    /// Names a leaf as a node of level 0.
    #[must_use]
    pub const fn leaf(index: LeafIndex) -> Self {
        Self { level: 0, index: index.get() }
    }

    /// The height over the leaves, 0 to 62.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The position within the level, counted from 0.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The index of the first leaf that the node covers.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.index << self.level
    }

    /// One past the index of the last leaf that the node covers; the node exists in trees of this size and
    /// above.
    #[must_use]
    pub const fn end(self) -> u64 {
        (self.index + 1) << self.level
    }

    /// For coordinates that lie inside a tree already checked against [`MAX_TREE_SIZE`].
    pub(crate) const fn inside(level: u8, index: u64) -> Self {
        Self { level, index }
    }
}

/// `(level,index)`, as in the picture above.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.level, self.index)
    }
}

/// Lists the perfect nodes of the leaves `[start, end)`, from right to left, smallest first.
///
/// Precondition: `start <= end <= MAX_TREE_SIZE`, and `start` is a multiple of the largest power of two that
/// is at most `end - start`. Each one-bit of the length then is one node.
pub(crate) fn cover(start: u64, end: u64) -> impl DoubleEndedIterator<Item = NodeId> {
    let length = end - start;
    (0..u64::BITS as u8).filter(move |level| (length >> level) & 1 == 1).map(move |level| {
        // The nodes to the left of this one are exactly the higher bits of the length.
        let left = (length >> level >> 1) << 1;
        NodeId::inside(level, (start >> level) + left)
    })
}

/// Computes the hash over the leaves `[start, end)`; preconditions as for [`cover`].
///
/// The nodes are joined from the right, so that the smallest is carried up until it meets its neighbour. At
/// most 63 nodes are read and none is kept.
pub(crate) fn hash_of_range<E, X>(
    start: u64,
    end: u64,
    get: &mut impl FnMut(NodeId) -> Result<Hash, E>,
    blame: impl Fn(NodeId, E) -> X,
) -> Result<Hash, X> {
    let mut sum: Option<Hash> = None;
    for node in cover(start, end) {
        let hash = get(node).map_err(|source| blame(node, source))?;
        sum = Some(sum.map_or(hash, |right| node_hash(&hash, &right)));
    }
    Ok(sum.unwrap_or(EMPTY_ROOT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_ends_inside_the_largest_tree() {
        for level in 0..=62 {
            let last = (MAX_TREE_SIZE >> level) - 1;
            assert!(NodeId::new(level, last).is_ok_and(|node| node.end() <= MAX_TREE_SIZE), "level {level}");
            let beyond = last + 1;
            assert_eq!(NodeId::new(level, beyond), Err(SizeError::Node { level, index: beyond }));
        }
        assert_eq!(NodeId::new(63, 0), Err(SizeError::Node { level: 63, index: 0 }));
        assert_eq!(NodeId::new(u8::MAX, 0), Err(SizeError::Node { level: u8::MAX, index: 0 }));
        assert_eq!(NodeId::new(0, u64::MAX), Err(SizeError::Node { level: 0, index: u64::MAX }));
    }

    #[test]
    fn the_picture_of_seven_leaves_is_right() {
        let nodes: Vec<_> = cover(0, 7).rev().map(|node| (node.level(), node.index())).collect();
        assert_eq!(nodes, [(2, 0), (1, 2), (0, 6)]);
    }

    #[test]
    fn covering_nodes_meet_without_gap_even_in_the_largest_tree() {
        for (start, end) in
            [(0, 0), (0, 1), (0, 130), (128, 192), (1 << 62, MAX_TREE_SIZE), (0, MAX_TREE_SIZE)]
        {
            let mut reached = start;
            for node in cover(start, end).rev() {
                assert_eq!(node.start(), reached);
                assert_eq!(NodeId::new(node.level(), node.index()), Ok(node));
                reached = node.end();
            }
            assert_eq!(reached, end);
        }
    }

    #[test]
    fn a_leaf_is_a_node_of_level_zero() {
        let index = LeafIndex::new(9).unwrap();
        assert_eq!(Ok(NodeId::leaf(index)), NodeId::new(0, 9));
        assert_eq!(NodeId::leaf(index).to_string(), "(0,9)");
    }
}
