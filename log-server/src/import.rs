//! A new directory for a log from its tiles: the way from another machine, engine or implementation.
//!
//! Origin and key stay what they are, so this moves a log and does not make another. Entry bundles are read
//! ([`crate::tile_source`]), tiles and duplicate index are computed from them, and the root must be the one that the log
//! has signed; only then does the directory become a log, by its `log.toml`. Nothing is taken over from the tiles of the
//! source, and nothing is signed: the log is held like a restored one ([`crate::hold`]), because whoever reads a log from
//! outside cannot know that it is still signing elsewhere.
//!
//! The ledger begins with the head that was imported. The key is not imported; its owner puts it there.

use std::collections::HashSet;
use std::path::Path;

use merkle::{Frontier, HeadError, LeafHash, SizeError, TreeHead};
use thiserror::Error;
use tlog::entry_bundle::EntryBundle;
use tlog::tile::RightEdge;
use tlog::vkey::Vkey;

use crate::admission::Admission;
use crate::audit::{self, AuditError};
use crate::config::{Config, ConfigError, Mode};
use crate::damage::Damage;
use crate::data_dir::{DataDir, DataDirError};
use crate::hold::{Hold, HoldError, Reason};
use crate::ledger::{Ledger, LedgerError};
use crate::storage::rocks::RocksStorage;
use crate::storage::{NewEntry, Step, Storage, StorageError};
use crate::tile_source::{self, SourceError, TileSource};

/// Entries written in one synced step. Nothing waits for an answer here, so steps are larger than the sequencer's.
const STEP_ENTRIES: usize = 16 * 1024;
/// A step takes no further bundle once it holds this many bytes.
const STEP_BYTES: usize = 32 * 1024 * 1024;

/// Makes a log in a new directory from the newest signed tree of a source. `progress` is told the entries done and the
/// entries there are.
///
/// In mode [`Mode::Service`] every entry must be a signed one, as if it had been submitted.
///
/// # Errors
/// [`ImportError`]. What lies in `to` then is no log and can be removed.
pub fn import(
    source: &dyn TileSource,
    vkey: &Vkey,
    mode: Mode,
    threads: usize,
    to: &Path,
    time: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<TreeHead, ImportError> {
    let head = *audit::signed_head(source, vkey, None)?.head();
    let dir = DataDir::create(to)?;
    let detail = format!("imported at size {}", head.size().get());
    Hold::new(Reason::Restored, detail).write(dir.path())?;
    let storage = RocksStorage::create(&dir.database())?;
    let mut growth = Growth::new(&storage);
    tile_source::walk_bundles(source, head.size(), threads, &mut |index, width, bytes| {
        let missing = || ImportError::Damaged(Damage::BundleMissing { index: index.get() });
        let bytes = bytes.ok_or_else(missing)?;
        let bundle = EntryBundle::parse(&bytes, width)
            .map_err(|fault| ImportError::Damaged(Damage::BundleUnusable { index: index.get(), fault }))?;
        for (index, entry) in (index.first_leaf()..).zip(bundle.entries()) {
            if mode == Mode::Service && Admission::new(mode).admit_signed(entry.to_vec()).is_err() {
                return Err(ImportError::Damaged(Damage::EntryBad { index }));
            }
            growth.push(entry)?;
        }
        progress(growth.seen(), head.size().get());
        Ok::<_, ImportError>(true)
    })?;
    let seen = growth.finish()?;
    if seen != head {
        let (size, seen, wanted) = (head.size().get(), seen.root(), head.root());
        return Err(ImportError::Damaged(Damage::RootDiffers { size, seen, wanted }));
    }
    drop(storage);
    let config = Config::new(vkey.clone(), mode);
    let mut ledger = Ledger::create(&dir.ledger(), vkey, time)?;
    if head != TreeHead::empty() {
        ledger.append(&head, time)?;
    }
    dir.sync()?;
    config.create(&dir.config())?;
    dir.sync()?;
    Ok(head)
}

/// A store that grows by large steps, for whoever makes a log in one go and answers to nobody meanwhile.
pub struct Growth<'a> {
    storage: &'a dyn Storage,
    edge: RightEdge,
    /// The second way to the root.
    frontier: Frontier,
    head: TreeHead,
    entries: Vec<NewEntry>,
    leaves: HashSet<[u8; 32]>,
    bytes: usize,
}

