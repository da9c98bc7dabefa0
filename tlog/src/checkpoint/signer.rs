//! Signing checkpoints, the log's own work.

use ed25519_dalek::SigningKey;
use merkle::TreeHead;

use super::{Checkpoint, Origin};
use crate::note::NoteSigner;
use crate::vkey::{KeyNameError, Vkey};

/// A log's private key: signs tree heads as checkpoints of its origin.
#[derive(Debug)]
pub struct CheckpointSigner {
    origin: Origin,
    signer: NoteSigner,
}

impl CheckpointSigner {
    /// A log whose key is called like its origin.
    ///
    /// # Errors
    ///
    /// [`KeyNameError`] if the origin cannot name a key: it has white space or a `+`.
    pub fn ed25519(origin: Origin, key: SigningKey) -> Result<Self, KeyNameError> {
        let name = origin.as_str().parse()?;
        Ok(Self { origin, signer: NoteSigner::ed25519(name, key) })
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The public key for those who open the checkpoints.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        self.signer.vkey()
    }

    /// Signs a tree head: three lines, no extension, one signature.
    ///
    /// Precondition, and the one rule of a log: `head` is consistent with every tree head signed before. Nothing here
    /// remembers them; the caller does.
    #[must_use]
    pub fn sign(&self, head: &TreeHead) -> Vec<u8> {
        let text = Checkpoint::new(self.origin.clone(), *head).to_string();
        let signature = self.signer.sign(&text);
        format!("{text}\n{signature}\n").into_bytes()
    }
}
