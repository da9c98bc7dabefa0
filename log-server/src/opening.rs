//! Opening a log: nothing is signed until the stored tail has been proven against itself and against the ledger.
//!
//! 1. Take the lock of the directory; read `log.toml`, the key, the database's head and the ledger.
//! 2. The key must be the one that `log.toml` names.
//! 3. The head must not be behind the ledger: a shorter database has lost what was signed.
//! 4. The root recomputed from the right edge of the tiles must be the stored root.
//! 5. The entries of the last bundle must hash to the last tile of level 0.
//! 6. The root recomputed from the tiles at the ledger's last size must be the ledger's last root.
//! 7. If the head is ahead of the ledger by at most one step (a crash between write and ledger), it is added to
//!    the ledger. Nobody was told of it, and it extends what was signed. More than one step cannot come from a
//!    crash, because no step begins before the one before it is in the ledger: the ledger lost records.
//!
//! Anything else refuses, because a log that signs two trees which do not extend each other is finished.
//!
//! Confession: a ledger that lost its newest records is taken for a crash if the database holds no more than
//! one step of entries beyond it. Full tiles and entries away from the right edge are not read here, a start would take minutes on a large log.
//! `tallymark-log fsck` reads everything.

use std::io;
#[cfg(feature = "rocksdb")]
use std::path::Path;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use merkle::subtree::{Subtree, range_hash};
use merkle::{Hash, LeafHash, NodeId, TreeHead, TreeSize};
use thiserror::Error;
use tlog::tile::{RightEdge, RightEdgeError, TileCoord};

use crate::admission::Candidate;
use crate::care::{Care, Keepers};
use crate::clock::{Clock, SystemClock, Timekeeper};
use crate::config::{Config, ConfigError};
use crate::data_dir::{DataDir, DataDirError};
#[cfg(feature = "rocksdb")]
use crate::gate::Closed;
use crate::gate::Gate;
#[cfg(feature = "rocksdb")]
use crate::hold::Hold;
use crate::hold::HoldError;
use crate::key_file::KeyFileError;
#[cfg(feature = "rocksdb")]
use crate::key_file::{self, Passphrase};
use crate::ledger::{Ledger, LedgerError};
use crate::metrics::{LogMetrics, Metrics};
use crate::proof::{ProveError, RecentTiles, TILE_HASHES, consistency, stored_node};
use crate::publisher::{Publication, Publisher};
use crate::pulse::Pulse;
use crate::second_root::{SecondRootError, SecondTree};
use crate::sequencer::{MAX_STEP_ENTRIES, Parts, Queue, Sequencer, SequencerError};
#[cfg(feature = "rocksdb")]
use crate::signing::HeadKey;
#[cfg(feature = "rocksdb")]
use crate::signing::file::FileKey;
#[cfg(feature = "rocksdb")]
use crate::signing::ml_dsa::TwoKeys;
use crate::signing::{HeadSigner, KeyError, LedgeredSigner, SigningError};
use crate::status::desk::Desk;
use crate::storage::{Storage, StorageError};
use crate::tile_source::stored::StoredSource;

/// A log that may sign: its tail is proven and its newest checkpoint is ready.
#[derive(Debug)]
pub struct OpenLog {
    config: Config,
    parts: Parts,
    // Keeps other processes out until the log is dropped. `None` for a log in memory.
    dir: Option<DataDir>,
    care: Care,
}

