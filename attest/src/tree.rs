//! The tree digest `model-tree/v1`: what a model, a dataset or a code checkout *is*.
//!
//! Follows spec/tree-digest.md. An RFC 6962 tree over path, size and content digest of every file, sorted by path,
//! and a digest over its size, its bytes and its root. In scope: the value, its rules, and the proof that one file
//! is in it. Out of scope: where the files come from ([`crate::scan`]) and which are left out ([`crate::inert`]).
//!
//! ```text
//! leaf data  0x01 | u32 path length | path | u64 size | SHA-256 of the content, 32 bytes
//! leaf       SHA-256(0x00 | leaf data)                                RFC 6962 leaf hash
//! root       RFC 6962 tree hash of the leaves, in order of path
//! digest     SHA-256("model-tree/v1" LF | u64 leaf count | u64 total bytes | root, 32 bytes)
//! ```
//! All integers are big-endian.

pub(crate) mod collision;

use core::fmt;
use core::str::FromStr;

use merkle::{Frontier, Hash, InclusionProof, LeafHash, LeafIndex, NodeId, TreeHead};

use crate::digest::{DigestError, Sha256, Sha256Digest};
use crate::model_path::ModelPath;

/// The name of the form, as statements and entries spell it.
pub const FORM: &str = "model-tree/v1";

/// Most files in a tree: above every known data set that is kept as single files, and few enough to hold the list in
/// memory.
pub const MAX_FILES: usize = 2_000_000;

/// Largest sum of sizes, in bytes: 2^63-1, so that it is also an `off_t` and a signed 64-bit integer elsewhere.
pub const MAX_TOTAL_BYTES: u64 = i64::MAX as u64;

/// First byte of leaf data: a regular file. There is no other kind.
const KIND_FILE: u8 = 1;

/// First bytes of what the digest hashes; keeps it apart from every other SHA-256 in the system.
const DIGEST_PREFIX: &[u8] = b"model-tree/v1\n";

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

    /// The bytes that are hashed into the tree: 45 and the path's, see the module's drawing.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the length of a path is bounded")]
    pub fn leaf_data(&self) -> Vec<u8> {
        let path = self.path.as_str().as_bytes();
        let path_len = u32::try_from(path.len()).expect("a path has at most ModelPath::MAX_BYTES bytes");
        let mut data = Vec::with_capacity(1 + 4 + path.len() + 8 + Sha256Digest::LEN);
        data.push(KIND_FILE);
        data.extend_from_slice(&path_len.to_be_bytes());
        data.extend_from_slice(path);
        data.extend_from_slice(&self.size.to_be_bytes());
        data.extend_from_slice(self.sha256.as_bytes());
        data
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
    ///
    /// Whoever checks an [`InclusionProof`] of one file computes this first, and compares it with a digest he trusts:
    /// it is what vouches for the size and the root that the proof is checked against.
    #[must_use]
    pub fn of(head: &TreeHead, total_bytes: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(DIGEST_PREFIX);
        hasher.update(&head.size().get().to_be_bytes());
        hasher.update(&total_bytes.to_be_bytes());
        hasher.update(head.root().as_bytes());
        Self(hasher.finish())
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
    #[expect(clippy::expect_used, reason = "the number of leaves is bounded")]
    pub fn new(files: Vec<FileLeaf>) -> Result<Self, TreeError> {
        let mut files = files;
        if files.len() > MAX_FILES {
            return Err(TreeError::TooManyFiles { count: files.len() });
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        collision::refuse(files.iter().map(FileLeaf::path))?;
        let total_bytes = files
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(file.size))
            .filter(|sum| *sum <= MAX_TOTAL_BYTES)
            .ok_or(TreeError::TooManyBytes)?;
        let mut frontier = Frontier::new();
        for file in &files {
            frontier.append(file.leaf_hash()).expect("MAX_FILES is less than the largest tree size");
        }
        let head = frontier.head();
        Ok(Self { digest: TreeDigest::of(&head, total_bytes), files, head, total_bytes })
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
    pub const fn root(&self) -> Hash {
        self.head.root()
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
        self.position(path).and_then(|position| self.files.get(position))
    }

    /// Proves that the file at `path` is in the tree; `None` if it is not.
    ///
    /// Hashes the whole tree anew (one hash per file, one per node): nothing but the files is kept in memory.
    #[must_use]
    pub fn prove(&self, path: &ModelPath) -> Option<InclusionProof> {
        let index = LeafIndex::new(self.position(path)? as u64).ok()?;
        let mut levels: Vec<Vec<Hash>> =
            vec![self.files.iter().map(|file| file.leaf_hash().hash()).collect()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let (pairs, _) = below.as_chunks::<2>();
            let level = pairs.iter().map(|[left, right]| merkle::node_hash(left, right)).collect();
            levels.push(level);
        }
        let node = |id: NodeId| {
            let level = levels.get(usize::from(id.level())).ok_or(NoNode)?;
            level.get(usize::try_from(id.index()).map_err(|_| NoNode)?).copied().ok_or(NoNode)
        };
        InclusionProof::build(index, self.head.size(), node).ok()
    }

    fn position(&self, path: &ModelPath) -> Option<usize> {
        self.files.binary_search_by(|file| file.path.cmp(path)).ok()
    }
}

/// A node that a tree of this size does not have; a proof never asks for one.
struct NoNode;

/// Why a list of files is not a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Two files, or files in two directories, that a file system may take for one: equal after Unicode normalisation
    /// or case folding, yet spelled differently.
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
    /// The sizes add up to more than [`MAX_TOTAL_BYTES`].
    #[error("sizes add up to more than 2^63-1 bytes")]
    TooManyBytes,
    /// More files than [`MAX_FILES`].
    #[error("{count} files, want at most 2000000")]
    TooManyFiles {
        /// The number seen.
        count: usize,
    },
}
