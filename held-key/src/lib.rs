//! An Ed25519 key that somebody else holds: an ssh-agent, or a PKCS#11 token.
//!
//! | module | keeper |
//! |---|---|
//! | [`agent`] | an ssh-agent, over its Unix socket |
//! | `token`, feature `pkcs11` | a hardware module, or a software one such as SoftHSM |
//! | [`place`] | where the key is, as configuration files say it |
//!
//! Here bytes are signed, whatever they are. What may be signed, and when, is decided by whoever uses the key: a log signs heads that
//! extend the last one, a witness what its record has. Neither hands [`HeldKey::sign`] on.
//!
//! **What a keeper returns is not verified here.** It may be by another key, or over other bytes. The user verifies each signature under
//! the public key that the world knows, before it is used for anything.
//!
//! In scope: reaching the keeper, and not being hurt by what it answers. Out of scope: keys in files, making keys, other algorithms:
//! neither keeper has ML-DSA-44.

use thiserror::Error;

use crate::agent::AgentKey;
use crate::place::{Place, agent_socket};

pub mod agent;
pub mod place;
#[cfg(feature = "pkcs11")]
pub mod token;

/// A key that was found where it is said to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum HeldKey {
    /// In an ssh-agent.
    Agent(AgentKey),
    /// In a token.
    #[cfg(feature = "pkcs11")]
    Token(token::TokenKey),
}

impl HeldKey {
    /// Finds the key. An agent may hold many: it is the one with these 32 bytes, without them the only one. A token's is found by its
    /// label, and which one it is the caller looks up in [`HeldKey::public_key`].
    ///
    /// `pin_variable` is the environment variable with the token's PIN, if no file is named.
    ///
    /// # Errors
    /// [`KeyError`], see its variants.
    pub fn open(
        place: &Place,
        agent_key: Option<&[u8; 32]>,
        pin_variable: &'static str,
    ) -> Result<Self, KeyError> {
        match place {
            Place::SshAgent { socket } => {
                let socket = agent_socket(socket.as_ref())?;
                let key = match agent_key {
                    Some(key) => *key,
                    None => match agent::keys(&socket)?[..] {
                        [only] => only,
                        _ => return Err(KeyError::NoSuchKey { place: socket.display().to_string() }),
                    },
                };
                Ok(Self::Agent(AgentKey::open(socket, key)?))
            }
            #[cfg(feature = "pkcs11")]
            Place::Pkcs11(place) => Ok(Self::Token(token::TokenKey::open(place, pin_variable)?)),
            #[cfg(not(feature = "pkcs11"))]
            Place::Pkcs11(_) => {
                let (source, _) = ("this program was built without PKCS#11".into(), pin_variable);
                Err(KeyError::Token { source })
            }
        }
    }

    /// The 32 bytes of the Ed25519 public key (RFC 8032).
    #[must_use]
    pub const fn public_key(&self) -> [u8; 32] {
        match self {
            Self::Agent(key) => key.public_key(),
            #[cfg(feature = "pkcs11")]
            Self::Token(key) => key.public_key(),
        }
    }

    /// What the keeper returns as the Ed25519 signature over these bytes. The caller verifies it.
    ///
    /// # Errors
    /// [`KeyError`]; whether a signature was made somewhere is then unknown.
    pub fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], KeyError> {
        match self {
            Self::Agent(key) => key.sign(bytes),
            #[cfg(feature = "pkcs11")]
            Self::Token(key) => key.sign(bytes),
        }
    }
}

/// Why a held key is not there, or made no signature.
#[derive(Debug, Error)]
#[expect(clippy::exhaustive_enums, reason = "a user has its own words for each")]
pub enum KeyError {
    /// Its keeper could not be talked to.
    #[error("could not {act}")]
    Io {
        /// What was to be done.
        act: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key is not where it is said to be, or not alone.
    #[error("{place}: the key is not there, or there is more than one of that name")]
    NoSuchKey {
        /// Where it was looked for.
        place: String,
    },
    /// The public key is not one of Ed25519.
    #[error("the public key is not an Ed25519 key")]
    NotAKey,
    /// Its keeper answered what was not asked, or said no.
    #[error("{peer} gave no usable answer")]
    Protocol {
        /// Who.
        peer: &'static str,
    },
    /// The token or its module failed.
    #[error("the PKCS#11 token failed")]
    Token {
        /// What the module said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl KeyError {
    /// Whether the key is wrong; otherwise its keeper could not be reached, or did not sign.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::NoSuchKey { .. } | Self::NotAKey)
    }
}
