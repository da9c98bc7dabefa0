//! A repository in the client's cache: refs, snapshots, blobs, lists of commits.

use std::path::{Path, PathBuf};

use attest::provenance::Source;

use super::listing::{self, Listing};
use super::{SOURCE, Whom, algorithm};
use crate::folder::{Folder, Kind, Presence, child, join, read_at, split};
use crate::notes::{Notes, is_hex};
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, Topic, WarningReason};

/// Most bytes of a ref: forty digits and an end of line.
const MAX_REF_BYTES: u64 = 128;

/// How the directory that was given is laid out.
pub(super) enum Layout {
    /// Not of the cache.
    Plain,
    Snapshot(Snapshot),
    /// Of the cache, and not to be read as one thing; a warning says why.
    Unclear,
}

/// One commit of a repository.
pub(super) struct Snapshot {
    /// Without any link in it: `models--acme--churn`.
    repository: PathBuf,
    topic: Topic,
    /// `acme/churn`.
    name: String,
    commit: String,
}

impl Layout {
    /// Recognises `models--*/snapshots/COMMIT`, and `models--*` with one snapshot.
    pub(super) fn of(root: &Path, collected: &mut Collected) -> Self {
        // What cannot be resolved cannot be read either; then each file says so.
        let Ok(root) = std::fs::canonicalize(root) else { return Self::Plain };
        if let Some((topic, name)) = repository_name(&root) {
            return Self::of_repository(root, topic, name, collected);
        }
        let Some(snapshots) = root.parent().filter(|parent| parent.ends_with("snapshots")) else {
            return Self::Plain;
        };
        let repository = snapshots.parent().and_then(|path| Some((path.to_owned(), repository_name(path)?)));
        let Some((repository, (topic, name))) = repository else { return Self::Plain };
        let commit = root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_hex(commit, 40) {
            collected.warn(
                WarningReason::Malformed,
                SOURCE,
                "a snapshot that is not named by a commit of 40 hex digits",
            );
            return Self::Unclear;
        }
        Self::Snapshot(Snapshot { repository, topic, name, commit: commit.to_owned() })
    }

    fn of_repository(repository: PathBuf, topic: Topic, name: String, collected: &mut Collected) -> Self {
        let entries = std::fs::read_dir(repository.join("snapshots")).into_iter().flatten().flatten();
        let mut commits =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_hex(name, 40));
        match (commits.next(), commits.next()) {
            (Some(commit), None) => Self::Snapshot(Snapshot { repository, topic, name, commit }),
            (None, _) => {
                collected.warn(WarningReason::Absent, "snapshots", "the repository has no snapshot");
                Self::Unclear
            }
            (Some(_), Some(_)) => {
                collected.warn(WarningReason::NotRead, "snapshots", "the repository has several, name one");
                Self::Unclear
            }
        }
    }
}

/// `models--acme--churn` is the model `acme/churn`.
fn repository_name(path: &Path) -> Option<(Topic, String)> {
    let name = path.file_name()?.to_str()?;
    let (topic, name) = match name.split_once("--")? {
        ("models", name) => (Topic::Identity, name),
        ("datasets", name) => (Topic::Data, name),
        _ => return None,
    };
    Some((topic, name.replacen("--", "/", 1)))
}

/// Where a link of a snapshot leads.
enum Blob {
    /// To a file of this repository.
    Own(String),
    /// To a file that several repositories share.
    Shared(String),
}

