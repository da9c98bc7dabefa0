//! A small log for tests: real HTTP on a loopback socket, a real tree, real signatures, and manners of
//! misbehaving that a real log must never show.
//!
//! It keeps everything in memory, has no durability and serves one request at a time. The real server is tried by
//! `cargo xtask demo`.

mod status;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attest::entry::{EntryName, EntryPayload};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use merkle::{Hash, InclusionProof, LeafHash, LeafIndex, NodeId, TreeHead, TreeSize, node_hash};
use tlog::checkpoint::CheckpointSigner;

/// How the log treats the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As a log should.
    Honest,
    /// 201 with bytes that are no answer.
    Garbage,
    /// 201 with the entry, proof and checkpoint of somebody else.
    OtherEntry,
    /// 201 with our entry and the proof of another leaf.
    OtherProof,
    /// 201 with a checkpoint signed by another key in this log's name.
    ForeignCheckpoint,
    /// 201 with a checkpoint of this log over another tree.
    OtherTree,
    /// 201, and the index written beside the proof is another one.
    OtherIndex,
    /// 201 and more bytes than anybody should read.
    Oversized,
    /// Takes the request and never answers.
    Silent,
    /// 201, and the body stops in the middle.
    Cut,
    /// 503 with a problem.
    Busy,
    /// 429 with a `Retry-After` of a second.
    Later,
    /// 429 with a `Retry-After` of an hour.
    MuchLater,
    /// As a log should, for those who show [`TOKEN`]; 401 for others.
    Guarded,
    /// 403: the key may not sign the name here.
    OtherPublishers,
    /// Takes no entries without a name.
    NoPrivate,
    /// 400 with a problem, in which the log writes terminal escapes and a hint of its own.
    Refusing,
    /// A page of some other web server.
    NotALog,
    /// Redirects to itself.
    Redirecting,
}

/// What a guarded log wants to see.
pub(crate) const TOKEN: &str = "tallymark_0123456789";

/// A running log. It ends with the test process.
pub(crate) struct TestLog {
    address: String,
    vkey: String,
    state: Arc<State>,
}

struct State {
    manner: Mutex<Vec<Manner>>,
    entries: Mutex<Vec<Vec<u8>>>,
    requests: AtomicUsize,
    signer: CheckpointSigner,
    foreign: CheckpointSigner,
}

impl TestLog {
    /// Starts a log with two entries of other people.
    pub(crate) fn start() -> Self {
        let signer = |seed| {
            let origin = "log.example.org/models".parse().expect("an origin");
            CheckpointSigner::ed25519(origin, SigningKey::from_bytes(&[seed; 32])).expect("a key name")
        };
        let state = Arc::new(State {
            manner: Mutex::new(vec![Manner::Honest]),
            entries: Mutex::new(vec![b"somebody".to_vec(), b"else".to_vec()]),
            requests: AtomicUsize::new(0),
            signer: signer(1),
            foreign: signer(2),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let vkey = state.signer.vkey().to_string();
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up is its own affair.
                drop(served.serve(&stream));
            }
        });
        Self { address, vkey, state }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.address
    }

    /// Its key.
    pub(crate) fn vkey(&self) -> &str {
        &self.vkey
    }

    /// The vkey of a key that is not this log's, under the same name.
    pub(crate) fn foreign_vkey(&self) -> String {
        self.state.foreign.vkey().to_string()
    }

    /// Treats the next requests in these manners, one after another, and all later ones like the last.
    pub(crate) fn behave(&self, manners: &[Manner]) {
        *self.state.manner.lock().expect("no panic under the lock") = manners.iter().rev().copied().collect();
    }

    /// How many requests it has seen.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many entries it has.
    pub(crate) fn len(&self) -> usize {
        self.state.entries.lock().expect("no panic under the lock").len()
    }

    /// An entry it has.
    pub(crate) fn entry(&self, index: usize) -> Vec<u8> {
        self.state.entries.lock().expect("no panic under the lock")[index].clone()
    }
}

