//! From a signed statement to one that is in a trusted log. Steps 4 to 7 of the procedure.
//!
//! [`LoggedStatement`] is made here and nowhere else. Nothing that the bundle says about the log is believed because it
//! stands there: index, size and root count as the log signed them, and the entry counts because it is computed again.

use attest::bundle::{Bundle, LogEntry};
use attest::entry::{Entry, EntryError, EntryPayload, ModelSalt};
use attest::key::PublicKey;
use attest::statement::Statement;
use merkle::LeafHash;
use tlog::checkpoint::{Origin, SignedCheckpoint, VerifiedCheckpoint};
use tlog::cosignature::Cosignature;
use tlog::policy::{Policy, PolicyOpenError, QuorumError};
use tlog::proof::LogProof;

use crate::facts::{Facts, Position};
use crate::failure::{EntryPart, Failure};
use crate::planted;
use crate::reason::Step;
use crate::requirements::{Expectation, Requirements};
use crate::signature::SignedStatement;

/// A signed statement whose entry is in the tree of a checkpoint that a log of the policy signed and its quorum of
/// witnesses saw.
#[derive(Clone, Debug)]
pub struct LoggedStatement {
    signed: SignedStatement,
    leaf: LeafHash,
    position: Position,
    checkpoint: VerifiedCheckpoint,
    cosignatures: Vec<Cosignature>,
}

impl LoggedStatement {
    /// Verifies everything in a bundle that can be verified without the model's files.
    ///
    /// # Errors
    ///
    /// As [`SignedStatement::open`], then the first of [`Failure::EntryMalformed`], [`Failure::EntrySaltMissing`],
    /// [`Failure::EntrySaltUnexpected`], [`Failure::EntryMismatch`], [`Failure::EntrySignatureInvalid`], [`Failure::NotLogged`], [`Failure::InclusionProofInvalid`],
    /// [`Failure::LogUnknown`], [`Failure::CheckpointSignatureInvalid`], [`Failure::LogIdMismatch`],
    /// [`Failure::CosignatureInvalid`], [`Failure::CosignaturesInsufficient`], [`Failure::SignerOutOfTerm`].
    pub fn open(
        bundle: &Bundle,
        requirements: &Requirements,
        expectation: &Expectation,
    ) -> Result<Self, Failure> {
        let signed = SignedStatement::open(bundle, requirements, expectation)?;
        let logged = bundle.log_entry().ok_or(Failure::NotLogged)?;
        let entry = read_entry(logged)?;
        check_entry(&entry, signed.statement(), signed.key(), bundle.salt())?;
        let proof = logged.proof().ok_or(Failure::NotLogged)?;
        let leaf = entry.leaf_hash();
        let position = check_inclusion(&leaf, proof)?;
        let checkpoint = open_checkpoint(logged, proof.checkpoint(), requirements.policy())?;
        let cosignatures = check_quorum(proof.checkpoint(), requirements.policy())?;
        let seen = requirements.seen_by(&cosignatures);
        let signed = signed.placed(requirements, checkpoint.origin(), &position, seen)?;
        Ok(Self { signed, leaf, position, checkpoint, cosignatures })
    }

    /// The statement, with who signed it.
    #[must_use]
    pub const fn signed(&self) -> &SignedStatement {
        &self.signed
    }

    /// What the commitments in its entry are made with, if that is private.
    #[must_use]
    pub const fn salt(&self) -> Option<&ModelSalt> {
        self.signed.bundle().salt()
    }

    /// The leaf hash of its entry.
    #[must_use]
    pub const fn leaf(&self) -> LeafHash {
        self.leaf
    }

    /// Where its entry is in the log.
    #[must_use]
    pub const fn position(&self) -> &Position {
        &self.position
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        self.checkpoint.origin()
    }

    /// The checkpoint whose tree has the entry.
    #[must_use]
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// The cosignatures of witnesses of the policy. Empty only if the policy asks for none.
    #[must_use]
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            position: Some(self.position),
            log: Some(self.origin().clone()),
            cosignatures: self.cosignatures.clone(),
            salt: self.salt().copied(),
            ..self.signed.facts()
        }
    }
}

/// Step 4, first half: the entry in its one encoding.
pub(crate) fn read_entry(logged: &LogEntry) -> Result<Entry, Failure> {
    logged.entry().map_err(|source| Failure::EntryMalformed { source })
}

/// Step 4, second half: the entry is the one of this statement and key, and of the salt if it is private, and the key signed it
/// too.
///
/// Entries have one encoding, so equal payload bytes and a protected header that fits the key in the payload are the
/// whole entry but its signature.
pub(crate) fn check_entry(
    entry: &Entry,
    statement: &Statement,
    key: &PublicKey,
    salt: Option<&ModelSalt>,
) -> Result<(), Failure> {
    match (entry.payload().is_private(), salt) {
        (true, None) => return Err(Failure::EntrySaltMissing),
        (false, Some(_)) => return Err(Failure::EntrySaltUnexpected),
        _ => {}
    }
    let expected = EntryPayload::of(statement, key, salt);
    if entry.payload().to_bytes() != expected.to_bytes() {
        return Err(Failure::EntryMismatch { part: EntryPart::Payload });
    }
    check_entry_signature(entry)
}

/// The part of step 4 that needs no statement.
pub(crate) fn check_entry_signature(entry: &Entry) -> Result<(), Failure> {
    planted::reach(Step::Entry);
    entry.verify().map_err(|source| match source {
        EntryError::KeyIdMismatch { .. } | EntryError::AlgorithmMismatch { .. } => {
            Failure::EntryMismatch { part: EntryPart::ProtectedHeader }
        }
        _ => Failure::EntrySignatureInvalid { source },
    })
}

/// Step 5: the leaf is in the tree of the checkpoint, whoever signed that.
pub(crate) fn check_inclusion(leaf: &LeafHash, proof: &LogProof) -> Result<Position, Failure> {
    planted::reach(Step::Inclusion);
    let head = *proof.checkpoint().unverified().head();
    let inclusion = proof.inclusion();
    inclusion.verify(leaf, &head).map_err(|source| Failure::InclusionProofInvalid { source })?;
    Ok(Position::new(inclusion, head))
}

/// Step 6: a log of the policy signed the checkpoint, and it is the one that the bundle names.
pub(crate) fn open_checkpoint(
    logged: &LogEntry,
    checkpoint: &SignedCheckpoint,
    policy: &Policy,
) -> Result<VerifiedCheckpoint, Failure> {
    planted::reach(Step::Checkpoint);
    let verified = policy.open(checkpoint).map_err(|source| match source {
        PolicyOpenError::UnknownLog { origin } => Failure::LogUnknown { origin },
        _ => Failure::CheckpointSignatureInvalid { origin: checkpoint.unverified().origin().clone(), source },
    })?;
    let log_id = logged.log_id().ok_or(Failure::NotLogged)?;
    let is_named = policy.logs_for_origin(verified.origin()).any(|log| log.vkey().log_id() == log_id);
    if !is_named {
        return Err(Failure::LogIdMismatch { origin: verified.origin().clone(), found: *log_id });
    }
    Ok(verified)
}

/// Step 7: the policy's quorum of witnesses saw the checkpoint.
pub(crate) fn check_quorum(
    checkpoint: &SignedCheckpoint,
    policy: &Policy,
) -> Result<Vec<Cosignature>, Failure> {
    planted::reach(Step::Witnesses);
    policy.quorum_met(checkpoint).map_err(|source| match source {
        QuorumError::NotMet { .. } => Failure::CosignaturesInsufficient { source },
        _ => Failure::CosignatureInvalid { source },
    })
}
