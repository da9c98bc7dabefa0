//! The judges: what left the log, and whether the log still stands by it.
//!
//! Two lists are kept by those the log spoke to, in this process and in a file beside the run, never on the file
//! system under test:
//!
//! ```text
//! ack INDEX LEAF-HASH     an entry the log acknowledged
//! head SIZE ROOT          a checkpoint that left it, from a poll or from an answer, signature verified
//! ```
//!
//! [`Outside::check`] keeps a copy of all leaf hashes the log serves and computes the root from them by itself. So each
//! checkpoint is not only consistent with the next: it is the root of a prefix of one and the same list, which makes
//! every pair of them consistent. What the log serves besides (tiles of upper levels, entry bundles) is drawn from at
//! random in every check and read whole by [`Outside::check_all`].
//!
//! In scope: is anything lost, changed or forked? Out of scope: whether the log should have started at all.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use merkle::{
    BuildError, ConsistencyProof, Frontier, Hash, InclusionProof, LeafHash, LeafIndex, TreeHead, TreeSize,
};
use thiserror::Error;
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry_bundle::EntryBundle;
use tlog::tile::{BundleIndex, TileCoord, TilePath, TileReadError, TileWidth, read_node};
use tlog::vkey::Vkey;

use crate::client::Client;
use crate::seed::Seed;

/// Leaf hashes in a full tile.
const TILE_HASHES: u64 = 256;
/// Pairs of checkpoints, acknowledged entries and bundles drawn in each check.
const DRAWS: u64 = 8;

/// A promise that was broken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Finding {
    /// An index holds another entry than the one that was acknowledged for it.
    #[error("entry {index} is {seen} now, {wanted} was acknowledged")]
    Changed {
        /// Its index.
        index: u64,
        /// Leaf hash served.
        seen: LeafHash,
        /// Leaf hash acknowledged.
        wanted: LeafHash,
    },
    /// A checkpoint is not the root of the leaves that the log serves.
    #[error("the checkpoint of size {size} has root {seen}, the leaves served make {wanted}")]
    Forked {
        /// Its size.
        size: u64,
        /// Root that was signed.
        seen: Hash,
        /// Root of the leaves.
        wanted: Hash,
    },
    /// An index was given to two entries.
    #[error("index {index} was given to {first} and to {second}")]
    IndexTwice {
        /// The index.
        index: u64,
        /// Leaf hash of the first.
        first: LeafHash,
        /// Leaf hash of the second.
        second: LeafHash,
    },
    /// An entry was given two indices.
    #[error("{leaf} was given the indices {first} and {second}")]
    LeafTwice {
        /// Its leaf hash.
        leaf: LeafHash,
        /// The first index.
        first: u64,
        /// The second.
        second: u64,
    },
    /// An acknowledged entry is beyond the end of the tree.
    #[error("entry {index} was acknowledged, the tree holds {size} entries")]
    Lost {
        /// Its index.
        index: u64,
        /// Entries in the tree.
        size: u64,
    },
    /// A proof made from the served tiles does not verify.
    #[error("a proof about {about} made from the tiles does not verify: {why}")]
    ProofBad {
        /// What was to be proven.
        about: String,
        /// What the proof said.
        why: String,
    },
    /// The tree is smaller than one that was shown before.
    #[error("the tree holds {size} entries, a checkpoint of size {shown} was shown before")]
    Shrunk {
        /// Entries in the tree.
        size: u64,
        /// Size shown.
        shown: u64,
    },
    /// What is served as a checkpoint is none of this log.
    #[error("a checkpoint does not open with the log's key: {why}")]
    Unsigned {
        /// What was wrong.
        why: String,
    },
    /// Something that must be served is not.
    #[error("{path} is not served: {why}")]
    Unserved {
        /// Its path.
        path: String,
        /// What came instead.
        why: String,
    },
    /// Two checkpoints of one size with two roots.
    #[error("size {size} was signed with root {first} and with root {second}")]
    TwoRoots {
        /// The size.
        size: u64,
        /// The first root.
        first: Hash,
        /// The second.
        second: Hash,
    },
    /// An entry was acknowledged that no published checkpoint covers.
    #[error("entry {index} was acknowledged, the checkpoint shown after that has size {size}")]
    Unpublished {
        /// Its index.
        index: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// The log answered what it must not answer.
    #[error("the log answered {status} to {request}: {text}")]
    WrongAnswer {
        /// What was asked.
        request: String,
        /// The status.
        status: u16,
        /// The body.
        text: String,
    },
    /// A log that nothing is wrong with does not start, or one that must not start does.
    #[error("{what}\n{words}")]
    WrongStart {
        /// What happened and what was wanted.
        what: String,
        /// What the log said.
        words: String,
    },
    /// A log that writes while its clock cannot be believed, or does not write when it can.
    #[error("clock: {what}")]
    WrongClock {
        /// What happened and when.
        what: String,
    },
    /// A finding of `fsck` on a log that must be whole, or silence about one that is not.
    #[error("fsck: {what}")]
    WrongFsck {
        /// What happened and what was wanted.
        what: String,
    },
}

