//! The directory a witness lives in, and the lock that keeps it to one process.
//!
//! ```text
//! DIR/witness.toml     what the witness is, and its settings; written last by `init`, so its presence means complete
//! DIR/key.pem          the Ed25519 key (see `key_file`), unless somebody else holds it
//! DIR/key-ml-dsa.pem   the ML-DSA-44 key, if there is one
//! DIR/record           the latest checkpoint that was cosigned of each log (see `record`)
//! DIR/logs             the witness's own list of logs (see `log_list`)
//! DIR/lock             held with flock(2) while a process uses the directory; never removed
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A directory that this process alone may use. Dropping it gives the lock back.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Held for its lock only; the kernel gives it back when the process ends, however it ends.
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // A child between fork and exec still has a copy of the open file, so closing is not enough. If this fails the lock goes
        // with the last copy.
        let _ = self.lock.unlock();
    }
}

impl DataDir {
    /// Makes a new directory, mode 0700, or takes an existing empty one.
    ///
    /// # Errors
    /// [`DataDirError::NotEmpty`] if anything lies in it; otherwise as [`DataDir::lock`].
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| DataDirError::io(path, "create", source))?;
        let contents = std::fs::read_dir(path).map_err(|source| DataDirError::io(path, "list", source))?;
        if contents.count() > 0 {
            return Err(DataDirError::NotEmpty { path: path.to_owned() });
        }
        Self::lock(path)
    }

    /// Takes the lock of an existing directory.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] if another process holds it, [`DataDirError::Io`].
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        let lock_path = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
        let lock = lock.map_err(|source| DataDirError::io(&lock_path, "open", source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(DataDirError::io(&lock_path, "lock", source)),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the names in the directory, and its own name in its parent, are on disk.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn sync(&self) -> Result<(), DataDirError> {
        let path = self.path.canonicalize().map_err(|source| DataDirError::io(&self.path, "open", source))?;
        [Some(path.as_path()), path.parent()].into_iter().flatten().try_for_each(sync_dir)
    }
}

/// Writes a small file in the place of what is there, whole or not at all, and waits until it is on disk.
///
/// # Errors
/// [`DataDirError::Io`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    let next = PathBuf::from(next);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&next);
    let mut file = file.map_err(|source| DataDirError::io(&next, "create", source))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|source| DataDirError::io(&next, "write", source))?;
    std::fs::rename(&next, path).map_err(|source| DataDirError::io(path, "rename", source))?;
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => sync_dir(dir),
        _ => sync_dir(Path::new(".")),
    }
}

fn sync_dir(path: &Path) -> Result<(), DataDirError> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|source| DataDirError::io(path, "sync", source))
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
        act: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A new witness was to be made where something lies already.
    #[error("{}: not empty, a new witness needs an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
}

impl DataDirError {
    pub(crate) fn io(path: &Path, act: &'static str, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_held_is_not_given_twice() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("w");
        let held = DataDir::create(&path).unwrap();
        assert!(matches!(DataDir::lock(&path), Err(DataDirError::InUse { .. })));
        drop(held);
        DataDir::lock(&path).unwrap();
        assert!(matches!(DataDir::create(&path), Err(DataDirError::NotEmpty { .. })));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("logs");
        for text in ["a long text", "short"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
