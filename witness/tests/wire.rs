//! Logs that can fork, and a client that shows what came over the wire. Used by the sessions and by the generator of cases.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use merkle::subtree::{self, Subtree};
use merkle::{ConsistencyProof, Hash, LeafHash, NodeId, TreeHead, TreeSize, node_hash};
use tlog::checkpoint::CheckpointSigner;
use tlog::vkey::Vkey;

/// A log in memory. A clone with other leaves is a fork.
#[derive(Clone)]
pub(crate) struct Log {
    origin: String,
    seed: u8,
    /// Perfect nodes by level.
    levels: RefCell<Vec<Vec<Hash>>>,
}

impl Log {
    pub(crate) fn new(origin: &str, seed: u8) -> Self {
        Self { origin: origin.to_owned(), seed, levels: RefCell::new(vec![Vec::new()]) }
    }

    /// A log with so many leaves.
    pub(crate) fn of(origin: &str, seed: u8, leaves: u64) -> Self {
        let log = Self::new(origin, seed);
        (0..leaves).for_each(|leaf| log.append(&leaf.to_be_bytes()));
        log
    }

    pub(crate) fn append(&self, entry: &[u8]) {
        let mut levels = self.levels.borrow_mut();
        levels[0].push(LeafHash::of(entry).hash());
        let mut level = 0;
        while levels[level].len().is_multiple_of(2) {
            let [.., left, right] = levels[level].as_slice() else { break };
            let parent = node_hash(left, right);
            level += 1;
            if levels.len() == level {
                levels.push(Vec::new());
            }
            levels[level].push(parent);
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.levels.borrow()[0].len() as u64
    }

    fn node(&self, node: NodeId) -> Result<Hash, std::convert::Infallible> {
        Ok(self.levels.borrow()[usize::from(node.level())][node.index() as usize])
    }

    pub(crate) fn head(&self, size: u64) -> TreeHead {
        let size = TreeSize::new(size).unwrap();
        if size == TreeSize::ZERO {
            return TreeHead::empty();
        }
        let Ok(root) = subtree::range_hash(Subtree::whole(size), |node| self.node(node));
        TreeHead::new(size, root).unwrap()
    }

    pub(crate) fn signer(&self) -> CheckpointSigner {
        CheckpointSigner::ed25519(self.origin.parse().unwrap(), SigningKey::from_bytes(&[self.seed; 32]))
            .unwrap()
    }

    pub(crate) fn vkey(&self) -> Vkey {
        self.signer().vkey().clone()
    }

    pub(crate) fn checkpoint(&self, size: u64) -> String {
        String::from_utf8(self.signer().sign(&self.head(size))).unwrap()
    }

    /// Lines of the proof, each with its line feed.
    pub(crate) fn proof(&self, old: u64, new: u64) -> String {
        if old == 0 || old == new {
            return String::new();
        }
        let (old, new) = (TreeSize::new(old).unwrap(), TreeSize::new(new).unwrap());
        lines(&ConsistencyProof::build(old, new, |node| self.node(node)).unwrap())
    }

    pub(crate) fn subtree_proof(&self, subtree: Subtree, size: u64) -> String {
        let Ok(hash) = subtree::range_hash(subtree, |node| self.node(node));
        let size = TreeSize::new(size).unwrap();
        let proof = subtree::build_consistency(subtree, size, |node| self.node(node)).unwrap();
        format!("{}\n{}", tlog::text::encode_base64(hash.as_bytes()), lines(&proof))
    }

    pub(crate) fn subtree_hash(&self, subtree: Subtree) -> Hash {
        let Ok(hash) = subtree::range_hash(subtree, |node| self.node(node));
        hash
    }

    /// The body of add-checkpoint.
    pub(crate) fn request(&self, old: u64, new: u64) -> String {
        format!("old {old}\n{}\n{}", self.proof(old, new), self.checkpoint(new))
    }
}

fn lines(proof: &ConsistencyProof) -> String {
    proof.hashes().iter().map(|hash| tlog::text::encode_base64(hash.as_bytes()) + "\n").collect()
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (seen, value) = line.split_once(": ")?;
            seen.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Status and the code in front of the words.
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body.split(':').next().unwrap_or_default())
    }
}

/// One connection that is kept.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> std::io::Result<Answer> {
        self.raw(&format!("POST {path} HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<Answer> {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: w\r\n\r\n"))
    }

    pub(crate) fn add(&mut self, body: &str) -> Answer {
        self.post("/add-checkpoint", body).unwrap()
    }

    pub(crate) fn raw(&mut self, request: &str) -> std::io::Result<Answer> {
        let answer = self.exchange(request);
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    fn exchange(&mut self, request: &str) -> std::io::Result<Answer> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                BufReader::new(stream)
            }
        };
        let stream = self.stream.insert(stream);
        // A refusal may come before the body is read to its end.
        let _ = stream.get_mut().write_all(request.as_bytes());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).unwrap();
        if answer.header("connection") == Some("close") {
            self.stream = None;
        }
        Ok(answer)
    }
}
