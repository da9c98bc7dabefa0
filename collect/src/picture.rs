//! What a source gave as a text that a person can read in a review, for tests.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Collected, Privacy};

/// One line for each file, fact and warning.
pub(crate) fn picture(collected: &Collected) -> String {
    let mut text = String::new();
    for file in collected.files() {
        writeln!(text, "file {} of {} bytes, {:.8}", file.name(), file.bytes(), file.sha256().to_string())
            .expect("a String takes everything");
    }
    for fact in collected.facts() {
        let topic = fact.topic().as_str();
        let personal = if fact.privacy() == Privacy::Personal { ", personal" } else { "" };
        let value = fact.value().to_text();
        let (about, key, grade, at) = (fact.about(), fact.key(), fact.grade(), fact.at());
        writeln!(text, "{topic} {about:?} {key} = {value:?}, {grade}{personal}, {at}")
            .expect("a String takes everything");
    }
    for warning in collected.warnings() {
        writeln!(text, "warning {warning}").expect("a String takes everything");
    }
    text
}

/// Compares what a case gives with its `facts.txt`. With `REFRESH=1` in the environment the file is written instead: it holds
/// words, not a format.
pub(crate) fn assert_as_pictured(case: &Path, collected: &Collected) {
    let (file, picture) = (case.join("facts.txt"), picture(collected));
    if std::env::var_os("REFRESH").is_some() {
        std::fs::write(&file, &picture).expect("write");
    }
    let wanted = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(picture == wanted, "{} differs from:\n{picture}", file.display());
}
