//! Whether enough witnesses cosigned a checkpoint.

use thiserror::Error;

use super::{Member, Policy, PolicyName, PolicyWitness, Quorum, WitnessKey};
use crate::checkpoint::SignedCheckpoint;
use crate::cosignature::{Cosignature, CosignatureError, UnixSeconds};
use crate::error::ErrorClass;

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
            let latest = latest_cosignature(checkpoint, &witness.key)?;
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

    /// The moment by which the quorum had cosigned, by the witnesses' own clocks: the earliest time up to which there are enough of
    /// these, one of each witness as [`Policy::quorum_met`] gives them. So many witnesses would have to be wrong together to make it
    /// too early as have to be to forge the quorum.
    ///
    /// `None` under `quorum none`, and if they are not enough. A time of 0 says nothing and does not count.
    #[must_use]
    pub fn cosigned_by(&self, cosignatures: &[Cosignature]) -> Option<UnixSeconds> {
        let Quorum::Of(member) = self.quorum else { return None };
        let time_of = |witness: &PolicyWitness| {
            let by = cosignatures.iter().find(|cosignature| {
                cosignature.witness() == witness.key.name() && cosignature.key_id() == witness.key.key_id()
            });
            by.map(Cosignature::timestamp).filter(|time| *time != UnixSeconds::NONE)
        };
        let times: Vec<Option<UnixSeconds>> = self.witnesses.iter().map(time_of).collect();
        let mut moments: Vec<UnixSeconds> = times.iter().copied().flatten().collect();
        moments.sort_unstable();
        moments.into_iter().find(|moment| {
            let until: Vec<bool> =
                times.iter().map(|time| time.is_some_and(|time| time <= *moment)).collect();
            self.is_witnessed(member, &until)
        })
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
fn latest_cosignature(
    checkpoint: &SignedCheckpoint,
    witness: &WitnessKey,
) -> Result<Option<Cosignature>, CosignatureError> {
    let mut latest: Option<Cosignature> = None;
    for line in checkpoint.note().signatures().iter().filter(|line| witness.signed(line)) {
        let cosignature = witness.verify(line, checkpoint)?;
        if latest.as_ref().is_none_or(|other| other.timestamp() < cosignature.timestamp()) {
            latest = Some(cosignature);
        }
    }
    Ok(latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosignature::{cosign, verify};
    use crate::vkey::{KeyAlgorithm, Vkey};
    use ed25519_dalek::SigningKey;

    const BODY: &str = "log.test/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    fn cosignature(seed: u8, time: u64) -> Cosignature {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let line =
            cosign(&key, &format!("w.test/{seed}").parse().unwrap(), BODY, UnixSeconds::new(time).unwrap());
        verify(&vkey(seed), &line, BODY).unwrap()
    }

    fn vkey(seed: u8) -> Vkey {
        let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        Vkey::of_key(format!("w.test/{seed}").parse().unwrap(), KeyAlgorithm::CosignatureEd25519, key)
    }

    fn policy(quorum: &str) -> Policy {
        let witnesses: String = (1..=3).map(|seed| format!("witness w{seed} {}\n", vkey(seed))).collect();
        format!("{witnesses}{quorum}").parse().unwrap()
    }

    fn by(quorum: &str, times: &[(u8, u64)]) -> Option<u64> {
        let cosignatures: Vec<_> = times.iter().map(|(seed, time)| cosignature(*seed, *time)).collect();
        policy(quorum).cosigned_by(&cosignatures).map(UnixSeconds::get)
    }

    #[test]
    fn the_quorum_had_cosigned_when_the_last_of_the_earliest_that_are_enough_had() {
        let two = "group g 2 w1 w2 w3\nquorum g\n";
        assert_eq!(by(two, &[(1, 50), (2, 10), (3, 30)]), Some(30));
        assert_eq!(by(two, &[(1, 50), (2, 10)]), Some(50));
        assert_eq!(by(two, &[(1, 50)]), None);
        assert_eq!(by("quorum w1\n", &[(1, 50), (2, 10)]), Some(50));
        assert_eq!(by("quorum none\n", &[(1, 50)]), None);
    }

    #[test]
    fn a_time_that_says_nothing_and_a_stranger_do_not_count() {
        assert_eq!(by("quorum w1\n", &[(1, 0)]), None);
        assert_eq!(by("quorum w1\n", &[(4, 7)]), None);
    }
}
