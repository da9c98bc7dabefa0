use merkle::{Hash, InclusionProof};
use serde::Serialize;
use tlog::checkpoint::SignedCheckpoint;
use tlog::proof::LogProof;
use tlog::text::{self, TextError};

use crate::compact_json;
use crate::entry::{Entry, EntryError, MAX_ENTRY_BYTES};
use crate::excerpt::excerpt;
use crate::json::{self, Located};
use crate::types::{ENTRY_KIND, ENTRY_KIND_VERSION};

use super::log_entry_error::{LogEntryError, Repeated};

/// Longest `TransparencyLogEntry`, in bytes: base64 of the longest entry, a checkpoint of 128 KiB whose every byte
/// is escaped, 63 hashes, and room for the members.
pub const MAX_LOG_ENTRY_BYTES: usize = 1 << 20;

/// An entry, and where a log has it: Rekor's `TransparencyLogEntry`, which is also a log's answer to a new entry.
///
/// ```json
/// {"logIndex":"0","logId":{"keyId":"..."},"kindVersion":{"kind":"tallymark","version":"0.0.1"},"integratedTime":"0",
///  "inclusionProof":{"logIndex":"0","rootHash":"...","treeSize":"1","hashes":[],"checkpoint":{"envelope":"..."}},
///  "canonicalizedBody":"..."}
/// ```
///
/// The format says index, size and root twice, and the log's key id as well. What is repeated has to agree with the
/// checkpoint and the proof, and is then dropped. A pending entry has `kindVersion` and `canonicalizedBody` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    entry: Vec<u8>,
    logged: Option<(LogId, LogProof)>,
}

/// Full SHA-256 of name, algorithm and key of a log: its first four bytes are the key id of its signature lines.
pub type LogId = [u8; 32];

impl LogEntry {
    /// Wraps an entry that no log has taken yet.
    ///
    /// # Errors
    /// [`LogEntryError::EntryLength`] over [`MAX_ENTRY_BYTES`].
    pub fn pending(entry: Vec<u8>) -> Result<Self, LogEntryError> {
        if entry.len() > MAX_ENTRY_BYTES {
            return Err(LogEntryError::EntryLength { len: entry.len() });
        }
        Ok(Self { entry, logged: None })
    }

    /// Joins an entry with a log's proof that it has it. Nothing is verified.
    ///
    /// # Errors
    /// [`LogEntryError::EntryLength`] over [`MAX_ENTRY_BYTES`]; [`LogEntryError::ProofExtra`] if the proof carries
    /// extra data, for which there is no place; [`LogEntryError::Disagrees`] with [`Repeated::LogId`] unless the
    /// checkpoint has a signature line named like its origin whose key id begins `log_id`.
    pub fn logged(entry: Vec<u8>, log_id: LogId, proof: LogProof) -> Result<Self, LogEntryError> {
        if proof.extra().is_some() {
            return Err(LogEntryError::ProofExtra);
        }
        let origin = proof.checkpoint().unverified().origin().as_str();
        let signed_by_log = proof.checkpoint().note().signatures().iter().any(|signature| {
            signature.name().as_str() == origin && log_id.starts_with(&signature.key_id().to_bytes())
        });
        if !signed_by_log {
            return Err(LogEntryError::Disagrees { repeated: Repeated::LogId });
        }
        Ok(Self { logged: Some((log_id, proof)), ..Self::pending(entry)? })
    }

