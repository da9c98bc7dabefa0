//! What can be wrong with sizes, tree heads, frontiers and proofs.
//!
//! Written out by hand: this crate depends on SHA-256 and nothing else.

use core::error::Error;
use core::fmt;

use crate::hash::Hash;
use crate::node::NodeId;
use crate::tree_head::{LeafIndex, MAX_TREE_SIZE, TreeSize};

/// A number that no tree of at most [`MAX_TREE_SIZE`] leaves can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizeError {
    /// A leaf index of [`MAX_TREE_SIZE`] or more.
    LeafIndex {
        /// The index as given.
        seen: u64,
    },
    /// A node that covers a leaf index of [`MAX_TREE_SIZE`] or more.
    Node {
        /// The level as given; leaves are at level 0.
        level: u8,
        /// The index within the level as given.
        index: u64,
    },
    /// A range that ends before it starts.
    RangeReversed {
        /// The first leaf index.
        start: u64,
        /// One past the last leaf index.
        end: u64,
    },
    /// A range that is no subtree, because its start is not a multiple of the power of two that holds its
    /// length.
    RangeUnaligned {
        /// The first leaf index.
        start: u64,
        /// One past the last leaf index.
        end: u64,
    },
    /// A count of leaves above [`MAX_TREE_SIZE`].
    TreeSize {
        /// The count as given.
        seen: u64,
    },
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeafIndex { seen } => write!(f, "leaf index {seen} is not below {MAX_TREE_SIZE}"),
            Self::Node { level, index } => {
                write!(f, "node {index} of level {level} reaches beyond {MAX_TREE_SIZE} leaves")
            }
            Self::RangeReversed { start, end } => {
                write!(f, "range starts at {start} and ends before, at {end}")
            }
            Self::RangeUnaligned { start, end } => {
                write!(
                    f,
                    "range [{start}, {end}) starts at no multiple of the power of two that holds its length"
                )
            }
            Self::TreeSize { seen } => write!(f, "tree size {seen} is above {MAX_TREE_SIZE}"),
        }
    }
}

impl Error for SizeError {}

/// A size and a root that cannot belong to one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// Size above 0 with [`crate::EMPTY_ROOT`].
    EmptyRootOfLeaves {
        /// The size given.
        size: TreeSize,
    },
    /// Size 0 with another root than [`crate::EMPTY_ROOT`].
    EmptyTreeRoot {
        /// The root given.
        seen: Hash,
    },
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyRootOfLeaves { size } => {
                write!(f, "tree of size {size} has the root of the empty tree")
            }
            Self::EmptyTreeRoot { seen } => write!(f, "empty tree has root {seen}, not the hash of nothing"),
        }
    }
}

impl Error for HeadError {}

/// Stored parts that make no [`crate::Frontier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontierError {
    /// Another number of hashes than the size has one-bits.
    HashCount {
        /// The number of hashes given.
        seen: usize,
        /// The number of perfect trees in a tree of this size.
        wanted: usize,
        /// The size given.
        size: TreeSize,
    },
}

impl fmt::Display for FrontierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HashCount { seen, wanted, size } => {
                write!(f, "{seen} frontier hashes, a tree of size {size} has {wanted}")
            }
        }
    }
}

impl Error for FrontierError {}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf index is not below the tree size, or not inside the subtree.
    IndexOutsideTree {
        /// The index that the proof speaks of.
        index: LeafIndex,
        /// First leaf of the tree or subtree.
        start: u64,
        /// One past the last leaf.
        end: u64,
    },
    /// The hashes lead to another root than the newer (or only) tree head says.
    NewRootMismatch {
        /// The root that the proof leads to.
        seen: Hash,
        /// The root of the tree head.
        wanted: Hash,
    },
    /// The hashes lead to another root than the older tree head, or the subtree, says.
    OldRootMismatch {
        /// The root that the proof leads to.
        seen: Hash,
        /// The root of the older tree head or of the subtree.
        wanted: Hash,
    },
    /// The older tree, or the subtree, has no leaves. Every tree extends it, so a proof says nothing; a
    /// caller for whom that is in order has to say so before it asks for a proof.
    OldTreeEmpty,
    /// The older tree has more leaves than the newer, or the subtree ends beyond the tree.
    OldTreeLarger {
        /// Leaves of the older tree, or the end of the subtree.
        old: u64,
        /// Leaves of the newer tree.
        new: TreeSize,
    },
    /// Another number of hashes than the two positions call for.
    ProofLength {
        /// The number of hashes in the proof.
        seen: usize,
        /// The number the sizes call for.
        wanted: usize,
    },
    /// More hashes than any tree calls for.
    ProofTooLong {
        /// The number of hashes given.
        seen: usize,
        /// The most that any proof of this kind has.
        limit: usize,
    },
    /// Two tree heads of one size with different roots: the log has shown two histories.
    SameSizeDifferentRoots {
        /// The size of both.
        size: TreeSize,
        /// The root first seen.
        old: Hash,
        /// The root seen later.
        new: Hash,
    },
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexOutsideTree { index, start, end } => {
                write!(f, "leaf index {index} is outside of the leaves [{start}, {end})")
            }
            Self::NewRootMismatch { seen, wanted } => {
                write!(f, "proof leads to root {seen}, tree head has {wanted}")
            }
            Self::OldRootMismatch { seen, wanted } => {
                write!(f, "proof leads to old root {seen}, old tree head has {wanted}")
            }
            Self::OldTreeEmpty => write!(f, "old tree is empty, which no consistency proof can start from"),
            Self::OldTreeLarger { old, new } => {
                write!(f, "old tree of {old} leaves is larger than the new of {new}")
            }
            Self::ProofLength { seen, wanted } => {
                write!(f, "proof has {seen} hashes, its tree sizes call for {wanted}")
            }
            Self::ProofTooLong { seen, limit } => {
                write!(f, "proof has {seen} hashes, no tree calls for over {limit}")
            }
            Self::SameSizeDifferentRoots { size, old, new } => {
                write!(f, "two roots for size {size}: {old}, then {new}")
            }
        }
    }
}

impl Error for ProofError {}

/// Why a proof could not be built. `E` is what reading a node fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError<E> {
    /// The leaf index is not below the tree size, or not inside the subtree.
    IndexOutsideTree {
        /// The index asked for.
        index: LeafIndex,
        /// First leaf of the tree or subtree.
        start: u64,
        /// One past the last leaf.
        end: u64,
    },
    /// A proof from the empty tree was asked for; see [`ProofError::OldTreeEmpty`].
    OldTreeEmpty,
    /// The older tree has more leaves than the newer, or the subtree ends beyond the tree.
    OldTreeLarger {
        /// Leaves of the older tree, or the end of the subtree.
        old: u64,
        /// Leaves of the newer tree.
        new: TreeSize,
    },
    /// A node that the proof needs could not be read.
    Read {
        /// The node.
        node: NodeId,
        /// Why.
        source: E,
    },
}

impl<E> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexOutsideTree { index, start, end } => {
                write!(f, "leaf index {index} is outside of the leaves [{start}, {end})")
            }
            Self::OldTreeEmpty => write!(f, "old tree is empty, which no consistency proof can start from"),
            Self::OldTreeLarger { old, new } => {
                write!(f, "old tree of {old} leaves is larger than the new of {new}")
            }
            Self::Read { node, .. } => write!(f, "cannot read tree node {node}"),
        }
    }
}

impl<E: Error + 'static> Error for BuildError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}
