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
//!    what must have been said about it, and must be known of where it comes from, is ([`standing`], [`lineage`]); nothing that
//!    a log knew of is missing ([`status`])
//! 9. contents: the files are those that were signed ([`contents`]), and of formats that rules allow ([`gate`])
//!
//! Trust is a chain of types, each made in one module and containing the one before:
//! [`Bundle`](attest::bundle::Bundle), [`SignedStatement`], [`LoggedStatement`], [`VerifiedModel`]. A statement of another kind than provenance ends
//! as a [`Testimony`] beside the verdict ([`custody`]).
//!
//! What was verified before is a [`Memory`], given and given back: nobody goes back unnoticed.
//!
//! [`oms`] judges signatures of another format, which says less, by a procedure of its own.
//!
//! In scope: the verdict, its [`Reason`], its [`report`]. Out of scope: the network; what is loaded afterwards and how. Only [`load`]
//! with its `copy` and [`pack`], and that of [`oms`], touch the disk, so the rest runs in a browser.
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
#[cfg(unix)]
pub mod copy;
pub mod custody;
pub mod difference;
mod examination;
pub mod facts;
pub mod failure;
pub mod gate;
pub mod lineage;
pub mod load;
pub mod logged;
pub mod memory;
pub mod oms;
pub mod outcome;
pub mod pack;
pub mod pins;
pub mod place;
mod planted;
pub mod question;
pub mod reason;
pub mod refusal;
pub mod report;
pub mod requirements;
pub mod signature;
pub mod standing;
pub mod status;

use std::borrow::Borrow;

use attest::scan::ScanError;
use attest::tree::Tree;

pub use crate::contents::VerifiedModel;
pub use crate::custody::Testimony;
pub use crate::failure::{Failure, scan_reason};
pub use crate::lineage::{Evidence, Lineage};
pub use crate::logged::LoggedStatement;
pub use crate::memory::Memory;
pub use crate::pins::Pins;
pub use crate::question::Question;
pub use crate::reason::{Class, Reason, Step};
pub use crate::refusal::Refusal;
pub use crate::requirements::{Expectation, Requirements};
pub use crate::signature::SignedStatement;

/// Decides whether the files are what a trusted publisher signed and a trusted log holds, with nothing at hand but the bundle
/// file. A [`Question`] can have more.
///
/// # Errors
///
/// As [`Question::verify`].
pub fn verify<T: Borrow<Tree>>(
    bundle_file: &[u8],
    requirements: Option<&Requirements>,
    expectation: &Expectation,
    files: impl FnOnce(Option<u64>) -> Result<T, ScanError>,
) -> Result<VerifiedModel, Refusal> {
    Question::new(requirements, expectation).verify(bundle_file, files)
}
