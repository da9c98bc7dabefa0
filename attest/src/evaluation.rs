//! in-toto test result v0.1: how a model did in an evaluation.
//!
//! Follows spec/evaluation.md and in-toto's predicate page test-result. In scope: the predicate, read strictly and written
//! in one way. Out of scope: the subject around it ([`crate::statement`]), reading the files of evaluation tools (the
//! programs), and whether a result is good enough (crate `verifier`).
//!
//! ```json
//! {"result":"PASSED",
//!  "configuration":[
//!   {"name":"results.json","digest":{"sha256":"aa10..."},"annotations":{"role":"results","form":"file","bytes":"4096",
//!    "tool":"lm-evaluation-harness 0.4.9","metrics":[{"data":"hellaswag","name":"acc,none","value":"0.5137"}]}},
//!   {"name":"hellaswag","digest":{"sha256":"c3b0..."},
//!    "annotations":{"role":"dataset","form":"model-tree/v1","source":"observed","files":2,"bytes":"16"}}],
//!  "passedTests":["hellaswag acc,none"]}
//! ```
//!
//! The predicate has no place for numbers, and strict readers of it refuse members they do not know. In-toto's resource
//! descriptors have annotations, so the metrics are annotations of the file they were read from.
//!
//! A number is the text that stands in that file. It is compared digit by digit and never becomes a float.

mod error;
mod metric;
mod number;
mod read;
mod write;

use crate::digest::Sha256Digest;
use crate::provenance::{Input, InputName, SourceUri, refuse_duplicates, sort_inputs};
use crate::role::Role;

pub use error::EvaluationError;
pub use metric::{Comparator, MAX_METRIC_TEXT_BYTES, Metric, Threshold};
pub use number::{Number, NumberError};

/// Most metrics of one evaluation. The largest suites have some thousand tasks.
pub const MAX_METRICS: usize = 1 << 14;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by in-toto's predicate")]
pub enum TestOutcome {
    /// As it should be.
    Passed,
    /// As it should be, but somebody should look.
    Warned,
    /// Not as it should be.
    Failed,
}

impl TestOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Warned, Self::Failed];

    /// The name, as in-toto spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Warned => "WARNED",
            Self::Failed => "FAILED",
        }
    }

    /// The outcome of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

impl core::fmt::Display for TestOutcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The file that the metrics were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsFile {
    name: InputName,
    digest: Sha256Digest,
    bytes: u64,
    tool: Option<String>,
}

impl ResultsFile {
    /// A file with this content.
    #[must_use]
    pub const fn new(name: InputName, digest: Sha256Digest, bytes: u64) -> Self {
        Self { name, digest, bytes, tool: None }
    }

    /// Adds what wrote it, with its version.
    ///
    /// # Errors
    /// [`EvaluationError::BadText`] if it is empty, longer than [`MAX_METRIC_TEXT_BYTES`], or has a control character.
    pub fn with_tool(self, tool: String) -> Result<Self, EvaluationError> {
        metric::refuse_text("tool", &tool, 1)?;
        Ok(Self { tool: Some(tool), ..self })
    }

    /// Calls it something else.
    #[must_use]
    pub fn with_name(self, name: InputName) -> Self {
        Self { name, ..self }
    }

    /// What the signer calls it.
    #[must_use]
    pub const fn name(&self) -> &InputName {
        &self.name
    }

    /// SHA-256 of its content.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Its size, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What wrote it.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        self.tool.as_deref()
    }
}

/// How a model did, by which file, on what data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    outcome: TestOutcome,
    results: ResultsFile,
    metrics: Vec<Metric>,
    inputs: Vec<Input>,
    url: Option<SourceUri>,
}

impl Evaluation {
    /// Joins outcome, metrics, and what the model was tested with, each sorted. Without an outcome given, a test in which a
    /// metric misses its threshold has failed, and another has passed.
    ///
    /// # Errors
    /// [`EvaluationError::NoMetric`], [`EvaluationError::TooManyMetrics`], [`EvaluationError::DuplicateMetric`];
    /// [`EvaluationError::OutcomeAndThreshold`] if the outcome given is better than a metric that misses its threshold;
    /// [`EvaluationError::InputRole`] for a base model, an adapter or a tokenizer, of which the model is made and not tested
    /// with; [`EvaluationError::Inputs`] for what a provenance refuses too.
    pub fn new(
        outcome: Option<TestOutcome>,
        results: ResultsFile,
        mut metrics: Vec<Metric>,
        inputs: Vec<Input>,
    ) -> Result<Self, EvaluationError> {
        metrics.sort();
        if metrics.is_empty() {
            return Err(EvaluationError::NoMetric);
        }
        if metrics.len() > MAX_METRICS {
            return Err(EvaluationError::TooManyMetrics { seen: metrics.len() });
        }
        for (before, after) in metrics.iter().zip(metrics.iter().skip(1)) {
            if before.place() == after.place() {
                return Err(EvaluationError::DuplicateMetric { test: after.test() });
            }
        }
        let is_missed = |metric: &&Metric| metric.is_met() == Some(false);
        let outcome = match (outcome, metrics.iter().find(is_missed)) {
            (Some(TestOutcome::Failed) | None, Some(_)) => TestOutcome::Failed,
            (Some(seen), Some(missed)) => {
                return Err(EvaluationError::OutcomeAndThreshold { seen, test: missed.test() });
            }
            (outcome, None) => outcome.unwrap_or(TestOutcome::Passed),
        };
        let is_part = |role| matches!(role, Role::BaseModel | Role::Adapter | Role::Tokenizer);
        if let Some(input) = inputs.iter().find(|input| is_part(input.role())) {
            return Err(EvaluationError::InputRole { role: input.role() });
        }
        let inputs = sort_inputs(inputs);
        refuse_duplicates(&inputs)?;
        Ok(Self { outcome, results, metrics, inputs, url: None })
    }

    /// Adds where the test run can be looked at.
    #[must_use]
    pub fn with_url(self, url: SourceUri) -> Self {
        Self { url: Some(url), ..self }
    }

    /// What came of it.
    #[must_use]
    pub const fn outcome(&self) -> TestOutcome {
        self.outcome
    }

    /// The file that the metrics were read from.
    #[must_use]
    pub const fn results(&self) -> &ResultsFile {
        &self.results
    }

    /// What was measured, sorted by data, name and split; at least one.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// What the model was tested with: data, code and configuration of the suite. Sorted by role and name.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Where the test run can be looked at.
    #[must_use]
    pub const fn url(&self) -> Option<&SourceUri> {
        self.url.as_ref()
    }

    /// The tests whose threshold is met, or those whose threshold is missed, in the order of the metrics.
    fn tests(&self, met: bool) -> impl Iterator<Item = String> {
        self.metrics.iter().filter(move |metric| metric.is_met() == Some(met)).map(Metric::test)
    }
}
