//! The fixed world of the cases: keys, files, a statement, a log with its witnesses.

use std::collections::BTreeMap;
use std::convert::Infallible;

use attest::bundle::{Bundle, LogEntry};
use attest::digest::Sha256Digest;
use attest::dsse::Envelope;
use attest::entry::{Entry, EntryPayload, ModelSalt};
use attest::key::{PrivateKey, PublicKey};
use attest::model_name::NameVersion;
use attest::provenance::{Input, Provenance};
use attest::statement::Statement;
use attest::status::{Mention, Snapshot, mentions_value, subject_key, subjects};
use attest::tree::{FileLeaf, Tree};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use merkle::{Frontier, InclusionProof, LeafHash, LeafIndex, Map, NodeId, node_hash};
use tlog::checkpoint::{CheckpointSigner, SignedCheckpoint};
use tlog::cosignature::{UnixSeconds, cosign};
use tlog::note::{Note, NoteSigner};
use tlog::proof::LogProof;
use tlog::status::{SignedStatus, Status};
use tlog::vkey::{KeyName, Vkey};

/// PKCS#8 of an Ed25519 key up to its 32 bytes (RFC 8410 §7).
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// PKCS#8 of a P-256 key up to its 32 bytes, without the public key (RFC 5915, RFC 5958).
const PKCS8_P256: [u8; 35] = [
    0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
];

fn private_key(prefix: &[u8], byte: u8) -> PrivateKey {
    let der = STANDARD.encode([prefix, &[byte; 32]].concat());
    let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    PrivateKey::from_pem(&pem, None).unwrap()
}

/// The publisher of `acme/*`. No secret: 32 bytes of 1.
pub(crate) fn publisher() -> PrivateKey {
    private_key(&PKCS8_ED25519, 1)
}

/// The publisher's other key, on P-256.
pub(crate) fn publisher_p256() -> PrivateKey {
    private_key(&PKCS8_P256, 2)
}

/// Somebody else.
pub(crate) fn stranger() -> PrivateKey {
    private_key(&PKCS8_ED25519, 3)
}

/// Two people who say something about models of others.
pub(crate) fn ann() -> PrivateKey {
    private_key(&PKCS8_ED25519, 4)
}

/// See [`ann`].
pub(crate) fn bob() -> PrivateKey {
    private_key(&PKCS8_ED25519, 5)
}

