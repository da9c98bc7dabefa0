//! The answer to a submission, in its two forms.
//!
//! JSON is the log entry of a Sigstore bundle (`TransparencyLogEntry`, `spec/bundle.md`), so that a client can
//! put it into the bundle as it is. `.tlog-proof` is the text of C2SP tlog-proof.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::InclusionProof;
use serde::Serialize;
use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::proof::LogProof;
use tlog::vkey::Vkey;

use crate::admission::{ENTRY_KIND, ENTRY_KIND_VERSION};
use crate::publisher::Publication;

/// Media type of the JSON form.
pub const JSON_MEDIA_TYPE: &str = "application/json";
/// Media type of the tlog-proof form.
pub const PROOF_MEDIA_TYPE: &str = "text/x.tlog-proof";

/// Names, brackets and numbers of the JSON form take less than this, bytes.
const FIXED_JSON_BYTES: usize = 512;
/// One hash in base64, its quotes and a comma.
const HASH_JSON_BYTES: usize = 44 + 3;

/// The forms an answer can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A `TransparencyLogEntry` in JSON.
    Json,
    /// A tlog-proof.
    Proof,
}

impl Form {
    /// The form a request accepts: the first range in its `Accept` headers that names one decides, weights are
    /// not read. `None` if there are ranges and none fits.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut any = false;
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                any = true;
                let essence = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                match essence.as_str() {
                    JSON_MEDIA_TYPE | "application/*" | "*/*" => return Some(Self::Json),
                    PROOF_MEDIA_TYPE | "text/*" => return Some(Self::Proof),
                    _ => {}
                }
            }
        }
        (!any).then_some(Self::Json)
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON_MEDIA_TYPE,
            Self::Proof => PROOF_MEDIA_TYPE,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogId {
    key_id: String,
}

impl LogId {
    pub(super) fn of(log_id: &[u8; 32]) -> Self {
        Self { key_id: STANDARD.encode(log_id) }
    }
}

#[derive(Serialize)]
pub(super) struct KindVersion {
    kind: &'static str,
    version: &'static str,
}

impl KindVersion {
    pub(super) const CURRENT: Self = Self { kind: ENTRY_KIND, version: ENTRY_KIND_VERSION };
}

#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    envelope: &'a str,
}

impl<'a> Envelope<'a> {
    pub(super) fn of(publication: &'a Publication) -> Self {
        // Notes are UTF-8 by definition, and this one was made here.
        Self { envelope: std::str::from_utf8(publication.checkpoint()).unwrap_or_default() }
    }
}

/// The JSON form. The key order is that of the bundle page.
///
/// Written piece by piece, since a busy log makes thousands a second: nothing but the checkpoint holds a character
/// that JSON escapes.
#[must_use]
pub fn json(vkey: &Vkey, entry: &[u8], proof: &InclusionProof, publication: &Publication) -> Vec<u8> {
    let (index, head) = (proof.index().get(), publication.head());
    let encoded_bytes = entry.len().div_ceil(3) * 4 + proof.hashes().len() * HASH_JSON_BYTES;
    let mut text = String::with_capacity(FIXED_JSON_BYTES + publication.checkpoint().len() + encoded_bytes);
    text.push_str("{\"logIndex\":\"");
    push_number(&mut text, index);
    text.push_str("\",\"logId\":{\"keyId\":\"");
    STANDARD.encode_string(vkey.log_id(), &mut text);
    text.push_str("\"},\"kindVersion\":{\"kind\":\"");
    text.push_str(ENTRY_KIND);
    text.push_str("\",\"version\":\"");
    text.push_str(ENTRY_KIND_VERSION);
    // As Rekor v2: the log states no time, a witness does.
    text.push_str("\"},\"integratedTime\":\"0\",\"inclusionProof\":{\"logIndex\":\"");
    push_number(&mut text, index);
    text.push_str("\",\"rootHash\":\"");
    STANDARD.encode_string(head.root().as_bytes(), &mut text);
    text.push_str("\",\"treeSize\":\"");
    push_number(&mut text, head.size().get());
    text.push_str("\",\"hashes\":[");
    for (at, hash) in proof.hashes().iter().enumerate() {
        text.push_str(if at == 0 { "\"" } else { ",\"" });
        STANDARD.encode_string(hash.as_bytes(), &mut text);
        text.push('"');
    }
    text.push_str("],\"checkpoint\":");
    // A string always serialises.
    text.push_str(&serde_json::to_string(&Envelope::of(publication)).unwrap_or_default());
    text.push_str("},\"canonicalizedBody\":\"");
    STANDARD.encode_string(entry, &mut text);
    text.push_str("\"}");
    text.into_bytes()
}

