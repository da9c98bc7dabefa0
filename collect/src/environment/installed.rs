//! What is installed in a `site-packages` directory, by the records that the installers left.
//!
//! Follows the packaging specifications "Recording installed projects" (PEP 376, PEP 627) and "Direct URL" (PEP 610).
//!
//! ```text
//! lib/python3.11/site-packages/
//!   numpy/...
//!   numpy-2.4.6.dist-info/
//!     METADATA          Name: numpy, Version: 2.4.6, and more
//!     INSTALLER         pip
//!     RECORD            numpy/__init__.py,sha256=...,25000     the digest in URL-safe base64 without padding, the size
//!                       ../../../bin/f2py,sha256=...,210       a script, inside the environment
//!                       numpy-2.4.6.dist-info/RECORD,,         itself, without a digest
//!     direct_url.json   {"url": "...", "vcs_info": {"vcs": "git", "commit_id": "..."}}
//! ```
//! The environment's digest, form `record-set/v1`, is the digest of a `model-tree/v1` ([`attest::tree`]) with one file for each
//! package: path `NAME/VERSION/RECORD` (the name in its one spelling), size and SHA-256 of its `RECORD`. Because a `RECORD` lists
//! the digests of the files, this one digest stands for all of them, as far as the records are true, which [`Check::Files`]
//! finds out. Two installers write different records of one package, so the digest tells pip's environment from uv's. It is
//! left out as soon as one package is left out: a digest of a part would pass for that of the whole.
//!
//! | key | about | from |
//! |---|---|---|
//! | `version` | package | `METADATA`, observed |
//! | `record` | package | SHA-256 of `RECORD`, observed |
//! | `installer` | package | `INSTALLER`, imported |
//! | `uri`, `commit`, `digest` | package | `direct_url.json`, imported; without credentials, personal if it tells of a machine |
//! | `digest`, `form`, `packages` | (empty) | the environment's digest, and how many packages it covers, observed |
//!
//! [`Check::Files`] also hashes every file that a `RECORD` lists. Files that were changed disagree, and so do Python files, shared
//! objects and `.pth` files that no `RECORD` lists: Python runs them, and no installer put them there. Compiled files
//! (`__pycache__`) have no digest in a `RECORD` and are not checked, although Python may prefer them to the sources.
//!
//! A path of a `RECORD` may climb out of `site-packages` in one way, three levels to the root of the environment; other
//! climbs, absolute paths, and links on the way are escapes. Bounds: 20,000 packages, 2,000,000 files, 64 MiB for a `RECORD`,
//! 512 MiB for all of them, 1 TiB of files.
//!
//! In scope: `*.dist-info`. Out of scope: `*.egg-info` and `*.egg-link`, which are warnings; whether the files do what they should.

mod csv;
mod metadata;
mod record;
mod strays;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attest::model_path::ModelPath;
use attest::provenance::Source;
use attest::tree::{FileLeaf, Tree};

use self::record::{Record, RecordError};
use super::sheet::Sheet;
use super::{MAX_PACKAGES, name, pyvenv};
use crate::excerpt::excerpt;
use crate::json::{self, Json};
use crate::reading::{self, MAX_TEXT_FILE_BYTES, ReadError, Reading};
use crate::{Collected, WarningReason};

pub use self::record::read as read_record;

/// Name of the form of the environment's digest.
pub const FORM: &str = "record-set/v1";

/// Longest `RECORD`, in bytes. The longest known has two megabytes.
pub const MAX_RECORD_BYTES: u64 = 64 << 20;

/// Most bytes of all `RECORD`s. An environment of five hundred packages has some ten million.
const MAX_RECORDS_BYTES: u64 = 512 << 20;

/// Most files in all `RECORD`s.
pub const MAX_FILES: usize = 2_000_000;

/// Most entries of `site-packages` itself.
const MAX_ENTRIES: usize = 100_000;

/// How far the records are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum Check {
    /// They are read and hashed, and no file that they list is looked at.
    Records,
    /// Every file that they list is hashed too, and files that they do not list are looked for.
    Files,
}

