//! The log that the cases are about: a provenance, six events about one model, an event about another.

use std::fs;
use std::path::Path;

use attest::digest::Sha256Digest;
use attest::entry::{Entry, EntryPayload};
use attest::key::PrivateKey;
use attest::statement::Statement;
use attest::status::{Register, STANDARD_MAX_MENTIONS, Snapshot};
use ed25519_dalek::SigningKey;
use merkle::{Frontier, LeafHash, TreeHead};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::note::{Note, NoteSigner};
use tlog::status::{SignedStatus, Status};

/// The model that the canonical statements are about.
pub(crate) const MODEL: &str = "27e7d029ff82bf6664452176bccc2d9f249c9ae769a766095c8cffdf12fc0a5a";
/// Another one, of which nothing is known but what an event says.
pub(crate) const OTHER: &str = "3a5f1d6e0c2b48977f4a1e9d8c6b5a493827160594a3b2c1d0e9f8a7b6c5d4e3";
/// What nobody said anything about.
pub(crate) const UNKNOWN: &str = "0011223344556677889900112233445566778899aabbccddeeffaabbccddeeff";
/// 2026-11-27T00:00:00Z.
pub(crate) const TIME: u64 = 1_795_737_600;

/// The log called `log.example.org/models`; the seed of its key is the 32 bytes `20 21 22 ... 3f`.
pub(crate) struct World {
    pub(crate) log: NoteSigner,
    pub(crate) register: Register,
    pub(crate) head: TreeHead,
}

impl World {
    pub(crate) fn new(testdata: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(testdata.join(path)).unwrap();
        let key = |name: &str| PrivateKey::from_pem(&read(&format!("entry/keys/{name}.pem")), None).unwrap();
        let (ann, bob) = (key("ed25519"), key("p256"));
        let statement = |name: &str| read(&format!("statement/canonical/{name}.json"));
        let about_other = statement("event-revoke").replace(MODEL, OTHER);
        let said = [
            (statement("example"), &ann),
            (statement("event-approve"), &bob),
            (statement("event-promote"), &ann),
            (about_other, &bob),
            (statement("event-reject"), &bob),
            (statement("event-revoke"), &bob),
            (statement("event-revoke"), &ann),
            (statement("event-reinstate"), &ann),
        ];
        let (mut register, mut tree) = (Register::new(STANDARD_MAX_MENTIONS), Frontier::new());
        for (statement, key) in said {
            let statement = Statement::parse(statement.as_bytes()).unwrap();
            let payload = EntryPayload::from_statement(&statement, &key.public_key());
            register.add(&payload).unwrap();
            let entry = Entry::sign(payload, key).unwrap();
            tree.append(LeafHash::of(entry.as_bytes())).unwrap();
        }
        let seed: Vec<u8> = (0x20..0x40).collect();
        let key = SigningKey::from_bytes(&seed.try_into().unwrap());
        let log = NoteSigner::ed25519("log.example.org/models".parse().unwrap(), key);
        Self { log, register, head: tree.head() }
    }

    pub(crate) fn text(&self) -> String {
        let origin = self.log.vkey().name().into();
        Status::new(origin, self.head, self.register.map().root(), TIME).to_string()
    }

    /// A text that the log signed, whatever it says.
    pub(crate) fn signed(&self, text: &str) -> Vec<u8> {
        Note::new(text, &[self.log.sign(text)]).unwrap().to_bytes()
    }

    pub(crate) fn checkpoint(&self) -> SignedCheckpoint {
        let text = Checkpoint::new(self.log.vkey().name().into(), self.head).to_string();
        SignedCheckpoint::parse(&self.signed(&text)).unwrap()
    }

    pub(crate) fn snapshot(&self, subject: &str, checkpoint: Option<SignedCheckpoint>) -> Snapshot {
        let subject: Sha256Digest = subject.parse().unwrap();
        let mentions = self.register.mentions_of(&subject, self.head.size()).to_vec();
        let proof = self.register.map().prove(&attest::status::subject_key(&subject));
        let status = SignedStatus::parse(&self.signed(&self.text())).unwrap();
        Snapshot::new(subject, mentions, proof, status, checkpoint).unwrap()
    }
}
