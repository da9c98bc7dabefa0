//! A key that an ssh-agent or a token holds, behind the rule of this crate: it signs a head or a status that was allowed, and no other
//! bytes. Nothing else here names [`HeldKey`]; `cargo xtask tidy` sees to that.

use held_key::HeldKey;
use held_key::place::Place;

use super::status::AllowedStatus;
use super::{AllowedHead, HeadKey, KeyError};

/// Name of the environment variable that may hold a token's PIN.
pub const PIN_ENV: &str = "TALLYMARK_LOG_PIN";

/// The key at a place, for heads and statuses only.
///
/// # Errors
/// [`KeyError`], see its variants.
pub(super) fn open(place: &Place, public_key: &[u8; 32]) -> Result<Box<dyn HeadKey>, KeyError> {
    Ok(Box::new(HeldHeadKey(HeldKey::open(place, Some(public_key), PIN_ENV)?)))
}

#[derive(Debug)]
struct HeldHeadKey(HeldKey);

impl HeadKey for HeldHeadKey {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key()
    }

    fn sign(&mut self, head: &AllowedHead<'_>) -> Result<[u8; 64], KeyError> {
        Ok(self.0.sign(head.text().as_bytes())?)
    }

    fn sign_status(&mut self, status: &AllowedStatus<'_>) -> Result<[u8; 64], KeyError> {
        Ok(self.0.sign(status.text().as_bytes())?)
    }
}

impl From<held_key::KeyError> for KeyError {
    fn from(error: held_key::KeyError) -> Self {
        match error {
            held_key::KeyError::Io { act, source } => Self::Io { act, source },
            held_key::KeyError::NoSuchKey { place } => Self::NoSuchKey { place },
            held_key::KeyError::NotAKey => Self::NotAKey,
            held_key::KeyError::Protocol { peer } => Self::Protocol { peer },
            held_key::KeyError::Token { source } => Self::Token { source },
        }
    }
}
