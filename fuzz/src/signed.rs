//! From a statement to its log entry, and what has to hold on the way.

use std::sync::LazyLock;

use attest::entry::{Entry, EntryPayload, ModelSalt};
use attest::key::PrivateKey;
use attest::statement::{Predicate, Statement};

use crate::publication::private_key;

const SALT: ModelSalt = ModelSalt::from_bytes([0x5a; 32]);

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| private_key(0));

/// The same statement's private entry parses and verifies, has as many subjects and inputs, and none of the digests.
fn is_hidden_by_a_salt(statement: &Statement, shown: &EntryPayload) {
    let payload = EntryPayload::of(statement, shown.key(), Some(&SALT));
    let entry = Entry::sign(payload.clone(), &KEY).expect("every statement has a private entry");
    let read = Entry::parse(entry.as_bytes()).expect("a private entry just signed parses");
    assert_eq!(read.payload(), &payload);
    read.verify().expect("a private entry just signed verifies");
    let counts = |payload: &EntryPayload| (payload.subjects().len(), payload.inputs().len());
    assert_eq!(counts(&payload), counts(shown));
    let is_shown = |digest: &[u8]| shown.subjects().iter().any(|one| one.digest() == digest);
    assert!(payload.is_private() && !payload.subjects().iter().any(|one| is_shown(one.digest())));
}

/// Every statement has an entry that parses, verifies and says the same; and written anew it is the same
/// statement.
pub fn has_an_entry(statement: &Statement) {
    let payload = EntryPayload::from_statement(statement, &KEY.public_key());
    let entry = Entry::sign(payload.clone(), &KEY).expect("every statement has an entry");
    let read = Entry::parse(entry.as_bytes()).expect("an entry just signed parses");
    assert_eq!(read.payload(), &payload);
    read.verify().expect("an entry just signed verifies");
    is_hidden_by_a_salt(statement, &payload);

    let (name, version, digest) = (statement.name(), statement.version(), statement.tree_digest());
    let written = match statement.predicate() {
        Predicate::Provenance(provenance) => {
            statement.files().map(|files| provenance.to_statement_bytes(name, version, files))
        }
        Predicate::Dataset(dataset) => Some(dataset.to_statement_bytes(name, version, digest)),
        Predicate::Evaluation(evaluation) => Some(evaluation.to_statement_bytes(name, version, digest)),
        Predicate::Event(event) => Some(event.to_statement_bytes(name, version, digest)),
        Predicate::Scan(scan) => Some(scan.to_statement_bytes(name, version, digest)),
        Predicate::Verdict(summary) => Some(summary.to_statement_bytes(name, version, digest)),
        _ => None,
    };
    if let Some(bytes) = written {
        let again = Statement::parse(&bytes).expect("a statement just written parses");
        assert_eq!(again.predicate(), statement.predicate());
        assert_eq!(again.tree_digest(), digest);
    }
}
