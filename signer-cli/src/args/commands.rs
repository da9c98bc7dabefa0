//! The arguments of the commands that make a key or a provenance, in the order of the help, and what all that sign share.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attest::key::Algorithm;
use attest::model_name::NameVersion;
use attest::name_pattern::NamePattern;
use attest::provenance::Relation;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Subcommand, ValueEnum};

use super::{DatasetArgs, EvalArgs, NamedPath, TransformArgs};
use crate::gather::FactSource;

/// Make a key pair for signing
///
/// Writes the private key, which nobody but you can read, and beside it the public key with `.pub` added to its
/// name. Never overwrites. Prints what belongs into the trust file of those who shall believe you.
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
#[derive(Args, Clone, Debug)]
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
/// Hashes the model and the inputs, signs a statement that binds them, submits the entry that follows from it
/// to the log, checks the log's answer as a stranger would, and only then writes `tallymark.jsonl` into the
/// model's directory (for a single file, `FILE.tallymark.jsonl` beside it). If anything fails, nothing is
/// written.
///
/// What is logged is public for ever: the name, the version label, digests, your public key. On a terminal you
/// are asked once; elsewhere there is no question. --dry-run shows what it would be.
///
/// The log's answer is checked with --log-key, or with the policy of the trust file: --trust, else
/// TALLYMARK_TRUST, else ./tallymark.toml, else $XDG_CONFIG_HOME/tallymark/tallymark.toml.
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
    #[command(flatten)]
    pub(crate) materials: MaterialArgs,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
    /// Also write an OMS signature, which other tools read; needs an ECDSA key [default file: model.sig in the model, or
    /// FILE.model.sig beside a file]
    #[arg(long, env = "TALLYMARK_OMS", value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) oms: Option<Option<PathBuf>>,
    /// Private key for the OMS signature: P-256, P-384 or P-521 [default: --key, if that is P-256]
    #[arg(long, env = "TALLYMARK_OMS_KEY", value_name = "FILE", requires = "oms")]
    pub(crate) oms_key: Option<PathBuf>,
}

/// What a model was made from.
#[derive(Args, Debug)]
pub(crate) struct MaterialArgs {
    /// A dataset it was made from, and what to call it; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_DATA", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) data: Vec<NamedPath>,
    /// A base model it was made from, and what to call it; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_BASE", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) base: Vec<NamedPath>,
    /// Adapters it was made from; only `attest transform` has some.
    #[arg(skip)]
    pub(crate) adapter: Vec<NamedPath>,
    /// Git checkout of the code it was made by: commit, tree, and every file that git does not ignore
    #[arg(long, env = "TALLYMARK_CODE", value_name = "DIR")]
    pub(crate) code: Option<PathBuf>,
    /// How the model came out of its inputs [default: finetune with --base, else pretrain]
    #[arg(long, env = "TALLYMARK_RELATION", value_enum, value_name = "RELATION")]
    pub(crate) relation: Option<RelationName>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Take digests of large files that have not changed from this file, and keep others in it; the statement says how many.
    /// Believes the file system's times
    #[arg(long, env = "TALLYMARK_HASH_CACHE", value_name = "FILE")]
    pub(crate) hash_cache: Option<PathBuf>,
}

/// What a statement commits to instead of showing it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PrivateArgs {
    /// Show salted commitments instead of names, paths and places; with `=digests` also instead of the inputs' digests. What
    /// opens them is written into a file that stays with you. With `=entry` it is the log that shows a kind and a key and no
    /// more; may be joined: `=names,entry`. Whoever watches his name in the log then sees nothing of it, and has to watch his keys
    #[arg(long, env = "TALLYMARK_PRIVATE", value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "names", value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) private: Vec<PrivateLevel>,
    /// That file [default: beside the model, `NAME.openings.jsonl`]
    #[arg(long, env = "TALLYMARK_OPENINGS", value_name = "FILE")]
    pub(crate) openings: Option<PathBuf>,
    /// Model or bundle file with a private entry about the same model, under whose salt this is logged [default: the bundle
    /// file that the signature goes into]
    #[arg(long, env = "TALLYMARK_SALT_OF", value_name = "PATH")]
    pub(crate) salt_of: Option<PathBuf>,
}

impl PrivateArgs {
    /// How much of the statement is private.
    pub(crate) fn level(&self) -> Option<PrivateLevel> {
        let asked = |level| self.private.contains(&level).then_some(level);
        asked(PrivateLevel::Digests).or(asked(PrivateLevel::Names))
    }

    /// Whether the log is to show neither name nor digest.
    pub(crate) fn hides_entry(&self) -> bool {
        self.private.contains(&PrivateLevel::Entry)
    }
}