impl OpenLog {
    /// Opens the log in a directory.
    ///
    /// A log that is held ([`crate::hold`]) opens with its gate closed and shows the tree of the last head in its ledger;
    /// so does one on a full disk, whose database is opened for reading only.
    ///
    /// # Errors
    /// [`OpeningError`], see its variants. Nothing was signed then, and nothing changed but a torn last record
    /// of the ledger.
    #[cfg(feature = "rocksdb")]
    pub fn open(
        path: &Path,
        passphrase: impl Fn() -> Result<Passphrase, KeyFileError>,
    ) -> Result<Self, OpeningError> {
        // Before the lock: a mistyped path must not gain a lock file.
        Config::read(&path.join("log.toml"))?;
        let dir = DataDir::lock(path)?;
        let config = Config::read(&dir.config())?;
        let gate = match Hold::read(dir.path())? {
            Some(hold) => {
                tracing::warn!(reason = ?hold.reason(), detail = hold.detail(), "the log is held and takes nothing");
                Gate::closed(hold.reason().into())
            }
            None => Gate::open(),
        };
        if let Err(error) = crate::disk::make_room(dir.path()) {
            tracing::warn!(%error, "the ballast could not be given up");
        }
        let storage = match crate::storage::rocks::RocksStorage::open(&dir.database()) {
            Err(StorageError::Engine { source, .. }) if crate::disk::is_full(dir.path()) => {
                tracing::error!(error = %source, "the disk is full, the log is opened for reading only");
                gate.close(Closed::ReadOnly);
                crate::storage::rocks::RocksStorage::open_read_only(&dir.database())?
            }
            opened => opened?,
        };
        let ledger = Ledger::open(&dir.ledger(), config.vkey(), &mut |_| {})?;
        let key: Box<dyn HeadKey> = match config.key_place().open(config.vkey().public_key())? {
            Some(key) => key,
            None => Box::new(FileKey::new(key_file::read(&dir.key(), &passphrase)?)),
        };
        let signer: Box<dyn HeadSigner> =
            Box::new(LedgeredSigner::new(config.origin().clone(), key, ledger)?);
        let signer = match crate::signing::ml_dsa::read(&dir.ml_dsa_key(), &passphrase)? {
            Some(second) => Box::new(TwoKeys::new(signer, second)),
            None => signer,
        };
        let clock = Arc::new(SystemClock::new());
        let mut log = Self::behind(gate, config, signer, Arc::new(storage), clock)?;
        log.dir = Some(dir);
        Ok(log)
    }

    /// Opens a log over parts that are open already, with its key in memory and the machine's clock.
    ///
    /// # Errors
    /// As [`OpenLog::open`].
    pub fn assemble(
        config: Config,
        key: SigningKey,
        storage: Arc<dyn Storage>,
        ledger: Ledger,
    ) -> Result<Self, OpeningError> {
        let signer = LedgeredSigner::of_file(config.origin().clone(), key, ledger)?;
        Self::over(config, Box::new(signer), storage, Arc::new(SystemClock::new()))
    }

