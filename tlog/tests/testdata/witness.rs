use merkle::{Frontier, LeafHash, TreeHead};
use tlog::text::MAX_NOTE_BYTES;
use tlog::witness::{
    AddCheckpointRequest, AddCheckpointRequestError, AddCheckpointResponse, AddCheckpointResponseError,
    WitnessedSize,
};

use crate::cases::{list, list_refused};

#[test]
fn accepted_requests_are_written_back() {
    for case in list("witness/request/accept") {
        let bytes = case.bytes();
        let request = case.accepted(AddCheckpointRequest::parse(&bytes));
        assert_eq!(request.to_bytes(), bytes, "{case}");
        let (proof, checkpoint) = (request.proof().clone(), request.checkpoint().clone());
        assert_eq!(AddCheckpointRequest::new(request.old(), proof, checkpoint), Ok(request), "{case}");
    }
}

#[test]
fn refused_requests_are_refused_for_their_reason() {
    for case in list_refused("witness/request/reject") {
        case.refused(AddCheckpointRequest::parse(&case.bytes()));
    }
}

#[test]
fn only_a_wrong_root_of_the_empty_tree_is_told_apart() {
    for case in list_refused("witness/request/reject") {
        let error = AddCheckpointRequest::parse(&case.bytes()).unwrap_err();
        let told_apart = case.folder == "Checkpoint.Head.EmptyTreeRoot";
        assert_eq!(error.is_root_of_empty_tree(), told_apart, "{case}");
    }
}

#[test]
fn the_golden_request_is_consistent_from_2_to_3() {
    let case = list("witness/request/accept")
        .into_iter()
        .find(|case| case.name() == "golden-2-to-3.request")
        .unwrap();
    let request = AddCheckpointRequest::parse(&case.bytes()).unwrap();
    let mut tree = Frontier::new();
    for entry in [b"one", b"two"] {
        tree.append(LeafHash::of(entry)).unwrap();
    }
    let old: TreeHead = tree.head();
    assert_eq!(request.old(), old.size());
    assert_eq!(request.proof().verify(&old, request.checkpoint().unverified().head()), Ok(()));
}

#[test]
fn accepted_answers_are_written_back() {
    for case in list("witness/response/accept") {
        let answer = case.accepted(AddCheckpointResponse::parse(&case.bytes()));
        assert_eq!(answer.to_bytes(), case.bytes(), "{case}");
        assert_eq!(AddCheckpointResponse::new(answer.signatures().to_vec()), Ok(answer), "{case}");
    }
}

#[test]
fn refused_answers_are_refused_for_their_reason() {
    for case in list_refused("witness/response/reject") {
        case.refused(AddCheckpointResponse::parse(&case.bytes()));
    }
}

#[test]
fn accepted_sizes_are_written_back() {
    for case in list("witness/size/accept") {
        let body = String::from_utf8(case.bytes()).unwrap();
        let size: WitnessedSize = case.accepted(body.parse());
        assert_eq!(size.to_string(), body, "{case}");
    }
}

#[test]
fn refused_sizes_are_refused_for_their_reason() {
    for case in list_refused("witness/size/reject") {
        case.refused(String::from_utf8(case.bytes()).unwrap().parse::<WitnessedSize>());
    }
}

#[test]
fn bodies_are_bounded() {
    let seen = MAX_NOTE_BYTES + 1;
    let body = vec![b'x'; seen];
    assert_eq!(AddCheckpointRequest::parse(&body), Err(AddCheckpointRequestError::TooLong { seen }));
    assert_eq!(AddCheckpointResponse::parse(&body), Err(AddCheckpointResponseError::TooLong { seen }));
    assert_eq!(AddCheckpointResponse::new(Vec::new()), Err(AddCheckpointResponseError::Empty));
}