/// Reads what is installed in a `site-packages` directory, or in the virtual environment that holds one.
///
/// The path itself may be a symbolic link: it is the caller who named it.
#[must_use]
pub fn read(path: &Path, check: Check) -> Collected {
    let mut sheet = Sheet::new("site-packages", Source::Observed);
    let resolved = match fs::canonicalize(path) {
        Ok(resolved) => resolved,
        Err(error) => {
            let is_absent = error.kind() == std::io::ErrorKind::NotFound;
            let reason = if is_absent { WarningReason::Absent } else { WarningReason::Unreadable };
            sheet.warn(reason, "", format!("cannot be read: {error}"));
            return sheet.finish();
        }
    };
    match site_packages(&resolved) {
        Some(site_packages) => {
            let mut environment = Environment::new(site_packages, check, sheet);
            environment.interpreter();
            environment.packages();
            environment.sheet.finish()
        }
        None => {
            sheet.warn(WarningReason::Absent, "", "neither site-packages nor an environment with one");
            sheet.finish()
        }
    }
}

/// The directory itself, or the only `lib/python*/site-packages` below it.
fn site_packages(path: &Path) -> Option<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if matches!(name, "site-packages" | "dist-packages") {
        return Some(path.to_owned());
    }
    let entries = fs::read_dir(path.join("lib")).ok()?.take(MAX_ENTRIES);
    let is_python = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("python") && path.join("site-packages").is_dir()
    };
    let mut found = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_python);
    match (found.next(), found.next()) {
        (Some(python), None) => Some(python.join("site-packages")),
        _ => None,
    }
}

/// The root of the environment, if `site-packages` lies three levels below it as it should.
fn prefix(site_packages: &Path) -> Option<PathBuf> {
    let python = site_packages.parent()?;
    let lib = python.parent()?;
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let is_usual = name(python).starts_with("python") && name(lib).starts_with("lib");
    is_usual.then(|| lib.parent().map(Path::to_owned)).flatten()
}

/// An environment while it is read.
struct Environment {
    site_packages: PathBuf,
    prefix: Option<PathBuf>,
    check: Check,
    sheet: Sheet,
    leaves: Vec<FileLeaf>,
    /// Packages by their one spelling.
    names: BTreeSet<String>,
    /// Files that a record lists, below `site-packages`.
    listed: BTreeSet<String>,
    files_left: usize,
    records_left: u64,
    bytes_left: u64,
    is_whole: bool,
}

impl Environment {
    fn new(site_packages: PathBuf, check: Check, sheet: Sheet) -> Self {
        Self {
            prefix: prefix(&site_packages),
            site_packages,
            check,
            sheet,
            leaves: Vec::new(),
            names: BTreeSet::new(),
            listed: BTreeSet::new(),
            files_left: MAX_FILES,
            records_left: MAX_RECORDS_BYTES,
            bytes_left: 1 << 40,
            is_whole: true,
        }
    }

    /// Reads `pyvenv.cfg` if this is a virtual environment.
    fn interpreter(&mut self) {
        const NAME: &str = "pyvenv.cfg";
        let Some(prefix) = &self.prefix else { return };
        match reading::read(&prefix.join(NAME), NAME, MAX_TEXT_FILE_BYTES) {
            Ok(reading) => {
                self.sheet.absorb(pyvenv::read(&reading.bytes, NAME));
                self.sheet.note_file(reading.file);
            }
            Err(ReadError::Absent { .. }) => {}
            Err(error) => self.sheet.warn(error.reason(), NAME, error.words()),
        }
    }

    fn packages(&mut self) {
        for directory in self.dist_infos() {
            if self.package(&directory).is_none() {
                self.is_whole = false;
            }
        }
        if self.check == Check::Files {
            strays::warn(&self.site_packages, &self.listed, &mut self.sheet);
        }
        self.digest();
    }