    /// Opens a log over any signer, storage and clock.
    ///
    /// If the clock stands before the last signed time, the log opens all the same and writes only later; a head that a
    /// crash left out of the ledger is then noted with the last signed time.
    ///
    /// # Errors
    /// As [`OpenLog::open`].
    pub fn over(
        config: Config,
        signer: Box<dyn HeadSigner>,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpeningError> {
        Self::behind(Gate::open(), config, signer, storage, clock)
    }

    /// As [`OpenLog::over`], behind a gate that may be closed: then nothing is signed but, once more, the last head that
    /// was signed before, which gives the same bytes again.
    fn behind(
        gate: Gate,
        config: Config,
        mut signer: Box<dyn HeadSigner>,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpeningError> {
        if signer.vkey() != config.vkey() {
            let (seen, wanted) = (signer.vkey().to_string(), config.vkey().to_string());
            return Err(OpeningError::KeyDiffers { seen, wanted });
        }
        let (head, last) = (storage.head()?, *signer.last());
        let (edge, second) = prove_tail(storage.as_ref(), &head, last.head())?;
        // A step that a crash left unsigned stays so behind a closed gate.
        let shown = if gate.check().is_ok() { head } else { *last.head() };
        let recent = RecentTiles::right_edge(shown.size(), storage.as_ref())?;
        let proof = consistency(last.head().size(), shown.size(), &recent, storage.as_ref())?;
        let time = clock.wall().as_secs().max(last.time());
        let checkpoint = signer.sign(&shown, &proof, time)?;
        let pulse = Arc::new(Pulse::new(Arc::clone(&clock)));
        let time = Arc::new(Timekeeper::new(clock, signer.last().time()));
        let metrics = Metrics::new().of_log(&config.origin().to_string());
        metrics.size(shown.size().get());
        let publication = Publication::new(shown, checkpoint.as_bytes().to_vec(), recent);
        let publisher = Arc::new(Publisher::new(publication));
        let gate = Arc::new(gate);
        let desk = Arc::new(Desk::new());
        let parts =
            Parts { storage, edge, second, head, signer, time, gate, pulse, publisher, metrics, desk };
        Ok(Self { config, parts, dir: None, care: Care::NONE })
    }

    /// What the log is.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How it is to be looked after while it is served; not at all unless said.
    pub fn set_care(&mut self, care: Care) {
        self.care = care;
    }

    /// The head it will start from.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.parts.head
    }

    /// The log's published tree as files.
    #[must_use]
    pub fn tile_source(&self) -> StoredSource {
        StoredSource::new(Arc::clone(&self.parts.storage), self.parts.publisher.current())
    }

    /// Counts into the page of a process from now on, instead of into one of its own that nobody sees.
    #[must_use]
    pub fn counted_by(mut self, metrics: &Metrics) -> Self {
        self.parts.metrics = metrics.of_log(&self.config.origin().to_string());
        self.parts.metrics.size(self.parts.head.size().get());
        self
    }

    /// The writer, the queue that feeds it, and where it publishes: for simulations, which serve nobody and have no thread.
    #[must_use]
    pub fn into_writer(self, queue_capacity: usize) -> (Sequencer, Queue, Arc<Publisher>) {
        let publisher = Arc::clone(&self.parts.publisher);
        let (sequencer, queue) = Sequencer::new(self.parts, queue_capacity);
        (sequencer, queue, publisher)
    }

    /// Adds admitted entries while the log is not in service, in the steps the sequencer makes; returns how many were new.
    ///
    /// # Errors
    /// [`SequencerError`]. The outcome of the last step is then unknown and the process must end.
    pub fn append(&mut self, candidates: Vec<Candidate>) -> Result<u64, SequencerError> {
        self.parts.append(candidates)
    }

    /// Takes the log apart for service: the writer, the queue that feeds it, and what readers need.
    ///
    /// # Errors
    /// What the system says if the threads that look after the log do not start.
    pub fn into_service(self, queue_capacity: usize) -> io::Result<Service> {
        let storage = Arc::clone(&self.parts.storage);
        let publisher = Arc::clone(&self.parts.publisher);
        let metrics = self.parts.metrics.clone();
        let desk = Arc::clone(&self.parts.desk);
        let (sequencer, queue) = Sequencer::new(self.parts, queue_capacity);
        let dir = Keepers::start(self.care, self.dir, queue.gate(), &storage, &publisher)?;
        Ok(Service { config: self.config, sequencer, queue, storage, publisher, metrics, dir, desk })
    }
}

/// An open log, apart.
#[derive(Debug)]
pub struct Service {
    pub(crate) config: Config,
    pub(crate) sequencer: Sequencer,
    pub(crate) queue: Queue,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) metrics: LogMetrics,
    /// Looks after the log, and keeps others out, until it is dropped.
    pub(crate) dir: Keepers,
    /// Where its statuses are signed.
    pub(crate) desk: Arc<Desk>,
}

/// Proves the stored head from the tiles and against the last signed head; returns the two states that go on
/// from it.
fn prove_tail(
    storage: &dyn Storage,
    head: &TreeHead,
    signed: &TreeHead,
) -> Result<(RightEdge, SecondTree), OpeningError> {
    if head.size() < signed.size() {
        let (size_seen, size_signed) = (head.size().get(), signed.size().get());
        return Err(OpeningError::BehindLedger { size_seen, size_signed });
    }
    let surplus = head.size().get() - signed.size().get();
    if surplus > MAX_STEP_ENTRIES as u64 {
        let (size_seen, size_signed) = (head.size().get(), signed.size().get());
        return Err(OpeningError::LedgerBehind { size_seen, size_signed });
    }
    let edge = RightEdge::from_tiles(head.size(), |coord, width| {
        let stored = storage.tile(coord)?;
        let mut bytes =
            stored.ok_or(OpeningError::TileMissing { level: coord.level(), index: coord.index() })?;
        bytes.truncate(width.byte_len());
        Ok::<_, OpeningError>(bytes)
    });
    let edge = match edge {
        Ok(edge) => edge,
        Err(RightEdgeError::Read { source, .. }) => return Err(source),
        Err(_) => return Err(OpeningError::EdgeUnusable { size: head.size().get() }),
    };
    let second = SecondTree::from_tiles(head.size(), |level, index| match TileCoord::new(level, index) {
        Ok(coord) => storage.tile(coord),
        Err(_) => Ok(None),
    })?;
    for root in [edge.root(), second.root()] {
        if root != head.root() {
            return Err(OpeningError::RootDiffers {
                size: head.size().get(),
                seen: root,
                wanted: head.root(),
            });
        }
    }
    prove_last_bundle(storage, head.size())?;
    let root_signed = root_at(signed.size(), storage)?;
    if root_signed != signed.root() {
        return Err(OpeningError::LedgerForked {
            size: signed.size().get(),
            seen: root_signed,
            wanted: signed.root(),
        });
    }
    Ok((edge, second))
}

