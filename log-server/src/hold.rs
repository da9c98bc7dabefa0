//! `DIR/hold`: a log in this directory may be read and must not sign, whatever else is well with it.
//!
//! ```toml
//! version = 1
//! reason = "restored"
//! detail = "from a backup of size 70000"
//! ```
//!
//! It outlives the process: a log that was frozen, restored or found damaged is still so after a restart. Writing is
//! write, sync, rename, sync; taking it away is the business of `tallymark-log thaw` alone ([`crate::thaw`]). A file that does
//! not parse holds the log back altogether, because it may stand for the worst.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::gate::Closed;

/// Its name in the directory of a log.
pub const FILE_NAME: &str = "hold";
const VERSION: u32 = 1;
/// Far above what is ever written.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why a log may not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the file has these three words")]
pub enum Reason {
    /// Damage was found.
    Damaged,
    /// The operator froze it.
    Frozen,
    /// It came out of a backup.
    Restored,
}

impl From<Reason> for Closed {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Damaged => Self::Damaged,
            Reason::Frozen => Self::Frozen,
            Reason::Restored => Self::Restored,
        }
    }
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    reason: Reason,
    detail: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    reason: Reason,
    detail: String,
}

impl Hold {
    /// A hold with a reason and a sentence for people.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// For people: what happened.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Reads the hold of the log in `dir`; `None` if it is not held.
    ///
    /// # Errors
    /// [`HoldError`]; the log must not be opened for writing then.
    pub fn read(dir: &Path) -> Result<Option<Self>, HoldError> {
        let path = dir.join(FILE_NAME);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| HoldError::io(&path, source))?,
        };
        let mut text = String::new();
        let read = file.take(MAX_FILE_BYTES).read_to_string(&mut text);
        read.map_err(|source| HoldError::io(&path, source))?;
        match toml::from_str::<Document>(&text) {
            Ok(Document { version: VERSION, reason, detail }) => Ok(Some(Self { reason, detail })),
            _ => Err(HoldError::Unreadable { path }),
        }
    }

    /// Writes it, over one that is there, and waits until it is on disk.
    ///
    /// # Errors
    /// [`HoldError::Io`].
    pub fn write(&self, dir: &Path) -> Result<(), HoldError> {
        let (path, temporary) = (dir.join(FILE_NAME), dir.join("hold.tmp"));
        // The words of a reason need no escape; the text of a JSON string is one of a TOML string too.
        let reason = serde_json::json!(self.reason);
        let detail = serde_json::json!(self.detail);
        let text = format!("version = {VERSION}\nreason = {reason}\ndetail = {detail}\n");
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(dir)?.sync_all()
        };
        write().map_err(|source| HoldError::io(&path, source))
    }

    /// Takes it away and waits until it is gone from the disk.
    ///
    /// # Errors
    /// [`HoldError::Io`].
    #[cfg(any(feature = "rocksdb", test))]
    pub(crate) fn remove(dir: &Path) -> Result<(), HoldError> {
        let path = dir.join(FILE_NAME);
        let removed = fs::remove_file(&path).and_then(|()| File::open(dir)?.sync_all());
        removed.map_err(|source| HoldError::io(&path, source))
    }
}

/// Freezes the log in `dir`, which the caller has the lock of. One that is frozen stays so.
///
/// # Errors
/// [`HoldError::Held`] if it is held for a graver reason, which must not be forgotten; [`HoldError::Io`].
pub fn freeze(dir: &Path, detail: &str) -> Result<(), HoldError> {
    match Hold::read(dir)? {
        Some(hold) if hold.reason == Reason::Frozen => Ok(()),
        Some(hold) => Err(HoldError::Held { why: hold.reason.into() }),
        None => Hold::new(Reason::Frozen, detail).write(dir),
    }
}

/// Why a hold could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HoldError {
    /// It is held already, and not because it was frozen.
    #[error("held already: {why}")]
    Held {
        /// For what.
        why: Closed,
    },
    /// The system refused.
    #[error("could not use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is there and says nothing that this program knows.
    #[error("{}: does not say why the log is held", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

impl HoldError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_reads_back_as_written_and_is_gone_when_removed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Hold::read(dir.path()).unwrap(), None);
        for reason in [Reason::Damaged, Reason::Frozen, Reason::Restored] {
            let hold = Hold::new(reason, "entry 7 \"is\" gone\\ \u{1}é");
            hold.write(dir.path()).unwrap();
            assert_eq!(Hold::read(dir.path()).unwrap(), Some(hold));
        }
        Hold::remove(dir.path()).unwrap();
        assert_eq!(Hold::read(dir.path()).unwrap(), None);
    }

    #[test]
    fn the_hold_on_the_page_reads_as_the_page_says() {
        let dir = tempfile::tempdir().unwrap();
        let text = include_str!("../../testdata/backup/hold");
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        let hold = Hold::read(dir.path()).unwrap().unwrap();
        assert_eq!((hold.reason(), hold.detail()), (Reason::Restored, "from a backup of size 70000"));
        hold.write(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(FILE_NAME)).unwrap(), text);
    }

    #[test]
    fn a_graver_hold_is_not_forgotten_by_freezing() {
        let dir = tempfile::tempdir().unwrap();
        freeze(dir.path(), "end of 2026").unwrap();
        freeze(dir.path(), "again").unwrap();
        assert_eq!(Hold::read(dir.path()).unwrap().unwrap().detail(), "end of 2026");
        Hold::new(Reason::Damaged, "").write(dir.path()).unwrap();
        assert!(matches!(freeze(dir.path(), ""), Err(HoldError::Held { why: Closed::Damaged })));
    }

    #[test]
    fn a_hold_that_says_nothing_known_is_an_error_and_not_no_hold() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "version = 2\nreason = \"frozen\"\ndetail = \"\"\n", "reason = \"tired\"\n"] {
            fs::write(dir.path().join(FILE_NAME), text).unwrap();
            assert!(matches!(Hold::read(dir.path()), Err(HoldError::Unreadable { .. })), "{text:?}");
        }
    }
}
