use crate::digest::DigestError;
use crate::event::EventLabelError;
use crate::json::{FieldError, JsonPath};
use crate::model_name::NameError;
use crate::provenance::SourceUriError;
use crate::utc_time::UtcTimeError;

/// Why something is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// A digest that is none.
    #[error("{path} is no digest")]
    BadDigest {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// A stage or a code that is none.
    #[error("{path} is no label")]
    BadLabel {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: EventLabelError,
    },
    /// A time that is none.
    #[error("{path} is no time")]
    BadTime {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: UtcTimeError,
    },
    /// A URI that we do not take.
    #[error("{path} is no URI we take")]
    BadUri {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: SourceUriError,
    },
    /// A version of the program that is none.
    #[error("{path} is no version")]
    BadVersion {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: NameError,
    },
    /// A known member is missing, is of another type, or an unknown one is where the set is closed.
    #[error("verdict has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// A verdict that went by nothing.
    #[error("no statement is named, want at least the provenance")]
    NoInputs,
    /// A result other than a yes.
    #[error("result {seen:?}, want PASSED: a refusal is not signed as a verdict")]
    NotPassed {
        /// The result seen, at most 64 characters of it.
        seen: String,
    },
    /// A verdict that claims to have looked at everything.
    #[error("nothing is said not to have been checked, want at least one thing")]
    NothingLeftOut,
    /// A level of SLSA, which nothing here establishes.
    #[error("verified levels are not [{want:?}]", want = super::read::LEVEL)]
    OtherLevels,
    /// More of something than a verdict may have.
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
