//! Reads every file under `testdata/entry`; see the README there for the form of a case.

#![cfg(feature = "keys")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;

use attest::entry::{Entry, EntryError, EntryPayload, MAX_ENTRY_BYTES};
use attest::key::PrivateKey;
use attest::statement::Statement;
use cases::{every_case_is_refused, files, folder};
use merkle::LeafHash;

fn key(name: &str) -> PrivateKey {
    let pem = std::fs::read_to_string(folder("entry/keys").join(format!("{name}.pem"))).unwrap();
    PrivateKey::from_pem(&pem, None).unwrap()
}

fn statement(name: &str) -> Statement {
    let canonical = folder("statement/canonical").join(format!("{name}.json"));
    let accepted = folder("statement/accept").join(format!("{name}.json"));
    let bytes = std::fs::read(canonical).or_else(|_| std::fs::read(accepted)).unwrap();
    Statement::parse(&bytes).unwrap()
}

#[test]
fn every_accept_case_is_read_verified_and_kept() {
    for case in files("entry/accept") {
        let entry = Entry::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(entry.verify(), Ok(()), "{}", case.name);
        assert_eq!(entry.as_bytes(), case.bytes, "{}", case.name);
        assert_eq!(entry.leaf_hash(), LeafHash::of(&case.bytes), "{}", case.name);
    }
}

#[test]
fn every_reject_case_is_refused_for_its_reason() {
    every_case_is_refused("entry/reject", Entry::parse);
}

#[test]
fn every_unsigned_case_is_read_and_not_verified() {
    every_case_is_refused("entry/unsigned", |bytes| {
        Entry::parse(bytes).unwrap_or_else(|error| panic!("{error:?}")).verify()
    });
}

/// The files were computed from the same statements by other people's code.
#[test]
fn an_entry_follows_from_statement_and_key() {
    for case in files("entry/from-statement") {
        let [name, key_name, "cbor"] = case.name.split('.').collect::<Vec<_>>()[..] else {
            panic!("{} is not STATEMENT.KEY.cbor", case.name);
        };
        let key = key(key_name);
        let payload = EntryPayload::from_statement(&statement(name), &key.public_key());
        let read = Entry::parse(&case.bytes).unwrap();
        assert_eq!(&payload, read.payload(), "{}", case.name);
        assert_eq!(Entry::sign(payload, &key), Ok(read), "{}", case.name);
    }
}

#[test]
fn an_annotated_example_is_the_entry_of_the_example_statement() {
    let drawn = std::fs::read_to_string(folder("entry/example.txt")).unwrap();
    let digits: String = drawn.lines().flat_map(|line| line.split('#').next()).collect();
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect();
    assert_eq!(bytes, std::fs::read(folder("entry/from-statement/example.ed25519.cbor")).unwrap());
}

/// Whatever happens to one byte, the entry is refused, or not verified.
#[test]
fn a_changed_or_missing_byte_is_noticed() {
    let is_good = |bytes: &[u8]| Entry::parse(bytes).and_then(|entry| entry.verify()).is_ok();
    for case in files("entry/from-statement") {
        let good = &case.bytes;
        assert!(is_good(good), "{}", case.name);
        for index in 0..good.len() {
            assert!(Entry::parse(&good[..index]).is_err(), "{} cut at {index}", case.name);
            let mut shorter = good.clone();
            shorter.remove(index);
            assert!(!is_good(&shorter), "{} without byte {index}", case.name);
            let mut changed = good.clone();
            changed[index] ^= 1 << (index % 8);
            assert!(!is_good(&changed), "{} with byte {index} changed", case.name);
        }
    }
}

#[test]
fn a_length_over_the_limit_is_the_first_thing_seen() {
    let len = MAX_ENTRY_BYTES + 1;
    assert_eq!(Entry::parse(&vec![0; len]), Err(EntryError::TooLong { len }));
    assert!(!matches!(Entry::parse(&vec![0; len - 1]), Err(EntryError::TooLong { .. })));
}

#[test]
fn sign_refuses_another_key_than_the_payload_names() {
    let (ours, other) = (key("ed25519"), key("p256"));
    let payload = EntryPayload::from_statement(&statement("example"), &ours.public_key());
    let (seen, want) = (other.public_key().key_id(), ours.public_key().key_id());
    assert_eq!(Entry::sign(payload, &other), Err(EntryError::WrongSigner { seen, want }));
}
