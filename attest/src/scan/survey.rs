//! What lies below a root, for a signature of others that says itself what it covers: looked at first, hashed afterwards.
//!
//! [`super::scan`] knows which paths count. An OMS manifest brings its own list, its own exceptions, and may cut files in
//! pieces; see spec/oms.md.

use std::num::NonZeroU64;
use std::path::Path;

use super::walk::{FoundFile, Limits, Links, Rules, Walk};
use super::{FileKind, Progress, ScanError, ScanOptions};
use crate::digest::Sha256Digest;
use crate::model_path::ModelPath;
use crate::oms::{HashType, Symlinks};

/// Files that were found, and paths that were left out. Nothing is read yet.
#[derive(Debug)]
pub struct Survey {
    walk: Walk,
}

/// A file that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurveyedFile<'a> {
    path: &'a ModelPath,
    size: u64,
}

impl<'a> SurveyedFile<'a> {
    /// Below the root; for a root that is a file, its name.
    #[must_use]
    pub const fn path(&self) -> &'a ModelPath {
        self.path
    }

    /// Length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// One file and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    path: ModelPath,
    size: u64,
    digests: Vec<Sha256Digest>,
}

impl Content {
    /// Below the root; for a root that is a file, its name.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        &self.path
    }

    /// Length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// One digest of a whole file; of pieces as many as there are, in order. Of a hash function with more than 32 bytes it is
    /// the SHA-256 of the digest, as in [`crate::oms::Resource::stand_in`].
    #[must_use]
    pub fn digests(&self) -> &[Sha256Digest] {
        &self.digests
    }
}

impl Survey {
    /// Walks a directory, or takes a single file. What `leaves_out` says of a path, given what lies there, holds for everything
    /// below it; such a path is noted and not entered. Links to regular files below the root are followed if `symlinks` says so; others are
    /// refused.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub fn of(
        root: &Path,
        symlinks: Symlinks,
        leaves_out: &dyn Fn(&ModelPath, FileKind) -> bool,
    ) -> Result<Self, ScanError> {
        let links = match symlinks {
            Symlinks::Followed => Links::InCacheOrModel,
            Symlinks::Refused => Links::InCache,
        };
        let mut walk = Walk::of(root, Rules { leaves_out, links, limits: Limits::default() })?;
        walk.sort();
        Ok(Self { walk })
    }

    /// The files, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = SurveyedFile<'_>> {
        self.walk.files.iter().map(|file| SurveyedFile { path: &file.path, size: file.stamp.size() })
    }

    /// The paths that were left out, sorted; a directory stands for all below it.
    #[must_use]
    pub fn left_out(&self) -> &[ModelPath] {
        &self.walk.left_out
    }

    /// Hashes all files with that function, whole or in pieces of so many bytes, and looks at all directories again.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub fn hash(
        self,
        hash: HashType,
        pieces: Option<NonZeroU64>,
        options: &ScanOptions,
        progress: Progress<'_>,
    ) -> Result<Vec<Content>, ScanError> {
        let digests = match hash {
            HashType::Sha256 => self.walk.digests(pieces, options, progress)?,
            HashType::Blake2b | HashType::Blake3 => self.walk.digests_by(hash, pieces, progress)?,
        };
        let files = self.walk.files.into_iter().zip(digests);
        let content =
            |(file, digests): (FoundFile, _)| Content { path: file.path, size: file.stamp.size(), digests };
        Ok(files.map(content).collect())
    }
}
