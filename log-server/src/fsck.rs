//! Reads a whole log offline and recomputes everything from its entries.
//!
//! From the entries come the leaf hashes, from these every tile, the duplicate index and the root at every size
//! the ledger remembers. Each is compared with what is stored; surplus records count as damage too. Nothing is
//! changed: the database is opened for reading only.
//!
//! Memory stays constant but for at most [`MAX_DAMAGES`] findings.

use std::collections::HashMap;
use std::path::Path;

use merkle::{Frontier, LeafHash, SizeError, TreeHead};
use thiserror::Error;
use tlog::tile::{RightEdge, TileWrite};

use crate::config::{Config, ConfigError};
pub use crate::damage::{Damage, MAX_DAMAGES};
use crate::data_dir::{DataDir, DataDirError};
use crate::ledger::{self, Heads, LedgerError};
use crate::sequencer::MAX_STEP_ENTRIES;
use crate::storage::rocks::RocksStorage;
use crate::storage::{Storage, StorageError, Table};

/// Entries taken in one go: one full tile.
const CHUNK: u64 = 256;

/// What was found.
#[derive(Debug)]
pub struct Report {
    origin: String,
    head: TreeHead,
    entries: u64,
    tiles: u64,
    heads: u64,
    torn_bytes: u64,
    damages: Vec<Damage>,
}

impl Report {
    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The stored head.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Entries read and hashed.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Tiles recomputed and compared.
    #[must_use]
    pub fn tiles(&self) -> u64 {
        self.tiles
    }

    /// Heads in the ledger, each recomputed.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Bytes of a torn last record in the ledger; not damage, the next start drops them.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Everything that is wrong, at most [`MAX_DAMAGES`].
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }
}

/// Checks the log in a directory. No other process may use it meanwhile. `progress` is told the entries done and the
/// entries there are, now and then.
///
/// # Errors
/// [`FsckError`] if the log could not be read to its end; damage that was found is in the [`Report`].
pub fn fsck(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, FsckError> {
    Config::read(&path.join("log.toml"))?;
    let dir = DataDir::lock(path)?;
    let config = Config::read(&dir.config())?;
    let storage = RocksStorage::open_read_only(&dir.database())?;
    let summary = ledger::read(&dir.ledger(), config.vkey(), &mut |_| {})?;
    let signed = ledger::heads(&dir.ledger(), config.vkey())?;
    let mut check = Check::new(&storage, summary.last().head().size().get(), signed)?;
    check.run(progress)?;
    Ok(Report {
        origin: config.origin().to_string(),
        head: check.head,
        entries: check.frontier.size().get(),
        tiles: check.tiles,
        heads: summary.heads(),
        torn_bytes: summary.torn_bytes(),
        damages: check.damages,
    })
}

/// One run over one log.
struct Check<'a> {
    storage: &'a dyn Storage,
    head: TreeHead,
    /// Last size in the ledger.
    size_signed: u64,
    signed: Heads,
    /// The next of these.
    next_signed: Option<TreeHead>,
    frontier: Frontier,
    edge: RightEdge,
    // The newest partial tile of each level: compared once, after the last entry.
    partial: HashMap<u8, TileWrite>,
    tiles: u64,
    damages: Vec<Damage>,
}

impl<'a> Check<'a> {
    fn new(storage: &'a dyn Storage, size_signed: u64, signed: Heads) -> Result<Self, LedgerError> {
        let mut check = Self {
            storage,
            head: TreeHead::empty(),
            size_signed,
            signed,
            next_signed: None,
            frontier: Frontier::new(),
            edge: RightEdge::new(),
            partial: HashMap::new(),
            tiles: 0,
            damages: Vec::new(),
        };
        check.advance()?;
        Ok(check)
    }

    fn advance(&mut self) -> Result<(), LedgerError> {
        self.next_signed = self.signed.next().transpose()?.map(|signed| *signed.head());
        Ok(())
    }