/// Hashes the entries of the last bundle and compares them with the last tile of level 0.
fn prove_last_bundle(storage: &dyn Storage, size: TreeSize) -> Result<(), OpeningError> {
    let Some(last) = size.get().checked_sub(1) else { return Ok(()) };
    let start = last - last % TILE_HASHES;
    let mut leaves = Vec::new();
    storage.entries(start..size.get(), &mut |_, entry| leaves.push(LeafHash::of(entry)))?;
    for (index, leaf) in (start..).zip(leaves) {
        let id = NodeId::new(0, index).map_err(|_| OpeningError::EdgeUnusable { size: size.get() })?;
        if stored_node(id, storage)? != leaf.hash() {
            return Err(OpeningError::EntryDiffers { index });
        }
    }
    Ok(())
}

/// Proves the stored head from the tiles and against the last signed head.
///
/// # Errors
/// As [`OpenLog::open`].
#[cfg(feature = "rocksdb")]
pub(crate) fn prove(storage: &dyn Storage, head: &TreeHead, signed: &TreeHead) -> Result<(), OpeningError> {
    prove_tail(storage, head, signed).map(drop)
}

pub(crate) fn root_at(size: TreeSize, storage: &dyn Storage) -> Result<Hash, ProveError> {
    range_hash(Subtree::whole(size), |id| stored_node(id, storage))
}

/// Who is to blame when a log does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "programs branch on exactly these two")]
pub enum Class {
    /// What is stored does not hold together, or another process has it.
    Refused,
    /// Something could not be read or written.
    Unavailable,
}

