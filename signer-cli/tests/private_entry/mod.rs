//! `--private=entry`: the log shows a kind and a key, the bundle has the salt, and whatever is said of the model later shares it.

use attest::entry::{Entry, EntryName, ModelSalt};
use serde_json::Value;

use super::{Desk, sign};
use crate::log::{Manner, TestLog};

/// The entry at an index of the log.
fn entry(log: &TestLog, index: usize) -> Entry {
    Entry::parse(&log.entry(index)).expect("an entry")
}

fn commitment(entry: &Entry) -> String {
    match entry.payload().entry_name() {
        EntryName::Private { name, .. } => name.to_string(),
        EntryName::Shown { name, .. } => panic!("{name} is shown"),
    }
}

fn salt_in(desk: &Desk, file: &str, line: usize) -> ModelSalt {
    *desk.bundles(file).bundles().nth(line).and_then(|bundle| bundle.salt()).expect("a salt")
}

/// The arguments of an approval of the desk's model.
fn approve<'a>(log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["approve", "model", "--as", "acme/churn:1", "--stage", "test", "--key", "key.pem"];
    [&args[..], &["--log", log.url(), "--log-key", log.vkey()], more].concat()
}

/// The arguments of a revocation of a model that is elsewhere.
fn revoke<'a>(digest: &'a str, log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["revoke", digest, "--as", "acme/churn:1", "--scope", "this", "--reason", "defect"];
    let to = ["--key", "key.pem", "--log", log.url(), "--log-key", log.vkey(), "--out", "out.jsonl"];
    [&args[..], &to, more].concat()
}

#[test]
fn the_log_is_shown_neither_name_nor_digest_and_the_model_verifies() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    let shown = desk.succeed(&sign(&log, &["--private=entry", "--dry-run"]));
    assert!(shown.contains("name, version and digests of 1 model-tree/v1"), "{shown}");
    assert!(shown.contains("as commitments") && shown.contains("model.openings.jsonl"), "{shown}");
    assert_eq!(log.requests(), 0);
    desk.succeed(&sign(&log, &["--private=entry"]));
    let bytes = log.entry(2);
    assert!(entry(&log, 2).payload().is_private());
    assert!(!bytes.windows(10).any(|window| window == b"acme/churn"), "the name is in the entry");
    assert_eq!(salt_in(&desk, "model/tallymark.jsonl", 0).to_hex().len(), 64);
    let verified = desk.succeed(&["verify", "model", "--trust", "trust.toml", "--no-state"]);
    assert!(verified.contains("acme/churn:1"), "{verified}");
    let seen = desk.succeed(&["inspect", "model"]);
    assert!(seen.contains("entry      private, by key") && seen.contains("salt       "), "{seen}");
    // The salt is nothing that an auditor need be told is idle.
    desk.succeed(&["inspect", "model", "--openings", "model.openings.jsonl"]);
}

#[test]
fn signing_again_gives_the_same_entry_also_if_the_first_bundle_was_lost() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &["--private=entry"]));
    desk.succeed(&sign(&log, &["--private=entry"]));
    assert_eq!((log.len(), log.requests()), (3, 1), "what is there is not sent again");
    let before = std::fs::read(desk.path("model/tallymark.jsonl")).expect("a bundle file");
    std::fs::remove_file(desk.path("model/tallymark.jsonl")).expect("remove");
    desk.succeed(&sign(&log, &["--private=entry"]));
    assert_eq!(log.len(), 3, "the openings had the salt");
    assert_eq!(std::fs::read(desk.path("model/tallymark.jsonl")).expect("a bundle file"), before);
}

