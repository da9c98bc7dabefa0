//! DSSE: a payload, what type it has, and one signature over both.
//!
//! Follows the DSSE protocol and envelope v1.0 and spec/statement.md. In scope: the bytes that are signed, and the
//! envelope's JSON. Out of scope: what the payload says ([`crate::statement`]) and whose key may sign it (crate
//! `verifier`).
//!
//! ```json
//! {"payload":"eyJfdHlwZSI6...","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEUCIQ..."}]}
//! ```
//!
//! DSSE allows several signatures, and base64 in two alphabets. A Sigstore bundle allows one signature, and a signed
//! thing has one spelling here: one signature, and padded base64 of the standard alphabet (RFC 4648 §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::compact_json;
use crate::excerpt::excerpt;
use crate::json::{self, FieldError, JsonError, JsonPath, Located};
#[cfg(feature = "keys")]
use crate::key::PrivateKey;
use crate::key::{PublicKey, SignatureError};
use crate::types;

/// Longest payload: 16 MiB. A statement with every file of the largest model it may list is far below.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// Longest signature, in bytes: ML-DSA-44 has 2,420, today's have at most 72.
pub const MAX_SIGNATURE_BYTES: usize = 4096;

/// Longest envelope text: base64 of the longest payload and signature, and room for the members and white space.
pub const MAX_ENVELOPE_BYTES: usize = (MAX_PAYLOAD_BYTES + MAX_SIGNATURE_BYTES).div_ceil(3) * 4 + 4096;

/// The pre-authentication encoding: what a DSSE signature covers.
///
/// ```text
/// "DSSEv1" SP length of type SP type SP length of payload SP payload
/// ```
///
/// Lengths are bytes, in decimal; SP is one space (DSSE protocol, "Signature Definition").
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// An in-toto payload with one signature. Parsed, believed by nobody.
///
/// There is no payload type in it: [`types::PAYLOAD_TYPE`] is the only one that parses. There is no key id either:
/// DSSE does not authenticate it, so one that is there is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Envelope {
    /// Joins a payload and a signature made elsewhere.
    ///
    /// # Errors
    /// [`EnvelopeError::PayloadLength`] over [`MAX_PAYLOAD_BYTES`]; [`EnvelopeError::SignatureLength`] for an empty
    /// signature or one over [`MAX_SIGNATURE_BYTES`].
    pub fn new(payload: Vec<u8>, signature: Vec<u8>) -> Result<Self, EnvelopeError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(EnvelopeError::PayloadLength { len: payload.len() });
        }
        if signature.is_empty() || signature.len() > MAX_SIGNATURE_BYTES {
            return Err(EnvelopeError::SignatureLength { len: signature.len() });
        }
        Ok(Self { payload, signature })
    }

    /// Signs a payload.
    ///
    /// # Errors
    /// [`EnvelopeError::PayloadLength`] over [`MAX_PAYLOAD_BYTES`].
    #[cfg(feature = "keys")]
    pub fn sign(payload: Vec<u8>, key: &PrivateKey) -> Result<Self, EnvelopeError> {
        let signature = key.sign_der(&pae(types::PAYLOAD_TYPE, &payload));
        Self::new(payload, signature)
    }

    /// Reads an envelope's JSON, at most [`MAX_ENVELOPE_BYTES`].
    ///
    /// # Errors
    /// Every variant of [`EnvelopeError`] is one rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::read(&Located::root(&json::parse(bytes, MAX_ENVELOPE_BYTES)?))
    }

    /// Reads an envelope inside another document.
    pub(crate) fn read(envelope: &Located<'_>) -> Result<Self, EnvelopeError> {
        let envelope = envelope.closed_object(&["payload", "payloadType", "signatures"])?;
        let payload_type = envelope.required("payloadType")?.string()?;
        if payload_type != types::PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType { seen: excerpt(payload_type) });
        }
        let payload = read_base64(&envelope.required("payload")?)?;
        let signatures = envelope.required("signatures")?.array()?;
        let [signature] = signatures.as_slice() else {
            return Err(EnvelopeError::SignatureCount { seen: signatures.len() });
        };
        let signature = signature.closed_object(&["sig", "keyid"])?;
        if let Some(key_id) = signature.optional("keyid") {
            key_id.string()?;
        }
        Self::new(payload, read_base64(&signature.required("sig")?)?)
    }

    /// Writes the envelope as compact JSON; an envelope so written is read and written back the same.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        compact_json::to_vec(&self.as_json())
    }

    /// The envelope, ready to be written.
    pub(crate) fn as_json(&self) -> EnvelopeJson {
        EnvelopeJson {
            payload: write_base64(&self.payload),
            payload_type: types::PAYLOAD_TYPE,
            signatures: [SignatureJson { sig: write_base64(&self.signature) }],
        }
    }

    /// The signed bytes of the statement.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature over [`pae`] of the payload: 64 bytes for Ed25519, DER for ECDSA.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Verifies the signature with `key`.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        key.verify_der(&pae(types::PAYLOAD_TYPE, &self.payload), &self.signature)
    }
}

/// An envelope's members, in the order in which they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvelopeJson {
    payload: String,
    payload_type: &'static str,
    signatures: [SignatureJson; 1],
}

#[derive(Serialize)]
struct SignatureJson {
    sig: String,
}

/// Why some bytes are not an envelope as we have it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A string that is not base64 in the one spelling we take.
    #[error("{path} is no padded standard base64")]
    Base64 {
        /// Where.
        path: JsonPath,
    },
    /// A known member is missing or of another type, or an unknown one is there.
    #[error("envelope has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// Not JSON as we read it.
    #[error("envelope is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// A payload that is too long.
    #[error("payload of {len} bytes, want at most {max}", max = MAX_PAYLOAD_BYTES)]
    PayloadLength {
        /// The length seen, in bytes.
        len: usize,
    },
    /// Another payload type than in-toto's.
    #[error("payload type {seen:?}, want {want:?}", want = types::PAYLOAD_TYPE)]
    PayloadType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// No signature, or several.
    #[error("{seen} signatures, want exactly one")]
    SignatureCount {
        /// Signatures seen.
        seen: usize,
    },
    /// A signature that is empty or too long.
    #[error("signature of {len} bytes, want 1 to {max}", max = MAX_SIGNATURE_BYTES)]
    SignatureLength {
        /// The length seen, in bytes.
        len: usize,
    },
}

/// Takes a string of base64: standard alphabet, padded, no stray bits, no white space.
fn read_base64(text: &Located<'_>) -> Result<Vec<u8>, EnvelopeError> {
    STANDARD.decode(text.string()?).map_err(|_| EnvelopeError::Base64 { path: text.path().clone() })
}

fn write_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
