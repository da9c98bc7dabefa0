//! Reads every file under `testdata/envelope`; see the README there for the form of a case.

#![cfg(feature = "keys")]

mod cases;

use attest::dsse::{Envelope, EnvelopeError, MAX_PAYLOAD_BYTES, MAX_SIGNATURE_BYTES, pae};
use attest::key::PrivateKey;
use cases::{every_case_is_refused, files, folder, folders};
use proptest::prelude::*;

#[test]
fn pae_is_what_the_protocol_draws() {
    for case in folders("envelope/pae") {
        let file = |name| std::fs::read(folder("envelope/pae").join(&case).join(name)).unwrap();
        let payload_type = String::from_utf8(file("type")).unwrap();
        assert_eq!(pae(&payload_type, &file("payload")), file("pae"), "{case}");
    }
}

#[test]
fn what_we_write_is_read_and_written_back() {
    for case in files("envelope/canonical") {
        let envelope = Envelope::parse(&case.bytes).unwrap();
        assert_eq!(envelope.to_json(), case.bytes, "{}", case.name);
    }
}

#[test]
fn signing_again_makes_the_same_envelope() {
    for case in files("envelope/canonical") {
        let pem = folder("entry/keys").join(case.name.replace(".json", ".pem"));
        let key = PrivateKey::from_pem(&std::fs::read_to_string(pem).unwrap(), None).unwrap();
        let envelope = Envelope::parse(&case.bytes).unwrap();
        assert_eq!(envelope.verify(&key.public_key()), Ok(()), "{}", case.name);
        assert_eq!(Envelope::sign(envelope.payload().to_vec(), &key), Ok(envelope), "{}", case.name);
    }
}

#[test]
fn other_spellings_that_mean_the_same_are_read() {
    for case in files("envelope/accept") {
        let envelope = Envelope::parse(&case.bytes).unwrap();
        assert_eq!(Envelope::parse(&envelope.to_json()), Ok(envelope), "{}", case.name);
    }
}

#[test]
fn every_reject_case_is_refused_for_its_reason() {
    every_case_is_refused("envelope/reject", Envelope::parse);
}

#[test]
fn a_signature_covers_payload_and_signature_bytes() {
    for case in files("envelope/canonical") {
        let pem = folder("entry/keys").join(case.name.replace(".json", ".pem"));
        let key = PrivateKey::from_pem(&std::fs::read_to_string(pem).unwrap(), None).unwrap().public_key();
        let envelope = Envelope::parse(&case.bytes).unwrap();
        let mut payload = envelope.payload().to_vec();
        payload[7] ^= 1;
        let changed = Envelope::new(payload, envelope.signature().to_vec()).unwrap();
        assert!(changed.verify(&key).is_err(), "{}", case.name);
        for index in 0..envelope.signature().len() {
            let mut signature = envelope.signature().to_vec();
            signature[index] ^= 1;
            let changed = Envelope::new(envelope.payload().to_vec(), signature).unwrap();
            assert!(changed.verify(&key).is_err(), "{} with byte {index} changed", case.name);
        }
    }
}

#[test]
fn limits_are_the_last_lengths_taken() {
    let new = |payload, signature| Envelope::new(vec![0; payload], vec![0; signature]).err();
    assert_eq!(new(MAX_PAYLOAD_BYTES, MAX_SIGNATURE_BYTES), None);
    let len = MAX_PAYLOAD_BYTES + 1;
    assert_eq!(new(len, 1), Some(EnvelopeError::PayloadLength { len }));
    let len = MAX_SIGNATURE_BYTES + 1;
    assert_eq!(new(0, len), Some(EnvelopeError::SignatureLength { len }));
    assert_eq!(new(0, 0), Some(EnvelopeError::SignatureLength { len: 0 }));
}

#[test]
fn the_longest_envelope_is_read_back() {
    let envelope = Envelope::new(vec![0xff; MAX_PAYLOAD_BYTES], vec![0xff; MAX_SIGNATURE_BYTES]).unwrap();
    assert_eq!(Envelope::parse(&envelope.to_json()), Ok(envelope));
}

proptest! {
    #[test]
    fn any_payload_and_signature_are_read_back(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        signature in prop::collection::vec(any::<u8>(), 1..100),
    ) {
        let envelope = Envelope::new(payload, signature).unwrap();
        let json = envelope.to_json();
        let read = Envelope::parse(&json).unwrap();
        prop_assert_eq!(read.to_json(), json);
        prop_assert_eq!(read, envelope);
    }
}
