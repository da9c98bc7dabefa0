//! The arguments of `status`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// Fetch what a log knows to have been said about a model, and keep it beside the model
///
/// The log says of each digest which events mention it (approvals, withdrawals and the like), signed, with a proof that there are no
/// others. It is checked and put into the bundle file as one line; an older one of the same log is replaced. From then on nobody
/// can leave a withdrawal out of that file unnoticed, and a verifier without a network knows how old that knowledge is. The files of the
/// model are not read.
///
/// An event that is not in the bundle file is named, and the exit status is 3: ask whoever signed it for the line.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark status ./churn --log https://log.example.org --trust tallymark.toml\n  tallymark verify \
                  ./churn --trust tallymark.toml"
)]
pub(crate) struct StatusArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Where the log is [default: the address in the policy, if it has one]
    #[arg(long, env = "TALLYMARK_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// The log's key, as `tallymark-log init` prints it: `name+id+key`
    #[arg(long, env = "TALLYMARK_LOG_KEY", value_name = "VKEY")]
    pub(crate) log_key: Option<String>,
    /// Trust file whose policy names the log
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Seconds to wait for the log, all attempts together
    #[arg(long, env = "TALLYMARK_TIMEOUT", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Show it and write nothing
    #[arg(long, env = "TALLYMARK_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}
