//! A proof that a file is in a tree, or that no file of that path is: small, and checked against the tree digest alone.
//!
//! Follows spec/file-proof.md. In scope: the proof, made from the files in their order, its JSON, and what it shows about which
//! digest. Out of scope: who vouches for the digest (crate `verifier`).
//!
//! ```json
//! {"type":"https://tallymark.dev/file-proof/v1","files":3,"bytes":"14","root":"1850...","path":"b/empty",
//!  "present":{"bytes":"0","sha256":"e3b0...","index":1,"hashes":["bdcb...","1955..."]}}
//! ```
//!
//! Files, bytes and root make the tree digest; so a proof says itself which tree it is about. Absence is shown by the two files
//! between which the path would stand. That holds in a list that is sorted: whoever makes a proof here reads the whole list and
//! refuses one that is not, and whoever only checks a proof relies on that.

mod build;
mod json;

use merkle::{InclusionProof, TreeHead};

use crate::model_path::ModelPath;
use crate::tree::{FileLeaf, TreeDigest};

pub use build::{FileProofBuilder, UnsortedFiles};
pub use json::{FileProofError, MAX_PROOF_BYTES};

/// A proof about one path in one tree. Parsed, believed by nobody until [`FileProof::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProof {
    head: TreeHead,
    total_bytes: u64,
    path: ModelPath,
    answer: Answer,
}

/// What is said of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Present(ProvenFile),
    /// The files before and after; only one at an end of the list, none in an empty tree.
    Absent(Option<ProvenFile>, Option<ProvenFile>),
}

/// A file and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProvenFile {
    file: FileLeaf,
    inclusion: InclusionProof,
}

/// What a proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a file is there or not")]
pub enum Shown<'a> {
    /// This file is in the tree.
    Present(&'a FileLeaf),
    /// No file of that path is, if the list was sorted.
    Absent,
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofRefused {
    /// A file is not where the proof says.
    #[error("{path} is not at index {index} of the tree")]
    NotIncluded {
        /// Its path.
        path: ModelPath,
        /// Where it should be.
        index: u64,
        /// Why.
        source: merkle::ProofError,
    },
    /// The files beside it leave room for a file of that path, or are not beside it.
    #[error("the files given do not stand beside each other around {path}")]
    NotNeighbours {
        /// The path.
        path: ModelPath,
    },
    /// Files, bytes and root make another digest.
    #[error("the proof is about tree {seen}, want {want}")]
    OtherTree {
        /// The digest that they make.
        seen: TreeDigest,
        /// The one that was asked about.
        want: TreeDigest,
    },
}

impl FileProof {
    /// The tree it is about, as far as it says so itself.
    #[must_use]
    pub fn tree_digest(&self) -> TreeDigest {
        TreeDigest::of(&self.head, self.total_bytes)
    }

    /// The path it is about.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        &self.path
    }

    /// Establishes what it shows about the tree with that digest.
    ///
    /// # Errors
    /// [`ProofRefused`], one variant for each rule.
    pub fn verify(&self, digest: TreeDigest) -> Result<Shown<'_>, ProofRefused> {
        let seen = self.tree_digest();
        if seen != digest {
            return Err(ProofRefused::OtherTree { seen, want: digest });
        }
        match &self.answer {
            Answer::Present(proven) => {
                proven.verify(&self.head)?;
                Ok(Shown::Present(&proven.file))
            }
            Answer::Absent(before, after) => {
                for proven in before.iter().chain(after) {
                    proven.verify(&self.head)?;
                }
                if self.are_neighbours(before.as_ref(), after.as_ref()) {
                    Ok(Shown::Absent)
                } else {
                    Err(ProofRefused::NotNeighbours { path: self.path.clone() })
                }
            }
        }
    }

    /// Whether nothing can stand between the two, and the path would.
    fn are_neighbours(&self, before: Option<&ProvenFile>, after: Option<&ProvenFile>) -> bool {
        let size = self.head.size().get();
        let next = before.map_or(0, |before| before.index() + 1);
        let is_between = before.is_none_or(|before| *before.file.path() < self.path)
            && after.is_none_or(|after| self.path < *after.file.path());
        is_between && after.map_or(size, ProvenFile::index) == next
    }
}

impl ProvenFile {
    fn index(&self) -> u64 {
        self.inclusion.index().get()
    }

    fn verify(&self, head: &TreeHead) -> Result<(), ProofRefused> {
        self.inclusion.verify(&self.file.leaf_hash(), head).map_err(|source| ProofRefused::NotIncluded {
            path: self.file.path().clone(),
            index: self.index(),
            source,
        })
    }
}
