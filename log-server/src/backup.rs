//! A copy of a whole log, made at rest or while it serves, and the way back.
//!
//! ```text
//! BACKUP/manifest.json   what the copy is: log, size, root, and size and SHA-256 of every file (spec/backup.md)
//! BACKUP/log.toml        as in the log's directory
//! BACKUP/ledger          the heads signed up to the size of the copy, in segments as in the log's directory
//! BACKUP/db/             the database
//! BACKUP/key.pem         only if asked for; with it key-ml-dsa.pem, if the log has one
//! ```
//!
//! The database is copied first, the ledger after it and only up to the database's size: so the ledger never says more
//! than is there, and a server that goes on signing meanwhile does no harm. Files are written into `BACKUP.tmp`, synced,
//! read again, the log in them is opened and its tail proven; only then is the directory renamed.
//!
//! A restored log is held ([`crate::hold`]): a copy cannot know what was signed after it was made.
//!
//! In scope: copying and checking copies. Out of scope: letting a restored log sign again ([`crate::thaw`]).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use merkle::{Hash, TreeHead};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::config::{Config, ConfigError};
use crate::data_dir::{DataDir, DataDirError};
use crate::hold::{Hold, HoldError, Reason};
use crate::ledger::{self, LedgerError, RECORD_BYTES};
use crate::opening::{self, OpeningError};
use crate::storage::rocks::RocksStorage;
use crate::storage::{Storage as _, StorageError};

/// Version of the manifest.
pub const MANIFEST_VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// The private key in a log's directory, and a second one that not every log has.
const KEY: &str = "key.pem";
const SECOND_KEY: &str = "key-ml-dsa.pem";
/// How often the ledger is copied if it begins new segments meanwhile.
const LEDGER_ATTEMPTS: usize = 5;
/// A database of 10 million entries has some hundred files.
const MAX_MANIFEST_BYTES: u64 = 16 * 1024 * 1024;

/// What a backup is, as `manifest.json` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// Origin and key of the log.
    pub vkey: String,
    /// Entries in the database.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
    /// Size of the last signed head in the ledger: at most one step behind `size`.
    #[serde(rename = "sizeSigned")]
    pub size_signed: u64,
    /// Every file, by path.
    pub files: Vec<FileRow>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FileRow {
    /// Below the backup's directory, with `/`.
    pub path: String,
    /// Length.
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// Copies a log whose database was copied to `database` already, by itself or by the server that has it open.
///
/// `dir` is the log's directory, `to` must not exist. `database` is left where it is.
///
/// # Errors
/// [`BackupError`]; `to` is not there then.
pub fn backup(dir: &Path, database: &Path, to: &Path, with_key: bool) -> Result<Manifest, BackupError> {
    let config = Config::read(&dir.join("log.toml"))?;
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let unfinished = beside(to);
    if unfinished.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: unfinished });
    }
    make_dir(&unfinished)?;
    let made = fill(dir, database, &unfinished, &config, with_key).and_then(|manifest| {
        fs::rename(&unfinished, to).map_err(|source| BackupError::io(to, source))?;
        sync_parent(to)?;
        Ok(manifest)
    });
    if made.is_err() {
        // What is left of it would only be in the way; that it cannot be removed matters less than why it was made in vain.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made
}

/// Copies a log at rest.
///
/// # Errors
/// As [`backup`]; [`DataDirError::InUse`] if a process has the log open.
pub fn backup_at_rest(dir: &Path, to: &Path, with_key: bool) -> Result<Manifest, BackupError> {
    Config::read(&dir.join("log.toml"))?;
    let lock = DataDir::lock(dir)?;
    backup(lock.path(), &lock.database(), to, with_key)
}

