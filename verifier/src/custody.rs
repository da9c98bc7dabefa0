//! What else was said about the model: events and evaluations in the lines of the bundle file that are no provenance.
//!
//! A [`Testimony`] is made here and nowhere else: a key that may sign the model's name said it, it is in a trusted log, and
//! it is about this tree. It is shown. It takes no part in the verdict: an approval makes no model good, and nothing here
//! turns a no into a yes. What follows from a withdrawal is for the caller's requirements to say.
//!
//! Nothing is known of lines that are not there. Whoever hands out the model can leave a revocation out of the file.

use attest::bundle::Bundle;
use attest::statement::Statement;

use crate::failure::Failure;
use crate::logged::LoggedStatement;
use crate::requirements::{Expectation, Requirements};

/// Something other than a provenance that was said about a model, signed and logged.
#[derive(Clone, Debug)]
pub struct Testimony {
    line: usize,
    logged: LoggedStatement,
}

impl Testimony {
    /// Verifies that line `line`, from 1, is about the model of `about`, by a key that may sign its name. The version label
    /// may differ: it is the same tree.
    ///
    /// # Errors
    ///
    /// [`Failure::NoTrust`], what [`LoggedStatement::open`] refuses, or [`Failure::SubjectMismatch`].
    pub(crate) fn open(
        line: usize,
        bundle: &Bundle,
        requirements: Option<&Requirements>,
        about: &Statement,
    ) -> Result<Self, Failure> {
        let requirements = requirements.ok_or(Failure::NoTrust)?;
        let expectation = Expectation::new(Some(about.name().clone()), None);
        let logged = LoggedStatement::open(bundle, requirements, &expectation)?;
        let (expected, found) = (logged.signed().statement().tree_digest(), about.tree_digest());
        if expected != found {
            return Err(Failure::SubjectMismatch { expected, found });
        }
        Ok(Self { line, logged })
    }

    /// The line of the bundle file, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// What was said, with who said it and where it is logged.
    #[must_use]
    pub const fn logged(&self) -> &LoggedStatement {
        &self.logged
    }

    /// The statement.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        self.logged.signed().statement()
    }

    /// Whether it speaks against using the model: a rejection, a supersession, a revocation.
    #[must_use]
    pub fn is_adverse(&self) -> bool {
        self.statement().event().is_some_and(|event| event.kind().is_adverse())
    }
}
