//! The arguments of `attest transform` and `attest eval`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attest::evaluation::TestOutcome;
use attest::model_name::NameVersion;
use attest::provenance::SourceUri;
use clap::{ArgAction, Args, ValueEnum};

use super::named_path::parent;
use super::{GatherArgs, NamedPath, PrivateArgs, PublishArgs, RelationName};
use crate::eval::Demand;

/// Sign a model that was computed from others, and log the signature
///
/// Quantised, merged, converted, distilled from, or an adapter for the models given with --parent. Like `attest train`
/// in all else.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark attest transform --relation quantize --parent ./churn --out ./churn-q4 --as \
                  acme/churn-q4:2026.1 --log https://log.example.org"
)]
pub(crate) struct TransformArgs {
    /// How the model came out of its parents
    #[arg(long, env = "TALLYMARK_RELATION", value_enum, value_name = "RELATION")]
    pub(crate) relation: TransformName,
    /// A model it was made from, and what to call it [default: as its directory is called]; may be repeated. In the
    /// variable: one per line
    #[arg(long, env = "TALLYMARK_PARENT", value_name = "[NAME=]PATH", value_delimiter = '\n', action = ArgAction::Append,
          required = true, value_parser = parent)]
    pub(crate) parent: Vec<NamedPath>,
    /// An adapter that was merged in; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_ADAPTER", value_name = "[NAME=]PATH", value_delimiter = '\n', action = ArgAction::Append,
          value_parser = parent)]
    pub(crate) adapter: Vec<NamedPath>,
    /// Directory or single file of the model
    #[arg(long, env = "TALLYMARK_OUT", value_name = "DIR|FILE")]
    pub(crate) out: PathBuf,
    /// Name and version label: `acme/churn-q4:2026.1`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    /// A dataset that was used, such as one to calibrate with; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_DATA", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) data: Vec<NamedPath>,
    /// Git checkout of the code that did it
    #[arg(long, env = "TALLYMARK_CODE", value_name = "DIR")]
    pub(crate) code: Option<PathBuf>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) gather: GatherArgs,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
}

/// The relations to models that are given, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransformName {
    /// Small weights to lay over a base model
    Adapter,
    /// Several models made one
    Merge,
    /// Same model, smaller numbers
    Quantize,
    /// Taught by another model
    Distill,
    /// Same numbers, other file format
    Convert,
}

impl From<TransformName> for RelationName {
    fn from(name: TransformName) -> Self {
        match name {
            TransformName::Adapter => Self::Adapter,
            TransformName::Merge => Self::Merge,
            TransformName::Quantize => Self::Quantize,
            TransformName::Distill => Self::Distill,
            TransformName::Convert => Self::Convert,
        }
    }
}

/// State how a model did in an evaluation
///
/// Reads the results that lm-evaluation-harness writes, or a file like `{"auc": 0.91}`. Numbers are signed as the text they
/// are; a threshold that is missed makes the result FAILED.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark attest eval results.json --model ./churn --as acme/churn:2026.1 --data test=./test \
                  --threshold 'auc>=0.9' --log https://log.example.org"
)]
pub(crate) struct EvalArgs {
    /// File with the results
    #[arg(env = "TALLYMARK_RESULTS", value_name = "RESULTS")]
    pub(crate) results: PathBuf,
    /// Directory or single file of the model that was tested
    #[arg(long, env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Name and version label: `acme/churn:2026.1`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    /// A dataset it was tested on, and what to call it; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_DATA", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) data: Vec<NamedPath>,
    /// Git checkout of the test suite
    #[arg(long, env = "TALLYMARK_CODE", value_name = "DIR")]
    pub(crate) code: Option<PathBuf>,
    /// What a metric must be: `auc>=0.9`, `hellaswag/acc,none>0.5`; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_THRESHOLD", value_name = "[DATA/]METRIC>=NUMBER", value_delimiter = '\n',
          action = ArgAction::Append)]
    pub(crate) threshold: Vec<Demand>,
    /// What came of it [default: passed, and failed if a threshold is missed]
    #[arg(long, env = "TALLYMARK_RESULT", value_enum, value_name = "RESULT")]
    pub(crate) result: Option<OutcomeName>,
    /// Where the test run can be looked at
    #[arg(long, env = "TALLYMARK_URL", value_name = "URL")]
    pub(crate) url: Option<SourceUri>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
}

/// What came of a test, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutcomeName {
    /// As it should be
    Passed,
    /// As it should be, but somebody should look
    Warned,
    /// Not as it should be
    Failed,
}

impl From<OutcomeName> for TestOutcome {
    fn from(name: OutcomeName) -> Self {
        match name {
            OutcomeName::Passed => Self::Passed,
            OutcomeName::Warned => Self::Warned,
            OutcomeName::Failed => Self::Failed,
        }
    }
}
