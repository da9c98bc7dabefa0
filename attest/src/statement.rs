//! in-toto Statement v1: what is said, about which model.
//!
//! Follows spec/statement.md and in-toto attestation spec/v1. In scope: the subjects, their rules, and which kind of
//! statement it is. Out of scope: the predicates ([`crate::provenance`], [`crate::dataset`], [`crate::evaluation`],
//! [`crate::event`], [`crate::format_scan`], [`crate::verdict`]), the signature ([`crate::dsse`]), and whether the statement is to be believed (crate `verifier`).
//!
//! ```json
//! {"_type":"https://in-toto.io/Statement/v1",
//!  "subject":[
//!   {"name":"acme/churn","digest":{"sha256":"5a8f..."},
//!    "annotations":{"form":"model-tree/v1","version":"2.1.3","files":1,"bytes":"438012345"}},
//!   {"name":"model.safetensors","digest":{"sha256":"91b2..."},"annotations":{"form":"file","bytes":"438012345"}}],
//!  "predicateType":"https://slsa.dev/provenance/v1","predicate":{...}}
//! ```
//!
//! The bytes that were signed are kept as they came: they are what is hashed, and nothing is written again first.
//!
//! Members that in-toto lets producers add are passed over in annotations and in a provenance. In the statement
//! itself, in subjects and in the predicates that are our own they are refused: there we know every member that we could be made to
//! overlook.
//!
//! Only a provenance has file subjects, and only its first subject says how large the model is. The other kinds are about
//! a model or a dataset that was hashed at another time, or of which the signer holds the digest alone.

mod error;
mod kind;
mod write;

use crate::dataset::Dataset;
use crate::decimal::parse_decimal;
use crate::digest::Sha256Digest;
use crate::dsse::MAX_PAYLOAD_BYTES;
use crate::evaluation::Evaluation;
use crate::event::Event;
use crate::excerpt::excerpt;
use crate::form::Form;
use crate::format_scan::FormatScan;
use crate::json::{self, Fields, Located};
use crate::model_name::{ModelName, VersionLabel};
use crate::provenance::{Extent, Input, Provenance};
use crate::tree::{FileLeaf, Tree, TreeDigest};
use crate::types;
use crate::verdict::Summary;

pub use error::StatementError;
pub use kind::StatementKind;

/// Most file subjects: a model of more files has none at all. 4,096 of them are about a mebibyte.
pub const MAX_FILE_SUBJECTS: usize = 4096;

/// A statement about one model or dataset, with the bytes it was read from. Parsed, believed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    bytes: Vec<u8>,
    digest: Sha256Digest,
    name: ModelName,
    version: VersionLabel,
    tree_digest: TreeDigest,
    extent: Option<Extent>,
    files: Option<Tree>,
    predicate: Predicate,
}

/// What a statement says of its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Predicate {
    /// What the model was made from.
    Provenance(Provenance),
    /// What the dataset is.
    Dataset(Dataset),
    /// How the model did.
    Evaluation(Evaluation),
    /// What somebody did or decided about the model.
    Event(Event),
    /// What a scan of file formats found in the model.
    Scan(FormatScan),
    /// That the model passed a verifier's rules.
    Verdict(Summary),
}

impl Predicate {
    /// Which kind of statement it makes.
    #[must_use]
    pub const fn kind(&self) -> StatementKind {
        match self {
            Self::Provenance(_) => StatementKind::Provenance,
            Self::Dataset(_) => StatementKind::Dataset,
            Self::Evaluation(_) => StatementKind::Evaluation,
            Self::Event(_) => StatementKind::Event,
            Self::Scan(_) => StatementKind::Scan,
            Self::Verdict(_) => StatementKind::Verdict,
        }
    }

