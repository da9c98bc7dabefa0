//! Sigstore bundle v0.3: a signed statement, and the proof that a log has it, in one line of JSON.
//!
//! Follows spec/bundle.md and Sigstore's protobuf specifications (`sigstore_bundle.proto`, `sigstore_rekor.proto`) in
//! their JSON form. In scope: the bundle, the log's entry inside it, which is also a log's answer, and the file of
//! bundles beside a model. Out of scope: whether any of it is to be believed (crate `verifier`).
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
//!  "verificationMaterial":{"publicKey":{"hint":"<key id>"},"tlogEntries":[{"logIndex":"0",...}]},
//!  "dsseEnvelope":{"payload":"...","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"..."}]}}
//! ```

mod file;
mod log_entry;
mod log_entry_error;

use serde::Serialize;

use crate::compact_json;
use crate::digest::{DigestError, Sha256Digest};
use crate::dsse::{Envelope, EnvelopeError, EnvelopeJson};
use crate::entry::{ModelSalt, SaltError};
use crate::excerpt::excerpt;
use crate::json::{self, FieldError, JsonError, Located};
use crate::types::BUNDLE_MEDIA_TYPE;

use log_entry::LogEntryJson;

pub use file::{
    BundleFile, BundleFileError, BundleLine, FILE_NAME, MAX_BUNDLE_FILE_BYTES, MAX_BUNDLE_FILE_LINES,
    ModelShape, bundle_path_for,
};
pub use log_entry::{LogEntry, LogId, MAX_LOG_ENTRY_BYTES};
pub use log_entry_error::{LogEntryError, Repeated};

/// Longest bundle, in bytes: base64 makes 21.4 MiB of the longest payload; the rest is for the log's proof.
pub const MAX_LINE_BYTES: usize = 24 << 20;

/// An envelope, a hint which key signed it, and what a log says of it. Parsed, believed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    envelope: Envelope,
    hint: Sha256Digest,
    salt: Option<ModelSalt>,
    log_entry: Option<LogEntry>,
}

impl Bundle {
    /// Joins an envelope with the key id of its signer and, if there is one, the log's entry.
    #[must_use]
    pub const fn new(envelope: Envelope, hint: Sha256Digest, log_entry: Option<LogEntry>) -> Self {
        Self { envelope, hint, salt: None, log_entry }
    }

    /// The same with the salt of its private entry, or without one.
    #[must_use]
    pub fn with_salt(self, salt: Option<ModelSalt>) -> Self {
        Self { salt, ..self }
    }

