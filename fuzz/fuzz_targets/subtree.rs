//! Any range: what is a subtree has proofs that verify and, changed, do not; any two covering subtrees fit
//! together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use merkle::subtree::{build_consistency, build_inclusion, covering, verify_consistency, verify_inclusion};
use merkle::{ConsistencyProof, InclusionProof, LeafIndex, Subtree, TreeHead, TreeSize, range_hash};
use tallymark_fuzz::{UniformTree, changed, number};

fuzz_target!(|input: &[u8]| {
    run(input);
});

fn run(mut input: &[u8]) -> Option<()> {
    let tree = UniformTree::new();
    let (start, end) = (number(&mut input)?, number(&mut input)?);
    let (index, size) = (LeafIndex::new(number(&mut input)?).ok()?, TreeSize::new(number(&mut input)?).ok()?);
    let &[kind, place] = input.first_chunk()?;

    if let Ok((left, right)) = covering(start..end) {
        assert_eq!(Subtree::new(left.start()..left.end()), Ok(left));
        assert_eq!(Subtree::new(right.start()..right.end()), Ok(right));
        assert!(left.start() <= start && left.end() == right.start() && right.end() == end);
    }

    let subtree = Subtree::new(start..end).ok()?;
    let Ok(root) = range_hash(subtree, |node| tree.get(node));
    let Ok(tree_root) = range_hash(Subtree::whole(size), |node| tree.get(node));
    let head = TreeHead::new(size, tree_root).expect("the root of a tree fits its size");

    let inclusion = build_inclusion(index, subtree, |node| tree.get(node));
    assert_eq!(inclusion.is_ok(), (start..end).contains(&index.get()));
    if let Ok(proof) = inclusion {
        verify_inclusion(&proof, &tree.leaf(), subtree, &root).expect("a proof just built verifies");
        if let Ok(wrong) = InclusionProof::new(index, changed(proof.hashes(), kind, place)) {
            verify_inclusion(&wrong, &tree.leaf(), subtree, &root).expect_err("a changed proof is refused");
        }
    }
    let consistency = build_consistency(subtree, size, |node| tree.get(node));
    assert_eq!(consistency.is_ok(), start < end && end <= size.get());
    if let Ok(proof) = consistency {
        verify_consistency(&proof, subtree, &root, &head).expect("a proof just built verifies");
        if let Ok(wrong) = ConsistencyProof::new(changed(proof.hashes(), kind, place)) {
            verify_consistency(&wrong, subtree, &root, &head).expect_err("a changed proof is refused");
        }
    }
    Some(())
}