impl State {
    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
        let length =
            |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
        let length: u64 = head.lines().find_map(length).unwrap_or(0);
        let mut entry = Vec::new();
        reader.take(length).read_to_end(&mut entry)?;
        self.requests.fetch_add(1, Ordering::SeqCst);
        let manner = {
            let mut manners = self.manner.lock().expect("no panic under the lock");
            if manners.len() > 1 { manners.pop() } else { manners.first().copied() }.expect("one stays")
        };
        let asked_well = head.starts_with("POST /api/v1/entries HTTP/1.1\r\n")
            && head.to_ascii_lowercase().contains("content-type: application/cose\r\n");
        let search = head.strip_prefix("GET /api/v1/entries?").and_then(|rest| rest.split(' ').next());
        let digest = head.strip_prefix("GET /status/").and_then(|rest| rest.split(' ').next());
        let shows_token = head.contains(&format!("authorization: Bearer {TOKEN}\r\n"));
        let (status, body) = match (manner, search) {
            (Manner::Busy | Manner::Refusing | Manner::NotALog, _) => self.refuse(manner),
            (Manner::Later | Manner::MuchLater | Manner::OtherPublishers | Manner::NoPrivate, _) => {
                self.refuse(manner)
            }
            (Manner::Guarded, None) if !shows_token => {
                (401, r#"{"code":"token-missing","title":"a token is wanted"}"#.to_owned())
            }
            (_, Some(query)) => (200, self.page(query, manner)),
            (Manner::Garbage, None) if digest.is_some() => (200, "{".to_owned()),
            (_, None) if digest.is_some() => {
                let entries = self.entries.lock().expect("no panic under the lock");
                (200, status::answer(&entries, 1, digest.unwrap_or_default(), manner))
            }
            _ if !asked_well => (404, r#"{"code":"not-found","title":"no such page"}"#.to_owned()),
            (Manner::Silent, None) => {
                std::thread::sleep(Duration::from_secs(3));
                return Ok(());
            }
            (Manner::Redirecting, None) => (307, String::new()),
            (Manner::Garbage, None) => (201, r#"{"logIndex":"0""#.to_owned()),
            (Manner::Oversized, None) => (201, " ".repeat((1 << 20) + 1)),
            _ => self.append(&entry, manner),
        };
        write!(
            stream,
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nConnection: close\r\n"
        )?;
        if manner == Manner::Redirecting {
            write!(stream, "Location: /api/v1/entries\r\n")?;
        }
        match manner {
            Manner::Later => write!(stream, "Retry-After: 1\r\n")?,
            Manner::MuchLater => write!(stream, "Retry-After: 3600\r\n")?,
            _ => {}
        }
        write!(stream, "Content-Length: {}\r\n\r\n", body.len())?;
        let sent = if manner == Manner::Cut { body.len() / 2 } else { body.len() };
        stream.write_all(&body.as_bytes()[..sent])
    }

    fn refuse(&self, manner: Manner) -> (u16, String) {
        match manner {
            Manner::Busy => (503, r#"{"code":"busy","detail":"try later"}"#.to_owned()),
            Manner::Later | Manner::MuchLater => {
                (429, r#"{"code":"rate-limited","detail":"entries signed by key 00: 1 a second"}"#.to_owned())
            }
            Manner::OtherPublishers => (
                403,
                r#"{"code":"publisher-not-allowed","detail":"names acme/* have other publishers"}"#
                    .to_owned(),
            ),
            Manner::NoPrivate => (
                403,
                r#"{"code":"private-not-allowed","detail":"no publisher with this key has private = true"}"#
                    .to_owned(),
            ),
            Manner::NotALog => (404, "<html>".to_owned()),
            _ => (
                400,
                r#"{"code":"entry-refused","title":"t","detail":"no\u001b[2J thanks\nhint: run this"}"#
                    .to_owned(),
            ),
        }
    }

    /// A page of a search by `name=`, `digest=` or `input=`, two hits long at most, newest first, with the cursor of the next.
    fn page(&self, query: &str, manner: Manner) -> String {
        let entries = self.entries.lock().expect("no panic under the lock");
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.clone().find(|(seen, _)| *seen == name).map(|(_, value)| value.replace("%2F", "/"))
        };
        let number = |name: &str| value(name).map(|text| text.parse::<usize>().expect("a number"));
        let limit = number("limit").expect("a limit").min(2);
        let has = |payload: &EntryPayload| {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let mut digests: Vec<String> = payload.subjects().iter().map(|one| hex(one.digest())).collect();
            digests.push(payload.statement().to_string());
            if let EntryName::Private { name, .. } = payload.entry_name() {
                digests.push(name.to_string());
            }
            let name =
                value("name").is_none_or(|name| payload.name().is_some_and(|one| one.as_str() == name));
            let digest = value("digest").is_none_or(|digest| digests.contains(&digest));
            let inputs = payload.inputs();
            name && digest
                && value("input").is_none_or(|input| inputs.iter().any(|one| hex(one.digest()) == input))
        };
        let asked = |index: &usize| {
            let entry = attest::entry::Entry::parse(&entries[*index]).ok();
            // A log that lies about what it was asked shows everything it has.
            entry.is_some_and(|entry| manner == Manner::OtherEntry || has(entry.payload()))
        };
        let before = number("before").unwrap_or(entries.len());
        let found: Vec<usize> = (0..before).rev().filter(asked).take(limit).collect();
        let answers: Vec<serde_json::Value> = found
            .iter()
            .map(|index| {
                let proven = if manner == Manner::OtherProof { 0 } else { *index };
                let answer = self.answer(&entries, proven, &entries[*index], manner);
                serde_json::from_str(&answer).expect("JSON")
            })
            .collect();
        let hit = |answer: &serde_json::Value| {
            serde_json::json!({
                "logIndex": answer["logIndex"],
                "hashes": answer["inclusionProof"]["hashes"],
                "canonicalizedBody": answer["canonicalizedBody"],
            })
        };
        let hits: Vec<_> = answers.iter().map(hit).collect();
        let empty: serde_json::Value =
            serde_json::from_str(&self.answer(&entries, 0, &entries[0], manner)).expect("JSON");
        let checkpoint = &answers.first().unwrap_or(&empty)["inclusionProof"]["checkpoint"];
        let mut page = serde_json::json!({ "checkpoint": checkpoint, "entries": hits });
        if let Some(last) = found.last().filter(|_| found.len() == limit) {
            page["next"] = serde_json::json!({ "before": last.to_string() });
        }
        if manner == Manner::Garbage { "{".to_owned() } else { page.to_string() }
    }

    fn append(&self, entry: &[u8], manner: Manner) -> (u16, String) {
        let mut entries = self.entries.lock().expect("no panic under the lock");
        let (status, index) = match entries.iter().position(|known| known == entry) {
            Some(index) => (200, index),
            None => {
                entries.push(entry.to_vec());
                (201, entries.len() - 1)
            }
        };
        let body = match manner {
            Manner::OtherEntry => self.answer(&entries, 0, &entries[0].clone(), manner),
            Manner::OtherProof => self.answer(&entries, 0, entry, manner),
            _ => self.answer(&entries, index, entry, manner),
        };
        (status, body)
    }

    /// Rekor's `TransparencyLogEntry` for the leaf at `index`, with `entry` as its body.
    fn answer(&self, entries: &[Vec<u8>], index: usize, entry: &[u8], manner: Manner) -> String {
        let leaves: Vec<Hash> = entries.iter().map(|entry| LeafHash::of(entry).hash()).collect();
        let size = TreeSize::new(leaves.len() as u64).expect("a small tree");
        let leaf_index = LeafIndex::new(index as u64).expect("a small tree");
        let proof =
            InclusionProof::build(leaf_index, size, |node: NodeId| Ok::<_, ()>(node_at(&leaves, node)))
                .expect("every node is there");
        let root = proof.root(&LeafHash::of(&entries[index]), size).expect("a proof for this leaf");
        let root = if manner == Manner::OtherTree { LeafHash::of(b"?").hash() } else { root };
        let head = TreeHead::new(size, root).expect("a root for this size");
        let signer = if manner == Manner::ForeignCheckpoint { &self.foreign } else { &self.signer };
        let checkpoint = String::from_utf8(signer.sign(&head)).expect("a note is text");
        let shown = if manner == Manner::OtherIndex { index + 1 } else { index };
        let hashes: Vec<String> =
            proof.hashes().iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect();
        let (index, size) = (shown.to_string(), size.get().to_string());
        let value = serde_json::json!({
            "logIndex": index,
            "logId": { "keyId": STANDARD.encode(self.signer.vkey().log_id()) },
            "kindVersion": { "kind": "tallymark", "version": "0.0.1" },
            "integratedTime": "0",
            "inclusionProof": {
                "logIndex": index,
                "rootHash": STANDARD.encode(root.as_bytes()),
                "treeSize": size,
                "hashes": hashes,
                "checkpoint": { "envelope": checkpoint },
            },
            "canonicalizedBody": STANDARD.encode(entry),
        });
        value.to_string()
    }
}

/// The hash of a perfect node, from the leaves.
fn node_at(leaves: &[Hash], node: NodeId) -> Hash {
    let first = (node.index() << node.level()) as usize;
    let mut row = leaves[first..first + (1 << node.level())].to_vec();
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    row[0]
}
