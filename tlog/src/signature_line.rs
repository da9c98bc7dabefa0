//! One signature line below a note (c2sp.org/signed-note, "Signatures").
//!
//! ```text
//! — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
//! │ └─ key name ──┘ └ base64 of: key id, 4 bytes ‖ signature; what it looks like depends on the key ────────────┘
//! └ U+2014 and one space
//! ```
//!
//! In scope: the line. Out of scope: whether the signature is good, which takes a key and the text, see
//! [`crate::note`].

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::{TextError, decode_base64, encode_base64};
use crate::vkey::{KeyId, KeyName, KeyNameError, Vkey};

/// What every signature line starts with: U+2014, in UTF-8 E2 80 94, and a space.
const DASH: &str = "\u{2014} ";

/// A signature line as received: nobody has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    key_id: KeyId,
    payload: Vec<u8>,
}

/// A line that is no signature line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureLineError {
    /// The part after the key name is not base64.
    #[error("signature is not canonical base64")]
    Base64 {
        /// What the reader saw.
        source: TextError,
    },
    /// The line does not start with U+2014 and a space.
    #[error("line does not start with an em dash and a space")]
    Dash,
    /// The key name is refused.
    #[error("key name of a signature line is refused")]
    Name {
        /// Why.
        #[from]
        source: KeyNameError,
    },
    /// No second space: there is a key name and nothing behind it.
    #[error("key name is not followed by a space and a signature")]
    NoSignature,
    /// Too few bytes for a key id and any signature.
    #[error("signature of {seen} bytes, key id included, is below 5")]
    TooShort {
        /// Bytes decoded.
        seen: usize,
    },
}

impl NoteSignature {
    /// Puts a line together for `vkey`. `payload` comes after the key id; its shape is the algorithm's affair.
    pub(crate) fn new(vkey: &Vkey, payload: Vec<u8>) -> Self {
        Self { name: vkey.name().clone(), key_id: vkey.key_id(), payload }
    }

    /// The same for keys that are no [`Vkey`]. `payload` has at least one byte.
    #[cfg(feature = "ml-dsa")]
    pub(crate) const fn of_parts(name: KeyName, key_id: KeyId, payload: Vec<u8>) -> Self {
        Self { name, key_id, payload }
    }

    /// The line for a signature that was made elsewhere, by an agent or a token for example, with the key of `vkey`.
    /// Nobody has verified it.
    #[must_use]
    pub fn ed25519(vkey: &Vkey, signature: [u8; 64]) -> Self {
        Self::new(vkey, signature.to_vec())
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The bytes after the key id, at least one: 64 for an Ed25519 note signature, 72 for an Ed25519 cosignature.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether name and id are those of `vkey`, so that it has to verify.
    #[must_use]
    pub fn is_by(&self, vkey: &Vkey) -> bool {
        self.name == *vkey.name() && self.key_id == vkey.key_id()
    }
}

/// Reads one line, given without its line feed.
impl FromStr for NoteSignature {
    type Err = SignatureLineError;

    fn from_str(line: &str) -> Result<Self, SignatureLineError> {
        let rest = line.strip_prefix(DASH).ok_or(SignatureLineError::Dash)?;
        let (name, signature) = rest.split_once(' ').ok_or(SignatureLineError::NoSignature)?;
        let name = name.parse()?;
        let bytes = decode_base64(signature).map_err(|source| SignatureLineError::Base64 { source })?;
        match bytes.split_first_chunk() {
            Some((&key_id, payload)) if !payload.is_empty() => {
                Ok(Self { name, key_id: KeyId::from_bytes(key_id), payload: payload.to_vec() })
            }
            _ => Err(SignatureLineError::TooShort { seen: bytes.len() }),
        }
    }
}

/// Writes the line without its line feed.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_bytes().as_slice(), &self.payload].concat();
        write!(f, "{DASH}{} {}", self.name, encode_base64(&bytes))
    }
}
