//! The few calls to the operating system, each error with its path and act, and the parts that differ by system.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::path::{Path, PathBuf};

use super::{Act, FileKind, ScanError, SpecialKind};

/// What tells one state of one file from any other: identity, size and times.
///
/// A write that keeps the size and comes within one tick of the file system's clock (some milliseconds) after the last one
/// leaves no trace here; only a read-only copy excludes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    #[cfg(unix)]
    identity: (u64, u64),
    /// Times of the last change of content and of inode, in seconds and further nanoseconds, apart since a walk holds millions of
    /// stamps; the time of the inode cannot be set back by a program.
    #[cfg(unix)]
    seconds: (i64, i64),
    #[cfg(unix)]
    nanoseconds: (u32, u32),
    #[cfg(not(unix))]
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let below_a_second = |nanoseconds: i64| u32::try_from(nanoseconds).unwrap_or(u32::MAX);
        Self {
            size: metadata.len(),
            identity: (metadata.dev(), metadata.ino()),
            seconds: (metadata.mtime(), metadata.ctime()),
            nanoseconds: (below_a_second(metadata.mtime_nsec()), below_a_second(metadata.ctime_nsec())),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }

    /// The same from what the system itself answers.
    #[cfg(target_os = "linux")]
    fn from_stat(stat: &rustix::fs::Stat) -> Self {
        Self {
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            identity: (stat.st_dev, stat.st_ino),
            seconds: (stat.st_mtime, stat.st_ctime),
            nanoseconds: (
                u32::try_from(stat.st_mtime_nsec).unwrap_or(u32::MAX),
                u32::try_from(stat.st_ctime_nsec).unwrap_or(u32::MAX),
            ),
        }
    }

    /// Length in bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Device and inode.
    #[cfg(unix)]
    pub(super) const fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Last change of content and of inode, nanoseconds since 1970.
    #[cfg(unix)]
    pub(super) fn times_ns(&self) -> (i128, i128) {
        let whole = |seconds: i64, rest: u32| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        (whole(self.seconds.0, self.nanoseconds.0), whole(self.seconds.1, self.nanoseconds.1))
    }
}

/// What lies somewhere: of which kind, and in which state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) kind: FileKind,
    pub(super) stamp: Stamp,
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { kind: kind_of(metadata.file_type()), stamp: Stamp::of(metadata) }
    }

    /// The same from what the system itself answers.
    #[cfg(target_os = "linux")]
    pub(super) fn from_stat(stat: &rustix::fs::Stat) -> Self {
        use rustix::fs::FileType;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => FileKind::Regular,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            FileType::Fifo => FileKind::Special(SpecialKind::Fifo),
            FileType::Socket => FileKind::Special(SpecialKind::Socket),
            FileType::CharacterDevice => FileKind::Special(SpecialKind::CharacterDevice),
            FileType::BlockDevice => FileKind::Special(SpecialKind::BlockDevice),
            FileType::Unknown => FileKind::Special(SpecialKind::Other),
        };
        Self { kind, stamp: Stamp::from_stat(stat) }
    }

    pub(super) const fn is_directory(&self) -> bool {
        matches!(self.kind, FileKind::Directory)
    }

    pub(super) const fn is_file(&self) -> bool {
        self.kind.is_file()
    }

    pub(super) const fn is_symlink(&self) -> bool {
        matches!(self.kind, FileKind::Symlink)
    }
}

pub(super) fn io(act: Act, path: &Path) -> impl FnOnce(std::io::Error) -> ScanError {
    move |source| ScanError::Io { act, path: path.to_owned(), source }
}

/// An error of reading an open file.
pub(super) fn read_error(path: &Path, source: std::io::Error) -> ScanError {
    io(Act::Read, path)(source)
}

/// What lies at `path`, even if that is a link.
pub(super) fn look(path: &Path) -> Result<Seen, ScanError> {
    fs::symlink_metadata(path).map(|metadata| Seen::of(&metadata)).map_err(io(Act::Stat, path))
}

/// What `path` leads to.
pub(super) fn look_followed(path: &Path) -> Result<Seen, ScanError> {
    fs::metadata(path).map(|metadata| Seen::of(&metadata)).map_err(io(Act::Stat, path))
}

/// What an open file is.
#[cfg(target_os = "linux")]
pub(super) fn look_open(file: &File) -> std::io::Result<Seen> {
    Ok(Seen::from_stat(&rustix::fs::fstat(file)?))
}

/// What an open file is.
#[cfg(not(target_os = "linux"))]
pub(super) fn look_open(file: &File) -> std::io::Result<Seen> {
    file.metadata().map(|metadata| Seen::of(&metadata))
}

/// The path without any link in it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, ScanError> {
    fs::canonicalize(path).map_err(io(Act::Follow, path))
}

/// Opens a file for reading: never through a link, never waiting for the other end of a pipe.
pub(super) fn open(path: &Path) -> Result<File, ScanError> {
    open_plain(path).map_err(io(Act::Open, path))
}

/// The same, with the system's own error.
pub(super) fn open_plain(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    options.open(path)
}

fn kind_of(kind: FileType) -> FileKind {
    if kind.is_file() {
        FileKind::Regular
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Special(special_kind(kind))
    }
}

/// What a file is that is no regular file, directory or link.
#[cfg(unix)]
fn special_kind(kind: FileType) -> SpecialKind {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        SpecialKind::Fifo
    } else if kind.is_socket() {
        SpecialKind::Socket
    } else if kind.is_block_device() {
        SpecialKind::BlockDevice
    } else if kind.is_char_device() {
        SpecialKind::CharacterDevice
    } else {
        SpecialKind::Other
    }
}

/// What a file is that is no regular file, directory or link.
#[cfg(not(unix))]
fn special_kind(_: FileType) -> SpecialKind {
    SpecialKind::Other
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The clock of a file system stands still for milliseconds: times alone do not tell two files apart.
    #[test]
    fn two_files_of_one_moment_have_different_stamps() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| directory.path().join(name));
        for _ in 0..1000 {
            fs::write(&a, "").unwrap();
            fs::write(&b, "").unwrap();
            let [a, b] = [&a, &b].map(|path| look(path).unwrap().stamp);
            assert_ne!(a, b);
            if a.times_ns() == b.times_ns() {
                return;
            }
        }
    }

    #[test]
    fn a_file_looks_the_same_by_path_and_open() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        let (by_path, open) = (look(file.path()).unwrap(), look_open(file.as_file()).unwrap());
        assert_eq!((by_path.kind, by_path.stamp), (open.kind, open.stamp));
        assert_eq!(open.stamp.size(), 3);
    }
}
