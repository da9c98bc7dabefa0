//! `.dvc/config`: where data is kept besides here.
//!
//! ```text
//! [core]
//!     remote = storage
//! ['remote "storage"']
//!     url = s3://bucket/path
//!     access_key_id = ...
//! ```
//!
//! Only `url` and `core.remote` are looked at: all the rest may be a secret. `.dvc/config.local`, made to hold secrets, is not opened.
//! The location of the cache, which may be another directory, is not followed.

use crate::notes::Notes;
use crate::{Topic, WarningReason};

/// Most lines that are looked at.
const MAX_LINES: usize = 1 << 16;

/// Notes the remotes.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return notes.warn(WarningReason::Malformed, "", "not UTF-8");
    };
    let mut section = Section::Other;
    for (index, line) in text.lines().enumerate() {
        if index >= MAX_LINES {
            return notes.warn(WarningReason::TooLarge, "", format!("more than {MAX_LINES} lines"));
        }
        let (line, place) = (line.trim(), format!("line {}", index.saturating_add(1)));
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            section = section_of(line);
            if matches!(section, Section::Unclear) {
                notes.warn(WarningReason::Malformed, &place, "a section that does not end");
            }
            continue;
        }
        match (&section, line.split_once('=')) {
            (_, None) => notes.warn(WarningReason::Malformed, &place, "neither a section nor a value"),
            (Section::Remote(name), Some((key, value))) if key.trim() == "url" => {
                let about = format!("remote {name}");
                // Buckets and shares are not for everybody, even where the scheme is.
                notes.subject(Topic::Data, about, place).personal().location("uri", unquoted(value));
            }
            (Section::Core, Some((key, value))) if key.trim() == "remote" => {
                let about = format!("remote {}", unquoted(value));
                notes.subject(Topic::Data, about, place).text("default-remote", "true");
            }
            _ => {}
        }
    }
}

enum Section {
    Core,
    Remote(String),
    Other,
    Unclear,
}

/// `[core]`, `['remote "storage"']`.
fn section_of(line: &str) -> Section {
    let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) else {
        return Section::Unclear;
    };
    let name = unquoted(name);
    match name.strip_prefix("remote ") {
        Some(remote) => Section::Remote(unquoted(remote).to_owned()),
        None if name == "core" => Section::Core,
        None => Section::Other,
    }
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let quoted = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}
