//! Private keys: made, kept as PKCS#8 (RFC 5958), used to sign.
//!
//! In scope: plain PKCS#8, and PKCS#8 under PBES2 (RFC 8018) with scrypt (RFC 7914), both readable by OpenSSL 3.
//! Out of scope: permissions of the key file and asking for a passphrase (the programs).

use core::fmt;

use ed25519_dalek::pkcs8::KeypairBytes;
use p256::ecdsa::signature::Signer as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode as _, Reader as _, SliceReader};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Parameters, ScryptParams};
use pkcs8::{
    AlgorithmIdentifierRef, EncodePrivateKey as _, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef,
    SecretDocument,
};
use zeroize::Zeroizing;

use super::pem::{self, ENCRYPTED_PRIVATE_KEY, PRIVATE_KEY};
use super::{Algorithm, KeyError, PublicKey};

/// scrypt's N for keys we write: 2^14 with r = 8 takes 16 MiB, the most that OpenSSL reads without being told to.
const SCRYPT_N: u64 = 1 << 14;
/// scrypt's r.
const SCRYPT_R: u16 = 8;
/// scrypt's p: five passes over 16 MiB cost a guesser what one over 128 MiB does (OWASP password storage table).
const SCRYPT_P: u16 = 5;

/// Most memory a key file may make us use, in bytes: 128 · N · r.
const SCRYPT_MAX_BYTES: u64 = 256 << 20;
/// Largest p; bounds the time to some seconds.
const SCRYPT_MAX_P: u16 = 16;
/// Most rounds of PBKDF2: what RFC 8018 section 4.2 names for especially critical keys.
const PBKDF2_MAX_ROUNDS: u32 = 10_000_000;

/// A private key; wiped from memory when dropped, and never printed.
pub struct PrivateKey(SigningKey);

enum SigningKey {
    EcdsaP256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] if the operating system has none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        match algorithm {
            Algorithm::Ed25519 => {
                fill(&mut *seed)?;
                Ok(Self(SigningKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed))))
            }
            // A random string is zero or not below the order once in 2^32; four in a row is a broken generator.
            Algorithm::EcdsaP256 => (0..4)
                .find_map(|_| match fill(&mut *seed) {
                    Ok(()) => p256::ecdsa::SigningKey::from_slice(&*seed).ok().map(Ok),
                    Err(error) => Some(Err(error)),
                })
                .unwrap_or(Err(KeyError::NoRandomness))
                .map(|key| Self(SigningKey::EcdsaP256(key))),
        }
    }

    /// Reads a PEM block `PRIVATE KEY`, or with a passphrase `ENCRYPTED PRIVATE KEY`.
    ///
    /// Reads what `openssl genpkey` and `openssl pkcs8 -topk8` write. The key derivation it asks for is bounded: 256 MiB
    /// for scrypt, 10,000,000 rounds for PBKDF2.
    ///
    /// # Errors
    /// [`KeyError::BadPem`] or [`KeyError::PemLabel`] for the text; [`KeyError::NoPassphrase`] or
    /// [`KeyError::NotEncrypted`] if key and passphrase do not go together; [`KeyError::TooCostly`],
    /// [`KeyError::UnknownEncryption`] or [`KeyError::WrongPassphrase`] for an encrypted key that does not open;
    /// [`KeyError::BadPrivateKey`] or [`KeyError::UnknownPrivateKey`] for what is inside.
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        Self::from_pkcs8_der(&open_pem(text, passphrase)?)
    }

    /// The P-256 key, if it is one: the same key also signs what other tools read ([`crate::oms`]).
    pub(crate) const fn as_p256(&self) -> Option<&p256::ecdsa::SigningKey> {
        match &self.0 {
            SigningKey::EcdsaP256(key) => Some(key),
            SigningKey::Ed25519(_) => None,
        }
    }

    fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| KeyError::BadPrivateKey)?;
        if info.algorithm.oid == ed25519_dalek::pkcs8::ALGORITHM_OID {
            let key = ed25519_dalek::SigningKey::try_from(info).map_err(|_| KeyError::BadPrivateKey)?;
            Ok(Self(SigningKey::Ed25519(key)))
        } else if info.algorithm.assert_oids(EC_PUBLIC_KEY, PRIME256V1).is_ok() {
            let key = p256::ecdsa::SigningKey::try_from(info).map_err(|_| KeyError::BadPrivateKey)?;
            Ok(Self(SigningKey::EcdsaP256(key)))
        } else {
            Err(KeyError::UnknownPrivateKey)
        }
    }

    /// PKCS#8 version 1, without the public key for Ed25519: OpenSSL 3.0 does not read version 2.
    fn to_pkcs8_der(&self) -> Result<SecretDocument, KeyError> {
        match &self.0 {
            SigningKey::Ed25519(key) => {
                KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_der()
            }
            SigningKey::EcdsaP256(key) => key.to_pkcs8_der(),
        }
        .map_err(|_| KeyError::BadPrivateKey)
    }

    /// Writes a PEM block `PRIVATE KEY`: whoever reads it can sign.
    ///
    /// # Errors
    /// [`KeyError::BadPrivateKey`] if the key cannot be encoded; no key made here is such.
    pub fn to_pem_plain(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(pem::encode(PRIVATE_KEY, self.to_pkcs8_der()?.as_bytes()))
    }

    /// Writes a PEM block `ENCRYPTED PRIVATE KEY`: PBES2, scrypt with N = 2^14, r = 8, p = 5, AES-256-CBC, a fresh salt.
    ///
    /// # Errors
    /// [`KeyError::EmptyPassphrase`], [`KeyError::NoRandomness`], or [`KeyError::BadPrivateKey`] if the key cannot be
    /// encoded.
    pub fn to_pem_encrypted(&self, passphrase: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        if passphrase.is_empty() {
            return Err(KeyError::EmptyPassphrase);
        }
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        fill(&mut salt)?;
        fill(&mut iv)?;
        let kdf = Kdf::Scrypt(ScryptParams {
            salt: salt.as_slice().try_into().map_err(|_| KeyError::BadPrivateKey)?,
            cost_parameter: SCRYPT_N,
            block_size: SCRYPT_R,
            parallelization: SCRYPT_P,
            key_length: None,
        });
        let parameters = Parameters { kdf, encryption: Cipher::Aes256Cbc { iv } };
        let plain = self.to_pkcs8_der()?;
        let info = PrivateKeyInfoRef::from_der(plain.as_bytes()).map_err(|_| KeyError::BadPrivateKey)?;
        let sealed = info.encrypt_with_params(parameters, passphrase).map_err(|_| KeyError::BadPrivateKey)?;
        Ok(pem::encode(ENCRYPTED_PRIVATE_KEY, sealed.as_bytes()))
    }

    /// What the key signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            SigningKey::EcdsaP256(_) => Algorithm::EcdsaP256,
            SigningKey::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match &self.0 {
            SigningKey::EcdsaP256(key) => PublicKey::from_p256(*key.verifying_key()),
            SigningKey::Ed25519(key) => PublicKey::from_ed25519(key.verifying_key()),
        }
    }

    /// Signs as a DSSE envelope carries it: 64 bytes for Ed25519, DER for ECDSA; see [`PublicKey::verify_der`].
    ///
    /// The same key and message give the same signature.
    #[must_use]
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            SigningKey::EcdsaP256(key) => sign_p256(key, message).to_der().as_bytes().to_vec(),
            SigningKey::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// Signs as COSE carries it, 64 bytes; see [`PublicKey::verify_fixed`].
    ///
    /// The same key and message give the same signature.
    #[must_use]
    pub fn sign_fixed(&self, message: &[u8]) -> [u8; 64] {
        match &self.0 {
            SigningKey::EcdsaP256(key) => sign_p256(key, message).to_bytes().into(),
            SigningKey::Ed25519(key) => key.sign(message).to_bytes(),
        }
    }
}

