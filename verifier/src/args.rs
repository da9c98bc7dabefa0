//! The flags as written on the command line.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use attest::event::EventLabel;
use attest::model_name::{ModelName, VersionLabel};
use attest::utc_time::UtcTime;
use clap::{ArgAction, Parser, ValueEnum};
use verifier::load::{MemoryPlace, Request, find_trust};
use verifier::oms::{AnchorPath, OmsRequest, now};
use verifier::requirements::Expectation;

/// Verifies a model against its bundle and a trust file, offline, and says so in one verdict.
///
/// With DEST it is what runs before a server starts: only a model that is verified arrives there, and it is the very bytes that were judged. MODEL
/// may then be a `file://` address, as in KServe.
#[derive(Debug, Parser)]
#[command(name = "tallymark-verify", disable_version_flag = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 verified, 1 checked and false, 2 wrong use, 3 refused by the requirements,\n\
                        4 cannot decide, 5 a file could not be read."
)]
pub(crate) struct Args {
    /// The model: a directory, or a single file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Where the verified bytes go: a directory that does not exist, or is empty, as a mounted volume. Nothing is in it unless the model is
    /// verified; what was there already is verified in its place
    #[arg(value_name = "DEST", conflicts_with = "oms")]
    destination: Option<PathBuf>,

    /// Whom to trust [default: ./tallymark.toml, then tallymark/tallymark.toml in the user's configuration]
    #[arg(long, value_name = "FILE", env = "TALLYMARK_TRUST", hide_env_values = true)]
    trust: Option<PathBuf>,

    /// The bundle file [default: tallymark.jsonl in the model, or MODEL.tallymark.jsonl beside a file]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// Bundle files about what the model was made from, or a folder of them or of models; may be repeated
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "oms")]
    lineage: Vec<PathBuf>,

    /// Remember in this file what was verified, and refuse to go back [default: tallymark/seen.json in the user's state
    /// directory if the trust file says `remember = true`]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["oms", "no_state"])]
    state: Option<PathBuf>,

    /// Remember nothing, whatever the trust file says
    #[arg(long)]
    no_state: bool,

    /// Judge the OMS signature, model.sig, which other tools read too [default file: model.sig in the model, or
    /// MODEL.model.sig beside a file]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true,
          conflicts_with_all = ["trust", "bundle", "name", "version"])]
    oms: Option<Option<PathBuf>>,

    /// Believe the OMS signature of this public key, in PEM
    #[arg(long, value_name = "FILE", requires = "oms", conflicts_with = "oms_ca")]
    oms_key: Option<PathBuf>,

    /// Believe OMS signatures with certificates that lead to one of these, in PEM
    #[arg(long, value_name = "FILE", requires = "oms")]
    oms_ca: Option<PathBuf>,

    /// Judge certificates at this time, as 2026-11-27T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME", requires = "oms_ca")]
    oms_time: Option<UtcTime>,

    /// What the model is for: rules of the trust file for other stages do not apply [default: the trust file's stage, else
    /// every rule applies]
    #[arg(long, value_name = "LABEL", conflicts_with = "oms")]
    stage: Option<EventLabel>,

    /// Judge what begins or ends as of this time, as 2026-11-27T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "oms")]
    at: Option<UtcTime>,

    /// Accept only a statement about this name
    #[arg(long)]
    name: Option<ModelName>,

    /// Accept only a statement about this version label; alone, print the version of this program
    #[arg(long, short = 'V', value_name = "LABEL", num_args = 0..=1)]
    version: Option<Option<VersionLabel>>,

    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Print nothing; the exit code is the answer
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,

    /// Print no progress on standard error
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) no_progress: bool,

    /// Threads that hash files [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set; always if `CLICOLOR_FORCE` is.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Args {
    /// What is asked about an OMS signature, if that is what is asked about.
    pub(crate) fn oms_request(&self) -> Option<OmsRequest> {
        let bundle = self.oms.clone()?;
        let key = self.oms_key.clone().map(AnchorPath::Key);
        let anchor = key.or_else(|| self.oms_ca.clone().map(AnchorPath::Authorities));
        let request =
            OmsRequest::new(self.model(), self.oms_time.unwrap_or_else(now)).bundle(bundle).anchor(anchor);
        Some(match self.threads {
            Some(threads) => request.threads(threads),
            None => request,
        })
    }

    /// Where the verified bytes go.
    pub(crate) fn destination(&self) -> Option<&Path> {
        self.destination.as_deref()
    }

    /// The model as a path: an address of this machine is one.
    fn model(&self) -> &Path {
        let address = self.model.to_str().and_then(|text| text.strip_prefix("file://"));
        address.filter(|path| path.starts_with('/')).map_or(&self.model, Path::new)
    }

    /// Another address than one of this machine.
    pub(crate) fn elsewhere(&self) -> Option<&str> {
        let text = self.model.to_str()?;
        let (scheme, _) = text.split_once("://")?;
        let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        (is_scheme && self.model() == self.model).then_some(text)
    }

    /// What is asked, with the trust file looked up if none was named.
    pub(crate) fn request(&self) -> Request {
        let expectation = Expectation::new(self.name.clone(), self.version.clone().flatten())
            .at_stage(self.stage.clone())
            .as_of(self.at.unwrap_or_else(now));
        let request = Request::new(self.model())
            .bundle(self.bundle.clone())
            .trust(self.trust.clone().or_else(|| find_trust(self.model())))
            .lineage(self.lineage.clone())
            .memory(match &self.state {
                Some(path) => MemoryPlace::At(path.clone()),
                None if self.no_state => MemoryPlace::Nowhere,
                None => MemoryPlace::AsTrusted,
            })
            .expecting(expectation);
        match self.threads {
            Some(threads) => request.threads(threads),
            None => request,
        }
    }
}

impl Color {
    /// Whether text that goes to standard output is coloured, given whether that is a terminal.
    pub(crate) fn enabled(self, is_terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => !set("NO_COLOR") && (is_terminal || set("CLICOLOR_FORCE")),
        }
    }
}
