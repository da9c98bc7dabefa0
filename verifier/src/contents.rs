//! From a logged statement to a verified model. Step 9 of the procedure.
//!
//! [`VerifiedModel`] is made here and nowhere else. The tree digest decides; the list of differences is for people.

use std::sync::Arc;

use attest::digest::Sha256Digest;
use attest::event::EventLabel;
use attest::statement::Statement;
use attest::tree::Tree;
use formats::Report;

use crate::custody::Testimony;
use crate::difference::{differences, have_something_in_common};
use crate::facts::{Contents, Facts};
use crate::failure::Failure;
use crate::gate::Waived;
use crate::lineage::Lineage;
use crate::logged::LoggedStatement;
use crate::memory::Seen;
use crate::outcome::Outcomes;
use crate::planted;
use crate::reason::Step;
use crate::refusal::{LineNote, Refusal};
use crate::status::Known;

/// A model that passed every step: these files, under this name, by this publisher, in this log.
#[derive(Debug)]
pub struct VerifiedModel {
    logged: LoggedStatement,
    line: usize,
    basis: Basis,
    facts: Facts,
    outcomes: Outcomes,
    notes: Vec<LineNote>,
    testimonies: Vec<Testimony>,
    warnings: Vec<Failure>,
    lineage: Option<Lineage>,
    formats: Option<Arc<Report>>,
    waived: Vec<Waived>,
}

/// What a model was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    trust: Sha256Digest,
    stage: Option<EventLabel>,
}

impl Basis {
    pub(crate) const fn new(trust: Sha256Digest, stage: Option<EventLabel>) -> Self {
        Self { trust, stage }
    }

    /// SHA-256 of the trust file.
    #[must_use]
    pub const fn trust(&self) -> Sha256Digest {
        self.trust
    }

    /// The stage it may be used at; any if there is none.
    #[must_use]
    pub const fn stage(&self) -> Option<&EventLabel> {
        self.stage.as_ref()
    }
}

impl VerifiedModel {
    /// Compares the files with a statement that the requirements let pass. `line` is the bundle's line in its file, from 1.
    ///
    /// # Errors
    ///
    /// [`Failure::NotProvenance`], [`Failure::FilesDiffer`] or [`Failure::SubjectMismatch`].
    pub(crate) fn open(
        logged: &LoggedStatement,
        line: usize,
        basis: Basis,
        here: &Tree,
    ) -> Result<Self, Failure> {
        let statement = logged.signed().statement();
        if statement.provenance().is_none() {
            return Err(Failure::NotProvenance { kind: statement.kind() });
        }
        check_contents(statement, here)?;
        let facts = Facts { contents: Some(Contents::of(here)), ..logged.facts() };
        let (outcomes, notes, testimonies) = (Outcomes::all_pass(), Vec::new(), Vec::new());
        let (logged, warnings, lineage, formats) = (logged.clone(), Vec::new(), None, None);
        let waived = Vec::new();
        Ok(Self {
            logged,
            line,
            basis,
            facts,
            outcomes,
            notes,
            testimonies,
            warnings,
            lineage,
            formats,
            waived,
        })
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<Failure>) -> Self {
        self.warnings = warnings;
        self
    }

    pub(crate) fn with_lineage(self, lineage: Lineage) -> Self {
        Self { lineage: Some(lineage), ..self }
    }

    pub(crate) fn with_status(mut self, status: Known) -> Self {
        self.facts.status = status;
        self
    }

    /// What a memory learns from it.
    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen::of(&self.logged, self.testimonies.iter())
    }

    /// The refusal of a model that holds, for what came up after it was judged.
    pub(crate) fn refused(self, cause: Failure, also: Vec<Failure>) -> Refusal {
        let mut outcomes = self.outcomes;
        let failures = [&cause].into_iter().chain(&also);
        failures.for_each(|failure| outcomes.fail(failure.reason().step()));
        let refusal = Refusal::of_line(self.line, cause, also, outcomes, self.facts);
        let refusal = refusal.with_notes(self.notes).with_testimonies(self.testimonies);
        let refusal = refusal.with_formats(self.formats);
        match self.lineage {
            Some(lineage) => refusal.with_lineage(lineage),
            None => refusal,
        }
    }

    pub(crate) fn with_formats(self, formats: Option<Arc<Report>>) -> Self {
        Self { formats, ..self }
    }

    pub(crate) fn with_waived(self, waived: Vec<Waived>) -> Self {
        Self { waived, ..self }
    }

    pub(crate) fn with_notes(mut self, notes: Vec<LineNote>) -> Self {
        self.notes = notes;
        self
    }

    pub(crate) fn with_testimonies(mut self, testimonies: Vec<Testimony>) -> Self {
        self.testimonies = testimonies;
        self
    }

    /// The statement about it, with who signed it and where it is logged.
    #[must_use]
    pub const fn logged(&self) -> &LoggedStatement {
        &self.logged
    }

    /// The line of the bundle file that verified, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// What it was judged by.
    #[must_use]
    pub const fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Everything that was established.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// All pass.
    #[must_use]
    pub const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// The other lines of the bundle file.
    #[must_use]
    pub fn notes(&self) -> &[LineNote] {
        &self.notes
    }

    /// What else was said about it, in the order of the lines.
    #[must_use]
    pub fn testimonies(&self) -> &[Testimony] {
        &self.testimonies
    }

    /// What is known of where it comes from. It is there, and need not be complete.
    #[must_use]
    pub const fn lineage(&self) -> Option<&Lineage> {
        self.lineage.as_ref()
    }

    /// What the format gate found, if a rule asked for it.
    #[must_use]
    pub fn formats(&self) -> Option<&Report> {
        self.formats.as_deref()
    }

    /// The files that passed by a waiver and not by the format gate.
    #[must_use]
    pub fn waived(&self) -> &[Waived] {
        &self.waived
    }

    /// Demands of rules in the mode `warn` that are not met.
    #[must_use]
    pub fn warnings(&self) -> &[Failure] {
        &self.warnings
    }
}

/// Step 9: the files are those that the statement is about.
pub(crate) fn check_contents(statement: &Statement, here: &Tree) -> Result<(), Failure> {
    planted::reach(Step::Contents);
    let (expected, found) = (statement.tree_digest(), here.digest());
    if expected == found {
        return Ok(());
    }
    Err(match statement.files() {
        Some(signed) if have_something_in_common(signed, here) => {
            let differences = differences(signed, here);
            Failure::FilesDiffer { count: differences.len(), differences, expected, found }
        }
        _ => Failure::SubjectMismatch { expected, found },
    })
}