fn push_number(text: &mut String, number: u64) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{number}");
}

/// The tlog-proof form.
///
/// # Errors
/// [`CheckpointError`] if the log's own checkpoint does not parse.
pub fn proof(proof: InclusionProof, publication: &Publication) -> Result<Vec<u8>, CheckpointError> {
    Ok(LogProof::new(proof, SignedCheckpoint::parse(publication.checkpoint())?).to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn accepted(values: &[&'static str]) -> Option<Form> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        Form::accepted(&headers)
    }

    #[test]
    fn json_is_the_answer_unless_the_proof_is_asked_for_first() {
        assert_eq!(accepted(&[]), Some(Form::Json));
        assert_eq!(accepted(&["*/*"]), Some(Form::Json));
        assert_eq!(accepted(&["text/html, application/json;q=0.9"]), Some(Form::Json));
        assert_eq!(accepted(&["text/x.tlog-proof"]), Some(Form::Proof));
        assert_eq!(accepted(&["Text/X.Tlog-Proof; v=1, */*"]), Some(Form::Proof));
        assert_eq!(accepted(&["image/png", "text/x.tlog-proof"]), Some(Form::Proof));
    }

    #[test]
    fn an_accept_header_without_any_known_form_is_not_acceptable() {
        assert_eq!(accepted(&["image/png"]), None);
        assert_eq!(accepted(&[""]), None);
    }

    /// The same answer, as serde writes it.
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct TransparencyLogEntry<'a> {
        log_index: String,
        log_id: LogId,
        kind_version: KindVersion,
        integrated_time: &'static str,
        inclusion_proof: Inclusion<'a>,
        canonicalized_body: String,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Inclusion<'a> {
        log_index: String,
        root_hash: String,
        tree_size: String,
        hashes: Vec<String>,
        checkpoint: Envelope<'a>,
    }

    #[test]
    fn the_json_form_is_what_serde_writes() {
        use crate::proof::RecentTiles;
        use merkle::{Frontier, LeafHash, LeafIndex};
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let vkey = Vkey::ed25519("log.test/1".parse().unwrap(), key.verifying_key().as_bytes()).unwrap();
        for leaves in [1_u64, 2, 9] {
            let leaves: Vec<_> = (0..leaves).map(|number| LeafHash::of(&number.to_be_bytes())).collect();
            let (mut frontier, mut edge) = (Frontier::new(), tlog::tile::RightEdge::new());
            for leaf in &leaves {
                frontier.append(*leaf).unwrap();
            }
            let tiles = edge.append(&leaves).unwrap();
            let recent = RecentTiles::none().after(&tiles);
            let note = "log.test/1\n\"quoted\\\n\u{2014} log.test/1 AAAA\n";
            let publication = Publication::new(frontier.head(), note.as_bytes().to_vec(), recent);
            let storage = crate::storage::memory::MemoryStorage::new();
            let index = LeafIndex::new(0).unwrap();
            let proof = crate::proof::prove(&leaves[0], index, &publication, &storage).unwrap();
            let entry = [0xfb, 0xff, 0x00, leaves.len() as u8];
            let head = publication.head();
            let wanted = TransparencyLogEntry {
                log_index: "0".to_owned(),
                log_id: LogId::of(vkey.log_id()),
                kind_version: KindVersion::CURRENT,
                integrated_time: "0",
                inclusion_proof: Inclusion {
                    log_index: "0".to_owned(),
                    root_hash: STANDARD.encode(head.root().as_bytes()),
                    tree_size: head.size().get().to_string(),
                    hashes: proof.hashes().iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect(),
                    checkpoint: Envelope::of(&publication),
                },
                canonicalized_body: STANDARD.encode(entry),
            };
            let written = json(&vkey, &entry, &proof, &publication);
            assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&wanted).unwrap());
        }
    }
}
