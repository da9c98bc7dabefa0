//! Signing keys and their public halves: Ed25519 (RFC 8032) and ECDSA over P-256 with SHA-256 (FIPS 186-5).
//!
//! In scope: SPKI (RFC 5280, RFC 8410, RFC 5480) and PKCS#8 (RFC 5958), signing and verifying. Out of scope: the
//! files keys lie in, and the bytes that are signed ([`crate::dsse`], [`crate::entry`]).

use crate::digest::Sha256Digest;

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256; deterministic (RFC 6979) and low-s here.
    EcdsaP256,
    /// Ed25519.
    Ed25519,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER; only the one canonical encoding.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let _ = der;
        todo!()
    }

    /// Reads a PEM block `PUBLIC KEY`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let _ = pem;
        todo!()
    }

    /// Reads the one-line form: SPKI DER in base64.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let _ = text;
        todo!()
    }

    /// The SubjectPublicKeyInfo in DER: 44 bytes for Ed25519, 91 for P-256.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        self.spki.clone()
    }

    /// The PEM block `PUBLIC KEY`, with a final line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        todo!()
    }

    /// The one-line form.
    #[must_use]
    pub fn to_base64(&self) -> String {
        todo!()
    }

    /// SHA-256 of the SPKI DER.
    #[must_use]
    pub fn key_id(&self) -> Sha256Digest {
        Sha256Digest::of(&self.spki)
    }

    /// What the key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }

    /// Verifies a signature as DSSE carries it: 64 bytes for Ed25519, DER for ECDSA.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify_der(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let _ = (message, signature);
        todo!()
    }

    /// Verifies a signature as COSE carries it: 64 bytes, for ECDSA r and s of 32 bytes each.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify_fixed(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let _ = (message, signature);
        todo!()
    }
}

/// A private key.
#[cfg(feature = "keys")]
pub struct PrivateKey {}

#[cfg(feature = "keys")]
impl core::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

#[cfg(feature = "keys")]
impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let _ = algorithm;
        todo!()
    }

    /// Reads a PEM block `PRIVATE KEY`, or with a passphrase `ENCRYPTED PRIVATE KEY`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let _ = (pem, passphrase);
        todo!()
    }

    /// Writes a PEM block `PRIVATE KEY`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn to_pem_plain(&self) -> Result<zeroize::Zeroizing<String>, KeyError> {
        todo!()
    }

    /// Writes a PEM block `ENCRYPTED PRIVATE KEY`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn to_pem_encrypted(&self, passphrase: &[u8]) -> Result<zeroize::Zeroizing<String>, KeyError> {
        let _ = passphrase;
        todo!()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        todo!()
    }

    /// Signs as DSSE carries it: 64 bytes for Ed25519, DER for ECDSA.
    #[must_use]
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        let _ = message;
        todo!()
    }

    /// Signs as COSE carries it: 64 bytes.
    #[must_use]
    pub fn sign_fixed(&self, message: &[u8]) -> [u8; 64] {
        let _ = message;
        todo!()
    }
}

/// Whether a PEM text is a private key that needs a passphrase.
#[cfg(feature = "keys")]
#[must_use]
pub fn is_encrypted(pem: &str) -> bool {
    let _ = pem;
    todo!()
}

/// Why a text or some bytes are not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    NoRandomness,
}

/// Why a signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// An ECDSA signature whose s is in the upper half: the other of two spellings.
    #[error("ECDSA signature with high s, want low s")]
    HighS,
    /// Not the encoding of a signature.
    #[error("malformed signature of {len} bytes")]
    Malformed {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A well-formed signature of something else, or by another key.
    #[error("signature does not verify")]
    Mismatch,
}
