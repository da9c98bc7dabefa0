//! The arguments of `pack`.

use std::path::PathBuf;

use attest::event::EventLabel;
use clap::{ArgAction, Args};

/// Put a model and all that it takes to judge it into one file, for machines that no network reaches
///
/// The model is verified first, and so is the pack before it gets its name. In it are the files, the bundle file with its proofs, and bundle files
/// about what the model was made from; no trust file, since what comes with a model does not say whom to trust. `tallymark verify FILE`,
/// `exec FILE` and `tallymark-verify FILE DEST` take a pack where they take a model.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tallymark pack ./churn --lineage ./models --out churn.tar\n  tallymark verify churn.tar --trust \
                  tallymark.toml"
)]
pub(crate) struct PackArgs {
    /// Directory or single file of the model
    #[arg(env = "TALLYMARK_MODEL", value_name = "DIR|FILE")]
    pub(crate) model: PathBuf,
    /// The file to write; it must not exist
    #[arg(long, short, env = "TALLYMARK_OUT", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Bundle files about what the model was made from, or a folder of them or of models; may be repeated. In the variable: one
    /// per line
    #[arg(long, env = "TALLYMARK_LINEAGE", value_name = "FILE|DIR", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) lineage: Vec<PathBuf>,
    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in your configuration]
    #[arg(long, env = "TALLYMARK_TRUST", value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The bundle file [default: tallymark.jsonl in the model, or FILE.tallymark.jsonl beside a file]
    #[arg(long, env = "TALLYMARK_BUNDLE", value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// What the model is for: rules of the trust file for other stages do not apply
    #[arg(long, env = "TALLYMARK_STAGE", value_name = "LABEL")]
    pub(crate) stage: Option<EventLabel>,
}
