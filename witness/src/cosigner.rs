//! The witness's keys: what they are called, and the three things that are done with them.
//!
//! | key | algorithm byte | cosigns |
//! |---|---|---|
//! | Ed25519 | 0x04 | checkpoints, extension lines included |
//! | ML-DSA-44, feature `ml-dsa` | 0x06 | checkpoints without extension lines, subtrees |
//!
//! Both have the witness's name, so that a policy may ask for either.
//!
//! The Ed25519 key is in this memory, or an ssh-agent or a token holds it ([`held_key`]); the ML-DSA-44 key is always here, because no agent and
//! no token of today has such keys. What a keeper returns is verified before it is used: it may be wrong, and it may lie. Nobody
//! but this module names a [`HeldKey`], which signs any bytes; `cargo xtask tidy` sees to that.
//!
//! In scope: cosigning what is [`Durable`], and telling one's own cosignature. Out of scope: key files.

use std::sync::{Mutex, PoisonError};

use ed25519_dalek::SigningKey;
use held_key::place::Place;
use held_key::{HeldKey, KeyError};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tlog::checkpoint::SignedCheckpoint;
#[cfg(feature = "ml-dsa")]
use tlog::cosignature::ml_dsa::{self, MlDsaCosigner, MlDsaVkey};
use tlog::cosignature::{self, CosignatureError, UnixSeconds};
use tlog::note::NoteSignature;
use tlog::vkey::{KeyName, Vkey, VkeyError};
#[cfg(feature = "ml-dsa")]
use {merkle::Hash, merkle::subtree::Subtree, tlog::checkpoint::Origin};

use crate::durable::{Durable, Latest};

/// Name of the environment variable that may hold a token's PIN.
pub const PIN_ENV: &str = "TALLYMARK_WITNESS_PIN";
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

/// Where the Ed25519 key is.
enum Key {
    /// In this memory.
    Here(SigningKey),
    /// With a keeper, which is asked one question at a time: a session with a token can do no more.
    Held(Mutex<HeldKey>),
}

/// The keys of a witness.
pub struct Cosigner {
    key: Key,
    vkey: Vkey,
    #[cfg(feature = "ml-dsa")]
    ml_dsa: Option<MlDsaCosigner>,
}

impl Cosigner {
    /// A witness with an Ed25519 key in this memory.
    ///
    /// # Errors
    /// [`VkeyError::Point`] for a key that no witness has: one of small order.
    pub fn new(name: KeyName, key: SigningKey) -> Result<Self, VkeyError> {
        let vkey = Vkey::cosignature_ed25519(name, key.verifying_key().as_bytes())?;
        Ok(Self::of(Key::Here(key), vkey))
    }

    /// A witness whose Ed25519 key somebody else holds. Of an agent's keys it is `agent_key`, without it the only one; of a token's the
    /// one with the label, and which that is the caller finds in [`Cosigner::vkey`].
    ///
    /// # Errors
    /// [`KeyError`] if it is not there or cannot be reached, or is a key that no witness has.
    pub fn held(name: KeyName, place: &Place, agent_key: Option<&[u8; 32]>) -> Result<Self, KeyError> {
        let key = HeldKey::open(place, agent_key, PIN_ENV)?;
        let vkey = Vkey::cosignature_ed25519(name, &key.public_key()).map_err(|_| KeyError::NotAKey)?;
        Ok(Self::of(Key::Held(Mutex::new(key)), vkey))
    }

    const fn of(key: Key, vkey: Vkey) -> Self {
        Self {
            key,
            vkey,
            #[cfg(feature = "ml-dsa")]
            ml_dsa: None,
        }
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

    /// Whether [`Cosigner::cosign`] may wait, half a minute for each thing it hears from the keeper of a key.
    #[must_use]
    pub const fn may_wait(&self) -> bool {
        matches!(self.key, Key::Held(_))
    }

    /// The cosignatures of a checkpoint, that with Ed25519 first. All of them, or none.
    ///
    /// # Errors
    /// [`CosignError`], and only if somebody else holds the key. It may be asked for again.
    pub fn cosign<'a>(&self, durable: &'a Durable) -> Result<&'a [NoteSignature], CosignError> {
        durable.cosignatures(|latest| self.sign(latest))
    }

    fn sign(&self, latest: &Latest) -> Result<Vec<NoteSignature>, CosignError> {
        let signatures = vec![self.ed25519(latest.checkpoint().note().text(), latest.time())?];
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
        Ok(signatures)
    }

    fn ed25519(&self, body: &str, time: UnixSeconds) -> Result<NoteSignature, CosignError> {
        match &self.key {
            Key::Here(key) => Ok(cosignature::cosign(key, self.name(), body, time)),
            Key::Held(key) => {
                let key = key.lock().unwrap_or_else(PoisonError::into_inner);
                let signature = key.sign(&cosignature::message(body, time))?;
                Ok(cosignature::of_signature(&self.vkey, body, time, &signature)?)
            }
        }
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

/// Why there is no cosignature. Only a key that somebody else holds does that.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CosignError {
    /// Its keeper was not reached, or made none.
    #[error("the key made no signature")]
    Key {
        /// Why.
        #[from]
        source: KeyError,
    },
    /// What it returned does not verify: it is by another key, or over other bytes. It was not used.
    #[error("the key made a signature that does not verify")]
    Signature {
        /// Why.
        #[from]
        source: CosignatureError,
    },
}
