//! Key names, key ids, and the verifier key that holds both: `name+id+key` (c2sp.org/signed-note, "Verifier keys").
//!
//! ```text
//! example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
//! └─ key name ──┘ └ id, 4 ┘ └ base64 of: 0x01 ‖ 32-byte Ed25519 public key ┘
//!                  bytes in hex
//! key id = first 4 bytes of SHA-256(key name ‖ 0x0A ‖ algorithm byte ‖ public key)
//! ```
//!
//! A key id is a hint for finding the key, short enough to collide on purpose; it never stands for the key.
//!
//! In scope: Ed25519 note signatures (0x01) and Ed25519 cosignatures (0x04). Out of scope: ECDSA (0x02), RFC 6962
//! tree heads (0x05), which are refused by name; ML-DSA-44 cosignatures (0x06), which have a type of their own in
//! [`crate::cosignature`]; private keys, see [`crate::note`].

mod key_name;

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, SignatureError, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use key_name::{KeyName, KeyNameError};

use crate::text::{TextError, decode_base64, encode_base64};

/// The four bytes in front of every signature that say which key to try. Shown as eight lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Takes four bytes as a key id.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Hands out the four bytes, in the order in which a signature line has them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a key signs, and how: the algorithm byte of c2sp.org/signed-note, "Signature types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// 0x04: Ed25519 over a timestamp and a checkpoint (c2sp.org/tlog-cosignature).
    CosignatureEd25519,
    /// 0x01: Ed25519 over the note text.
    Ed25519,
}

impl KeyAlgorithm {
    /// The algorithm byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureEd25519 => 0x04,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::CosignatureEd25519),
            _ => None,
        }
    }
}

/// Shown as the words that an error message uses.
impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519 note signature",
            Self::CosignatureEd25519 => "Ed25519 cosignature",
        })
    }
}

/// A public key together with its name and the one thing it signs. See the module for the picture.
///
/// The key is a point of the curve in its one encoding and not of small order, so that two verifier keys are the same key
/// exactly if their bytes are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkey {
    name: KeyName,
    algorithm: KeyAlgorithm,
    key: VerifyingKey,
    log_id: [u8; 32],
}

/// A text or a key that is no verifier key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VkeyError {
    /// An algorithm that this crate does not verify.
    #[error("key algorithm {byte:#04x} is neither Ed25519 (0x01) nor Ed25519 cosignature (0x04)")]
    Algorithm {
        /// The first byte of the key material.
        byte: u8,
    },
    /// The third part is not base64.
    #[error("key material is not canonical base64")]
    Base64 {
        /// What the reader saw.
        source: TextError,
    },
    /// The third part encodes nothing at all, not even an algorithm.
    #[error("key material is empty")]
    Empty,
    /// Not eight lower-case hex digits.
    #[error("key id is not eight lower-case hex digits")]
    KeyIdDigits,
    /// The id does not belong to this name and key.
    #[error("key id {seen}, name and key give {wanted}")]
    KeyIdMismatch {
        /// The id in the text.
        seen: KeyId,
        /// The id computed from name, algorithm and key.
        wanted: KeyId,
    },
    /// Not the length that the algorithm's keys have.
    #[error("public key of {seen} bytes, not 32")]
    KeyLength {
        /// Bytes after the algorithm byte.
        seen: usize,
    },
    /// The first part cannot name a key.
    #[error("key name is refused")]
    Name {
        /// Why.
        #[from]
        source: KeyNameError,
    },
    /// Fewer than three parts separated by `+`.
    #[error("not of the form name+id+key")]
    Parts,
    /// 32 bytes that are no point, another spelling of a point, or a point of small order (every such key has
    /// signatures that fit any message).
    #[error("public key is no point of the curve in its one form and of full order")]
    Point,
}

impl Vkey {
    /// Names a key that signs note texts (0x01).
    ///
    /// # Errors
    ///
    /// [`VkeyError::Point`] if the 32 bytes are not a usable public key.
    pub fn ed25519(name: KeyName, public_key: &[u8; 32]) -> Result<Self, VkeyError> {
        Self::new(name, KeyAlgorithm::Ed25519, public_key)
    }

    /// Names a key that cosigns checkpoints (0x04).
    ///
    /// # Errors
    ///
    /// [`VkeyError::Point`] if the 32 bytes are not a usable public key.
    pub fn cosignature_ed25519(name: KeyName, public_key: &[u8; 32]) -> Result<Self, VkeyError> {
        Self::new(name, KeyAlgorithm::CosignatureEd25519, public_key)
    }

    fn new(name: KeyName, algorithm: KeyAlgorithm, public_key: &[u8; 32]) -> Result<Self, VkeyError> {
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| VkeyError::Point)?;
        if key.is_weak() || key.to_edwards().compress().as_bytes() != public_key {
            return Err(VkeyError::Point);
        }
        Ok(Self::of_key(name, algorithm, key))
    }

    /// For a key that is known to be sound, because it was derived from a private key.
    pub(crate) fn of_key(name: KeyName, algorithm: KeyAlgorithm, key: VerifyingKey) -> Self {
        let log_id = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', algorithm.byte()])
            .chain_update(key.as_bytes())
            .finalize()
            .into();
        Self { name, algorithm, key, log_id }
    }

    /// The name that signature lines of this key carry.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id that signature lines of this key carry.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        let [a, b, c, d, ..] = self.log_id;
        KeyId([a, b, c, d])
    }

    /// What the key signs.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The 32 bytes of the Ed25519 public key (RFC 8032 §5.1.5).
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The public key as a value that verifies.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The whole 32 bytes of the hash whose first four are the key id; Sigstore bundles call it `logId.keyId`.
    #[must_use]
    pub const fn log_id(&self) -> &[u8; 32] {
        &self.log_id
    }

    /// Verifies with RFC 8032's strict rule: no small-order point, no second form of the scalar.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
        self.key.verify_strict(message, &Signature::from_bytes(signature))
    }
}

impl FromStr for Vkey {
    type Err = VkeyError;

    /// Splits at the first two `+`: the name has none, base64 may have some.
    fn from_str(text: &str) -> Result<Self, VkeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VkeyError::Parts);
        };
        let name: KeyName = name.parse()?;
        let seen = key_id(id).ok_or(VkeyError::KeyIdDigits)?;
        let material = decode_base64(material).map_err(|source| VkeyError::Base64 { source })?;
        let (&byte, public_key) = material.split_first().ok_or(VkeyError::Empty)?;
        let algorithm = KeyAlgorithm::from_byte(byte).ok_or(VkeyError::Algorithm { byte })?;
        let public_key =
            public_key.try_into().map_err(|_| VkeyError::KeyLength { seen: public_key.len() })?;
        let vkey = Self::new(name, algorithm, public_key)?;
        match vkey.key_id() {
            wanted if wanted == seen => Ok(vkey),
            wanted => Err(VkeyError::KeyIdMismatch { seen, wanted }),
        }
    }
}

/// The one text that [`Vkey::from_str`] accepts for this key.
impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![self.algorithm.byte()];
        material.extend_from_slice(self.public_key());
        write!(f, "{}+{}+{}", self.name, self.key_id(), encode_base64(&material))
    }
}

/// Reads a key id as a verifier key has it.
pub(crate) fn key_id(text: &str) -> Option<KeyId> {
    let lower_hex = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !lower_hex {
        return None;
    }
    u32::from_str_radix(text, 16).ok().map(|id| KeyId(id.to_be_bytes()))
}
