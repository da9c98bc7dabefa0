//! What must be refused, one fault each. The bundle file, the log's part, the requirements, the files.

mod bundle_file;
mod contents;
mod log;
mod requirements;
mod statement;

use super::case::Case;
use super::{bounds, formats, lineage, private_entry, standing, status, waivers};

pub(crate) fn cases() -> Vec<Case> {
    [
        bundle_file::cases(),
        statement::cases(),
        log::cases(),
        requirements::cases(),
        standing::refused(),
        status::refused(),
        bounds::refused(),
        lineage::refused(),
        formats::refused(),
        waivers::refused(),
        private_entry::refused(),
        contents::cases(),
    ]
    .concat()
}

/// The text with the one occurrence of `from` replaced.
pub(crate) fn edit(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    text.replacen(from, to, 1)
}

/// The text with the first occurrence of `from` replaced; there may be more.
fn edit_first(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

/// The value of the first member of that name, which is a string.
pub(crate) fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let (_, after) = text.split_once(&format!("\"{key}\":\"")).expect("the member");
    after.split_once('"').expect("the end of the string").0
}