    /// Names of the `*.dist-info` directories, sorted.
    fn dist_infos(&mut self) -> Vec<String> {
        let entries = match fs::read_dir(&self.site_packages) {
            Ok(entries) => entries,
            Err(error) => {
                self.is_whole = false;
                self.sheet.warn(WarningReason::Unreadable, "", format!("cannot be listed: {error}"));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (count, entry) in entries.enumerate() {
            let entry = entry.ok().filter(|_| count < MAX_ENTRIES);
            let Some(entry) = entry else {
                self.leave_out(
                    WarningReason::TooLarge,
                    "",
                    &format!("more than {MAX_ENTRIES} entries, or unreadable ones"),
                );
                break;
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if name.ends_with(".egg-info") || name.ends_with(".egg-link") || name.ends_with(".egg") {
                self.leave_out(
                    WarningReason::NotRead,
                    &excerpt(&name),
                    "an installation of the old kind, without a record",
                );
            } else if name.ends_with(".dist-info") && is_directory {
                found.push(name);
            } else if name.ends_with(".dist-info") {
                self.leave_out(WarningReason::Malformed, &excerpt(&name), "no directory");
            }
        }
        found.sort();
        if found.len() > MAX_PACKAGES {
            found.truncate(MAX_PACKAGES);
            self.leave_out(WarningReason::TooLarge, "", &format!("more than {MAX_PACKAGES} packages"));
        }
        found
    }

    /// Notes that something is not covered by the environment's digest.
    fn leave_out(&mut self, reason: WarningReason, place: &str, text: &str) {
        self.is_whole = false;
        self.sheet.warn(reason, place, text);
    }

    /// Reads one package; `None`, after a warning, if the digest cannot cover it.
    fn package(&mut self, directory: &str) -> Option<()> {
        let place = |file: &str| format!("{directory}/{file}");
        let metadata = self.file(&place("METADATA"), MAX_TEXT_FILE_BYTES)?;
        let (name, version) = match metadata::parse(&metadata.bytes) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.sheet.warn(WarningReason::Malformed, &place("METADATA"), error.to_string());
                return None;
            }
        };
        let about = self.sheet.package(&name, &place("METADATA"))?;
        if !name::is_version(&version) {
            let text = format!("{:?} is no version", excerpt(&version));
            self.sheet.warn(WarningReason::Malformed, &place("METADATA"), text);
            return None;
        }
        if !self.names.insert(about.clone()) {
            self.sheet.warn(WarningReason::Disagreement, directory, format!("{about} is installed twice"));
            return None;
        }
        self.refuse_other_name(directory, &about, &version);
        self.sheet.text(&about, "version", &version, &place("METADATA"));
        self.installer(&about, &place("INSTALLER"));
        self.direct_url(&about, &place("direct_url.json"));
        self.record(&about, &version, &place("RECORD"))
    }

    /// The directory is called by name and version; which of its hyphens is which does not matter for comparing.
    fn refuse_other_name(&mut self, directory: &str, about: &str, version: &str) {
        let stem = directory.strip_suffix(".dist-info").unwrap_or(directory);
        let said = stem.rsplit_once('-').and_then(|(name, version)| Some((name::normalise(name)?, version)));
        let same = |said: &str| said.replace('_', "-").eq_ignore_ascii_case(&version.replace('_', "-"));
        if !said.is_some_and(|(name, said)| name == about && same(said)) {
            let text = format!("holds {about} {version}, which is not what it is called");
            self.sheet.warn(WarningReason::Disagreement, directory, text);
        }
    }

    fn installer(&mut self, about: &str, place: &str) {
        let Some(reading) = self.optional(place, 1024) else { return };
        match str::from_utf8(&reading.bytes) {
            Ok(text) => {
                self.sheet.grade(Source::Imported);
                self.sheet.text(about, "installer", text.trim(), place);
                self.sheet.grade(Source::Observed);
            }
            Err(_) => self.sheet.warn(WarningReason::Malformed, place, "not UTF-8"),
        }
    }

    fn direct_url(&mut self, about: &str, place: &str) {
        let Some(reading) = self.optional(place, 1 << 20) else { return };
        self.sheet.grade(Source::Imported);
        match json::parse(&reading.bytes) {
            Ok(json) => direct_url(&json, about, place, &mut self.sheet),
            Err(error) => self.sheet.warn(WarningReason::Malformed, place, error.to_string()),
        }
        self.sheet.grade(Source::Observed);
    }

    fn record(&mut self, about: &str, version: &str, place: &str) -> Option<()> {
        let reading = self.file(place, MAX_RECORD_BYTES)?;
        let leaf = format!("{about}/{version}/RECORD");
        let path = ModelPath::new(leaf).ok()?;
        let sha256 = reading.file.sha256();
        self.sheet.digest(about, "record", "sha256", &sha256.to_string(), place);
        let size = reading.file.bytes();
        let Some(left) = self.records_left.checked_sub(size) else {
            let text = format!("more than {MAX_RECORDS_BYTES} bytes of records");
            self.sheet.warn(WarningReason::TooLarge, place, text);
            return None;
        };
        self.records_left = left;
        self.sheet.note_file(reading.file);
        match Record::parse(&reading.bytes) {
            Ok(record) => self.files(&record, place)?,
            Err(error) => {
                self.sheet.warn(error.reason(), place, error.to_string());
                return None;
            }
        }
        self.leaves.push(FileLeaf::new(path, size, sha256));
        Some(())
    }

    /// Looks at what a record lists.
    fn files(&mut self, record: &Record, place: &str) -> Option<()> {
        let Some(left) = self.files_left.checked_sub(record.files.len()) else {
            let text = format!("more than {MAX_FILES} files in all records");
            self.sheet.warn(WarningReason::TooLarge, place, text);
            return None;
        };
        self.files_left = left;
        let mut is_whole = Some(());
        for file in &record.files {
            let path = match file.locate(&self.site_packages, self.prefix.as_deref()) {
                Ok(path) => path,
                Err(error) => {
                    self.sheet.warn(error.reason(), place, error.to_string());
                    is_whole = None;
                    continue;
                }
            };
            if self.check == Check::Files {
                if let Err(error) = file.refuse_change(&path, &mut self.bytes_left) {
                    self.sheet.warn(error.reason(), place, error.to_string());
                }
                self.listed.insert(file.path.clone());
            }
        }
        is_whole
    }

    /// A file that must be there.
    fn file(&mut self, place: &str, limit: u64) -> Option<Reading> {
        match reading::read(&self.site_packages.join(place), place, limit) {
            Ok(reading) => Some(reading),
            Err(error) => {
                self.sheet.warn(error.reason(), place, error.words());
                None
            }
        }
    }

    /// A file that need not be there.
    fn optional(&mut self, place: &str, limit: u64) -> Option<Reading> {
        match reading::read(&self.site_packages.join(place), place, limit) {
            Ok(reading) => Some(reading),
            Err(ReadError::Absent { .. }) => None,
            Err(error) => {
                self.sheet.warn(error.reason(), place, error.words());
                None
            }
        }
    }

    /// States the environment's digest, if it covers everything.
    fn digest(&mut self) {
        let leaves = std::mem::take(&mut self.leaves);
        self.sheet.text("", "packages", &leaves.len().to_string(), "");
        if !self.is_whole {
            return self.sheet.warn(
                WarningReason::Absent,
                "",
                "no digest of the environment, for packages were left out",
            );
        }
        match Tree::new(leaves) {
            Ok(tree) => {
                self.sheet.digest("", "digest", "sha256", &tree.digest().to_string(), "");
                self.sheet.text("", "form", FORM, "");
            }
            Err(error) => self.sheet.warn(WarningReason::Malformed, "", error.to_string()),
        }
    }
}

/// Where a package came from that did not come from an index.
fn direct_url(json: &Json, about: &str, place: &str, sheet: &mut Sheet) {
    let Some(url) = json.get("url").and_then(Json::text) else {
        return sheet.warn(WarningReason::Malformed, place, "no text url");
    };
    let vcs = json.get("vcs_info");
    match vcs.and_then(|vcs| vcs.get("vcs")).and_then(Json::text) {
        Some(kind) => sheet.uri(about, "uri", &format!("{kind}+{url}"), place),
        None => sheet.uri(about, "uri", url, place),
    }
    if let Some(commit) = vcs.and_then(|vcs| vcs.get("commit_id")).and_then(Json::text) {
        sheet.commit(about, commit, place);
    }
    let hashes = json.get("archive_info").and_then(|archive| archive.get("hashes")).and_then(Json::object);
    for (algorithm, hex) in hashes.into_iter().flatten() {
        if let Some(hex) = hex.text() {
            sheet.hash(about, &format!("{algorithm}:{hex}"), place);
        }
    }
    let is_editable = json.get("dir_info").and_then(|info| info.get("editable")) == Some(&Json::Bool(true));
    if is_editable {
        sheet.warn(
            WarningReason::NotRead,
            place,
            format!("{about} is editable, and its files lie elsewhere"),
        );
    }
}

impl RecordError {
    const fn reason(&self) -> WarningReason {
        match self {
            Self::Read { source, .. } => source.reason(),
            Self::Outside { .. } | Self::Link { .. } => WarningReason::Escape,
            Self::Changed { .. } | Self::Duplicate { .. } => WarningReason::Disagreement,
            Self::NoDigest { .. } => WarningReason::WeakDigest,
            Self::OtherAlgorithm { .. } => WarningReason::NotRead,
            Self::TooManyFiles | Self::TooManyBytes => WarningReason::TooLarge,
            Self::Io { .. } => WarningReason::Unreadable,
            _ => WarningReason::Malformed,
        }
    }
}
