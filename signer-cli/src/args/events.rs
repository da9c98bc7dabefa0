//! The arguments of the commands that state what somebody did or decided about a model.

use std::path::PathBuf;

use attest::digest::Sha256Digest;
use attest::event::{EventLabel, Scope};
use attest::model_name::NameVersion;
use attest::provenance::{GitId, SourceUri};
use attest::utc_time::UtcTime;
use clap::{ArgAction, Args, ValueEnum};

use super::{PrivateArgs, PublishArgs};

/// Reads a digest with or without `sha256:` before it.
pub(crate) fn digest(text: &str) -> Result<Sha256Digest, attest::digest::DigestError> {
    if text.contains(':') { Sha256Digest::from_named(text) } else { text.parse() }
}

/// What an event is about, and what goes with every kind of it.
#[derive(Args, Debug)]
pub(crate) struct EventArgs {
    /// The model: its directory or file, which is hashed, or its tree digest
    #[arg(env = "TALLYMARK_MODEL", value_name = "PATH|DIGEST")]
    pub(crate) model: String,
    /// Name and version label: `acme/churn:2026.1`
    #[arg(long = "as", env = "TALLYMARK_AS", value_name = "NAME:VERSION")]
    pub(crate) name_version: NameVersion,
    /// Bundle file to add to [default: the model's own, if its path is given]
    #[arg(long, env = "TALLYMARK_OUT", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// As what you act: `risk`, `release-manager`
    #[arg(long, env = "TALLYMARK_ROLE", value_name = "ROLE")]
    pub(crate) role: Option<EventLabel>,
    /// From when on it holds: `2026-11-27T08:00:00Z` [default: from its place in the log on]
    #[arg(long, env = "TALLYMARK_EFFECTIVE_FROM", value_name = "TIME")]
    pub(crate) effective_from: Option<UtcTime>,
    /// Digest of a statement you looked at; may be repeated
    #[arg(long, env = "TALLYMARK_EVIDENCE", value_name = "DIGEST", value_delimiter = ' ', action = ArgAction::Append,
          value_parser = digest)]
    pub(crate) evidence: Vec<Sha256Digest>,
    /// File with the rules you decided by; its digest is signed
    #[arg(long, env = "TALLYMARK_POLICY", value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Where these rules can be found
    #[arg(long, env = "TALLYMARK_POLICY_URI", value_name = "URI", requires = "policy")]
    pub(crate) policy_uri: Option<SourceUri>,
    /// A sentence for people, at most 512 bytes; it is signed and never logged
    #[arg(long, env = "TALLYMARK_TEXT", value_name = "TEXT")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) private: PrivateArgs,
    #[command(flatten)]
    pub(crate) publish: PublishArgs,
}

/// State that a model may be used
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark approve ./churn --as acme/churn:2026.1 --stage production --role risk --log \
                  https://log.example.org"
)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// For which stage [default: for everything]
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "STAGE")]
    pub(crate) stage: Option<EventLabel>,
    /// Until when: `2027-05-21T12:00:00Z`
    #[arg(long, env = "TALLYMARK_EXPIRES", value_name = "TIME")]
    pub(crate) expires: Option<UtcTime>,
}

/// State that a model may not be used
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark reject ./churn --as acme/churn:2026.1 --stage production --text 'recall too low' \
                  --log https://log.example.org"
)]
pub(crate) struct RejectArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// For which stage [default: for anything]
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "STAGE")]
    pub(crate) stage: Option<EventLabel>,
}

/// State that a model has come to a stage
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tallymark promote ./churn --as acme/churn:2026.1 --stage staging --log \
                  https://log.example.org")]
pub(crate) struct PromoteArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// To which stage
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "STAGE")]
    pub(crate) stage: EventLabel,
    /// Until when: `2027-05-21T12:00:00Z`
    #[arg(long, env = "TALLYMARK_EXPIRES", value_name = "TIME")]
    pub(crate) expires: Option<UtcTime>,
}

/// State that a model was handed to somebody
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark transfer ./churn --as acme/churn:2026.1 --to partner.pem.pub --log \
                  https://log.example.org"
)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// The receiver's public key: its file, or its key id
    #[arg(long, env = "TALLYMARK_TO", value_name = "FILE|KEY-ID")]
    pub(crate) to: String,
}

/// State that a model was put to work
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark deploy ./churn --as acme/churn:2026.1 --environment eu-west-1 --log \
                  https://log.example.org"
)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// Where: `eu-west-1`, `fraud-api`
    #[arg(long, env = "TALLYMARK_ENVIRONMENT", value_name = "ENVIRONMENT")]
    pub(crate) environment: EventLabel,
}

/// State that another model takes a model's place
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark supersede ./churn --as acme/churn:2026.1 --by ./churn-2 --log \
                  https://log.example.org"
)]
pub(crate) struct SupersedeArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// The other model: its directory or file, which is hashed, or its tree digest
    #[arg(long, env = "TALLYMARK_BY", value_name = "PATH|DIGEST")]
    pub(crate) by: String,
}

