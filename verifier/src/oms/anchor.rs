//! Whom the caller believes: a key, or authorities that vouch for keys.

use attest::oms::{Certificate, CertificateError, OmsKeyError, OmsPublicKey};

/// Longest file of a key or of authorities, in bytes. The list of authorities of a whole system has a quarter of that.
pub const MAX_ANCHOR_BYTES: usize = 1 << 20;

/// Most authorities in one file.
const MAX_AUTHORITIES: usize = 512;

/// A key, or certificates of authorities. The caller's word, believed as it stands.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the two methods that can be decided here")]
pub enum Anchor {
    /// Certificates of authorities; at least one.
    Authorities(Vec<Certificate>),
    /// The signer's key.
    Key(OmsPublicKey),
}

impl Anchor {
    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// [`AnchorError::Key`], [`AnchorError::NotText`].
    pub fn key(bytes: &[u8]) -> Result<Self, AnchorError> {
        Ok(Self::Key(OmsPublicKey::from_pem(text(bytes)?)?))
    }

    /// Reads certificates in PEM.
    ///
    /// # Errors
    /// [`AnchorError::Certificate`], [`AnchorError::NotText`], [`AnchorError::TooLarge`].
    pub fn authorities(bytes: &[u8]) -> Result<Self, AnchorError> {
        Ok(Self::Authorities(Certificate::many_from_pem(text(bytes)?, MAX_AUTHORITIES)?))
    }
}

fn text(bytes: &[u8]) -> Result<&str, AnchorError> {
    if bytes.len() > MAX_ANCHOR_BYTES {
        return Err(AnchorError::TooLarge { max: MAX_ANCHOR_BYTES });
    }
    str::from_utf8(bytes).map_err(|_| AnchorError::NotText)
}

/// Why a file is no anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// Not certificates.
    #[error("no certificates in PEM")]
    Certificate {
        /// Why.
        #[from]
        source: CertificateError,
    },
    /// Not a key.
    #[error("no public key of P-256, P-384 or P-521 in PEM")]
    Key {
        /// Why.
        #[from]
        source: OmsKeyError,
    },
    /// Not UTF-8.
    #[error("not text")]
    NotText,
    /// More bytes than we read.
    #[error("more than {max} bytes")]
    TooLarge {
        /// The most allowed, in bytes.
        max: usize,
    },
}
