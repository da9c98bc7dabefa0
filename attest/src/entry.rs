//! The log entry: what a log holds of a statement, a signed list of digests and one name, or of commitments to these.
//!
//! Follows spec/entry.md, COSE_Sign1 (RFC 9052 §4.2) and deterministic CBOR (RFC 8949 §4.2.1). In scope: the bytes,
//! computed from a statement, and read back in one encoding only; the signature by the key inside. Out of scope:
//! whether that key may use that name (crate `verifier`), and the tree the entry goes into (crate `merkle`).
//!
//! ```text
//! d2                      tag 18, COSE_Sign1
//!   84                    array of 4
//!     58 26               protected header, bstr of 38
//!       a2                  map of 2
//!         01 32               alg: -19, Ed25519 (or 28: -9, ESP256)
//!         04 58 20 ...        kid: SHA-256 of the key's SPKI
//!     a0                  unprotected header, empty
//!     58 xx ...           payload, bstr: see EntryPayload
//!     58 40 ...           signature, bstr of 64
//! ```
//!
//! The signature covers `["Signature1", protected header, h'', payload]` (RFC 9052 §4.4). An ECDSA signature is r and
//! s, 32 bytes each (RFC 9053 §2.1), and made with the nonce of RFC 6979: the leaf is a function of statement and key.

mod cbor;
mod error;
mod payload;
mod salt;

use merkle::LeafHash;

use crate::digest::Sha256Digest;
#[cfg(feature = "keys")]
use crate::key::PrivateKey;
use crate::key::{Algorithm, KeyCache, KeyError, PublicKey};

use cbor::{MapKeys, Reader, encoded};

pub use error::{EntryError, EntryPlace};
pub use payload::{
    EntryInput, EntryName, EntryPayload, EntrySubject, MAX_INPUTS, MAX_LOGGED_FILES, MAX_SUBJECTS,
};
pub use salt::{ModelSalt, SaltError};

/// Longest entry, in bytes. The most that fits the other limits is about 3,500; a log takes no more than this.
pub const MAX_ENTRY_BYTES: usize = 8192;

/// The CBOR tag of COSE_Sign1 (RFC 9052 §4.2).
pub const COSE_SIGN1_TAG: u64 = 18;

/// COSE algorithm Ed25519, fully specified (RFC 9864 §2.2).
const ALG_ED25519: i64 = -19;

/// COSE algorithm ESP256: ECDSA over P-256 with SHA-256, fully specified (RFC 9864 §2.1).
const ALG_ESP256: i64 = -9;

/// Label of the algorithm in a COSE header (RFC 9052 §3.1).
const LABEL_ALG: i128 = 1;

/// Label of the key id in a COSE header (RFC 9052 §3.1).
const LABEL_KID: i128 = 4;

/// A log entry, in its one encoding. Parsed; [`Entry::verify`] tells whether its key signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    bytes: Vec<u8>,
    algorithm: Algorithm,
    key_id: Sha256Digest,
    payload: EntryPayload,
    // Where the payload's encoding stands in `bytes`.
    payload_at: (usize, usize),
    signature: [u8; 64],
}

