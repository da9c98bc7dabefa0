//! The Sigstore bundle around an OMS signature, in the dialects of every version of `model_signing`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::certificate::Certificate;
use super::curve::SignatureHash;
use super::error::OmsBundleError;
#[cfg(feature = "keys")]
use super::private_key::OmsSigningKey;
use super::public_key::{OmsPublicKey, OmsSignatureError};
use super::statement::Version;
use crate::compact_json;
use crate::digest::Sha256Digest;
use crate::dsse::{MAX_SIGNATURE_BYTES, pae};
use crate::excerpt::excerpt;
use crate::json::{self, Fields, Located};
use crate::types;

/// Longest bundle, in bytes: base64 of the longest statement, and room for the certificates and a log's proof.
pub const MAX_BUNDLE_BYTES: usize = super::MAX_STATEMENT_BYTES.div_ceil(3) * 4 + (2 << 20);

/// Most certificates in a chain.
pub const MAX_CHAIN: usize = 10;

/// A signed payload and what says who signed it. Parsed, believed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmsBundle {
    payload: Vec<u8>,
    signature: Vec<u8>,
    material: Material,
    evidence: usize,
}

/// What says who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three methods of OMS v1.0")]
pub enum Material {
    /// A certificate, the leaf first, and others that may lead from it to an authority.
    Chain(Vec<Certificate>),
    /// A key that the reader has to have.
    Key(KeyClaim),
    /// A certificate of some minutes, which only a log and its keys can date.
    Keyless(Box<Certificate>),
}

/// What a bundle says of the key that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "what the versions wrote")]
pub enum KeyClaim {
    /// SHA-256 of its PEM text: since 1.1.
    Hint(Sha256Digest),
    /// The key itself: up to 1.0.
    Key(OmsPublicKey),
}

impl KeyClaim {
    /// Whether it is about that key.
    #[must_use]
    pub fn is(&self, key: &OmsPublicKey) -> bool {
        match self {
            Self::Hint(hint) => *hint == key.hint(),
            Self::Key(claimed) => claimed == key,
        }
    }
}

impl OmsBundle {
    /// Signs a statement as [`super::OmsStatement::write`] wrote it.
    #[cfg(feature = "keys")]
    #[must_use]
    pub fn sign(payload: Vec<u8>, key: &OmsSigningKey) -> Self {
        let signature = key.sign(&pae(types::PAYLOAD_TYPE, &payload));
        let material = Material::Key(KeyClaim::Hint(key.public_key().hint()));
        Self { payload, signature, material, evidence: 0 }
    }

    /// Reads a bundle, at most [`MAX_BUNDLE_BYTES`].
    ///
    /// # Errors
    /// Every variant of [`OmsBundleError`] is one rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, OmsBundleError> {
        let value = json::parse(bytes, MAX_BUNDLE_BYTES)?;
        let root = Located::root(&value);
        let media_type = root.object()?.required("mediaType")?.string()?;
        if media_type != types::BUNDLE_MEDIA_TYPE {
            return Err(OmsBundleError::MediaType { seen: excerpt(media_type) });
        }
        let bundle = root.closed_object(&["mediaType", "verificationMaterial", "dsseEnvelope"])?;
        let (material, evidence) = read_material(&bundle.required("verificationMaterial")?)?;
        let (payload, signature) = read_envelope(&bundle.required("dsseEnvelope")?)?;
        Ok(Self { payload, signature, material, evidence })
    }

    /// Writes the bundle of a key as one line of compact JSON with a final line feed; `None` for other methods, which are
    /// never written.
    #[must_use]
    pub fn to_json(&self) -> Option<Vec<u8>> {
        let Material::Key(KeyClaim::Hint(hint)) = &self.material else { return None };
        let mut bytes = compact_json::to_vec(&BundleJson {
            media_type: types::BUNDLE_MEDIA_TYPE,
            verification_material: MaterialJson {
                public_key: HintJson { hint: hint.to_string() },
                tlog_entries: [],
            },
            dsse_envelope: EnvelopeJson {
                payload: STANDARD.encode(&self.payload),
                payload_type: types::PAYLOAD_TYPE,
                signatures: [SignatureJson { sig: STANDARD.encode(&self.signature), keyid: "" }],
            },
        });
        bytes.push(b'\n');
        Some(bytes)
    }

    /// The signed bytes: read them with [`super::OmsStatement::parse`].
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What says who signed.
    #[must_use]
    pub const fn material(&self) -> &Material {
        &self.material
    }

    /// Log entries and timestamps in the bundle, none of which is looked at.
    #[must_use]
    pub const fn unchecked_evidence(&self) -> usize {
        self.evidence
    }

    /// Verifies the signature over a payload of that version with `key`.
    ///
    /// # Errors
    /// As [`OmsPublicKey::verify`].
    pub fn verify_signature(&self, version: Version, key: &OmsPublicKey) -> Result<(), OmsSignatureError> {
        match version {
            Version::V1_0 => {
                key.verify(&pae(types::PAYLOAD_TYPE, &self.payload), key.curve().hash(), &self.signature)
            }
            // Whatever the curve: see spec/oms.md.
            Version::V0_1 => key.verify(&pae_v0_1(&self.payload), SignatureHash::Sha256, &self.signature),
        }
    }
}

