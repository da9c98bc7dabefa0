use crate::dataset::DatasetError;
use crate::digest::DigestError;
use crate::evaluation::EvaluationError;
use crate::event::EventError;
use crate::form::Form;
use crate::format_scan::FormatScanError;
use crate::json::{FieldError, JsonError, JsonPath};
use crate::model_name::NameError;
use crate::model_path::ModelPathError;
use crate::provenance::{Extent, ProvenanceError};
use crate::tree::{TreeDigest, TreeError};
use crate::verdict::SummaryError;

use super::StatementKind;

/// Why some bytes are not a statement about a model that we read.
///
/// [`StatementError::UnknownPredicateType`] and [`StatementError::UnreadKind`] say that somebody made a statement of
/// another kind; all others, that the bytes are malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// A `bytes` that is not an unsigned decimal string.
    #[error("{path} is {seen:?}, want a decimal string")]
    BadDecimal {
        /// Where.
        path: JsonPath,
        /// The text seen, at most 64 characters of it.
        seen: String,
    },
    /// A `sha256` that is none.
    #[error("{path} is no SHA-256")]
    BadDigest {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// The model's name or version label is none.
    #[error("{path} does not parse")]
    BadName {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: NameError,
    },
    /// The name of a file subject is no path.
    #[error("{path} is no path of a file")]
    BadPath {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: ModelPathError,
    },
    /// The predicate of a dataset is malformed.
    #[error("predicate is no dataset we read")]
    Dataset {
        /// Why.
        #[from]
        source: DatasetError,
    },
    /// The predicate of an evaluation is malformed.
    #[error("predicate is no evaluation we read")]
    Evaluation {
        /// Why.
        #[from]
        source: EvaluationError,
    },
    /// The predicate of a custody event is malformed.
    #[error("predicate is no event we read")]
    Event {
        /// Why.
        #[from]
        source: EventError,
    },
    /// The predicate of a scan of formats is malformed.
    #[error("predicate is no scan of formats we read")]
    Scan {
        /// Why.
        #[from]
        source: FormatScanError,
    },
    /// A known member is missing, is of another type, or an unknown one is where the set is closed.
    #[error("statement has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// The file subjects cannot be the files of one tree.
    #[error("file subjects make no tree")]
    Files {
        /// Why.
        #[source]
        source: TreeError,
    },
    /// Subjects after the first where only a provenance has some.
    #[error("{kind} with {seen} further subjects, want the first alone")]
    FurtherSubjects {
        /// The kind of statement.
        kind: StatementKind,
        /// Further subjects seen.
        seen: usize,
    },
    /// Not JSON as we read it.
    #[error("statement is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// The file subjects make another tree than the first subject says.
    #[error(
        "file subjects make tree {seen} of {} files and {} bytes, want {want} of {} files and {} bytes",
        seen_extent.files(), seen_extent.bytes(), want_extent.files(), want_extent.bytes()
    )]
    ManifestMismatch {
        /// Digest of the tree they make.
        seen: TreeDigest,
        /// How large it is.
        seen_extent: Extent,
        /// Digest the first subject claims.
        want: TreeDigest,
        /// How large it claims to be.
        want_extent: Extent,
    },
    /// An empty `subject`.
    #[error("no subject, want at least one")]
    NoSubject,
    /// The predicate of a provenance is malformed.
    #[error("predicate is no provenance we read")]
    Provenance {
        /// Why.
        #[from]
        source: ProvenanceError,
    },
    /// A subject of another form than belongs in its place: first the model, then its files.
    #[error("{path} is {seen:?}, want {want}")]
    SubjectForm {
        /// Where.
        path: JsonPath,
        /// The form seen, at most 64 characters of it.
        seen: String,
        /// The form that belongs there.
        want: Form,
    },
    /// More file subjects than a statement may have.
    #[error("{seen} file subjects, want at most {max}", max = super::MAX_FILE_SUBJECTS)]
    TooManyFiles {
        /// File subjects seen.
        seen: usize,
    },
    /// Another predicate type than those of [`StatementKind`].
    #[error("unknown predicate type {seen:?}")]
    UnknownPredicateType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// Another `_type` than in-toto Statement v1.
    #[error("statement type {seen:?}, want {want:?}", want = crate::types::STATEMENT_TYPE)]
    UnknownStatementType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// A kind that has a number, but whose predicate this version does not read.
    #[error("statement of kind {kind}, want a kind that is read here")]
    UnreadKind {
        /// The kind.
        kind: StatementKind,
    },
    /// The predicate of a verdict is malformed.
    #[error("predicate is no verdict we read")]
    Verdict {
        /// Why.
        #[from]
        source: SummaryError,
    },
}
