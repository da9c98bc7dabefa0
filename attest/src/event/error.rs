use crate::digest::DigestError;
use crate::json::{FieldError, JsonPath};
use crate::provenance::{GitIdError, SourceUriError};
use crate::utc_time::UtcTimeError;

use super::EventLabelError;

/// Why something is no custody event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// A commit that is none.
    #[error("{path} is no commit")]
    BadCommit {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: GitIdError,
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
    /// A stage, role, environment or reason code that is none.
    #[error("{path} is no label")]
    BadLabel {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: EventLabelError,
    },
    /// A text that is empty, too long or not printable.
    #[error("text of an event is {text:?}, want it printable and of 1 to {max} bytes", max = super::MAX_TEXT_BYTES)]
    BadText {
        /// The text seen, at most 64 characters of it.
        text: String,
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
    /// An event that ceases to hold before it begins to.
    #[error("the event expires before it takes effect")]
    EndBeforeStart,
    /// A known member is missing, is of another type, or is one that this kind of event does not have.
    #[error("event has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// An alias with two identities of one form: which of them somebody would look for is not known.
    #[error("an alias has two identities of one form")]
    IdentityTwice,
    /// A waiver that lets nothing pass.
    #[error("a waiver names no finding, want at least one")]
    NoFindings,
    /// An alias that is none.
    #[error("an alias names no identity, want at least one")]
    NoIdentity,
    /// More statements than an event may name.
    #[error("{seen} statements as evidence, want at most {max}", max = super::MAX_EVIDENCE)]
    TooMuchEvidence {
        /// Statements seen.
        seen: usize,
    },
    /// More findings than a waiver may name.
    #[error("{seen} findings, want at most {max}", max = super::MAX_FINDINGS)]
    TooManyFindings {
        /// Findings seen.
        seen: usize,
    },
    /// A kind of event that the predicate does not have. It may speak against the model, so it is not passed over.
    #[error("unknown kind of event {seen:?}")]
    UnknownKind {
        /// The kind seen, at most 64 characters of it.
        seen: String,
    },
    /// A scope that the predicate does not have.
    #[error("unknown scope {seen:?}, want this or this-and-descendants")]
    UnknownScope {
        /// The scope seen, at most 64 characters of it.
        seen: String,
    },
    /// Evidence that does not ascend, or an empty list of it: one thing said in two ways.
    #[error("evidence does not ascend, or is an empty list")]
    UnsortedEvidence,
    /// Findings that do not ascend.
    #[error("findings do not ascend")]
    UnsortedFindings,
}
