//! The arguments of `lineage`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attest::event::EventLabel;
use attest::utc_time::UtcTime;
use clap::{ArgAction, Args, ValueEnum};

/// Draw where a model comes from, and where that comes from
///
/// Verifies the model first, as `verify` does, and each statement about an ancestor like one about the model. Every link is shown:
/// what is verified, what the trust file vouches for, what is not known and why, what is withdrawn. The exit status is that of `verify`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark lineage ./churn --lineage ./models\n  tallymark lineage ./churn --lineage base.tallymark.jsonl \
                  --format svg --out churn.svg\n  tallymark lineage ./churn --lineage ./models --base ./models/bert"
)]
pub(crate) struct LineageArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Bundle files about what the model was made from, or a folder of them or of models; may be repeated. In the variable: one
    /// per line
    #[arg(long, env = "TALLYMARK_LINEAGE", value_name = "FILE|DIR", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) lineage: Vec<PathBuf>,
    /// A base model or adapter it was made from, as it lies here: say whether the headers of the weights speak for or against that; may be
    /// repeated. In the variable: one per line. Both models are hashed
    #[arg(long, env = "TALLYMARK_LINEAGE_BASE", value_name = "DIR|FILE", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) base: Vec<PathBuf>,
    /// How to draw it
    #[arg(long, env = "TALLYMARK_LINEAGE_FORMAT", value_enum, default_value = "tree")]
    pub(crate) format: LineageFormat,
    /// Write to this file, and not to standard output; a file that is there is replaced
    #[arg(long, env = "TALLYMARK_LINEAGE_OUT", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// What the model is for: rules of the trust file for other stages do not apply
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "LABEL")]
    pub(crate) stage: Option<EventLabel>,
    /// Judge what begins or ends as of this time, as 2026-11-27T08:00:00Z [default: now]
    #[arg(long, env = "TALLYMARK_AT", value_name = "TIME")]
    pub(crate) at: Option<UtcTime>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// How a lineage is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineageFormat {
    /// A tree of text, the model on top
    Tree,
    /// A graph for Graphviz
    Dot,
    /// A picture
    Svg,
    /// Nodes and links as JSON, as in the verdict
    Json,
}
