//! Where cases lie, and what may be asserted of what they give.

use std::path::{Path, PathBuf};

use collect::{Collected, WarningReason};

/// The folder `testdata/collect/NAME`.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/collect").join(name)
}

/// The cases of a folder, sorted. An empty folder is a fault of the test, not a success.
pub(crate) fn cases(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(testdata(name)).expect("a folder of cases");
    let mut cases: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {name}");
    cases
}

/// Everything that was collected, as text.
pub(crate) fn text(collected: &Collected) -> String {
    collected.to_string()
}

/// Compares with the picture that lies beside a case, `CASE.txt`, and asks whether all of it can be stated. Its lines are words, not a format: with `PICTURES=overwrite` in the
/// environment they are written anew, to be read in review.
pub(crate) fn assert_as_pictured(case: &Path, collected: &Collected) {
    for fact in collected.facts() {
        assert!(fact.to_statement().is_ok(), "{fact}");
    }
    assert_words_as_pictured(case, &text(collected));
}

/// The same for words that are no facts.
pub(crate) fn assert_words_as_pictured(case: &Path, seen: &str) {
    let path = case.with_added_extension("txt");
    if std::env::var("PICTURES").is_ok_and(|how| how == "overwrite") {
        std::fs::write(&path, seen).expect("write");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(seen == wanted, "{} wants:\n{wanted}\nseen:\n<<<\n{seen}>>>", path.display());
}

/// Every line `key value` of a tool's own words must be among the facts.
pub(crate) fn assert_tool_agrees(collected: &Collected, path: &Path) {
    let words = std::fs::read_to_string(path).expect("what the tool says");
    for line in words.lines() {
        let (key, value) = line.split_once(' ').expect("key and value");
        let is_there =
            collected.facts().iter().any(|fact| fact.key() == key && fact.value().to_text() == value);
        assert!(is_there, "{}: no fact {key} {value} in\n{}", path.display(), text(collected));
    }
}

/// The reasons of all warnings, each once.
pub(crate) fn reasons(collected: &Collected) -> Vec<WarningReason> {
    let mut reasons: Vec<_> = collected.warnings().iter().map(collect::Warning::reason).collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

/// The text of the first fact with this key.
pub(crate) fn fact(collected: &Collected, key: &str) -> Option<String> {
    collected.facts().iter().find(|fact| fact.key() == key).map(|fact| fact.value().to_text())
}

/// Asserts that a file is refused for this reason, and that nothing is claimed about it.
pub(crate) fn assert_refused(collected: &Collected, reason: WarningReason, why: &str) {
    assert_eq!(reasons(collected), [reason], "{why}: {}", text(collected));
    assert!(collected.facts().is_empty(), "{why}: {}", text(collected));
}

/// The bytes of a file below `testdata/collect`.
pub(crate) fn real(name: &str) -> Vec<u8> {
    std::fs::read(testdata(name)).expect("a real file")
}

/// Replaces every `from` by a `to` of the same length; there must be at least one.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = bytes.to_vec();
    let places: Vec<_> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).collect();
    assert!(!places.is_empty(), "nothing to replace");
    for (at, _) in places {
        changed[at..at + to.len()].copy_from_slice(to);
    }
    changed
}

/// Where some bytes are found first.
pub(crate) fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("the bytes are there")
}

/// The bytes with those from `at` on overwritten.
pub(crate) fn overwritten(bytes: &[u8], at: usize, by: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at..at + by.len()].copy_from_slice(by);
    changed
}
