//! Cosignatures: a witness says that at a time, this was the largest tree it saw of that origin, and that it is
//! consistent with all it saw before (c2sp.org/tlog-cosignature v1, Ed25519).
//!
//! ```text
//! payload of the signature line, 72 bytes          message that is signed
//!   0..8   timestamp, u64, big-endian                cosignature/v1\n
//!   8..72  Ed25519 signature                         time 1700000000\n
//!                                                    <note text of the checkpoint, its last \n included>
//! ```
//!
//! The witness's name is not part of the message: an operator of two witnesses needs two keys.
//!
//! In scope: that message, signing and verifying it; ML-DSA-44 cosignatures in `ml_dsa`, behind a feature of the same name with
//! a dash. Out of scope: whether enough witnesses signed, which is [`crate::policy`]; whether the time is too old or in the
//! future, which takes a clock.

#[cfg(feature = "ml-dsa")]
pub mod ml_dsa;

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use thiserror::Error;

use crate::signature_line::NoteSignature;
use crate::text::MAX_DECIMAL;
use crate::vkey::{KeyAlgorithm, KeyId, KeyName, Vkey};

/// A moment in whole seconds since 1970-01-01T00:00:00Z without leap seconds (POSIX), at most 2^63-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(u64);

/// A number of seconds that no cosignature can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("timestamp {seen} is above {MAX_DECIMAL}")]
pub struct TimestampError {
    seen: u64,
}

impl UnixSeconds {
    /// The time of a cosignature that says nothing about when.
    pub const NONE: Self = Self(0);

    /// Takes a count of seconds.
    ///
    /// # Errors
    ///
    /// [`TimestampError`] above 2^63-1.
    pub const fn new(seconds: u64) -> Result<Self, TimestampError> {
        if seconds <= MAX_DECIMAL { Ok(Self(seconds)) } else { Err(TimestampError { seen: seconds }) }
    }

    /// The count of seconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cosignature that verified: made only by [`verify`], and by the function of that name for the other algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    witness: KeyName,
    key_id: KeyId,
    timestamp: UnixSeconds,
}

impl Cosignature {
    /// The witness's key name.
    #[must_use]
    pub const fn witness(&self) -> &KeyName {
        &self.witness
    }

    /// The witness's key id.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// When the witness signed, by its own clock.
    #[must_use]
    pub const fn timestamp(&self) -> UnixSeconds {
        self.timestamp
    }
}

/// Why a signature line is no cosignature by a key over a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CosignatureError {
    /// The key is no cosignature key.
    #[error("key of {name} is for {seen}, not for cosignatures")]
    Algorithm {
        /// The key's name.
        name: KeyName,
        /// What the key is for.
        seen: KeyAlgorithm,
    },
    /// The signature is not by this key over this text and time.
    #[error("cosignature of {name} does not fit the checkpoint")]
    BadSignature {
        /// The witness.
        name: KeyName,
    },
    /// The line carries the name or the id of another key.
    #[error("signature line is by {seen}, not by {wanted}")]
    OtherKey {
        /// The name in the line.
        seen: KeyName,
        /// The name of the key; if it is the same, the ids differ.
        wanted: KeyName,
    },
    /// Not 8 bytes of time and 64 of signature.
    #[error("cosignature of {seen} bytes, not 72")]
    PayloadLength {
        /// Bytes after the key id.
        seen: usize,
    },
    /// A time that no cosignature can carry.
    #[error("cosignature has a refused time")]
    Timestamp {
        /// What was seen.
        #[from]
        source: TimestampError,
    },
}

/// Writes the bytes that a witness signs. `body` is the note text of the checkpoint with its last line feed.
#[must_use]
pub fn message(body: &str, timestamp: UnixSeconds) -> Vec<u8> {
    format!("cosignature/v1\ntime {timestamp}\n{body}").into_bytes()
}

