//! A log in memory that serves its files over a socket, and lies when it is told to.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ed25519_dalek::SigningKey;
use merkle::{LeafHash, TreeHead};
use tlog::checkpoint::{CheckpointSigner, SignedCheckpoint};
use tlog::cosignature::{UnixSeconds, cosign};
use tlog::entry_bundle::push_entry;
use tlog::tile::{RightEdge, TilePath, TileWidth, bundles_of_size};
use tlog::vkey::Vkey;

pub(crate) const ORIGIN: &str = "log.example.org/models";

type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// Its entries and key. Files appear when it publishes and stay.
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) files: Files,
    pub(crate) url: String,
    /// Seeds of the witnesses that confirm it, and when.
    pub(crate) confirmed: Vec<(u8, u64)>,
    /// Answered instead of everything, unless 0.
    pub(crate) status: Arc<AtomicU16>,
}

impl Log {
    pub(crate) fn new() -> Self {
        let (files, status) = (Files::default(), Arc::default());
        let url = serve(Arc::clone(&files), Arc::clone(&status));
        let mut log = Self { entries: Vec::new(), files, url, confirmed: Vec::new(), status };
        log.publish();
        log
    }

    /// Another log with the same key and entries, at another address.
    pub(crate) fn twin(&self) -> Self {
        let mut twin = Self::new();
        twin.entries = self.entries.clone();
        twin.confirmed = self.confirmed.clone();
        twin.publish();
        twin
    }

    pub(crate) fn append(&mut self, entries: impl IntoIterator<Item = Vec<u8>>) {
        self.entries.extend(entries);
        self.publish();
    }

    pub(crate) fn signer() -> CheckpointSigner {
        CheckpointSigner::ed25519(ORIGIN.parse().unwrap(), SigningKey::from_bytes(&[1; 32])).unwrap()
    }

    pub(crate) fn edge(entries: &[Vec<u8>]) -> RightEdge {
        let mut edge = RightEdge::new();
        edge.append(&entries.iter().map(|entry| LeafHash::of(entry)).collect::<Vec<_>>()).unwrap();
        edge
    }

    pub(crate) fn head(entries: &[Vec<u8>]) -> TreeHead {
        let edge = Self::edge(entries);
        TreeHead::new(edge.size(), edge.root()).unwrap()
    }

    pub(crate) fn checkpoint(&self, entries: &[Vec<u8>]) -> Vec<u8> {
        let signed = SignedCheckpoint::parse(&Self::signer().sign(&Self::head(entries))).unwrap();
        let lines: Vec<_> = self
            .confirmed
            .iter()
            .map(|(seed, time)| {
                let key = SigningKey::from_bytes(&[*seed; 32]);
                let name = format!("witness.example.org/w{seed}").parse().unwrap();
                cosign(&key, &name, signed.note().text(), UnixSeconds::new(*time).unwrap())
            })
            .collect();
        signed.with_signatures(&lines).unwrap().as_bytes().to_vec()
    }

    /// Writes all files of the tree, and the checkpoint last.
    pub(crate) fn publish(&mut self) {
        let mut edge = RightEdge::new();
        let mut files = self.files.lock().unwrap();
        for bundle in self.entries.chunks(256) {
            let leaves: Vec<_> = bundle.iter().map(|entry| LeafHash::of(entry)).collect();
            for tile in edge.append(&leaves).unwrap() {
                let path = TilePath::Tile { coord: tile.coord(), width: tile.width() };
                files.insert(path.to_string(), tile.bytes().to_vec());
            }
        }
        for (index, width) in bundles_of_size(edge.size()) {
            let mut bytes = Vec::new();
            let first = index.first_leaf() as usize;
            for entry in &self.entries[first..first + usize::from(width.get())] {
                push_entry(&mut bytes, entry).unwrap();
            }
            files.insert(TilePath::Entries { index, width }.to_string(), bytes);
        }
        files.insert("checkpoint".to_owned(), self.checkpoint(&self.entries));
    }

    /// The path of the last bundle.
    pub(crate) fn last_bundle(&self) -> String {
        let (index, width) = bundles_of_size(Self::edge(&self.entries).size()).last().unwrap();
        TilePath::Entries { index, width }.to_string()
    }

