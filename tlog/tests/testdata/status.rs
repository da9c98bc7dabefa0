use tlog::status::SignedStatus;

use crate::cases::{Case, list, list_refused};

fn opened(case: &Case) -> Result<(), tlog::checkpoint::CheckpointOpenError> {
    let signed = case.accepted(SignedStatus::parse(&case.read("note")));
    assert_eq!(signed.as_bytes(), case.read("note"), "{case}");
    assert_eq!(signed.unverified().to_string().parse().as_ref(), Ok(signed.unverified()), "{case}");
    let verified = signed.open(&case.vkeys("vkey")[0])?;
    assert_eq!(verified.status(), signed.unverified(), "{case}");
    Ok(())
}

#[test]
fn accepted_statuses_are_opened_and_written_back() {
    for case in list("status/note/accept") {
        case.accepted(opened(&case));
    }
}

#[test]
fn refused_statuses_are_refused_for_their_reason() {
    for case in list_refused("status/note/reject") {
        case.refused(SignedStatus::parse(&case.bytes()));
    }
}

#[test]
fn untrusted_statuses_are_refused_for_their_reason() {
    for case in list_refused("status/note/untrusted") {
        case.refused(opened(&case));
    }
}

#[test]
fn any_one_bit_change_of_a_status_is_refused() {
    let case = &list("status/note/accept")[0];
    let (bytes, vkey) = (case.read("note"), &case.vkeys("vkey")[0]);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = SignedStatus::parse(&changed).map(|status| status.open(vkey));
        assert!(!matches!(opened, Ok(Ok(_))), "{case}: bit {bit}");
    }
}
