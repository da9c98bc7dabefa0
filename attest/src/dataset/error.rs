use crate::digest::DigestError;
use crate::json::{FieldError, JsonPath};
use crate::provenance::{ProvenanceError, SourceUriError};
use crate::role::Role;
use crate::utc_time::{UtcDateError, UtcTimeError};

/// Why something is no description of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A day that is none.
    #[error("{path} is no day")]
    BadDate {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: UtcDateError,
    },
    /// A `bytes` that is not an unsigned decimal string.
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
    /// A time that is none.
    #[error("{path} is no time")]
    BadTime {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: UtcTimeError,
    },
    /// A `uri` that we do not take.
    #[error("{path} is no URI we take")]
    BadUri {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: SourceUriError,
    },
    /// A licence, version or media type that is empty, too long or not printable.
    #[error("{what} of a dataset is {text:?}, want it shorter and printable")]
    BadWord {
        /// Which.
        what: &'static str,
        /// The text seen, at most 64 characters of it.
        text: String,
    },
    /// A collection that ended before it began.
    #[error("the collection ended before it started")]
    EndBeforeStart,
    /// A known member is missing, is of another type, or is not one of a dataset.
    #[error("dataset has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// Something other than a dataset among those it was made from.
    #[error("made from an input with role {role}, want dataset")]
    ParentRole {
        /// The role.
        role: Role,
    },
    /// The datasets it was made from are malformed, there twice, or too many.
    #[error("what the dataset was made from does not read")]
    Parents {
        /// Why.
        #[from]
        source: ProvenanceError,
    },
    /// More licences than a statement may have.
    #[error("{seen} licences, want at most {max}", max = super::MAX_LICENCES)]
    TooManyLicences {
        /// Licences seen.
        seen: usize,
    },
    /// More sources than a statement may have.
    #[error("{seen} sources, want at most {max}", max = super::MAX_SOURCES)]
    TooManySources {
        /// Sources seen.
        seen: usize,
    },
    /// Another form of digest than the subject's.
    #[error("form {seen:?}, want model-tree/v1")]
    UnknownForm {
        /// The form seen, at most 64 characters of it.
        seen: String,
    },
    /// An answer about personal data that the predicate does not have.
    #[error("personal data {seen:?}, want none, possible, present or unknown")]
    UnknownPersonalData {
        /// The answer seen, at most 64 characters of it.
        seen: String,
    },
    /// A list that does not ascend, or is empty: one thing said in two ways.
    #[error("{what} do not ascend, or are an empty list")]
    Unsorted {
        /// Which.
        what: &'static str,
    },
}
