//! The command line: flags as written, and the rules between them.
//!
//! Every option can also be set by an environment variable `TALLYMARK_*`. What is typed wins, over its own
//! variable and over the variable of a flag that it excludes ([`exclusive`]): a variable set for the whole
//! shell must not forbid a flag, and must not quietly undo it either.
//!
//! In scope: names, values, help. Out of scope: what they cause, which is one module per command.

mod beside;
mod commands;
mod datasets;
mod events;
mod exec;
mod gate;
mod lineage;
mod named_path;
mod pack;
mod scan;
mod statements;
mod status;
mod trust;
mod verdicts;
mod views;

use std::ffi::OsString;

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use self::beside::BesideArgs;
pub(crate) use self::commands::{
    AttestArgs, AttestCommand, GatherArgs, KeygenArgs, LogArgs, MaterialArgs, PrivateArgs, PrivateLevel,
    PublishArgs, RelationName, RunArgs, SignArgs, SubmitArgs, TrainArgs,
};
pub(crate) use self::datasets::{CheckFileArgs, DatasetArgs, ProveFileArgs};
pub(crate) use self::events::{
    AliasArgs, ApproveArgs, DeployArgs, EventArgs, PromoteArgs, ReinstateArgs, RejectArgs, RevokeArgs,
    SupersedeArgs, TransferArgs, WaiveArgs, digest,
};
pub(crate) use self::exec::ExecArgs;
pub(crate) use self::gate::{GateArgs, GateFormat};
pub(crate) use self::lineage::{LineageArgs, LineageFormat};
pub(crate) use self::named_path::NamedPath;
pub(crate) use self::pack::PackArgs;
pub(crate) use self::scan::{Allowed, ScanArgs, ScanFormat};
pub(crate) use self::statements::{EvalArgs, TransformArgs, TransformName};
pub(crate) use self::status::StatusArgs;
pub(crate) use self::trust::{TrustAddArgs, TrustArgs, TrustCommand, TrustListArgs, TrustRemoveArgs};
pub(crate) use self::verdicts::VerdictArgs;
pub(crate) use self::views::{
    BomArgs, BomFormat, CompletionsArgs, DiffArgs, HashArgs, HelpArgs, InspectArgs, ManArgs, SchemaArgs,
    SchemaName, SearchArgs, VerifyArgs, VersionArgs,
};

/// Pairs of a command's arguments of which only one may be typed. A dry run is in none: it is the whole command
/// line with one word more.
const EXCLUSIVE: [(&str, &str, &str); 29] = [
    ("keygen", "unencrypted", "passphrase_file"),
    ("sign", "oms", "private"),
    ("submit", "log_key", "trust"),
    ("search", "log_key", "trust"),
    ("status", "log_key", "trust"),
    ("verify", "oms", "online"),
    ("verify", "no_download", "online"),
    ("verify", "partial", "attest"),
    ("verify", "partial", "no_download"),
    ("verify", "partial", "oms"),
    ("verify", "partial", "online"),
    ("verify", "partial", "trust_cache"),
    ("hash", "files", "json"),
    ("verify", "quiet", "json"),
    ("verify", "pending", "log"),
    ("diff", "other", "data"),
    ("diff", "other", "base"),
    ("diff", "other", "code"),
    ("verify", "oms", "trust"),
    ("verify", "oms", "bundle"),
    ("verify", "oms", "lineage"),
    ("verify", "oms", "state"),
    ("verify", "state", "no_state"),
    ("gate", "state", "no_state"),
    ("exec", "state", "no_state"),
    ("verify", "oms", "name"),
    ("verify", "oms", "version"),
    ("verify", "oms_key", "oms_ca"),
    ("bom", "check", "profile"),
];

/// Commands that sign and publish.
const PUBLISHING: [&str; 13] = [
    "sign",
    "run",
    "scan",
    "approve",
    "reject",
    "promote",
    "transfer",
    "deploy",
    "supersede",
    "revoke",
    "reinstate",
    "waive",
    "alias",
];

/// Such pairs of each of them.
const EXCLUSIVE_IN_PUBLISHING: [(&str, &str); 4] =
    [("pending", "log"), ("pending", "log_key"), ("pending", "trust"), ("log_key", "trust")];

/// The pairs of the command of that name.
fn exclusive(command: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own =
        EXCLUSIVE.into_iter().filter(move |(of, ..)| *of == command).map(|(_, one, other)| (one, other));
    let publishing = EXCLUSIVE_IN_PUBLISHING.into_iter().filter(|_| PUBLISHING.contains(&command));
    own.chain(publishing.collect::<Vec<_>>())
}

/// Signs AI models and puts the signature where everybody can check it: a transparency log.
#[derive(Debug, Parser)]
#[command(
    name = "tallymark",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit status: 0 done; 1 checked and false; 2 wrong use; 3 refused; 4 cannot decide, such as a log that \
                  does not answer; 5 input or output failed; 130 interrupted.\n\n\
                  Example:\n  tallymark keygen\n  tallymark sign ./churn --as acme/churn:2026.1 --data train=./data \
                  --log https://log.example.org"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) manner: Manner,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to speak. Data goes to standard output, words to standard error.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Manner")]
