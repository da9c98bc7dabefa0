//! What the log keeps, as the sequencer and the readers see it: bytes under indices and coordinates.
//!
//! Two engines stand behind the trait: [`rocks`] for service and [`memory`] for tests. The trait holds
//! what both need and nothing else.
//!
//! A step is written in two calls: [`Storage::encode`] makes the bytes, [`Storage::commit`] makes them durable. What
//! lies between is [`crate::second_root`], which looks at the very bytes that will be written.
//!
//! In scope: one atomic durable append; reads of tiles, entries, the leaf index and the head.
//! Out of scope: what a reader may see (the published size is kept by [`crate::publisher`]), what an
//! entry means (only [`crate::admission`] knows), proofs.

use std::ops::Range;
use std::path::Path;

use merkle::{LeafHash, LeafIndex, TreeHead};
use thiserror::Error;
use tlog::tile::{TileCoord, TileWrite};

pub use encoded::EncodedStep;

pub mod encoded;
pub mod memory;
#[cfg(feature = "rocksdb")]
mod record_log;
#[cfg(feature = "rocksdb")]
pub mod rocks;

/// Where a log's data lives. One writer, many readers.
///
/// A reader may run while [`Storage::commit`] does. It may then find tiles that are longer than the tree
/// it reads for: every stored tile only ever grows at its end, so the first `w` hashes stay what they were.
pub trait Storage: std::fmt::Debug + Send + Sync + 'static {
    /// The head of the tree that is stored.
    ///
    /// # Errors
    /// [`StorageError::MissingHead`] if nothing was ever initialised here, [`StorageError::BadRecord`] if
    /// the head does not decode, [`StorageError::Engine`] if it could not be read.
    fn head(&self) -> Result<TreeHead, StorageError>;

    /// Encodes one step as it will be written. Nothing is written yet.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if the engine cannot encode it.
    fn encode(&self, step: &Step) -> Result<EncodedStep, StorageError>;

    /// Stores an encoded step, all of it or nothing, and returns once it is durable.
    ///
    /// After any error the outcome is unknown: the step may be there. The caller must stop and read again.
    ///
    /// # Errors
    /// [`StorageError::HeadMoved`] if the stored head is not the one the step starts from; otherwise as
    /// [`Storage::head`].
    fn commit(&self, step: EncodedStep) -> Result<(), StorageError>;

    /// Encodes and commits without a look in between: for tests and for copies that are checked as a whole.
    ///
    /// # Errors
    /// As [`Storage::encode`] and [`Storage::commit`].
    fn append(&self, step: &Step) -> Result<(), StorageError> {
        self.commit(self.encode(step)?)
    }

    /// All hashes of one tile that are stored, 32 bytes each, at most 256 of them.
    ///
    /// # Errors
    /// [`StorageError::Engine`] or [`StorageError::Corrupt`] if the tile could not be read.
    fn tile(&self, coord: TileCoord) -> Result<Option<Vec<u8>>, StorageError>;

    /// Shows every entry of `range` to `visit`, in order.
    ///
    /// # Errors
    /// [`StorageError::MissingEntry`] at the first index that is not stored, [`StorageError::Engine`].
    fn entries(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StorageError>;

    /// The index under which each leaf is stored, in the order asked.
    ///
    /// # Errors
    /// [`StorageError::Engine`], or [`StorageError::BadRecord`] if an index does not decode. Never takes a
    /// failed look-up for "not there".
    fn find(&self, leaves: &[LeafHash]) -> Result<Vec<Option<LeafIndex>>, StorageError>;

    /// Copies the whole store, as of now, to a directory that does not exist yet, from where it opens like this one.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if it could not be copied, or the engine keeps nothing on disk.
    fn copy_to(&self, dir: &Path) -> Result<(), StorageError> {
        let source = format!("nothing is kept on disk, so nothing goes to {}", dir.display());
        Err(StorageError::Engine { act: Act::Copy, source: source.into() })
    }

    /// The store as it is on disk now, for reading only and past every cache, by way of a copy in `dir`, which must not
    /// exist and is the caller's to remove.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if it could not be copied; [`StorageError::Corrupt`] if the copy is damaged.
    fn fresh(&self, dir: &Path) -> Result<Box<dyn Storage>, StorageError> {
        self.copy_to(dir)?;
        let source = format!("nothing is opened from {}", dir.display());
        Err(StorageError::Engine { act: Act::Open, source: source.into() })
    }

    /// Counts every record by walking over all of them.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if the walk stops before the end.
    fn inventory(&self) -> Result<Inventory, StorageError>;
}

/// How many records of each kind are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inventory {
    entries: u64,
    tiles: u64,
    leaves: u64,
}

impl Inventory {
    /// The counts of one walk.
    #[must_use]
    pub fn new(entries: u64, tiles: u64, leaves: u64) -> Self {
        Self { entries, tiles, leaves }
    }

    /// Stored entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Stored tiles, full or not.
    #[must_use]
    pub fn tiles(&self) -> u64 {
        self.tiles
    }

    /// Leaf hashes in the duplicate index.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.leaves
    }
}