/// Why a log does not open.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The database holds less than what was signed: records were lost, or an old copy was put back.
    #[error("the database holds {size_seen} entries, the ledger says that {size_signed} were signed for")]
    BehindLedger {
        /// Size in the database.
        size_seen: u64,
        /// Last size in the ledger.
        size_signed: u64,
    },
    /// `log.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// An entry does not hash to what its tile says.
    #[error("entry {index} is not the one that the tile above it was made from")]
    EntryDiffers {
        /// Its index.
        index: u64,
    },
    /// The tiles of the right edge do not have the form they must have.
    #[error("the tiles at the right edge of the tree of size {size} do not have the right form")]
    EdgeUnusable {
        /// Size in the database.
        size: u64,
    },
    /// The key in the key file is not the log's.
    #[error("the key file holds the key of {seen}, log.toml names {wanted}")]
    KeyDiffers {
        /// vkey of the key file.
        seen: String,
        /// vkey in `log.toml`.
        wanted: String,
    },
    /// The key cannot be reached, or is another one.
    #[error("the log's key cannot be used")]
    Key(#[from] KeyError),
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger holds less than what was signed: records were lost, or an old copy was put back.
    #[error(
        "the ledger ends at size {size_signed}, the database holds {size_seen} entries, more than one step beyond"
    )]
    LedgerBehind {
        /// Size in the database.
        size_seen: u64,
        /// Last size in the ledger.
        size_signed: u64,
    },
    /// The database holds another tree than the one that was signed.
    #[error("root at size {size} is {seen} by the tiles, the ledger says that {wanted} was signed")]
    LedgerForked {
        /// Last size in the ledger.
        size: u64,
        /// Root from the tiles.
        seen: Hash,
        /// Root in the ledger.
        wanted: Hash,
    },
    /// A node of the tree cannot be read from the tiles.
    #[error("the stored tree cannot be read")]
    Node(#[from] ProveError),
    /// The stored root is not that of the stored tiles.
    #[error("root at size {size} is {seen} by the tiles, the stored head says {wanted}")]
    RootDiffers {
        /// Size in the database.
        size: u64,
        /// Root from the tiles.
        seen: Hash,
        /// Root in the head.
        wanted: Hash,
    },
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Storage(#[from] StorageError),
    /// It cannot be said whether the log is held.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The tiles of the right edge cannot be gone on from.
    #[error("the right edge cannot be read a second time")]
    SecondRoot(#[from] SecondRootError),
    /// The head was not signed.
    #[error("the stored head was not signed")]
    Signing(#[from] SigningError),
    /// A tile at the right edge is not stored.
    #[error("tile {index} of level {level} is not stored")]
    TileMissing {
        /// Tile level.
        level: u8,
        /// Index within the level.
        index: u64,
    },
}

impl OpeningError {
    /// Whether the log refuses or could not be read.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::BehindLedger { .. }
            | Self::EdgeUnusable { .. }
            | Self::EntryDiffers { .. }
            | Self::LedgerBehind { .. }
            | Self::KeyDiffers { .. }
            | Self::LedgerForked { .. }
            | Self::RootDiffers { .. }
            | Self::TileMissing { .. } => Class::Refused,
            Self::Config(ConfigError::Io { .. })
            | Self::DataDir(DataDirError::Io { .. })
            | Self::KeyFile(KeyFileError::Io { .. } | KeyFileError::NoPassphrase { .. })
            | Self::Ledger(LedgerError::Io { .. }) => Class::Unavailable,
            Self::Hold(HoldError::Io { .. }) => Class::Unavailable,
            Self::Hold(_) => Class::Refused,
            Self::Config(_) | Self::DataDir(_) | Self::KeyFile(_) | Self::Ledger(_) => Class::Refused,
            Self::Node(ProveError::Storage { source }) | Self::Storage(source) => match source {
                StorageError::Engine { .. } => Class::Unavailable,
                _ => Class::Refused,
            },
            Self::Key(error) | Self::Signing(SigningError::Key { source: error }) if !error.is_refusal() => {
                Class::Unavailable
            }
            Self::Signing(SigningError::Ledger { source: LedgerError::Io { .. } }) => Class::Unavailable,
            Self::SecondRoot(SecondRootError::Storage { source: StorageError::Engine { .. } }) => {
                Class::Unavailable
            }
            Self::Key(_) | Self::Node(_) | Self::SecondRoot(_) | Self::Signing(_) => Class::Refused,
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::BehindLedger { .. } => Some(
                "the database lost records or an older copy was put back; bring back the newest copy of the \
                 directory. Never delete the ledger to get past this: the log would sign a second history. \
                 `tallymark-log fsck DIR` shows what is left",
            ),
            Self::LedgerForked { .. } => Some(
                "the database and the ledger belong to different histories; bring back the pair that belongs \
                 together. Do not start this log before that",
            ),
            Self::RootDiffers { .. }
            | Self::TileMissing { .. }
            | Self::EdgeUnusable { .. }
            | Self::SecondRoot(_)
            | Self::Node(_) => Some("the stored tiles are damaged; `tallymark-log fsck DIR` says where"),
            Self::EntryDiffers { .. } => {
                Some("a stored entry is damaged; `tallymark-log fsck DIR` says which")
            }
            Self::LedgerBehind { .. } => Some(
                "an old copy of the ledger was put back, or it lost records; bring back the newest copy of the \
                 directory",
            ),
            Self::Key(KeyError::Elsewhere { .. })
            | Self::Signing(SigningError::Key {
                source: KeyError::Elsewhere { .. } | KeyError::Refused { .. },
            }) => Some(
                "one of the two ledgers is an old copy or belongs to another history; bring back the newest copy of that \
                 directory. Never delete a ledger to get past this",
            ),
            Self::Key(_) | Self::Signing(SigningError::Key { .. }) => Some(
                "the [signer] table of log.toml says where the key is; start its agent, token or process first",
            ),
            Self::KeyDiffers { .. } => Some("put the log's own key.pem back"),
            Self::Ledger(
                LedgerError::ChainBroken { .. } | LedgerError::BadHead { .. } | LedgerError::NotRising { .. },
            ) => Some("the ledger was damaged or belongs to another log; bring back its newest copy"),
            Self::Ledger(LedgerError::Io { .. } | LedgerError::Empty { .. }) => {
                Some("without its ledger a log cannot know what it signed; bring back the newest copy")
            }
            Self::KeyFile(KeyFileError::Permissions { .. }) => Some("chmod 600 the key file"),
            Self::KeyFile(KeyFileError::NoPassphrase { .. }) => {
                Some("give --passphrase-file FILE or set TALLYMARK_LOG_PASSPHRASE")
            }
            Self::DataDir(DataDirError::InUse { .. }) => {
                Some("one process at a time may use a log; stop the other one first")
            }
            Self::Config(ConfigError::NotALog { .. }) => {
                Some("`tallymark-log init DIR --origin NAME` makes a new log")
            }
            _ => None,
        }
    }
}