    fn read(kind: StatementKind, predicate: &Located<'_>) -> Result<Self, StatementError> {
        Ok(match kind {
            StatementKind::Provenance => Self::Provenance(Provenance::read(predicate)?),
            StatementKind::Dataset => Self::Dataset(Dataset::read(predicate)?),
            StatementKind::Evaluation => Self::Evaluation(Evaluation::read(predicate)?),
            StatementKind::Event => Self::Event(Event::read(predicate)?),
            StatementKind::Scan => Self::Scan(FormatScan::read(predicate)?),
            StatementKind::Verdict => Self::Verdict(Summary::read(predicate)?),
            StatementKind::Package => return Err(StatementError::UnreadKind { kind }),
        })
    }
}

impl Statement {
    /// Reads a DSSE payload.
    ///
    /// # Errors
    /// [`StatementError::UnknownPredicateType`] and [`StatementError::UnreadKind`] if it is a statement of a kind
    /// that is not read here; every other variant is one rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let value = json::parse(bytes, MAX_PAYLOAD_BYTES)?;
        let root = Located::root(&value).object()?;
        let statement_type = root.required("_type")?.string()?;
        if statement_type != types::STATEMENT_TYPE {
            return Err(StatementError::UnknownStatementType { seen: excerpt(statement_type) });
        }
        let predicate_type = root.required("predicateType")?.string()?;
        let kind = StatementKind::from_predicate_type(predicate_type)
            .ok_or_else(|| StatementError::UnknownPredicateType { seen: excerpt(predicate_type) })?;
        if !kind.is_read() {
            return Err(StatementError::UnreadKind { kind });
        }
        let root =
            Located::root(&value).closed_object(&["_type", "subject", "predicateType", "predicate"])?;
        let subjects = root.required("subject")?.array()?;
        let (model, files) = subjects.split_first().ok_or(StatementError::NoSubject)?;

        let (model, annotations) = read_subject(model, Form::ModelTree)?;
        let name = model.required("name")?.parsed(bad_name)?;
        let version = annotations.required("version")?.parsed(bad_name)?;
        let tree_digest = TreeDigest::from_digest(read_sha256(&model)?);
        let (extent, files) = match kind {
            StatementKind::Provenance => {
                let extent =
                    Extent::claimed(annotations.required("files")?.unsigned()?, read_bytes(&annotations)?);
                (Some(extent), read_files(files, tree_digest, extent)?)
            }
            _ if files.is_empty() => (None, None),
            _ => return Err(StatementError::FurtherSubjects { kind, seen: files.len() }),
        };
        let predicate = Predicate::read(kind, &root.required("predicate")?)?;
        let extent = match &predicate {
            Predicate::Dataset(dataset) => Some(dataset.extent()),
            Predicate::Scan(scan) => Some(scan.extent()),
            _ => extent,
        };
        Ok(Self {
            bytes: bytes.to_vec(),
            digest: Sha256Digest::of(bytes),
            name,
            version,
            tree_digest,
            extent,
            files,
            predicate,
        })
    }

    /// The bytes it was read from.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The statement digest: SHA-256 of those bytes, so independent of who signs and how often.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// What kind of statement it is.
    #[must_use]
    pub const fn kind(&self) -> StatementKind {
        self.predicate.kind()
    }

    /// What the signer calls the model.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        &self.name
    }

    /// Which version of it the signer says it is.
    #[must_use]
    pub const fn version(&self) -> &VersionLabel {
        &self.version
    }

    /// What the model is.
    #[must_use]
    pub const fn tree_digest(&self) -> TreeDigest {
        self.tree_digest
    }

    /// How large the signer says it is; computed, and not only claimed, if there are [`Statement::files`]. An evaluation and
    /// an event do not say.
    #[must_use]
    pub const fn extent(&self) -> Option<Extent> {
        self.extent
    }

    /// The files of the model, if the statement lists them. They make [`Statement::tree_digest`].
    #[must_use]
    pub const fn files(&self) -> Option<&Tree> {
        self.files.as_ref()
    }

    /// What is said of the model.
    #[must_use]
    pub const fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    /// What the model was made from and how, if that is what is said.
    #[must_use]
    pub const fn provenance(&self) -> Option<&Provenance> {
        match &self.predicate {
            Predicate::Provenance(provenance) => Some(provenance),
            _ => None,
        }
    }

    /// What somebody did or decided, if that is what is said.
    #[must_use]
    pub const fn event(&self) -> Option<&Event> {
        match &self.predicate {
            Predicate::Event(event) => Some(event),
            _ => None,
        }
    }

    /// What a scan of formats found, if that is what is said.
    #[must_use]
    pub const fn format_scan(&self) -> Option<&FormatScan> {
        match &self.predicate {
            Predicate::Scan(scan) => Some(scan),
            _ => None,
        }
    }

    /// What a verifier concluded, if that is what is said.
    #[must_use]
    pub const fn verdict(&self) -> Option<&Summary> {
        match &self.predicate {
            Predicate::Verdict(summary) => Some(summary),
            _ => None,
        }
    }

    /// What the model or dataset was made from, or what the model was tested with. Sorted by role and name.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        match &self.predicate {
            Predicate::Provenance(provenance) => provenance.inputs(),
            Predicate::Dataset(dataset) => dataset.derived_from(),
            Predicate::Evaluation(evaluation) => evaluation.inputs(),
            Predicate::Event(_) | Predicate::Scan(_) | Predicate::Verdict(_) => &[],
        }
    }
}

