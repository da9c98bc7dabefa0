//! Signing keys and their public halves: Ed25519 (RFC 8032) and ECDSA over P-256 with SHA-256 (FIPS 186-5).
//!
//! In scope: SPKI (RFC 5280 section 4.1.2.7, RFC 8410, RFC 5480) and PKCS#8 (RFC 5958), signing and verifying.
//! Out of scope: the files keys lie in (the programs), the bytes that are signed ([`crate::dsse`],
//! [`crate::entry`]), and whose key is believed (crate `verifier`).
//!
//! A public key has one encoding and a signature has one encoding: whatever is accepted here is written back byte
//! for byte, so that a key id names one key and nobody can make a second signature out of a first.

mod cache;
pub(crate) mod pem;
#[cfg(feature = "keys")]
pub(crate) mod private;

use core::fmt;
use core::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Verifier as _;

pub use self::cache::KeyCache;
pub use self::pem::is_encrypted;
#[cfg(feature = "keys")]
pub use self::private::PrivateKey;
use crate::digest::Sha256Digest;

/// SPKI of Ed25519 (RFC 8410 section 4) up to the 32 bytes of the key:
/// `SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING (33, no unused bits)`.
const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// SPKI of P-256 (RFC 5480 section 2) up to the 64 bytes of the coordinates: `SEQUENCE { SEQUENCE { OID
/// 1.2.840.10045.2.1, OID 1.2.840.10045.3.1.7 } BIT STRING (66, no unused bits) 04`, the last an uncompressed point.
pub(crate) const SPKI_P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256; deterministic (RFC 6979) and with low s here.
    EcdsaP256,
    /// Ed25519, verified strictly: canonical points only, none of small order.
    Ed25519,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::Ed25519 => "Ed25519",
        })
    }
}

/// A public key, known to be a point that signatures can be verified against.
#[derive(Clone)]
pub struct PublicKey {
    verifying: VerifyingKey,
    spki: Vec<u8>,
}

