//! By open descriptors.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, fstat, openat, statat};

use super::{Name, by_path};
use crate::scan::disk::Seen;

/// Bytes of a listing that are asked for at once: some hundred names.
const LIST_BYTES: usize = 32 * 1024;

/// An open directory.
#[derive(Debug)]
pub(in crate::scan) struct Directory(OwnedFd);

impl Directory {
    /// Opens the directory that `path` leads to, to list it.
    pub(in crate::scan) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// Opens the directory that `path` leads to, only to reach what lies in it.
    pub(in crate::scan) fn reach(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// Opens a directory in this one, to list it. A link is none.
    pub(in crate::scan) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// The directory itself.
    pub(in crate::scan) fn look(&self) -> io::Result<Seen> {
        Ok(Seen::from_stat(&fstat(&self.0)?))
    }

    /// What lies under a name, even if that is a link.
    pub(in crate::scan) fn look_at(&self, name: &OsStr) -> io::Result<Seen> {
        Ok(Seen::from_stat(&statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Opens a file for reading: never through a link, never waiting for the other end of a pipe.
    pub(in crate::scan) fn open_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// The names in it, in the order of paths.
    pub(in crate::scan) fn list(&self) -> io::Result<Vec<Name>> {
        let mut buffer = Vec::with_capacity(LIST_BYTES);
        let mut entries = RawDir::new(&self.0, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            let name = OsString::from_vec(bytes.to_vec());
            let is_directory = match entry.file_type() {
                FileType::Directory => true,
                // Some file systems do not say.
                FileType::Unknown => self.look_at(&name)?.is_directory(),
                _ => false,
            };
            names.push(Name { name, is_directory });
        }
        names.sort_unstable_by(by_path);
        Ok(names)
    }
}
