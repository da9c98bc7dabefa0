//! The proof as one line of JSON, read strictly and written in one way.

use merkle::{Hash, InclusionProof, LeafIndex, ProofError, SizeError, TreeHead, TreeSize};
use serde::Serialize;

use crate::compact_json;
use crate::decimal::parse_decimal;
use crate::digest::{DigestError, Sha256Digest};
use crate::json::{self, FieldError, Fields, JsonError, JsonPath, Located};
use crate::model_path::{ModelPath, ModelPathError};
use crate::tree::FileLeaf;
use crate::types;

use super::{Answer, FileProof, ProvenFile};

/// Largest proof, in bytes: two files with the longest paths, and two ways to the root.
pub const MAX_PROOF_BYTES: usize = 1 << 17;

/// Why bytes are no proof about a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProofError {
    /// A size that is not an unsigned decimal string.
    #[error("{path} is no decimal string")]
    BadDecimal {
        /// Where.
        path: JsonPath,
    },
    /// A hash or digest that is none.
    #[error("{path} is no SHA-256")]
    BadDigest {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// A head that no tree has.
    #[error("files and root are those of no tree")]
    BadHead,
    /// A path that is none.
    #[error("{path} is no path of a file")]
    BadPath {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: ModelPathError,
    },
    /// Neither `present` nor `absent`, or both.
    #[error("want exactly one of present and absent")]
    NoAnswer,
    /// A member is missing, unknown or of another type.
    #[error("proof has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// Not JSON as we read it.
    #[error("proof is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// Not written as we write it.
    #[error("proof is not in its one form")]
    NotCanonical,
    /// A number of leaves or an index beyond what a tree has.
    #[error("a count is beyond what a tree has")]
    Size {
        /// Why.
        #[from]
        source: SizeError,
    },
    /// More hashes than a way to the root has.
    #[error("too many hashes")]
    TooLong {
        /// Why.
        #[from]
        source: ProofError,
    },
    /// Another type than ours.
    #[error("type {seen:?}, want {want:?}", want = types::FILE_PROOF_V1)]
    UnknownType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
}

#[derive(Serialize)]
struct ProofJson<'a> {
    #[serde(rename = "type")]
    proof_type: &'static str,
    files: u64,
    bytes: String,
    root: String,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<FileJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<AbsentJson<'a>>,
}

#[derive(Serialize)]
struct AbsentJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<FileJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<FileJson<'a>>,
}

#[derive(Serialize)]
struct FileJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    bytes: String,
    sha256: String,
    index: u64,
    hashes: Vec<String>,
}

impl FileProof {
    /// Writes it as one line, without LF.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (present, absent) = match &self.answer {
            Answer::Present(proven) => (Some(file_json(proven, None)), None),
            Answer::Absent(before, after) => {
                let before = before.as_ref().map(|one| file_json(one, Some(one.file.path())));
                let after = after.as_ref().map(|one| file_json(one, Some(one.file.path())));
                (None, Some(AbsentJson { before, after }))
            }
        };
        compact_json::to_vec(&ProofJson {
            proof_type: types::FILE_PROOF_V1,
            files: self.head.size().get(),
            bytes: self.total_bytes.to_string(),
            root: self.head.root().to_string(),
            path: self.path.as_str(),
            present,
            absent,
        })
    }

    /// Reads what [`FileProof::to_bytes`] writes. Nothing is implied about its truth.
    ///
    /// # Errors
    /// [`FileProofError`], one variant for each rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileProofError> {
        let value = json::parse(bytes, MAX_PROOF_BYTES)?;
        let known = ["type", "files", "bytes", "root", "path", "present", "absent"];
        let fields = Located::root(&value).closed_object(&known)?;
        let is_ours = |seen: &str| (seen == types::FILE_PROOF_V1).then_some(());
        fields.required("type")?.word(is_ours, |_, seen| FileProofError::UnknownType { seen })?;
        let size = TreeSize::new(fields.required("files")?.unsigned()?)?;
        let root = read_hash(&fields.required("root")?)?;
        let head = TreeHead::new(size, root).map_err(|_| FileProofError::BadHead)?;
        let path = read_path(&fields.required("path")?)?;
        let answer = match (fields.optional("present"), fields.optional("absent")) {
            (Some(present), None) => {
                let members = present.closed_object(&["bytes", "sha256", "index", "hashes"])?;
                Answer::Present(read_file(&members, path.clone())?)
            }
            (None, Some(absent)) => {
                let beside = absent.closed_object(&["before", "after"])?;
                let one = |key| beside.optional(key).map(|one| read_neighbour(&one)).transpose();
                Answer::Absent(one("before")?, one("after")?)
            }
            _ => return Err(FileProofError::NoAnswer),
        };
        let proof = Self { head, total_bytes: read_bytes(&fields)?, path, answer };
        if proof.to_bytes() == bytes { Ok(proof) } else { Err(FileProofError::NotCanonical) }
    }
}

fn file_json<'a>(proven: &'a ProvenFile, path: Option<&'a ModelPath>) -> FileJson<'a> {
    FileJson {
        path: path.map(ModelPath::as_str),
        bytes: proven.file.size().to_string(),
        sha256: proven.file.sha256().to_string(),
        index: proven.index(),
        hashes: proven.inclusion.hashes().iter().map(Hash::to_string).collect(),
    }
}

fn read_neighbour(one: &Located<'_>) -> Result<ProvenFile, FileProofError> {
    let members = one.closed_object(&["path", "bytes", "sha256", "index", "hashes"])?;
    read_file(&members, read_path(&members.required("path")?)?)
}

fn read_file(members: &Fields<'_>, path: ModelPath) -> Result<ProvenFile, FileProofError> {
    let sha256 = members.required("sha256")?;
    let sha256 = sha256.parsed(|path, source| FileProofError::BadDigest { path, source })?;
    let index = LeafIndex::new(members.required("index")?.unsigned()?)?;
    let hashes = members.required("hashes")?.array()?.iter().map(read_hash).collect::<Result<_, _>>()?;
    let file = FileLeaf::new(path, read_bytes(members)?, sha256);
    Ok(ProvenFile { file, inclusion: InclusionProof::new(index, hashes)? })
}

fn read_path(path: &Located<'_>) -> Result<ModelPath, FileProofError> {
    path.parsed(|path, source| FileProofError::BadPath { path, source })
}

fn read_hash(hash: &Located<'_>) -> Result<Hash, FileProofError> {
    let digest: Sha256Digest = hash.parsed(|path, source| FileProofError::BadDigest { path, source })?;
    Ok(Hash::from_bytes(digest.to_bytes()))
}

fn read_bytes(members: &Fields<'_>) -> Result<u64, FileProofError> {
    let bytes = members.required("bytes")?;
    parse_decimal(bytes.string()?).ok_or_else(|| FileProofError::BadDecimal { path: bytes.path().clone() })
}
