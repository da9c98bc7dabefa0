//! The predicate, taken apart strictly. Unknown members are refused: all of in-toto's are known here, and one more could
//! be a second answer.

use crate::decimal::parse_decimal;
use crate::excerpt::excerpt;
use crate::form::Form;
use crate::json::{FieldError, Fields, Located};
use crate::provenance::{Input, inputs_ascend};

use super::write::RESULTS_ROLE;
use super::{Comparator, Evaluation, EvaluationError, Metric, Number, ResultsFile, TestOutcome, Threshold};

impl Evaluation {
    /// Reads a predicate of type in-toto test result v0.1.
    pub(crate) fn read(predicate: &Located<'_>) -> Result<Self, EvaluationError> {
        let fields = predicate.closed_object(&[
            "result",
            "configuration",
            "url",
            "passedTests",
            "warnedTests",
            "failedTests",
        ])?;
        let outcome = fields.required("result")?;
        let outcome =
            outcome.word(TestOutcome::from_name, |_, seen| EvaluationError::UnknownOutcome { seen })?;
        let configuration = fields.required("configuration")?.array()?;
        let (results, inputs) = configuration.split_first().ok_or(EvaluationError::NoResults)?;
        let (results, metrics) = read_results(results)?;
        if !metrics.is_sorted() {
            return Err(EvaluationError::Unsorted { what: "metrics" });
        }
        let inputs = inputs.iter().map(Input::read).collect::<Result<Vec<_>, _>>()?;
        if !inputs_ascend(&inputs) {
            return Err(EvaluationError::Unsorted { what: "inputs" });
        }
        let mut evaluation = Self::new(Some(outcome), results, metrics, inputs)?;
        agree("passedTests", fields.optional("passedTests"), evaluation.tests(true))?;
        agree("warnedTests", fields.optional("warnedTests"), core::iter::empty())?;
        agree("failedTests", fields.optional("failedTests"), evaluation.tests(false))?;
        if let Some(url) = fields.optional("url") {
            let url = url.parsed(|path, source| EvaluationError::BadUri { path, source })?;
            evaluation = evaluation.with_url(url);
        }
        Ok(evaluation)
    }
}

/// A list of tests is the one that follows from the thresholds; no list is an empty one.
fn agree(
    list: &'static str,
    claimed: Option<Located<'_>>,
    tests: impl Iterator<Item = String>,
) -> Result<(), EvaluationError> {
    let claimed = match claimed {
        None => Vec::new(),
        Some(claimed) => claimed.array()?.iter().map(Located::string).collect::<Result<Vec<_>, _>>()?,
    };
    if tests.eq(claimed) { Ok(()) } else { Err(EvaluationError::TestsDisagree { list }) }
}

fn read_results(descriptor: &Located<'_>) -> Result<(ResultsFile, Vec<Metric>), EvaluationError> {
    let fields = descriptor.closed_object(&["name", "digest", "annotations"])?;
    let annotations = fields.required("annotations")?;
    let annotations = annotations.closed_object(&["role", "form", "bytes", "tool", "metrics"])?;
    let is = |key, want| Ok::<_, FieldError>(annotations.required(key)?.string()? == want);
    if !is("role", RESULTS_ROLE)? || !is("form", Form::File.as_str())? {
        return Err(EvaluationError::NoResults);
    }
    let name = fields.required("name")?.parsed(|path, source| EvaluationError::BadName { path, source })?;
    let sha256 = fields.required("digest")?.closed_object(&["sha256"])?.required("sha256")?;
    let digest = sha256.parsed(|path, source| EvaluationError::BadDigest { path, source })?;
    let bytes = annotations.required("bytes")?;
    let seen = bytes.string()?;
    let bytes = parse_decimal(seen)
        .ok_or_else(|| EvaluationError::BadDecimal { path: bytes.path().clone(), seen: excerpt(seen) })?;
    let mut results = ResultsFile::new(name, digest, bytes);
    if let Some(tool) = annotations.optional("tool") {
        results = results.with_tool(tool.string()?.to_owned())?;
    }
    let metrics = annotations.required("metrics")?.array()?;
    Ok((results, metrics.iter().map(read_metric).collect::<Result<_, _>>()?))
}

fn read_metric(metric: &Located<'_>) -> Result<Metric, EvaluationError> {
    let fields =
        metric.closed_object(&["data", "name", "split", "value", "stderr", "comparator", "threshold"])?;
    let text = |key| Ok::<_, FieldError>(fields.required(key)?.string()?.to_owned());
    let mut read = Metric::new(text("data")?, text("name")?, read_number(&fields.required("value")?)?)?;
    if let Some(split) = fields.optional("split") {
        read = read.with_split(split.string()?.to_owned())?;
    }
    if let Some(stderr) = fields.optional("stderr") {
        read = read.with_stderr(read_number(&stderr)?);
    }
    match read_threshold(&fields)? {
        Some(threshold) => Ok(read.with_threshold(threshold)),
        None => Ok(read),
    }
}

fn read_threshold(fields: &Fields<'_>) -> Result<Option<Threshold>, EvaluationError> {
    match (fields.optional("comparator"), fields.optional("threshold")) {
        (Some(comparator), Some(number)) => {
            let comparator = comparator.word(Comparator::from_name, |path, seen| {
                EvaluationError::UnknownComparator { path, seen }
            })?;
            Ok(Some(Threshold::new(comparator, read_number(&number)?)))
        }
        (None, None) => Ok(None),
        _ => Err(EvaluationError::HalfThreshold { path: fields.path().clone() }),
    }
}

fn read_number(number: &Located<'_>) -> Result<Number, EvaluationError> {
    number.parsed(|path, source| EvaluationError::BadNumber { path, source })
}
