//! The arguments of the commands that look: at a log, a model, a file; and of those about the program itself.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attest::event::EventLabel;
use attest::model_name::{ModelName, VersionLabel};
use attest::utc_time::UtcTime;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::{BesideArgs, NamedPath, VerdictArgs};
use crate::search::Term;

/// Find entries in a log, each proven before it is printed
///
/// Entries answer to all terms: `name=acme/churn`, `name=acme/` for all names below it, `digest=` of a statement, model or
/// file, `input=` for what was made from it, `key=` for who signed. Newest first. That none was left out is the log's
/// word. A private entry shows a key alone; with --salt-of it is found by name and digests as well.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark search name=acme/ --log https://log.example.org --trust tallymark.toml\n  tallymark \
                        search input=$(tallymark hash ./base | cut -d' ' -f1) --log https://log.example.org"
)]
pub(crate) struct SearchArgs {
    /// What to look for
    #[arg(env = "TALLYMARK_TERMS", value_name = "FIELD=VALUE", required = true, value_delimiter = ' ')]
    pub(crate) terms: Vec<Term>,
    /// Model or bundle file: private entries under its salts are found too
    #[arg(long, env = "TALLYMARK_SALT_OF", value_name = "PATH")]
    pub(crate) salt_of: Option<PathBuf>,
    /// Where the log is [default: the address in the policy, if it has one]
    #[arg(long, env = "TALLYMARK_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// The log's key, as `tallymark-log init` prints it: `name+id+key`
    #[arg(long, env = "TALLYMARK_LOG_KEY", value_name = "VKEY")]
    pub(crate) log_key: Option<String>,
    /// Trust file whose policy names the log
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Seconds to wait for each page
    #[arg(long, env = "TALLYMARK_TIMEOUT", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Print at most so many entries
    #[arg(long, env = "TALLYMARK_LIMIT", value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) limit: u64,
    /// Begin with the oldest entry
    #[arg(long, env = "TALLYMARK_OLDEST_FIRST", value_parser = BoolishValueParser::new())]
    pub(crate) oldest_first: bool,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Judge a model by its bundle and a trust file, offline
///
/// The same verdict, output and exit status as `tallymark-verify`, which is a smaller program for those who only
/// verify.
///
/// With --no-download a model on the Hugging Face hub is judged before it is fetched, by the digests that the hub has of its files. Large files
/// are not read; that the hub tells the truth is seen when they are here. The variables HF_ENDPOINT and HF_TOKEN count as they do for `hf`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark verify ./churn --trust tallymark.toml --name acme/churn\n  tallymark verify ./churn --oms \
                  --oms-key signer.pem.pub\n  tallymark verify hf://acme/churn@v2 --no-download\n  tallymark verify ./churn --attest --verifier \
                  https://gate.example.org/ --log https://log.example.org"
)]
pub(crate) struct VerifyArgs {
    /// Directory or single file of the model, or `hf://OWNER/NAME@REVISION` on the hub
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE|hf://NAME")]
    pub(crate) model: PathBuf,
    /// Judge a model on the hub without fetching it
    #[arg(long, env = "TALLYMARK_NO_DOWNLOAD", value_parser = BoolishValueParser::new())]
    pub(crate) no_download: bool,
    /// Judge the files that are here, of a directory that was not downloaded whole, and list what is missing
    #[arg(long, env = "TALLYMARK_PARTIAL", value_parser = BoolishValueParser::new())]
    pub(crate) partial: bool,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Ask each log of the policy that has an address there what it knows to have been said about the model, and hold that against the
    /// bundle file
    #[arg(long, env = "TALLYMARK_ONLINE", value_parser = BoolishValueParser::new())]
    pub(crate) online: bool,
    /// Seconds to wait for each log with --online and --attest, all attempts together
    #[arg(long, env = "TALLYMARK_TIMEOUT", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Judge the OMS signature, which other tools read too [default file: model.sig in the model, or FILE.model.sig
    /// beside a file]
    #[arg(long, env = "TALLYMARK_OMS", value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) oms: Option<Option<PathBuf>>,
    /// Believe the OMS signature of this public key, in PEM
    #[arg(long, env = "TALLYMARK_OMS_KEY", value_name = "FILE", requires = "oms")]
    pub(crate) oms_key: Option<PathBuf>,
    /// Believe OMS signatures with certificates that lead to one of these, in PEM
    #[arg(long, env = "TALLYMARK_OMS_CA", value_name = "FILE", requires = "oms")]
    pub(crate) oms_ca: Option<PathBuf>,
    /// Judge certificates at this time, as 2026-11-27T08:00:00Z [default: now]
    #[arg(long, env = "TALLYMARK_OMS_TIME", value_name = "TIME", requires = "oms")]
    pub(crate) oms_time: Option<UtcTime>,
    /// What the model is for: rules of the trust file for other stages do not apply [default: the trust file's stage, else
    /// every rule applies]
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "LABEL", conflicts_with = "oms")]
    pub(crate) stage: Option<EventLabel>,
    /// Judge what begins or ends as of this time, as 2026-11-27T08:00:00Z [default: now]
    #[arg(long, env = "TALLYMARK_AT", value_name = "TIME", conflicts_with = "oms")]
    pub(crate) at: Option<UtcTime>,
    /// Accept only a statement about this name
    #[arg(long, env = "TALLYMARK_NAME")]
    pub(crate) name: Option<ModelName>,
    /// Accept only a statement about this version label
    #[arg(long, short = 'V', env = "TALLYMARK_VERSION", value_name = "LABEL")]
    pub(crate) version: Option<VersionLabel>,
    /// Believe this file's digests of large files that have not changed since, and keep others in it; the verdict says how many files were not
    /// read
    #[arg(long, env = "TALLYMARK_TRUST_CACHE", value_name = "FILE", conflicts_with = "oms")]
    pub(crate) trust_cache: Option<PathBuf>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Print JSON; of a verdict that is signed, what was signed
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) verdict: VerdictArgs,
}

