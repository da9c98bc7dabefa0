//! The judgement: one verdict about a model from its bundle and a trust file, offline.
//!
//! Follows `spec/verification.md`. The steps, and where each is decided:
//!
//! 1. read: bundle file and trust file are well formed ([`load`], [`requirements`])
//! 2. statement: the payload is a provenance statement ([`signature`])
//! 3. signature: a key signed exactly these bytes ([`signature`])
//! 4. entry: the log entry is the one that statement and key produce ([`logged`])
//! 5. inclusion: the entry is in the checkpoint's tree ([`logged`])
//! 6. checkpoint: a log of the policy signed it ([`logged`])
//! 7. witnesses: the policy's quorum saw it ([`logged`])
//! 8. requirements: this key may sign this name ([`requirements`], asked by [`signature`]); the model is not withdrawn, and
//!    what must have been said about it was said ([`standing`])
//! 9. contents: the files are those that were signed ([`contents`])
//!
//! Trust is a chain of types, each made in one module and containing the one before:
//! [`Bundle`], [`SignedStatement`], [`LoggedStatement`], [`VerifiedModel`]. A statement of another kind than provenance ends
//! as a [`Testimony`] beside the verdict ([`custody`]).
//!
//! [`oms`] judges signatures of another format, which says less, by a procedure of its own.
//!
//! In scope: the verdict, its [`Reason`], its [`report`]. Out of scope: the network; what is loaded afterwards and how;
//! lineage beyond the digests that are signed. Only [`load`] and that of [`oms`] touch the disk, so the rest runs in a browser.
//!
//! ```
//! use verifier::load::Request;
//! use verifier::report::{Style, text};
//!
//! let verdict = Request::new("does/not/exist").verify(&|_, _| {});
//! assert_eq!(verdict.exit_code(), 5);
//! assert!(text(&verdict, Style::Plain).contains("model-unreadable"));
//! ```

pub mod contents;
pub mod custody;
pub mod difference;
mod examination;
pub mod facts;
pub mod failure;
pub mod load;
pub mod logged;
pub mod oms;
pub mod outcome;
pub mod reason;
pub mod refusal;
pub mod report;
pub mod requirements;
pub mod signature;
pub mod standing;

use std::borrow::Borrow;
use std::cell::LazyCell;
use std::sync::Arc;

use attest::bundle::{Bundle, BundleFile, BundleFileError};
use attest::scan::ScanError;
use attest::statement::StatementKind;
use attest::tree::Tree;

pub use crate::contents::VerifiedModel;
pub use crate::custody::Testimony;
pub use crate::failure::{Failure, scan_reason};
pub use crate::logged::LoggedStatement;
pub use crate::reason::{Class, Reason, Step};
pub use crate::refusal::Refusal;
pub use crate::requirements::{Expectation, Requirements};
pub use crate::signature::SignedStatement;

use crate::examination::Examination;
use crate::refusal::LineNote;
use crate::signature::read_provenance;
use crate::standing::Standing;

