//! Any two tree sizes: the proof built verifies, and with one hash changed it does not. Any list of hashes:
//! no panic, and no proof of something that is not so.

#![no_main]

use libfuzzer_sys::fuzz_target;
use merkle::{ConsistencyProof, Hash, Subtree, TreeHead, TreeSize, range_hash};
use tallymark_fuzz::{UniformTree, changed, number};

fuzz_target!(|input: &[u8]| {
    run(input);
});

fn run(mut input: &[u8]) -> Option<()> {
    let tree = UniformTree::new();
    let (old, new) = (TreeSize::new(number(&mut input)?).ok()?, TreeSize::new(number(&mut input)?).ok()?);
    let (&[kind, place], hashes) = input.split_first_chunk()?;
    let head = |size| {
        let Ok(root) = range_hash(Subtree::whole(size), |node| tree.get(node));
        TreeHead::new(size, root).expect("the root of a tree fits its size")
    };
    let (old_head, new_head) = (head(old), head(new));

    let built = ConsistencyProof::build(old, new, |node| tree.get(node));
    assert_eq!(built.is_ok(), old != TreeSize::ZERO && old <= new);
    if let Ok(proof) = &built {
        proof.verify(&old_head, &new_head).expect("a proof just built verifies");
        if let Ok(wrong) = ConsistencyProof::new(changed(proof.hashes(), kind, place)) {
            wrong.verify(&old_head, &new_head).expect_err("a changed proof is refused");
        }
    }

    let hashes: Vec<_> = hashes.chunks_exact(32).filter_map(Hash::from_slice).collect();
    let given = ConsistencyProof::new(hashes).ok()?;
    if given.verify(&old_head, &new_head).is_ok() {
        assert_eq!(Ok(given), built);
    }
    Some(())
}
