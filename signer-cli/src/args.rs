//! The command line: flags as written, and the rules between them.
//!
//! Every option can also be set by an environment variable `TALLYMARK_*`; a flag wins over its variable. Rules between
//! flags ([`CONFLICTS`]) count only what was typed: a variable set for the whole shell must not forbid a flag.
//!
//! In scope: names, values, help. Out of scope: what they cause, which is one module per command.

use std::path::PathBuf;

use attest::key::Algorithm;
use attest::model_name::{ModelName, NameVersion, VersionLabel};
use attest::provenance::{InputName, InputNameError, Relation};
use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use verifier::name_pattern::NamePattern;

/// Pairs of a command's arguments of which only one may be typed.
const CONFLICTS: [(&str, &str, &str); 10] = [
    ("keygen", "unencrypted", "passphrase_file"),
    ("sign", "pending", "log"),
    ("sign", "pending", "log_key"),
    ("sign", "pending", "dry_run"),
    ("sign", "pending", "trust"),
    ("sign", "dry_run", "log"),
    ("sign", "log_key", "trust"),
    ("submit", "log_key", "trust"),
    ("hash", "files", "json"),
    ("verify", "quiet", "json"),
];

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
    Submit(SubmitArgs),
    Verify(VerifyArgs),
    Inspect(InspectArgs),
    Hash(HashArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Version(VersionArgs),
}

/// Make a key pair for signing
///
/// Writes the private key, which nobody but you can read, and beside it the public key with `.pub` added to its name.
/// Never overwrites. Prints what belongs into the trust file of those who shall believe you.
///
/// The private key is encrypted with a passphrase: from --passphrase-file, else from the variable
/// TALLYMARK_PASSPHRASE, else asked for twice on the terminal.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark keygen --name 'acme/*' >> tallymark.toml")]
pub(crate) struct KeygenArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Kind of key
    #[arg(long, env = "TALLYMARK_ALGORITHM", value_enum, default_value = "ed25519")]
    pub(crate) algorithm: AlgorithmName,
    /// Leave the private key unencrypted, for machines; whoever reads the file can sign
    #[arg(long, env = "TALLYMARK_UNENCRYPTED", value_parser = BoolishValueParser::new())]
    pub(crate) unencrypted: bool,
    /// Names this key may sign, as a trust file has them: `*` within one component, `**` over several
    #[arg(long, env = "TALLYMARK_PATTERN", default_value = "example/*", value_name = "PATTERN")]
    pub(crate) name: NamePattern,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Where the private key lies and what opens it.
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    /// Private key file [default: $XDG_DATA_HOME/tallymark/key.pem]
    #[arg(long, env = "TALLYMARK_KEY", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// File whose first line is the passphrase of the private key
    #[arg(long, env = "TALLYMARK_PASSPHRASE_FILE", value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// The kinds of key, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlgorithmName {
    /// Ed25519, RFC 8032
    Ed25519,
    /// ECDSA over NIST P-256 with SHA-256, for hardware and rules that know nothing else
    P256,
}

impl From<AlgorithmName> for Algorithm {
    fn from(name: AlgorithmName) -> Self {
        match name {
            AlgorithmName::Ed25519 => Self::Ed25519,
            AlgorithmName::P256 => Self::EcdsaP256,
        }
    }
}

/// Sign a model with what it was made from, and log the signature
///
/// Hashes the model and the inputs, signs a statement that binds them, submits the entry that follows from it to the log, checks
/// the log's answer as a stranger would, and only then writes `tallymark.jsonl` into the model's directory (for a single
/// file, `FILE.tallymark.jsonl` beside it). If anything fails, nothing is written.
///
/// What is logged is public for ever: the name, the version label, digests, your public key. On a terminal you are asked
/// once; elsewhere there is no question. --dry-run shows what it would be.
///
/// The log's answer is checked with --log-key, or with the policy of the trust file: --trust, else TALLYMARK_TRUST, else
/// ./tallymark.toml, else $XDG_CONFIG_HOME/tallymark/tallymark.toml.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark sign ./churn --as acme/churn:2026.1 --data train=./data --base \
                        bert=./bert-base --code . --log https://log.example.org --trust tallymark.toml"
)]
pub(crate) struct SignArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Name and version label: `acme/churn:2026.1`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    /// A dataset it was made from, and what to call it; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_DATA", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) data: Vec<NamedPath>,
    /// A base model it was made from, and what to call it; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_BASE", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) base: Vec<NamedPath>,
    /// Git checkout of the code it was made by: commit, tree, and every file that git does not ignore
    #[arg(long, env = "TALLYMARK_CODE", value_name = "DIR")]
    pub(crate) code: Option<PathBuf>,
    /// How the model came out of its inputs [default: finetune with --base, else pretrain]
    #[arg(long, env = "TALLYMARK_RELATION", value_enum, value_name = "RELATION")]
    pub(crate) relation: Option<RelationName>,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Sign now and submit later with `tallymark submit`; no log is asked
    #[arg(long, env = "TALLYMARK_PENDING", value_parser = BoolishValueParser::new())]
    pub(crate) pending: bool,
    /// Print what would be signed and what would be public; sign, send and write nothing
    #[arg(long, env = "TALLYMARK_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Which log, how it is known again, and how long to wait for it.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// Where the log takes entries [default: the address in the policy, if it has one]
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
    /// Publish without asking
    #[arg(short, long, env = "TALLYMARK_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,
}

/// How a model came out of its inputs, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RelationName {
    /// Trained from scratch
    Pretrain,
    /// Trained further
    Finetune,
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