/// What was seen of a log from outside.
#[derive(Debug)]
pub struct Outside {
    vkey: Vkey,
    seen: Mutex<Seen>,
    copy: Mutex<Copy>,
    /// Numbers of entries to submit, so that no two submitters make the same one unless they mean to.
    next: AtomicU64,
}

#[derive(Debug)]
struct Seen {
    index_of: HashMap<[u8; 32], u64>,
    leaf_at: BTreeMap<u64, LeafHash>,
    /// Acknowledged since the last check.
    unchecked: Vec<u64>,
    heads: BTreeMap<u64, Hash>,
    /// Sizes of checkpoints first seen since the last check.
    unchecked_heads: Vec<u64>,
    /// Checkpoints that were looked at, the same one seen again included.
    polls: u64,
    answers: BTreeMap<u16, u64>,
    findings: Vec<Finding>,
    evidence: BufWriter<File>,
}

/// The leaves as served, and the root that we make of them.
#[derive(Debug)]
struct Copy {
    leaves: Vec<LeafHash>,
    frontier: Frontier,
}

/// How much was seen.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Tally {
    /// Entries acknowledged.
    pub acknowledged: u64,
    /// Different checkpoints.
    pub checkpoints: u64,
    /// Checkpoints looked at.
    pub polls: u64,
    /// Entries in the tree at the last check.
    pub entries: u64,
    /// Answers to submissions by status.
    pub answers: BTreeMap<u16, u64>,
}

