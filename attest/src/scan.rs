//! The only module that touches the disk: walks a model's directory and hashes its files into a [`Tree`].
//!
//! Follows spec/tree-digest.md. In scope: what is a file of the model, reading each file once, in parallel, with
//! memory that does not grow with their sizes. Out of scope: which files git lists.
//!
//! What is trusted: the operating system. Whoever can write to the directory while it is scanned can make the scan
//! fail, and that is all: every file is opened without following a link, is compared with what the walk saw before and
//! after it is read, and every directory is looked at again at the end. Between the scan and the use of the files nothing
//! is promised but what [`Scan::refuse_change`] finds; a loader that must be sure reads from a copy that nobody else can write.

mod again;
mod cache;
mod copy;
mod directory;
mod disk;
mod hash;
mod hugging_face;
mod other_hash;
mod reading;
mod survey;
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use self::cache::{CacheError, HashCache, MAX_RECORDS, MIN_FILE_BYTES, SETTLED};
pub use self::copy::copy;
use self::disk::Stamp;
pub use self::survey::{Content, Survey, SurveyedFile};
use self::walk::{Origin, Walk};
use crate::model_path::{ModelPath, ModelPathError};
use crate::tree::{Tree, TreeError};

/// Most components of a path. Deeper nesting is no model but an attempt on somebody's stack.
pub const MAX_DEPTH: usize = 64;

/// How to scan.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions<'a> {
    threads: Option<NonZeroUsize>,
    cache: Option<&'a HashCache>,
}

impl<'a> ScanOptions<'a> {
    /// One thread for each core.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes with this many threads, of which more than 64 are not started; one for each core if nobody says.
    #[must_use]
    pub const fn threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.threads = threads;
        self
    }

    /// Takes digests of files that have not changed from here, and remembers others. Off unless asked for; how many were
    /// taken is [`Scan::cached`].
    #[must_use]
    pub const fn cache(mut self, cache: Option<&'a HashCache>) -> Self {
        self.cache = cache;
        self
    }
}

/// Called with the bytes hashed so far and the bytes in all, at least once for each file that is not empty, from any of the
/// threads; a call may overtake another.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What lies below a root, looked at and not yet read: how much there is to hash, and what must not change.
#[derive(Debug)]
pub struct Snapshot {
    walk: Walk,
}

impl Snapshot {
    /// Walks a directory, or takes a single file, as [`scan`] does.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub fn take(root: &Path) -> Result<Self, ScanError> {
        Walk::of(root, walk::Rules::of_tree(walk::Limits::default())).map(|walk| Self { walk })
    }

    /// All bytes that are to be read.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.walk.files.iter().fold(0, |sum, file| sum.saturating_add(file.stamp.size()))
    }

    /// Refuses what has more bytes than that, before one of them is read.
    ///
    /// # Errors
    /// [`ScanError::TooManyBytes`].
    pub fn within(self, most: Option<u64>) -> Result<Self, ScanError> {
        match (most, self.total_bytes()) {
            (Some(most), found) if found > most => {
                Err(ScanError::TooManyBytes { path: self.walk.root.clone(), found, most })
            }
            _ => Ok(self),
        }
    }

    /// Hashes what was seen; a file that is no longer as it was is a [`ScanError::Changed`].
    ///
    /// # Errors
    /// See [`ScanError`].
    pub fn hash(self, options: &ScanOptions<'_>, progress: Progress<'_>) -> Result<Scan, ScanError> {
        self.walk.hash(options, progress)
    }
}

/// What was found: the tree, and what was left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    root: PathBuf,
    origin: Origin,
    tree: Tree,
    /// The state of each file of the tree, in the same order.
    stamps: Vec<Stamp>,
    inert: Vec<ModelPath>,
    cached: usize,
}

impl Scan {
    /// The tree of all files that count.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// How many files were not read, since their digests were known from an earlier scan.
    #[must_use]
    pub const fn cached(&self) -> usize {
        self.cached
    }

    /// Gives up the tree.
    #[must_use]
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// The inert paths that were left out, sorted; a directory stands for all below it.
    #[must_use]
    pub fn inert(&self) -> &[ModelPath] {
        &self.inert
    }
}

/// Scans a directory, or a single file, into a tree.
///
/// The root may itself be a symbolic link: it is the caller who named it. A single file is a tree of one leaf, with the name
/// under which the caller knows it. A directory without files is a tree without leaves.
///
/// # Errors
/// See [`ScanError`]; nothing is skipped but inert paths.
pub fn scan(root: &Path, options: &ScanOptions<'_>, progress: Progress<'_>) -> Result<Tree, ScanError> {
    scan_noting_inert(root, options, progress).map(Scan::into_tree)
}

/// Scans like [`scan`], and tells which inert paths were left out.
///
/// # Errors
/// See [`ScanError`].
pub fn scan_noting_inert(
    root: &Path,
    options: &ScanOptions<'_>,
    progress: Progress<'_>,
) -> Result<Scan, ScanError> {
    Snapshot::take(root)?.hash(options, progress)
}