/// Show what differs between what was signed and what lies here, or between two signed models
///
/// With one model: its files against its last provenance statement, and each input that is named against the one that was
/// signed. With two: their statements, in files, inputs, parameters, packages and every other fact. Checks no signature: only
/// `tallymark verify` judges.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark diff ./churn --data train=./data --code .\n  tallymark diff \
                  ./churn-1 ./churn-2\n\nExit status 1 if something differs.")]
pub(crate) struct DiffArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// Another signed model, to compare the two statements
    #[arg(env = "TALLYMARK_OTHER", value_name = "DIR|FILE")]
    pub(crate) other: Option<PathBuf>,
    /// A dataset as it lies here, under the name it was signed with; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_DATA", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) data: Vec<NamedPath>,
    /// A base model as it lies here, under the name it was signed with; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_BASE", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) base: Vec<NamedPath>,
    /// Git checkout of the code as it lies here
    #[arg(long, env = "TALLYMARK_CODE", value_name = "DIR")]
    pub(crate) code: Option<PathBuf>,
    /// What opens private values of the statement [default: `NAME.openings.jsonl` beside the model, if it is there]
    #[arg(long, env = "TALLYMARK_OPENINGS", value_name = "FILE")]
    pub(crate) openings: Option<PathBuf>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Write the AI bill of materials of a model
