//! What the small log says was said about a digest.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use attest::digest::Sha256Digest;
use attest::entry::Entry;
use attest::status::{Mention, Snapshot, mentions_value, subject_key, subjects};
use ed25519_dalek::SigningKey;
use merkle::{Frontier, LeafHash, LeafIndex, Map};
use tlog::note::{Note, NoteSigner};
use tlog::status::{SignedStatus, Status};

use super::Manner;

/// The answer to `GET /status/<digest>` of a log with these entries, whose key has that seed.
pub(super) fn answer(entries: &[Vec<u8>], seed: u8, digest: &str, manner: Manner) -> String {
    let digest: Sha256Digest = digest.parse().expect("a digest");
    let mut mentions: BTreeMap<Sha256Digest, Vec<Mention>> = BTreeMap::new();
    let mut tree = Frontier::new();
    for (index, bytes) in (0..).zip(entries) {
        tree.append(LeafHash::of(bytes)).expect("a small tree");
        // Two entries are somebody else's, and none of ours.
        let Ok(entry) = Entry::parse(bytes) else { continue };
        let index = LeafIndex::new(index).expect("a small tree");
        let mention = Mention::new(index, entry.payload().key().key_id(), entry.payload().statement());
        subjects(entry.payload()).for_each(|one| mentions.entry(one).or_default().push(mention));
    }
    let mut map = Map::new();
    for (subject, mentions) in &mentions {
        map.insert(subject_key(subject), mentions_value(mentions).expect("a mention"));
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let origin = "log.example.org/models";
    let text = Status::new(origin.parse().expect("an origin"), tree.head(), map.root(), time).to_string();
    // A log that lies signs with a key that is not its own.
    let seed = if manner == Manner::ForeignCheckpoint { 2 } else { seed };
    let signer = NoteSigner::ed25519(origin.parse().expect("a name"), SigningKey::from_bytes(&[seed; 32]));
    let note = Note::new(&text, &[signer.sign(&text)]).expect("a note");
    let status = SignedStatus::parse(note.as_bytes()).expect("a status");
    let asked = if manner == Manner::OtherEntry { Sha256Digest::of(b"another") } else { digest };
    let proof = map.prove(&subject_key(&asked));
    let mentions = mentions.remove(&asked).unwrap_or_default();
    let snapshot = Snapshot::new(asked, mentions, proof, status, None).expect("few mentions");
    format!("{}\n", String::from_utf8(snapshot.to_json_line()).expect("JSON"))
}
