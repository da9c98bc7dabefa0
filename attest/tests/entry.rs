//! Reads every file under `testdata/entry`; see the README there for the form of a case.

#![cfg(feature = "keys")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;

use attest::entry::{Entry, EntryError, EntryName, EntryPayload, MAX_ENTRY_BYTES, ModelSalt};
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
    every_case_is_refused("entry-private/reject", Entry::parse);
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

fn salt() -> ModelSalt {
    std::fs::read_to_string(folder("entry-private/salt")).unwrap().trim_end().parse().unwrap()
}

#[test]
fn a_private_entry_follows_from_statement_key_and_salt() {
    for case in files("entry-private/from-statement") {
        let [name, key_name, "cbor"] = case.name.split('.').collect::<Vec<_>>()[..] else {
            panic!("{} is not STATEMENT.KEY.cbor", case.name);
        };
        let (key, statement) = (key(key_name), statement(name));
        let read = Entry::parse(&case.bytes).unwrap();
        assert_eq!((read.verify(), read.as_bytes()), (Ok(()), &*case.bytes), "{}", case.name);
        let payload = EntryPayload::of(&statement, &key.public_key(), Some(&salt()));
        assert_eq!(&payload, read.payload(), "{}", case.name);
        assert_eq!(Entry::sign(payload, &key), Ok(read), "{}", case.name);
        let other = ModelSalt::from_bytes([0x5b; 32]);
        assert_ne!(EntryPayload::of(&statement, &key.public_key(), Some(&other)).to_bytes(), case.bytes);
    }
}

/// As many subjects and inputs of the same forms and roles, and nothing else of what is said in the clear.
#[test]
fn a_private_entry_shows_kind_key_forms_and_roles_and_nothing_else() {
    for case in files("entry-private/from-statement") {
        let name = case.name.split('.').next().unwrap();
        let statement = statement(name);
        let key = Entry::parse(&case.bytes).unwrap().payload().key().clone();
        let shown = EntryPayload::from_statement(&statement, &key);
        let hidden = EntryPayload::of(&statement, &key, Some(&salt()));
        assert_eq!((hidden.kind(), hidden.key()), (shown.kind(), shown.key()));
        assert_eq!((hidden.name(), hidden.version()), (None, None));
        let roles = |payload: &EntryPayload| {
            let mut roles: Vec<_> = payload.inputs().iter().map(|one| (one.role(), one.form())).collect();
            roles.sort_unstable();
            roles
        };
        assert_eq!(roles(&hidden), roles(&shown), "{name}");
        let digests = shown.subjects().iter().map(|one| one.digest());
        let digests = digests.chain(shown.inputs().iter().map(|one| one.digest()));
        let statement_digest = shown.statement();
        let said = [shown.name().unwrap().as_str().as_bytes(), statement_digest.as_bytes()];
        for shown in digests.chain(said) {
            let is_there = case.bytes.windows(shown.len()).any(|window| window == shown);
            assert!(!is_there, "{}: {shown:02x?}", case.name);
        }
    }
}

/// How a revocation is found by whoever has the model and its salt.
#[test]
fn two_private_entries_about_one_model_share_its_commitments() {
    let key = key("ed25519").public_key();
    let of = |name: &str, salt: &ModelSalt| EntryPayload::of(&statement(name), &key, Some(salt));
    let (model, revocation) = (of("example", &salt()), of("event-revoke", &salt()));
    let subject = &revocation.subjects()[0];
    assert!(model.subjects().contains(subject));
    assert_eq!(
        subject.digest(),
        salt().subject(subject.form(), statement("example").tree_digest().digest().as_bytes()).as_bytes()
    );
    let EntryName::Private { name, .. } = model.entry_name() else { panic!("a private name") };
    assert!(matches!(revocation.entry_name(), EntryName::Private { name: other, .. } if name == other));
    let other = of("event-revoke", &ModelSalt::from_bytes([0x5b; 32]));
    assert!(!model.subjects().contains(&other.subjects()[0]));
}

#[test]
fn an_annotated_private_example_is_the_entry_of_the_example_statement() {
    let bytes = drawn("entry-private/example.txt");
    assert_eq!(bytes, std::fs::read(folder("entry-private/from-statement/example.ed25519.cbor")).unwrap());
}

fn drawn(path: &str) -> Vec<u8> {
    let drawn = std::fs::read_to_string(folder(path)).unwrap();
    let digits: String = drawn.lines().flat_map(|line| line.split('#').next()).collect();
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let pair = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn an_annotated_example_is_the_entry_of_the_example_statement() {
    let bytes = drawn("entry/example.txt");
    assert_eq!(bytes, std::fs::read(folder("entry/from-statement/example.ed25519.cbor")).unwrap());
}

/// Whatever happens to one byte, the entry is refused, or not verified.
#[test]
fn a_changed_or_missing_byte_is_noticed() {
    let is_good = |bytes: &[u8]| Entry::parse(bytes).and_then(|entry| entry.verify()).is_ok();
    for case in files("entry/from-statement").into_iter().chain(files("entry-private/from-statement")) {
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
