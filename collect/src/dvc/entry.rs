//! One file or directory as a `.dvc` file or `dvc.lock` names it: an element of `outs` or `deps`.
//!
//! ```yaml
//! - md5: 2362...1a.dir
//!   size: 1234
//!   nfiles: 3
//!   hash: md5
//!   path: raw
//! ```

use attest::model_path::ModelPath;

use super::md5_id::Md5Id;
use crate::WarningReason;
use crate::folder::join;
use crate::json::Json;
use crate::location::{Location, split_scheme};
use crate::notes::{Notes, member_place};

/// Whether something went into a stage or came out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum Role {
    /// `deps`.
    Input,
    /// `outs`.
    Output,
}

/// Which bytes an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum LineEnds {
    /// The bytes of the file.
    Kept,
    /// DVC 2: those of a text, after CRLF became LF. Two files may share one id without anybody's malice.
    Unified,
}

/// Where an entry lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below the root.
    Inside(ModelPath),
    /// At a URL.
    Elsewhere(Location),
}

/// A file that a version-aware remote lists one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedFile {
    pub(super) path: ModelPath,
    pub(super) md5: Option<Md5Id>,
}

/// One element of `outs` or `deps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) role: Role,
    pub(super) place: Place,
    pub(super) md5: Option<Md5Id>,
    pub(super) line_ends: LineEnds,
    pub(super) bytes: Option<u64>,
    pub(super) files: Option<u64>,
    pub(super) listed: Vec<ListedFile>,
    /// In the file: `outs[0]`.
    pub(super) at: String,
    /// What else it says, to be noted by name.
    pub(super) object: Json,
}

/// Reads a list of entries, whose paths are relative to `directory`. What cannot be taken is a warning.
pub(super) fn entries(
    list: Option<&Json>,
    role: Role,
    directory: &str,
    at: &str,
    notes: &mut Notes<'_>,
) -> Vec<Entry> {
    let list = notes.elements(list, at).iter().enumerate();
    list.filter_map(|(index, object)| entry(object, role, directory, format!("{at}[{index}]"), notes))
        .collect()
}

fn entry(object: &Json, role: Role, directory: &str, at: String, notes: &mut Notes<'_>) -> Option<Entry> {
    let Some(path) = object.get("path").and_then(Json::text) else {
        notes.warn(WarningReason::Malformed, &at, "an entry without a path");
        return None;
    };
    let place = match split_scheme(path) {
        Some(_) => Place::Elsewhere(Location::of(path)),
        None => Place::Inside(inside(directory, path, &at, notes)?),
    };
    let md5 = md5(object, &at, notes);
    let line_ends = match object.get("hash").and_then(Json::text) {
        Some("md5") => LineEnds::Kept,
        None if object.get("hash").is_none() => LineEnds::Unified,
        _ => {
            notes.warn(WarningReason::UnknownVersion, &at, "a hash other than md5");
            return None;
        }
    };
    let bytes = number(object, "size", &at, notes);
    let files = number(object, "nfiles", &at, notes);
    let listed = listed(object.get("files"), &at, notes);
    Some(Entry { role, place, md5, line_ends, bytes, files, listed, at, object: object.clone() })
}

/// Warns once of all ids that are those of DVC 2: an old project has nothing else.
pub(super) fn warn_of_weak<'e>(entries: impl Iterator<Item = &'e Entry>, notes: &mut Notes<'_>) {
    let is_weak = |entry: &&Entry| entry.md5.is_some() && entry.line_ends == LineEnds::Unified;
    let weak = entries.filter(is_weak).count();
    if weak > 0 {
        let text = format!("ids of DVC 2, which may be those of texts with other line ends: {weak}");
        notes.warn(WarningReason::WeakDigest, "", text);
    }
}

/// A path below the root, or a warning.
fn inside(directory: &str, path: &str, at: &str, notes: &mut Notes<'_>) -> Option<ModelPath> {
    let path = join(directory, path).and_then(|path| ModelPath::new(path).ok());
    if path.is_none() {
        notes.warn(WarningReason::Escape, at, "a path that leads out of the directory that was given");
    }
    path
}

fn md5(object: &Json, at: &str, notes: &mut Notes<'_>) -> Option<Md5Id> {
    let value = object.get("md5").filter(|value| **value != Json::Null)?;
    match value.scalar().unwrap_or_default().parse() {
        Ok(md5) => Some(md5),
        Err(error) => {
            notes.warn(WarningReason::Malformed, &member_place(at, "md5"), error.to_string());
            None
        }
    }
}

fn number(object: &Json, name: &str, at: &str, notes: &mut Notes<'_>) -> Option<u64> {
    let text = object.get(name)?.scalar().unwrap_or_default();
    // One spelling only: a sign or a leading zero is not what DVC writes.
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    if number.is_none() {
        notes.warn(WarningReason::Malformed, &member_place(at, name), "no whole number");
    }
    number
}

fn listed(list: Option<&Json>, at: &str, notes: &mut Notes<'_>) -> Vec<ListedFile> {
    let at = member_place(at, "files");
    let mut files = Vec::new();
    for (index, object) in notes.elements(list, &at).iter().enumerate() {
        let at = format!("{at}[{index}]");
        let path = object.get("relpath").and_then(Json::text).and_then(|path| ModelPath::new(path).ok());
        match path {
            Some(path) => files.push(ListedFile { path, md5: md5(object, &at, notes) }),
            None => notes.warn(WarningReason::Escape, &at, "no path below the directory"),
        }
    }
    files
}
