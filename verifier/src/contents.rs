//! From a logged statement to a verified model. Step 9 of the procedure.
//!
//! [`VerifiedModel`] is made here and nowhere else. The tree digest decides; the list of differences is for people.

use attest::statement::Statement;
use attest::tree::Tree;

use crate::custody::Testimony;
use crate::difference::{differences, have_something_in_common};
use crate::facts::{Contents, Facts};
use crate::failure::Failure;
use crate::logged::LoggedStatement;
use crate::outcome::Outcomes;
use crate::refusal::LineNote;

/// A model that passed every step: these files, under this name, by this publisher, in this log.
#[derive(Debug)]
pub struct VerifiedModel {
    logged: LoggedStatement,
    line: usize,
    facts: Facts,
    outcomes: Outcomes,
    notes: Vec<LineNote>,
    testimonies: Vec<Testimony>,
    warnings: Vec<Failure>,
}

impl VerifiedModel {
    /// Compares the files with a statement that the requirements let pass. `line` is the bundle's line in its file, from 1.
    ///
    /// # Errors
    ///
    /// [`Failure::NotProvenance`], [`Failure::FilesDiffer`] or [`Failure::SubjectMismatch`].
    pub(crate) fn open(logged: &LoggedStatement, line: usize, here: &Tree) -> Result<Self, Failure> {
        let statement = logged.signed().statement();
        if statement.provenance().is_none() {
            return Err(Failure::NotProvenance { kind: statement.kind() });
        }
        check_contents(statement, here)?;
        let facts = Facts { contents: Some(Contents::of(here)), ..logged.facts() };
        let (outcomes, notes, testimonies) = (Outcomes::all_pass(), Vec::new(), Vec::new());
        Ok(Self { logged: logged.clone(), line, facts, outcomes, notes, testimonies, warnings: Vec::new() })
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<Failure>) -> Self {
        self.warnings = warnings;
        self
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

    /// Demands of rules in the mode `warn` that are not met.
    #[must_use]
    pub fn warnings(&self) -> &[Failure] {
        &self.warnings
    }
}

/// Step 9: the files are those that the statement is about.
pub(crate) fn check_contents(statement: &Statement, here: &Tree) -> Result<(), Failure> {
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