    /// Reads a log's answer, at most [`MAX_LOG_ENTRY_BYTES`].
    ///
    /// # Errors
    /// [`LogEntryError::Disagrees`] if what the format says twice is said in two ways; every other variant is one
    /// rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogEntryError> {
        Self::read(&Located::root(&json::parse(bytes, MAX_LOG_ENTRY_BYTES)?))
    }

    /// Reads a `TransparencyLogEntry` inside another document.
    pub(crate) fn read(entry: &Located<'_>) -> Result<Self, LogEntryError> {
        const PLACEMENT: [&str; 4] = ["logIndex", "logId", "integratedTime", "inclusionProof"];
        let fields = entry.closed_object(&[
            "logIndex",
            "logId",
            "kindVersion",
            "integratedTime",
            "inclusionProof",
            "canonicalizedBody",
        ])?;
        let kind_version = fields.required("kindVersion")?.closed_object(&["kind", "version"])?;
        let kind = kind_version.required("kind")?.string()?;
        let version = kind_version.required("version")?.string()?;
        if (kind, version) != (ENTRY_KIND, ENTRY_KIND_VERSION) {
            let [kind, version] = [kind, version].map(excerpt);
            return Err(LogEntryError::UnknownKind { kind, version });
        }
        let body = read_with(&fields.required("canonicalizedBody")?, text::decode_base64)?;
        if PLACEMENT.iter().all(|key| fields.optional(key).is_none()) {
            return Self::pending(body);
        }

        let index = read_with(&fields.required("logIndex")?, text::leaf_index)?;
        let log_id = fields.required("logId")?.closed_object(&["keyId"])?.required("keyId")?;
        // A log id is as long as a hash, and written like one.
        let log_id = read_with(&log_id, text::hash)?.to_bytes();
        let time = read_with(&fields.required("integratedTime")?, text::decimal)?;
        if time != 0 {
            return Err(LogEntryError::IntegratedTime { seen: time });
        }
        let (proof_index, proof) = read_proof(&fields.required("inclusionProof")?)?;
        if proof_index != index {
            return Err(LogEntryError::Disagrees { repeated: Repeated::LogIndex });
        }
        Self::logged(body, log_id, proof)
    }

    /// Writes it as compact JSON; what was so written is read and written back the same.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        compact_json::to_vec(&self.as_json())
    }

    /// The entry, ready to be written.
    pub(crate) fn as_json(&self) -> LogEntryJson<'_> {
        let logged = self.logged.as_ref();
        LogEntryJson {
            log_index: logged.map(|(_, proof)| proof.inclusion().index().get().to_string()),
            log_id: logged.map(|(log_id, _)| LogIdJson { key_id: text::encode_base64(log_id) }),
            kind_version: KindVersionJson { kind: ENTRY_KIND, version: ENTRY_KIND_VERSION },
            integrated_time: logged.map(|_| "0"),
            inclusion_proof: logged.map(|(_, proof)| proof_json(proof)),
            canonicalized_body: text::encode_base64(&self.entry),
        }
    }

    /// The entry's bytes, not taken apart.
    #[must_use]
    pub fn entry_bytes(&self) -> &[u8] {
        &self.entry
    }

    /// The entry, taken apart.
    ///
    /// # Errors
    /// As [`Entry::parse`].
    pub fn entry(&self) -> Result<Entry, EntryError> {
        Entry::parse(&self.entry)
    }

    /// The log's own id as the answer gave it; `None` if pending.
    #[must_use]
    pub fn log_id(&self) -> Option<&LogId> {
        self.logged.as_ref().map(|(log_id, _)| log_id)
    }

    /// Index, inclusion proof and checkpoint, none of them verified; `None` if pending.
    #[must_use]
    pub fn proof(&self) -> Option<&LogProof> {
        self.logged.as_ref().map(|(_, proof)| proof)
    }
}

/// Reads an inclusion proof, whose size and root have to be those of its checkpoint; also the index.
fn read_proof(proof: &Located<'_>) -> Result<(merkle::LeafIndex, LogProof), LogEntryError> {
    let proof = proof.closed_object(&["logIndex", "rootHash", "treeSize", "hashes", "checkpoint"])?;
    let index = read_with(&proof.required("logIndex")?, text::leaf_index)?;
    let root = read_with(&proof.required("rootHash")?, text::hash)?;
    let size = read_with(&proof.required("treeSize")?, text::tree_size)?;
    let hashes = proof.required("hashes")?.array()?;
    let hashes = hashes.iter().map(|hash| read_with(hash, text::hash)).collect::<Result<Vec<Hash>, _>>()?;
    let inclusion = InclusionProof::new(index, hashes).map_err(|source| LogEntryError::Proof { source })?;
    let envelope = proof.required("checkpoint")?.closed_object(&["envelope"])?.required("envelope")?;
    let checkpoint = SignedCheckpoint::parse(envelope.string()?.as_bytes())
        .map_err(|source| LogEntryError::Checkpoint { source })?;
    let head = checkpoint.unverified().head();
    if head.size() != size {
        return Err(LogEntryError::Disagrees { repeated: Repeated::TreeSize });
    }
    if head.root() != root {
        return Err(LogEntryError::Disagrees { repeated: Repeated::RootHash });
    }
    Ok((index, LogProof::new(inclusion, checkpoint)))
}

/// A string that one of the log's strict readers takes.
fn read_with<T>(
    text: &Located<'_>,
    read: impl FnOnce(&str) -> Result<T, TextError>,
) -> Result<T, LogEntryError> {
    read(text.string()?).map_err(|source| LogEntryError::Text { path: text.path().clone(), source })
}

/// A `TransparencyLogEntry`, in the order in which its members are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogEntryJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_id: Option<LogIdJson>,
    kind_version: KindVersionJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrated_time: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inclusion_proof: Option<InclusionProofJson<'a>>,
    canonicalized_body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogIdJson {
    key_id: String,
}

#[derive(Serialize)]
struct KindVersionJson {
    kind: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProofJson<'a> {
    log_index: String,
    root_hash: String,
    tree_size: String,
    hashes: Vec<String>,
    checkpoint: CheckpointJson<'a>,
}

#[derive(Serialize)]
struct CheckpointJson<'a> {
    envelope: std::borrow::Cow<'a, str>,
}

fn proof_json(proof: &LogProof) -> InclusionProofJson<'_> {
    let head = proof.checkpoint().unverified().head();
    InclusionProofJson {
        log_index: proof.inclusion().index().get().to_string(),
        root_hash: text::encode_base64(head.root().as_bytes()),
        tree_size: head.size().get().to_string(),
        hashes: proof.inclusion().hashes().iter().map(|hash| text::encode_base64(hash.as_bytes())).collect(),
        // A note is UTF-8, so nothing is ever replaced here.
        checkpoint: CheckpointJson { envelope: String::from_utf8_lossy(proof.checkpoint().as_bytes()) },
    }
}