/// Withdraw a model
///
/// Whoever verifies with the bundle is shown the withdrawal. Whoever has an older bundle is not: the log is where all of them
/// can be found, with `tallymark search digest=...`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark revoke ./churn --as acme/churn:2026.1 --scope this-and-descendants --reason \
                  poisoned-data --log https://log.example.org"
)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// How far it goes
    #[arg(long, env = "TALLYMARK_SCOPE", value_enum, value_name = "SCOPE")]
    pub(crate) scope: ScopeName,
    /// Why: `poisoned-data`, `key-compromised`, `licence`, `unsafe`, `defect`, or a word of your own
    #[arg(long, env = "TALLYMARK_REASON", value_name = "REASON")]
    pub(crate) reason: EventLabel,
}

/// State that an earlier rejection, supersession or revocation no longer holds
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark reinstate ./churn --as acme/churn:2026.1 --event sha256:5a8f... --log \
                  https://log.example.org"
)]
pub(crate) struct ReinstateArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// Statement digest of the event that no longer holds, as `tallymark inspect` shows it
    #[arg(long = "event", env = "TALLYMARK_EVENT", value_name = "DIGEST", value_parser = digest)]
    pub(crate) previous: Sha256Digest,
}

/// State that a model may be used although the format gate finds something in it
///
/// For one file by its content, or for the model as it is; never for a name or a pattern. It ends, and it counts only where a trust file
/// names `waive` for your key, and not for a model of your own. What was found: `tallymark scan`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark waive ./churn --as acme/churn:2026.1 --file ./churn/model.pkl --finding pickle --finding \
                  pickle-global --reason reviewed --expires 2027-02-27T12:00:00Z --log https://log.example.org"
)]
pub(crate) struct WaiveArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// The one file it is for, by path or by SHA-256 [default: every file of the model]
    #[arg(long, env = "TALLYMARK_FILE", value_name = "FILE|DIGEST")]
    pub(crate) file: Option<String>,
    /// Code of a finding to let pass, as `tallymark scan` prints it; may be repeated
    #[arg(long, env = "TALLYMARK_FINDING", value_name = "CODE", value_delimiter = ' ', action = ArgAction::Append,
          required = true, value_parser = finding)]
    pub(crate) finding: Vec<EventLabel>,
    /// Why: `reviewed`, `no-other-format`, or a word of your own
    #[arg(long, env = "TALLYMARK_REASON", value_name = "REASON")]
    pub(crate) reason: EventLabel,
    /// Until when: `2027-02-27T12:00:00Z`
    #[arg(long, env = "TALLYMARK_EXPIRES", value_name = "TIME")]
    pub(crate) expires: UtcTime,
}

/// State what else a model or dataset is known by
///
/// A lineage joins by tree digest alone. Where somebody knows a base model by the digest of its one file or by a commit on the Hugging Face
/// hub, this says which tree that is. It counts only where a trust file names `alias` for your key.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark alias ./bert --as google-bert/base:1 --hf-commit 86b5e0934494bd15c9632b12f734a8a67f723594 --log \
                  https://log.example.org"
)]
pub(crate) struct AliasArgs {
    #[command(flatten)]
    pub(crate) event: EventArgs,
    /// The one file of the model, by path or by SHA-256
    #[arg(long, env = "TALLYMARK_FILE", value_name = "FILE|DIGEST")]
    pub(crate) file: Option<String>,
    /// Root digest of its OMS signature
    #[arg(long, env = "TALLYMARK_OMS_ROOT", value_name = "DIGEST", value_parser = digest)]
    pub(crate) oms_root: Option<Sha256Digest>,
    /// Digest of its manifest in a registry of OCI
    #[arg(long, env = "TALLYMARK_OCI_MANIFEST", value_name = "DIGEST", value_parser = digest)]
    pub(crate) oci_manifest: Option<Sha256Digest>,
    /// Commit of its repository on the Hugging Face hub
    #[arg(long, env = "TALLYMARK_HF_COMMIT", value_name = "COMMIT")]
    pub(crate) hf_commit: Option<GitId>,
}

/// Reads the code of a finding: one that the gate has, since a misspelt one would let nothing pass.
fn finding(code: &str) -> Result<EventLabel, String> {
    let is_known = formats::Reason::ALL.iter().any(|reason| reason.code() == code);
    code.parse()
        .ok()
        .filter(|_| is_known)
        .ok_or_else(|| "no finding of the format gate has that code".to_owned())
}

/// How far a revocation goes, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeName {
    /// This model
    This,
    /// This model and what was made from it
    ThisAndDescendants,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::This => Self::This,
            ScopeName::ThisAndDescendants => Self::ThisAndDescendants,
        }
    }
}
