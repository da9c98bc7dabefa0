//! By paths, where the standard library knows no open directories.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Name, by_path};
use crate::scan::disk::{self, Seen};

/// A directory, by its path.
#[derive(Debug)]
pub(in crate::scan) struct Directory(PathBuf);

impl Directory {
    /// The directory that `path` leads to.
    pub(in crate::scan) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(path.to_owned()))
    }

    /// The same.
    pub(in crate::scan) fn reach(path: &Path) -> io::Result<Self> {
        Self::open(path)
    }

    /// A directory in this one. A link is none.
    pub(in crate::scan) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        match self.look_at(name)?.is_directory() {
            true => Ok(Self(self.0.join(name))),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// The directory itself.
    pub(in crate::scan) fn look(&self) -> io::Result<Seen> {
        Ok(Seen::of(&fs::metadata(&self.0)?))
    }

    /// What lies under a name, even if that is a link.
    pub(in crate::scan) fn look_at(&self, name: &OsStr) -> io::Result<Seen> {
        Ok(Seen::of(&fs::symlink_metadata(self.0.join(name))?))
    }

    /// Opens a file for reading.
    pub(in crate::scan) fn open_file(&self, name: &str) -> io::Result<File> {
        disk::open_plain(&self.0.join(name))
    }

    /// The names in it, in the order of paths.
    pub(in crate::scan) fn list(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            names.push(Name { name: entry.file_name(), is_directory: entry.file_type()?.is_dir() });
        }
        names.sort_unstable_by(by_path);
        Ok(names)
    }
}
