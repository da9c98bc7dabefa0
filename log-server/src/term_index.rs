//! The term index: which entries have a term, answered from a small file beside the log.
//!
//! A term is some bytes that an entry can be found by; what they mean only [`crate::admission::terms`] knows. The
//! index says where to look, and the entries say what is there: whoever asks reads each entry it is led to. So the
//! index may be lost, old or damaged, and the worst that follows is "not now". Nothing else in the log uses it.
//!
//! ```text
//! DIR/index/terms
//!   0    "tallymark terms" ‖ u8 version of the layout and of the terms
//!   16   key, 16 random bytes
//!   32   segments (see `segment`), one after the other, without a gap between their entries
//! ```
//!
//! The newest entries, fewer than 65,536 of them, are in no segment yet; their postings are kept in memory
//! (`tail`) and are made again from the entries at every start, in the background. One thread follows the
//! published head (`indexer`), so the sequencer never waits for it. A segment carries the root of the tree it ends
//! at, and a start drops all segments if the last root is not this log's.
//!
//! | cost | |
//! |---|---|
//! | disk | 25 to 26 bits per term that only one entry has, down to 1 bit per entry for a term that all have |
//! | memory | up to 16 MiB for the tail and for sealing it; about 0.25 bytes per entry for the ends of buckets |
//! | a look-up | one read of some 300 bytes per segment and term, newest or oldest segment first |
//! | a page | at most [`Work::LIMIT`]; what is left over is taken up by the next page |
//!
//! At 10 million entries that is 153 small reads for a term that no entry has. Confession: the reads grow with the
//! log, so at a billion entries an answer of nothing takes four pages. Segments could be merged then, because all
//! share one key; they are not.
//!
//! In scope: postings, where they lie, who made them, looking up. Out of scope: what a term is, proofs, pages
//! ([`crate::http`]).

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use merkle::subtree::{Subtree, range_hash};
use merkle::{Hash, TreeSize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::sync::watch;

use crate::proof::{ProveError, stored_node};
use crate::storage::{Storage, StorageError};

pub use indexer::{Indexer, Waker};
pub use lookup::{Next, Order, Work};
pub use segment::{Segment, SegmentError, probe};

use segment::{FINGERPRINT_BITS, KEY_BYTES, Key, MAX_ENTRIES, encode};
use store::{FileStore, MemoryStore, SegmentStore};
use tail::Tail;

mod bits;
mod indexer;
mod lookup;
mod segment;
pub mod store;
mod tail;

/// First bytes of the file. The last one changes with the layout and with what terms an entry has.
const MAGIC: [u8; 16] = *b"tallymark terms\x01";
/// Where the first segment begins.
const SEGMENTS_AT: u64 = (MAGIC.len() + KEY_BYTES) as u64;

/// Something an entry can be found by: opaque bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(Vec<u8>);

impl Term {
    /// A term of one kind: terms of two kinds never meet.
    #[must_use]
    pub fn new(kind: u8, value: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + value.len());
        bytes.push(kind);
        bytes.extend_from_slice(value);
        Self(bytes)
    }

    fn fingerprint(&self, key: &Key) -> u32 {
        let mut hash = Sha256::new();
        hash.update(key);
        hash.update(&self.0);
        let hash: [u8; 32] = hash.finalize().into();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> (32 - FINGERPRINT_BITS)
    }
}

/// The terms of an entry; `None` for bytes that are no entry, which ends the indexing there.
pub type Extract = fn(&[u8]) -> Option<Vec<Term>>;

/// Where the index of a log lies.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "a log is in a directory or in memory")]
pub enum Place {
    /// In this directory.
    Directory(PathBuf),
    /// Nowhere; it goes with the process.
    Memory,
}

/// The index of one log. The [`Indexer`] writes it, everybody may look things up.
#[derive(Debug)]
pub struct TermIndex {
    place: Place,
    extract: Extract,
    // Entries of a segment: `MAX_ENTRIES`, fewer in tests.
    segment_entries: u32,
    // Written by the indexer only, and held only to swap pointers or to scan the newest postings.
    state: RwLock<State>,
    // Entries whose terms can be found. Sent after `state` has them.
    indexed: watch::Sender<u64>,
    // First index of the earliest segment that was found damaged; the indexer takes it.
    damaged: Mutex<Option<u64>>,
}

