//! `trees/COMMIT.json`: all files of a commit, as the client got them from the hub.
//!
//! ```json
//! {"format_version": 1, "files": {
//!   "config.json": {"size": 519, "blob_id": "0f1e..."},
//!   "model.safetensors": {"size": 96, "blob_id": "77aa...", "lfs_sha256": "6f1c...", "lfs_size": 96, "xet_hash": "..."}}}
//! ```
//!
//! `blob_id` of a large file is git's id of a pointer to it, so `lfs_sha256` is what names the bytes. `xet_hash` is that of a tree of
//! chunks, made with another function, and not taken.

use std::collections::BTreeMap;

use super::{Whom, algorithm};
use crate::WarningReason;
use crate::json::Json;
use crate::notes::{Notes, member_place};

/// What a commit holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    files: BTreeMap<String, Listed>,
}

/// A file of a commit.
#[derive(Debug)]
pub(super) struct Listed {
    /// SHA-256, or git's id of a blob.
    digest: String,
    algorithm: &'static str,
    bytes: String,
}

impl Listed {
    /// The digits that its blob is named by.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Its size, as the list has it.
    pub(super) fn bytes(&self) -> &str {
        &self.bytes
    }
}

impl Listing {
    /// A file by its path.
    pub(super) fn get(&self, path: &str) -> Option<&Listed> {
        self.files.get(path)
    }

    /// All files, sorted by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Listed)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Notes how many files there are, and of each what it is known by.
    pub(super) fn note(&self, whom: Whom<'_>, notes: &mut Notes<'_>) {
        notes.subject(whom.topic, whom.whole(), "files").text("files", self.files.len().to_string());
        for (path, file) in &self.files {
            let mut subject = notes.subject(whom.topic, whom.file(path), member_place("files", path));
            subject.digest("digest", file.algorithm, &file.digest).text("bytes", &file.bytes);
        }
    }
}

/// Reads a list; one of another version is a warning.
pub(super) fn parse(bytes: &[u8], notes: &mut Notes<'_>) -> Option<Listing> {
    let list = notes.json(bytes)?;
    if list.get("format_version").and_then(Json::scalar).as_deref() != Some("1") {
        notes.warn(WarningReason::UnknownVersion, "format_version", "want 1");
        return None;
    }
    let mut listing = Listing::default();
    for (path, file) in notes.members(list.get("files"), "files") {
        let at = member_place("files", path);
        let named =
            ["lfs_sha256", "blob_id"].map(|name| file.get(name).and_then(Json::text).map(str::to_owned));
        let digest = named.into_iter().flatten().next().unwrap_or_default();
        let Some(algorithm) = algorithm(&digest) else {
            notes.warn(WarningReason::WeakDigest, &at, "neither a SHA-256 nor git's id of a blob");
            continue;
        };
        let bytes = file.get("size").and_then(Json::scalar).unwrap_or_default();
        listing.files.insert(path.clone(), Listed { digest, algorithm, bytes });
    }
    Some(listing)
}
