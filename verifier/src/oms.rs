//! The judgement of OMS signatures: one verdict about a model from a bundle that other people's tools can read too.
//!
//! Follows `spec/oms.md`. There is no log in it and no provenance, so a verdict says less than that of [`crate::verify`] and
//! is a type of its own, which nothing accepts in its place. The steps have the numbers of `spec/verification.md`; 4 to 7
//! are never looked at:
//!
//! 1. read: bundle and anchor are well formed (`load`)
//! 2. statement: the manifest means one set of files ([`attest::oms`])
//! 3. signature: a key signed exactly these bytes ([`signature`](self))
//! 8. requirements: it is the caller's key, or a chain leads to the caller's authority at a stated time ([`chain`](self))
//! 9. contents: the files are those in the manifest, and what else lies there is listed or refused ([`contents`](self))
//!
//! What other readers leave out is checked: one name twice, names that climb, certificates out of their time, certificates for
//! other uses, links to directories. What the signer chose not to cover is listed, never passed over in silence.
//!
//! Out of scope: Fulcio and Rekor. A keyless signature is never a yes here.

mod anchor;
mod chain;
mod contents;
mod failure;
mod load;
mod report;
mod signature;

pub use self::anchor::{Anchor, AnchorError, MAX_ANCHOR_BYTES};
pub use self::contents::{LeftOut, LeftOutBy};
pub use self::failure::OmsFailure;
pub use self::load::{AnchorPath, OmsRequest, OmsVerdict, SIGNATURE_NAME, now, signature_path_for};
pub use self::report::{json, text};
pub use self::signature::OmsSigner;

use std::path::Path;

use attest::oms::{OmsBundle, OmsStatement};
use attest::scan::{Progress, ScanOptions};
use attest::utc_time::UtcTime;

use self::contents::Contents;
use self::signature::SignedOmsStatement;
use crate::outcome::Outcomes;
use crate::reason::Step;

/// A model whose files are those that an OMS signature covers, by a signer the caller named.
#[derive(Debug)]
pub struct VerifiedOmsModel {
    facts: OmsFacts,
}

impl VerifiedOmsModel {
    /// Everything that was established.
    #[must_use]
    pub const fn facts(&self) -> &OmsFacts {
        &self.facts
    }
}

/// An answer other than yes, with what was established before it.
#[derive(Debug)]
pub struct OmsRefusal {
    failure: OmsFailure,
    // Boxed: a refusal is carried through many hands.
    facts: Box<OmsFacts>,
}

impl OmsRefusal {
    /// What did not hold.
    #[must_use]
    pub const fn failure(&self) -> &OmsFailure {
        &self.failure
    }

    /// What was established before it.
    #[must_use]
    pub fn facts(&self) -> &OmsFacts {
        &self.facts
    }
}

/// What is known, step by step.
#[derive(Debug)]
pub struct OmsFacts {
    outcomes: Outcomes,
    evidence: usize,
    statement: Option<OmsStatement>,
    signer: Option<OmsSigner>,
    contents: Option<Contents>,
}

impl OmsFacts {
    pub(crate) const fn nothing() -> Self {
        Self { outcomes: Outcomes::unknown(), evidence: 0, statement: None, signer: None, contents: None }
    }

    /// How each step ended.
    #[must_use]
    pub const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// What is signed, as soon as a signature over it holds.
    #[must_use]
    pub const fn statement(&self) -> Option<&OmsStatement> {
        self.statement.as_ref()
    }

    /// Who signed.
    #[must_use]
    pub const fn signer(&self) -> Option<&OmsSigner> {
        self.signer.as_ref()
    }

    /// Files that were compared, and what was left out.
    #[must_use]
    pub const fn contents(&self) -> Option<&Contents> {
        self.contents.as_ref()
    }

    /// Log entries and timestamps in the bundle, which nobody here looks at.
    #[must_use]
    pub const fn unchecked_evidence(&self) -> usize {
        self.evidence
    }
}

/// Whom to believe and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belief<'a> {
    pub(crate) anchor: Option<&'a Anchor>,
    pub(crate) at: UtcTime,
}

/// Takes a bundle through all steps. The files below `model` are read last, and only if all else holds.
pub(crate) fn judge(
    bundle: &[u8],
    belief: Belief<'_>,
    model: &Path,
    signature_file: &Path,
    scan: (&ScanOptions, Progress<'_>),
) -> Result<VerifiedOmsModel, OmsRefusal> {
    let mut facts = OmsFacts::nothing();
    match conclude(&mut facts, bundle, belief, model, signature_file, scan) {
        Ok(()) => Ok(VerifiedOmsModel { facts }),
        Err(failure) => {
            facts.outcomes.fail(failure.reason().step());
            Err(OmsRefusal { failure, facts: Box::new(facts) })
        }
    }
}

fn conclude(
    facts: &mut OmsFacts,
    bundle: &[u8],
    belief: Belief<'_>,
    model: &Path,
    signature_file: &Path,
    (options, progress): (&ScanOptions, Progress<'_>),
) -> Result<(), OmsFailure> {
    let bundle = OmsBundle::parse(bundle).map_err(|source| OmsFailure::BundleMalformed { source })?;
    facts.evidence = bundle.unchecked_evidence();
    facts.outcomes.pass(Step::Read);
    let statement =
        OmsStatement::parse(bundle.payload()).map_err(|source| OmsFailure::Statement { source })?;
    facts.outcomes.pass(Step::Statement);

    let signed = SignedOmsStatement::open(&bundle, statement, belief.anchor)?;
    facts.outcomes.pass(Step::Signature);
    facts.statement = Some(signed.statement().clone());
    let signer = signed.believe(belief)?;
    facts.outcomes.pass(Step::Requirements);
    facts.signer = Some(signer);

    let manifest = signed.statement().manifest();
    let (contents, differences) = contents::compare(manifest, model, signature_file, options, progress)?;
    facts.contents = Some(contents);
    if !differences.is_empty() {
        return Err(OmsFailure::FilesDiffer { differences });
    }
    facts.outcomes.pass(Step::Contents);
    Ok(())
}