/// One entry on its way into storage.
#[derive(Debug, Clone)]
pub struct NewEntry {
    leaf: LeafHash,
    bytes: Vec<u8>,
}

impl NewEntry {
    /// An entry together with its leaf hash. The sequencer computes the hash a second time on its own.
    #[must_use]
    pub fn new(leaf: LeafHash, bytes: Vec<u8>) -> Self {
        Self { leaf, bytes }
    }

    /// `SHA-256(0x00 ‖ bytes)`.
    #[must_use]
    pub fn leaf(&self) -> &LeafHash {
        &self.leaf
    }

    /// The entry as it was submitted.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// One step of the tree, from one head to the next, with everything that has to be stored for it.
#[derive(Debug)]
pub struct Step {
    head_old: TreeHead,
    head_new: TreeHead,
    entries: Vec<NewEntry>,
    tiles: Vec<TileWrite>,
}

impl Step {
    /// A step that adds `entries` at indices `head_old.size()..head_new.size()`.
    ///
    /// # Errors
    /// [`StorageError::StepMiscounted`] if the number of entries is not the growth of the tree.
    pub fn new(
        head_old: TreeHead,
        head_new: TreeHead,
        entries: Vec<NewEntry>,
        tiles: Vec<TileWrite>,
    ) -> Result<Self, StorageError> {
        let growth = head_new.size().get().checked_sub(head_old.size().get());
        if growth != Some(entries.len() as u64) {
            return Err(StorageError::StepMiscounted {
                size_old: head_old.size().get(),
                size_new: head_new.size().get(),
                entries: entries.len(),
            });
        }
        Ok(Self { head_old, head_new, entries, tiles })
    }

    /// The head this step starts from.
    #[must_use]
    pub fn head_old(&self) -> &TreeHead {
        &self.head_old
    }

    /// The head after this step.
    #[must_use]
    pub fn head_new(&self) -> &TreeHead {
        &self.head_new
    }

    /// The new entries, first index first.
    #[must_use]
    pub fn entries(&self) -> &[NewEntry] {
        &self.entries
    }

    /// Every tile that grew, with all its hashes so far.
    #[must_use]
    pub fn tiles(&self) -> &[TileWrite] {
        &self.tiles
    }
}

/// What the engine was asked to do when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Copy the database.
    Copy,
    /// Open the database.
    Open,
    /// Read a record.
    Read,
    /// Walk over records.
    Walk,
    /// Write a step and wait until it is on disk.
    Write,
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Copy => "copy the database",
            Self::Open => "open the database",
            Self::Read => "read a record",
            Self::Walk => "walk over the records",
            Self::Write => "write a step",
        })
    }
}

/// The kinds of record in storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Table {
    /// Entries by index.
    Entry,
    /// Index by leaf hash.
    Leaf,
    /// The head.
    Meta,
    /// Tiles by coordinate.
    Tile,
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Entry => "entry",
            Self::Leaf => "leaf",
            Self::Meta => "meta",
            Self::Tile => "tile",
        })
    }
}

