//! `tallymark attest eval`: how a model did, from the file that an evaluation tool wrote.

use std::path::PathBuf;
use std::str::FromStr;

use attest::evaluation::{
    Comparator, Evaluation, EvaluationError, Metric, Number, NumberError, ResultsFile, Threshold,
};
use attest::provenance::InputNameError;
use collect::evaluation::ResultsError;

use crate::args::{EvalArgs, Manner, MaterialArgs};
use crate::gather::label;
use crate::hidden::Hidden;
use crate::inputs::Materials;
use crate::message::{Failure, warn};
use crate::preview::KeptBack;
use crate::publication::{Place, Publication, read_back};

/// What a metric must be, as typed: `hellaswag/acc,none>=0.5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    metric: String,
    threshold: Threshold,
}

/// Why a text is no demand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DemandError {
    #[error("no comparator in it, want METRIC>=NUMBER")]
    NoComparator,
    #[error("{0}, want METRIC>=NUMBER")]
    Number(#[from] NumberError),
}

impl FromStr for Demand {
    type Err = DemandError;

    fn from_str(text: &str) -> Result<Self, DemandError> {
        let at = text.find(['<', '>', '=']).ok_or(DemandError::NoComparator)?;
        let (metric, rest) = text.split_at(at);
        let number = rest.trim_start_matches(['<', '>', '=']);
        let sign = rest.strip_suffix(number).unwrap_or_default();
        let comparator = Comparator::from_name(sign).ok_or(DemandError::NoComparator)?;
        let threshold = Threshold::new(comparator, number.trim().parse::<Number>()?);
        Ok(Self { metric: metric.trim().to_owned(), threshold })
    }
}

impl Demand {
    fn is_about(&self, metric: &Metric) -> bool {
        self.metric == metric.name() || self.metric == format!("{}/{}", metric.data(), metric.name())
    }
}

/// Why there is no evaluation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvalError {
    /// A threshold that could be for several metrics.
    #[error("{count} metrics are called {name}")]
    Ambiguous { name: String, count: usize },
    /// What was read makes no evaluation.
    #[error("that is no evaluation")]
    Evaluation(#[from] EvaluationError),
    /// The name of the results file cannot be signed.
    #[error("the name of the results is not one we sign")]
    Name(#[from] InputNameError),
    /// A threshold for a metric that was not measured.
    #[error("no metric is called {name}")]
    NoMetric { name: String },
    /// No results.
    #[error("{path} holds no results")]
    Results { path: PathBuf, source: ResultsError },
}

/// Runs it.
pub(crate) fn run(args: &EvalArgs, manner: Manner) -> Result<(), Failure> {
    let publication = Publication::find(&args.publish, Place::Beside(&args.model))?;
    let results = collect::evaluation::read(&args.results)
        .map_err(|source| EvalError::Results { path: args.results.clone(), source })?;
    let mut kept = KeptBack { hidden: Hidden::begin(&args.private, &args.model)?, ..KeptBack::default() };
    let (file, measured) = (results.file, results.measured);
    if let Some(limit) = &measured.limit {
        warn(
            manner,
            &format!(
                "only a part of each task was asked (limit {limit}); the statement will say so with the tool"
            ),
        );
    }
    let metrics = demanded(measured.metrics, &args.threshold)?;
    let materials = MaterialArgs {
        hash_cache: None,
        data: args.data.clone(),
        base: Vec::new(),
        adapter: Vec::new(),
        code: args.code.clone(),
        relation: None,
        threads: args.threads,
    };
    let found = Materials::find(&args.model, &materials, manner)?;
    let open = publication.open()?;
    let hashed = found.hash(&materials, manner)?;

    let name = label("", file.name()).trim_start_matches('/').parse().map_err(EvalError::from)?;
    let mut file = ResultsFile::new(name, file.sha256(), file.bytes());
    if let Some(tool) = measured.tool {
        file = file.with_tool(tool).map_err(EvalError::from)?;
    }
    let outcome = args.result.map(Into::into);
    // What is wrong with it is told by its own words, not by what hides them.
    let shown = Evaluation::new(outcome, file.clone(), metrics.clone(), hashed.inputs.clone());
    shown.map_err(EvalError::from)?;
    let hidden = &mut kept.hidden;
    let file = hidden.results(file)?;
    let (metrics, inputs) = (hidden.metrics(metrics)?, hidden.inputs(hashed.inputs.clone())?);
    let mut evaluation = Evaluation::new(outcome, file, metrics, inputs).map_err(EvalError::from)?;
    if let Some(url) = &args.url {
        evaluation = evaluation.with_url(hidden.place(url.clone())?);
    }
    let (name, version) = (args.name_version.name(), args.name_version.version());
    let statement = read_back(&evaluation.to_statement_bytes(name, version, hashed.model.tree().digest()))?;
    open.finish(statement, None, &mut kept, || hashed.refuse_change(), manner)
}

/// The metrics, each with what is demanded of it.
fn demanded(mut metrics: Vec<Metric>, demands: &[Demand]) -> Result<Vec<Metric>, EvalError> {
    for demand in demands {
        let name = || demand.metric.clone();
        let found: Vec<usize> = (0..metrics.len())
            .filter(|at| metrics.get(*at).is_some_and(|metric| demand.is_about(metric)))
            .collect();
        match found.as_slice() {
            [] => return Err(EvalError::NoMetric { name: name() }),
            [at] => {
                let metric = metrics.remove(*at);
                metrics.push(metric.with_threshold(demand.threshold.clone()));
            }
            several => return Err(EvalError::Ambiguous { name: name(), count: several.len() }),
        }
    }
    Ok(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demands_are_read_as_typed() {
        let demand = |text: &str| text.parse::<Demand>();
        let read = demand("hellaswag/acc,none>=0.50").expect("a demand");
        assert_eq!(read.metric, "hellaswag/acc,none");
        assert_eq!(
            (read.threshold.comparator(), read.threshold.number().as_str()),
            (Comparator::AtLeast, "0.50")
        );
        for (text, comparator) in [("a<1", "<"), ("a <= 1", "<="), ("a=1", "="), ("a>1", ">")] {
            assert_eq!(demand(text).expect(text).threshold.comparator().as_str(), comparator);
        }
        for text in ["a", "a==1", "a=>1", "a<>1", "a=!1"] {
            assert!(demand(text).is_err(), "{text}");
        }
        assert_eq!(demand("a>=high"), Err(DemandError::Number(NumberError::BadSyntax)));
    }
}