fn fill(
    dir: &Path,
    database: &Path,
    into: &Path,
    config: &Config,
    with_key: bool,
) -> Result<Manifest, BackupError> {
    make_dir(&into.join("db"))?;
    let mut names = vec!["log.toml".to_owned()];
    for name in names_in(database)? {
        // RocksDB's own diary and the lock are no part of the data.
        if name == "LOCK" || name.starts_with("LOG") {
            continue;
        }
        copy(&database.join(&name), &into.join("db").join(&name), u64::MAX)?;
        names.push(format!("db/{name}"));
    }
    copy(&dir.join("log.toml"), &into.join("log.toml"), u64::MAX)?;
    if with_key {
        let has_second = dir.join(SECOND_KEY).symlink_metadata().is_ok();
        for name in std::iter::once(KEY).chain(has_second.then_some(SECOND_KEY)) {
            copy(&dir.join(name), &into.join(name), u64::MAX)?;
            names.push(name.to_owned());
        }
    }
    let storage = RocksStorage::open_read_only(&into.join("db"))?;
    let head = storage.head()?;
    let segments = copy_ledger(dir, into)?;
    let signed = cut_ledger(&into.join("ledger"), segments.len() > 1, config, &head)?;
    names.extend(segments);
    opening::prove(&storage, &head, &signed)?;
    drop(storage);
    names.sort();
    let mut files = Vec::with_capacity(names.len());
    for path in names {
        let (bytes, sha256) = digest(&into.join(&path))?;
        files.push(FileRow { path, bytes, sha256 });
    }
    let manifest = Manifest {
        version: MANIFEST_VERSION,
        vkey: config.vkey().to_string(),
        size: head.size().get(),
        root: head.root().to_string(),
        size_signed: signed.size().get(),
        files,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|source| {
        BackupError::io(&into.join(MANIFEST), io::Error::new(io::ErrorKind::InvalidData, source))
    })?;
    write(&into.join(MANIFEST), &mut text.as_slice())?;
    sync_dir(&into.join("db"))?;
    sync_dir(into)?;
    Ok(manifest)
}

/// Copies all segments of the ledger as they stood at one moment; returns their names.
fn copy_ledger(dir: &Path, into: &Path) -> Result<Vec<String>, BackupError> {
    let segments = || -> Result<Vec<String>, BackupError> {
        let mut names = names_in(dir)?;
        names.retain(|name| is_segment(name));
        Ok(names)
    };
    let mut names = segments()?;
    for _ in 0..LEDGER_ATTEMPTS {
        copy(&dir.join("ledger"), &into.join("ledger"), u64::MAX)?;
        let now = segments()?;
        if now == names {
            for name in &names {
                copy(&dir.join(name), &into.join(name), u64::MAX)?;
            }
            names.push("ledger".to_owned());
            return Ok(names);
        }
        // A segment was put aside meanwhile: the file that was copied may be the one before it.
        fs::remove_file(into.join("ledger")).map_err(|source| BackupError::io(into, source))?;
        names = now;
    }
    Err(BackupError::LedgerMoved)
}

/// Cuts off what was signed after the database was copied, and a torn record; returns the last head that stays.
fn cut_ledger(
    path: &Path,
    has_header: bool,
    config: &Config,
    head: &TreeHead,
) -> Result<TreeHead, BackupError> {
    let (mut over, mut signed) = (0, TreeHead::empty());
    let summary = ledger::read(path, config.vkey(), &mut |record| {
        if record.head().size() <= head.size() {
            signed = *record.head();
        } else {
            over += RECORD_BYTES as u64;
        }
    })?;
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        let len = file.metadata()?.len().checked_sub(over + summary.torn_bytes());
        // The empty tree, or a header and the record that is carried over from the segment before, must stay.
        let least = if has_header { 2 * RECORD_BYTES } else { RECORD_BYTES };
        let len = len.filter(|len| *len >= least as u64);
        if let Some(len) = len {
            file.set_len(len)?;
            file.sync_all()?;
        }
        Ok(len.is_some())
    };
    match cut().map_err(|source| BackupError::io(path, source))? {
        true => Ok(signed),
        // The segments changed hands between the copy of the database and that of the ledger.
        false if over > 0 => Err(BackupError::LedgerMoved),
        false => Err(LedgerError::Empty { path: path.to_owned() }.into()),
    }
}