/// What version 0.1 signed: its program joined a text with bytes, and Python wrote them as it writes bytes in its source.
///
/// ```text
/// "DSSEV1" SP length of type SP type SP length of payload SP "b'" payload with escapes "'"
/// ```
///
/// `MessageToJson` always writes a `"`, so Python's quotes are single ones.
fn pae_v0_1(payload: &[u8]) -> Vec<u8> {
    let payload_type = types::PAYLOAD_TYPE;
    let mut bytes = format!("DSSEV1 {} {payload_type} {} b'", payload_type.len(), payload.len()).into_bytes();
    for byte in payload {
        match byte {
            b'\\' => bytes.extend(br"\\"),
            b'\'' => bytes.extend(br"\'"),
            b'\n' => bytes.extend(br"\n"),
            b'\r' => bytes.extend(br"\r"),
            b'\t' => bytes.extend(br"\t"),
            b' '..=b'~' => bytes.push(*byte),
            _ => bytes.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    bytes.push(b'\'');
    bytes
}

fn read_material(material: &Located<'_>) -> Result<(Material, usize), OmsBundleError> {
    const METHODS: [&str; 3] = ["publicKey", "x509CertificateChain", "certificate"];
    const EVIDENCE: [&str; 2] = ["tlogEntries", "timestampVerificationData"];
    let fields = material.closed_object(&[&METHODS[..], &EVIDENCE[..]].concat())?;
    let mut evidence = 0;
    if let Some(entries) = fields.optional("tlogEntries") {
        evidence += entries.array()?.len();
    }
    if let Some(timestamps) = fields.optional("timestampVerificationData") {
        let timestamps = timestamps.closed_object(&["rfc3161Timestamps"])?;
        let timestamps = timestamps.optional("rfc3161Timestamps").map(|list| list.array()).transpose()?;
        evidence += timestamps.map_or(0, |list| list.len());
    }
    let there: Vec<(&str, Located<'_>)> =
        METHODS.into_iter().filter_map(|method| Some((method, fields.optional(method)?))).collect();
    let material = match there.as_slice() {
        [("publicKey", key)] => Material::Key(read_key(key)?),
        [("x509CertificateChain", chain)] => Material::Chain(read_chain(chain)?),
        [(_, certificate)] => Material::Keyless(Box::new(read_certificate(certificate)?)),
        _ => return Err(OmsBundleError::Material { seen: there.len() }),
    };
    Ok((material, evidence))
}

fn read_key(key: &Located<'_>) -> Result<KeyClaim, OmsBundleError> {
    let fields = key.closed_object(&["hint", "rawBytes", "keyDetails"])?;
    if let Some(details) = fields.optional("keyDetails") {
        // Written as P-256 whatever the curve; the key itself says which.
        details.string()?;
    }
    if let Some(hint) = fields.optional("hint") {
        let fault = |_| OmsBundleError::Hint { path: hint.path().clone() };
        return hint.string()?.parse().map(KeyClaim::Hint).map_err(fault);
    }
    let raw = fields.required("rawBytes")?;
    let fault = |source| OmsBundleError::Key { path: raw.path().clone(), source };
    let pem = read_base64(&raw)?;
    let pem = String::from_utf8(pem).map_err(|_| OmsBundleError::Base64 { path: raw.path().clone() })?;
    OmsPublicKey::from_pem(&pem).map(KeyClaim::Key).map_err(fault)
}

fn read_chain(chain: &Located<'_>) -> Result<Vec<Certificate>, OmsBundleError> {
    let certificates = chain.closed_object(&["certificates"])?.required("certificates")?.array()?;
    if certificates.is_empty() || certificates.len() > MAX_CHAIN {
        return Err(OmsBundleError::CertificateCount { seen: certificates.len() });
    }
    certificates.iter().map(read_certificate).collect()
}

fn read_certificate(certificate: &Located<'_>) -> Result<Certificate, OmsBundleError> {
    let raw = certificate.closed_object(&["rawBytes"])?.required("rawBytes")?;
    let fault = |source| OmsBundleError::Certificate { path: raw.path().clone(), source };
    Certificate::from_der(&read_base64(&raw)?).map_err(fault)
}

/// The payload and its signature.
fn read_envelope(envelope: &Located<'_>) -> Result<(Vec<u8>, Vec<u8>), OmsBundleError> {
    let envelope: Fields<'_> = envelope.closed_object(&["payload", "payloadType", "signatures"])?;
    let payload_type = envelope.required("payloadType")?.string()?;
    if payload_type != types::PAYLOAD_TYPE {
        return Err(OmsBundleError::PayloadType { seen: excerpt(payload_type) });
    }
    let payload = read_base64(&envelope.required("payload")?)?;
    let signatures = envelope.required("signatures")?.array()?;
    let [signature] = signatures.as_slice() else {
        return Err(OmsBundleError::SignatureCount { seen: signatures.len() });
    };
    let signature = signature.closed_object(&["sig", "keyid"])?;
    // Up to 1.0 it was null. DSSE does not authenticate it, so it says nothing.
    if let Some(key_id) = signature.optional("keyid").filter(|key_id| !key_id.value().is_null()) {
        key_id.string()?;
    }
    let sig = signature.required("sig")?;
    let bytes = read_base64(&sig)?;
    if bytes.is_empty() || bytes.len() > MAX_SIGNATURE_BYTES {
        return Err(OmsBundleError::Base64 { path: sig.path().clone() });
    }
    Ok((payload, bytes))
}

fn read_base64(text: &Located<'_>) -> Result<Vec<u8>, OmsBundleError> {
    STANDARD.decode(text.string()?).map_err(|_| OmsBundleError::Base64 { path: text.path().clone() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleJson {
    media_type: &'static str,
    verification_material: MaterialJson,
    dsse_envelope: EnvelopeJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MaterialJson {
    public_key: HintJson,
    /// Written though empty: `model_signing` asks for it.
    tlog_entries: [(); 0],
}

#[derive(Serialize)]
struct HintJson {
    hint: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeJson {
    payload: String,
    payload_type: &'static str,
    signatures: [SignatureJson; 1],
}

#[derive(Serialize)]
struct SignatureJson {
    sig: String,
    keyid: &'static str,
}
