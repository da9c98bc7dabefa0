//! A key in this process's own memory, read from the key file ([`crate::key_file`]).

use ed25519_dalek::{Signer as _, SigningKey};

use super::status::AllowedStatus;
use super::{AllowedHead, HeadKey, KeyError};

/// An Ed25519 key that was read from a file. Wiped from memory when dropped, never printed.
pub struct FileKey {
    key: SigningKey,
}

impl FileKey {
    /// Takes the key.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key }
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(..)")
    }
}

impl HeadKey for FileKey {
    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    fn sign(&mut self, head: &AllowedHead<'_>) -> Result<[u8; 64], KeyError> {
        Ok(self.key.sign(head.text().as_bytes()).to_bytes())
    }
    fn sign_status(&mut self, status: &AllowedStatus<'_>) -> Result<[u8; 64], KeyError> {
        Ok(self.key.sign(status.text().as_bytes()).to_bytes())
    }
}