#[derive(Debug)]
struct State {
    // `None` until the indexer has opened it.
    opened: Option<Opened>,
    segments: Vec<Arc<Segment>>,
    tail: Tail,
}

#[derive(Debug, Clone)]
struct Opened {
    store: Arc<dyn SegmentStore>,
    key: Key,
}

impl State {
    fn sealed(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.after())
    }

    /// Where the next segment goes.
    fn end(&self) -> u64 {
        self.segments.last().map_or(SEGMENTS_AT, |segment| segment.end())
    }
}

impl TermIndex {
    /// An index that holds nothing yet and does no work: [`Indexer::start`] makes it follow a log.
    #[must_use]
    pub fn new(place: Place, extract: Extract) -> Self {
        let state = State { opened: None, segments: Vec::new(), tail: Tail::new() };
        Self {
            place,
            extract,
            segment_entries: MAX_ENTRIES,
            state: RwLock::new(state),
            indexed: watch::Sender::new(0),
            damaged: Mutex::new(None),
        }
    }

    /// How many entries can be found: all from 0 on.
    #[must_use]
    pub fn indexed(&self) -> u64 {
        *self.indexed.borrow()
    }

    /// Tells whenever that changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.indexed.subscribe()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the file, takes up the segments that belong to this log and end within `size`, and cuts off the rest.
    fn open(&self, size: TreeSize, storage: &dyn Storage) -> Result<(), IndexError> {
        let store: Arc<dyn SegmentStore> = match &self.place {
            Place::Directory(dir) => Arc::new(FileStore::open(dir)?),
            Place::Memory => Arc::new(MemoryStore::default()),
        };
        let mut start = [0; SEGMENTS_AT as usize];
        let known = store.size()? >= SEGMENTS_AT && {
            store.read(0, &mut start)?;
            start.starts_with(&MAGIC)
        };
        if !known {
            if store.size()? > 0 {
                tracing::warn!("the term index is not one of this program, it is made again");
            }
            store.truncate(0)?;
            start[..MAGIC.len()].copy_from_slice(&MAGIC);
            getrandom::fill(&mut start[MAGIC.len()..]).map_err(|_| IndexError::NoRandomness)?;
            store.write(0, &start)?;
        }
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&start[MAGIC.len()..]);
        let mut segments = read_segments(store.as_ref(), &key, size)?;
        if let Some(last) = segments.last() {
            let root = root_at(last.after(), storage)?;
            if root != last.root() {
                tracing::warn!(size = last.after(), "the term index is of another log, it is made again");
                segments.clear();
            }
        }
        let mut state = self.write();
        state.segments = segments;
        state.tail = Tail::new();
        store.truncate(state.end())?;
        state.opened = Some(Opened { store, key });
        let sealed = state.sealed();
        drop(state);
        self.indexed.send_replace(sealed);
        Ok(())
    }

    /// Takes up the entries of a range, which begins where the index ends and is part of the published tree.
    fn extend(&self, range: Range<u64>, storage: &dyn Storage) -> Result<(), IndexError> {
        let Some(Opened { store, key }) = self.read().opened.clone() else { return Err(IndexError::NotOpen) };
        let sealed = self.read().sealed();
        let mut postings = Vec::new();
        let mut not_an_entry = None;
        storage.entries(range.clone(), &mut |index, entry| {
            let place = index.checked_sub(sealed).and_then(|place| u16::try_from(place).ok());
            match (place, (self.extract)(entry)) {
                (Some(place), Some(terms)) => {
                    let one = postings.len();
                    postings.extend(terms.iter().map(|term| segment::posting(term.fingerprint(&key), place)));
                    if let Some(of_this) = postings.get_mut(one..) {
                        of_this.sort_unstable();
                    }
                }
                _ => {
                    not_an_entry.get_or_insert(index);
                }
            }
        })?;
        if let Some(index) = not_an_entry {
            return Err(IndexError::NotAnEntry { index });
        }
        // Two terms of one entry may share a fingerprint; equal postings stand side by side.
        postings.dedup();
        let full = {
            let mut state = self.write();
            state.tail.push(&postings, range.end - range.start);
            state.tail.is_full(self.segment_entries)
        };
        if full {
            self.seal(&store, &key, storage)?;
        }
        self.indexed.send_replace(range.end);
        Ok(())
    }

    /// Makes a segment of the tail.
    fn seal(
        &self,
        store: &Arc<dyn SegmentStore>,
        key: &Key,
        storage: &dyn Storage,
    ) -> Result<(), IndexError> {
        let (postings, entries, first, offset) = {
            let state = self.read();
            (state.tail.postings(), state.tail.entries(), state.sealed(), state.end())
        };
        let count = u32::try_from(entries).unwrap_or(u32::MAX).min(MAX_ENTRIES);
        let root = root_at(first + u64::from(count), storage)?;
        store.write(offset, &encode(key, first, count, &root, &postings)?)?;
        let segment = Segment::read(store.as_ref(), offset, key)?;
        let mut state = self.write();
        state.segments.push(Arc::new(segment));
        state.tail = Tail::new();
        Ok(())
    }

    /// Remembers that the segment that begins with this entry cannot be read.
    fn report(&self, first: u64) {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        *damaged = Some(damaged.map_or(first, |before| before.min(first)));
    }

    /// Drops what was reported, and everything after it; says whether there was anything.
    fn drop_damaged(&self) -> Result<bool, IndexError> {
        let reported = self.damaged.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(first) = reported else { return Ok(false) };
        let mut state = self.write();
        let Some(at) = state.segments.iter().position(|segment| segment.first() >= first) else {
            // It was dropped before.
            return Ok(false);
        };
        state.segments.truncate(at);
        state.tail = Tail::new();
        let (sealed, end) = (state.sealed(), state.end());
        if let Some(opened) = &state.opened {
            opened.store.truncate(end)?;
        }
        drop(state);
        tracing::warn!(entry = first, "the term index is damaged, it is made again from here");
        self.indexed.send_replace(sealed);
        Ok(true)
    }
}

