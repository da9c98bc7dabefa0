//! Results of an evaluation: what lm-evaluation-harness writes, and plain files of metrics.
//!
//! ```text
//! {"results": {"hellaswag": {"alias": "hellaswag", "acc,none": 0.51, "acc_stderr,none": 0.005}},
//!  "configs": {"hellaswag": {"validation_split": "validation"}}, "config": {"limit": null}, "lm_eval_version": "0.4.13", ...}
//!
//! {"auc": 0.91, "loss": 3.2e-2}                     plain
//! {"valid": {"auc": 0.91}, "test": {"auc": 0.90}}   plain, by dataset
//! ```
//!
//! Source of the format: lm-evaluation-harness 0.4, files that version 0.4.13 wrote. A key with a comma is a metric and its filter, and stays as it is; the standard
//! error stands under the metric's name with `_stderr`, as a number or as `N/A`. The split is the one the task was tested on:
//! its `test_split`, or without one its `validation_split`; a group of tasks has none. Whoever asked only some samples of each task
//! (`--limit`) got other numbers than who asked all, so that is said with the tool.
//!
//! Numbers are the text of the file. In a plain file everything has to be a number: what is left out there would be a silent gap.
//!
//! In scope: one file, at most 16 MiB. Out of scope: samples, whether a number is good, what was tested.

use std::collections::BTreeMap;
use std::path::Path;

use attest::evaluation::{EvaluationError, Metric, Number, NumberError};

use crate::json::{self, Json, JsonError};
use crate::reading::{self, MAX_TEXT_FILE_BYTES, ReadError};
use crate::{ReadFile, excerpt};

/// What wrote a file with an `lm_eval_version`.
const HARNESS: &str = "lm-evaluation-harness";
/// What the name of a metric ends in that is the standard error of another.
const STDERR: &str = "_stderr";

/// What is in a file of results.
#[derive(Debug)]
pub struct Results {
    /// The file.
    pub file: ReadFile,
    /// What was in it.
    pub measured: Measured,
}

/// What the bytes of such a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What wrote it, with its version and the limit.
    pub tool: Option<String>,
    /// How many samples of each task were asked, or which share, if not all.
    pub limit: Option<Number>,
    /// What was measured; may be empty.
    pub metrics: Vec<Metric>,
}

/// Why a file is none of results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// Not JSON as we take it.
    #[error("no results")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A name that is too long or not printable.
    #[error("{place} has a name that cannot be signed")]
    Metric {
        /// Where.
        place: String,
        /// Why.
        source: EvaluationError,
    },
    /// A value that is no number, where there has to be one.
    #[error("{place} is no number")]
    NotANumber {
        /// Where.
        place: String,
    },
    /// A number that is too long.
    #[error("{place} is no number we take")]
    Number {
        /// Where.
        place: String,
        /// Why.
        source: NumberError,
    },
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<JsonError> for ResultsError {
    fn from(error: JsonError) -> Self {
        Self::Malformed(Box::new(error))
    }
}

/// Reads a file of results.
///
/// # Errors
/// [`ResultsError`].
pub fn read(path: &Path) -> Result<Results, ResultsError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let reading = reading::read(path, &name, MAX_TEXT_FILE_BYTES)?;
    let measured = take_apart(&reading.bytes)?;
    Ok(Results { file: reading.file, measured })
}

/// Takes the bytes of such a file apart: what wrote it, and what was measured.
///
/// # Errors
/// [`ResultsError`], but not [`ResultsError::Read`].
pub fn take_apart(bytes: &[u8]) -> Result<Measured, ResultsError> {
    let document = json::parse(bytes)?;
    let version = document.get("lm_eval_version").and_then(Json::text);
    match document.get("results").and_then(Json::object) {
        Some(results) if version.is_some() || document.get("configs").is_some() => {
            let limit = document.get("config").and_then(|config| config.get("limit"));
            let limit = match limit {
                Some(Json::Number(limit)) => Some(read_number("config.limit", limit)?),
                _ => None,
            };
            let words = [
                Some(HARNESS.to_owned()),
                version.map(|version| format!(" {version}")),
                limit.as_ref().map(|limit| format!(", limit {limit}")),
            ];
            let tool = words.into_iter().flatten().collect();
            Ok(Measured { tool: Some(tool), limit, metrics: of_harness(&document, results)? })
        }
        _ => Ok(Measured { tool: None, limit: None, metrics: of_plain(&document)? }),
    }
}

