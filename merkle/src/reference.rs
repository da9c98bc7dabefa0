//! The tree as RFC 6962 §2.1 writes it: recursive, slow and obvious. For tests only.
//!
//! Nothing here is shared with the code under test but the two hash functions. A stored tree for building
//! proofs is filled from the recursion as well.

use core::ops::Range;

use crate::hash::{EMPTY_ROOT, Hash, LeafHash, node_hash};
use crate::node::NodeId;
use crate::tree_head::{LeafIndex, TreeHead, TreeSize};

/// Sizes up to here are tried exhaustively: past 128, so that a seventh level begins and a leaf stands alone
/// on it.
pub(crate) const MAX: u64 = 130;

/// The leaves that all tests use: entry `i` is the one byte `i`.
pub(crate) fn leaves() -> Vec<LeafHash> {
    (0..MAX as u8).map(|i| LeafHash::of(&[i])).collect()
}

/// `k`: the largest power of two strictly below `n`, for `n > 1`.
fn split(n: usize) -> usize {
    (0..).map(|bit| 1 << bit).take_while(|k| *k < n).last().expect("n > 1")
}

/// `MTH(D)`.
pub(crate) fn mth(d: &[LeafHash]) -> Hash {
    match d {
        [] => EMPTY_ROOT,
        [leaf] => leaf.hash(),
        _ => {
            let (left, right) = d.split_at(split(d.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// `PATH(m, D)`.
pub(crate) fn path(m: usize, d: &[LeafHash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = split(d.len());
    let (left, right) = d.split_at(k);
    let (mut hashes, sibling) =
        if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
    hashes.push(sibling);
    hashes
}

/// `PROOF(m, D)`.
pub(crate) fn proof(m: usize, d: &[LeafHash]) -> Vec<Hash> {
    subproof(m, d, true)
}

/// `SUBPROOF(m, D, b)`.
fn subproof(m: usize, d: &[LeafHash], known: bool) -> Vec<Hash> {
    if m == d.len() {
        return if known { Vec::new() } else { vec![mth(d)] };
    }
    let k = split(d.len());
    let (left, right) = d.split_at(k);
    let (mut hashes, sibling) = if m <= k {
        (subproof(m, left, known), mth(right))
    } else {
        (subproof(m - k, right, false), mth(left))
    };
    hashes.push(sibling);
    hashes
}

/// The subtree consistency proof of draft-ietf-plants-merkle-tree-certs: `SUBTREE_SUBPROOF(start, end, D,
/// b)`.
pub(crate) fn subtree_proof(leaves: Range<usize>, d: &[LeafHash], known: bool) -> Vec<Hash> {
    let Range { start, end } = leaves;
    if start == 0 && end == d.len() {
        return if known { Vec::new() } else { vec![mth(d)] };
    }
    let k = split(d.len());
    let (left, right) = d.split_at(k);
    let (mut hashes, sibling) = if end <= k {
        (subtree_proof(start..end, left, known), mth(right))
    } else if k <= start {
        (subtree_proof(start - k..end - k, right, known), mth(left))
    } else {
        assert_eq!(start, 0, "a subtree that crosses a split starts with the tree");
        (subtree_proof(0..end - k, right, false), mth(left))
    };
    hashes.push(sibling);
    hashes
}

/// The head of the tree of the first `size` leaves.
pub(crate) fn head(d: &[LeafHash], size: u64) -> TreeHead {
    TreeHead::new(TreeSize::new(size).unwrap(), mth(&d[..size as usize])).unwrap()
}

/// An index that fits.
pub(crate) fn index(i: u64) -> LeafIndex {
    LeafIndex::new(i).unwrap()
}

/// A size that fits.
pub(crate) fn size(n: u64) -> TreeSize {
    TreeSize::new(n).unwrap()
}

/// A log's storage: every perfect node over the leaves of a tree.
pub(crate) struct Stored(Vec<Vec<Hash>>);

/// A node that a tree of the given size does not have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outside(pub(crate) NodeId);

impl Stored {
    /// Hashes all perfect nodes over `d`.
    pub(crate) fn new(d: &[LeafHash]) -> Self {
        let levels = (0..8).map(|level| d.chunks_exact(1 << level).map(mth).collect());
        Self(levels.collect())
    }

    /// Reads as from a log of `size` leaves: what lies beyond has not been written yet.
    pub(crate) fn at(&self, size: u64) -> impl Fn(NodeId) -> Result<Hash, Outside> {
        move |node| {
            let hash =
                self.0.get(usize::from(node.level())).and_then(|level| level.get(node.index() as usize));
            hash.copied().filter(|_| node.end() <= size).ok_or(Outside(node))
        }
    }
}

/// Every wrong list of hashes that is one step away: a bit flipped, one dropped, one put in (a stranger or a
/// copy of the neighbour), two swapped.
pub(crate) fn spoiled(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let stranger = LeafHash::of(b"stranger").hash();
    let mut lists = Vec::new();
    for i in 0..hashes.len() {
        for bit in [0x01, 0x80] {
            let mut flipped = hashes.to_vec();
            let mut bytes = flipped[i].to_bytes();
            bytes[i * 5 % 32] ^= bit;
            flipped[i] = Hash::from_bytes(bytes);
            lists.push(flipped);
        }
        let mut dropped = hashes.to_vec();
        dropped.remove(i);
        lists.push(dropped);
        let mut doubled = hashes.to_vec();
        doubled.insert(i, hashes[i]);
        lists.push(doubled);
        for j in 0..i {
            let mut swapped = hashes.to_vec();
            swapped.swap(i, j);
            lists.push(swapped);
        }
    }
    for i in 0..=hashes.len() {
        let mut extra = hashes.to_vec();
        extra.insert(i, stranger);
        lists.push(extra);
    }
    lists
}
