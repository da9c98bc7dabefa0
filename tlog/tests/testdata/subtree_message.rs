//! `testdata/subtree-message`: what an ML-DSA-44 cosignature signs.

use merkle::subtree::Subtree;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::UnixSeconds;
use tlog::subtree_message::{SubtreeMessageError, subtree_message};

use crate::cases::list;

/// The checkpoint of `one`, `two`, `three`.
fn golden_checkpoint() -> SignedCheckpoint {
    let cases = list("note/accept");
    let golden = cases.iter().find(|case| case.name() == "golden-checkpoint").unwrap();
    SignedCheckpoint::parse(&golden.read("note")).unwrap()
}

#[test]
fn the_message_over_the_golden_checkpoint_is_the_golden_message() {
    let checkpoint = golden_checkpoint();
    let (origin, head) = (checkpoint.unverified().origin(), checkpoint.unverified().head());
    for case in list("subtree-message") {
        let cosigner = "witness.example.org/w1".parse().unwrap();
        let time = UnixSeconds::new(1_700_000_000).unwrap();
        let message = subtree_message(&cosigner, time, origin, Subtree::whole(head.size()), &head.root());
        assert_eq!(case.accepted(message), case.bytes(), "{case}");
    }
}

#[test]
fn a_subtree_that_begins_inside_the_tree_carries_no_time() {
    let checkpoint = golden_checkpoint();
    let (origin, head) = (checkpoint.unverified().origin(), checkpoint.unverified().head());
    let cosigner = "witness.example.org/w1".parse().unwrap();
    let message = |seconds| {
        let (time, subtree) = (UnixSeconds::new(seconds).unwrap(), Subtree::new(2..3).unwrap());
        subtree_message(&cosigner, time, origin, subtree, &head.root())
    };
    assert!(message(0).is_ok());
    assert!(matches!(message(1), Err(SubtreeMessageError::TimestampOfInnerSubtree { start: 2, .. })));
}