fn of_harness(document: &Json, results: &BTreeMap<String, Json>) -> Result<Vec<Metric>, ResultsError> {
    let mut metrics = Vec::new();
    for (task, values) in results {
        let config = document.get("configs").and_then(|configs| configs.get(task));
        let split = |key| config.and_then(|config| config.get(key)).and_then(Json::text);
        let split =
            split("test_split").or_else(|| split("validation_split")).filter(|split| !split.is_empty());
        for (key, value) in values.object().into_iter().flatten() {
            let (Some((name, filter)), Json::Number(number)) = (key.split_once(','), value) else { continue };
            let of = name.strip_suffix(STDERR);
            if of.is_some_and(|of| values.get(&format!("{of},{filter}")).is_some()) {
                continue;
            }
            let mut metric = metric(task, key, number)?;
            if let Some(split) = split {
                metric = metric.with_split(split.to_owned()).map_err(refused(task))?;
            }
            if let Some(Json::Number(stderr)) = values.get(&format!("{name}{STDERR},{filter}")) {
                metric = metric.with_stderr(read_number(key, stderr)?);
            }
            metrics.push(metric);
        }
    }
    Ok(metrics)
}

fn of_plain(document: &Json) -> Result<Vec<Metric>, ResultsError> {
    let not_a_number = |place: &str| ResultsError::NotANumber { place: excerpt::excerpt(place) };
    let mut metrics = Vec::new();
    for (name, value) in document.object().ok_or_else(|| not_a_number("the document"))? {
        match value {
            Json::Number(number) => metrics.push(metric("", name, number)?),
            Json::Object(members) => {
                for (inner, value) in members {
                    let Json::Number(number) = value else {
                        return Err(not_a_number(&format!("{name}.{inner}")));
                    };
                    metrics.push(metric(name, inner, number)?);
                }
            }
            _ => return Err(not_a_number(name)),
        }
    }
    Ok(metrics)
}

fn metric(data: &str, name: &str, number: &str) -> Result<Metric, ResultsError> {
    Metric::new(data.to_owned(), name.to_owned(), read_number(name, number)?).map_err(refused(name))
}

fn read_number(place: &str, number: &str) -> Result<Number, ResultsError> {
    number.parse().map_err(|source| ResultsError::Number { place: excerpt::excerpt(place), source })
}

fn refused(place: &str) -> impl Fn(EvaluationError) -> ResultsError {
    move |source| ResultsError::Metric { place: excerpt::excerpt(place), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, ResultsError> {
        let measured = take_apart(text.as_bytes())?;
        let mut lines: Vec<String> = measured.tool.into_iter().collect();
        lines.extend(measured.metrics.iter().map(|metric| {
            let stderr = metric.stderr().map(|stderr| format!(" +- {stderr}")).unwrap_or_default();
            format!(
                "{}|{}|{} {}{stderr}",
                metric.data(),
                metric.split().unwrap_or("-"),
                metric.name(),
                metric.value()
            )
        }));
        Ok(lines)
    }

    #[test]
    fn plain_metrics_keep_the_text_of_their_numbers() {
        let plain = shown(r#"{"auc": 0.910, "loss": 3.20e-2, "test": {"auc": 1E0}}"#).expect("results");
        assert_eq!(plain, ["|-|auc 0.910", "|-|loss 3.20e-2", "test|-|auc 1E0"]);
    }

    #[test]
    fn a_limit_is_said_with_the_tool() {
        let of = |limit: &str| {
            shown(&format!(
                r#"{{"results": {{"t": {{"acc,none": 1}}}}, "config": {{"limit": {limit}}}, "lm_eval_version": "0.4.13"}}"#
            ))
        };
        for (limit, words) in [("null", ""), ("10.0", ", limit 10.0"), ("0.5", ", limit 0.5")] {
            let lines = of(limit).expect("results");
            assert_eq!(lines, [&format!("lm-evaluation-harness 0.4.13{words}"), "t|-|acc,none 1"]);
        }
        assert!(matches!(of(&"1".repeat(65)), Err(ResultsError::Number { .. })));
    }

    #[test]
    fn a_plain_file_has_nothing_but_numbers() {
        for text in [
            r#"{"auc": "0.91"}"#,
            r#"{"auc": null}"#,
            r#"{"auc": [0.91]}"#,
            r#"{"test": {"auc": {"mean": 1}}}"#,
            "[0.91]",
            "0.91",
            r#"{"auc": NaN}"#,
            r#"{"auc": 1, "auc": 2}"#,
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
        let long = format!(r#"{{"auc": 0.{}}}"#, "1".repeat(64));
        assert!(matches!(shown(&long), Err(ResultsError::Number { .. })));
        let odd = r#"{"a\u001b[2J": 1}"#;
        assert!(matches!(shown(odd), Err(ResultsError::Metric { .. })));
    }
}