    /// The path of the last tile of level 0.
    pub(crate) fn last_tile(&self) -> String {
        let (index, width) = bundles_of_size(Self::edge(&self.entries).size()).last().unwrap();
        TilePath::Tile { coord: index.tile(), width }.to_string()
    }

    pub(crate) fn vkey() -> Vkey {
        Self::signer().vkey().clone()
    }

    pub(crate) fn set(&self, path: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes);
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        self.files.lock().unwrap()[path].clone()
    }

    pub(crate) fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(path).unwrap();
    }
}

/// A witness's key for a policy.
pub(crate) fn witness_vkey(seed: u8) -> Vkey {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    Vkey::cosignature_ed25519(format!("witness.example.org/w{seed}").parse().unwrap(), key.as_bytes())
        .unwrap()
}

/// Serves files on a free port until the process ends.
pub(crate) fn serve(files: Files, status: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (files, status) = (Arc::clone(&files), Arc::clone(&status));
            std::thread::spawn(move || answer(stream, &files, &status));
        }
    });
    url
}

fn answer(stream: TcpStream, files: &Files, status: &AtomicU16) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some((line, _, _)) = request(&mut reader) {
        let path = line.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        let found = files.lock().unwrap().get(&path).cloned();
        let (status, body) = match (status.load(Ordering::SeqCst), found) {
            (0, Some(body)) => (200, body),
            (0, None) => (404, Vec::new()),
            (status, _) => (status, Vec::new()),
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

/// First line, other lines, body.
pub(crate) fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<String>, String)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let first = lines.remove(0);
    Some((first, lines, String::from_utf8(body).unwrap()))
}

/// Lines of the head, and the body.
type Got = (Vec<String>, String);

/// A receiver of webhooks: what it was sent, and what it answers the next times.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) got: Arc<Mutex<Vec<Got>>>,
    pub(crate) refuses: Arc<AtomicUsize>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (got, refuses) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let receiver = Self { url, got: Arc::clone(&got), refuses: Arc::clone(&refuses) };
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (got, refuses) = (Arc::clone(&got), Arc::clone(&refuses));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some((_, head, body)) = request(&mut reader) {
                        let refuse = refuses
                            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                        let status = if refuse.is_ok() { 503 } else { 204 };
                        if status == 204 {
                            got.lock().unwrap().push((head, body));
                        }
                        let sent = stream.write_all(
                            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes(),
                        );
                        if sent.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        receiver
    }
}

/// A mail server that takes everything, or refuses the next ones for now.
pub(crate) struct MailServer {
    pub(crate) at: String,
    /// What was said in each conversation that ended with a letter taken.
    pub(crate) letters: Arc<Mutex<Vec<String>>>,
    pub(crate) refuses: Arc<AtomicUsize>,
}

impl MailServer {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let (letters, refuses) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let server = Self { at, letters: Arc::clone(&letters), refuses: Arc::clone(&refuses) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let refuse =
                    refuses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                let (heard, is_taken) = talk(stream, refuse.is_ok());
                if is_taken {
                    letters.lock().unwrap().push(heard);
                }
            }
        });
        server
    }
}

/// One conversation (RFC 5321 §3): all that the client said, and whether a letter was taken.
fn talk(mut stream: TcpStream, is_refused: bool) -> (String, bool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes());
    let (mut heard, mut is_data, mut is_taken) = (String::new(), false, false);
    say("220 mail.test").unwrap();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return (heard, is_taken);
        }
        heard.push_str(&line);
        let said = match line.trim_end() {
            "." if is_data => {
                (is_data, is_taken) = (false, true);
                say("250 taken")
            }
            _ if is_data => Ok(()),
            "DATA" => {
                is_data = true;
                say("354 go on")
            }
            "QUIT" => say("221 bye"),
            line if is_refused && line.starts_with("MAIL") => say("451 not now"),
            _ => say("250 well"),
        };
        if said.is_err() {
            return (heard, is_taken);
        }
    }
}

/// A width, for paths.
pub(crate) fn width(width: u16) -> TileWidth {
    TileWidth::new(width).unwrap()
}
