//! Whether enough witnesses cosigned a checkpoint.

use thiserror::Error;

use super::{Member, Policy, PolicyName, Quorum};
use crate::checkpoint::SignedCheckpoint;
use crate::cosignature::{Cosignature, CosignatureError, verify};
use crate::error::ErrorClass;
use crate::note::Note;
use crate::vkey::Vkey;

/// Why a checkpoint is not witnessed as the policy demands.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// A known witness's cosignature does not fit. The checkpoint is refused, whatever the others say.
    #[error("cosignature of a known witness is refused")]
    BadCosignature {
        /// Why.
        #[from]
        source: CosignatureError,
    },
    /// Too few, or not the right ones.
    #[error("quorum {quorum} is not met by the {seen} of {known} known witnesses that cosigned")]
    NotMet {
        /// What the policy calls the witness or group that has to witness.
        quorum: PolicyName,
        /// Known witnesses that cosigned.
        seen: usize,
        /// Witnesses in the policy.
        known: usize,
    },
}

impl QuorumError {
    /// Sorts the refusal.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::BadCosignature { .. } => ErrorClass::Mismatch,
            Self::NotMet { .. } => ErrorClass::Untrusted,
        }
    }
}

impl Policy {
    /// Verifies the cosignatures of all known witnesses, and returns one for each witness that cosigned, in the order of
    /// [`Policy::witnesses`]: its latest, if it cosigned more than once. Lines by unknown keys are passed over.
    ///
    /// Under `quorum none` the list may be empty. Whether the log signed is for [`Policy::open`].
    ///
    /// # Errors
    ///
    /// * [`QuorumError::BadCosignature`] if any line by a known witness does not verify;
    /// * [`QuorumError::NotMet`] if those that cosigned are not enough.
    pub fn quorum_met(&self, checkpoint: &SignedCheckpoint) -> Result<Vec<Cosignature>, QuorumError> {
        let mut cosignatures = Vec::new();
        let mut witnessed = Vec::with_capacity(self.witnesses.len());
        for witness in &self.witnesses {
            let latest = latest_cosignature(checkpoint.note(), &witness.vkey)?;
            witnessed.push(latest.is_some());
            cosignatures.extend(latest);
        }
        match self.quorum {
            Quorum::Of(member) if !self.is_witnessed(member, &witnessed) => Err(QuorumError::NotMet {
                quorum: self.name_of(member).cloned().unwrap_or_else(|| PolicyName(Vec::new())),
                seen: cosignatures.len(),
                known: self.witnesses.len(),
            }),
            _ => Ok(cosignatures),
        }
    }

    /// Whether `member` is witnessed if exactly those witnesses cosigned that are true in `witnesses`.
    fn is_witnessed(&self, member: Member, witnesses: &[bool]) -> bool {
        // Members of a group stand before it, so one pass in order settles all groups.
        let mut groups = Vec::with_capacity(self.groups.len());
        let settled = |member: Member, groups: &[bool]| match member {
            Member::Group(position) => groups.get(position).is_some_and(|&met| met),
            Member::Witness(position) => witnesses.get(position).is_some_and(|&met| met),
        };
        for group in &self.groups {
            let met = group.members.iter().filter(|&&member| settled(member, &groups)).count();
            groups.push(met >= group.threshold);
        }
        settled(member, &groups)
    }
}

/// Verifies every line by `witness` and returns the one with the highest timestamp, if there is any.
fn latest_cosignature(note: &Note, witness: &Vkey) -> Result<Option<Cosignature>, CosignatureError> {
    let mut latest: Option<Cosignature> = None;
    for line in note.signatures().iter().filter(|line| line.is_by(witness)) {
        let cosignature = verify(witness, line, note.text())?;
        if latest.as_ref().is_none_or(|other| other.timestamp() < cosignature.timestamp()) {
            latest = Some(cosignature);
        }
    }
    Ok(latest)
}
