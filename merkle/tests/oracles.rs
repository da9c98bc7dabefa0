//! Roots and proofs held against two libraries written by other people.
//!
//! * rs_merkle carries a lone node up as RFC 6962 does, but hashes without prefixes. Given a hasher with them
//!   it answers for roots and inclusion proofs. It has no consistency proofs.
//! * ct-merkle follows RFC 6962 and answers for roots, inclusion and consistency proofs.
//!
//! A proof from here has to pass their verifier, and a proof of theirs ours.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use merkle::{
    ConsistencyProof, Frontier, Hash, InclusionProof, LeafHash, LeafIndex, NodeId, Subtree, TreeHead,
    TreeSize, node_hash, range_hash,
};
use rs_merkle::{Hasher, MerkleProof, MerkleTree};
use sha2::{Digest, Sha256};

/// Past 128, so that a leaf stands alone on a level of its own.
const MAX: u64 = 130;

fn entry(i: u64) -> Vec<u8> {
    format!("entry {i}").into_bytes()
}

fn leaf(i: u64) -> LeafHash {
    LeafHash::of(&entry(i))
}

/// Hashes a node from scratch; slow, but it needs no storage.
fn node(id: NodeId) -> Result<Hash, Infallible> {
    if id.level() == 0 {
        return Ok(leaf(id.index()).hash());
    }
    let child = |index| NodeId::new(id.level() - 1, index).map(node).expect("a child of a node is a node");
    let (Ok(left), Ok(right)) = (child(2 * id.index()), child(2 * id.index() + 1));
    Ok(node_hash(&left, &right))
}

fn size(n: u64) -> TreeSize {
    TreeSize::new(n).unwrap()
}

fn head(n: u64) -> TreeHead {
    let Ok(root) = range_hash(Subtree::whole(size(n)), node);
    TreeHead::new(size(n), root).unwrap()
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|chunk| Hash::from_slice(chunk).expect("whole hashes")).collect()
}

fn flat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.to_bytes()).collect()
}

/// RFC 6962's hashing for rs_merkle, which takes leaves already hashed and passes two children as one slice.
#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(children: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update([0x01]).chain_update(children).finalize().into()
    }
}

fn rs_leaf(i: u64) -> [u8; 32] {
    Sha256::new().chain_update([0x00]).chain_update(entry(i)).finalize().into()
}

#[test]
fn rs_merkle_agrees_on_roots_and_inclusion_proofs() {
    for n in 1..=MAX {
        let leaves: Vec<_> = (0..n).map(rs_leaf).collect();
        let theirs = MerkleTree::<Rfc6962>::from_leaves(&leaves);
        let head = head(n);
        assert_eq!(theirs.root(), Some(head.root().to_bytes()), "size {n}");
        for i in 0..n {
            let ours = InclusionProof::build(LeafIndex::new(i).unwrap(), size(n), node).unwrap();
            let path = theirs.proof(&[i as usize]);
            assert_eq!(path.to_bytes(), flat(ours.hashes()), "{i} in {n}");
            let back = MerkleProof::<Rfc6962>::from_bytes(&flat(ours.hashes())).unwrap();
            assert!(
                back.verify(head.root().to_bytes(), &[i as usize], &[rs_leaf(i)], n as usize),
                "{i} in {n}"
            );
            let theirs = InclusionProof::new(LeafIndex::new(i).unwrap(), hashes(&path.to_bytes())).unwrap();
            assert_eq!(theirs.verify(&leaf(i), &head), Ok(()), "{i} in {n}");
        }
    }
}

#[test]
fn ct_merkle_agrees_on_roots_and_inclusion_proofs() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = Frontier::new();
    for n in 1..=MAX {
        theirs.push(entry(n - 1));
        ours.append(leaf(n - 1)).unwrap();
        let (their_root, head) = (theirs.root(), ours.head());
        assert_eq!(their_root.as_bytes().as_slice(), head.root().as_bytes(), "size {n}");
        for i in 0..n {
            let proof = InclusionProof::build(LeafIndex::new(i).unwrap(), size(n), node).unwrap();
            let path = theirs.prove_inclusion(i as usize);
            assert_eq!(path.as_bytes(), flat(proof.hashes()), "{i} in {n}");
            let back = ct_merkle::InclusionProof::try_from_bytes(flat(proof.hashes())).unwrap();
            their_root.verify_inclusion(&entry(i), i, &back).unwrap();
            let theirs = InclusionProof::new(LeafIndex::new(i).unwrap(), hashes(path.as_bytes())).unwrap();
            assert_eq!(theirs.verify(&leaf(i), &head), Ok(()), "{i} in {n}");
        }
    }
}

#[test]
fn ct_merkle_agrees_on_consistency_proofs() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut roots = vec![theirs.root()];
    for new in 1..=MAX {
        theirs.push(entry(new - 1));
        roots.push(theirs.root());
        for old in 1..=new {
            let (old_head, new_head) = (head(old), head(new));
            let ours = ConsistencyProof::build(size(old), size(new), node).unwrap();
            let proof = theirs.prove_consistency((new - old) as usize);
            assert_eq!(proof.as_bytes(), flat(ours.hashes()), "{old} to {new}");
            let back = ct_merkle::ConsistencyProof::try_from_bytes(flat(ours.hashes())).unwrap();
            roots[new as usize].verify_consistency(&roots[old as usize], &back).unwrap();
            let theirs = ConsistencyProof::new(hashes(proof.as_bytes())).unwrap();
            assert_eq!(theirs.verify(&old_head, &new_head), Ok(()), "{old} to {new}");
        }
    }
}
