use ed25519_dalek::SigningKey;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::{UnixSeconds, cosign, message, verify};
use tlog::vkey::Vkey;

use crate::cases::{Case, list, list_refused};

/// The line in question is the last one of the checkpoint.
fn parts(case: &Case) -> (SignedCheckpoint, Vkey) {
    let signed = case.accepted(SignedCheckpoint::parse(&case.read("checkpoint")));
    (signed, case.text("vkey").trim_end().parse().unwrap())
}

#[test]
fn accepted_cosignatures_verify_and_tell_their_time() {
    for case in list("cosignature/accept") {
        let (signed, vkey) = parts(&case);
        let line = signed.note().signatures().last().unwrap();
        let cosignature = case.accepted(verify(&vkey, line, signed.note().text()));
        assert_eq!(format!("{}\n", cosignature.timestamp()), case.text("timestamp"), "{case}");
        assert_eq!(cosignature.witness(), vkey.name(), "{case}");
        assert_eq!(cosignature.key_id(), vkey.key_id(), "{case}");
        let signed_bytes = message(signed.note().text(), cosignature.timestamp());
        assert_eq!(signed_bytes, case.read("message"), "{case}");
    }
}

#[test]
fn witness_writes_the_same_cosignatures() {
    let seed: [u8; 32] = std::array::from_fn(|i| 0x20 + i as u8);
    for case in list("cosignature/accept") {
        let (signed, vkey) = parts(&case);
        let timestamp = UnixSeconds::new(case.text("timestamp").trim_end().parse().unwrap()).unwrap();
        let line = cosign(&SigningKey::from_bytes(&seed), vkey.name(), signed.note().text(), timestamp);
        assert_eq!(signed.note().signatures().last(), Some(&line), "{case}");
    }
}

#[test]
fn refused_cosignatures_are_refused_for_their_reason() {
    for case in list_refused("cosignature/reject") {
        let (signed, vkey) = parts(&case);
        let line = signed.note().signatures().last().unwrap();
        case.refused(verify(&vkey, line, signed.note().text()));
    }
}

#[test]
fn times_end_at_two_to_the_63_less_one() {
    assert!(UnixSeconds::new((1 << 63) - 1).is_ok());
    assert!(UnixSeconds::new(1 << 63).is_err());
}
