//! The predicate's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json::Sha256Json;
use crate::form::Form;
use crate::provenance::{DependencyJson, SourceUri};

use super::{Evaluation, Metric, Number, ResultsFile};

/// The role of the one element of `configuration` that is no input: it is where the numbers stand.
pub(super) const RESULTS_ROLE: &str = "results";

/// In-toto test result v0.1, as much of it as we write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PredicateJson<'a> {
    result: &'static str,
    configuration: Vec<ConfigurationJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_tests: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_tests: Vec<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ConfigurationJson<'a> {
    Results(ResultsJson<'a>),
    Input(DependencyJson<'a>),
}

#[derive(Serialize)]
struct ResultsJson<'a> {
    name: &'a str,
    digest: Sha256Json,
    annotations: AnnotationsJson<'a>,
}

#[derive(Serialize)]
struct AnnotationsJson<'a> {
    role: &'static str,
    form: &'static str,
    bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    metrics: Vec<MetricJson<'a>>,
}

#[derive(Serialize)]
struct MetricJson<'a> {
    data: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<&'a str>,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparator: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<&'a str>,
}

impl Evaluation {
    /// The predicate, ready to be written.
    pub(crate) fn predicate_json(&self) -> PredicateJson<'_> {
        let results = ConfigurationJson::Results(results(&self.results, &self.metrics));
        let inputs = self.inputs.iter().map(DependencyJson::of).map(ConfigurationJson::Input);
        PredicateJson {
            result: self.outcome.as_str(),
            configuration: core::iter::once(results).chain(inputs).collect(),
            url: self.url.as_ref().map(SourceUri::as_str),
            passed_tests: self.tests(true).collect(),
            failed_tests: self.tests(false).collect(),
        }
    }
}

fn results<'a>(file: &'a ResultsFile, metrics: &'a [Metric]) -> ResultsJson<'a> {
    ResultsJson {
        name: file.name().as_str(),
        digest: Sha256Json::of(file.digest()),
        annotations: AnnotationsJson {
            role: RESULTS_ROLE,
            form: Form::File.as_str(),
            bytes: file.bytes().to_string(),
            tool: file.tool(),
            metrics: metrics.iter().map(metric).collect(),
        },
    }
}

fn metric(metric: &Metric) -> MetricJson<'_> {
    MetricJson {
        data: metric.data(),
        name: metric.name(),
        split: metric.split(),
        value: metric.value().as_str(),
        stderr: metric.stderr().map(Number::as_str),
        comparator: metric.threshold().map(|threshold| threshold.comparator().as_str()),
        threshold: metric.threshold().map(|threshold| threshold.number().as_str()),
    }
}