#[derive(Clone)]
enum VerifyingKey {
    EcdsaP256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER: 44 bytes for Ed25519, 91 for P-256 with an uncompressed point.
    ///
    /// # Errors
    /// [`KeyError::NotSpki`] for any other encoding or algorithm, [`KeyError::BadPoint`] if the key is not the one
    /// encoding of a point on the curve, [`KeyError::SmallOrder`] for an Ed25519 key that every message verifies under.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Some(point) = der.strip_prefix(&SPKI_ED25519) {
            let bytes = point.try_into().map_err(|_| KeyError::NotSpki { len: der.len() })?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::BadPoint)?;
            if !is_canonical(bytes) {
                return Err(KeyError::BadPoint);
            }
            if key.is_weak() {
                return Err(KeyError::SmallOrder);
            }
            Ok(Self::from_ed25519(key))
        } else if let Some(64) = der.strip_prefix(&SPKI_P256).map(<[u8]>::len) {
            let (_, point) = der.split_at(SPKI_P256.len() - 1);
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| KeyError::BadPoint)?;
            Ok(Self::from_p256(key))
        } else {
            Err(KeyError::NotSpki { len: der.len() })
        }
    }

    /// Reads a PEM block `PUBLIC KEY` (RFC 7468 section 13) and nothing before or after it.
    ///
    /// # Errors
    /// [`KeyError::BadPem`] or [`KeyError::PemLabel`] for the text, else as [`PublicKey::from_spki_der`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_spki_der(&pem::decode(text, pem::PUBLIC_KEY)?)
    }

    /// Reads the one-line form: the SPKI DER in base64 (RFC 4648 section 4, padded, canonical).
    ///
    /// # Errors
    /// [`KeyError::BadBase64`], else as [`PublicKey::from_spki_der`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Self::from_spki_der(&STANDARD.decode(text).map_err(|_| KeyError::BadBase64)?)
    }

    fn from_ed25519(key: ed25519_dalek::VerifyingKey) -> Self {
        let spki = [SPKI_ED25519.as_slice(), key.as_bytes()].concat();
        Self { verifying: VerifyingKey::Ed25519(key), spki }
    }

    fn from_p256(key: p256::ecdsa::VerifyingKey) -> Self {
        let (prefix, _) = SPKI_P256.split_at(SPKI_P256.len() - 1);
        let spki = [prefix, key.to_sec1_point(false).as_bytes()].concat();
        Self { verifying: VerifyingKey::EcdsaP256(key), spki }
    }

    /// Lends the SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn as_spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Gives the SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        self.spki.clone()
    }

    /// Writes the PEM block `PUBLIC KEY`, with a final line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(pem::PUBLIC_KEY, &self.spki).to_string()
    }

    /// Writes the one-line form.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.spki)
    }

    /// The key id of this system: SHA-256 of the SPKI DER.
    #[must_use]
    pub fn key_id(&self) -> Sha256Digest {
        Sha256Digest::of(&self.spki)
    }

    /// What the key verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.verifying {
            VerifyingKey::EcdsaP256(_) => Algorithm::EcdsaP256,
            VerifyingKey::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Verifies a signature as a DSSE envelope carries it: 64 bytes for Ed25519; for ECDSA the DER
    /// `SEQUENCE { r INTEGER, s INTEGER }`, 8 to 72 bytes.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] for other bytes, [`SignatureError::HighS`] for the mirror image of an ECDSA
    /// signature, [`SignatureError::Mismatch`] if it was made for another message or by another key.
    pub fn verify_der(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match &self.verifying {
            VerifyingKey::Ed25519(key) => verify_ed25519(key, message, signature),
            VerifyingKey::EcdsaP256(key) => {
                let parsed = p256::ecdsa::Signature::from_der(signature)
                    .map_err(|_| SignatureError::Malformed { len: signature.len() })?;
                verify_p256(key, message, &parsed)
            }
        }
    }

    /// Verifies a signature as COSE carries it (RFC 9053 section 2): 64 bytes, for ECDSA r and s of 32 each.
    ///
    /// # Errors
    /// As [`PublicKey::verify_der`].
    pub fn verify_fixed(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match &self.verifying {
            VerifyingKey::Ed25519(key) => verify_ed25519(key, message, signature),
            VerifyingKey::EcdsaP256(key) => {
                let parsed = p256::ecdsa::Signature::from_slice(signature)
                    .map_err(|_| SignatureError::Malformed { len: signature.len() })?;
                verify_p256(key, message, &parsed)
            }
        }
    }
}

/// Whether a point that decompresses is spelled as compression spells it (RFC 8032 section 5.1.3).
///
/// Decompression takes y modulo p = 2^255-19, and for x = 0 either sign. So there are second spellings of the 19 points
/// with y < 19, and of the two with x = 0, which are y = 1 and y = -1.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    let sign = last & 0x80 != 0;
    let top = middle.iter().all(|byte| *byte == 0xff) && last & 0x7f == 0x7f;
    let at_least_p = top && *first >= 0xed;
    let minus_one = top && *first == 0xec;
    let one = *first == 1 && middle.iter().all(|byte| *byte == 0) && last & 0x7f == 0;
    !at_least_p && !(sign && (one || minus_one))
}

/// The eight points whose order divides the cofactor, as compression spells them: orders 1, 2, 4, 4, and 8 four times.
const SMALL_ORDER: [[u8; 32]; 8] = {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let (zero, mut one, mut zero_negative, mut minus_one) = ([0; 32], [0; 32], [0; 32], [0xff; 32]);
    one[0] = 1;
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    zero_negative[31] = 0x80;
    let [eight, eighth] = ORDER_8;
    let (mut eight_negative, mut eighth_negative) = (eight, eighth);
    eight_negative[31] |= 0x80;
    eighth_negative[31] |= 0x80;
    [one, minus_one, zero, zero_negative, eight, eight_negative, eighth, eighth_negative]
};