/// Reads a backup and checks that every file in it is there, whole, and that there is no other.
///
/// # Errors
/// [`BackupError::Manifest`], [`BackupError::File`], [`BackupError::Io`].
pub fn verify(path: &Path) -> Result<Manifest, BackupError> {
    let file = path.join(MANIFEST);
    let mut text = String::new();
    let opened = File::open(&file).map_err(|source| BackupError::io(&file, source))?;
    let read = opened.take(MAX_MANIFEST_BYTES).read_to_string(&mut text);
    read.map_err(|source| BackupError::io(&file, source))?;
    let bad = || BackupError::Manifest { path: file.clone() };
    let manifest: Manifest = serde_json::from_str(&text).map_err(|_| bad())?;
    let in_order = manifest.files.windows(2).all(|pair| pair[0].path < pair[1].path);
    let plain = manifest.files.iter().all(|row| is_name_of_backup(&row.path));
    if manifest.version != MANIFEST_VERSION || !in_order || !plain {
        return Err(bad());
    }
    for row in &manifest.files {
        let at = path.join(&row.path);
        let (bytes, sha256) = digest(&at)?;
        if (bytes, sha256.as_str()) != (row.bytes, row.sha256.as_str()) {
            return Err(BackupError::File { path: at, what: "has other bytes than its manifest says" });
        }
    }
    let listed = |name: &str| manifest.files.iter().any(|row| row.path == name);
    let mut there = names_in(path)?;
    there.retain(|name| name != "db" && name != MANIFEST);
    there.extend(names_in(&path.join("db"))?.into_iter().map(|name| format!("db/{name}")));
    match there.into_iter().find(|name| !listed(name)) {
        Some(name) => Err(BackupError::File { path: path.join(name), what: "is not in the manifest" }),
        None => Ok(manifest),
    }
}

/// Puts a backup into a new directory, which is held until it is shown to be the newest copy.
///
/// # Errors
/// [`BackupError`]; [`DataDirError::NotEmpty`] if anything lies at `to`. Without its `log.toml`, which is written last,
/// a directory is no log.
pub fn restore(from: &Path, to: &Path) -> Result<Manifest, BackupError> {
    let manifest = verify(from)?;
    let dir = DataDir::create(to)?;
    let detail = format!("from a backup of size {}", manifest.size);
    Hold::new(Reason::Restored, detail).write(dir.path())?;
    make_dir(&dir.database())?;
    for row in manifest.files.iter().filter(|row| row.path != "log.toml") {
        copy(&from.join(&row.path), &dir.path().join(&row.path), u64::MAX)?;
    }
    let config = Config::read(&from.join("log.toml"))?;
    let storage = RocksStorage::open_read_only(&dir.database())?;
    let head = storage.head()?;
    let seen = (head.size().get(), head.root().to_string(), config.vkey().to_string());
    if seen != (manifest.size, manifest.root.clone(), manifest.vkey.clone()) {
        return Err(BackupError::Manifest { path: from.join(MANIFEST) });
    }
    let mut signed = TreeHead::empty();
    ledger::read(&dir.ledger(), config.vkey(), &mut |record| signed = *record.head())?;
    opening::prove(&storage, &head, &signed)?;
    drop(storage);
    sync_dir(&dir.database())?;
    dir.sync()?;
    copy(&from.join("log.toml"), &dir.config(), u64::MAX)?;
    dir.sync()?;
    Ok(manifest)
}

/// Names that a backup may have: nothing that leads out of its directory.
fn is_name_of_backup(name: &str) -> bool {
    let path = Path::new(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let places = ["log.toml", "ledger", KEY, SECOND_KEY];
    plain
        && (places.contains(&name)
            || is_segment(name)
            || name.strip_prefix("db/").is_some_and(|rest| !rest.contains('/')))
}

/// `ledger.000000` and on.
fn is_segment(name: &str) -> bool {
    let number = name.strip_prefix("ledger.");
    number.is_some_and(|number| number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn names_in(dir: &Path) -> Result<Vec<String>, BackupError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| BackupError::io(dir, source))? {
        let entry = entry.map_err(|source| BackupError::io(dir, source))?;
        match entry.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(_) => return Err(BackupError::File { path: entry.path(), what: "has no name in UTF-8" }),
        }
    }
    names.sort();
    Ok(names)
}

