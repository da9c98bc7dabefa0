//! X.509 certificates (RFC 5280), as far as they say who may sign an OMS bundle.
//!
//! In scope: one certificate, and whether a key signed it. Out of scope: chains, and which of them is believed (crate
//! `verifier`); revocation; policies and name constraints, which are reported as extensions nobody here can follow.

use x509_cert::Certificate as Parsed;
use x509_cert::der::oid::{AssociatedOid as _, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};

use super::curve::SignatureHash;
use super::public_key::{OmsPublicKey, OmsSignatureError};
use crate::digest::Sha256Digest;
use crate::key::pem;

/// Longest certificate, in bytes. Those in use have one or two thousand.
pub const MAX_CERTIFICATE_BYTES: usize = 64 << 10;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
/// Extended key usage id-kp-codeSigning, RFC 5280 section 4.2.1.12.
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// Extended key usage anyExtendedKeyUsage, likewise.
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
/// Name constraints, RFC 5280 section 4.2.1.10: not followed, so never ignored, critical or not.
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

/// A certificate. Parsed, believed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    signed: Vec<u8>,
    parsed: Parsed,
    hash: Option<SignatureHash>,
    key: Option<OmsPublicKey>,
    usage: Usage,
}

/// What the extensions say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Usage {
    /// `Some` for an authority: how many further authorities may follow on it, if that is bounded.
    authority: Option<Option<u8>>,
    key_usage: Option<KeyUsage>,
    extended: Option<ExtendedKeyUsage>,
    unfollowed: Option<String>,
}

/// How one certificate may stand in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a chain has two kinds of links")]
pub enum ChainLink {
    /// It vouches for the certificate after it, with so many authorities between itself and the leaf.
    Authority {
        /// Authorities that follow on it.
        below: usize,
    },
    /// It signs bundles.
    Leaf,
}

impl Certificate {
    /// Reads a certificate in DER, at most [`MAX_CERTIFICATE_BYTES`].
    ///
    /// # Errors
    /// [`CertificateError`]: too long, not DER, the two places that name its algorithm differ, an extension twice or not what
    /// it should hold.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertificateError::TooLarge { len: der.len() });
        }
        let malformed = |_| CertificateError::Malformed;
        let parsed = Parsed::from_der(der).map_err(malformed)?;
        let signed = first_part(der).ok_or(CertificateError::Malformed)?;
        let tbs = parsed.tbs_certificate();
        if tbs.signature() != parsed.signature_algorithm() {
            return Err(CertificateError::Malformed);
        }
        let hash = match parsed.signature_algorithm().oid {
            ECDSA_WITH_SHA256 => Some(SignatureHash::Sha256),
            ECDSA_WITH_SHA384 => Some(SignatureHash::Sha384),
            ECDSA_WITH_SHA512 => Some(SignatureHash::Sha512),
            _ => None,
        };
        let spki = tbs.subject_public_key_info().to_der().map_err(malformed)?;
        let key = OmsPublicKey::from_spki_der(&spki).ok();
        let usage = Usage::of(&parsed)?;
        Ok(Self { der: der.to_vec(), signed, parsed, hash, key, usage })
    }

    /// Reads a file of PEM blocks `CERTIFICATE`, one after another and nothing between them, at most `max` of them.
    ///
    /// # Errors
    /// [`CertificateError::Pem`] for the text, [`CertificateError::TooMany`], else as [`Certificate::from_der`].
    pub fn many_from_pem(text: &str, max: usize) -> Result<Vec<Self>, CertificateError> {
        let mut certificates = Vec::new();
        let mut block = String::new();
        for line in text.lines() {
            if block.is_empty() && line.is_empty() {
                continue;
            }
            block.push_str(line);
            block.push('\n');
            if line.starts_with("-----END ") {
                if certificates.len() == max {
                    return Err(CertificateError::TooMany { max });
                }
                let der = pem::decode(&block, pem::CERTIFICATE).map_err(|_| CertificateError::Pem)?;
                certificates.push(Self::from_der(&der)?);
                block.clear();
            }
        }
        if certificates.is_empty() || !block.is_empty() {
            Err(CertificateError::Pem)
        } else {
            Ok(certificates)
        }
    }

    /// The DER as it was received.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256Digest {
        Sha256Digest::of(&self.der)
    }

    /// Whom it is about, as RFC 4514 writes it. Other people's text.
    #[must_use]
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate().subject().to_string()
    }

    /// Who is said to have issued it, likewise.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.parsed.tbs_certificate().issuer().to_string()
    }

    /// The first and the last second, since 1970, of its validity.
    #[must_use]
    pub fn validity(&self) -> (u64, u64) {
        let validity = self.parsed.tbs_certificate().validity();
        (validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs())
    }

    /// Its key; `None` if that is on none of the curves of OMS.
    #[must_use]
    pub const fn key(&self) -> Option<&OmsPublicKey> {
        self.key.as_ref()
    }

    /// Whether `issuer` has the name that this one says issued it.
    #[must_use]
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.parsed.tbs_certificate().issuer() == issuer.parsed.tbs_certificate().subject()
    }

    /// Verifies that the key of `issuer` signed this certificate.
    ///
    /// # Errors
    /// [`CertificateError::UnknownAlgorithm`] if it is signed or the issuer's key is made in a way we cannot check;
    /// [`CertificateError::Signature`] if the signature does not hold.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), CertificateError> {
        let (Some(hash), Some(key)) = (self.hash, issuer.key()) else {
            return Err(CertificateError::UnknownAlgorithm);
        };
        let signature = self.parsed.signature().as_bytes().ok_or(CertificateError::Malformed)?;
        key.verify(&self.signed, hash, signature).map_err(|source| CertificateError::Signature { source })
    }

    /// Whether it may stand at that place in a chain.
    ///
    /// A leaf has key usage digitalSignature, or none; and extended key usage codeSigning, or none; and one of the two at
    /// least. Other readers are content with either, and so take a web server's certificate.
    ///
    /// # Errors
    /// [`CertificateError::Unfollowed`] for an extension we cannot follow, [`CertificateError::Usage`] if it may not.
    pub fn refuse_unfit(&self, link: ChainLink) -> Result<(), CertificateError> {
        let usage = &self.usage;
        if let Some(oid) = &usage.unfollowed {
            return Err(CertificateError::Unfollowed { oid: oid.clone() });
        }
        let extended = |wanted: &[ObjectIdentifier]| {
            usage.extended.as_ref().map(|usages| usages.0.iter().any(|usage| wanted.contains(usage)))
        };
        match link {
            ChainLink::Leaf => {
                let signs = usage.key_usage.as_ref().map(KeyUsage::digital_signature);
                match (signs, extended(&[CODE_SIGNING])) {
                    (Some(true), Some(true) | None) | (None, Some(true)) => Ok(()),
                    _ => Err(CertificateError::Usage { wanted: "digitalSignature and codeSigning" }),
                }
            }
            ChainLink::Authority { below } => {
                let bound = usage.authority.ok_or(CertificateError::Usage { wanted: "CA:TRUE" })?;
                if bound.is_some_and(|bound| usize::from(bound) < below) {
                    return Err(CertificateError::Usage { wanted: "a longer path" });
                }
                if usage.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign()) {
                    return Err(CertificateError::Usage { wanted: "keyCertSign" });
                }
                if extended(&[CODE_SIGNING, ANY_USAGE]) == Some(false) {
                    return Err(CertificateError::Usage { wanted: "codeSigning" });
                }
                Ok(())
            }
        }
    }
}

