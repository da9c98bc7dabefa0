//! The arguments of `trust`.

use std::path::PathBuf;

use attest::event::EventLabel;
use attest::name_pattern::NamePattern;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Subcommand};

/// Say whom to believe: show the trust file, and change it
///
/// What is typed there by hand, comments among it, stays as it is. The changed file is read as a verifier reads it before the old one
/// is replaced.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark trust add 'acme/*' acme.pem.pub --person release --trust tallymark.toml\n  tallymark trust list\n  tallymark \
                  trust remove 'acme/*' acme.pem.pub"
)]
pub(crate) struct TrustArgs {
    #[command(subcommand)]
    pub(crate) what: TrustCommand,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Let a key sign under a name or a pattern over names
    Add(TrustAddArgs),
    /// Show logs, publishers and what the file vouches for
    List(TrustListArgs),
    /// Take a key, or all keys, of a name or pattern out
    Remove(TrustRemoveArgs),
}

/// The arguments of `trust add`.
#[derive(Args, Debug)]
pub(crate) struct TrustAddArgs {
    /// Name, or pattern over names: `acme/churn`, `acme/*`
    #[arg(env = "TALLYMARK_PATTERN", value_name = "NAME")]
    pub(crate) name: NamePattern,
    /// The key: a public key file, or its text as `tallymark keygen` prints it. Compare it with its owner over another channel first
    #[arg(env = "TALLYMARK_PUBLIC_KEY", value_name = "KEY")]
    pub(crate) key: String,
    /// Whose key it is
    #[arg(long, env = "TALLYMARK_PERSON", value_name = "LABEL")]
    pub(crate) person: Option<EventLabel>,
    /// What that person is; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_ROLES", value_name = "LABEL", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) role: Vec<EventLabel>,
    /// What the key may sign: provenance, dataset, evaluation, or a kind of event; may be repeated. In the variable: one per line
    /// [default: everything]
    #[arg(long, env = "TALLYMARK_MAY", value_name = "KIND", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) may: Vec<String>,
    /// The trust file [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// If there is no trust file yet: begin one that believes the log with this key, without witnesses
    #[arg(long, env = "TALLYMARK_LOG_KEY", value_name = "VKEY")]
    pub(crate) log_key: Option<String>,
}

/// The arguments of `trust list`.
#[derive(Args, Debug)]
pub(crate) struct TrustListArgs {
    /// The trust file [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// The arguments of `trust remove`.
#[derive(Args, Debug)]
pub(crate) struct TrustRemoveArgs {
    /// Name or pattern, spelt as in the file
    #[arg(env = "TALLYMARK_PATTERN", value_name = "NAME")]
    pub(crate) name: NamePattern,
    /// The key: a public key file, its text, or its key id [default: all keys of that name or pattern]
    #[arg(env = "TALLYMARK_PUBLIC_KEY", value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// The trust file [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}
