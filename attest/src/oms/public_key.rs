//! Public keys of OMS signatures: ECDSA over P-256, P-384 and P-521.
//!
//! Kept apart from [`crate::key::PublicKey`], whose keys sign log entries: two of these curves never do, and the signatures
//! of other tools have a high s half of the time, which an entry's may not have.

use core::fmt;

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::Digest as _;

use super::curve::{Curve, SignatureHash};
use crate::digest::Sha256Digest;
use crate::key::{KeyError, SPKI_P256, pem};

/// SPKI of P-384 (RFC 5480 section 2) up to the 96 bytes of the coordinates, with the 04 of an uncompressed point.
const SPKI_P384: [u8; 24] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
];

/// SPKI of P-521 up to the 132 bytes of the coordinates, likewise.
const SPKI_P521: [u8; 26] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04,
];

/// Longest PEM text of a public key, in bytes; one of P-521 has 268.
const MAX_PEM_BYTES: usize = 1024;

/// A public key, known to be a point of its curve.
#[derive(Clone)]
pub struct OmsPublicKey {
    verifying: VerifyingKey,
    spki: Vec<u8>,
}

#[derive(Clone)]
enum VerifyingKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl OmsPublicKey {
    /// Reads a SubjectPublicKeyInfo in DER, with an uncompressed point.
    ///
    /// # Errors
    /// [`OmsKeyError::NotOnACurveOfOms`] for any other encoding or algorithm, [`OmsKeyError::BadPoint`] if it is no point.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, OmsKeyError> {
        let bad = |_| OmsKeyError::BadPoint;
        let verifying = if let Some(point) = point(der, &SPKI_P256, 64) {
            p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(VerifyingKey::P256).map_err(bad)?
        } else if let Some(point) = point(der, &SPKI_P384, 96) {
            p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(VerifyingKey::P384).map_err(bad)?
        } else if let Some(point) = point(der, &SPKI_P521, 132) {
            p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(VerifyingKey::P521).map_err(bad)?
        } else {
            return Err(OmsKeyError::NotOnACurveOfOms { len: der.len() });
        };
        Ok(Self { verifying, spki: der.to_vec() })
    }

    /// Reads a PEM block `PUBLIC KEY` (RFC 7468 section 13) and nothing before or after it.
    ///
    /// # Errors
    /// [`OmsKeyError::Pem`] for the text, else as [`OmsPublicKey::from_spki_der`].
    pub fn from_pem(text: &str) -> Result<Self, OmsKeyError> {
        if text.len() > MAX_PEM_BYTES {
            return Err(OmsKeyError::NotOnACurveOfOms { len: text.len() });
        }
        Self::from_spki_der(&pem::decode(text, pem::PUBLIC_KEY)?)
    }

    #[cfg(feature = "keys")]
    pub(super) fn from_p256(key: &p256::ecdsa::VerifyingKey) -> Self {
        let spki = spki(&SPKI_P256, key.to_sec1_point(false).as_bytes());
        Self { verifying: VerifyingKey::P256(*key), spki }
    }

    #[cfg(feature = "keys")]
    pub(super) fn from_p384(key: &p384::ecdsa::VerifyingKey) -> Self {
        let spki = spki(&SPKI_P384, key.to_sec1_point(false).as_bytes());
        Self { verifying: VerifyingKey::P384(*key), spki }
    }

    #[cfg(feature = "keys")]
    pub(super) fn from_p521(key: &p521::ecdsa::VerifyingKey) -> Self {
        let spki = spki(&SPKI_P521, key.to_sec1_point(false).as_bytes());
        Self { verifying: VerifyingKey::P521(*key), spki }
    }

    /// The curve it is on.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        match self.verifying {
            VerifyingKey::P256(_) => Curve::P256,
            VerifyingKey::P384(_) => Curve::P384,
            VerifyingKey::P521(_) => Curve::P521,
        }
    }

    /// Lends the SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn as_spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Writes the PEM block `PUBLIC KEY`, with a final line feed: what `openssl ec -pubout` writes.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(pem::PUBLIC_KEY, &self.spki).to_string()
    }

    /// The key id of this system: SHA-256 of the SPKI DER.
    #[must_use]
    pub fn key_id(&self) -> Sha256Digest {
        Sha256Digest::of(&self.spki)
    }

    /// The hint of OMS: SHA-256 of the PEM text, which is not the key id.
    #[must_use]
    pub fn hint(&self) -> Sha256Digest {
        Sha256Digest::of(self.to_pem().as_bytes())
    }

    /// Verifies an ECDSA signature in DER over `message` under that hash. Both signatures of a pair (s and n-s) hold.
    ///
    /// # Errors
    /// [`OmsSignatureError::Malformed`] for bytes that are no such DER, [`OmsSignatureError::Mismatch`] if it was made for
    /// another message or by another key.
    pub fn verify(
        &self,
        message: &[u8],
        hash: SignatureHash,
        signature: &[u8],
    ) -> Result<(), OmsSignatureError> {
        let malformed = |_| OmsSignatureError::Malformed { len: signature.len() };
        let mismatch = |_| OmsSignatureError::Mismatch;
        let digest = match hash {
            SignatureHash::Sha256 => sha2::Sha256::digest(message).to_vec(),
            SignatureHash::Sha384 => sha2::Sha384::digest(message).to_vec(),
            SignatureHash::Sha512 => sha2::Sha512::digest(message).to_vec(),
        };
        match &self.verifying {
            VerifyingKey::P256(key) => {
                let signature = p256::ecdsa::Signature::from_der(signature).map_err(malformed)?;
                key.verify_prehash(&widened(digest, 32), &signature).map_err(mismatch)
            }
            VerifyingKey::P384(key) => {
                let signature = p384::ecdsa::Signature::from_der(signature).map_err(malformed)?;
                key.verify_prehash(&widened(digest, 48), &signature).map_err(mismatch)
            }
            VerifyingKey::P521(key) => {
                let signature = p521::ecdsa::Signature::from_der(signature).map_err(malformed)?;
                key.verify_prehash(&widened(digest, 66), &signature).map_err(mismatch)
            }
        }
    }
}

