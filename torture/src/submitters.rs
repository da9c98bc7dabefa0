//! The load: clients that submit as fast as they are answered, and clients that only look at checkpoints.
//!
//! Every third entry is one that was sent before, so that duplicates race with their first submission. What the clients
//! are told goes straight to the judges ([`crate::outside`]); they stop when their connection breaks or when told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Duration;

use attest::digest::Sha256Digest;
use attest::entry::{Entry, EntryPayload};
use attest::key::{Algorithm, PrivateKey};
use attest::provenance::Provenance;
use attest::statement::Statement;
use attest::tree::{FileLeaf, Tree};
use merkle::LeafHash;
use tlog::proof::LogProof;

use crate::client::{Answer, Client};
use crate::outside::{Finding, Outside};

/// How long a client waits after it was told to come back later.
const COME_BACK: Duration = Duration::from_millis(5);
/// How long a client that looks at checkpoints waits between two looks.
const LOOK: Duration = Duration::from_millis(3);
/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the clients do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Load {
    /// Clients that send raw entries.
    pub raw: usize,
    /// Clients that send signed entries and are answered with a proof and a checkpoint.
    pub signed: usize,
    /// Clients that poll the checkpoint.
    pub watchers: usize,
    /// Bytes of a raw entry, at least those of its number.
    pub entry_bytes: usize,
}

impl Load {
    /// Four raw, one signed, one watcher; entries of a hundred bytes.
    pub const MIXED: Self = Self { raw: 4, signed: 1, watchers: 1, entry_bytes: 100 };

    /// The same with entries of another size.
    #[must_use]
    pub const fn of_bytes(self, entry_bytes: usize) -> Self {
        Self { entry_bytes, ..self }
    }

    /// Starts the clients; they run until `over` or until their connection breaks.
    pub fn start<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        addr: SocketAddr,
        outside: &'env Outside,
        over: &'env AtomicBool,
    ) {
        // A broken connection ends a client: its server is gone, and whoever started the clients looks why.
        for _ in 0..self.raw {
            scope.spawn(move || raw_client(addr, outside, self.entry_bytes, over));
        }
        for _ in 0..self.signed {
            scope.spawn(move || signed_client(addr, outside, over));
        }
        for _ in 0..self.watchers {
            scope.spawn(move || watcher(addr, outside, over));
        }
    }
}

/// The raw entry with this number: its number in words, then a pattern up to the wanted length.
#[must_use]
pub fn raw_entry(number: u64, bytes: usize) -> Vec<u8> {
    let mut entry = format!("entry {number} ").into_bytes();
    while entry.len() < bytes {
        entry.extend_from_slice(
            &number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(entry.len() as u32).to_le_bytes(),
        );
    }
    entry
}

/// Submits one raw entry and tells the judges if it was acknowledged.
///
/// # Errors
/// The connection broke; the entry may have been taken.
pub fn post_raw(client: &mut Client, outside: &Outside, entry: &[u8]) -> std::io::Result<Answer> {
    let answer = client.post("/add", "application/octet-stream", "*/*", entry)?;
    outside.answered(answer.status());
    if answer.status() == 200 {
        match answer.text().trim().parse() {
            Ok(index) => outside.acknowledged(index, LeafHash::of(entry)),
            Err(_) => outside.found(Finding::WrongAnswer {
                request: "POST /add".to_owned(),
                status: 200,
                text: answer.text(),
            }),
        }
    }
    Ok(answer)
}

/// As [`post_raw`], from a client that expects to be served: the status, and a finding for the judges if it is one that a
/// log under load or in trouble may not give.
///
/// # Errors
/// The connection broke; the entry may have been taken.
pub fn submit_raw(client: &mut Client, outside: &Outside, entry: &[u8]) -> std::io::Result<u16> {
    let answer = post_raw(client, outside, entry)?;
    if answer.status() != 200 {
        refused(outside, "POST /add", answer.status(), answer.text());
    }
    Ok(answer.status())
}

/// A refusal that a log under load or in trouble may give; anything else is a finding.
fn refused(outside: &Outside, request: &str, status: u16, text: String) {
    if !matches!(status, 429 | 503 | 507) {
        outside.found(Finding::WrongAnswer { request: request.to_owned(), status, text });
    }
}

fn raw_client(addr: SocketAddr, outside: &Outside, bytes: usize, over: &AtomicBool) -> std::io::Result<()> {
    let mut client = Client::connect_within(addr, PATIENCE)?;
    while !over.load(Ordering::Relaxed) {
        let number = outside.number();
        let number = if number % 3 == 2 { number / 2 } else { number };
        let status = submit_raw(&mut client, outside, &raw_entry(number, bytes))?;
        if status != 200 {
            std::thread::sleep(COME_BACK);
        }
    }
    Ok(())
}

fn signed_client(addr: SocketAddr, outside: &Outside, over: &AtomicBool) -> std::io::Result<()> {
    let mut client = Client::connect_within(addr, PATIENCE)?;
    let signer = Signer::new().map_err(std::io::Error::other)?;
    while !over.load(Ordering::Relaxed) {
        let entry = signer.entry(outside.number()).map_err(std::io::Error::other)?;
        let answer = client.post("/api/v1/entries", "application/cose", "text/x.tlog-proof", &entry)?;
        outside.answered(answer.status());
        if !matches!(answer.status(), 200 | 201) {
            refused(outside, "POST /api/v1/entries", answer.status(), answer.text());
            std::thread::sleep(COME_BACK);
            continue;
        }
        let leaf = LeafHash::of(&entry);
        let proof = match LogProof::parse(answer.body()) {
            Ok(proof) => proof,
            Err(error) => {
                let text = format!("no tlog-proof: {error}");
                outside.found(Finding::WrongAnswer {
                    request: "POST /api/v1/entries".to_owned(),
                    status: 201,
                    text,
                });
                continue;
            }
        };
        outside.acknowledged(proof.inclusion().index().get(), leaf);
        if let Some(head) = outside.checkpoint(proof.checkpoint().as_bytes())
            && let Err(error) = proof.inclusion().verify(&leaf, &head)
        {
            let about = format!("entry {} in its own answer", proof.inclusion().index().get());
            outside.found(Finding::ProofBad { about, why: error.to_string() });
        }
    }
    Ok(())
}

fn watcher(addr: SocketAddr, outside: &Outside, over: &AtomicBool) -> std::io::Result<()> {
    let mut client = Client::connect_within(addr, PATIENCE)?;
    while !over.load(Ordering::Relaxed) {
        let answer = client.get("/checkpoint")?;
        if answer.status() == 200 {
            outside.checkpoint(answer.body());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Somebody who signs entries about models of one file.
pub(crate) struct Signer {
    key: PrivateKey,
}

impl Signer {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { key: PrivateKey::generate(Algorithm::Ed25519)? })
    }

    pub(crate) fn entry(&self, number: u64) -> anyhow::Result<Vec<u8>> {
        let digest = Sha256Digest::of(&number.to_be_bytes());
        let tree = Tree::new(vec![FileLeaf::new("model.safetensors".parse()?, 8, digest)])?;
        let provenance = Provenance::new(None, Vec::new(), "0.1.0".parse()?)?;
        let (name, version) = ("acme/model".parse()?, "1.0".parse()?);
        let statement = Statement::parse(&provenance.to_statement_bytes(&name, &version, &tree))?;
        let payload = EntryPayload::from_statement(&statement, &self.key.public_key());
        Ok(Entry::sign(payload, &self.key)?.as_bytes().to_vec())
    }
}