    fn run(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), FsckError> {
        self.head = self.storage.head()?;
        let size = self.head.size().get();
        if size.saturating_sub(self.size_signed) > MAX_STEP_ENTRIES as u64 {
            self.damages.push(Damage::LedgerBehind { size_signed: self.size_signed, size_stored: size });
        }
        self.compare_signed()?;
        let mut start = 0;
        while start < size && self.damages.len() < MAX_DAMAGES {
            let end = size.min(start + CHUNK);
            if !self.chunk(start, end)? {
                return Ok(());
            }
            start = end;
            progress(start, size);
        }
        if start < size {
            return Ok(());
        }
        for tile in std::mem::take(&mut self.partial).into_values() {
            self.compare_tile(&tile)?;
        }
        for root in [self.frontier.root(), self.edge.root()] {
            if root != self.head.root() {
                self.damages.push(Damage::RootDiffers { size, seen: root, wanted: self.head.root() });
                break;
            }
        }
        if let Some(ahead) = self.next_signed {
            self.damages.push(Damage::LedgerAhead { size_signed: ahead.size().get(), size_stored: size });
        }
        let stored = self.storage.inventory()?;
        for (table, seen, wanted) in [
            (Table::Entry, stored.entries(), size),
            (Table::Leaf, stored.leaves(), size),
            (Table::Tile, stored.tiles(), self.tiles),
        ] {
            if seen != wanted {
                self.damages.push(Damage::Surplus { table, seen, wanted });
            }
        }
        Ok(())
    }

    /// Takes the entries `start..end`; false if one is missing.
    fn chunk(&mut self, start: u64, end: u64) -> Result<bool, FsckError> {
        let mut leaves = Vec::new();
        let walked = self.storage.entries(start..end, &mut |_, entry| leaves.push(LeafHash::of(entry)));
        if let Err(StorageError::MissingEntry { index }) = walked {
            self.damages.push(Damage::EntryMissing { index });
            return Ok(false);
        }
        walked?;
        for (index, found) in (start..end).zip(self.storage.find(&leaves)?) {
            let found = found.map(|found| found.get());
            if found != Some(index) {
                self.damages.push(Damage::LeafMisfiled { index, found });
            }
        }
        for leaf in &leaves {
            self.frontier.append(*leaf)?;
            self.compare_signed()?;
        }
        for tile in self.edge.append(&leaves)? {
            if tile.width().is_full() {
                self.partial.remove(&tile.coord().level());
                self.compare_tile(&tile)?;
            } else {
                self.partial.insert(tile.coord().level(), tile);
            }
        }
        Ok(true)
    }

    /// Compares the tree so far with the ledger's head of that size, if it has one.
    fn compare_signed(&mut self) -> Result<(), LedgerError> {
        let Some(signed) = self.next_signed.filter(|signed| signed.size() == self.frontier.size()) else {
            return Ok(());
        };
        let (size, seen, wanted) = (signed.size().get(), self.frontier.root(), signed.root());
        if seen != wanted {
            self.damages.push(Damage::LedgerHeadDiffers { size, seen, wanted });
        }
        self.advance()
    }

    fn compare_tile(&mut self, wanted: &TileWrite) -> Result<(), FsckError> {
        self.tiles += 1;
        let (level, index) = (wanted.coord().level(), wanted.coord().index());
        match self.storage.tile(wanted.coord())? {
            None => self.damages.push(Damage::TileMissing { level, index }),
            Some(seen) if seen != wanted.bytes() => {
                let same = seen.iter().zip(wanted.bytes()).take_while(|(seen, wanted)| seen == wanted);
                self.damages.push(Damage::TileDiffers { level, index, hash: same.count() / 32 });
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// Why a log could not be checked to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FsckError {
    /// `log.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The ledger cannot be used, or is damaged itself.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The stored size is impossible.
    #[error("the stored tree has an impossible size")]
    Size(#[from] SizeError),
    /// The database could not be read; RocksDB's own checksums may have refused a block.
    #[error("the database cannot be read")]
    Storage(#[from] StorageError),
}

impl FsckError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DataDir(DataDirError::InUse { .. }) => {
                Some("stop the server first; fsck reads a log at rest")
            }
            Self::Ledger(_) => Some("bring back the newest copy of the ledger; never delete it"),
            _ => None,
        }
    }

    /// Whether this is damage (exit 1) or a log that could not be read (exit 5).
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Config(error) => !matches!(error, ConfigError::Io { .. }),
            Self::DataDir(error) => !matches!(error, DataDirError::Io { .. }),
            Self::Ledger(error) => !matches!(error, LedgerError::Io { .. }),
            Self::Size(_) => true,
            Self::Storage(error) => !matches!(error, StorageError::Engine { .. }),
        }
    }
}
