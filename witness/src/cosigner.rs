//! The witness's keys: what they are called, and the three things that are done with them.
//!
//! | key | algorithm byte | cosigns |
//! |---|---|---|
//! | Ed25519 | 0x04 | checkpoints, extension lines included |
//! | ML-DSA-44, feature `ml-dsa` | 0x06 | checkpoints without extension lines, subtrees |
//!
//! Both have the witness's name, so that a policy may ask for either.
//!
//! In scope: cosigning what is [`Durable`], and telling one's own cosignature. Out of scope: where keys are kept.

use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature;
#[cfg(feature = "ml-dsa")]
use tlog::cosignature::ml_dsa::{self, MlDsaCosigner, MlDsaVkey};
use tlog::note::NoteSignature;
use tlog::vkey::{KeyName, Vkey, VkeyError};
#[cfg(feature = "ml-dsa")]
use {merkle::Hash, merkle::subtree::Subtree, tlog::checkpoint::Origin};

use crate::durable::{Durable, Latest};

/// Most lines with the witness's name that are looked at in a checkpoint: twice what it writes.
const MAX_OWN_LINES: usize = 4;

/// What a record is bound to: the hash of the Ed25519 verifier key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl Identity {
    /// The identity of the witness with this verifier key.
    #[must_use]
    pub fn of(vkey: &Vkey) -> Self {
        let hash =
            Sha256::new().chain_update(b"tallymark-witness-record/v1\n").chain_update(vkey.to_string());
        Self(hash.chain_update(b"\n").finalize().into())
    }

    /// Its bytes, the first of a record.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The keys of a witness.
pub struct Cosigner {
    key: SigningKey,
    vkey: Vkey,
    #[cfg(feature = "ml-dsa")]
    ml_dsa: Option<MlDsaCosigner>,
}

impl Cosigner {
    /// A witness with an Ed25519 key.
    ///
    /// # Errors
    /// [`VkeyError::Point`] for a key that no witness has: one of small order.
    pub fn new(name: KeyName, key: SigningKey) -> Result<Self, VkeyError> {
        let vkey = Vkey::cosignature_ed25519(name, key.verifying_key().as_bytes())?;
        Ok(Self {
            key,
            vkey,
            #[cfg(feature = "ml-dsa")]
            ml_dsa: None,
        })
    }

    /// The same witness with an ML-DSA-44 key beside the other.
    #[cfg(feature = "ml-dsa")]
    #[must_use]
    pub fn with_ml_dsa(mut self, seed: &[u8; ml_dsa::SEED_BYTES]) -> Self {
        self.ml_dsa = Some(MlDsaCosigner::from_seed(self.vkey.name().clone(), seed));
        self
    }

    /// The name of the witness.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        self.vkey.name()
    }

    /// The Ed25519 verifier key, for policies.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The ML-DSA-44 verifier key, if there is one.
    #[cfg(feature = "ml-dsa")]
    #[must_use]
    pub fn ml_dsa_vkey(&self) -> Option<&MlDsaVkey> {
        self.ml_dsa.as_ref().map(MlDsaCosigner::vkey)
    }

    /// What its record is bound to.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::of(&self.vkey)
    }

    /// The cosignatures of a checkpoint, that with Ed25519 first.
    #[must_use]
    pub fn cosign<'a>(&self, durable: &'a Durable) -> &'a [NoteSignature] {
        durable.cosignatures(|latest| self.sign(latest))
    }

    fn sign(&self, latest: &Latest) -> Vec<NoteSignature> {
        let body = latest.checkpoint().note().text();
        let ed25519 = cosignature::cosign(&self.key, self.name(), body, latest.time());
        let signatures = vec![ed25519];
        #[cfg(feature = "ml-dsa")]
        let signatures = {
            let mut signatures = signatures;
            // It cannot fail but by odds that nobody sees; then the other one has to do.
            if let Some(Ok(line)) =
                self.ml_dsa.as_ref().map(|key| key.cosign(latest.origin(), latest.head(), latest.time()))
            {
                signatures.push(line);
            }
            signatures
        };
        signatures
    }

    /// The cosignature of a subtree; `None` without a key that can.
    ///
    /// Precondition: the subtree lies in a tree that this witness cosigned.
    #[cfg(feature = "ml-dsa")]
    pub(crate) fn cosign_subtree(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: &Hash,
    ) -> Option<NoteSignature> {
        self.ml_dsa.as_ref()?.cosign_subtree(origin, subtree, hash).ok()
    }

    /// Whether this witness cosigned the checkpoint: there is a line by one of its keys, and each of those verifies. More of them than
    /// it ever writes are not looked at: each costs a verification.
    #[must_use]
    pub fn has_cosigned(&self, checkpoint: &SignedCheckpoint) -> bool {
        let (text, unverified) = (checkpoint.note().text(), checkpoint.unverified());
        let own = checkpoint.note().signatures().iter().filter(|line| line.name() == self.name());
        if own.clone().count() > MAX_OWN_LINES {
            return false;
        }
        let mut seen = false;
        for line in own {
            if line.is_by(&self.vkey) {
                if cosignature::verify(&self.vkey, line, text).is_err() {
                    return false;
                }
                seen = true;
            }
            #[cfg(feature = "ml-dsa")]
            if let Some(vkey) = self.ml_dsa_vkey().filter(|vkey| vkey.signed(line)) {
                if ml_dsa::verify(vkey, line, unverified.origin(), unverified.head()).is_err() {
                    return false;
                }
                seen = true;
            }
        }
        let _ = unverified;
        seen
    }
}

/// Shows the public side only.
impl std::fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cosigner").field("vkey", &self.vkey).finish_non_exhaustive()
    }
}
