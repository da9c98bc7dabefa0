//! The tree digest `model-tree/v1`: what a model, a dataset or a code checkout *is*.
//!
//! Follows spec/tree-digest.md. An RFC 6962 tree over path, size and content digest of every file, sorted by path,
//! and a digest over its size, its bytes and its root. In scope: the value, its rules, and the proof that one file
//! is in it. Out of scope: where the files come from ([`crate::scan`]) and which are left out ([`crate::inert`]).

use core::fmt;
use core::str::FromStr;

use merkle::{Hash, InclusionProof, LeafHash, TreeHead};

use crate::digest::{DigestError, Sha256Digest};
use crate::model_path::ModelPath;

/// One file: where it lies, how long it is, what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLeaf {
    path: ModelPath,
    size: u64,
    sha256: Sha256Digest,
}

impl FileLeaf {
    /// Describes a file of `size` bytes whose content hashes to `sha256`.
    #[must_use]
    pub const fn new(path: ModelPath, size: u64, sha256: Sha256Digest) -> Self {
        Self { path, size, sha256 }
    }

    /// Path below the root.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        &self.path
    }

    /// Length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Digest of the content.
    #[must_use]
    pub const fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The bytes that are hashed into the tree.
    #[must_use]
    pub fn leaf_data(&self) -> Vec<u8> {
        todo!()
    }

    /// RFC 6962 leaf hash of [`FileLeaf::leaf_data`].
    #[must_use]
    pub fn leaf_hash(&self) -> LeafHash {
        LeafHash::of(&self.leaf_data())
    }
}

/// The digest of a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeDigest(Sha256Digest);

impl TreeDigest {
    /// Computes the digest from the tree's head and the sum of its files' sizes.
    #[must_use]
    pub fn of(head: &TreeHead, total_bytes: u64) -> Self {
        let _ = (head, total_bytes);
        todo!()
    }

    /// Takes a digest somebody claims to be a tree's.
    #[must_use]
    pub const fn from_digest(digest: Sha256Digest) -> Self {
        Self(digest)
    }

    /// The SHA-256 digest itself.
    #[must_use]
    pub const fn digest(self) -> Sha256Digest {
        self.0
    }
}

impl fmt::Display for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for TreeDigest {
    type Err = DigestError;

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// See [`DigestError`].
    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

/// All files of a model, sorted, with their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    files: Vec<FileLeaf>,
    head: TreeHead,
    total_bytes: u64,
    digest: TreeDigest,
}

impl Tree {
    /// Sorts the files and builds the tree.
    ///
    /// # Errors
    /// See [`TreeError`]: each variant is one rule about the set of paths, or the sum of sizes.
    pub fn new(files: Vec<FileLeaf>) -> Result<Self, TreeError> {
        let _ = files;
        todo!()
    }

    /// The tree's digest.
    #[must_use]
    pub const fn digest(&self) -> TreeDigest {
        self.digest
    }

    /// Number of leaves and root hash.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// RFC 6962 root hash.
    #[must_use]
    pub fn root(&self) -> Hash {
        todo!()
    }

    /// The files in leaf order: by raw bytes of the path.
    #[must_use]
    pub fn files(&self) -> &[FileLeaf] {
        &self.files
    }

    /// Number of files.
    #[must_use]
    pub fn file_count(&self) -> u64 {
        self.files.len() as u64
    }

    /// Sum of the sizes, in bytes.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The file at `path`.
    #[must_use]
    pub fn file(&self, path: &ModelPath) -> Option<&FileLeaf> {
        let _ = path;
        todo!()
    }

    /// Proves that the file at `path` is in the tree; `None` if it is not.
    #[must_use]
    pub fn prove(&self, path: &ModelPath) -> Option<InclusionProof> {
        let _ = path;
        todo!()
    }
}

/// Why a list of files is not a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Two files, or two directories, that a file system may take for one: equal after Unicode normalisation or
    /// case folding, yet spelled differently.
    #[error("paths {first:?} and {second:?} differ only in case or Unicode form")]
    Collision {
        /// The path that sorts first.
        first: ModelPath,
        /// The other.
        second: ModelPath,
    },
    /// The same path twice.
    #[error("path {path:?} twice")]
    Duplicate {
        /// The path.
        path: ModelPath,
    },
    /// A path that is a file here and a directory there.
    #[error("path {file:?} is a file, and the directory of {below:?}")]
    FileAsDirectory {
        /// The path that is a file.
        file: ModelPath,
        /// A path below it.
        below: ModelPath,
    },
    /// The sizes add up to more than 2^64-1 bytes.
    #[error("sizes add up to more than 2^64-1 bytes")]
    TooManyBytes,
}
