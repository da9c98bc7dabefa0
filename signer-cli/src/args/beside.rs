//! What is held against a model besides its own bundle file: the arguments that `verify`, `gate` and `exec` share.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use verifier::load::MemoryPlace;

/// What is known of ancestors, and what was verified before.
#[derive(Args, Debug)]
pub(crate) struct BesideArgs {
    /// Bundle files about what the model was made from, or a folder of them or of models; may be repeated. In the variable: one
    /// per line
    #[arg(long, env = "TALLYMARK_LINEAGE", value_name = "FILE|DIR", value_delimiter = '\n', action = ArgAction::Append)]
    pub(crate) lineage: Vec<PathBuf>,
    /// Remember in this file what was verified, and refuse to go back [default: tallymark/seen.json in your state directory if the
    /// trust file says `remember = true`]
    #[arg(long, env = "TALLYMARK_STATE", value_name = "FILE")]
    state: Option<PathBuf>,
    /// Remember nothing, whatever the trust file says
    #[arg(long, env = "TALLYMARK_NO_STATE", value_parser = BoolishValueParser::new())]
    no_state: bool,
}

impl BesideArgs {
    /// Where what was verified is remembered.
    pub(crate) fn memory(&self) -> MemoryPlace {
        match &self.state {
            Some(path) => MemoryPlace::At(path.clone()),
            None if self.no_state => MemoryPlace::Nowhere,
            None => MemoryPlace::AsTrusted,
        }
    }
}
