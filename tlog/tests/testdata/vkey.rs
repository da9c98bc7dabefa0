use tlog::vkey::{KeyAlgorithm, Vkey};

use crate::cases::{list, list_refused};

#[test]
fn accepted_vkeys_are_written_back() {
    for case in list("vkey/accept") {
        let vkey: Vkey = case.accepted(case.line().parse());
        assert_eq!(vkey.to_string(), case.line(), "{case}");
        let again = match vkey.algorithm() {
            KeyAlgorithm::Ed25519 => Vkey::ed25519(vkey.name().clone(), vkey.public_key()),
            _ => Vkey::cosignature_ed25519(vkey.name().clone(), vkey.public_key()),
        };
        assert_eq!(again, Ok(vkey), "{case}");
    }
}

#[test]
fn refused_vkeys_are_refused_for_their_reason() {
    for case in list_refused("vkey/reject") {
        case.refused(case.line().parse::<Vkey>());
    }
}

#[test]
fn log_id_starts_with_the_key_id() {
    for case in list("vkey/accept") {
        let vkey: Vkey = case.accepted(case.line().parse());
        assert_eq!(vkey.log_id()[..4], vkey.key_id().to_bytes(), "{case}");
    }
}
