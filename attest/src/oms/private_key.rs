//! Private keys that sign OMS bundles, and nothing else.
//!
//! A log entry is signed with Ed25519 or P-256 alone (spec/decisions/0004-entry-algorithms.md). So that no key of another
//! curve ever comes near one, these are a type of their own, which has no way to sign an entry.

use core::fmt;

use p256::ecdsa::signature::Signer as _;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode as _;

use super::curve::Curve;
use super::public_key::{OmsKeyError, OmsPublicKey};
use crate::key::private::{EC_PUBLIC_KEY, open_pem};
use crate::key::{KeyError, PrivateKey};

/// Curve secp384r1, RFC 5480 section 2.1.1.1.
const SECP384R1: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// Curve secp521r1, likewise.
const SECP521R1: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.3.132.0.35");
/// Curve secp256r1, likewise.
const SECP256R1: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A private key over one of the three curves; wiped from memory when dropped, and never printed.
pub struct OmsSigningKey(SigningKey);

enum SigningKey {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl OmsSigningKey {
    /// Reads a PEM block `PRIVATE KEY`, or with a passphrase `ENCRYPTED PRIVATE KEY`, bounded as for
    /// [`PrivateKey::from_pem`].
    ///
    /// # Errors
    /// [`OmsKeyError::Pem`] for the text and the passphrase, [`OmsKeyError::UnknownPrivateKey`] for what is inside.
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, OmsKeyError> {
        let der = open_pem(text, passphrase)?;
        let bad = || OmsKeyError::from(KeyError::BadPrivateKey);
        let info = PrivateKeyInfoRef::from_der(&der).map_err(|_| bad())?;
        let is = |curve| info.algorithm.assert_oids(EC_PUBLIC_KEY, curve).is_ok();
        let key = if is(SECP256R1) {
            SigningKey::P256(p256::ecdsa::SigningKey::try_from(info).map_err(|_| bad())?)
        } else if is(SECP384R1) {
            SigningKey::P384(p384::ecdsa::SigningKey::try_from(info).map_err(|_| bad())?)
        } else if is(SECP521R1) {
            SigningKey::P521(p521::ecdsa::SigningKey::try_from(info).map_err(|_| bad())?)
        } else {
            return Err(OmsKeyError::UnknownPrivateKey);
        };
        Ok(Self(key))
    }

    /// Takes the key that also signs statements, if it is ECDSA; an Ed25519 key signs nothing that OMS knows.
    #[must_use]
    pub fn of(key: &PrivateKey) -> Option<Self> {
        key.as_p256().map(|key| Self(SigningKey::P256(key.clone())))
    }

    /// The curve it is on.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        match self.0 {
            SigningKey::P256(_) => Curve::P256,
            SigningKey::P384(_) => Curve::P384,
            SigningKey::P521(_) => Curve::P521,
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> OmsPublicKey {
        match &self.0 {
            SigningKey::P256(key) => OmsPublicKey::from_p256(key.verifying_key()),
            SigningKey::P384(key) => OmsPublicKey::from_p384(key.verifying_key()),
            SigningKey::P521(key) => OmsPublicKey::from_p521(key.verifying_key()),
        }
    }

    /// Signs with the hash that belongs to the curve; ECDSA in DER, nonces by RFC 6979, so that the same key and message give
    /// the same signature.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            SigningKey::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_der().as_bytes().to_vec()
            }
            SigningKey::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_der().as_bytes().to_vec()
            }
            SigningKey::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_der().as_bytes().to_vec()
            }
        }
    }
}

impl fmt::Debug for OmsSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OmsSigningKey({}, redacted)", self.curve())
    }
}
