//! Inclusion proofs: this leaf stands at this index of that tree.
//!
//! Building follows RFC 6962 §2.1.1, verification RFC 9162 §2.1.3.2.
//!
//! In scope: the path of hashes. Out of scope: the text form (`tlog::proof`) and who vouches for the tree
//! head.

use crate::error::{BuildError, ProofError};
use crate::hash::{Hash, LeafHash, node_hash};
use crate::node::{NodeId, hash_of_range};
use crate::tree_head::{LeafIndex, TreeHead, TreeSize};

/// The longest inclusion proof: the height of a tree of [`crate::MAX_TREE_SIZE`] leaves.
pub const MAX_INCLUSION_HASHES: usize = 63;

/// The hashes beside the way from a leaf to the root, lowest first, with the index they were made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    index: LeafIndex,
    hashes: Vec<Hash>,
}

impl InclusionProof {
    /// Takes a proof as received. Nothing is implied about its truth.
    ///
    /// # Errors
    ///
    /// [`ProofError::ProofTooLong`] if there are more than [`MAX_INCLUSION_HASHES`] hashes.
    pub fn new(index: LeafIndex, hashes: Vec<Hash>) -> Result<Self, ProofError> {
        if hashes.len() <= MAX_INCLUSION_HASHES {
            Ok(Self { index, hashes })
        } else {
            Err(ProofError::ProofTooLong { seen: hashes.len(), limit: MAX_INCLUSION_HASHES })
        }
    }

    /// Collects the proof for the leaf at `index` in the tree of the first `size` leaves.
    ///
    /// `get` hands out the hash of a perfect node; it is asked only for nodes inside the tree, at most 126
    /// times.
    ///
    /// # Errors
    ///
    /// * [`BuildError::IndexOutsideTree`] unless `index < size`;
    /// * [`BuildError::Read`] if `get` fails.
    pub fn build<E>(
        index: LeafIndex,
        size: TreeSize,
        mut get: impl FnMut(NodeId) -> Result<Hash, E>,
    ) -> Result<Self, BuildError<E>> {
        if index.get() >= size.get() {
            return Err(BuildError::IndexOutsideTree { index, start: 0, end: size.get() });
        }
        Ok(Self::built(index, path(0, index.get(), size.get(), &mut get)?))
    }

    /// For hashes that [`path`] collected, which are never too many.
    pub(crate) const fn built(index: LeafIndex, hashes: Vec<Hash>) -> Self {
        Self { index, hashes }
    }

    /// The leaf index that the proof was made for.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The hashes, from the leaf's sibling upwards.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Establishes that `leaf` stands at [`InclusionProof::index`] in the tree of `head`.
    ///
    /// # Errors
    ///
    /// * [`ProofError::IndexOutsideTree`] unless the index is below the tree's size;
    /// * [`ProofError::ProofLength`] if index and size call for another number of hashes;
    /// * [`ProofError::NewRootMismatch`] if the hashes lead to another root.
    pub fn verify(&self, leaf: &LeafHash, head: &TreeHead) -> Result<(), ProofError> {
        let seen = self.root(leaf, head.size())?;
        if seen == head.root() {
            Ok(())
        } else {
            Err(ProofError::NewRootMismatch { seen, wanted: head.root() })
        }
    }

    /// Computes the root that the tree of `size` leaves must have if this proof and this leaf are right.
    ///
    /// A root from here is as trustworthy as the proof: nothing, until it is compared with a signed one.
    ///
    /// # Errors
    ///
    /// * [`ProofError::IndexOutsideTree`] unless the index is below the size;
    /// * [`ProofError::ProofLength`] if index and size call for another number of hashes.
    pub fn root(&self, leaf: &LeafHash, size: TreeSize) -> Result<Hash, ProofError> {
        if self.index.get() >= size.get() {
            return Err(ProofError::IndexOutsideTree { index: self.index, start: 0, end: size.get() });
        }
        climb(self.index.get(), size.get(), leaf, &self.hashes)
    }
}

