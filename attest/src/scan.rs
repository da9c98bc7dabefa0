//! The only module that touches the disk: walks a model and hashes its files.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::model_path::ModelPath;
use crate::tree::{Tree, TreeError};

/// How to scan.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    threads: Option<NonZeroUsize>,
}

impl ScanOptions {
    /// One thread per core.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes with this many threads.
    #[must_use]
    pub const fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }
}

/// Called with bytes hashed so far, and bytes in all.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What was found: the tree, and what was left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    tree: Tree,
    inert: Vec<ModelPath>,
}

impl Scan {
    /// The tree of all files that count.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Gives up the tree.
    #[must_use]
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// The paths left out, sorted; a directory stands for all below it.
    #[must_use]
    pub fn inert(&self) -> &[ModelPath] {
        &self.inert
    }
}

/// Scans a directory, or a single file, into a tree.
///
/// # Errors
/// See [`ScanError`].
pub fn scan(root: &Path, options: &ScanOptions, progress: Progress<'_>) -> Result<Tree, ScanError> {
    scan_noting_inert(root, options, progress).map(Scan::into_tree)
}

/// Scans like [`scan`], and tells what was left out.
///
/// # Errors
/// See [`ScanError`].
pub fn scan_noting_inert(
    root: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<Scan, ScanError> {
    let _ = (root, options.threads, progress);
    todo!()
}

/// Hashes exactly the files listed, below `root`: a code checkout as its version control lists it.
///
/// # Errors
/// See [`ScanError`].
pub fn scan_list(
    root: &Path,
    paths: &[ModelPath],
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<Tree, ScanError> {
    let _ = (root, paths, options, progress);
    todo!()
}

/// Why a directory could not be scanned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// A symbolic link.
    #[error("symbolic link {path:?}, want regular files only")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The files do not form a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
