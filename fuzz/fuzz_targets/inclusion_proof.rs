//! Any index in a tree of any size: the proof built verifies, and with one hash changed it does not.
//! Any list of hashes: the root it leads to changes with every bit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use merkle::{Hash, InclusionProof, LeafIndex, Subtree, TreeHead, TreeSize, range_hash};
use tallymark_fuzz::{UniformTree, changed, number};

fuzz_target!(|input: &[u8]| {
    run(input);
});

fn run(mut input: &[u8]) -> Option<()> {
    let tree = UniformTree::new();
    let (index, size) = (LeafIndex::new(number(&mut input)?).ok()?, TreeSize::new(number(&mut input)?).ok()?);
    let (&[kind, place], hashes) = input.split_first_chunk()?;

    let Ok(root) = range_hash(Subtree::whole(size), |node| tree.get(node));
    let head = TreeHead::new(size, root).expect("the root of a tree fits its size");
    let built = InclusionProof::build(index, size, |node| tree.get(node));
    assert_eq!(built.is_ok(), index.get() < size.get());
    if let Ok(proof) = &built {
        proof.verify(&tree.leaf(), &head).expect("a proof just built verifies");
        if let Ok(wrong) = InclusionProof::new(index, changed(proof.hashes(), kind, place)) {
            wrong.verify(&tree.leaf(), &head).expect_err("a changed proof is refused");
        }
    }

    let hashes: Vec<_> = hashes.chunks_exact(32).filter_map(Hash::from_slice).collect();
    let wanted = built.map(|proof| proof.hashes().len());
    let proof = InclusionProof::new(index, hashes.clone()).ok()?;
    assert_eq!(proof.hashes(), hashes);
    let root = proof.root(&tree.leaf(), size);
    assert_eq!(root.is_ok(), wanted == Ok(hashes.len()));
    let changed = InclusionProof::new(index, changed(&hashes, kind, place)).ok()?;
    assert_ne!(root.ok()?, changed.root(&tree.leaf(), size).ok()?);
    Some(())
}