/// What is private, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrivateLevel {
    /// Names of inputs, paths, places
    Names,
    /// These, and the digests and sizes of inputs
    Digests,
    /// Name and digests in the log
    Entry,
}

/// How a statement is signed and made public.
#[derive(Args, Debug)]
pub(crate) struct PublishArgs {
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
    /// File whose first line is the token the log wants [otherwise: $TALLYMARK_LOG_TOKEN, if it is set]
    #[arg(long, env = "TALLYMARK_LOG_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
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

/// Which records of other tools a statement takes facts from.
#[derive(Args, Debug)]
pub(crate) struct GatherArgs {
    /// A source of facts: `dvc`, `mlflow:RUN`, `mlflow:RUN@DIR`, `wandb:DIR`, `environment:DIR`, `site-packages:DIR`, `hardware`,
    /// `sagemaker:FILE`, `kitfile:FILE`, `datasheet:FILE`, `croissant:FILE`, ...; may be repeated. The model's own weights and
    /// card are always read. In the variable: one per line
    #[arg(long, env = "TALLYMARK_FROM", value_name = "SOURCE", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) from: Vec<FactSource>,
    /// Sign nothing if a source cannot be read in full
    #[arg(long, env = "TALLYMARK_STRICT", value_parser = BoolishValueParser::new())]
    pub(crate) strict: bool,
    /// Sign a kind of fact that is left out because it may be about people: `run.user`; may be repeated
    #[arg(long, env = "TALLYMARK_ALLOW", value_name = "TOPIC.KEY", value_delimiter = ' ', action = ArgAction::Append)]
    pub(crate) allow: Vec<String>,
}

/// State what is known of a model, after the fact
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark attest train ./churn --as acme/churn:2026.1 --from mlflow:9c1f --data train=./data --log \
                  https://log.example.org"
)]
pub(crate) struct AttestArgs {
    #[command(subcommand)]
    pub(crate) what: AttestCommand,
}

/// What is stated.
#[derive(Debug, Subcommand)]
pub(crate) enum AttestCommand {
    Train(TrainArgs),
    Transform(TransformArgs),
    Eval(EvalArgs),
    Dataset(DatasetArgs),
}

/// Sign a model with what trackers recorded of its training, and log the signature
///
/// Like `sign`, and adds facts: parameters, metrics, packages, hardware, commits, each with its grade and the file it was read
/// from. `observed` is what was hashed or measured here, `imported` what a tool wrote down, `declared` what a text says. What
/// may be about people or machines is left out unless --allow names it. --dry-run shows all of it.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark attest train ./churn --as acme/churn:2026.1 --from mlflow:9c1f --from environment \
                  --data train=./data --code . --log https://log.example.org"
)]
pub(crate) struct TrainArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Name and version label: `acme/churn:2026.1`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    #[command(flatten)]
    pub(crate) gather: GatherArgs,
    #[command(flatten)]
    pub(crate) materials: MaterialArgs,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
}

/// Start a training, watch what goes in and comes out, and sign the result
///
/// Hashes the inputs, starts the program, hashes them again (one that changed is an error), reads the sources of facts, and
/// signs and logs what the program left in --out. A program that fails leaves nothing signed, and its exit status is ours.
/// With --json what the program prints goes to standard error.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark run --out ./churn --as acme/churn:2026.1 --data train=./data --code . --from hardware \
                  --from environment --log https://log.example.org -- python train.py"
)]
pub(crate) struct RunArgs {
    /// Directory that the program fills; new or empty
    #[arg(long, env = "TALLYMARK_OUT", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name and version label: `acme/churn:2026.1`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    #[command(flatten)]
    pub(crate) gather: GatherArgs,
    /// Sign all arguments as they are; otherwise values are left out, as they may be secret
    #[arg(long, env = "TALLYMARK_KEEP_ARGS", value_parser = BoolishValueParser::new())]
    pub(crate) keep_args: bool,
    /// Write down here which files the program opened, and sign the list's digest; strace watches, and slows what opens much
    #[arg(long, env = "TALLYMARK_READ_SET", value_name = "FILE")]
    pub(crate) read_set: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) materials: MaterialArgs,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
    /// The program and its arguments
    #[arg(env = "TALLYMARK_PROGRAM", value_name = "PROGRAM", required = true, last = true, value_delimiter = None)]
    pub(crate) program: Vec<String>,
}

/// Complete what was signed with --pending
///
/// Sends the entries of pending lines to the log and puts its proofs in. Needs no private key: the entry was
/// signed when the statement was. Checks each answer as `sign` does; a line whose answer does not hold stays
/// pending.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark submit ./churn --log https://log.example.org --trust tallymark.toml"
)]
pub(crate) struct SubmitArgs {
    /// Directory or single file of the model; or a bundle file that --out made, with events about a model that is elsewhere
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}
