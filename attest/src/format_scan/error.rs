use crate::digest::DigestError;
use crate::json::{FieldError, JsonPath};
use crate::model_path::ModelPathError;

/// Why something is no scan of formats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatScanError {
    /// A size or offset that is not an unsigned decimal string.
    #[error("{path} is {seen:?}, want a decimal string")]
    BadDecimal {
        /// Where.
        path: JsonPath,
        /// The text seen, at most 64 characters of it.
        seen: String,
    },
    /// A digest that is none.
    #[error("{path} is no digest")]
    BadDigest {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// A reason, format, name or version that is none.
    #[error("{label:?} is no label, want 1 to 64 plain characters")]
    BadLabel {
        /// The text seen, at most 64 characters of it.
        label: String,
    },
    /// A path that is none.
    #[error("{path} is no path inside a model")]
    BadPath {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: ModelPathError,
    },
    /// A text that is empty, too long or not printable.
    #[error("text of a scan is {text:?}, want it printable and of 1 to {max} bytes", max = super::MAX_TEXT_BYTES)]
    BadText {
        /// The text seen, at most 64 characters of it.
        text: String,
    },
    /// A known member is missing, is of another type, or is not one of a scan.
    #[error("scan has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// Formats that are not those of all files, or no files.
    #[error("the formats are not those of {files} files, want each file once and at least one")]
    FileCount {
        /// Files that were looked at.
        files: u64,
    },
    /// A format twice.
    #[error("a format twice")]
    FormatTwice,
    /// A scan that claims to have looked at everything.
    #[error("nothing is said not to have been evaluated, want at least one thing")]
    NothingLeftOut,
    /// A result that does not follow from the findings.
    #[error("result {seen:?}, but the findings make it {wanted}")]
    ResultMismatch {
        /// The result seen, at most 64 characters of it.
        seen: String,
        /// What the findings make it.
        wanted: &'static str,
    },
    /// More of something than a statement may have.
    #[error("{seen} {what}, want at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many were seen.
        seen: usize,
        /// How many there may be.
        max: usize,
    },
    /// A list that does not ascend, or is empty: one thing said in two ways.
    #[error("{what} do not ascend, or are an empty list")]
    Unsorted {
        /// Which.
        what: &'static str,
    },
}