/// Copies at most the first `limit` bytes, mode 0600, synced.
fn copy(from: &Path, to: &Path, limit: u64) -> Result<(), BackupError> {
    let file = File::open(from).map_err(|source| BackupError::io(from, source))?;
    write(to, &mut file.take(limit))
}

fn write(to: &Path, from: &mut dyn Read) -> Result<(), BackupError> {
    let mut write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(from, &mut file)?;
        file.flush()?;
        file.sync_all()
    };
    write().map_err(|source| BackupError::io(to, source))
}

fn digest(path: &Path) -> Result<(u64, String), BackupError> {
    let read = || {
        let mut file = File::open(path)?;
        let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok((bytes, Hash::from_bytes(hash.finalize().into()).to_string())),
                count => {
                    hash.update(&buffer[..count]);
                    bytes += count as u64;
                }
            }
        }
    };
    read().map_err(|source| BackupError::io(path, source))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

fn make_dir(path: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(|source| BackupError::io(path, source))
}

fn sync_dir(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|source| BackupError::io(path, source))
}

fn sync_parent(path: &Path) -> Result<(), BackupError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_dir(parent.unwrap_or(Path::new(".")))
}

/// Why a backup was not made, or not put back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// `log.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log's directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Something lies where the backup is to be.
    #[error("{}: is there already", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A file is not what the manifest says.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The hold could not be written.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The system refused.
    #[error("could not use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger began a new segment in the middle of the copy.
    #[error("the ledger began a new segment while it was copied")]
    LedgerMoved,
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The manifest does not parse, names files it may not, or is of another log or tree than the files.
    #[error("{}: not the manifest of this backup", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
    },
    /// The copy does not hold together.
    #[error("the copy does not hold together")]
    Opening(#[from] OpeningError),
    /// The database of the copy cannot be used.
    #[error("the database of the copy cannot be used")]
    Storage(#[from] StorageError),
}

impl BackupError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Whether it is refused, and not just impossible to read or write.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::DataDir(error) => !matches!(error, DataDirError::Io { .. }),
            Self::Exists { .. } | Self::File { .. } | Self::Manifest { .. } | Self::Opening(_) => true,
            Self::Config(_) | Self::Hold(_) | Self::Io { .. } | Self::LedgerMoved => false,
            Self::Ledger(error) => !matches!(error, LedgerError::Io { .. }),
            Self::Storage(error) => !matches!(error, StorageError::Engine { .. }),
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exists { .. } => {
                Some("name a place where nothing is; a backup is never written over another")
            }
            Self::File { .. } | Self::Manifest { .. } => Some("this backup is damaged; take another one"),
            Self::DataDir(DataDirError::NotEmpty { .. }) => Some(
                "restore into a directory that does not exist yet; move the old one away and keep its ledger",
            ),
            Self::LedgerMoved => Some("run it again; this happens once in 65,536 steps"),
            Self::Opening(error) => error.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_on_the_page_is_one_and_its_form_is_closed() {
        let text = include_str!("../../testdata/backup/manifest.json");
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert_eq!((manifest.version, manifest.size, manifest.files.len()), (MANIFEST_VERSION, 0, 5));
        assert!(manifest.files.iter().all(|row| is_name_of_backup(&row.path)));
        assert_eq!(serde_json::to_string_pretty(&manifest).unwrap() + "\n", text);
        assert!(serde_json::from_str::<Manifest>(&text.replace("\"size\"", "\"sizes\"")).is_err());
    }

    #[test]
    fn no_name_leads_out_of_a_backup() {
        for name in [
            "../ledger",
            "/etc/passwd",
            "db/../ledger",
            "db/a/b",
            "db",
            "",
            "./ledger",
            "hold",
            "manifest.json",
        ] {
            assert!(!is_name_of_backup(name), "{name:?}");
        }
        assert!(is_name_of_backup("db/000012.sst") && is_name_of_backup("key.pem"));
    }
}
