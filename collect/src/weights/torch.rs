//! A PyTorch file, as far as it can be described without reading a pickle.
//!
//! Follows what torch 2.15 writes, and caffe2/serialize/inline_container.h of pytorch/pytorch.
//!
//! ```text
//! NAME/data.pkl                 a pickle: names, shapes and types, and code if somebody put it there    not read
//! NAME/data/0, NAME/data/1      storages: the numbers, stored
//! NAME/version                  "3\n"
//! NAME/byteorder                "little"
//! NAME/.format_version          "1"
//! NAME/.data/serialization_id   a number
//! ```
//! Names, shapes and types are in the pickle alone, so this format has no `tensors` and no `parameters`. A storage may be shared
//! by several tensors, or be longer than what any of them shows.
//!
//! | key | about | from |
//! |---|---|---|
//! | `format` | file | `torch`, `torch-script` if code lies beside, `torch-export` by `archive_format` |
//! | `format-version` | file | `version`, or `archive_version` |
//! | `byte-order` | file | `byteorder` |
//! | `storages`, `storage-bytes` | file | number and length of the members below `data/`, in an export below `data/weights/` and `data/constants/` |
//!
//! In scope: list and lengths of members. Out of scope: every pickle and all code; each is a warning.

use std::io::{Read, Seek};

use super::archive::Open;
use super::file_facts::FileFacts;
use super::zip::Archive;
use crate::WarningReason;
use crate::excerpt::excerpt;

/// Longest of the small members, in bytes.
const MAX_SMALL_BYTES: u64 = 64;

/// Most members that have a warning of their own.
const MAX_NAMED: usize = 32;

/// The directory that all members lie in, with its slash, if this is a PyTorch file.
pub(super) fn top(archive: &Archive) -> Option<String> {
    let first = archive.files().next()?;
    let (top, _) = first.name.split_once('/')?;
    let top = format!("{top}/");
    let is_inside = archive.files().all(|member| member.name.starts_with(&top));
    let has = |name: &str| archive.member(&format!("{top}{name}")).is_some();
    (is_inside && (has("data.pkl") || has("archive_format"))).then_some(top)
}

/// Describes the file whose members lie in `top`.
pub(super) fn describe<R: Read + Seek>(open: &mut Open<R>, top: &str, facts: &mut FileFacts) {
    let is_below =
        |below: &str, name: &str| name.strip_prefix(top).is_some_and(|name| name.starts_with(below));
    let has_code = open.archive.files().any(|member| is_below("code/", &member.name));
    let is_export = open.archive.member(&format!("{top}archive_format")).is_some();
    let (format, version) = match (is_export, has_code) {
        (true, _) => ("torch-export", "archive_version"),
        (false, true) => ("torch-script", "version"),
        (false, false) => ("torch", "version"),
    };
    facts.observed("format", format, "");
    for (key, member) in [("format-version", version), ("byte-order", "byteorder")] {
        let name = format!("{top}{member}");
        if let Some(text) = open.text(&name, MAX_SMALL_BYTES, facts) {
            facts.observed(key, text.trim_end(), member);
        }
    }
    let is_storage = |name: &str| match is_export {
        true => {
            ["data/weights/", "data/constants/"].iter().any(|below| is_below(below, name))
                && !name.ends_with(".json")
        }
        false => is_below("data/", name),
    };
    let storages = || open.archive.files().filter(|member| is_storage(&member.name));
    facts.observed("storages", storages().count().to_string(), "data");
    // Each is shorter than the file, and they do not overlap.
    let bytes = storages().fold(0_u64, |sum, member| sum.saturating_add(member.size));
    facts.observed("storage-bytes", bytes.to_string(), "data");
    warn_of_code(open, top, facts);
}

/// Names what would run if somebody loaded it.
fn warn_of_code<R>(open: &Open<R>, top: &str, facts: &mut FileFacts) {
    let is_code = |name: &str| {
        name.ends_with(".pkl") || name.ends_with(".pt") || name.ends_with(".so") || name.contains("/code/")
    };
    let mut named = open.archive.files().filter(|member| is_code(&member.name));
    for member in named.by_ref().take(MAX_NAMED) {
        let place = excerpt(member.name.strip_prefix(top).unwrap_or(&member.name));
        facts.warn(WarningReason::NotRead, &place, "a pickle or code, which is never read");
    }
    let rest = named.count();
    if rest > 0 {
        facts.warn(
            WarningReason::NotRead,
            "",
            format!("{rest} more pickles or files of code, which are never read"),
        );
    }
}
