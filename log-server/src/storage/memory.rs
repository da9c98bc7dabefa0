//! The engine of the tests: everything in maps, nothing durable.
//!
//! It can be told to fail or to wait at the next append, so that tests can see what the sequencer does
//! then ([`MemoryStorage::fail_next_append`], [`MemoryStorage::hold_appends`]).

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use merkle::{LeafHash, LeafIndex, TreeHead};
use tlog::tile::TileCoord;

use super::encoded::{EncodedStep, EncodingError, Row, Writer, decode_head, decode_index, each_row};
use super::{Act, Inventory, Step, Storage, StorageError, Table};

/// A log in memory.
#[derive(Debug)]
pub struct MemoryStorage {
    // One lock over everything: a test engine has no reason to be clever.
    state: Mutex<State>,
    // Signalled when `held` becomes false.
    released: Condvar,
}

#[derive(Debug)]
struct State {
    head: TreeHead,
    entries: Vec<Vec<u8>>,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    leaves: HashMap<[u8; 32], u64>,
    fail_next: bool,
    flip_next: Option<usize>,
    held: bool,
}

impl State {
    fn put(&mut self, row: Row<'_>) -> Result<(), StorageError> {
        let bad = || StorageError::BadRecord { table: row.table, len: row.value.len() };
        match row.table {
            Table::Entry => self.entries.push(row.value.to_vec()),
            Table::Leaf => {
                let leaf = row.key.try_into().map_err(|_| bad())?;
                self.leaves.insert(leaf, decode_index(row.value)?.get());
            }
            Table::Tile => {
                let (level, index) = row.key.split_first().ok_or_else(bad)?;
                let index = u64::from_be_bytes(index.try_into().map_err(|_| bad())?);
                self.tiles.insert((*level, index), row.value.to_vec());
            }
            Table::Meta => self.head = decode_head(row.value)?,
        }
        Ok(())
    }
}

impl MemoryStorage {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            head: TreeHead::empty(),
            entries: Vec::new(),
            tiles: BTreeMap::new(),
            leaves: HashMap::new(),
            fail_next: false,
            flip_next: None,
            held: false,
        };
        Self { state: Mutex::new(state), released: Condvar::new() }
    }

    /// Makes the next append store the step *and* report a failure: the unknown outcome.
    pub fn fail_next_append(&self) {
        self.state().fail_next = true;
    }

    /// Flips the lowest bit of this byte of the next encoding that has so many.
    pub fn flip_in_next_encoding(&self, byte: usize) {
        self.state().flip_next = Some(byte);
    }

    /// Makes appends wait until [`MemoryStorage::release_appends`].
    pub fn hold_appends(&self) {
        self.state().held = true;
    }

    /// Lets waiting appends go on.
    pub fn release_appends(&self) {
        self.state().held = false;
        self.released.notify_all();
    }

    /// Flips the lowest bit of the first byte of a stored tile; says whether there was such a tile.
    pub fn damage_tile(&self, level: u8, index: u64) -> bool {
        match self.state().tiles.get_mut(&(level, index)).and_then(|tile| tile.first_mut()) {
            Some(byte) => {
                *byte ^= 1;
                true
            }
            None => false,
        }
    }

    /// Flips the lowest bit of the first byte of a stored entry; says whether there was such an entry.
    pub fn damage_entry(&self, index: usize) -> bool {
        match self.state().entries.get_mut(index).and_then(|entry| entry.first_mut()) {
            Some(byte) => {
                *byte ^= 1;
                true
            }
            None => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl Storage for MemoryStorage {
    fn head(&self) -> Result<TreeHead, StorageError> {
        Ok(self.state().head)
    }

    fn encode(&self, step: &Step) -> Result<EncodedStep, StorageError> {
        let mut writer = Writer::new();
        each_row(step, |table, key, value| {
            writer.put(table, key, value);
            Ok(())
        })?;
        let mut bytes = writer.finish();
        if let Some(byte) = self.state().flip_next.take().and_then(|at| bytes.get_mut(at)) {
            *byte ^= 1;
        }
        Ok(EncodedStep::new(*step.head_old(), bytes))
    }

    fn commit(&self, step: EncodedStep) -> Result<(), StorageError> {
        let mut state = self.state();
        while state.held {
            state = self.released.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.head != *step.head_old() {
            return Err(StorageError::HeadMoved {
                size_seen: state.head.size().get(),
                size_wanted: step.head_old().size().get(),
            });
        }
        let undecodable =
            |source: EncodingError| StorageError::Engine { act: Act::Write, source: source.into() };
        // All rows are read before the first is stored.
        let rows = step.rows().map_err(undecodable)?.collect::<Result<Vec<_>, _>>().map_err(undecodable)?;
        for row in rows {
            state.put(row)?;
        }
        if std::mem::take(&mut state.fail_next) {
            let source = std::io::Error::other("asked to fail by a test").into();
            return Err(StorageError::Engine { act: Act::Write, source });
        }
        Ok(())
    }

    fn tile(&self, coord: TileCoord) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.state().tiles.get(&(coord.level(), coord.index())).cloned())
    }

    fn entries(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StorageError> {
        let state = self.state();
        for index in range {
            let entry = usize::try_from(index).ok().and_then(|at| state.entries.get(at));
            let Some(entry) = entry else { return Err(StorageError::MissingEntry { index }) };
            visit(index, entry);
        }
        Ok(())
    }

    fn find(&self, leaves: &[LeafHash]) -> Result<Vec<Option<LeafIndex>>, StorageError> {
        let state = self.state();
        Ok(leaves
            .iter()
            .map(|leaf| state.leaves.get(leaf.hash().as_bytes()).and_then(|at| LeafIndex::new(*at).ok()))
            .collect())
    }

    fn inventory(&self) -> Result<Inventory, StorageError> {
        let state = self.state();
        Ok(Inventory::new(state.entries.len() as u64, state.tiles.len() as u64, state.leaves.len() as u64))
    }
}
