//! `tallymark verify --attest`: a verdict as a statement that the verifier signs.
//!
//! In scope: where it goes, and that only a yes is signed. Out of scope: what it says (`verifier::report`), and how it is signed
//! ([`crate::publication`]).

use std::path::{Path, PathBuf};

use attest::utc_time::UtcTime;
use attest::verdict::{SummaryError, Verifier, resource_of};
use verifier::load::Verdict;
use verifier::pack;
use verifier::report::summary;

use crate::args::{Manner, PublishArgs, VerdictArgs};
use crate::message::{Failure, note};
use crate::preview::KeptBack;
use crate::publication::{OpenPublication, Place, Publication, read_back};
use crate::sign::SignError;

/// Why a verdict was not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerdictError {
    /// A pack is one file with an end.
    #[error("{} is a pack, and a verdict cannot be added to it", path.display())]
    IntoPack { path: PathBuf },
    /// Nobody said by whose word.
    #[error("nobody said who the verifier is")]
    NoVerifier,
    /// What was found makes no statement.
    #[error("the verdict makes no statement")]
    Summary(#[from] SummaryError),
}

/// A verifier with its key in hand, before the model is judged: whoever is asked for a passphrase is asked first.
pub(crate) struct Attestor<'a> {
    args: &'a VerdictArgs,
    verifier: Verifier,
    open: OpenPublication<'a>,
}

/// The bundle file that a verdict is added to.
pub(crate) fn place<'a>(
    args: &'a VerdictArgs,
    model: &'a Path,
    bundle: Option<&'a Path>,
) -> Result<Place<'a>, VerdictError> {
    match args.out.as_deref().or(bundle) {
        Some(file) => Ok(Place::File(file)),
        None if pack::is_one(model) => Err(VerdictError::IntoPack { path: model.to_owned() }),
        None => Ok(Place::Beside(model)),
    }
}

impl<'a> Attestor<'a> {
    /// Finds key and log, and opens the key.
    pub(crate) fn open(
        args: &'a VerdictArgs,
        publish: &'a PublishArgs,
        place: Place<'a>,
    ) -> Result<Self, Failure> {
        let id = args.verifier.clone().ok_or(VerdictError::NoVerifier)?;
        let version = env!("CARGO_PKG_VERSION").parse();
        let version = version.map_err(|source| SignError::Statement {
            source: crate::sign::StatementFault::Version(source),
        })?;
        let open = Publication::find(publish, place)?.open()?;
        Ok(Self { args, verifier: Verifier::new(id, version), open })
    }

    /// Signs that the model was verified at `time`. Of one that was not, nothing is signed: there may be no digest it would be about, and
    /// who knows that a model is bad rejects or revokes it.
    pub(crate) fn sign(self, verdict: &Verdict, time: UtcTime, manner: Manner) -> Result<(), Failure> {
        let Ok(model) = verdict.result() else {
            note(manner, "nothing was signed: only what is verified is");
            return Ok(());
        };
        let about = model.logged().signed().statement();
        let (name, version) = (about.name(), about.version());
        let resource = self.args.resource_uri.clone().unwrap_or_else(|| resource_of(name, version));
        let rules = self.args.policy_uri.clone();
        let summary = summary(verdict, self.verifier, time, resource, rules).map_err(VerdictError::from)?;
        let Some(summary) = summary else { return Ok(()) };
        let statement = read_back(&summary.to_statement_bytes(name, version, about.tree_digest()))?;
        // It is about a tree that was verified, whatever lies at the path by now.
        self.open.finish(statement, None, &mut KeptBack::default(), || Ok(()), manner)
    }
}