/// Takes a subject of the form that belongs in its place, as its members and its annotations.
fn read_subject<'a>(subject: &Located<'a>, want: Form) -> Result<(Fields<'a>, Fields<'a>), StatementError> {
    let fields = subject.closed_object(&["name", "digest", "annotations"])?;
    let annotations = fields.required("annotations")?.object()?;
    let form = annotations.required("form")?;
    let seen = form.string()?;
    if seen != want.as_str() {
        return Err(StatementError::SubjectForm { path: form.path().clone(), seen: excerpt(seen), want });
    }
    Ok((fields, annotations))
}

/// The tree of the file subjects, which must be the tree of the first subject; `None` if there are none, unless
/// the tree has none either.
fn read_files(
    subjects: &[Located<'_>],
    want: TreeDigest,
    want_extent: Extent,
) -> Result<Option<Tree>, StatementError> {
    if subjects.is_empty() && want_extent.files() > 0 {
        return Ok(None);
    }
    if subjects.len() > MAX_FILE_SUBJECTS {
        return Err(StatementError::TooManyFiles { seen: subjects.len() });
    }
    let files = subjects.iter().map(read_file).collect::<Result<Vec<_>, _>>()?;
    let tree = Tree::new(files).map_err(|source| StatementError::Files { source })?;
    let (seen, seen_extent) = (tree.digest(), Extent::of(&tree));
    if (seen, seen_extent) != (want, want_extent) {
        return Err(StatementError::ManifestMismatch { seen, seen_extent, want, want_extent });
    }
    Ok(Some(tree))
}

fn read_file(subject: &Located<'_>) -> Result<FileLeaf, StatementError> {
    let (file, annotations) = read_subject(subject, Form::File)?;
    let path = file.required("name")?.parsed(|path, source| StatementError::BadPath { path, source })?;
    Ok(FileLeaf::new(path, read_bytes(&annotations)?, read_sha256(&file)?))
}

/// A digest set of SHA-256 and nothing else: an algorithm beside it, which we do not compute, could name another
/// thing.
fn read_sha256(subject: &Fields<'_>) -> Result<Sha256Digest, StatementError> {
    let sha256 = subject.required("digest")?.closed_object(&["sha256"])?.required("sha256")?;
    sha256.parsed(|path, source| StatementError::BadDigest { path, source })
}

fn read_bytes(annotations: &Fields<'_>) -> Result<u64, StatementError> {
    let bytes = annotations.required("bytes")?;
    let seen = bytes.string()?;
    parse_decimal(seen)
        .ok_or_else(|| StatementError::BadDecimal { path: bytes.path().clone(), seen: excerpt(seen) })
}

fn bad_name(path: json::JsonPath, source: crate::model_name::NameError) -> StatementError {
    StatementError::BadName { path, source }
}