impl Entry {
    /// Reads an entry of at most [`MAX_ENTRY_BYTES`].
    ///
    /// # Errors
    /// [`EntryError::NotCanonical`] if the bytes mean an entry but are not its deterministic encoding. Every other
    /// variant is one rule that the bytes break, but for those that [`Entry::verify`] and [`Entry::sign`] name.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        Self::parse_by(bytes, PublicKey::from_spki_der)
    }

    /// The same with keys that were read before. For whoever reads many entries of few publishers.
    ///
    /// # Errors
    /// As [`Entry::parse`].
    pub fn parse_with(bytes: &[u8], keys: &mut KeyCache) -> Result<Self, EntryError> {
        Self::parse_by(bytes, |der| keys.read(der))
    }

    fn parse_by(
        bytes: &[u8],
        key: impl FnOnce(&[u8]) -> Result<PublicKey, KeyError>,
    ) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong { len: bytes.len() });
        }
        let reader = &mut Reader::new(bytes);
        match reader.tag(EntryPlace::Message)? {
            COSE_SIGN1_TAG => {}
            seen => return Err(EntryError::WrongTag { seen }),
        }
        reader.array(EntryPlace::Message, 4, 4)?;
        let protected = reader.bytes(EntryPlace::Protected)?;
        match reader.map(EntryPlace::Unprotected)? {
            0 => {}
            len => return Err(EntryError::UnprotectedHeader { len }),
        }
        let payload = reader.bytes(EntryPlace::Payload)?;
        let signature = reader.fixed(EntryPlace::Signature)?;
        reader.end(EntryPlace::Message)?;

        let (algorithm, key_id) = decode_protected(protected)?;
        let payload = EntryPayload::decode(payload, key)?;
        let payload_bytes = payload.to_bytes();
        let canonical = encode(&encode_protected(algorithm, key_id), &payload_bytes, &signature);
        if let Some(offset) = first_difference(bytes, &canonical) {
            return Err(EntryError::NotCanonical { offset });
        }
        let payload_at = payload_place(canonical.len(), payload_bytes.len());
        Ok(Self { bytes: canonical, algorithm, key_id, payload, payload_at, signature })
    }

    /// Signs a payload.
    ///
    /// # Errors
    /// [`EntryError::WrongSigner`] if `key` is not the one that the payload names.
    #[cfg(feature = "keys")]
    pub fn sign(payload: EntryPayload, key: &PrivateKey) -> Result<Self, EntryError> {
        let public_key = key.public_key();
        if public_key != *payload.key() {
            return Err(EntryError::WrongSigner { seen: public_key.key_id(), want: payload.key().key_id() });
        }
        let (algorithm, key_id) = (public_key.algorithm(), public_key.key_id());
        let protected = encode_protected(algorithm, key_id);
        let payload_bytes = payload.to_bytes();
        let signature = key.sign_fixed(&signed_bytes(&protected, &payload_bytes));
        let bytes = encode(&protected, &payload_bytes, &signature);
        let payload_at = payload_place(bytes.len(), payload_bytes.len());
        Ok(Self { bytes, algorithm, key_id, payload, payload_at, signature })
    }

    /// Verifies that the key inside signed the entry.
    ///
    /// It says nothing about whose key that is.
    ///
    /// # Errors
    /// [`EntryError::KeyIdMismatch`] or [`EntryError::AlgorithmMismatch`] if the protected header belongs to another
    /// key; [`EntryError::Signature`] if the signature is not one by this key over these bytes.
    pub fn verify(&self) -> Result<(), EntryError> {
        let key = self.payload.key();
        if self.key_id != key.key_id() {
            return Err(EntryError::KeyIdMismatch { seen: self.key_id, want: key.key_id() });
        }
        if self.algorithm != key.algorithm() {
            return Err(EntryError::AlgorithmMismatch { seen: self.algorithm, want: key.algorithm() });
        }
        let payload = self.bytes.get(self.payload_at.0..self.payload_at.1).unwrap_or_default();
        let message = signed_bytes(&encode_protected(self.algorithm, self.key_id), payload);
        key.verify_fixed(&message, &self.signature).map_err(|source| EntryError::Signature { source })
    }

    /// What the entry says.
    #[must_use]
    pub const fn payload(&self) -> &EntryPayload {
        &self.payload
    }

    /// The entry as the log has it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its leaf hash in the log's tree.
    #[must_use]
    pub fn leaf_hash(&self) -> LeafHash {
        LeafHash::of(&self.bytes)
    }
}

/// Where the payload stands in an entry: last but for the signature, which is a byte string of 64 with a head of two.
fn payload_place(entry_len: usize, payload_len: usize) -> (usize, usize) {
    let end = entry_len.saturating_sub(66);
    (end.saturating_sub(payload_len), end)
}

fn decode_protected(bytes: &[u8]) -> Result<(Algorithm, Sha256Digest), EntryError> {
    let reader = &mut Reader::new(bytes);
    let mut keys = MapKeys::begin(reader, EntryPlace::Protected, &[LABEL_ALG, LABEL_KID])?;
    keys.next(reader)?;
    let algorithm = reader.code(EntryPlace::Algorithm, |code| match i64::try_from(code).ok()? {
        ALG_ED25519 => Some(Algorithm::Ed25519),
        ALG_ESP256 => Some(Algorithm::EcdsaP256),
        _ => None,
    })?;
    keys.next(reader)?;
    let key_id = Sha256Digest::from_bytes(reader.fixed(EntryPlace::KeyId)?);
    keys.end(reader)?;
    reader.end(EntryPlace::Protected)?;
    Ok((algorithm, key_id))
}

fn encode_protected(algorithm: Algorithm, key_id: Sha256Digest) -> Vec<u8> {
    let code = match algorithm {
        Algorithm::Ed25519 => ALG_ED25519,
        Algorithm::EcdsaP256 => ALG_ESP256,
    };
    encoded(|encoder| {
        encoder.map(2)?.u8(1)?.i64(code)?.u8(4)?.bytes(key_id.as_bytes())?;
        Ok(())
    })
}

fn encode(protected: &[u8], payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    encoded(|encoder| {
        encoder.tag(minicbor::data::Tag::new(COSE_SIGN1_TAG))?.array(4)?;
        encoder.bytes(protected)?.map(0)?.bytes(payload)?.bytes(signature)?;
        Ok(())
    })
}

/// The `Sig_structure` of RFC 9052 §4.4, without external data.
fn signed_bytes(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    encoded(|encoder| {
        encoder.array(4)?.str("Signature1")?.bytes(protected)?.bytes(&[])?.bytes(payload)?;
        Ok(())
    })
}

/// Offset of the first byte in which two texts differ; the end of the shorter one counts.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (common < a.len().max(b.len())).then_some(common)
}
