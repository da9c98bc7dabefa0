//! A trust file: written anew from what was read, it says the same.

#![no_main]

use std::fmt::Write as _;

use libfuzzer_sys::fuzz_target;
use verifier::Requirements;
use verifier::requirements::{Publisher, Right};

const PROVENANCE: Right = Right::Statement(attest::statement::StatementKind::Provenance);

fuzz_target!(|input: &[u8]| {
    let Ok(read) = Requirements::parse(input) else { return };
    let written = write(&read);
    let again = Requirements::parse(written.as_bytes()).expect("what was written is read again");
    assert_eq!(again.policy(), read.policy());
    let parts = |file: &Requirements| -> Vec<_> {
        file.publishers()
            .iter()
            .map(|part: &Publisher| (part.pattern().clone(), part.keys().to_vec()))
            .collect()
    };
    assert_eq!(parts(&again), parts(&read));
    for publisher in read.publishers() {
        let Ok(name) = publisher.pattern().as_str().parse() else { continue };
        for key in publisher.keys() {
            let right = publisher.may().map_or(Some(PROVENANCE), |may| may.first().copied());
            let found = right.and_then(|right| read.publisher_for(&name, key, right));
            assert!(right.is_none() || found.is_some_and(|found| found.keys().contains(key)));
            assert_eq!(read.key(&key.key_id()), Some(key));
        }
    }
});

/// A JSON string without control bytes is a TOML string too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(file: &Requirements) -> String {
    let policy = String::from_utf8(file.policy().to_bytes()).expect("TOML is UTF-8 throughout");
    let first_use = file.trust_on_first_use();
    let mut text = format!("version = 1\npolicy = {}\ntrust-on-first-use = {first_use}\n", quoted(&policy));
    for publisher in file.publishers() {
        let keys: Vec<_> = publisher.keys().iter().map(|key| quoted(&key.to_base64())).collect();
        let name = quoted(publisher.pattern().as_str());
        write!(text, "[[publisher]]\nname = {name}\nkeys = [{}]\n", keys.join(", ")).expect("a string grows");
    }
    text
}