///
/// Verifies the model first, as `verify` does, and writes what its statements say: identity, data, training, environment,
/// performance and bias, custody. Each value is graded and cites the log entry that proves it; what nobody said is listed as
/// missing, with the reason. If the model does not verify there is no bill, and the exit status is that of `verify`.
///
/// The same statements and the same time make the same bytes. The time is --timestamp, else that of the latest witness, else
/// the end of the run, else now.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark bom ./churn --format html --out churn.html\n  tallymark bom ./churn --check\n  tallymark \
                  bom ./churn --profile eu-annex-xi --dataset ./train"
)]
pub(crate) struct BomArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// What to write
    #[arg(long, env = "TALLYMARK_FORMAT", value_enum, default_value = "cyclonedx-1.7")]
    pub(crate) format: BomFormat,
    /// Print what a list of demands asks for, and what of it is known
    #[arg(long, env = "TALLYMARK_PROFILE", value_enum, value_name = "PROFILE")]
    pub(crate) profile: Option<ProfileName>,
    /// Print the share of fields that are verified, imported, declared, missing
    #[arg(long, env = "TALLYMARK_CHECK", value_parser = BoolishValueParser::new())]
    pub(crate) check: bool,
    /// With --check or --profile: print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
    /// Fail unless at least so many per cent of the fields are verified
    #[arg(long, env = "TALLYMARK_REQUIRE_VERIFIED", value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) require_verified: Option<u8>,
    /// Show what is private and this file opens; each such value is marked
    #[arg(long, env = "TALLYMARK_OPENINGS", value_name = "FILE")]
    pub(crate) openings: Option<PathBuf>,
    /// A dataset it was made from whose owner signed it: the data as they lie here, or their bundle file; may be repeated. In the
    /// variable: one per line
    #[arg(long, env = "TALLYMARK_DATASET", value_name = "DIR|FILE", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) dataset: Vec<PathBuf>,
    /// Write to this file, and not to standard output; a file that is there is replaced
    #[arg(long, env = "TALLYMARK_BOM_OUT", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// The time that the bill says it was made: 2026-11-27T08:00:00Z
    #[arg(long, env = "TALLYMARK_TIMESTAMP", value_name = "TIME")]
    pub(crate) timestamp: Option<UtcTime>,
    /// Write a bill of a model that does not verify; every value is then only declared, and the bill says so on top
    #[arg(long, env = "TALLYMARK_UNVERIFIED", value_parser = BoolishValueParser::new())]
    pub(crate) unverified: bool,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// What a bill is written as, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BomFormat {
    /// CycloneDX 1.7 in JSON, with a citation for each value
    #[value(name = "cyclonedx-1.7")]
    Cyclonedx1_7,
    /// CycloneDX 1.6 in JSON, for tools that do not know 1.7
    #[value(name = "cyclonedx-1.6")]
    Cyclonedx1_6,
    /// SPDX 3.0.1 in JSON-LD
    #[value(name = "spdx-3.0")]
    Spdx3,
    /// Markdown
    Markdown,
    /// One HTML page, complete in itself
    Html,
}

/// Whose demands, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileName {
    /// The six sections of the bill
    Seed,
    /// EU AI Act, Annex XI: documentation of general-purpose AI models
    EuAnnexXi,
    /// Minimum elements of an SBOM for AI, by the G7 and CISA
    G7,
}

impl From<ProfileName> for bom::profile::Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Seed => Self::Seed,
            ProfileName::EuAnnexXi => Self::AnnexXi,
            ProfileName::G7 => Self::G7,
        }
    }
}

/// Show what is in a file, unverified
///
/// Knows bundles (`tallymark.jsonl`), log entries, tlog proofs, checkpoints and public keys. Of other people's files it shows the
/// facts that `attest train` and `run` would take from them: weights, cards, lock files, records of DVC, MLflow and Weights &
/// Biases. Believes everything it reads and says so: only `tallymark verify` judges.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark inspect ./churn\n  curl -s https://log.example.org/checkpoint > cp && tallymark \
                        inspect cp"
)]
pub(crate) struct InspectArgs {
    /// A model, or a file of one of these kinds
    #[arg(env = "TALLYMARK_FILE", value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
    /// Show what is behind the `private:...` of its statements, as far as this file opens them; 1 if a line of it opens nothing
    #[arg(long, env = "TALLYMARK_OPENINGS", value_name = "FILE")]
    pub(crate) openings: Option<PathBuf>,
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
    pub(crate) threads: Option<NonZeroUsize>,
    /// Take digests of large files that have not changed from this file, and keep others in it. Believes the file system's
    /// times
    #[arg(long, env = "TALLYMARK_HASH_CACHE", value_name = "FILE")]
    pub(crate) hash_cache: Option<PathBuf>,
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

/// Print what a command is for, or what exit codes mean
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark help exit-codes\n  tallymark help sign")]
pub(crate) struct HelpArgs {
    /// A command, or `exit-codes` [default: all commands]
    #[arg(env = "TALLYMARK_HELP_TOPIC", value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
}

/// Print the JSON Schema of a file that is read or written
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark schema trust > trust.schema.json")]
pub(crate) struct SchemaArgs {
    /// Of which
    #[arg(env = "TALLYMARK_SCHEMA", value_enum)]
    pub(crate) what: SchemaName,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaName {
    /// The trust file, tallymark.toml
    Trust,
    /// What `verify --json` and `gate --format json` print
    Verdict,
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