/// The point in an SPKI that begins with `prefix`, with the 04 that says it is not compressed.
fn point<'a>(der: &'a [u8], prefix: &[u8], coordinates: usize) -> Option<&'a [u8]> {
    let rest = der.strip_prefix(prefix)?;
    if rest.len() == coordinates { der.get(prefix.len() - 1..) } else { None }
}

#[cfg(feature = "keys")]
fn spki(prefix: &[u8], point: &[u8]) -> Vec<u8> {
    let (prefix, _) = prefix.split_at(prefix.len() - 1);
    [prefix, point].concat()
}

/// A digest as an integer of at least the field's bytes: a short one has zeros in front (FIPS 186-5 section 6.4.1), which the
/// library leaves to its callers.
fn widened(digest: Vec<u8>, field_bytes: usize) -> Vec<u8> {
    let mut wide = vec![0; field_bytes.saturating_sub(digest.len())];
    wide.extend(digest);
    wide
}

impl PartialEq for OmsPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for OmsPublicKey {}

impl fmt::Debug for OmsPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OmsPublicKey({} {})", self.curve(), self.key_id())
    }
}

/// Why a text or some bytes are not a key for OMS. No variant carries anything of a private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OmsKeyError {
    /// Not a point on the curve.
    #[error("public key is not a point on its curve")]
    BadPoint,
    /// Another algorithm or curve, or a compressed point.
    #[error("{len} bytes are not the DER of an ECDSA public key over P-256, P-384 or P-521")]
    NotOnACurveOfOms {
        /// The length seen, in bytes.
        len: usize,
    },
    /// Not PEM or, for a private key, not PKCS#8 that opens.
    #[error("key file cannot be read")]
    Pem {
        /// Why.
        #[from]
        source: KeyError,
    },
    /// A private key of another algorithm or curve.
    #[error("private key is not ECDSA over P-256, P-384 or P-521")]
    UnknownPrivateKey,
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OmsSignatureError {
    /// Not the DER of two integers below the order of the curve.
    #[error("signature of {len} bytes is not the DER of two numbers of this curve")]
    Malformed {
        /// The length seen, in bytes.
        len: usize,
    },
    /// Made for another message or by another key.
    #[error("signature does not verify")]
    Mismatch,
}
