//! The snapshot: what the status map of a log has for one digest, as one line of JSON.

use base64::Engine as _;
use merkle::map::{MAX_MAP_PROOF_BYTES, MapProof, MapProofError};
use serde::Serialize;
use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::status::{SignedStatus, Status, StatusError};
use tlog::text::{TextError, leaf_index};

use crate::compact_json;
use crate::digest::{DigestError, Sha256Digest};
use crate::excerpt::excerpt;
use crate::json::{self, FieldError, JsonError, JsonPath, Located};
use crate::types::STATUS_MEDIA_TYPE;

use super::{Mention, mentions_value, subject_key};

/// Most mentions that a snapshot shows. A thing that was mentioned more often has none: somebody wants to bury what was said
/// about it, and what nobody can look through says nothing.
pub const MAX_MENTIONS: usize = 1024;

/// Longest snapshot, in bytes: all mentions, two notes and the longest proof fit.
pub const MAX_SNAPSHOT_BYTES: usize = 1 << 20;

/// What a log says that was said about one digest, with its proof. Parsed, believed by nobody.
///
/// ```json
/// {"mediaType":"application/vnd.tallymark.status.v1+json","subject":"<64 hex>",
///  "mentions":[{"logIndex":"17","keyId":"<64 hex>","statement":"<64 hex>"}],
///  "proof":"<base64>","status":"<signed note>","checkpoint":"<signed note>"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    subject: Sha256Digest,
    mentions: Vec<Mention>,
    proof: MapProof,
    status: SignedStatus,
    checkpoint: Option<SignedCheckpoint>,
}

impl Snapshot {
    /// Joins what a map has for a digest, its proof, the status that has the map's root, and, for whoever wants witnesses, the
    /// checkpoint of the same tree.
    ///
    /// # Errors
    /// [`SnapshotError::TooManyMentions`], [`SnapshotError::Unsorted`].
    pub fn new(
        subject: Sha256Digest,
        mentions: Vec<Mention>,
        proof: MapProof,
        status: SignedStatus,
        checkpoint: Option<SignedCheckpoint>,
    ) -> Result<Self, SnapshotError> {
        if mentions.len() > MAX_MENTIONS {
            return Err(SnapshotError::TooManyMentions { seen: mentions.len() });
        }
        if !mentions.is_sorted_by(|one, next| one.index() < next.index()) {
            return Err(SnapshotError::Unsorted);
        }
        Ok(Self { subject, mentions, proof, status, checkpoint })
    }

    /// Whether a line of a bundle file says that it is a snapshot, be it one or not.
    #[must_use]
    pub fn is_meant(line: &[u8]) -> bool {
        // Members are written in one order, so the media type comes first.
        let start = [br#"{"mediaType":""#, STATUS_MEDIA_TYPE.as_bytes(), br#"""#].concat();
        line.starts_with(&start)
    }

    /// Reads a snapshot, in its one spelling.
    ///
    /// # Errors
    /// [`SnapshotError`], one variant for each rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let value = json::parse(bytes, MAX_SNAPSHOT_BYTES)?;
        let root = Located::root(&value);
        let media_type = root.object()?.required("mediaType")?.string()?;
        if media_type != STATUS_MEDIA_TYPE {
            return Err(SnapshotError::MediaType { seen: excerpt(media_type) });
        }
        let known = ["mediaType", "subject", "mentions", "proof", "status", "checkpoint"];
        let fields = root.closed_object(&known)?;
        let mentions = fields.required("mentions")?.array()?;
        if mentions.len() > MAX_MENTIONS {
            return Err(SnapshotError::TooManyMentions { seen: mentions.len() });
        }
        let mentions = mentions.iter().map(read_mention).collect::<Result<_, _>>()?;
        let proof = read_proof(&fields.required("proof")?)?;
        let status = SignedStatus::parse(fields.required("status")?.string()?.as_bytes())
            .map_err(|source| SnapshotError::Status { source })?;
        let checkpoint = fields.optional("checkpoint").map(|note| read_checkpoint(&note)).transpose()?;
        let snapshot =
            Self::new(read_digest(&fields.required("subject")?)?, mentions, proof, status, checkpoint)?;
        if snapshot.to_json_line() == bytes { Ok(snapshot) } else { Err(SnapshotError::NotCanonical) }
    }