/// RFC 6979 with SHA-256, then the one of the two signatures that has the smaller s.
fn sign_p256(key: &p256::ecdsa::SigningKey, message: &[u8]) -> p256::ecdsa::Signature {
    let signature: p256::ecdsa::Signature = key.sign(message);
    signature.normalize_s()
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, redacted)", self.algorithm())
    }
}

/// Algorithm id-ecPublicKey, RFC 5480 section 2.1.1.
pub(crate) const EC_PUBLIC_KEY: pkcs8::ObjectIdentifier =
    pkcs8::ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Curve secp256r1, RFC 5480 section 2.1.1.1.
const PRIME256V1: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Takes the PKCS#8 out of a PEM block, with a passphrase if it is encrypted. See [`PrivateKey::from_pem`].
pub(crate) fn open_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    match (pem::is_encrypted(text), passphrase) {
        (false, None) => pem::decode(text, PRIVATE_KEY),
        (true, Some(passphrase)) => {
            let der = pem::decode(text, ENCRYPTED_PRIVATE_KEY)?;
            Ok(Zeroizing::new(decrypt(&der, passphrase)?.as_bytes().to_vec()))
        }
        (true, None) => Err(KeyError::NoPassphrase),
        // Whoever gave a passphrase believes the key is protected: say that it is not.
        (false, Some(_)) => {
            pem::decode(text, PRIVATE_KEY)?;
            Err(KeyError::NotEncrypted)
        }
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|_| KeyError::NoRandomness)
}

/// Opens an EncryptedPrivateKeyInfo, after a look at what it would cost.
fn decrypt(der: &[u8], passphrase: &[u8]) -> Result<SecretDocument, KeyError> {
    let sealed = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| {
        if names_an_algorithm(der) { KeyError::UnknownEncryption } else { KeyError::BadPrivateKey }
    })?;
    let EncryptionScheme::Pbes2(parameters) = &sealed.encryption_algorithm else {
        return Err(KeyError::UnknownEncryption);
    };
    let affordable = match &parameters.kdf {
        // The lower bound on N is not about cost: pkcs5 0.8 panics on N = 0.
        Kdf::Scrypt(scrypt) => {
            let bytes = scrypt.cost_parameter.checked_mul(128 * u64::from(scrypt.block_size));
            scrypt.cost_parameter > 1
                && bytes.is_some_and(|bytes| bytes <= SCRYPT_MAX_BYTES)
                && scrypt.parallelization <= SCRYPT_MAX_P
        }
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= PBKDF2_MAX_ROUNDS,
        _ => return Err(KeyError::UnknownEncryption),
    };
    if !affordable {
        return Err(KeyError::TooCostly);
    }
    sealed.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => KeyError::UnknownEncryption,
        _ => KeyError::WrongPassphrase,
    })
}

/// Whether the bytes are `SEQUENCE { AlgorithmIdentifier, OCTET STRING }` (RFC 5958 section 3) whatever the algorithm: then
/// the file is not damaged, only encrypted in a way that `pkcs5` does not know.
fn names_an_algorithm(der: &[u8]) -> bool {
    let parts = |reader: &mut SliceReader<'_>| -> pkcs8::der::Result<()> {
        reader.sequence(|reader| {
            AlgorithmIdentifierRef::decode(reader)?;
            <&OctetStringRef>::decode(reader).map(drop)
        })
    };
    SliceReader::new(der).and_then(|mut reader| parts(&mut reader).and_then(|()| reader.finish())).is_ok()
}
