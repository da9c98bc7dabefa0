//! The arguments of `exec`.

use std::ffi::OsString;
use std::path::PathBuf;

use attest::event::EventLabel;
use attest::model_name::{ModelName, VersionLabel};
use clap::Args;

use super::BesideArgs;

/// Verify a model, then run a program on what was verified
///
/// The program reads a private copy, which is made and judged before it starts and goes when it ends: what is written to the model meanwhile does
/// not reach it. In the program's arguments the word `{}`, or else the model as it is named here, becomes the copy; it is also in the variable
/// TALLYMARK_VERIFIED_MODEL. If the model is not verified, nothing is started.
///
/// Exit status: that of the program; if it was not started, as of `tallymark verify`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark exec ./churn -- vllm serve ./churn\n  tallymark exec ./churn --name acme/churn --copy-in /dev/shm -- \
                  python serve.py --model {}"
)]
pub(crate) struct ExecArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// What the model is for: rules of the trust file for other stages do not apply [default: the trust file's stage, else every rule
    /// applies]
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "LABEL")]
    pub(crate) stage: Option<EventLabel>,
    /// Accept only a statement about this name
    #[arg(long, env = "TALLYMARK_NAME")]
    pub(crate) name: Option<ModelName>,
    /// Accept only a statement about this version label
    #[arg(long, short = 'V', env = "TALLYMARK_VERSION", value_name = "LABEL")]
    pub(crate) version: Option<VersionLabel>,
    /// Where the copy is made; it needs room for the whole model [default: the system's directory for temporary files]
    #[arg(long, env = "TALLYMARK_COPY_IN", value_name = "DIR")]
    pub(crate) copy_in: Option<PathBuf>,
    /// The program and its arguments
    #[arg(env = "TALLYMARK_PROGRAM", value_name = "PROGRAM", required = true, last = true, value_delimiter = None)]
    pub(crate) program: Vec<OsString>,
}
