//! What else was said about the model: events and evaluations in the lines of the bundle file that are no provenance, and in
//! those of the evidence ([`lineage`](crate::lineage)).
//!
//! A [`Testimony`] is made here and nowhere else: a key that may say this of the model's name said it, it is in a trusted
//! log, and it is about this tree. It is shown. What it amounts to, together with the others, is for
//! [`standing`](crate::standing) to say.
//!
//! Nothing is known of lines that are not there. Whoever hands out the model can leave a revocation out of the file.

use attest::bundle::Bundle;
use attest::entry::ModelSalt;
use attest::statement::Statement;

use crate::failure::Failure;
use crate::logged::LoggedStatement;
use crate::place::Place;
use crate::requirements::{Expectation, Requirements, Right};

/// Something other than a provenance that was said about a model, signed and logged.
#[derive(Clone, Debug)]
pub struct Testimony {
    place: Place,
    logged: LoggedStatement,
}

impl Testimony {
    /// Verifies the line at that place, whatever it is about.
    ///
    /// # Errors
    ///
    /// [`Failure::NoTrust`], or what [`LoggedStatement::open`] refuses.
    pub(crate) fn open(
        place: Place,
        bundle: &Bundle,
        requirements: Option<&Requirements>,
    ) -> Result<Self, Failure> {
        let requirements = requirements.ok_or(Failure::NoTrust)?;
        let logged = LoggedStatement::open(bundle, requirements, &Expectation::default())?;
        Ok(Self { place, logged })
    }

    /// Whether it is about the model of `about`: the same tree, under the same name. The version label may differ. What speaks
    /// against a tree under another name counts too, if the key may say so of this name: the bytes are the same.
    ///
    /// `salt` is that of the model's own entry. What speaks for a model counts only if its entry can be found by whoever watches
    /// the model: in the clear, or under that salt. What speaks against it counts wherever it stands.
    ///
    /// # Errors
    ///
    /// [`Failure::NameUnexpected`], [`Failure::SubjectMismatch`], [`Failure::SignerUnexpected`],
    /// [`Failure::EntrySaltDiffers`].
    pub(crate) fn concerns(
        &self,
        about: &Statement,
        salt: Option<&ModelSalt>,
        requirements: &Requirements,
    ) -> Result<(), Failure> {
        let statement = self.statement();
        let (expected, found) = (statement.tree_digest(), about.tree_digest());
        if statement.name() != about.name() {
            if !self.is_adverse() || expected != found {
                let (expected, found) = (about.name().clone(), statement.name().clone());
                return Err(Failure::NameUnexpected { expected, found });
            }
            let right = Right::to_sign(statement);
            requirements.admit(about.name(), self.logged.signed().key(), right)?;
        }
        if expected != found {
            return Err(Failure::SubjectMismatch { expected, found });
        }
        if self.is_in_sight_of(salt) { Ok(()) } else { Err(Failure::EntrySaltDiffers) }
    }

    /// Whether whoever watches a model with that salt finds the entry; and if not, whether it counts all the same.
    pub(crate) fn is_in_sight_of(&self, salt: Option<&ModelSalt>) -> bool {
        self.is_adverse() || self.logged.salt().is_none() || self.logged.salt() == salt
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
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