/// Scans the files listed, below `root`: a code checkout as its version control lists it.
///
/// Inert paths in the list are left out, so that [`scan`] of a directory that holds just these files gives the same tree.
/// No directory on the way to a file may be a symbolic link.
///
/// # Errors
/// See [`ScanError`]; a file that is listed and does not exist is a [`ScanError::Io`].
pub fn scan_list(
    root: &Path,
    paths: &[ModelPath],
    options: &ScanOptions<'_>,
    progress: Progress<'_>,
) -> Result<Scan, ScanError> {
    Walk::of_list(root, paths)?.hash(options, progress)
}

/// Why a directory could not be scanned.
///
/// [`ScanError::Changed`] and [`ScanError::Io`] say that the model could not be read, which is no judgement on it; see
/// [`ScanError::is_unavailable`]. The others say that what lies there is not a model we hash.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// A file or directory that was not the same before and after it was read.
    #[error("{path:?} changed while it was read")]
    Changed {
        /// The file or directory.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("could not {act} {path:?}")]
    Io {
        /// What was to be done.
        act: Act,
        /// To which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// In a Hugging Face cache, a link that leads to something other than a regular file in the repository's `blobs`.
    #[error("symbolic link {path:?} leads out of the blobs of its cache repository")]
    LinkOutsideBlobs {
        /// The link.
        path: PathBuf,
    },
    /// Where links are followed, one that leads out of the model. What lies there is nobody's who signed.
    #[error("symbolic link {path:?} leads out of the model")]
    LinkOutsideModel {
        /// The link.
        path: PathBuf,
    },
    /// Where links are followed, one to a directory: what lies behind it is covered by no signature.
    #[error("symbolic link {path:?} leads to a directory, want links to regular files only")]
    LinkToDirectory {
        /// The link.
        path: PathBuf,
    },
    /// A directory in a list of files; in a checkout, a submodule.
    #[error("{path:?} is a directory, want a regular file")]
    ListedDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A name that is not UTF-8.
    #[error("name of {path:?} is not UTF-8")]
    NotUtf8 {
        /// The file or directory.
        path: PathBuf,
    },
    /// A name that no [`ModelPath`] can have.
    #[error("{path:?} cannot be part of a model")]
    Path {
        /// The file or directory.
        path: PathBuf,
        /// The rule it breaks.
        source: ModelPathError,
    },
    /// A device, a pipe or a socket. It was not opened.
    #[error("{path:?} is {kind}, want regular files and directories only")]
    Special {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: SpecialKind,
    },
    /// A symbolic link. It was not followed.
    #[error("{path:?} is a symbolic link, want regular files and directories only")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// A directory nested so deep that a path below it has more than [`MAX_DEPTH`] components.
    #[error("directory {path:?} is nested deeper than 63 levels")]
    TooDeep {
        /// The directory.
        path: PathBuf,
    },
    /// More to read than the caller will.
    #[error("{found} bytes below {path:?}, want at most {most}")]
    TooManyBytes {
        /// The root of the scan.
        path: PathBuf,
        /// The sum of all sizes.
        found: u64,
        /// The most wanted.
        most: u64,
    },
    /// More files, or more directories, than [`crate::tree::MAX_FILES`].
    #[error("more than {max} files or directories below {path:?}")]
    TooManyFiles {
        /// The root of the scan.
        path: PathBuf,
        /// The most allowed.
        max: usize,
    },
    /// The files do not form a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl ScanError {
    /// Whether the model could not be read, rather than was read and refused.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Io { .. })
    }

    /// The file or directory that it is about.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Changed { path }
            | Self::Io { path, .. }
            | Self::LinkOutsideBlobs { path }
            | Self::LinkOutsideModel { path }
            | Self::LinkToDirectory { path }
            | Self::ListedDirectory { path }
            | Self::NotUtf8 { path }
            | Self::Path { path, .. }
            | Self::Special { path, .. }
            | Self::Symlink { path }
            | Self::TooDeep { path }
            | Self::TooManyBytes { path, .. }
            | Self::TooManyFiles { path, .. } => Some(path),
            Self::Tree(_) => None,
        }
    }
}

/// What was done to a file or directory when the operating system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Resolving a path or a symbolic link.
    Follow,
    /// Listing a directory.
    List,
    /// Opening a file.
    Open,
    /// Reading a file.
    Read,
    /// Asking for size, times and kind.
    Stat,
    /// Making a copy.
    Write,
}

impl core::fmt::Display for Act {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Follow => "follow",
            Self::List => "list",
            Self::Open => "open",
            Self::Read => "read",
            Self::Stat => "stat",
            Self::Write => "write",
        })
    }
}

/// What lies somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    Regular,
    /// Something else.
    Special(SpecialKind),
    /// A symbolic link.
    Symlink,
}

impl FileKind {
    /// Whether it is a regular file.
    #[must_use]
    pub const fn is_file(self) -> bool {
        matches!(self, Self::Regular)
    }
}

/// A kind of file that is neither regular nor a directory nor a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecialKind {
    /// A disk or the like.
    BlockDevice,
    /// A terminal or the like.
    CharacterDevice,
    /// A named pipe: opening one may wait for ever.
    Fifo,
    /// A kind this system has and we do not know.
    Other,
    /// A socket.
    Socket,
}

impl core::fmt::Display for SpecialKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::BlockDevice => "a block device",
            Self::CharacterDevice => "a character device",
            Self::Fifo => "a named pipe",
            Self::Other => "a special file",
            Self::Socket => "a socket",
        })
    }
}

#[cfg(test)]
mod tests;
