//! From a bundle to a statement that a trusted key signed. Steps 2 and 3, and step 8, of the procedure.
//!
//! [`SignedStatement`] is made here and nowhere else.

use attest::bundle::Bundle;
use attest::key::PublicKey;
use attest::statement::{Statement, StatementError};
use attest::utc_time::UtcTime;

use crate::facts::{Facts, Position};
use crate::failure::Failure;
use crate::planted;
use crate::reason::Step;
use crate::requirements::{Expectation, Publisher, Requirements, Right};
use tlog::checkpoint::Origin;

/// A statement whose signature verifies under a key that may sign its name.
#[derive(Clone, Debug)]
pub struct SignedStatement {
    bundle: Bundle,
    statement: Statement,
    key: PublicKey,
    publisher: Publisher,
}

impl SignedStatement {
    /// Verifies the signature under the trusted key that the bundle's hint names, and that this key may sign that name. Of
    /// what kind the statement is does not matter here.
    ///
    /// # Errors
    ///
    /// The first of [`Failure::StatementMalformed`], [`Failure::ProvenanceMissing`], [`Failure::SignerUnexpected`],
    /// [`Failure::SignatureInvalid`], [`Failure::NameUnexpected`], [`Failure::VersionUnexpected`].
    pub fn open(
        bundle: &Bundle,
        requirements: &Requirements,
        expectation: &Expectation,
    ) -> Result<Self, Failure> {
        let statement = read_statement(bundle)?;
        let right = Right::to_sign(&statement);
        let key = requirements
            .key(&bundle.hint())
            .ok_or_else(|| requirements.unexpected(statement.name(), bundle.hint(), right))?;
        check_signature(bundle, key)?;
        expectation.check(&statement)?;
        let publisher = requirements.admit(statement.name(), key, right)?.clone();
        Ok(Self { bundle: bundle.clone(), key: key.clone(), statement, publisher })
    }

    /// The bundle it came from.
    #[must_use]
    pub const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The statement.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The key that signed it.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// That its entry is where the key counts. Of several parts of the trust file that let the key sign, the one that
    /// covers the entry is kept.
    pub(crate) fn placed(
        self,
        requirements: &Requirements,
        log: &Origin,
        position: &Position,
        seen: Option<UtcTime>,
    ) -> Result<Self, Failure> {
        let right = Right::to_sign(&self.statement);
        let publisher =
            requirements.admit_at(self.statement.name(), &self.key, right, log, position, seen)?;
        Ok(Self { publisher: publisher.clone(), ..self })
    }

    /// The part of the trust file that lets this key sign this name.
    #[must_use]
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            statement: Some(self.statement.clone()),
            signer: Some(self.key.clone()),
            publisher: Some(self.publisher.clone()),
            ..Facts::default()
        }
    }
}

/// Step 2: reads the provenance from the bytes that were signed.
pub(crate) fn read_provenance(bundle: &Bundle) -> Result<Statement, Failure> {
    let statement = read_statement(bundle)?;
    match statement.provenance() {
        Some(_) => Ok(statement),
        None => Err(Failure::NotProvenance { kind: statement.kind() }),
    }
}

/// Reads a statement of any kind from the bytes that were signed.
pub(crate) fn read_statement(bundle: &Bundle) -> Result<Statement, Failure> {
    planted::reach(Step::Statement);
    Statement::parse(bundle.envelope().payload()).map_err(|source| match source {
        StatementError::UnreadKind { .. } | StatementError::UnknownPredicateType { .. } => {
            Failure::ProvenanceMissing { source }
        }
        _ => Failure::StatementMalformed { source },
    })
}

/// Step 3: verifies the signature over the payload.
pub(crate) fn check_signature(bundle: &Bundle, key: &PublicKey) -> Result<(), Failure> {
    planted::reach(Step::Signature);
    bundle.envelope().verify(key).map_err(|source| Failure::SignatureInvalid { key_id: key.key_id(), source })
}