/// Cosigns a checkpoint's note text as the witness `name`.
///
/// Precondition: the caller made sure that the tree is consistent with every one it cosigned for that origin, and that
/// `key` is used under no other name.
#[must_use]
pub fn cosign(key: &SigningKey, name: &KeyName, body: &str, timestamp: UnixSeconds) -> NoteSignature {
    let vkey = Vkey::of_key(name.clone(), KeyAlgorithm::CosignatureEd25519, key.verifying_key());
    let signature = key.sign(&message(body, timestamp));
    line(&vkey, timestamp, &signature.to_bytes())
}

/// The same with a signature over [`message`] that was made elsewhere: by an agent, or a token. Nothing comes out of it that does not verify.
///
/// # Errors
///
/// As [`verify`], of which [`CosignatureError::BadSignature`] says that the signature is by another key or over other bytes.
pub fn of_signature(
    vkey: &Vkey,
    body: &str,
    timestamp: UnixSeconds,
    signature: &[u8; 64],
) -> Result<NoteSignature, CosignatureError> {
    let line = line(vkey, timestamp, signature);
    verify(vkey, &line, body)?;
    Ok(line)
}

fn line(vkey: &Vkey, timestamp: UnixSeconds, signature: &[u8; 64]) -> NoteSignature {
    NoteSignature::new(vkey, [timestamp.get().to_be_bytes().as_slice(), signature].concat())
}

/// Verifies that `line` is a cosignature by `vkey` over the checkpoint's note text `body`.
///
/// # Errors
///
/// * [`CosignatureError::Algorithm`] if `vkey` is no cosignature key;
/// * [`CosignatureError::OtherKey`] if the line has another name or key id;
/// * [`CosignatureError::PayloadLength`], [`CosignatureError::Timestamp`] if the payload is malformed;
/// * [`CosignatureError::BadSignature`] if the signature does not fit.
pub fn verify(vkey: &Vkey, line: &NoteSignature, body: &str) -> Result<Cosignature, CosignatureError> {
    if vkey.algorithm() != KeyAlgorithm::CosignatureEd25519 {
        return Err(CosignatureError::Algorithm { name: vkey.name().clone(), seen: vkey.algorithm() });
    }
    if !line.is_by(vkey) {
        return Err(CosignatureError::OtherKey { seen: line.name().clone(), wanted: vkey.name().clone() });
    }
    let length = CosignatureError::PayloadLength { seen: line.payload().len() };
    let Some((timestamp, signature)) = line.payload().split_first_chunk() else { return Err(length) };
    let Ok(signature) = signature.try_into() else { return Err(length) };
    let timestamp = UnixSeconds::new(u64::from_be_bytes(*timestamp))?;
    vkey.verify(&message(body, timestamp), signature)
        .map_err(|_| CosignatureError::BadSignature { name: vkey.name().clone() })?;
    Ok(Cosignature { witness: vkey.name().clone(), key_id: vkey.key_id(), timestamp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_from_elsewhere_becomes_a_line_only_if_it_verifies() {
        let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let name: KeyName = "w.test/1".parse().unwrap();
        let vkey = Vkey::cosignature_ed25519(name.clone(), key.verifying_key().as_bytes()).unwrap();
        let (body, time) = ("log.test/1\n0\nroot\n", UnixSeconds::new(1_800_000_000).unwrap());
        let made =
            |key: &SigningKey, bytes: &[u8]| of_signature(&vkey, body, time, &key.sign(bytes).to_bytes());
        assert_eq!(made(&key, &message(body, time)), Ok(cosign(&key, &name, body, time)));
        let earlier = UnixSeconds::new(1_700_000_000).unwrap();
        for refused in [
            made(&other, &message(body, time)),
            made(&key, &message(body, earlier)),
            made(&key, body.as_bytes()),
        ] {
            assert_eq!(refused, Err(CosignatureError::BadSignature { name: name.clone() }));
        }
        let of_log = Vkey::ed25519(name.clone(), key.verifying_key().as_bytes()).unwrap();
        let signature = key.sign(&message(body, time)).to_bytes();
        assert!(matches!(
            of_signature(&of_log, body, time, &signature),
            Err(CosignatureError::Algorithm { .. })
        ));
    }
}
