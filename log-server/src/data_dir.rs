//! The directory a log lives in, and the lock that keeps it to one process.
//!
//! ```text
//! DIR/log.toml   what the log is (see `config`); written last by `init`, so its presence means complete
//! DIR/key.pem    the private key (see `key_file`)
//! DIR/key-ml-dsa.pem    a second key, if there is one (see `signing::ml_dsa`)
//! DIR/db/        the database (see `storage::rocks`)
//! DIR/ledger     every head ever signed (see `ledger`); outside the database on purpose
//! DIR/index/     what entries can be found by (see `term_index`); derived, may be deleted while nothing runs
//! DIR/ledger.N   its full segments, N = 000000, 000001, …; a backup needs all of them
//! DIR/cosigned   the newest checkpoint that a quorum of witnesses confirmed (see `feeder::kept`); may be lost
//! DIR/hold       why the log must not sign, if it must not (see `hold`)
//! DIR/ballast    space to give up when the disk is full (see `disk`)
//! DIR/control    a socket for commands while a server runs (see `control`)
//! DIR/tokens     digests of bearer tokens (see `admission::token_file`), if there are any
//! DIR/lock       held with flock(2) while a process uses the directory; never removed
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A data directory that this process alone may use. Dropping it gives the lock back.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Held for its lock only; the kernel gives it back when the process ends, however it ends.
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing alone is not enough: the lock belongs to the open file, and a child between fork and exec still has
        // a copy of it. If this fails there is nothing to do about it; the lock then goes with the last copy.
        let _ = self.lock.unlock();
    }
}

impl DataDir {
    /// Makes a new data directory, mode 0700, or takes an existing empty one.
    ///
    /// # Errors
    /// [`DataDirError::NotEmpty`] if anything lies in it; otherwise as [`DataDir::lock`].
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && matches!(dir.try_exists(), Ok(false)))
            .collect();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| DataDirError::io(path, Act::Create, source))?;
        // A directory is only as durable as its name in the one above.
        for above in missing.iter().filter_map(|dir| dir.parent()) {
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            sync_dir(above)?;
        }
        let mut contents =
            std::fs::read_dir(path).map_err(|source| DataDirError::io(path, Act::Read, source))?;
        if contents.next().is_some() {
            return Err(DataDirError::NotEmpty { path: path.to_owned() });
        }
        Self::lock(path)
    }

    /// Takes the lock of an existing data directory.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] if another process holds it, [`DataDirError::Io`].
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|source| DataDirError::io(&lock_path, Act::Open, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(DataDirError::io(&lock_path, Act::Lock, source)),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `DIR/log.toml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("log.toml")
    }

    /// `DIR/key.pem`.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.path.join("key.pem")
    }

    /// `DIR/key-ml-dsa.pem`, if the log signs with such a key too.
    #[must_use]
    pub fn ml_dsa_key(&self) -> PathBuf {
        self.path.join("key-ml-dsa.pem")
    }

    /// `DIR/db`.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("db")
    }

    /// `DIR/index`.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.path.join("index")
    }

    /// The newest checkpoint that the quorum of witnesses confirmed (see [`crate::feeder::kept`]).
    #[must_use]
    pub fn cosigned(&self) -> PathBuf {
        self.path.join("cosigned")
    }

    /// `DIR/ledger`.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.path.join("ledger")
    }

    /// Waits until the names of new files in the directory, and its own name in its parent, are on disk.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn sync(&self) -> Result<(), DataDirError> {
        let path =
            self.path.canonicalize().map_err(|source| DataDirError::io(&self.path, Act::Open, source))?;
        for dir in [Some(path.as_path()), path.parent()].into_iter().flatten() {
            sync_dir(dir)?;
        }
        Ok(())
    }
}

fn sync_dir(path: &Path) -> Result<(), DataDirError> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|source| DataDirError::io(path, Act::Sync, source))
}

/// What was done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Create the directory.
    Create,
    /// Take the lock.
    Lock,
    /// Open a file.
    Open,
    /// List the directory.
    Read,
    /// Wait until it is on disk.
    Sync,
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Lock => "lock",
            Self::Open => "open",
            Self::Read => "list",
            Self::Sync => "sync",
        })
    }
}

/// Why a directory cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process holds the lock.
    #[error("{}: in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The system refused.
    #[error("could not {act} {}", path.display())]
    Io {
        /// What was done.
        act: Act,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A new log was to be made where something lies already.
    #[error("{}: not empty, a new log needs an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
}

impl DataDirError {
    fn io(path: &Path, act: Act, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_a_dropped_one_is_free_though_a_child_has_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::lock(dir.path()).unwrap();
        assert!(matches!(DataDir::lock(dir.path()), Err(DataDirError::InUse { .. })));
        let copy = first.lock.try_clone().unwrap();
        drop(first);
        DataDir::lock(dir.path()).unwrap();
        drop(copy);
    }
}