/// What storage could not do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A record has a form this program does not write.
    #[error("a record of table {table} has {len} bytes and does not decode")]
    BadRecord {
        /// Where it stands.
        table: Table,
        /// Its length in bytes.
        len: usize,
    },
    /// The engine found its own files damaged.
    #[error("could not {act}: the files of the database are damaged")]
    Corrupt {
        /// What was asked.
        act: Act,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine refused or failed.
    #[error("could not {act}")]
    Engine {
        /// What was asked.
        act: Act,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody else wrote, or a step was built on a head that is not stored.
    #[error("stored head has size {size_seen}, the step starts from {size_wanted}")]
    HeadMoved {
        /// Size in storage.
        size_seen: u64,
        /// Size the step starts from.
        size_wanted: u64,
    },
    /// The directory holds a database but no head.
    #[error("no head is stored")]
    MissingHead,
    /// An entry below the tree size is not stored.
    #[error("entry {index} is not stored")]
    MissingEntry {
        /// Its index.
        index: u64,
    },
    /// A step whose entries do not account for its growth.
    #[error("a step from size {size_old} to {size_new} holds {entries} entries")]
    StepMiscounted {
        /// Size before.
        size_old: u64,
        /// Size after.
        size_new: u64,
        /// Entries in the step.
        entries: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use merkle::{Frontier, Hash};
    use tlog::tile::RightEdge;

    /// A step from `head` that adds these entries, and the edge after it.
    fn step(edge: &mut RightEdge, frontier: &mut Frontier, entries: &[&[u8]]) -> Step {
        let head_old = frontier.head();
        let entries: Vec<_> =
            entries.iter().map(|entry| NewEntry::new(LeafHash::of(entry), entry.to_vec())).collect();
        for entry in &entries {
            frontier.append(*entry.leaf()).unwrap();
        }
        let leaves: Vec<_> = entries.iter().map(|entry| *entry.leaf()).collect();
        let tiles = edge.append(&leaves).unwrap();
        Step::new(head_old, frontier.head(), entries, tiles).unwrap()
    }

    /// Runs a test on every engine.
    fn on_every_engine(test: impl Fn(&dyn Storage)) {
        test(&memory::MemoryStorage::new());
        #[cfg(feature = "rocksdb")]
        {
            let dir = tempfile::tempdir().unwrap();
            test(&rocks::RocksStorage::create(&dir.path().join("db")).unwrap());
        }
    }

    fn read(storage: &dyn Storage, range: Range<u64>) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut entries = Vec::new();
        storage.entries(range, &mut |_, entry| entries.push(entry.to_vec()))?;
        Ok(entries)
    }

    #[test]
    fn what_was_appended_reads_back() {
        on_every_engine(|storage| {
            let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
            assert_eq!(storage.head().unwrap(), TreeHead::empty());
            storage.append(&step(&mut edge, &mut frontier, &[b"one", b""])).unwrap();
            storage.append(&step(&mut edge, &mut frontier, &[b"three"])).unwrap();
            assert_eq!(storage.head().unwrap(), frontier.head());
            assert_eq!(read(storage, 0..3).unwrap(), [&b"one"[..], b"", b"three"]);
            assert_eq!(read(storage, 1..2).unwrap(), [b""]);
            let leaves = [LeafHash::of(b"three"), LeafHash::of(b"four"), LeafHash::of(b"one")];
            let found = storage.find(&leaves).unwrap();
            assert_eq!(
                found.iter().map(|at| at.map(LeafIndex::get)).collect::<Vec<_>>(),
                [Some(2), None, Some(0)]
            );
            let tile = storage.tile(TileCoord::new(0, 0).unwrap()).unwrap().unwrap();
            assert_eq!(tile[64..], LeafHash::of(b"three").hash().to_bytes());
            assert_eq!(storage.tile(TileCoord::new(1, 0).unwrap()).unwrap(), None);
            assert_eq!(storage.inventory().unwrap(), Inventory::new(3, 1, 3));
        });
    }

    #[cfg(feature = "rocksdb")]
    #[test]
    fn both_engines_encode_a_step_to_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let rocks = rocks::RocksStorage::create(&dir.path().join("db")).unwrap();
        let entries: Vec<Vec<u8>> = (0..600).map(|n| vec![n as u8; n * 40]).collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let step = step(&mut RightEdge::new(), &mut Frontier::new(), &entries);
        let encoded = rocks.encode(&step).unwrap();
        assert_eq!(encoded.rows().unwrap().count(), 600 + 600 + 4 + 1);
        assert_eq!(encoded, memory::MemoryStorage::new().encode(&step).unwrap());
    }

    #[test]
    fn entries_beyond_the_end_are_missing() {
        on_every_engine(|storage| {
            storage.append(&step(&mut RightEdge::new(), &mut Frontier::new(), &[b"one"])).unwrap();
            assert!(matches!(read(storage, 0..2), Err(StorageError::MissingEntry { index: 1 })));
            assert!(matches!(read(storage, 5..6), Err(StorageError::MissingEntry { index: 5 })));
        });
    }

    #[test]
    fn a_step_from_another_head_is_refused_and_changes_nothing() {
        on_every_engine(|storage| {
            let first = step(&mut RightEdge::new(), &mut Frontier::new(), &[b"one"]);
            storage.append(&first).unwrap();
            let head = storage.head().unwrap();
            let refused = storage.append(&first);
            assert!(matches!(refused, Err(StorageError::HeadMoved { size_seen: 1, size_wanted: 0 })));
            let same_size = TreeHead::new(head.size(), Hash::from_bytes([1; 32])).unwrap();
            let forked = Step::new(same_size, same_size, Vec::new(), Vec::new()).unwrap();
            assert!(matches!(
                storage.append(&forked),
                Err(StorageError::HeadMoved { size_seen: 1, size_wanted: 1 })
            ));
            assert_eq!(storage.head().unwrap(), head);
            assert_eq!(storage.inventory().unwrap(), Inventory::new(1, 1, 1));
        });
    }

    #[test]
    fn a_step_must_hold_as_many_entries_as_it_grows_the_tree() {
        let mut frontier = Frontier::new();
        frontier.append(LeafHash::of(b"one")).unwrap();
        let one = frontier.head();
        for (old, new) in [(TreeHead::empty(), one), (one, TreeHead::empty())] {
            assert!(matches!(
                Step::new(old, new, Vec::new(), Vec::new()),
                Err(StorageError::StepMiscounted { .. })
            ));
        }
    }

    #[cfg(feature = "rocksdb")]
    #[test]
    fn a_database_is_created_once_and_opened_only_if_it_exists() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        assert!(matches!(rocks::RocksStorage::open(&path), Err(StorageError::Engine { act: Act::Open, .. })));
        drop(rocks::RocksStorage::create(&path).unwrap());
        assert!(matches!(
            rocks::RocksStorage::create(&path),
            Err(StorageError::Engine { act: Act::Open, .. })
        ));
        assert_eq!(rocks::RocksStorage::open(&path).unwrap().head().unwrap(), TreeHead::empty());
    }
}