impl<'a> Growth<'a> {
    /// Over an empty store.
    #[must_use]
    pub fn new(storage: &'a dyn Storage) -> Self {
        Self {
            storage,
            edge: RightEdge::new(),
            frontier: Frontier::new(),
            head: TreeHead::empty(),
            entries: Vec::new(),
            leaves: HashSet::new(),
            bytes: 0,
        }
    }

    /// Entries taken so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.head.size().get() + self.entries.len() as u64
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`ImportError::Duplicate`] if it was taken before: a log of ours has no entry twice. What storage says.
    pub fn push(&mut self, entry: &[u8]) -> Result<(), ImportError> {
        let leaf = LeafHash::of(entry);
        if !self.leaves.insert(leaf.hash().to_bytes()) {
            return Err(ImportError::Duplicate { index: self.seen() });
        }
        self.bytes += entry.len();
        self.entries.push(NewEntry::new(leaf, entry.to_vec()));
        if self.entries.len() >= STEP_ENTRIES || self.bytes >= STEP_BYTES { self.step() } else { Ok(()) }
    }

    /// Writes what is left and tells the head.
    ///
    /// # Errors
    /// As [`Growth::push`]; [`ImportError::RootsDisagree`] for a fault of the program or the machine.
    pub fn finish(mut self) -> Result<TreeHead, ImportError> {
        self.step()?;
        if self.frontier.head() != self.head {
            return Err(ImportError::RootsDisagree);
        }
        Ok(self.head)
    }

    fn step(&mut self) -> Result<(), ImportError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let leaves: Vec<LeafHash> = self.entries.iter().map(|entry| *entry.leaf()).collect();
        let found = self.storage.find(&leaves)?;
        if let Some(at) = found.iter().position(Option::is_some) {
            return Err(ImportError::Duplicate { index: self.head.size().get() + at as u64 });
        }
        for entry in &self.entries {
            self.frontier.append(LeafHash::of(entry.bytes()))?;
        }
        let tiles = self.edge.append(&leaves)?;
        let head = TreeHead::new(self.edge.size(), self.edge.root())?;
        let step = Step::new(self.head, head, std::mem::take(&mut self.entries), tiles)?;
        self.storage.append(&step)?;
        (self.head, self.bytes) = (head, 0);
        self.leaves.clear();
        Ok(())
    }
}

/// Why a log was not imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// `log.toml` could not be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The source does not hold what it signed.
    #[error("the source is damaged: {0}")]
    Damaged(Damage),
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The source has an entry twice.
    #[error("entry {index} was there before; a log of this program has no entry twice")]
    Duplicate {
        /// Index of the second one.
        index: u64,
    },
    /// The tree has an impossible head.
    #[error("the tree has an impossible head")]
    Head(#[from] HeadError),
    /// The hold could not be written.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The ledger could not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Two ways to compute the root gave two roots.
    #[error("the root by tiles is not the root by entries")]
    RootsDisagree,
    /// The tree has an impossible size.
    #[error("the tree has an impossible size")]
    Size(#[from] SizeError),
    /// The source could not be read, or its checkpoint is not its own.
    #[error(transparent)]
    Source(#[from] AuditError),
    /// The database could not be written.
    #[error("the database could not be written")]
    Storage(#[from] StorageError),
}

impl From<SourceError> for ImportError {
    fn from(source: SourceError) -> Self {
        Self::Source(source.into())
    }
}

impl ImportError {
    /// Whether the source is to blame, or what lies at the destination, not the way to them.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Damaged(_)
            | Self::Duplicate { .. }
            | Self::RootsDisagree
            | Self::Size(_)
            | Self::Head(_) => true,
            Self::DataDir(error) => !matches!(error, DataDirError::Io { .. }),
            Self::Source(source) => source.is_damage(),
            Self::Config(_) | Self::Hold(_) | Self::Ledger(_) | Self::Storage(_) => false,
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged(Damage::EntryBad { .. }) => {
                Some("a log that takes any bytes is imported with --conformance")
            }
            Self::Damaged(_) => Some("`tallymark-log fsck --url URL --vkey VKEY` says what else is damaged"),
            Self::DataDir(DataDirError::NotEmpty { .. }) => Some("name a directory that does not exist yet"),
            Self::Source(source) => source.hint(),
            _ => None,
        }
    }
}
