//! The right edge of a growing tree: enough to append and to know the root, and no more.
//!
//! In scope: one hash for each perfect tree of the size. Out of scope: the hashes to their left, which proofs
//! need and tiles store.

use crate::error::{FrontierError, SizeError};
use crate::hash::{EMPTY_ROOT, Hash, LeafHash, node_hash};
use crate::tree_head::{LeafIndex, TreeHead, TreeSize};

/// The perfect trees that make up a tree, as their roots from left to right (a *compact range* from leaf 0).
///
/// Holds one hash for each one-bit of the size, at most 63:
///
/// ```text
/// size 7 = 0b111      hashes: leaves [0,4)   leaves [4,6)   leaf 6
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: TreeSize,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// Starts a tree without leaves.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an empty tree is a statement, not a fallback value")]
    pub const fn new() -> Self {
        Self { size: TreeSize::ZERO, hashes: Vec::new() }
    }

    /// Takes up a tree at a stored size. The hashes are believed: compare [`Frontier::head`] with a head
    /// known to be right.
    ///
    /// # Errors
    ///
    /// [`FrontierError::HashCount`] unless there is one hash for each one-bit of the size.
    pub fn from_parts(size: TreeSize, hashes: Vec<Hash>) -> Result<Self, FrontierError> {
        let wanted = size.get().count_ones() as usize;
        if hashes.len() == wanted {
            Ok(Self { size, hashes })
        } else {
            Err(FrontierError::HashCount { seen: hashes.len(), wanted, size })
        }
    }

    /// Adds a leaf at the right end and says at which index it stands.
    ///
    /// # Errors
    ///
    /// [`SizeError::LeafIndex`] if the tree has [`crate::MAX_TREE_SIZE`] leaves; it is unchanged then.
    pub fn append(&mut self, leaf: LeafHash) -> Result<LeafIndex, SizeError> {
        let index = LeafIndex::new(self.size.get())?;
        let mut hash = leaf.hash();
        // Each trailing one-bit of the old size is a perfect tree that the new leaf completes to one twice as
        // large.
        for _ in 0..index.get().trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size = index.tree_size();
        Ok(index)
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The roots of the perfect trees, left to right, largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Computes the hash over all leaves, with at most 62 node hashes.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or(EMPTY_ROOT)
    }

    /// Pairs the size with [`Frontier::root`].
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead::computed(self.size, self.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{MAX, leaves, mth};
    use crate::tree_head::MAX_TREE_SIZE;

    #[test]
    fn root_equals_the_recursion_at_every_size() {
        let leaves = leaves();
        let mut tree = Frontier::new();
        for n in 0..=MAX {
            assert_eq!(tree.size().get(), n);
            assert_eq!(tree.root(), mth(&leaves[..n as usize]), "size {n}");
            assert_eq!(TreeHead::new(tree.size(), tree.root()), Ok(tree.head()));
            if n < MAX {
                assert_eq!(tree.append(leaves[n as usize]).map(LeafIndex::get), Ok(n));
            }
        }
    }

    #[test]
    fn a_frontier_taken_up_again_goes_on_as_before() {
        let leaves = leaves();
        let mut tree = Frontier::new();
        for leaf in &leaves {
            tree = Frontier::from_parts(tree.size(), tree.hashes().to_vec()).unwrap();
            tree.append(*leaf).unwrap();
        }
        assert_eq!(tree.root(), mth(&leaves));
    }

    #[test]
    fn from_parts_wants_one_hash_for_each_bit_of_the_size() {
        for n in 0..=MAX {
            let size = TreeSize::new(n).unwrap();
            let wanted = n.count_ones() as usize;
            for seen in (0..10).filter(|seen| *seen != wanted) {
                assert_eq!(
                    Frontier::from_parts(size, vec![EMPTY_ROOT; seen]),
                    Err(FrontierError::HashCount { seen, wanted, size })
                );
            }
        }
    }

    #[test]
    fn the_largest_tree_takes_no_further_leaf() {
        let hashes: Vec<_> = (0..63).map(|i| LeafHash::of(&[i]).hash()).collect();
        let largest = TreeSize::new(MAX_TREE_SIZE).unwrap();
        let mut tree = Frontier::from_parts(largest, hashes).unwrap();
        let before = tree.clone();
        assert_eq!(tree.append(LeafHash::of(b"")), Err(SizeError::LeafIndex { seen: MAX_TREE_SIZE }));
        assert_eq!(tree, before);
    }
}
