use ed25519_dalek::SigningKey;
use merkle::{LeafHash, TreeHead, TreeSize, node_hash};
use tlog::checkpoint::{
    Checkpoint, CheckpointOpenError, CheckpointSigner, Origin, OriginError, SignedCheckpoint,
};
use tlog::vkey::{KeyNameError, Vkey};

use crate::cases::{list, list_refused};

#[test]
fn accepted_checkpoints_open_and_are_written_back() {
    for case in list("checkpoint/accept") {
        let bytes = case.read("checkpoint");
        let signed = case.accepted(SignedCheckpoint::parse(&bytes));
        assert_eq!(signed.as_bytes(), bytes, "{case}");
        let checkpoint = signed.unverified();
        assert_eq!(checkpoint.to_string(), signed.note().text(), "{case}");
        assert_eq!(checkpoint.to_string().parse::<Checkpoint>().as_ref(), Ok(checkpoint), "{case}");
        if case.has("vkeys") {
            let vkeys = case.vkeys("vkeys");
            let verified = case.accepted(signed.open_with(&vkeys_without_witnesses(&vkeys)));
            assert_eq!(verified.checkpoint(), checkpoint, "{case}");
            assert_eq!(verified.as_bytes(), bytes, "{case}");
        }
    }
}

fn vkeys_without_witnesses(vkeys: &[Vkey]) -> Vec<&Vkey> {
    vkeys.iter().filter(|vkey| !vkey.name().as_str().starts_with("witness.")).collect()
}

#[test]
fn refused_checkpoints_are_refused_for_their_reason() {
    for case in list_refused("checkpoint/reject") {
        case.refused(SignedCheckpoint::parse(&case.bytes()));
    }
}

#[test]
fn untrusted_checkpoints_are_refused_for_their_reason() {
    for case in list_refused("checkpoint/untrusted") {
        let signed = case.accepted(SignedCheckpoint::parse(&case.read("checkpoint")));
        case.refused(signed.open_with(&case.vkeys("vkeys").iter().collect::<Vec<_>>()));
    }
}

fn head_of_one_two_three() -> TreeHead {
    let [one, two, three] = [b"one".as_slice(), b"two", b"three"].map(|entry| LeafHash::of(entry).hash());
    let root = node_hash(&node_hash(&one, &two), &three);
    TreeHead::new(TreeSize::new(3).unwrap(), root).unwrap()
}

#[test]
fn signer_writes_the_golden_checkpoint() {
    let golden = list("checkpoint/accept").into_iter().find(|case| case.name() == "golden").unwrap();
    let seed: [u8; 32] = std::array::from_fn(|i| i as u8);
    let origin: Origin = "log.example.org/models".parse().unwrap();
    let signer = CheckpointSigner::ed25519(origin, SigningKey::from_bytes(&seed)).unwrap();
    let signed = signer.sign(&head_of_one_two_three());
    assert_eq!(signed, golden.read("checkpoint"));
    assert_eq!(signed.len(), 191);
    assert_eq!(*signer.vkey(), golden.vkeys("vkeys")[0]);
}

#[test]
fn an_empty_list_of_keys_opens_nothing() {
    for case in list("checkpoint/accept") {
        let signed = case.accepted(SignedCheckpoint::parse(&case.read("checkpoint")));
        assert!(matches!(signed.open_with(&[]), Err(CheckpointOpenError::Signature { .. })), "{case}");
    }
}

#[test]
fn a_log_whose_key_has_another_name_is_opened_by_its_origin_only() {
    let case =
        list("checkpoint/accept").into_iter().find(|case| case.name() == "origin-with-spaces").unwrap();
    let signed = SignedCheckpoint::parse(&case.read("checkpoint")).unwrap();
    let vkey: Vkey = VKEY_OF_ORIGIN_WITH_SPACES.parse().unwrap();
    let origin: Origin = "go.sum database tree".parse().unwrap();
    assert!(signed.open_foreign(&origin, &[&vkey]).is_ok());
    let other: Origin = "another tree".parse().unwrap();
    assert!(matches!(
        signed.open_foreign(&other, &[&vkey]),
        Err(CheckpointOpenError::OtherOrigin { wanted, .. }) if wanted == other
    ));
    assert!(matches!(signed.open(&vkey), Err(CheckpointOpenError::OtherOrigin { .. })));
}

/// Seed SHA-256("sum"), name `sum.example.org`.
const VKEY_OF_ORIGIN_WITH_SPACES: &str =
    "sum.example.org+c8b0d94e+ASY3F8GW4/2o1Be2kW5n/5SzrvuEqTa9ocfQNTzkGey9";

#[test]
fn origins_are_one_line_of_1_to_255_bytes() {
    assert_eq!("".parse::<Origin>(), Err(OriginError::Empty));
    assert_eq!("a\nb".parse::<Origin>(), Err(OriginError::ControlByte { offset: 1 }));
    assert_eq!("o".repeat(256).parse::<Origin>(), Err(OriginError::TooLong { seen: 256 }));
    assert!("o".repeat(255).parse::<Origin>().is_ok());
}

#[test]
fn an_origin_that_names_no_key_cannot_sign() {
    let origin: Origin = "go.sum database tree".parse().unwrap();
    let refused = CheckpointSigner::ed25519(origin, SigningKey::from_bytes(&[1; 32])).map(drop);
    assert_eq!(refused, Err(KeyNameError::WhiteSpace { offset: 6, seen: ' ' }));
}
