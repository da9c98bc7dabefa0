//! What the client notes when it downloads to a directory of one's own.
//!
//! ```text
//! 9a3e5c0d...      the commit
//! 6f1c2b7a...      SHA-256, or git's id of a blob
//! 1764230400.25    when, in seconds since 1970
//! ```
//!
//! One such file for each downloaded one: `.cache/huggingface/download/PATH.metadata`. Beside them `.cache/huggingface/trees/` may hold
//! the lists of commits.

use std::collections::BTreeMap;
use std::path::Path;

use attest::provenance::Source;

use super::{Whom, algorithm, listing};
use crate::folder::{Folder, Kind, Presence};
use crate::notes::{Notes, is_hex};
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, Topic, WarningReason};

const RECORDS: &str = ".cache/huggingface/download";
const LISTS: &str = ".cache/huggingface/trees";
/// Three lines of at most 64, 64 and 20 characters.
const MAX_RECORD_BYTES: u64 = 1024;

/// Commit and digest of a downloaded file.
#[derive(Debug)]
pub(super) struct Record {
    commit: String,
    digest: String,
}

/// Notes all records below a directory.
pub(super) fn note(root: &Path, collected: &mut Collected) {
    let folder = Folder::new(root);
    let records = note_records(&folder, collected);
    let mut commits: Vec<&str> = records.values().map(|record| record.commit.as_str()).collect();
    commits.sort_unstable();
    commits.dedup();
    for commit in &commits {
        let mut notes = Notes::new(collected, RECORDS, Source::Imported);
        notes.subject(Topic::Identity, "", "").digest("revision", "gitCommit", commit);
    }
    if commits.len() > 1 {
        let text = format!("files of {} commits in one directory", commits.len());
        collected.warn(WarningReason::Disagreement, RECORDS, text);
    }
    for commit in commits {
        note_list(&folder, commit, &records, collected);
    }
}

fn note_records(folder: &Folder<'_>, collected: &mut Collected) -> BTreeMap<String, Record> {
    let mut records = BTreeMap::new();
    if folder.kind(RECORDS) != Kind::Directory {
        return records;
    }
    for name in folder.files(RECORDS, |name| name.ends_with(".metadata"), |_| false, collected) {
        let Some(bytes) = folder.read(&name, MAX_RECORD_BYTES, Presence::Wanted, collected) else {
            continue;
        };
        let Some(path) = name.strip_prefix(RECORDS).and_then(|name| name.strip_prefix('/')) else { continue };
        let path = path.strip_suffix(".metadata").unwrap_or(path);
        let mut notes = Notes::new(collected, &name, Source::Imported);
        if let Some(record) = note_record(&bytes, path, &mut notes) {
            if folder.kind(path) != Kind::File {
                notes.warn(WarningReason::Absent, "", "the file that was downloaded is not there");
            }
            records.insert(path.to_owned(), record);
        }
    }
    records
}

/// Notes one record of the file at `path`.
pub(super) fn note_record(bytes: &[u8], path: &str, notes: &mut Notes<'_>) -> Option<Record> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    let (Some(commit), Some(digest), Some(time), None) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        notes.warn(WarningReason::Malformed, "", "want three lines: commit, digest, time");
        return None;
    };
    if !is_hex(commit, 40) {
        notes.warn(WarningReason::Malformed, "line 1", "no commit of 40 hex digits");
        return None;
    }
    let Some(algorithm) = algorithm(digest) else {
        notes.warn(WarningReason::WeakDigest, "line 2", "neither a SHA-256 nor git's id of a blob");
        return None;
    };
    let is_time = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_time {
        notes.warn(WarningReason::Malformed, "line 3", "no seconds since 1970");
        return None;
    }
    notes.subject(Topic::Identity, path, "").digest("digest", algorithm, digest).text("downloaded", time);
    Some(Record { commit: commit.to_owned(), digest: digest.to_owned() })
}

/// Holds the records of a commit against its list.
fn note_list(
    folder: &Folder<'_>,
    commit: &str,
    records: &BTreeMap<String, Record>,
    collected: &mut Collected,
) {
    let name = format!("{LISTS}/{commit}.json");
    let Some(bytes) = folder.read(&name, MAX_TEXT_FILE_BYTES, Presence::Optional, collected) else {
        return;
    };
    let mut notes = Notes::new(collected, &name, Source::Imported);
    let Some(listing) = listing::parse(&bytes, &mut notes) else { return };
    let whom = Whom::MODEL;
    notes.subject(whom.topic, whom.whole(), "files").text("files", listing.files().count().to_string());
    for (path, file) in listing.files() {
        match records.get(path).filter(|record| record.commit == commit) {
            None => drop(notes.subject(whom.topic, path, "files").text("not-downloaded", file.bytes())),
            Some(record) if record.digest != file.digest() => {
                let text =
                    format!("{path} was downloaded as {}, and is {} here", record.digest, file.digest());
                notes.warn(WarningReason::Disagreement, "files", text);
            }
            Some(_) => drop(notes.subject(whom.topic, path, "files").text("bytes", file.bytes())),
        }
    }
    for (path, _) in records.iter().filter(|(_, record)| record.commit == commit) {
        if listing.get(path).is_none() {
            notes.warn(
                WarningReason::Disagreement,
                "files",
                format!("{path} was downloaded, and is not in the list"),
            );
        }
    }
}