/// The segments that follow each other without a gap and end within the tree; the first bad one ends them.
fn read_segments(
    store: &dyn SegmentStore,
    key: &Key,
    size: TreeSize,
) -> Result<Vec<Arc<Segment>>, IndexError> {
    let (mut segments, mut offset, mut next) = (Vec::new(), SEGMENTS_AT, 0);
    let len = store.size()?;
    while offset < len {
        let segment = match Segment::read(store, offset, key) {
            Ok(segment) if segment.first() == next && segment.after() <= size.get() => segment,
            Ok(_) | Err(SegmentError::Damaged { .. }) => break,
            Err(SegmentError::Io { source }) if source.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error.into()),
        };
        (offset, next) = (segment.end(), segment.after());
        segments.push(Arc::new(segment));
    }
    if offset < len {
        tracing::info!(entry = next, "the term index ends in an unfinished segment, it is made again");
    }
    Ok(segments)
}

fn root_at(size: u64, storage: &dyn Storage) -> Result<Hash, IndexError> {
    let size = TreeSize::new(size).map_err(|_| IndexError::NotOpen)?;
    Ok(range_hash(Subtree::whole(size), |id| stored_node(id, storage))?)
}

/// Why the index cannot go on, or cannot answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Its file could not be used.
    #[error("the file of the term index cannot be used")]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
    /// The stored tree cannot be read.
    #[error("the stored tree cannot be read")]
    Node {
        /// Which node.
        #[from]
        source: ProveError,
    },
    /// The system has no randomness for a key.
    #[error("no randomness for the key of the term index")]
    NoRandomness,
    /// What is stored there is no entry.
    #[error("what is stored as entry {index} is no entry")]
    NotAnEntry {
        /// Its index.
        index: u64,
    },
    /// Nothing was opened yet.
    #[error("the term index is not open yet")]
    NotOpen,
    /// A segment cannot be used.
    #[error(transparent)]
    Segment {
        /// Why.
        #[from]
        source: SegmentError,
    },
    /// An entry could not be read.
    #[error("an entry could not be read")]
    Storage {
        /// What storage said.
        #[from]
        source: StorageError,
    },
}

/// Fingerprints are never shown: with them one could look for strangers.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "term of {} bytes", self.0.len())
    }
}

#[cfg(test)]
mod tests;