impl Outside {
    /// Judges of a log with this key; what they see is also written to `evidence`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(vkey: Vkey, evidence: &Path) -> std::io::Result<Self> {
        let copy = Copy { leaves: Vec::new(), frontier: Frontier::new() };
        let seen = Seen {
            index_of: HashMap::new(),
            leaf_at: BTreeMap::new(),
            unchecked: Vec::new(),
            heads: BTreeMap::new(),
            unchecked_heads: Vec::new(),
            polls: 0,
            answers: BTreeMap::new(),
            findings: Vec::new(),
            evidence: BufWriter::new(File::create(evidence)?),
        };
        Ok(Self { vkey, seen: Mutex::new(seen), copy: Mutex::new(copy), next: AtomicU64::new(0) })
    }

    /// Judges that know what these know, for a copy of the log that goes its own way from here.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn fork(&self, evidence: &Path) -> std::io::Result<Self> {
        let fork = Self::new(self.vkey.clone(), evidence)?;
        {
            let (seen, mut its) = (self.seen(), fork.seen());
            its.index_of.clone_from(&seen.index_of);
            its.leaf_at.clone_from(&seen.leaf_at);
            its.unchecked.clone_from(&seen.unchecked);
            its.heads.clone_from(&seen.heads);
            its.unchecked_heads.clone_from(&seen.unchecked_heads);
        }
        {
            let (copy, mut its) = (self.copy(), fork.copy());
            its.leaves.clone_from(&copy.leaves);
            its.frontier.clone_from(&copy.frontier);
        }
        fork.next.store(self.next.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(fork)
    }

    /// The log's key.
    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// A number nobody had before.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The root of everything that was read from the log up to the last check.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.copy().frontier.root()
    }

    /// How many entries were acknowledged so far.
    #[must_use]
    pub fn acknowledgements(&self) -> u64 {
        self.seen().leaf_at.len() as u64
    }

    /// How much was seen so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let entries = self.copy().leaves.len() as u64;
        let seen = self.seen();
        Tally {
            acknowledged: seen.leaf_at.len() as u64,
            checkpoints: seen.heads.len() as u64,
            polls: seen.polls,
            entries,
            answers: seen.answers.clone(),
        }
    }

    /// Takes note that a submission was answered with this status.
    pub fn answered(&self, status: u16) {
        *self.seen().answers.entry(status).or_default() += 1;
    }

    /// Takes note of a broken promise; the next check reports it.
    pub fn found(&self, finding: Finding) {
        self.seen().findings.push(finding);
    }

    /// Takes note of an acknowledged entry.
    pub fn acknowledged(&self, index: u64, leaf: LeafHash) {
        let mut seen = self.seen();
        if let Some(first) =
            seen.index_of.insert(leaf.hash().to_bytes(), index).filter(|first| *first != index)
        {
            seen.findings.push(Finding::LeafTwice { leaf, first, second: index });
        }
        match seen.leaf_at.insert(index, leaf) {
            Some(first) if first != leaf => {
                seen.findings.push(Finding::IndexTwice { index, first, second: leaf });
            }
            Some(_) => {}
            None => {
                seen.unchecked.push(index);
                let written = writeln!(seen.evidence, "ack {index} {}", leaf.hash());
                seen.note(written);
            }
        }
    }

    /// Takes note of a checkpoint, whoever it came from; its head, if its signature is the log's.
    pub fn checkpoint(&self, bytes: &[u8]) -> Option<TreeHead> {
        let opened = SignedCheckpoint::parse(bytes).map_err(|error| error.to_string());
        let opened = opened.and_then(|signed| signed.open(&self.vkey).map_err(|error| error.to_string()));
        let mut seen = self.seen();
        seen.polls += 1;
        let head = match opened {
            Ok(checkpoint) => *checkpoint.head(),
            Err(why) => {
                seen.findings.push(Finding::Unsigned { why });
                return None;
            }
        };
        match seen.heads.insert(head.size().get(), head.root()) {
            Some(first) if first != head.root() => {
                let (size, second) = (head.size().get(), head.root());
                seen.findings.push(Finding::TwoRoots { size, first, second });
            }
            Some(_) => {}
            None => {
                seen.unchecked_heads.push(head.size().get());
                let written = writeln!(seen.evidence, "head {} {}", head.size().get(), head.root());
                seen.note(written);
            }
        }
        Some(head)
    }

    /// Everything that was seen must be in the log that now runs at `addr`, and nothing else may write meanwhile.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn check(&self, addr: SocketAddr, draws: &mut Seed) -> Result<(), Finding> {
        let mut reader = Reader::connect(addr)?;
        let head = self.catch_up(&mut reader)?;
        self.draw(&mut reader, &head, draws)
    }

    /// As [`Outside::check`], and every tile of level 0 and every entry bundle is read again from the first.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn check_all(&self, addr: SocketAddr, draws: &mut Seed) -> Result<(), Finding> {
        let mut reader = Reader::connect(addr)?;
        let head = self.catch_up(&mut reader)?;
        self.draw(&mut reader, &head, draws)?;
        let copy = self.copy();
        for bundle in 0..head.size().get().div_ceil(TILE_HASHES) {
            reader.leaves(bundle, head.size()).and_then(|seen| copy.compare(bundle, &seen))?;
            reader.entries(bundle, head.size()).and_then(|seen| copy.compare(bundle, &seen))?;
        }
        Ok(())
    }

    /// The first broken promise that was noted while the log ran.
    ///
    /// # Errors
    /// That one.
    pub fn verdict(&self) -> Result<(), Finding> {
        let mut seen = self.seen();
        let written = seen.evidence.flush();
        seen.note(written);
        if seen.findings.is_empty() { Ok(()) } else { Err(seen.findings.swap_remove(0)) }
    }

    /// Reads what is new, and holds every checkpoint and every acknowledged entry against it.
    fn catch_up(&self, reader: &mut Reader) -> Result<TreeHead, Finding> {
        let checkpoint = reader.get("/checkpoint")?;
        let head = self.checkpoint(&checkpoint);
        self.verdict()?;
        let Some(head) = head else {
            return Err(Finding::Unsigned { why: "it was not taken note of".to_owned() });
        };
        let size = head.size().get();
        let mut copy = self.copy();
        let mut seen = self.seen();
        let shown = seen.heads.last_key_value().map_or(0, |(size, _)| *size).max(copy.leaves.len() as u64);
        if size < shown {
            return Err(Finding::Shrunk { size, shown });
        }
        let before = copy.leaves.len() as u64;
        let mut start = before - before % TILE_HASHES;
        while start < size {
            let bundle = start / TILE_HASHES;
            let served = reader.leaves(bundle, head.size())?;
            copy.compare(bundle, &served)?;
            for leaf in served.into_iter().skip(copy.leaves.len() - start as usize) {
                copy.push(leaf);
                let reached = copy.leaves.len() as u64;
                if let Some(signed) = seen.heads.get(&reached).filter(|root| **root != copy.frontier.root()) {
                    return Err(Finding::Forked {
                        size: reached,
                        seen: *signed,
                        wanted: copy.frontier.root(),
                    });
                }
            }
            start += TILE_HASHES;
        }
        // Those that lie where the copy was already.
        for late in std::mem::take(&mut seen.unchecked_heads).into_iter().filter(|late| *late <= before) {
            let (Some(signed), wanted) = (seen.heads.get(&late), copy.root_at(late)) else { continue };
            if *signed != wanted {
                return Err(Finding::Forked { size: late, seen: *signed, wanted });
            }
        }
        for index in std::mem::take(&mut seen.unchecked) {
            let Some(wanted) = seen.leaf_at.get(&index) else { continue };
            match copy.leaves.get(index as usize) {
                None => return Err(Finding::Lost { index, size }),
                Some(leaf) if leaf != wanted => {
                    return Err(Finding::Changed { index, seen: *leaf, wanted: *wanted });
                }
                Some(_) => {}
            }
        }
        Ok(head)
    }

    /// Proofs between random checkpoints and about random entries, from the tiles as served, and random bundles.
    fn draw(&self, reader: &mut Reader, head: &TreeHead, draws: &mut Seed) -> Result<(), Finding> {
        let copy = self.copy();
        let (heads, size) = (self.seen().heads.clone(), head.size());
        if size.get() == 0 {
            return Ok(());
        }
        let sizes: Vec<u64> = heads.keys().copied().filter(|size| *size > 0).collect();
        for _ in 0..DRAWS {
            let at = |draws: &mut Seed| sizes.get(draws.within(0..sizes.len() as u64) as usize).copied();
            let (Some(one), Some(other)) = (at(draws), at(draws)) else { break };
            let (old, new) = (head_of(&heads, one.min(other))?, head_of(&heads, one.max(other))?);
            let about = || format!("sizes {} and {}", old.size().get(), new.size().get());
            let proof = ConsistencyProof::build(old.size(), new.size(), |id| {
                read_node(id, size, |coord, width| reader.tile(coord, width))
            });
            let proof = proof.map_err(|error| unbuilt(about(), error))?;
            proof.verify(&old, &new).map_err(|error| bad(about(), error))?;
        }
        for _ in 0..DRAWS {
            let index = draws.within(0..size.get());
            let Some(leaf) = copy.leaves.get(index as usize) else { break };
            let about = || format!("entry {index}");
            let leaf_index = LeafIndex::new(index).map_err(|error| bad(about(), error))?;
            let proof = InclusionProof::build(leaf_index, size, |id| {
                read_node(id, size, |coord, width| reader.tile(coord, width))
            });
            let proof = proof.map_err(|error| unbuilt(about(), error))?;
            proof.verify(leaf, head).map_err(|error| bad(about(), error))?;
            let bundle = index / TILE_HASHES;
            reader.entries(bundle, size).and_then(|seen| copy.compare(bundle, &seen))?;
        }
        Ok(())
    }

    // A submitter that panicked has been noticed elsewhere; what it saw until then still counts.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self) -> MutexGuard<'_, Copy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Evidence that cannot be written is no finding about the log, but must not be lost silently either.
    fn note(&self, written: std::io::Result<()>) {
        if let Err(error) = written {
            eprintln!("the evidence file cannot be written: {error}");
        }
    }
}

