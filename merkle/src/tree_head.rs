//! How large a tree is, where a leaf stands in it, and the pair of size and root that a log commits to.
//!
//! In scope: the bounds on sizes and indexes. Out of scope: signatures over a tree head (`tlog::checkpoint`).

use core::fmt;

use crate::error::{HeadError, SizeError};
use crate::hash::{EMPTY_ROOT, Hash};

/// The largest tree, 2^63 − 1 leaves: peers keep sizes in signed 64-bit integers, and C2SP's structures do
/// too.
pub const MAX_TREE_SIZE: u64 = u64::MAX >> 1;

/// A number of leaves, at most [`MAX_TREE_SIZE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(u64);

impl TreeSize {
    /// The size of the empty tree.
    pub const ZERO: Self = Self(0);

    /// Takes a count of leaves.
    ///
    /// # Errors
    ///
    /// [`SizeError::TreeSize`] if the count exceeds [`MAX_TREE_SIZE`].
    pub const fn new(leaves: u64) -> Result<Self, SizeError> {
        if leaves <= MAX_TREE_SIZE { Ok(Self(leaves)) } else { Err(SizeError::TreeSize { seen: leaves }) }
    }

    /// The number of leaves.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<u64> for TreeSize {
    type Error = SizeError;

    fn try_from(leaves: u64) -> Result<Self, SizeError> {
        Self::new(leaves)
    }
}

/// The position of a leaf, counted from 0, below [`MAX_TREE_SIZE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

impl LeafIndex {
    /// Takes a position counted from 0.
    ///
    /// # Errors
    ///
    /// [`SizeError::LeafIndex`] if no tree is large enough to hold it.
    pub const fn new(index: u64) -> Result<Self, SizeError> {
        if index < MAX_TREE_SIZE { Ok(Self(index)) } else { Err(SizeError::LeafIndex { seen: index }) }
    }

    /// The position counted from 0.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The size of the smallest tree that holds this leaf: one more than the index.
    #[must_use]
    pub const fn tree_size(self) -> TreeSize {
        TreeSize(self.0 + 1) // an index is below MAX_TREE_SIZE
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<u64> for LeafIndex {
    type Error = SizeError;

    fn try_from(index: u64) -> Result<Self, SizeError> {
        Self::new(index)
    }
}

/// The size of a tree and the hash over all its leaves, unsigned.
///
/// The two travel together, because a root without its size lets a proof for one tree pass in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    size: TreeSize,
    root: Hash,
}

impl TreeHead {
    /// Pairs a size with a root. Size 0 goes with [`EMPTY_ROOT`] and with nothing else.
    ///
    /// # Errors
    ///
    /// * [`HeadError::EmptyTreeRoot`] if the size is 0 and the root is not [`EMPTY_ROOT`];
    /// * [`HeadError::EmptyRootOfLeaves`] if the size is not 0 and the root is [`EMPTY_ROOT`], which no leaf
    ///   and no node hashes to.
    pub fn new(size: TreeSize, root: Hash) -> Result<Self, HeadError> {
        match (size == TreeSize::ZERO, root == EMPTY_ROOT) {
            (true, false) => Err(HeadError::EmptyTreeRoot { seen: root }),
            (false, true) => Err(HeadError::EmptyRootOfLeaves { size }),
            _ => Ok(Self { size, root }),
        }
    }

    /// The head of the tree without leaves.
    #[must_use]
    pub const fn empty() -> Self {
        Self { size: TreeSize::ZERO, root: EMPTY_ROOT }
    }

    /// For a head whose agreement with [`TreeHead::new`] is known from how its root was computed.
    pub(crate) const fn computed(size: TreeSize, root: Hash) -> Self {
        Self { size, root }
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The hash over all leaves.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::LeafHash;

    #[test]
    fn tree_size_ends_at_two_to_the_63_less_one() {
        assert_eq!(TreeSize::new(MAX_TREE_SIZE).map(TreeSize::get), Ok((1 << 63) - 1));
        assert_eq!(TreeSize::new(1 << 63), Err(SizeError::TreeSize { seen: 1 << 63 }));
        assert_eq!(TreeSize::try_from(u64::MAX), Err(SizeError::TreeSize { seen: u64::MAX }));
    }

    #[test]
    fn leaf_index_stays_below_the_largest_tree_size() {
        let last = MAX_TREE_SIZE - 1;
        assert_eq!(LeafIndex::new(last).map(|index| index.tree_size().get()), Ok(MAX_TREE_SIZE));
        assert_eq!(LeafIndex::new(MAX_TREE_SIZE), Err(SizeError::LeafIndex { seen: MAX_TREE_SIZE }));
        assert_eq!(LeafIndex::try_from(u64::MAX), Err(SizeError::LeafIndex { seen: u64::MAX }));
    }

    #[test]
    fn size_zero_goes_with_the_empty_root_only() {
        let leaf = LeafHash::of(b"").hash();
        let one = TreeSize(1);
        assert_eq!(TreeHead::new(TreeSize::ZERO, EMPTY_ROOT), Ok(TreeHead::empty()));
        assert_eq!(TreeHead::new(TreeSize::ZERO, leaf), Err(HeadError::EmptyTreeRoot { seen: leaf }));
        assert_eq!(TreeHead::new(one, EMPTY_ROOT), Err(HeadError::EmptyRootOfLeaves { size: one }));
        assert_eq!(TreeHead::new(one, leaf).map(|head| (head.size(), head.root())), Ok((one, leaf)));
    }
}