pub(crate) struct Manner {
    /// Say nothing on standard error but errors and questions
    #[arg(short, long, global = true, env = "TALLYMARK_QUIET", value_parser = BoolishValueParser::new())]
    pub(crate) quiet: bool,
    /// Show no progress bar; there is none anyway where standard error is no terminal
    #[arg(long, global = true, env = "TALLYMARK_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub(crate) no_progress: bool,
    /// Colour in errors; `auto` obeys NO_COLOR
    #[arg(
        long,
        global = true,
        env = "TALLYMARK_COLOR",
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(crate) color: Color,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Keygen(KeygenArgs),
    Sign(SignArgs),
    Run(RunArgs),
    Attest(AttestArgs),
    Approve(ApproveArgs),
    Reject(RejectArgs),
    Promote(PromoteArgs),
    Transfer(TransferArgs),
    Deploy(DeployArgs),
    Supersede(SupersedeArgs),
    Revoke(RevokeArgs),
    Reinstate(ReinstateArgs),
    Waive(WaiveArgs),
    Alias(AliasArgs),
    ProveFile(ProveFileArgs),
    CheckFile(CheckFileArgs),
    Scan(ScanArgs),
    Submit(SubmitArgs),
    Search(SearchArgs),
    Status(StatusArgs),
    Verify(VerifyArgs),
    Gate(GateArgs),
    Exec(ExecArgs),
    Pack(PackArgs),
    Trust(TrustArgs),
    Diff(DiffArgs),
    Bom(BomArgs),
    Lineage(LineageArgs),
    Inspect(InspectArgs),
    Hash(HashArgs),
    Help(HelpArgs),
    Schema(SchemaArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Version(VersionArgs),
}

/// The whole command line as clap knows it.
pub(crate) fn command() -> clap::Command {
    // Help shows the variables' names, not what they hold: help ends up in issues and logs.
    let quiet_about_values = |command: clap::Command| command.mut_args(|arg| arg.hide_env_values(true));
    quiet_about_values(Cli::command())
        .mut_subcommands(|sub| quiet_about_values(sub).mut_subcommands(quiet_about_values))
}

/// Reads the command line.
///
/// # Errors
/// What clap says, among it requests for help and version; [`ErrorKind::ArgumentConflict`] by [`exclusive`].
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut command = command();
    let matches = command.try_get_matches_from_mut(&args)?;
    let Some((name, given)) = matches.subcommand() else {
        return Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command));
    };
    let mut overruled = Vec::new();
    for (one, other) in exclusive(name) {
        match (given.value_source(one), given.value_source(other)) {
            (Some(ValueSource::CommandLine), Some(ValueSource::CommandLine)) => {
                let words = format!("the argument '{}' cannot be used with '{}'", flag(one), flag(other));
                let command = match command.find_subcommand_mut(name) {
                    Some(subcommand) => subcommand,
                    None => &mut command,
                };
                return Err(command.error(ErrorKind::ArgumentConflict, words));
            }
            (Some(ValueSource::CommandLine), Some(ValueSource::EnvVariable)) => overruled.push(other),
            (Some(ValueSource::EnvVariable), Some(ValueSource::CommandLine)) => overruled.push(one),
            _ => {}
        }
    }
    let mut command = without_variables(name, &overruled);
    let matches = command.try_get_matches_from_mut(&args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The command line with arguments of one command that no variable sets.
fn without_variables(name: &str, ids: &[&str]) -> clap::Command {
    let silence = |command: clap::Command, id: &str| command.mut_arg(id, |arg| arg.env(Resettable::Reset));
    ids.iter().fold(command(), |command, id| {
        let is_own = |sub: &clap::Command| sub.get_arguments().any(|arg| arg.get_id() == id);
        if command.find_subcommand(name).is_some_and(is_own) {
            command.mut_subcommand(name, |sub| silence(sub, id))
        } else {
            silence(command, id)
        }
    })
}

fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &str) -> Result<Cli, clap::Error> {
        read(words.split(' ').map(Into::into))
    }

    #[test]
    fn command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn every_option_of_every_command_has_a_variable_named_after_the_program() {
        for command in command().get_subcommands().chain([&command()]) {
            for arg in
                command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"))
            {
                let variable = arg.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                assert!(
                    variable.starts_with("TALLYMARK_"),
                    "{} {}: {variable:?}",
                    command.get_name(),
                    arg.get_id()
                );
            }
        }
    }

    #[test]
    fn every_command_ends_its_help_with_an_example() {
        for command in command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.starts_with("Example:\n  "), "{}", command.get_name());
        }
    }

    #[test]
    fn every_conflict_names_arguments_that_exist() {
        let mut all = command();
        all.build();
        for name in EXCLUSIVE.iter().map(|(name, ..)| *name).chain(PUBLISHING) {
            let command = all.find_subcommand(name).expect("a command of that name");
            for id in exclusive(name).flat_map(|(one, other)| [one, other]) {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{name} {id}");
            }
        }
    }

    #[test]
    fn conflicting_flags_are_refused() {
        let refused =
            read_words("tallymark keygen --unencrypted --passphrase-file f").expect_err("a conflict");
        assert_eq!(refused.kind(), ErrorKind::ArgumentConflict);
    }
}
