//! The arguments with which `verify` signs what it found.

use std::path::PathBuf;

use attest::provenance::SourceUri;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::commands::KeyArgs;
use super::{LogArgs, PublishArgs};

/// Whether and how a verdict is signed. Without `--attest` the others mean nothing: variables set for a whole shell must not make a
/// plain `verify` wrong.
#[derive(Args, Debug)]
#[command(next_help_heading = "Signing the verdict")]
pub(crate) struct VerdictArgs {
    /// Sign that the model is verified, as a SLSA verification summary, and log the signature. Of a model that is not, nothing is signed
    #[arg(long, env = "TALLYMARK_ATTEST_VERDICT", value_parser = BoolishValueParser::new(), requires = "verifier",
          conflicts_with_all = ["at", "oms", "no_download"])]
    pub(crate) attest: bool,
    /// Whom others are to know you by as a verifier: `https://gate.example.org/`
    #[arg(long, env = "TALLYMARK_VERIFIER", value_name = "URI")]
    pub(crate) verifier: Option<SourceUri>,
    /// Where others fetch the model [default: NAME and VERSION as pkg:generic]
    #[arg(long, env = "TALLYMARK_RESOURCE_URI", value_name = "URI")]
    pub(crate) resource_uri: Option<SourceUri>,
    /// Where the trust file can be found [default: its digest, as a URI]
    #[arg(long, env = "TALLYMARK_POLICY_URI", value_name = "URI")]
    pub(crate) policy_uri: Option<SourceUri>,
    /// Bundle file to add to [default: the one that was read]
    #[arg(long, env = "TALLYMARK_OUT", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// Where the log takes entries [default: the address in the trust file's policy, if it has one]
    #[arg(long, env = "TALLYMARK_LOG", value_name = "URL")]
    log: Option<String>,
    /// File whose first line is the token the log wants [otherwise: $TALLYMARK_LOG_TOKEN, if it is set]
    #[arg(long, env = "TALLYMARK_LOG_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Publish without asking
    #[arg(short, long, env = "TALLYMARK_YES", value_parser = BoolishValueParser::new())]
    yes: bool,
    /// Sign now and submit later with `tallymark submit`; no log is asked
    #[arg(long, env = "TALLYMARK_PENDING", value_parser = BoolishValueParser::new())]
    pending: bool,
    /// Print what would be signed and what would be public; sign, send and write nothing
    #[arg(long, env = "TALLYMARK_DRY_RUN", value_parser = BoolishValueParser::new())]
    dry_run: bool,
}

impl VerdictArgs {
    /// How to sign and publish, with so many seconds for the log, which is one that the verdict's own trust file knows.
    pub(crate) fn publish(&self, trust: Option<PathBuf>, timeout: u64, json: bool) -> PublishArgs {
        PublishArgs {
            key: self.key.clone(),
            log: LogArgs {
                log: self.log.clone(),
                log_key: None,
                trust,
                timeout,
                token_file: self.token_file.clone(),
                yes: self.yes,
            },
            pending: self.pending,
            dry_run: self.dry_run,
            json,
        }
    }
}