/// RFC 8032 with the cofactorless equation, canonical encodings and no point of small order: the verdict of
/// `verify_strict`, a tenth cheaper (spec/decisions/0010-ed25519-verdict.md).
///
/// `verify_strict` decompresses R, which costs a square root, only to refuse it if it is of small order. Both compute
/// R' = \[s\]B - \[k\]A and compare its compressed form with the bytes of R. What compression writes is canonical, so an R
/// that passes is too, and then it is of small order exactly if it is one of eight strings. A, which both would refuse,
/// never becomes a [`PublicKey`].
fn verify_ed25519(
    key: &ed25519_dalek::VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let signature = ed25519_dalek::Signature::from_slice(signature)
        .map_err(|_| SignatureError::Malformed { len: signature.len() })?;
    if SMALL_ORDER.contains(signature.r_bytes()) {
        return Err(SignatureError::Mismatch);
    }
    key.verify(message, &signature).map_err(|_| SignatureError::Mismatch)
}

/// (r, s) and (r, n-s) are both valid for ECDSA; only the one with the smaller s is accepted.
fn verify_p256(
    key: &p256::ecdsa::VerifyingKey,
    message: &[u8],
    signature: &p256::ecdsa::Signature,
) -> Result<(), SignatureError> {
    if signature.normalize_s() != *signature {
        return Err(SignatureError::HighS);
    }
    key.verify(message, signature).map_err(|_| SignatureError::Mismatch)
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spki.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.to_base64())
    }
}

/// Why a text or some bytes are not a key. No variant carries anything of the key or the passphrase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not base64, or not its canonical spelling.
    #[error("not base64, want one line of padded base64")]
    BadBase64,
    /// Not PEM as RFC 7468 writes it: LF or CRLF, lines of 64 characters, one block, nothing around it.
    #[error("line {line} does not belong into a PEM block, want one block and nothing around it")]
    BadPem {
        /// From 1.
        line: usize,
    },
    /// Not the one encoding of a point on the curve.
    #[error("public key is not the canonical encoding of a point on its curve")]
    BadPoint,
    /// Not PKCS#8, or its parts contradict each other.
    #[error("malformed PKCS#8 private key")]
    BadPrivateKey,
    /// A new key was to be encrypted with an empty passphrase.
    #[error("empty passphrase")]
    EmptyPassphrase,
    /// The private key is encrypted and no passphrase was given.
    #[error("private key is encrypted, want a passphrase")]
    NoPassphrase,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    NoRandomness,
    /// A passphrase was given for a private key that lies open.
    #[error("private key is not encrypted, although a passphrase was given")]
    NotEncrypted,
    /// Not the SPKI of a kind of key we know.
    #[error("{len} bytes are not the DER of an Ed25519 or P-256 public key")]
    NotSpki {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A PEM block of another kind.
    #[error("PEM block {found:?}, want {wanted:?}")]
    PemLabel {
        /// The label seen.
        found: String,
        /// The label wanted.
        wanted: &'static str,
    },
    /// An Ed25519 key under which forged signatures verify.
    #[error("Ed25519 public key of small order")]
    SmallOrder,
    /// The key file asks for more memory or time than a passphrase is worth: at most 256 MiB for scrypt, at most
    /// 10,000,000 rounds of PBKDF2.
    #[error("key derivation of the encrypted private key is too costly")]
    TooCostly,
    /// Encrypted in another way than PBES2 with scrypt or PBKDF2-HMAC-SHA-2 and AES.
    #[error("private key is encrypted in an unknown way, want PBES2 with scrypt or PBKDF2")]
    UnknownEncryption,
    /// A private key for another algorithm or curve.
    #[error("private key for another algorithm, want Ed25519 or P-256")]
    UnknownPrivateKey,
    /// The passphrase does not open the key, or the key file is damaged; PBES2 cannot tell which.
    #[error("wrong passphrase, or damaged private key")]
    WrongPassphrase,
}

/// Why a signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// An ECDSA signature whose s is above half the order: the other spelling of one with low s.
    #[error("ECDSA signature with high s, want low s")]
    HighS,
    /// Not the encoding of a signature.
    #[error("{len} bytes are not a signature of this algorithm")]
    Malformed {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A well-formed signature of another message, or by another key.
    #[error("signature does not verify")]
    Mismatch,
}

#[cfg(test)]
mod tests;
