//! From a bundle to a signed statement, and on to a signer who is believed. Steps 3 and 8 of the procedure.

use attest::digest::Sha256Digest;
use attest::oms::{Certificate, Curve, Material, OmsBundle, OmsPublicKey, OmsStatement};

use super::chain::lead;
use super::failure::OmsFailure;
use super::{Anchor, Belief};

/// A statement over which the signature of `signed_by` holds. Whether that key is believed is not said.
#[derive(Debug)]
pub(super) struct SignedOmsStatement<'a> {
    statement: OmsStatement,
    signed_by: SignedBy<'a>,
}

#[derive(Debug)]
enum SignedBy<'a> {
    /// The caller's own key.
    Key(&'a OmsPublicKey),
    /// The key of the first of these certificates.
    Leaf(&'a [Certificate]),
}

/// Who signed, and why that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmsSigner {
    curve: Curve,
    key_id: Sha256Digest,
    /// Subjects from the leaf to the authority, with the first and last second of each one's validity.
    chain: Vec<(String, (u64, u64))>,
}

impl OmsSigner {
    /// The curve of the key.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo.
    #[must_use]
    pub const fn key_id(&self) -> Sha256Digest {
        self.key_id
    }

    /// Subjects from the leaf to the caller's authority; none if the key itself is the caller's.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().map(|(subject, _)| subject.as_str())
    }

    /// The last second at which all certificates of the chain are valid.
    #[must_use]
    pub fn valid_until(&self) -> Option<u64> {
        self.chain.iter().map(|(_, (_, last))| *last).min()
    }
}

impl<'a> SignedOmsStatement<'a> {
    /// Finds the key that must have signed, and verifies its signature.
    pub(super) fn open(
        bundle: &'a OmsBundle,
        statement: OmsStatement,
        anchor: Option<&'a Anchor>,
    ) -> Result<Self, OmsFailure> {
        let (key, signed_by) = match (bundle.material(), anchor) {
            (Material::Keyless(_), _) => return Err(OmsFailure::Keyless),
            (_, None) => return Err(OmsFailure::NoAnchor),
            (Material::Key(claim), Some(Anchor::Key(key))) => {
                if !claim.is(key) {
                    return Err(OmsFailure::OtherKey { wanted: key.key_id() });
                }
                (key, SignedBy::Key(key))
            }
            (Material::Chain(chain), Some(Anchor::Authorities(_))) => {
                let leaf = chain.first().and_then(Certificate::key).ok_or(OmsFailure::AlgorithmUnknown)?;
                (leaf, SignedBy::Leaf(chain))
            }
            (Material::Key(_), Some(Anchor::Authorities(_))) => {
                return Err(OmsFailure::OtherMethod { seen: "a key", wanted: "a certificate" });
            }
            (Material::Chain(_), Some(Anchor::Key(_))) => {
                return Err(OmsFailure::OtherMethod { seen: "a certificate", wanted: "a key" });
            }
        };
        bundle
            .verify_signature(statement.version(), key)
            .map_err(|source| OmsFailure::SignatureInvalid { key_id: key.key_id(), source })?;
        Ok(Self { statement, signed_by })
    }

    pub(super) const fn statement(&self) -> &OmsStatement {
        &self.statement
    }

    /// Leads from the key that signed to the caller's anchor.
    pub(super) fn believe(&self, belief: Belief<'_>) -> Result<OmsSigner, OmsFailure> {
        match (&self.signed_by, belief.anchor) {
            (SignedBy::Key(key), _) => {
                Ok(OmsSigner { curve: key.curve(), key_id: key.key_id(), chain: Vec::new() })
            }
            (SignedBy::Leaf(chain), Some(Anchor::Authorities(authorities))) => {
                let path = lead(chain, authorities, belief.at)?;
                let key = path.first().and_then(|leaf| leaf.key()).ok_or(OmsFailure::AlgorithmUnknown)?;
                let chain = path.iter().map(|link| (link.subject(), link.validity())).collect();
                Ok(OmsSigner { curve: key.curve(), key_id: key.key_id(), chain })
            }
            (SignedBy::Leaf(_), _) => Err(OmsFailure::NoAnchor),
        }
    }
}
