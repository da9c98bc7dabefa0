//! Reading a file that a stranger may have put there: regular, bounded, and hashed while it is read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;

use crate::{ReadFile, WarningReason};

/// Most bytes of a text file of a tracker.
pub const MAX_TEXT_FILE_BYTES: u64 = 16 << 20;

/// The bytes of a file, and what to note about it.
#[derive(Debug)]
pub struct Reading {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Its name, size and digest.
    pub file: ReadFile,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is none.
    #[error("{path} does not exist")]
    Absent {
        /// Which.
        path: PathBuf,
    },
    /// A directory, a pipe, a device, or a link where none is followed.
    #[error("{path} is no regular file")]
    NotRegular {
        /// Which.
        path: PathBuf,
    },
    /// Larger than its kind is.
    #[error("{path} has {bytes} bytes, want at most {limit}")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The operating system refused.
    #[error("cannot read {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl ReadError {
    /// Its words without the path. A warning has a name for the file already, and a path may name a person.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Absent { .. } => "does not exist".to_owned(),
            Self::NotRegular { .. } => "no regular file".to_owned(),
            Self::TooLarge { bytes, limit, .. } => format!("has {bytes} bytes, want at most {limit}"),
            Self::Io { source, .. } => format!("cannot be read: {source}"),
        }
    }

    /// The reason of the warning that stands for it.
    #[must_use]
    pub const fn reason(&self) -> WarningReason {
        match self {
            Self::Absent { .. } => WarningReason::Absent,
            Self::NotRegular { .. } => WarningReason::Malformed,
            Self::TooLarge { .. } => WarningReason::TooLarge,
            Self::Io { .. } => WarningReason::Unreadable,
        }
    }
}

/// Opens a regular file without following a link in its last component and without waiting for a pipe.
pub(crate) fn open(path: &Path) -> Result<(File, u64), ReadError> {
    let path_buf = || path.to_owned();
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = file.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ReadError::Absent { path: path_buf() },
        // A link, since none is followed; the standard library's own word for it is not stable yet.
        _ if source.raw_os_error() == Some(libc::ELOOP) => ReadError::NotRegular { path: path_buf() },
        _ => ReadError::Io { path: path_buf(), source },
    })?;
    let metadata = file.metadata().map_err(|source| ReadError::Io { path: path_buf(), source })?;
    if !metadata.is_file() {
        return Err(ReadError::NotRegular { path: path_buf() });
    }
    Ok((file, metadata.len()))
}

/// Reads a whole file of at most `limit` bytes. `name` is what facts and reports call it.
///
/// # Errors
/// [`ReadError`].
pub(crate) fn read(path: &Path, name: &str, limit: u64) -> Result<Reading, ReadError> {
    let (file, size) = open(path)?;
    let too_large = |bytes| ReadError::TooLarge { path: path.to_owned(), bytes, limit };
    if size > limit {
        return Err(too_large(size));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    let len = bytes.len() as u64;
    if len > limit {
        return Err(too_large(len));
    }
    let file = ReadFile { name: name.to_owned(), bytes: len, sha256: Sha256Digest::of(&bytes) };
    Ok(Reading { bytes, file })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_a_regular_file_within_the_bound_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").expect("write");
        let reading = read(&path, "a", 3).expect("three bytes");
        assert_eq!((reading.bytes.as_slice(), reading.file.bytes()), (b"abc".as_slice(), 3));
        assert_eq!(reading.file.sha256(), Sha256Digest::of(b"abc"));
        assert!(matches!(read(&path, "a", 2), Err(ReadError::TooLarge { bytes: 3, limit: 2, .. })));
        assert!(matches!(read(dir.path(), "a", 3), Err(ReadError::NotRegular { .. })));
        assert!(matches!(read(&dir.path().join("b"), "b", 3), Err(ReadError::Absent { .. })));
        symlink(&path, dir.path().join("link")).expect("a link");
        assert!(matches!(read(&dir.path().join("link"), "link", 3), Err(ReadError::NotRegular { .. })));
    }
}
