//! What a server does when it cannot know: it stops writing, or it ends. It never guesses.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use log_server::clock::{Clock, SettableClock};
use log_server::config::{Config, Mode};
use log_server::ledger::Ledger;
use log_server::opening::OpenLog;
use log_server::sequencer::SequencerError;
use log_server::serve::{Limits, ServeError};
use log_server::signing::LedgeredSigner;
use log_server::storage::memory::MemoryStorage;
use log_server::storage::{Act, EncodedStep, Inventory, Step, Storage, StorageError};
use merkle::{LeafHash, LeafIndex, TreeHead};
use tlog::tile::TileCoord;
use tlog::vkey::Vkey;

use crate::support::{ORIGIN, Server};

const SOUND: u8 = 0;
const PANIC_IN_COMMIT: u8 = 1;
const FAIL_IN_FIND: u8 = 2;
const FAIL_IN_ENTRIES: u8 = 3;
const FAIL_IN_TILE: u8 = 4;
const FLIP_AFTER_ENCODING: u8 = 5;

/// A sound storage that can be told to go wrong.
#[derive(Debug)]
struct Faulty {
    inner: MemoryStorage,
    fault: AtomicU8,
}

impl Faulty {
    fn fails(&self, fault: u8) -> Result<(), StorageError> {
        if self.fault.load(Ordering::Acquire) != fault {
            return Ok(());
        }
        let source = std::io::Error::other("asked to fail by a test").into();
        Err(StorageError::Engine { act: Act::Read, source })
    }
}

impl Storage for Faulty {
    fn head(&self) -> Result<TreeHead, StorageError> {
        self.inner.head()
    }

    fn encode(&self, step: &Step) -> Result<EncodedStep, StorageError> {
        let encoded = self.inner.encode(step)?;
        if self.fault.load(Ordering::Acquire) != FLIP_AFTER_ENCODING {
            return Ok(encoded);
        }
        let mut bytes = encoded.bytes().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        Ok(EncodedStep::new(*encoded.head_old(), bytes))
    }

    fn commit(&self, step: EncodedStep) -> Result<(), StorageError> {
        assert!(self.fault.load(Ordering::Acquire) != PANIC_IN_COMMIT, "asked to panic by a test");
        self.inner.commit(step)
    }

    fn tile(&self, coord: TileCoord) -> Result<Option<Vec<u8>>, StorageError> {
        self.fails(FAIL_IN_TILE)?;
        self.inner.tile(coord)
    }

    fn entries(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StorageError> {
        self.fails(FAIL_IN_ENTRIES)?;
        self.inner.entries(range, visit)
    }

    fn find(&self, leaves: &[LeafHash]) -> Result<Vec<Option<LeafIndex>>, StorageError> {
        self.fails(FAIL_IN_FIND)?;
        self.inner.find(leaves)
    }

    fn inventory(&self) -> Result<Inventory, StorageError> {
        self.inner.inventory()
    }
}

struct Case {
    _dir: tempfile::TempDir,
    storage: Arc<Faulty>,
    clock: Arc<SettableClock>,
    server: Server,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::from_bytes(&[1; 32]);
        let vkey = Vkey::ed25519(ORIGIN.parse().unwrap(), key.verifying_key().as_bytes()).unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), &vkey, 1_000).unwrap();
        let signer = LedgeredSigner::of_file(ORIGIN.parse().unwrap(), key, ledger).unwrap();
        let storage = Arc::new(Faulty { inner: MemoryStorage::new(), fault: AtomicU8::new(SOUND) });
        let clock = Arc::new(SettableClock::at(1_000));
        let log = OpenLog::over(
            Config::new(vkey, Mode::Conformance),
            Box::new(signer),
            Arc::clone(&storage) as Arc<dyn Storage>,
            Arc::clone(&clock) as Arc<dyn Clock>,
        );
        let server = Server::start(log.unwrap(), Limits::STANDARD);
        let case = Self { _dir: dir, storage, clock, server };
        assert_eq!(case.server.client().post("/add", "x/y", b"one").status, 200);
        case
    }

    /// Breaks something, sends an entry, and returns how the server ended. Nobody was told that it is in the log.
    fn ending(self, fault: u8, entry: &[u8]) -> ServeError {
        self.storage.fault.store(fault, Ordering::Release);
        if let Ok(response) = self.server.client().try_request("POST", "/add", &[], entry) {
            assert_eq!((response.status, response.problem().as_str()), (503, "outcome-unknown"));
        }
        self.server.join().unwrap_err()
    }
}

#[test]
fn a_panic_in_the_writer_ends_the_server() {
    let ended = Case::new().ending(PANIC_IN_COMMIT, b"two");
    assert!(matches!(ended, ServeError::SequencerLost { .. }), "{ended}");
}

#[test]
fn a_failed_look_into_the_duplicate_index_is_no_miss_and_ends_the_server() {
    let ended = Case::new().ending(FAIL_IN_FIND, b"one");
    assert!(
        matches!(&ended, ServeError::Sequencer { source, .. } if matches!(**source, SequencerError::Storage { .. })),
        "{ended}"
    );
}

#[test]
fn a_stored_entry_that_cannot_be_read_for_comparison_ends_the_server() {
    let ended = Case::new().ending(FAIL_IN_ENTRIES, b"one");
    assert!(
        matches!(&ended, ServeError::Sequencer { source, .. } if matches!(**source, SequencerError::Storage { .. })),
        "{ended}"
    );
}

#[test]
fn a_bit_that_flips_on_its_way_to_the_disk_ends_the_server_before_it_is_written() {
    let case = Case::new();
    let storage = Arc::clone(&case.storage);
    let ended = case.ending(FLIP_AFTER_ENCODING, b"two");
    assert!(
        matches!(&ended, ServeError::Sequencer { source, .. } if matches!(**source, SequencerError::SecondRoot { .. })),
        "{ended}"
    );
    assert_eq!(storage.inner.head().unwrap().size().get(), 1);
}

#[test]
fn the_writer_needs_no_tile_from_storage_to_go_on() {
    let case = Case::new();
    case.storage.fault.store(FAIL_IN_TILE, Ordering::Release);
    assert_eq!(case.server.client().post("/add", "x/y", b"two").status, 200);
    case.server.stop();
}

#[test]
fn while_the_clock_is_behind_nothing_is_written_and_everything_is_read() {
    let case = Case::new();
    case.clock.set_wall(970);
    let refused = case.server.client().post("/add", "x/y", b"two");
    assert_eq!((refused.status, refused.problem().as_str()), (503, "clock-behind"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=180).contains(&wait), "{wait}");
    let unready = case.server.get("/readyz");
    assert_eq!((unready.status, unready.problem().as_str()), (503, "clock-behind"));
    for path in ["/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/healthz"] {
        assert_eq!(case.server.get(path).status, 200, "{path}");
    }
    assert_eq!(case.storage.inner.head().unwrap().size().get(), 1);
    case.clock.advance(Duration::from_secs(30));
    // The same half minute passed on the clock of the writer's beat, which comes once a second of real time.
    let patience = std::time::Instant::now();
    while case.server.get("/readyz").status != 200 {
        assert!(patience.elapsed() < Duration::from_secs(20), "never ready again");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(case.server.client().post("/add", "x/y", b"two").text(), "1");
    case.server.stop();
}