/// Decides whether the files are what a trusted publisher signed and a trusted log holds.
///
/// `bundle_file` has the bytes of the bundle file. `files` gives the tree of the files; it is called at most once, last,
/// and only if some line may still pass or lacks nothing but trust or a proof of logging.
///
/// # Errors
///
/// A [`Refusal`], whose [`Reason`] and [`Class`] are stable. With several lines it is about the one that came furthest.
pub fn verify<T: Borrow<Tree>>(
    bundle_file: &[u8],
    requirements: Option<&Requirements>,
    expectation: &Expectation,
    files: impl FnOnce() -> Result<T, ScanError>,
) -> Result<VerifiedModel, Refusal> {
    let file = BundleFile::parse(bundle_file).map_err(|source| Failure::BundleMalformed { source })?;
    // Hashing is the one expensive step. It happens at the first line that gets so far, and once.
    let here = LazyCell::new(|| files().map_err(Arc::new));

    let mut verified: Option<VerifiedModel> = None;
    let mut furthest: Option<Refusal> = None;
    let mut notes: Vec<LineNote> = Vec::new();
    let (mut judged, mut beside) = (Vec::new(), Vec::new());
    for (line, bundle) in (1..).zip(file.bundles()) {
        match another_kind(bundle) {
            None => judged.push((line, bundle)),
            Some(kind) => beside.push((line, bundle, kind)),
        }
    }
    if judged.is_empty() {
        // Nothing to judge by: what is wrong with the first of these lines is that it is no provenance.
        judged.extend(beside.drain(..).map(|(line, bundle, _)| (line, bundle)));
    }
    // Once for all judged lines: each costs two signatures and a proof, and a file may have a thousand lines of either sort.
    let opened: Vec<(usize, Result<Testimony, Failure>)> = beside
        .into_iter()
        .map(|(line, bundle, kind)| match judged.is_empty() {
            true => (line, Err(Failure::NotProvenance { kind })),
            false => (line, Testimony::open(line, bundle, requirements)),
        })
        .collect();
    for (line, bundle) in judged {
        let asked = Asked { requirements, expectation };
        match conclude(line, bundle, asked, &opened, &here) {
            Ok(model) if verified.is_none() => verified = Some(model),
            Ok(_) => notes.push(LineNote::new(line, None)),
            Err(refusal) => match &mut furthest {
                Some(best) if best.reason().step() >= refusal.reason().step() => {
                    notes.extend(refusal.into_note());
                }
                best => notes.extend(best.replace(refusal).and_then(Refusal::into_note)),
            },
        }
    }
    if verified.is_some() {
        notes.extend(furthest.take().and_then(Refusal::into_note));
    }
    let about = match (&verified, &furthest) {
        (Some(model), _) => Some(model.logged().signed().statement()),
        (None, refusal) => refusal.as_ref().and_then(|refusal| refusal.facts().statement()),
    };
    let mut testimonies = Vec::new();
    for (line, opened) in opened {
        let concerns = |testimony: Testimony| match (about, requirements) {
            (Some(about), Some(requirements)) => testimony.concerns(about, requirements).map(|()| testimony),
            // Nothing is known that it could be about.
            _ => Err(Failure::NotProvenance { kind: testimony.statement().kind() }),
        };
        match opened.and_then(concerns) {
            Ok(testimony) => testimonies.push(testimony),
            Err(failure) => notes.push(LineNote::new(line, Some(failure))),
        }
    }
    notes.sort_by_key(LineNote::line);
    match (verified, furthest) {
        (Some(model), _) => Ok(model.with_notes(notes).with_testimonies(testimonies)),
        (None, Some(refusal)) => Err(refusal.with_notes(notes).with_testimonies(testimonies)),
        // A bundle file without a line does not parse.
        (None, None) => Err(Failure::BundleMalformed { source: BundleFileError::Empty }.into()),
    }
}

/// The kind of the line's statement if it is read here and is no provenance.
fn another_kind(bundle: &Bundle) -> Option<StatementKind> {
    match read_provenance(bundle) {
        Err(Failure::NotProvenance { kind }) => Some(kind),
        _ => None,
    }
}

/// What the caller demands and what he asks.
#[derive(Clone, Copy)]
struct Asked<'a> {
    requirements: Option<&'a Requirements>,
    expectation: &'a Expectation,
}

/// Takes one line through all steps.
fn conclude<T: Borrow<Tree>, F: FnOnce() -> Result<T, Arc<ScanError>>>(
    line: usize,
    bundle: &Bundle,
    asked: Asked<'_>,
    testimonies: &[(usize, Result<Testimony, Failure>)],
    here: &LazyCell<Result<T, Arc<ScanError>>, F>,
) -> Result<VerifiedModel, Refusal> {
    let Asked { requirements, expectation } = asked;
    let opened = read_provenance(bundle).and_then(|_| match requirements {
        Some(requirements) => Ok((LoggedStatement::open(bundle, requirements, expectation)?, requirements)),
        None => Err(Failure::NoTrust),
    });
    match opened {
        Ok((logged, requirements)) => {
            let testimonies = testimonies.iter().filter_map(|(_, opened)| opened.as_ref().ok());
            let judgement = Standing::of(&logged, testimonies, requirements, expectation).judge();
            // Files are not hashed for a model that may not be used whatever they are.
            if let Some(examination) = Examination::of_standing(line, logged.facts(), judgement.refused) {
                return Err(examination.into_refusal());
            }
            let opened = match &**here {
                Ok(tree) => VerifiedModel::open(&logged, line, tree.borrow()),
                Err(source) => Err(Failure::Scan { source: Arc::clone(source) }),
            };
            opened.map(|model| model.with_warnings(judgement.warned)).map_err(|failure| {
                let here = (**here).as_ref().ok().map(Borrow::borrow);
                Examination::of_contents(line, logged.facts(), here, failure).into_refusal()
            })
        }
        Err(failure) => {
            let mut examination = Examination::of(line, bundle, requirements, expectation, failure);
            if examination.leaves_contents_open() {
                examination.contents(here);
            }
            Err(examination.into_refusal())
        }
    }
}
