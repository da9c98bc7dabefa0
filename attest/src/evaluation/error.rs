use crate::digest::DigestError;
use crate::json::{FieldError, JsonPath};
use crate::provenance::{InputNameError, ProvenanceError, SourceUriError};
use crate::role::Role;

use super::{NumberError, TestOutcome};

/// Why something is no evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
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
    /// The name of the results file is none.
    #[error("{path} is no name of a file")]
    BadName {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: InputNameError,
    },
    /// A value, standard error or threshold that is no number.
    #[error("{path} is no number")]
    BadNumber {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: NumberError,
    },
    /// A text of a metric that is empty, too long or not printable.
    #[error("{what} of a metric is {text:?}, want it shorter and printable")]
    BadText {
        /// Which text.
        what: &'static str,
        /// The text seen, at most 64 characters of it.
        text: String,
    },
    /// A `url` that we do not take.
    #[error("{path} is no URI we take")]
    BadUri {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: SourceUriError,
    },
    /// One metric on one split twice.
    #[error("metric {test:?} twice")]
    DuplicateMetric {
        /// Data, split and name.
        test: String,
    },
    /// A known member is missing, is of another type, or an unknown one is where the set is closed.
    #[error("evaluation has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// One of `comparator` and `threshold` without the other.
    #[error("only one of comparator and threshold in {path}, want both or none")]
    HalfThreshold {
        /// The metric.
        path: JsonPath,
    },
    /// A part of a model as something that it was tested with.
    #[error("input with role {role}, want what a model is tested with")]
    InputRole {
        /// The role.
        role: Role,
    },
    /// What the model was tested with is malformed, there twice, or too much.
    #[error("what the model was tested with does not read")]
    Inputs {
        /// Why.
        #[from]
        source: ProvenanceError,
    },
    /// Nothing was measured.
    #[error("no metric, want at least one")]
    NoMetric,
    /// A `configuration` that does not begin with the file of the results.
    #[error("configuration does not begin with the results")]
    NoResults,
    /// A result that the numbers contradict.
    #[error("result {seen}, and {test:?} misses its threshold, want FAILED")]
    OutcomeAndThreshold {
        /// The result.
        seen: TestOutcome,
        /// Data, split and name of the first that misses it.
        test: String,
    },
    /// Lists of tests that are not those which the thresholds make.
    #[error("{list} is not the list of tests that follows from the thresholds")]
    TestsDisagree {
        /// Which.
        list: &'static str,
    },
    /// More metrics than a statement may have.
    #[error("{seen} metrics, want at most {max}", max = super::MAX_METRICS)]
    TooManyMetrics {
        /// Metrics seen.
        seen: usize,
    },
    /// A comparator that there is not.
    #[error("{path} is {seen:?}, want <, <=, =, >= or >")]
    UnknownComparator {
        /// Where.
        path: JsonPath,
        /// The text seen, at most 64 characters of it.
        seen: String,
    },
    /// A result that in-toto does not have.
    #[error("unknown result {seen:?}, want PASSED, WARNED or FAILED")]
    UnknownOutcome {
        /// The result seen, at most 64 characters of it.
        seen: String,
    },
    /// Inputs or metrics that do not ascend.
    #[error("{what} do not ascend")]
    Unsorted {
        /// Which of the two.
        what: &'static str,
    },
}
