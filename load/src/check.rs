//! An answer verified in full: the leaf hash of the bytes that were sent, the log's signature, the proof between them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::{Hash, InclusionProof, LeafHash, LeafIndex};
use serde::Deserialize;
use tlog::checkpoint::SignedCheckpoint;
use tlog::vkey::Vkey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    inclusion_proof: Inclusion,
    #[serde(default)]
    canonicalized_body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    log_index: String,
    hashes: Vec<String>,
    checkpoint: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    envelope: String,
}

/// Verifies the JSON form of an answer about the entry whose leaf hash is `leaf`; returns its index.
///
/// # Errors
/// In words, which part does not hold.
pub fn answer(vkey: &Vkey, leaf: &LeafHash, json: &[u8]) -> Result<u64, String> {
    answer_for(vkey, Some(leaf), json)
}

/// The same for an answer to a question by index: the entry is the one that the answer repeats.
///
/// # Errors
/// As [`answer`]; also if the answer does not repeat its entry.
pub fn answer_by_index(vkey: &Vkey, json: &[u8]) -> Result<u64, String> {
    answer_for(vkey, None, json)
}

fn answer_for(vkey: &Vkey, leaf: Option<&LeafHash>, json: &[u8]) -> Result<u64, String> {
    let answer: Answer =
        serde_json::from_slice(json).map_err(|error| format!("not the JSON form: {error}"))?;
    let decode = |text: &String| STANDARD.decode(text).map_err(|error| format!("not base64: {error}"));
    let repeated = match &answer.canonicalized_body {
        Some(body) => Some(LeafHash::of(&decode(body)?)),
        None => None,
    };
    let leaf = match (leaf, &repeated) {
        (Some(sent), Some(repeated)) if sent != repeated => {
            return Err("it repeats another entry than the one that was sent".to_owned());
        }
        (Some(sent), _) => sent,
        (None, Some(repeated)) => repeated,
        (None, None) => return Err("it does not repeat its entry".to_owned()),
    };
    let inclusion = answer.inclusion_proof;
    let index: u64 = inclusion.log_index.parse().map_err(|error| format!("no index: {error}"))?;
    let hashes = inclusion.hashes.iter().map(|text| {
        let bytes = <[u8; 32]>::try_from(decode(text)?).map_err(|_| "a hash is not 32 bytes".to_owned())?;
        Ok(Hash::from_bytes(bytes))
    });
    let hashes = hashes.collect::<Result<Vec<_>, String>>()?;
    let checkpoint = SignedCheckpoint::parse(inclusion.checkpoint.envelope.as_bytes())
        .map_err(|error| format!("no checkpoint: {error}"))?
        .open(vkey)
        .map_err(|error| format!("the checkpoint is not the log's: {error}"))?;
    let at = LeafIndex::new(index).map_err(|error| error.to_string())?;
    let proof = InclusionProof::new(at, hashes).map_err(|error| error.to_string())?;
    proof.verify(leaf, checkpoint.head()).map_err(|error| format!("the proof does not hold: {error}"))?;
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use merkle::Frontier;
    use tlog::checkpoint::CheckpointSigner;

    /// The answer of a log with this one entry.
    fn made(entry: &[u8]) -> (Vkey, String) {
        let mut frontier = Frontier::new();
        frontier.append(LeafHash::of(entry)).unwrap();
        let signer =
            CheckpointSigner::ed25519("log.test/1".parse().unwrap(), SigningKey::from_bytes(&[1; 32]))
                .unwrap();
        let checkpoint = String::from_utf8(signer.sign(&frontier.head())).unwrap();
        let envelope = serde_json::to_string(&checkpoint).unwrap();
        let body = STANDARD.encode(entry);
        let json = format!(
            "{{\"logIndex\":\"0\",\"inclusionProof\":{{\"logIndex\":\"0\",\"hashes\":[],\"checkpoint\":{{\
             \"envelope\":{envelope}}}}},\"canonicalizedBody\":\"{body}\"}}"
        );
        (signer.vkey().clone(), json)
    }

    #[test]
    fn an_answer_holds_for_the_entry_that_was_sent_and_for_no_other() {
        let (vkey, json) = made(b"entry");
        assert_eq!(answer(&vkey, &LeafHash::of(b"entry"), json.as_bytes()), Ok(0));
        assert!(
            answer(&vkey, &LeafHash::of(b"other"), json.as_bytes()).unwrap_err().contains("another entry")
        );
        let without = json.replace("canonicalizedBody", "body");
        assert!(
            answer(&vkey, &LeafHash::of(b"other"), without.as_bytes()).unwrap_err().contains("does not hold")
        );
        assert_eq!(answer_by_index(&vkey, json.as_bytes()), Ok(0));
        assert!(answer_by_index(&vkey, without.as_bytes()).unwrap_err().contains("does not repeat"));
    }

    #[test]
    fn a_checkpoint_of_another_log_is_refused() {
        let (_, json) = made(b"entry");
        let other =
            CheckpointSigner::ed25519("log.test/1".parse().unwrap(), SigningKey::from_bytes(&[2; 32]));
        let refused = answer(other.unwrap().vkey(), &LeafHash::of(b"entry"), json.as_bytes());
        assert!(refused.unwrap_err().contains("not the log's"));
    }
}