impl Copy {
    fn push(&mut self, leaf: LeafHash) {
        // A tree of 2^63 - 1 leaves does not fit into this process.
        if self.frontier.append(leaf).is_ok() {
            self.leaves.push(leaf);
        }
    }

    /// The root of the first `size` leaves.
    fn root_at(&self, size: u64) -> Hash {
        let mut frontier = Frontier::new();
        for leaf in self.leaves.iter().take(size as usize) {
            if frontier.append(*leaf).is_err() {
                break;
            }
        }
        frontier.root()
    }

    /// Leaf hashes of one tile or bundle, from its first, against those that were served before.
    fn compare(&self, bundle: u64, served: &[LeafHash]) -> Result<(), Finding> {
        let start = (bundle * TILE_HASHES) as usize;
        for (index, seen) in (start..).zip(served) {
            match self.leaves.get(index) {
                Some(wanted) if wanted != seen => {
                    return Err(Finding::Changed { index: index as u64, seen: *seen, wanted: *wanted });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn head_of(heads: &BTreeMap<u64, Hash>, size: u64) -> Result<TreeHead, Finding> {
    let about = || format!("size {size}");
    let root = heads.get(&size).copied().ok_or_else(|| bad(about(), "never seen"))?;
    let size = TreeSize::new(size).map_err(|error| bad(about(), error))?;
    TreeHead::new(size, root).map_err(|error| bad(about(), error))
}

/// A tile that is refused is another thing than one that is wrong.
fn unbuilt(about: String, error: BuildError<TileReadError<Finding>>) -> Finding {
    match error {
        BuildError::Read { source: TileReadError::Read { source, .. }, .. } => source,
        other => bad(about, other),
    }
}

fn bad(about: String, why: impl std::fmt::Display) -> Finding {
    Finding::ProofBad { about, why: why.to_string() }
}

/// Reads what a log serves, and keeps the tiles of one check.
struct Reader {
    client: Client,
    tiles: HashMap<(u8, u64), Vec<u8>>,
}

impl Reader {
    fn connect(addr: SocketAddr) -> Result<Self, Finding> {
        let client = Client::connect(addr)
            .map_err(|error| Finding::Unserved { path: addr.to_string(), why: error.to_string() })?;
        Ok(Self { client, tiles: HashMap::new() })
    }

    fn get(&mut self, path: &str) -> Result<Vec<u8>, Finding> {
        let unserved = |why: String| Finding::Unserved { path: path.to_owned(), why };
        let answer = self.client.get(path).map_err(|error| unserved(error.to_string()))?;
        if answer.status() != 200 {
            return Err(unserved(format!("{} {}", answer.status(), answer.text())));
        }
        Ok(answer.body().to_vec())
    }

    fn tile(&mut self, coord: TileCoord, width: TileWidth) -> Result<Vec<u8>, Finding> {
        // All widths of one check belong to one tree size, so coordinates are enough.
        let key = (coord.level(), coord.index());
        if let Some(tile) = self.tiles.get(&key) {
            return Ok(tile.clone());
        }
        let tile = self.get(&format!("/{}", TilePath::Tile { coord, width }))?;
        self.tiles.insert(key, tile.clone());
        Ok(tile)
    }

    /// Leaf hashes of the tile of level 0 with this index.
    fn leaves(&mut self, index: u64, size: TreeSize) -> Result<Vec<LeafHash>, Finding> {
        let place = || format!("tile {index} of level 0");
        let coord = TileCoord::new(0, index).map_err(|error| bad(place(), error))?;
        let width = coord.width_in(size).ok_or_else(|| bad(place(), "outside the tree"))?;
        let bytes = self.tile(coord, width)?;
        if bytes.len() != width.byte_len() {
            let why = format!("{} bytes, wanted {}", bytes.len(), width.byte_len());
            return Err(Finding::Unserved { path: place(), why });
        }
        Ok(bytes.chunks_exact(32).filter_map(Hash::from_slice).map(LeafHash::from_hash).collect())
    }

    /// Leaf hashes of the entries in the bundle with this index.
    fn entries(&mut self, index: u64, size: TreeSize) -> Result<Vec<LeafHash>, Finding> {
        let place = || format!("entry bundle {index}");
        let bundle = BundleIndex::new(index).map_err(|error| bad(place(), error))?;
        let width = bundle.width_in(size).ok_or_else(|| bad(place(), "outside the tree"))?;
        let path = TilePath::Entries { index: bundle, width };
        let bytes = self.get(&format!("/{path}"))?;
        let entries = EntryBundle::parse(&bytes, width).map_err(|error| bad(place(), error))?;
        Ok(entries.leaf_hashes().collect())
    }
}