/// A file of a model or dataset: path and content.
pub(crate) type File = (&'static str, Vec<u8>);

/// The files of the model that most cases are about.
pub(crate) fn files() -> Vec<File> {
    vec![
        ("config.json", b"{\"layers\":2}\n".to_vec()),
        ("model.safetensors", weights(7)),
        ("tokenizer/vocab.txt", b"a\nb\nc\n".to_vec()),
    ]
}

/// 96 bytes in the place of weights.
pub(crate) fn weights(seed: u8) -> Vec<u8> {
    (0..96_u8).map(|n| n.wrapping_mul(31).wrapping_add(seed)).collect()
}

pub(crate) fn tree(files: &[File]) -> Tree {
    let leaf = |(path, bytes): &File| {
        FileLeaf::new(path.parse().unwrap(), bytes.len() as u64, Sha256Digest::of(bytes))
    };
    Tree::new(files.iter().map(leaf).collect()).unwrap()
}

/// A provenance statement about `files`, in bytes.
pub(crate) fn statement(label: &str, files: &[File], inputs: Vec<Input>) -> Vec<u8> {
    let label: NameVersion = label.parse().unwrap();
    let provenance = Provenance::new(None, inputs, "0.1.0".parse().unwrap()).unwrap();
    provenance.to_statement_bytes(label.name(), label.version(), &tree(files))
}

/// The log entry for a statement.
pub(crate) fn entry(statement: &[u8], key: &PrivateKey) -> Vec<u8> {
    entry_under(None, statement, key)
}

/// The same, private under a salt.
pub(crate) fn entry_under(salt: Option<ModelSalt>, statement: &[u8], key: &PrivateKey) -> Vec<u8> {
    let statement = Statement::parse(statement).unwrap();
    let payload = EntryPayload::of(&statement, &key.public_key(), salt.as_ref());
    Entry::sign(payload, key).unwrap().as_bytes().to_vec()
}

pub(crate) fn bundle(statement: &[u8], key: &PrivateKey, logged: LogEntry) -> Bundle {
    let envelope = Envelope::sign(statement.to_vec(), key).unwrap();
    Bundle::new(envelope, key.public_key().key_id(), Some(logged))
}

/// A bundle as a line of the file.
pub(crate) fn line(bundle: &Bundle) -> String {
    format!("{}\n", String::from_utf8(bundle.to_json_line()).unwrap())
}

/// A log of a few entries with its witnesses.
pub(crate) struct Log {
    origin: &'static str,
    key: u8,
    entries: Vec<Vec<u8>>,
    witnesses: Vec<u8>,
}

/// Index of the first entry that is given to [`Log::holding`].
pub(crate) const INDEX: u64 = 4;

impl Log {
    /// The log of the trust files, with four entries of somebody else, then `entries`, then two more.
    pub(crate) fn holding(entries: &[Vec<u8>]) -> Self {
        Self::of("log.example.org/models", 10, entries)
    }

    pub(crate) fn of(origin: &'static str, key: u8, entries: &[Vec<u8>]) -> Self {
        let other = |n: u8| format!("entry {n} of somebody else").into_bytes();
        let entries = (0..4).map(other).chain(entries.iter().cloned()).chain((4..6).map(other)).collect();
        Self { origin, key, entries, witnesses: Vec::new() }
    }

    /// The same log, seen by these witnesses.
    pub(crate) fn seen_by(mut self, witnesses: &[u8]) -> Self {
        self.witnesses = witnesses.to_vec();
        self
    }

    fn signer(&self) -> CheckpointSigner {
        CheckpointSigner::ed25519(self.origin.parse().unwrap(), SigningKey::from_bytes(&[self.key; 32]))
            .unwrap()
    }

    pub(crate) fn vkey(&self) -> Vkey {
        self.signer().vkey().clone()
    }

    pub(crate) fn checkpoint(&self) -> SignedCheckpoint {
        let mut frontier = Frontier::new();
        for entry in &self.entries {
            frontier.append(LeafHash::of(entry)).unwrap();
        }
        let signed = SignedCheckpoint::parse(&self.signer().sign(&frontier.head())).unwrap();
        let text = signed.note().text().to_owned();
        let lines: Vec<_> = self
            .witnesses
            .iter()
            .map(|seed| {
                let time = UnixSeconds::new(1_795_000_000 + u64::from(*seed)).unwrap();
                cosign(&SigningKey::from_bytes(&[*seed; 32]), &witness_name(*seed), &text, time)
            })
            .collect();
        if lines.is_empty() { signed } else { signed.with_signatures(&lines).unwrap() }
    }

    pub(crate) fn proof(&self, index: u64) -> LogProof {
        let size = self.checkpoint().unverified().head().size();
        let inclusion = InclusionProof::build(LeafIndex::new(index).unwrap(), size, |node| {
            Ok::<_, Infallible>(self.node(node))
        });
        LogProof::new(inclusion.unwrap(), self.checkpoint())
    }

    /// The same log when it had so many entries.
    pub(crate) fn first(&self, size: u64) -> Self {
        let entries = self.entries.iter().take(usize::try_from(size).unwrap()).cloned().collect();
        Self { origin: self.origin, key: self.key, entries, witnesses: self.witnesses.clone() }
    }

    /// What the log knows of a digest, signed at that time.
    pub(crate) fn snapshot(&self, subject: Sha256Digest, time: u64) -> Snapshot {
        self.snapshot_of(self.mentions(), subject, time, None)
    }

    /// The same with the checkpoint that witnesses saw.
    pub(crate) fn snapshot_with_checkpoint(&self, subject: Sha256Digest, time: u64) -> Snapshot {
        self.snapshot_of(self.mentions(), subject, time, Some(self.checkpoint()))
    }

    /// What a log says that lies: it signed a map without any event.
    pub(crate) fn blind_snapshot(&self, subject: Sha256Digest, time: u64) -> Snapshot {
        self.snapshot_of(BTreeMap::new(), subject, time, None)
    }

    fn snapshot_of(
        &self,
        mut mentions: BTreeMap<Sha256Digest, Vec<Mention>>,
        subject: Sha256Digest,
        time: u64,
        checkpoint: Option<SignedCheckpoint>,
    ) -> Snapshot {
        let mut map = Map::new();
        for (subject, mentions) in &mentions {
            map.insert(subject_key(subject), mentions_value(mentions).unwrap());
        }
        let head = *self.checkpoint().unverified().head();
        let text = Status::new(self.origin.parse().unwrap(), head, map.root(), time).to_string();
        let signer =
            NoteSigner::ed25519(self.origin.parse().unwrap(), SigningKey::from_bytes(&[self.key; 32]));
        let note = Note::new(&text, &[signer.sign(&text)]).unwrap();
        let status = SignedStatus::parse(note.as_bytes()).unwrap();
        let proof = map.prove(&subject_key(&subject));
        let mentions = mentions.remove(&subject).unwrap_or_default();
        Snapshot::new(subject, mentions, proof, status, checkpoint).unwrap()
    }

    /// What the entries mention. Those of somebody else are none of ours.
    fn mentions(&self) -> BTreeMap<Sha256Digest, Vec<Mention>> {
        let mut mentions: BTreeMap<Sha256Digest, Vec<Mention>> = BTreeMap::new();
        for (index, entry) in (0..).zip(&self.entries) {
            let Ok(entry) = Entry::parse(entry) else { continue };
            let payload = entry.payload();
            let index = LeafIndex::new(index).unwrap();
            let mention = Mention::new(index, payload.key().key_id(), payload.statement());
            subjects(payload).for_each(|subject| mentions.entry(subject).or_default().push(mention));
        }
        mentions
    }

    fn node(&self, node: NodeId) -> merkle::Hash {
        let at = |index| usize::try_from(index).unwrap();
        let half = |index| self.node(NodeId::new(node.level() - 1, index).unwrap());
        match node.level() {
            0 => LeafHash::of(&self.entries[at(node.index())]).hash(),
            _ => node_hash(&half(2 * node.index()), &half(2 * node.index() + 1)),
        }
    }

    /// The log's answer for the entry at `index`.
    pub(crate) fn answer(&self, index: u64) -> LogEntry {
        let entry = self.entries[usize::try_from(index).unwrap()].clone();
        LogEntry::logged(entry, *self.vkey().log_id(), self.proof(index)).unwrap()
    }
}

fn witness_name(seed: u8) -> KeyName {
    format!("witness.example.org/w{seed}").parse().unwrap()
}

/// The `witness` line of a policy, under the name `w` and the seed.
pub(crate) fn witness_line(seed: u8) -> String {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    let vkey = Vkey::cosignature_ed25519(witness_name(seed), key.as_bytes()).unwrap();
    format!("witness w{seed} {vkey}\n")
}

/// A trust file: the log of the cases, witnesses and quorum, and one publisher.
pub(crate) fn trust(witnesses: &str, quorum: &str, pattern: &str, keys: &[PublicKey]) -> String {
    let log = Log::holding(&[]).vkey();
    let keys: Vec<String> = keys.iter().map(|key| format!("\"{}\"", key.to_base64())).collect();
    format!(
        "version = 1\npolicy = \"\"\"\nlog {log}\n{witnesses}quorum {quorum}\n\"\"\"\n\n\
         [[publisher]]\nname = \"{pattern}\"\nkeys = [{}]\n",
        keys.join(", ")
    )
}

/// The trust file of most cases: no witnesses, the publisher for `acme/*`.
pub(crate) fn plain_trust() -> String {
    trust("", "none", "acme/*", &[publisher().public_key()])
}
