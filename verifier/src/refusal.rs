//! Why there is no verified model: the failure that decides, what else was seen, and how far the procedure came.

use std::sync::Arc;

use formats::Report;

use crate::custody::Testimony;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::lineage::Lineage;
use crate::outcome::Outcomes;
use crate::reason::{Class, Reason};

/// The answer "no", "refused" or "cannot say".
///
/// One failure decides. If anything was checked and is false, it is the first such; otherwise the first failure in
/// the order of the steps. Absent trust therefore never hides a changed file.
#[derive(Debug)]
pub struct Refusal {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    failure: Failure,
    also: Vec<Failure>,
    line: Option<usize>,
    outcomes: Outcomes,
    facts: Facts,
    notes: Vec<LineNote>,
    testimonies: Vec<Testimony>,
    lineage: Option<Lineage>,
    formats: Option<Arc<Report>>,
}

/// What became of a line of the bundle file that did not decide the verdict.
#[derive(Debug)]
pub struct LineNote {
    line: usize,
    failure: Option<Failure>,
}

impl LineNote {
    pub(crate) const fn new(line: usize, failure: Option<Failure>) -> Self {
        Self { line, failure }
    }

    /// The line's number, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Why the line does not verify; `None` if it does and another line was there first. Of files that differ it has
    /// their number and the first.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl Refusal {
    /// Puts together what was seen of one line. `cause` is why it was refused; `seen` is all that failed, the cause
    /// among it, as far as the examination came upon it.
    pub(crate) fn of_line(
        line: usize,
        cause: Failure,
        mut seen: Vec<Failure>,
        outcomes: Outcomes,
        facts: Facts,
    ) -> Self {
        if !seen.iter().any(|failure| failure.reason() == cause.reason()) {
            // It stopped the line, so it comes before what was found of its step afterwards.
            seen.insert(0, cause);
        }
        seen.sort_by_key(|failure| failure.reason().step()); // stable: order of finding within a step
        let is_false = |failure: &Failure| failure.reason().class() == Class::VerifiedFalse;
        let failure = seen.remove(seen.iter().position(is_false).unwrap_or(0));
        let (notes, testimonies) = (Vec::new(), Vec::new());
        let (line, lineage, formats) = (Some(line), None, None);
        let inner =
            Inner { failure, also: seen, line, outcomes, facts, notes, testimonies, lineage, formats };
        Self { inner: Box::new(inner) }
    }

    pub(crate) fn with_lineage(mut self, lineage: Lineage) -> Self {
        self.inner.lineage = Some(lineage);
        self
    }

    pub(crate) fn with_formats(mut self, formats: Option<Arc<Report>>) -> Self {
        self.inner.formats = formats;
        self
    }

    pub(crate) fn with_notes(mut self, notes: Vec<LineNote>) -> Self {
        self.inner.notes = notes;
        self
    }

    pub(crate) fn with_testimonies(mut self, testimonies: Vec<Testimony>) -> Self {
        self.inner.testimonies = testimonies;
        self
    }

    pub(crate) fn into_note(self) -> Option<LineNote> {
        let Inner { line, failure, .. } = *self.inner;
        line.map(|line| LineNote::new(line, Some(failure.without_list())))
    }

    /// The stable code of the failure that decides.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.inner.failure.reason()
    }

    /// What the refusal means to a program.
    #[must_use]
    pub fn class(&self) -> Class {
        self.reason().class()
    }

    /// The failure that decides.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.inner.failure
    }

    /// Whatever else failed in the same line, in the order of the steps.
    #[must_use]
    pub fn also(&self) -> &[Failure] {
        &self.inner.also
    }

    /// The line of the bundle file that came furthest, from 1; `None` if no line was looked at.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.inner.line
    }

    /// How each step ended.
    #[must_use]
    pub fn outcomes(&self) -> &Outcomes {
        &self.inner.outcomes
    }

    /// What was established all the same.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.inner.facts
    }

    /// The other lines of the bundle file.
    #[must_use]
    pub fn notes(&self) -> &[LineNote] {
        &self.inner.notes
    }

    /// What the format gate found, if a rule asked for it and the files are the signed ones.
    #[must_use]
    pub fn formats(&self) -> Option<&Report> {
        self.inner.formats.as_deref()
    }

    /// What is known of where the model comes from, if its statement is believed so far.
    #[must_use]
    pub fn lineage(&self) -> Option<&Lineage> {
        self.inner.lineage.as_ref()
    }

    /// What else was said about the model that the statement is about, in the order of the lines.
    #[must_use]
    pub fn testimonies(&self) -> &[Testimony] {
        &self.inner.testimonies
    }
}

impl From<Failure> for Refusal {
    /// A failure of the first step: no line was looked at.
    fn from(failure: Failure) -> Self {
        let mut outcomes = Outcomes::unknown();
        outcomes.fail(failure.reason().step());
        let inner = Inner {
            failure,
            also: Vec::new(),
            line: None,
            outcomes,
            facts: Facts::default(),
            notes: Vec::new(),
            testimonies: Vec::new(),
            lineage: None,
            formats: None,
        };
        Self { inner: Box::new(inner) }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.inner.failure, f)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.inner.failure)
    }
}
