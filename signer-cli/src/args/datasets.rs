//! The arguments of `attest dataset`, `prove-file` and `check-file`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attest::dataset::PersonalData;
use attest::digest::Sha256Digest;
use attest::model_name::{ModelName, NameVersion};
use attest::model_path::ModelPath;
use attest::provenance::SourceUri;
use attest::utc_time::UtcDate;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::{NamedPath, PrivateArgs, PublishArgs, digest};

/// State what a dataset is, and log it
///
/// Hashes the dataset, writes the list of its files beside it, and signs both digests with what you say of it. A model that
/// names the dataset by its digest leads here.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark attest dataset ./data --as acme/customers:v4 --licence CC-BY-4.0 --datasheet DATASHEET.md \
                  --log https://log.example.org"
)]
pub(crate) struct DatasetArgs {
    /// Directory or single file of the dataset
    #[arg(
        env = "TALLYMARK_DATASET",
        value_name = "PATH",
        required_unless_present = "dvc",
        conflicts_with = "dvc"
    )]
    pub(crate) path: Option<PathBuf>,
    /// A `.dvc` file, a stage, or a path that DVC keeps track of here; it is hashed, and DVC's MD5 is not believed
    #[arg(long, env = "TALLYMARK_DVC", value_name = "TARGET")]
    pub(crate) dvc: Option<String>,
    /// Name and version label: `acme/customers:v4`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    /// Where the list of files goes [default: beside the dataset, `NAME.manifest.zst`]
    #[arg(long, env = "TALLYMARK_MANIFEST", value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Where the data came from; may be repeated
    #[arg(long, env = "TALLYMARK_SOURCE", value_name = "URI", value_delimiter = ' ', action = ArgAction::Append)]
    pub(crate) source: Vec<SourceUri>,
    /// A dataset it was made from, and what to call it; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_DERIVED_FROM", value_name = "NAME=PATH", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) derived_from: Vec<NamedPath>,
    /// Statement digest of the provenance that says how it was made
    #[arg(long, env = "TALLYMARK_TRANSFORM", value_name = "DIGEST", value_parser = digest)]
    pub(crate) transform: Option<Sha256Digest>,
    /// Whether it holds data about people
    #[arg(
        long,
        env = "TALLYMARK_PERSONAL_DATA",
        value_enum,
        default_value = "unknown",
        value_name = "ANSWER"
    )]
    pub(crate) personal_data: PersonalDataName,
    /// First day of the collection: `2024-01-01`
    #[arg(long, env = "TALLYMARK_COLLECTED_FROM", value_name = "DAY", requires = "collected_to")]
    pub(crate) collected_from: Option<UtcDate>,
    /// Last day of the collection
    #[arg(long, env = "TALLYMARK_COLLECTED_TO", value_name = "DAY", requires = "collected_from")]
    pub(crate) collected_to: Option<UtcDate>,
    /// Its datasheet; the digest is signed
    #[arg(long, env = "TALLYMARK_DATASHEET", value_name = "FILE")]
    pub(crate) datasheet: Option<PathBuf>,
    /// Its Croissant metadata; the digest is signed
    #[arg(long, env = "TALLYMARK_CROISSANT", value_name = "FILE")]
    pub(crate) croissant: Option<PathBuf>,
    /// Under which licence it is given; may be repeated. In the variable: one per line
    #[arg(long, env = "TALLYMARK_LICENCE", value_name = "LICENCE", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) licence: Vec<String>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
}

/// The answers about data on people, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PersonalDataName {
    /// Somebody looked, and there is none
    None,
    /// There may be
    Possible,
    /// There is
    Present,
    /// Nobody says
    Unknown,
}

impl From<PersonalDataName> for PersonalData {
    fn from(name: PersonalDataName) -> Self {
        match name {
            PersonalDataName::None => Self::None,
            PersonalDataName::Possible => Self::Possible,
            PersonalDataName::Present => Self::Present,
            PersonalDataName::Unknown => Self::Unknown,
        }
    }
}

/// Prove that a file is in a dataset or model, or that no file of that path is
///
/// Reads the list of files that `attest dataset` wrote, or hashes what lies at the path. The proof is a small file for somebody
/// who has neither.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark prove-file data.manifest.zst images/1.png --bundle ./data/tallymark.jsonl > 1.proof\n  \
                  tallymark check-file 1.proof --trust tallymark.toml"
)]
pub(crate) struct ProveFileArgs {
    /// List of files, or the directory itself
    #[arg(env = "TALLYMARK_DATASET", value_name = "MANIFEST|DIR")]
    pub(crate) dataset: PathBuf,
    /// The path in it
    #[arg(env = "TALLYMARK_FILE", value_name = "FILE")]
    pub(crate) file: ModelPath,
    /// Bundle file with the signed statement, to put into the proof [default: the directory's own]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Threads that hash [default: one per processor]
    #[arg(long, env = "TALLYMARK_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// Check a proof about a file against the signed statement about its dataset or model
///
/// Offline. The statement comes from the proof or from --bundle, and whether it counts from the trust file.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark check-file 1.proof ./1.png --trust tallymark.toml --name acme/customers"
)]
pub(crate) struct CheckFileArgs {
    /// The proof
    #[arg(env = "TALLYMARK_PROOF", value_name = "PROOF")]
    pub(crate) proof: PathBuf,
    /// The file it is about, to be compared
    #[arg(env = "TALLYMARK_FILE", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Bundle file with the signed statement [default: what is in the proof]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Accept only a statement about this name
    #[arg(long, env = "TALLYMARK_NAME")]
    pub(crate) name: Option<ModelName>,
    /// Print JSON
    #[arg(long, env = "TALLYMARK_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}