    /// Reads a bundle, at most [`MAX_LINE_BYTES`].
    ///
    /// # Errors
    /// [`BundleError::MediaType`], [`BundleError::UnsupportedMaterial`] and [`BundleError::UnsupportedContent`] if
    /// it is a bundle of another make; every other variant is one rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let value = json::parse(bytes, MAX_LINE_BYTES)?;
        let root = Located::root(&value);
        let media_type = root.object()?.required("mediaType")?.string()?;
        if media_type != BUNDLE_MEDIA_TYPE {
            return Err(BundleError::MediaType { seen: excerpt(media_type) });
        }
        if root.object()?.optional("messageSignature").is_some() {
            return Err(BundleError::UnsupportedContent { member: "messageSignature" });
        }
        let bundle = root.closed_object(&["mediaType", "verificationMaterial", "dsseEnvelope"])?;
        let material = bundle.required("verificationMaterial")?;
        for member in UNSUPPORTED_MATERIAL {
            if material.object()?.optional(member).is_some() {
                return Err(BundleError::UnsupportedMaterial { member });
            }
        }
        let material = material.closed_object(&["publicKey", "entrySalt", "tlogEntries"])?;
        let hint = material.required("publicKey")?.closed_object(&["hint"])?.required("hint")?;
        let hint = hint.string()?.parse().map_err(|source| BundleError::Hint { source })?;
        let salt = material.optional("entrySalt").map(|salt| salt.string()).transpose()?;
        let salt = salt.map(str::parse).transpose().map_err(|source| BundleError::Salt { source })?;
        let log_entries = material.optional("tlogEntries").map(|entries| entries.array()).transpose()?;
        let log_entry = match log_entries.as_deref() {
            None | Some([]) => None,
            Some([entry]) => Some(LogEntry::read(entry)?),
            Some(entries) => return Err(BundleError::LogEntryCount { seen: entries.len() }),
        };
        let envelope = Envelope::read(&bundle.required("dsseEnvelope")?)?;
        Ok(Self { envelope, hint, salt, log_entry })
    }

    /// Writes the bundle as one line of compact JSON, without a line feed; what was so written is read and written
    /// back the same.
    #[must_use]
    pub fn to_json_line(&self) -> Vec<u8> {
        compact_json::to_vec(&BundleJson {
            media_type: BUNDLE_MEDIA_TYPE,
            verification_material: MaterialJson {
                public_key: PublicKeyJson { hint: self.hint.to_string() },
                entry_salt: self.salt.as_ref().map(ModelSalt::to_hex),
                tlog_entries: self.log_entry.as_ref().map(LogEntry::as_json).as_slice(),
            },
            dsse_envelope: self.envelope.as_json(),
        })
    }

    /// The signed statement.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Key id of the key that is said to have signed it: where to look first, and no more.
    #[must_use]
    pub const fn hint(&self) -> Sha256Digest {
        self.hint
    }

    /// What the commitments in its private entry are made with; nothing if the entry is not private. Whether it is the right
    /// one shows when the entry is computed again.
    #[must_use]
    pub const fn salt(&self) -> Option<&ModelSalt> {
        self.salt.as_ref()
    }

    /// What a log says of it, or the entry that no log has taken yet.
    #[must_use]
    pub const fn log_entry(&self) -> Option<&LogEntry> {
        self.log_entry.as_ref()
    }

    /// The same bundle with another log entry: how a pending bundle is completed.
    #[must_use]
    pub fn with_log_entry(self, log_entry: LogEntry) -> Self {
        Self { log_entry: Some(log_entry), ..self }
    }
}

/// Verification material that Sigstore bundles may have, and ours do not.
const UNSUPPORTED_MATERIAL: [&str; 3] = ["certificate", "x509CertificateChain", "timestampVerificationData"];

/// A bundle's members, in the order in which they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleJson<'a> {
    media_type: &'static str,
    verification_material: MaterialJson<'a>,
    dsse_envelope: EnvelopeJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MaterialJson<'a> {
    public_key: PublicKeyJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_salt: Option<String>,
    tlog_entries: &'a [LogEntryJson<'a>],
}

#[derive(Serialize)]
struct PublicKeyJson {
    hint: String,
}

/// Why some bytes are not a bundle of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The envelope is malformed.
    #[error("envelope of the bundle does not parse")]
    Envelope {
        /// Why.
        #[from]
        source: EnvelopeError,
    },
    /// A known member is missing or of another type, or an unknown one is there.
    #[error("bundle has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// A hint that is no key id.
    #[error("hint of the bundle is no key id")]
    Hint {
        /// Why.
        #[source]
        source: DigestError,
    },
    /// Not JSON as we read it.
    #[error("bundle is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// The log's entry is malformed.
    #[error("log entry of the bundle does not parse")]
    LogEntry {
        /// Why.
        #[from]
        source: LogEntryError,
    },
    /// Several log entries.
    #[error("{seen} log entries, want at most one")]
    LogEntryCount {
        /// Log entries seen.
        seen: usize,
    },
    /// Another media type: another version of the bundle, or no bundle.
    #[error("media type {seen:?}, want {want:?}", want = BUNDLE_MEDIA_TYPE)]
    MediaType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// A salt that is none.
    #[error("salt of the bundle is none")]
    Salt {
        /// Why.
        #[source]
        source: SaltError,
    },
    /// A bundle around something else than an envelope.
    #[error("bundle with {member}, want dsseEnvelope")]
    UnsupportedContent {
        /// The member seen.
        member: &'static str,
    },
    /// Verification material other than a public key's hint.
    #[error("verification material with {member}, want publicKey and tlogEntries alone")]
    UnsupportedMaterial {
        /// The member seen.
        member: &'static str,
    },
}