    /// Writes the snapshot as one line of compact JSON, without a line feed.
    #[must_use]
    pub fn to_json_line(&self) -> Vec<u8> {
        compact_json::to_vec(&SnapshotJson {
            media_type: STATUS_MEDIA_TYPE,
            subject: self.subject.to_string(),
            mentions: self.mentions.iter().map(MentionJson::of).collect(),
            proof: base64::engine::general_purpose::STANDARD.encode(self.proof.to_bytes()),
            // A note is UTF-8, so nothing is ever replaced here.
            status: String::from_utf8_lossy(self.status.as_bytes()),
            checkpoint: self.checkpoint.as_ref().map(|note| String::from_utf8_lossy(note.as_bytes())),
        })
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &Sha256Digest {
        &self.subject
    }

    /// What was said about it, oldest first. Nobody has verified that the map has that.
    #[must_use]
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// What the log is said to have signed.
    #[must_use]
    pub const fn status(&self) -> &SignedStatus {
        &self.status
    }

    /// A checkpoint of the same tree, for its witnesses.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<&SignedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// Establishes that a map with the root that the status names has these mentions and no others for the digest. Who signed
    /// the status is for [`SignedStatus::open`].
    ///
    /// # Errors
    /// [`SnapshotRefused`].
    pub fn verify(&self) -> Result<&Status, SnapshotRefused> {
        let status = self.status.unverified();
        let size = status.head().size().get();
        if let Some(beyond) = self.mentions.last().filter(|mention| mention.index().get() >= size) {
            return Err(SnapshotRefused::BeyondTree { index: beyond.index().get(), size });
        }
        if let Some(checkpoint) = &self.checkpoint {
            let checkpoint = checkpoint.unverified();
            if checkpoint.origin() != status.origin() || checkpoint.head() != status.head() {
                return Err(SnapshotRefused::OtherCheckpoint);
            }
        }
        let seen = self.proof.verify(&subject_key(&self.subject), status.map())?;
        if seen == mentions_value(&self.mentions) { Ok(status) } else { Err(SnapshotRefused::OtherMentions) }
    }
}

fn read_mention(mention: &Located<'_>) -> Result<Mention, SnapshotError> {
    let mention = mention.closed_object(&["logIndex", "keyId", "statement"])?;
    let index = mention.required("logIndex")?;
    let index = leaf_index(index.string()?)
        .map_err(|source| SnapshotError::Index { path: index.path().clone(), source })?;
    let (key_id, statement) =
        (read_digest(&mention.required("keyId")?)?, read_digest(&mention.required("statement")?)?);
    Ok(Mention::new(index, key_id, statement))
}

fn read_digest(digest: &Located<'_>) -> Result<Sha256Digest, SnapshotError> {
    digest.parsed(|path, source| SnapshotError::Digest { path, source })
}

fn read_proof(proof: &Located<'_>) -> Result<MapProof, SnapshotError> {
    let text = proof.string()?;
    // Four characters of base64 for each three bytes, and what fills up the last four.
    if text.len() > MAX_MAP_PROOF_BYTES.div_ceil(3) * 4 {
        return Err(SnapshotError::ProofTooLong { seen: text.len() });
    }
    let bytes = tlog::text::decode_base64(text).map_err(|source| SnapshotError::ProofText { source })?;
    MapProof::parse(&bytes).map_err(|source| SnapshotError::Proof { source })
}

fn read_checkpoint(note: &Located<'_>) -> Result<SignedCheckpoint, SnapshotError> {
    SignedCheckpoint::parse(note.string()?.as_bytes()).map_err(|source| SnapshotError::Checkpoint { source })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotJson<'a> {
    media_type: &'static str,
    subject: String,
    mentions: Vec<MentionJson>,
    proof: String,
    status: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MentionJson {
    log_index: String,
    key_id: String,
    statement: String,
}

impl MentionJson {
    fn of(mention: &Mention) -> Self {
        Self {
            log_index: mention.index().get().to_string(),
            key_id: mention.key_id().to_string(),
            statement: mention.statement().to_string(),
        }
    }
}

/// Why bytes are no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// What should be a checkpoint is none.
    #[error("checkpoint of the snapshot does not parse")]
    Checkpoint {
        /// Why.
        #[source]
        source: CheckpointError,
    },
    /// A digest that is none.
    #[error("{path} is no SHA-256")]
    Digest {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// A member is missing, unknown or of another type.
    #[error("snapshot has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// An index that no entry has.
    #[error("{path} is no index of an entry")]
    Index {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: TextError,
    },
    /// Not JSON as we read it.
    #[error("snapshot is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// Another media type.
    #[error("media type {seen:?}, want {want:?}", want = STATUS_MEDIA_TYPE)]
    MediaType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// Not written as we write it.
    #[error("snapshot is not in its one form")]
    NotCanonical,
    /// What should be a proof about a key of a map is none.
    #[error("proof of the snapshot does not parse")]
    Proof {
        /// Why.
        #[source]
        source: MapProofError,
    },
    /// The proof is not base64.
    #[error("proof of the snapshot is no base64")]
    ProofText {
        /// Why.
        #[source]
        source: TextError,
    },
    /// The proof is longer than a proof can be.
    #[error("proof of {seen} characters is longer than any")]
    ProofTooLong {
        /// Characters of base64.
        seen: usize,
    },
    /// What should be a status is none.
    #[error("status of the snapshot does not parse")]
    Status {
        /// Why.
        #[source]
        source: StatusError,
    },
    /// More than [`MAX_MENTIONS`].
    #[error("{seen} mentions, want at most {MAX_MENTIONS}")]
    TooManyMentions {
        /// The number seen.
        seen: usize,
    },
    /// Mentions whose indexes do not ascend.
    #[error("mentions do not ascend")]
    Unsorted,
}

/// Why a snapshot shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotRefused {
    /// A mention by an entry that the tree of the status does not have.
    #[error("entry {index} is mentioned in the status of a tree of {size} entries")]
    BeyondTree {
        /// The index.
        index: u64,
        /// The size.
        size: u64,
    },
    /// The checkpoint is of another tree than the status.
    #[error("checkpoint and status are of two trees")]
    OtherCheckpoint,
    /// The map has something else for this digest.
    #[error("the map has other mentions of it")]
    OtherMentions,
    /// The proof does not lead to the root of the map.
    #[error("proof does not lead to the root of the map")]
    Proof {
        /// Why.
        #[from]
        source: MapProofError,
    },
}