impl From<RelationName> for Relation {
    fn from(name: RelationName) -> Self {
        match name {
            RelationName::Pretrain => Self::Pretrain,
            RelationName::Finetune => Self::Finetune,
            RelationName::Adapter => Self::Adapter,
            RelationName::Merge => Self::Merge,
            RelationName::Quantize => Self::Quantize,
            RelationName::Distill => Self::Distill,
            RelationName::Convert => Self::Convert,
        }
    }
}

/// `NAME=PATH` of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// What the statement calls it.
    pub(crate) name: InputName,
    /// Where it lies.
    pub(crate) path: PathBuf,
}

/// Why a text is not `NAME=PATH`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NamedPathError {
    #[error("{0}, want NAME=PATH")]
    Name(InputNameError),
    #[error("no path after the first =, want NAME=PATH")]
    NoPath,
    #[error("no = in it, want NAME=PATH")]
    NoSign,
}

impl std::str::FromStr for NamedPath {
    type Err = NamedPathError;

    fn from_str(text: &str) -> Result<Self, NamedPathError> {
        let (name, path) = text.split_once('=').ok_or(NamedPathError::NoSign)?;
        let name = name.parse().map_err(NamedPathError::Name)?;
        if path.is_empty() { Err(NamedPathError::NoPath) } else { Ok(Self { name, path: path.into() }) }
    }
}

/// Complete what was signed with --pending
///
/// Sends the entries of pending lines to the log and puts its proofs in. Needs no private key: the entry was signed when
/// the statement was. Checks each answer as `sign` does; a line whose answer does not hold stays pending.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark submit ./churn --log https://log.example.org --trust tallymark.toml"
)]
pub(crate) struct SubmitArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Judge a model by its bundle and a trust file, offline
///
/// The same verdict, output and exit status as `tallymark-verify`, which is a smaller program for those who only
/// verify.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark verify ./churn --trust tallymark.toml --name acme/churn")]
pub(crate) struct VerifyArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Accept only a statement about this name
    #[arg(long, env = "TALLYMARK_NAME")]
    pub(crate) name: Option<ModelName>,
    /// Accept only a statement about this version label
    #[arg(long, short = 'V', env = "TALLYMARK_VERSION", value_name = "LABEL")]
    pub(crate) version: Option<VersionLabel>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Show what is in a file, unverified
///
/// Knows bundles (`tallymark.jsonl`), log entries, tlog proofs, checkpoints and public keys. Believes everything it
/// reads and says so: only `tallymark verify` judges.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark inspect ./churn\n  curl -s https://log.example.org/checkpoint > cp && tallymark \
                        inspect cp"
)]
pub(crate) struct InspectArgs {
    /// A model, or a file of one of these kinds
    #[arg(env = "TALLYMARK_FILE", value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Print the tree digest of a model, dataset or file
///
/// One line: the digest (`model-tree/v1`, 64 hex digits), two spaces, the path.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark hash ./churn\n  tallymark hash ./churn --files")]
pub(crate) struct HashArgs {
    /// Directory or single file
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) path: PathBuf,
    /// Before it, one line per file: SHA-256, two spaces, the path, as sha256sum has it
    #[arg(long, env = "TALLYMARK_FILES", value_parser = BoolishValueParser::new())]
    pub(crate) files: bool,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Print JSON, with every file
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Print completions for a shell
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark completions bash > ~/.local/share/bash-completion/completions/tallymark"
)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(env = "TALLYMARK_SHELL", value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark man ./man && man ./man/tallymark-sign.1")]
pub(crate) struct ManArgs {
    /// Where to; made if it is not there
    #[arg(env = "TALLYMARK_MAN_DIR", value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// Print the version of the program and of the formats it writes
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark version --json")]
pub(crate) struct VersionArgs {
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// The whole command line as clap knows it.
pub(crate) fn command() -> clap::Command {
    // Help shows the variables' names, not what they hold: help ends up in issues and logs.
    let quiet_about_values = |command: clap::Command| command.mut_args(|arg| arg.hide_env_values(true));
    quiet_about_values(Cli::command()).mut_subcommands(quiet_about_values)
}

/// Reads the command line.
///
/// # Errors
/// What clap says, among it requests for help and version; [`ErrorKind::ArgumentConflict`] by [`CONFLICTS`].
pub(crate) fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    if let Some((name, matches)) = matches.subcommand() {
        let pair = CONFLICTS
            .iter()
            .find(|(of, one, other)| *of == name && typed(matches, one) && typed(matches, other));
        if let (Some((_, one, other)), Some(command)) = (pair, command.find_subcommand_mut(name)) {
            let words = format!("the argument '{}' cannot be used with '{}'", flag(one), flag(other));
            return Err(command.error(ErrorKind::ArgumentConflict, words));
        }
    }
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn typed(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
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
        for (name, one, other) in CONFLICTS {
            let command = all.find_subcommand(name).expect("a command of that name");
            for id in [one, other] {
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

    #[test]
    fn named_path_splits_at_the_first_sign() {
        let parsed: NamedPath = "train=a=b".parse().expect("well formed");
        assert_eq!(parsed, NamedPath { name: "train".parse().expect("a name"), path: "a=b".into() });
        assert_eq!("train".parse::<NamedPath>(), Err(NamedPathError::NoSign));
        assert_eq!("=x".parse::<NamedPath>(), Err(NamedPathError::Name(InputNameError::Empty)));
        assert_eq!("x=".parse::<NamedPath>(), Err(NamedPathError::NoPath));
    }
}
