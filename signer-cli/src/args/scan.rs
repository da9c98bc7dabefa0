//! The arguments of `scan`.

use std::path::PathBuf;

use attest::model_name::NameVersion;
use clap::{Args, ValueEnum};

use super::PublishArgs;

/// Say what the files of a model are, and refuse those that can run code when they are loaded
///
/// A file is judged by its content, never by its name; a name that promises something else is a finding. Allowed are safetensors,
/// GGUF, ONNX, arrays of NumPy without objects, JSON, text, vocabularies and pictures. Nothing is loaded. What was not looked at is
/// listed too: an allowed file can hold a bad model.
///
/// Exit status 0: all files are allowed; 3: a file is refused.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark scan ./churn\n  tallymark scan ./churn --format sarif > churn.sarif\n  tallymark scan \
                  ./churn --attest acme/churn:2026.1 --log https://log.example.org"
)]
pub(crate) struct ScanArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// What to print
    #[arg(long, env = "TALLYMARK_SCAN_FORMAT", value_enum, default_value = "text")]
    pub(crate) format: ScanFormat,
    /// Allow also PyTorch files whose pickles name nothing but what rebuilds tensors
    #[arg(long, env = "TALLYMARK_ALLOW", value_enum, value_name = "FORMAT")]
    pub(crate) allow: Option<Allowed>,
    /// Sign what was found, whatever it is, as a statement about this model: `acme/churn:2026.1`
    #[arg(long, env = "TALLYMARK_ATTEST", value_name = "NAME:VERSION")]
    pub(crate) attest: Option<NameVersion>,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
}

/// How to print a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// Rows for people
    Text,
    /// JSON, as spec/formats.md has it
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// What may be allowed beyond the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Allowed {
    /// PyTorch files of tensors alone
    Torch,
}
