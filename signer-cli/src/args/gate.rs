//! The arguments of `gate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use attest::event::EventLabel;
use attest::utc_time::UtcTime;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::BesideArgs;

/// Judge many models at once, for a pipeline that must stop before a bad one goes on
///
/// Each model is judged as `tallymark verify` does, offline, with one trust file for all. A model without a bundle is not verified; none
/// is skipped. In a job of GitHub Actions `--format github` annotates the files, and a table goes to the job's summary.
///
/// Exit status 0: every model is verified. Otherwise that of the worst: 1 something is false, 3 refused by the requirements, 4 not
/// decided, 5 not read.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark gate ./churn ./ranker.gguf --trust tallymark.toml\n  tallymark gate --each ./models --report \
                  sarif=gate.sarif --report junit=gate.xml\n  git diff --name-only main -- models | xargs -n1 dirname | sort -u | tallymark \
                  gate -"
)]
pub(crate) struct GateArgs {
    /// Directories or single files, each a model; `-` for a list on standard input, one path per line
    #[arg(env = "TALLYMARK_MODELS", value_name = "DIR|FILE", required = true, value_delimiter = '\n')]
    pub(crate) models: Vec<PathBuf>,
    /// Everything in the directories that are named is a model, but for what begins with a dot and for the bundles of single files
    #[arg(long, env = "TALLYMARK_EACH", value_parser = BoolishValueParser::new())]
    pub(crate) each: bool,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// What the models are for: rules of the trust file for other stages do not apply [default: the trust file's stage, else every rule
    /// applies]
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "LABEL")]
    pub(crate) stage: Option<EventLabel>,
    /// Judge what begins or ends as of this time, as 2026-11-27T08:00:00Z [default: now]
    #[arg(long, env = "TALLYMARK_AT", value_name = "TIME")]
    pub(crate) at: Option<UtcTime>,
    /// Say what is not verified and end with 0 all the same, for the time until the pipeline may stop; a wrong command line and a list
    /// without models still fail
    #[arg(long, env = "TALLYMARK_WARN", value_parser = BoolishValueParser::new())]
    pub(crate) warn: bool,
    /// What to print
    #[arg(long, env = "TALLYMARK_GATE_FORMAT", value_enum, default_value = "human")]
    pub(crate) format: GateFormat,
    /// Also write this file: `sarif=gate.sarif`; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_GATE_REPORT", value_name = "FORMAT=FILE", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) report: Vec<ReportFile>,
    /// Believe this file's digests of large files that have not changed since, and keep others in it; the verdict says how many files were not
    /// read
    #[arg(long, env = "TALLYMARK_TRUST_CACHE", value_name = "FILE")]
    pub(crate) trust_cache: Option<PathBuf>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// How to say what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateFormat {
    /// Rows for people
    Human,
    /// JSON, as spec/verification.md has it
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for test dashboards
    Junit,
    /// Commands of GitHub Actions that annotate files
    Github,
}

/// A file to write a report to.
#[derive(Clone, Debug)]
pub(crate) struct ReportFile {
    pub(crate) format: GateFormat,
    pub(crate) path: PathBuf,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((format, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
            return Err("want FORMAT=FILE, as sarif=gate.sarif".to_owned());
        };
        let format = GateFormat::from_str(format, false)
            .map_err(|_| format!("no format {format:?}, want human, json, sarif, junit or github"))?;
        Ok(Self { format, path: path.into() })
    }
}