/// Collects the hashes beside the way up from leaf `index` among the leaves `[first, first + size)`, `index`
/// counted from `first`. Precondition: `index < size`, and `[first, first + size)` is a subtree.
pub(crate) fn path<E>(
    first: u64,
    index: u64,
    size: u64,
    get: &mut impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<Vec<Hash>, BuildError<E>> {
    let mut hashes = Vec::new();
    // The node on the way and the last node, both as an index within the level.
    let (mut node, mut last) = (index, size - 1);
    let mut level = 0;
    while last != 0 {
        // A node that is last and has an even index has no sibling: it is carried up.
        let sibling = if node & 1 == 1 {
            Some((node - 1) << level..node << level)
        } else if node < last {
            // The sibling may be the last node, which need not be perfect: it ends with the tree.
            Some((node + 1) << level..((node + 2) << level).min(size))
        } else {
            None
        };
        if let Some(leaves) = sibling {
            let (start, end) = (first + leaves.start, first + leaves.end);
            hashes.push(hash_of_range(start, end, get, |node, source| BuildError::Read { node, source })?);
        }
        (node, last, level) = (node >> 1, last >> 1, level + 1);
    }
    Ok(hashes)
}

/// Climbs from a leaf to the root (RFC 9162 §2.1.3.2). Precondition: `index < size`.
pub(crate) fn climb(index: u64, size: u64, leaf: &LeafHash, hashes: &[Hash]) -> Result<Hash, ProofError> {
    let wrong_length = || ProofError::ProofLength { seen: hashes.len(), wanted: path_length(index, size) };
    let (mut node, mut last) = (index, size - 1);
    let mut root = leaf.hash();
    for hash in hashes {
        if last == 0 {
            return Err(wrong_length());
        }
        if node & 1 == 1 || node == last {
            root = node_hash(hash, &root);
            // Levels at which the node was carried up have no hash in the proof.
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            root = node_hash(&root, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last == 0 { Ok(root) } else { Err(wrong_length()) }
}

/// How many hashes the proof for `index` in a tree of `size` leaves has. Precondition: `index < size`.
pub(crate) fn path_length(index: u64, size: u64) -> usize {
    // Up to the level at which the way of the leaf and that of the last leaf join, there is a sibling at each
    // level; above, there is one wherever the joint way is a right child.
    let apart = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let joint = index.checked_shr(apart).unwrap_or(0);
    (apart + joint.count_ones()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{self, MAX, Outside, Stored, head, index, leaves, size, spoiled};
    use crate::tree_head::MAX_TREE_SIZE;

    #[test]
    fn every_proof_equals_the_recursion_and_verifies() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        for n in 1..=MAX {
            let head = head(&leaves, n);
            for i in 0..n {
                let proof = InclusionProof::build(index(i), size(n), stored.at(n)).unwrap();
                assert_eq!(proof.hashes(), reference::path(i as usize, &leaves[..n as usize]), "{i} in {n}");
                assert_eq!(proof.hashes().len(), path_length(i, n), "{i} in {n}");
                assert_eq!(proof.verify(&leaves[i as usize], &head), Ok(()), "{i} in {n}");
            }
        }
    }

    #[test]
    fn verify_refuses_every_spoiled_proof() {
        let leaves = leaves();
        for n in 1..=MAX {
            let head = head(&leaves, n);
            for i in 0..n {
                let right = reference::path(i as usize, &leaves[..n as usize]);
                for wrong in spoiled(&right) {
                    let proof = InclusionProof::new(index(i), wrong.clone()).unwrap();
                    match proof.verify(&leaves[i as usize], &head) {
                        Err(ProofError::ProofLength { seen, wanted }) => {
                            assert_eq!((seen, wanted), (wrong.len(), right.len()), "{i} in {n}");
                        }
                        Err(ProofError::NewRootMismatch { wanted, .. }) => {
                            assert_eq!(wanted, head.root());
                            assert_eq!(wrong.len(), right.len(), "{i} in {n}");
                        }
                        other => panic!("{other:?} for {i} in {n} with {wrong:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn verify_refuses_the_leaf_at_every_other_index() {
        let leaves = leaves();
        for n in 1..=40 {
            let head = head(&leaves, n);
            for i in 0..n {
                let hashes = reference::path(i as usize, &leaves[..n as usize]);
                for other in (0..n).filter(|other| *other != i) {
                    let moved = InclusionProof::new(index(other), hashes.clone()).unwrap();
                    assert!(moved.verify(&leaves[i as usize], &head).is_err(), "{i} as {other} in {n}");
                    let proof = InclusionProof::new(index(i), hashes.clone()).unwrap();
                    let refused = proof.verify(&leaves[other as usize], &head);
                    assert!(
                        matches!(refused, Err(ProofError::NewRootMismatch { .. })),
                        "{other} as {i} in {n}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_index_at_or_beyond_the_size_is_refused() {
        let leaves = leaves();
        let stored = Stored::new(&leaves);
        for (i, n) in [(0, 0), (1, 1), (2, 1), (130, 130), (MAX_TREE_SIZE - 1, 130)] {
            let proof = InclusionProof::new(index(i), Vec::new()).unwrap();
            assert_eq!(
                proof.verify(&leaves[0], &head(&leaves, n)),
                Err(ProofError::IndexOutsideTree { index: index(i), start: 0, end: n })
            );
            assert_eq!(
                InclusionProof::build(index(i), size(n), stored.at(n)),
                Err(BuildError::IndexOutsideTree { index: index(i), start: 0, end: n })
            );
        }
    }

    #[test]
    fn build_names_the_node_that_cannot_be_read() {
        let stored = Stored::new(&leaves());
        let node = NodeId::leaf(index(2));
        assert_eq!(
            InclusionProof::build(index(3), size(4), stored.at(2)),
            Err(BuildError::Read { node, source: Outside(node) })
        );
    }

    #[test]
    fn new_takes_as_many_hashes_as_the_largest_tree_is_high() {
        let hash = LeafHash::of(b"").hash();
        let longest = InclusionProof::new(index(0), vec![hash; 63]).unwrap();
        assert!(longest.root(&LeafHash::of(b""), size(MAX_TREE_SIZE)).is_ok());
        assert_eq!(
            InclusionProof::new(index(0), vec![hash; 64]),
            Err(ProofError::ProofTooLong { seen: 64, limit: MAX_INCLUSION_HASHES })
        );
    }

    #[test]
    fn the_largest_tree_has_proofs_of_known_length() {
        let hash = LeafHash::of(b"").hash();
        for (i, hashes) in [(0, 63), (MAX_TREE_SIZE - 2, 63), (MAX_TREE_SIZE - 1, 62)] {
            let largest = size(MAX_TREE_SIZE);
            let proof = InclusionProof::build(index(i), largest, |_| Ok::<_, ()>(hash)).unwrap();
            assert_eq!(proof.hashes().len(), hashes, "index {i}");
            assert!(proof.root(&LeafHash::from_hash(hash), largest).is_ok());
        }
    }
}
