//! Files that are written whole or not at all, and the lock that keeps a directory to one process.
//!
//! ```text
//! DIR/state            how far each log was read, and what is still to be told; replaced as a whole
//! DIR/expected         leaf hashes of entries that the owner made, one a line
//! DIR/acknowledged     ids of alerts that somebody has dealt with, one a line
//! DIR/evidence/        what contradicts itself, one file each
//! DIR/journal/         when it looked and what it told, one file a month
//! DIR/lock             held with flock(2) while a process watches; never removed
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why something on the disk could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Another process watches with this directory.
    #[error("{}: in use by another monitor", path.display())]
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
    /// More bytes than such a file can have.
    #[error("{}: more than {limit_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most it can have.
        limit_bytes: u64,
    },
}

impl DiskError {
    fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }
}

/// A directory that this process alone watches with, until it is dropped.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
    // Held for its lock only; the kernel gives it back when the process ends, however it ends.
    _lock: File,
}

impl Dir {
    /// Makes the directory if it is not there, and takes its lock.
    ///
    /// # Errors
    /// [`DiskError::InUse`], [`DiskError::Io`].
    pub fn lock(path: &Path) -> Result<Self, DiskError> {
        make(&path.join("evidence"))?;
        let lock_path = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
        let lock = lock.map_err(DiskError::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DiskError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(DiskError::io("lock", &lock_path)(source)),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory, mode 0700, with those above it.
///
/// # Errors
/// [`DiskError::Io`].
pub fn make(path: &Path) -> Result<(), DiskError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(DiskError::io("create", path))
}

/// Reads a file of at most `limit_bytes`; `None` if it is not there.
///
/// # Errors
/// [`DiskError::TooLarge`], [`DiskError::Io`].
pub fn read(path: &Path, limit_bytes: u64) -> Result<Option<Vec<u8>>, DiskError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(DiskError::io("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(DiskError::io("read", path))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(DiskError::TooLarge { path: path.to_owned(), limit_bytes });
    }
    Ok(Some(bytes))
}

/// Writes a file in the place of what is there, whole or not at all, and waits until it is on disk.
///
/// # Errors
/// [`DiskError::Io`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    replace_with_mode(path, bytes, 0o600)
}

/// The same with a file that everybody may read, if the process's umask lets them.
///
/// # Errors
/// [`DiskError::Io`].
pub fn replace_public(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    replace_with_mode(path, bytes, 0o644)
}

fn replace_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DiskError> {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    let next = PathBuf::from(next);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(&next);
    let mut file = file.map_err(DiskError::io("create", &next))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(DiskError::io("write", &next))?;
    std::fs::rename(&next, path).map_err(DiskError::io("rename", path))?;
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(DiskError::io("sync", parent))
}

/// Adds whole lines to a file and waits until they are on disk. A line that a crash cut short is ended first.
///
/// # Errors
/// [`DiskError::Io`].
pub fn append_lines(path: &Path, lines: &str) -> Result<(), DiskError> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o600).open(path);
    let mut file = file.map_err(DiskError::io("open", path))?;
    let is_cut = ends_within_a_line(&mut file).map_err(DiskError::io("read", path))?;
    let text = if is_cut { format!("\n{lines}") } else { lines.to_owned() };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(DiskError::io("write", path))
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    use std::io::{Seek as _, SeekFrom};
    // A pipe or a device has no end to look at.
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