impl Snapshot {
    /// Whom its files speak of.
    pub(super) fn whom(&self) -> Whom<'_> {
        match self.topic {
            Topic::Data => Whom { topic: Topic::Data, name: &self.name },
            _ => Whom::MODEL,
        }
    }

    /// The directory of the commit, below the repository.
    fn directory(&self) -> String {
        child("snapshots", &self.commit)
    }

    fn folder(&self) -> Folder<'_> {
        Folder::new(&self.repository)
    }

    /// Whether a file is there: as itself, or behind a link that may be followed.
    pub(super) fn has(&self, path: &str) -> bool {
        match self.folder().kind(&child(&self.directory(), path)) {
            Kind::File => true,
            Kind::Link => self.follow(path).is_ok(),
            _ => false,
        }
    }

    /// Reads a file, if there is one.
    pub(super) fn read(&self, path: &str, collected: &mut Collected) -> Option<Vec<u8>> {
        let name = child(&self.directory(), path);
        match self.folder().kind(&name) {
            Kind::Absent => None,
            Kind::Link => match self.follow(path) {
                Ok(Blob::Own(blob)) => {
                    let blob = self.repository.join("blobs").join(blob);
                    read_at(&blob, path, MAX_TEXT_FILE_BYTES, collected)
                }
                Ok(Blob::Shared(_)) => {
                    collected.warn(
                        WarningReason::NotRead,
                        path,
                        "its bytes lie where several repositories share them",
                    );
                    None
                }
                // Warned of where all files are looked at.
                Err(_) => None,
            },
            _ => read_at(&self.repository.join(&name), path, MAX_TEXT_FILE_BYTES, collected),
        }
    }

    /// Where the link at `path` leads, or why it is not followed.
    fn follow(&self, path: &str) -> Result<Blob, (WarningReason, &'static str)> {
        let escape = (WarningReason::Escape, "a link that leads out of the blobs of its repository");
        let name = child(&self.directory(), path);
        let target = self.target(&name).ok_or(escape)?;
        let ("blobs", blob) = split(&target) else { return Err(escape) };
        match self.folder().kind(&target) {
            Kind::File => Ok(Blob::Own(blob.to_owned())),
            Kind::Absent => Err((WarningReason::Absent, "a link to a blob that is not there")),
            Kind::Link if self.is_shared(&target) => Ok(Blob::Shared(blob.to_owned())),
            _ => Err(escape),
        }
    }

    /// What a link says, as a name below the repository.
    fn target(&self, name: &str) -> Option<String> {
        let target = std::fs::read_link(self.repository.join(name)).ok()?;
        join(split(name).0, target.to_str()?)
    }

    /// Whether a blob is a link to `blobs/xx/HASH` beside the repositories, and a file is there.
    fn is_shared(&self, blob: &str) -> bool {
        let (Some(cache), Some(repository)) = (self.repository.parent(), self.repository.file_name()) else {
            return false;
        };
        let target = std::fs::read_link(self.repository.join(blob)).ok();
        let directory = repository.to_str().map(|repository| child(repository, "blobs"));
        let target = directory.zip(target).and_then(|(directory, target)| join(&directory, target.to_str()?));
        let Some(target) = target else { return false };
        let is_of_store = matches!(target.split('/').collect::<Vec<_>>().as_slice(),
            ["blobs", prefix, hash] if is_hex(hash, 64) && hash.starts_with(prefix) && prefix.len() == 2);
        is_of_store && Folder::new(cache).kind(&target) == Kind::File
    }

    /// Notes what the names in the cache say.
    pub(super) fn note(&self, collected: &mut Collected) {
        let (whom, directory) = (self.whom(), self.directory());
        let mut notes = Notes::new(collected, &directory, Source::Imported);
        let mut subject = notes.subject(whom.topic, whom.whole(), "");
        subject.text("repository", &self.name).digest("revision", "gitCommit", &self.commit);
        self.note_refs(collected);
        let listing = self.listing(collected);
        let start = self.folder().kind(&directory);
        if start != Kind::Directory {
            return collected.warn(WarningReason::Escape, &directory, "is no directory of its repository");
        }
        let names = self.folder().files(&directory, |_| true, |_| false, collected);
        let paths: Vec<&str> =
            names.iter().filter_map(|name| name.strip_prefix(&directory)?.strip_prefix('/')).collect();
        for path in &paths {
            self.note_file(path, listing.as_ref(), collected);
        }
        if let Some(listing) = listing {
            self.note_listing(&listing, &paths, collected);
        }
    }

    /// Notes which branches and tags are at this commit.
    fn note_refs(&self, collected: &mut Collected) {
        if self.folder().kind("refs") != Kind::Directory {
            return;
        }
        for name in self.folder().files("refs", |_| true, |_| false, collected) {
            let Some(bytes) = self.folder().read(&name, MAX_REF_BYTES, Presence::Wanted, collected) else {
                continue;
            };
            let commit = std::str::from_utf8(&bytes).unwrap_or_default().trim();
            let mut notes = Notes::new(collected, &name, Source::Imported);
            if !is_hex(commit, 40) {
                notes.warn(WarningReason::Malformed, "", "no commit of 40 hex digits");
            } else if commit == self.commit {
                let short = name.strip_prefix("refs/").unwrap_or(&name);
                notes.subject(self.topic, self.whom().whole(), "").text("ref", short);
            }
        }
    }

    fn listing(&self, collected: &mut Collected) -> Option<Listing> {
        let name = format!("trees/{}.json", self.commit);
        let bytes = self.folder().read(&name, MAX_TEXT_FILE_BYTES, Presence::Optional, collected)?;
        listing::parse(&bytes, &mut Notes::new(collected, &name, Source::Imported))
    }

    fn note_file(&self, path: &str, listing: Option<&Listing>, collected: &mut Collected) {
        let name = child(&self.directory(), path);
        let mut notes = Notes::new(collected, &name, Source::Imported);
        let listed = listing.and_then(|listing| listing.get(path));
        let blob = match self.folder().kind(&name) {
            Kind::Link => match self.follow(path) {
                Ok(Blob::Own(blob) | Blob::Shared(blob)) => Some(blob),
                Err((reason, text)) => return notes.warn(reason, "", text),
            },
            // A copy, where links cannot be made: its name says nothing of its bytes.
            Kind::File => listed.map(|listed| listed.digest().to_owned()),
            _ => return notes.warn(WarningReason::Malformed, "", "neither a file nor a link"),
        };
        let Some(blob) = blob else { return };
        if let Some(listed) = listed.filter(|listed| listed.digest() != blob) {
            let text = format!("leads to {blob}, and is {} in the list of its commit", listed.digest());
            notes.warn(WarningReason::Disagreement, "", text);
        }
        let whom = self.whom();
        match algorithm(&blob) {
            Some(algorithm) => {
                let mut subject = notes.subject(whom.topic, whom.file(path), "");
                subject.digest("digest", algorithm, &blob);
                if let Some(listed) = listed {
                    subject.text("bytes", listed.bytes());
                }
            }
            None => notes.warn(
                WarningReason::WeakDigest,
                "",
                "its blob is named by neither a SHA-256 nor git's id",
            ),
        }
    }

    /// Notes what the commit has and the snapshot, whose `paths` are sorted, has not.
    fn note_listing(&self, listing: &Listing, paths: &[&str], collected: &mut Collected) {
        let whom = self.whom();
        let name = format!("trees/{}.json", self.commit);
        let mut notes = Notes::new(collected, &name, Source::Imported);
        notes.subject(whom.topic, whom.whole(), "files").text("files", listing.files().count().to_string());
        for (path, file) in listing.files().filter(|(path, _)| paths.binary_search(path).is_err()) {
            notes.subject(whom.topic, whom.file(path), "files").text("not-downloaded", file.bytes());
        }
        for path in paths.iter().filter(|path| listing.get(path).is_none()) {
            notes.warn(
                WarningReason::Disagreement,
                "files",
                format!("{path} is in the snapshot, and not in the list"),
            );
        }
    }
}
