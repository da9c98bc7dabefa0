//! The key of a witness in a policy: Ed25519 cosignatures (0x04), and with feature `ml-dsa` ML-DSA-44 (0x06).

use std::fmt;

use crate::checkpoint::SignedCheckpoint;
use crate::cosignature::{self, Cosignature, CosignatureError};
use crate::signature_line::NoteSignature;
use crate::vkey::{KeyId, KeyName, Vkey};

#[cfg(feature = "ml-dsa")]
use crate::cosignature::ml_dsa::{self, MlDsaVkey};

/// A key whose cosignatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WitnessKey {
    /// Ed25519 (RFC 8032).
    Ed25519(Box<Vkey>),
    /// ML-DSA-44 (FIPS 204), which says nothing about the checkpoint's extension lines.
    #[cfg(feature = "ml-dsa")]
    MlDsa(Box<MlDsaVkey>),
}

impl WitnessKey {
    /// The name that its signature lines carry.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        match self {
            Self::Ed25519(key) => key.name(),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa(key) => key.name(),
        }
    }

    /// The id that its signature lines carry.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        match self {
            Self::Ed25519(key) => key.key_id(),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa(key) => key.key_id(),
        }
    }

    /// Whether name and id of a line are this key's, so that it has to verify.
    #[must_use]
    pub fn signed(&self, line: &NoteSignature) -> bool {
        line.name() == self.name() && line.key_id() == self.key_id()
    }

    /// Verifies that a line is a cosignature by this key over a checkpoint.
    ///
    /// # Errors
    ///
    /// As [`cosignature::verify`].
    pub fn verify(
        &self,
        line: &NoteSignature,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Cosignature, CosignatureError> {
        match self {
            Self::Ed25519(key) => cosignature::verify(key, line, checkpoint.note().text()),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa(key) => {
                let said = checkpoint.unverified();
                ml_dsa::verify(key, line, said.origin(), said.head())
                    .map_err(|_| CosignatureError::BadSignature { name: key.name().clone() })
            }
        }
    }

    /// Whether both are one public key, whatever they are called.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ed25519(key), Self::Ed25519(other)) => key.public_key() == other.public_key(),
            #[cfg(feature = "ml-dsa")]
            (Self::MlDsa(key), Self::MlDsa(other)) => key.public_key() == other.public_key(),
            #[cfg(feature = "ml-dsa")]
            _ => false,
        }
    }
}

/// The verifier key, as it is read.
impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519(key) => key.fmt(f),
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa(key) => key.fmt(f),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "ml-dsa")]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::checkpoint::CheckpointSigner;
    use crate::cosignature::UnixSeconds;
    use crate::cosignature::ml_dsa::MlDsaCosigner;
    use crate::policy::{Policy, PolicyError, QuorumError};

    fn cosigner(seed: u8) -> MlDsaCosigner {
        MlDsaCosigner::from_seed("witness.test/w1".parse().unwrap(), &[seed; 32])
    }

    fn policy(lines: &str) -> Result<Policy, PolicyError> {
        lines.parse()
    }

    /// A checkpoint of the empty tree with a line by the cosigner of a seed.
    fn witnessed(seed: u8) -> SignedCheckpoint {
        let log = CheckpointSigner::ed25519("log.test/1".parse().unwrap(), SigningKey::from_bytes(&[7; 32]));
        let head = merkle::TreeHead::empty();
        let signed = SignedCheckpoint::parse(&log.unwrap().sign(&head)).unwrap();
        let origin = signed.unverified().origin().clone();
        let line = cosigner(seed).cosign(&origin, &head, UnixSeconds::new(1_800_000_000).unwrap()).unwrap();
        signed.with_signatures(&[line]).unwrap()
    }

    #[test]
    fn a_quorum_of_ml_dsa_keys_is_met_by_their_lines_alone() {
        let text = format!("witness w1 {}\nquorum w1\n", cosigner(1).vkey());
        let policy = policy(&text).unwrap();
        assert_eq!(policy.to_bytes(), text.as_bytes());
        let cosignatures = policy.quorum_met(&witnessed(1)).unwrap();
        assert_eq!(policy.cosigned_by(&cosignatures).map(UnixSeconds::get), Some(1_800_000_000));
        // Another key of that name has another id, and is passed over.
        assert!(matches!(policy.quorum_met(&witnessed(2)), Err(QuorumError::NotMet { seen: 0, .. })));
    }

    #[test]
    fn one_key_counts_once_and_a_key_that_cannot_be_is_refused() {
        let key = cosigner(1).vkey().to_string();
        let twice = format!("witness w1 {key}\nwitness w2 {key}\nquorum w1\n");
        assert_eq!(policy(&twice), Err(PolicyError::KeyTwice { line: 2 }));
        let short = format!("witness w1 {}\nquorum w1\n", &key[..key.len() - 4]);
        assert!(
            matches!(policy(&short), Err(PolicyError::MlDsaVkey { line: 1, .. })),
            "{:?}",
            policy(&short)
        );
    }
}