impl Usage {
    fn of(parsed: &Parsed) -> Result<Self, CertificateError> {
        let mut usage = Self { authority: None, key_usage: None, extended: None, unfollowed: None };
        let malformed = |_| CertificateError::Malformed;
        let mut seen = Vec::new();
        for extension in parsed.tbs_certificate().extensions().into_iter().flatten() {
            if seen.contains(&extension.extn_id) {
                return Err(CertificateError::Malformed);
            }
            seen.push(extension.extn_id);
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                BasicConstraints::OID => {
                    let basic = BasicConstraints::from_der(value).map_err(malformed)?;
                    usage.authority = basic.ca.then_some(basic.path_len_constraint);
                }
                KeyUsage::OID => usage.key_usage = Some(KeyUsage::from_der(value).map_err(malformed)?),
                ExtendedKeyUsage::OID => {
                    usage.extended = Some(ExtendedKeyUsage::from_der(value).map_err(malformed)?);
                }
                // A name nobody compares with anything changes nothing.
                SubjectAltName::OID => {}
                oid if extension.critical || oid == NAME_CONSTRAINTS => {
                    usage.unfollowed.get_or_insert_with(|| oid.to_string());
                }
                _ => {}
            }
        }
        Ok(usage)
    }
}

/// The first element inside the outer SEQUENCE, byte for byte: what the issuer signed.
fn first_part(der: &[u8]) -> Option<Vec<u8>> {
    SliceReader::new(der)
        .ok()?
        .sequence(|reader| {
            let first = reader.tlv_bytes()?.to_vec();
            // The rest was parsed already.
            while !reader.is_finished() {
                reader.tlv_bytes()?;
            }
            Ok::<_, x509_cert::der::Error>(first)
        })
        .ok()
}

/// Why bytes are no certificate, or why one does not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not the DER of a certificate, or it contradicts itself.
    #[error("not the DER of an X.509 certificate")]
    Malformed,
    /// Not PEM blocks `CERTIFICATE`.
    #[error("not PEM blocks CERTIFICATE with nothing between them")]
    Pem,
    /// Its issuer's key did not sign it.
    #[error("certificate is not signed by the key of its issuer")]
    Signature {
        /// Why.
        source: OmsSignatureError,
    },
    /// More bytes than a certificate has.
    #[error("certificate of {len} bytes, want at most {max}", max = MAX_CERTIFICATE_BYTES)]
    TooLarge {
        /// The length seen, in bytes.
        len: usize,
    },
    /// More certificates in one file than we read.
    #[error("more than {max} certificates in one file")]
    TooMany {
        /// The most allowed.
        max: usize,
    },
    /// Neither an extension we know nor one that may be passed over.
    #[error("certificate has extension {oid}, which is not followed here")]
    Unfollowed {
        /// Which.
        oid: String,
    },
    /// RSA, Ed25519, or a curve that OMS does not have.
    #[error("certificate or its issuer's key is not ECDSA over P-256, P-384 or P-521")]
    UnknownAlgorithm,
    /// What it says it is for is something else.
    #[error("certificate is not for this use, want {wanted}")]
    Usage {
        /// What is wanted.
        wanted: &'static str,
    },
}