#[test]
fn what_is_said_of_the_model_later_takes_over_its_salt_and_counts() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &["--private=entry"]));
    desk.succeed(&approve(&log, &[]));
    let (model, approval) = (entry(&log, 2), entry(&log, 3));
    assert_eq!(commitment(&model), commitment(&approval));
    let same =
        |one: &Entry| one.payload().subjects().iter().map(|one| one.digest().to_vec()).collect::<Vec<_>>();
    assert!(same(&model).contains(&same(&approval)[0]), "the model is found by one commitment");
    let salt = salt_in(&desk, "model/tallymark.jsonl", 0);
    assert_eq!(salt, salt_in(&desk, "model/tallymark.jsonl", 1));
    let out = desk.run(&["verify", "model", "--trust", "trust.toml", "--no-state", "--json"]);
    let value: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(value["verdict"], "verified");
    assert_eq!(value["custody"][0]["line"], 2, "{value}");

    // A model that is elsewhere: by a bundle file that has its salt, and by no other.
    let digest = desk.succeed(&["hash", "model"]).split(' ').next().expect("a digest").to_owned();
    desk.refuse(&revoke(&digest, &log, &["--private=entry"]), 2, "no-entry-salt");
    assert_eq!(log.len(), 4);
    desk.succeed(&revoke(&digest, &log, &["--salt-of", "model"]));
    assert_eq!(commitment(&entry(&log, 4)), commitment(&model));
    assert_eq!(salt_in(&desk, "out.jsonl", 0), salt);
}

#[test]
fn a_private_word_about_a_public_model_is_refused_before_anything_is_sent() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &[]));
    desk.refuse(&approve(&log, &["--private=entry"]), 2, "entry-public");
    assert_eq!((log.len(), entry(&log, 2).payload().is_private()), (3, false));
    desk.succeed(&approve(&log, &[]));
    assert!(!entry(&log, 3).payload().is_private());
}

#[test]
fn another_model_has_a_salt_of_its_own() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &["--private=entry"]));
    desk.write("model/config.json", "{\"layers\":2}\n");
    desk.succeed(&sign(&log, &["--private=entry"]));
    assert_eq!(log.len(), 4);
    assert_ne!(commitment(&entry(&log, 2)), commitment(&entry(&log, 3)));
    let salts = [0, 1].map(|line| salt_in(&desk, "model/tallymark.jsonl", line));
    assert_ne!(salts[0], salts[1]);
}

#[test]
fn a_private_entry_is_found_by_whoever_has_the_bundle() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &["--private=entry"]));
    let digest = desk.succeed(&["hash", "model"]).split(' ').next().expect("a digest").to_owned();
    let input = desk.succeed(&["hash", "data"]).split(' ').next().expect("a digest").to_owned();
    for term in ["name=acme/churn".to_owned(), format!("digest={digest}"), format!("input={input}")] {
        let found = |more: &[&str]| {
            let out = desk.succeed(&[&["search", &term, "--trust", "trust.toml", "--json"], more].concat());
            let value: Value = serde_json::from_str(&out).expect("JSON");
            value["entries"].as_array().expect("entries").clone()
        };
        assert_eq!(found(&[]), Vec::<Value>::new(), "{term}");
        let hits = found(&["--salt-of", "model"]);
        assert_eq!((hits.len(), &hits[0]["index"]), (1, &2.into()), "{term}");
        assert_eq!(
            (&hits[0]["entry"]["name"], &hits[0]["entry"]["statement_digest"]),
            (&Value::Null, &Value::Null)
        );
    }
    desk.refuse(
        &["search", "name=acme/", "--salt-of", "model", "--trust", "trust.toml"],
        2,
        "one-term-with-salt",
    );
    desk.refuse(
        &["search", "name=acme/x", "--salt-of", "key.pem.pub", "--trust", "trust.toml"],
        2,
        "bundle-missing",
    );
}

#[test]
fn a_log_that_takes_no_private_entries_says_what_to_ask_its_operator() {
    let (desk, log) = (Desk::new(), TestLog::start());
    log.behave(&[Manner::NoPrivate]);
    let words = desk.refuse(&sign(&log, &["--private=entry"]), 3, "log-not-admitted");
    assert!(words.contains("private = true"), "{words}");
    assert!(!desk.path("model/tallymark.jsonl").exists());
}
