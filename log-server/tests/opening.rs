//! A log whose parts do not hold together does not start, and `fsck` says where it is damaged.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use attest::key::Algorithm;

use crate::support::{Client, LogDir, Signer};
use log_server::config::{Config, Mode};
use log_server::data_dir::DataDirError;
use log_server::fsck::{Damage, FsckError, fsck};
use log_server::key_file::{self, AtRest};
use log_server::ledger::{Ledger, LedgerError, RECORD_BYTES};
use log_server::opening::{Class, OpenLog, OpeningError};
use log_server::sequencer::MAX_STEP_ENTRIES;
use log_server::storage::memory::MemoryStorage;
use log_server::storage::{NewEntry, Step, Storage as _, StorageError, Table};
use merkle::{Frontier, LeafHash, TreeHead};
use tlog::tile::RightEdge;
use tlog::vkey::Vkey;

/// A log of `count` raw entries, closed again.
fn log_of(count: usize) -> LogDir {
    let log = LogDir::new(Mode::Conformance);
    add(&log, "entry", count);
    log
}

fn add(log: &LogDir, word: &str, count: usize) {
    let server = log.serve();
    let addr = server.addr;
    // Several clients, so that the disk is not waited for once per entry.
    std::thread::scope(|scope| {
        for part in 0..8 {
            scope.spawn(move || {
                let mut client = Client::connect(addr);
                for number in (part..count).step_by(8) {
                    let entry = format!("{word} {number}");
                    assert_eq!(client.post("/add", "x/y", entry.as_bytes()).status, 200);
                }
            });
        }
    });
    server.stop();
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn replace_dir(dir: &Path, by: &Path) {
    fs::remove_dir_all(dir).unwrap();
    copy_dir(by, dir);
}

/// Changes the database behind the log's back.
fn edit(log: &LogDir, change: impl FnOnce(&rocksdb::DB)) {
    let families = ["entry", "tile", "leaf", "meta"];
    let db = rocksdb::DB::open_cf(&rocksdb::Options::default(), log.path().join("db"), families).unwrap();
    change(&db);
}

fn flip(db: &rocksdb::DB, family: &str, key: &[u8], byte: usize) {
    let family = db.cf_handle(family).unwrap();
    let mut value = db.get_cf(family, key).unwrap().unwrap();
    value[byte] ^= 1;
    db.put_cf(family, key, value).unwrap();
}

fn tile_key(level: u8, index: u64) -> Vec<u8> {
    [&[level][..], &index.to_be_bytes()].concat()
}

fn damages(log: &LogDir) -> Vec<Damage> {
    fsck(&log.path(), &mut |_, _| {}).unwrap().damages().to_vec()
}

#[test]
fn a_sound_log_opens_and_has_no_damage() {
    for count in [0, 1, 255, 256, 257, 700] {
        let log = log_of(count);
        let report = fsck(&log.path(), &mut |_, _| {}).unwrap();
        assert_eq!(report.damages(), [], "{count} entries");
        assert_eq!((report.entries(), report.head().size().get()), (count as u64, count as u64));
        assert!(report.heads() >= 1);
        assert_eq!(log.open().unwrap().head(), report.head());
    }
}

#[test]
fn every_head_of_every_segment_of_the_ledger_is_checked() {
    let log = log_of(3);
    let (path, vkey) = (log.path().join("ledger"), log.vkey().clone());
    // The same heads once more, two records to a segment.
    let mut heads = Vec::new();
    log_server::ledger::read(&path, &vkey, &mut |head| heads.push(head)).unwrap();
    add(&log, "later", 1);
    log_server::ledger::read(&path, &vkey, &mut |head| heads.push(head)).unwrap();
    fs::remove_file(&path).unwrap();
    let mut ledger = Ledger::create(&path, &vkey, 0).unwrap();
    ledger.set_segment_records(2);
    for head in heads.into_iter().filter(|head| head.head().size().get() > 0) {
        // The first list is the beginning of the second.
        let _ = ledger.append(head.head(), head.time());
    }
    drop(ledger);
    assert!(log_server::ledger::segment_path(&path, 0).exists());
    let report = fsck(&log.path(), &mut |_, _| {}).unwrap();
    assert_eq!((report.damages(), report.head().size().get()), (&[][..], 4));
    log.open().unwrap();
    fs::remove_file(log_server::ledger::segment_path(&path, 0)).unwrap();
    assert!(matches!(
        fsck(&log.path(), &mut |_, _| {}).unwrap_err(),
        FsckError::Ledger(LedgerError::Io { .. })
    ));
}

#[test]
fn a_database_behind_the_ledger_is_refused() {
    let log = log_of(5);
    let old = log.scratch().join("old");
    copy_dir(&log.path().join("db"), &old);
    add(&log, "later", 5);
    replace_dir(&log.path().join("db"), &old);
    let refused = log.open().unwrap_err();
    assert!(matches!(refused, OpeningError::BehindLedger { size_seen: 5, size_signed: 10 }), "{refused}");
    assert_eq!(refused.class(), Class::Refused);
    assert!(refused.hint().unwrap().contains("Never delete the ledger"));
    assert!(matches!(damages(&log)[..], [Damage::LedgerAhead { size_stored: 5, .. }]));
}

#[test]
fn a_database_of_another_history_is_refused() {
    let log = log_of(5);
    let (start, other) = (log.scratch().join("start"), log.scratch().join("other"));
    copy_dir(&log.path().join("db"), &start);
    let ledger = fs::read(log.path().join("ledger")).unwrap();
    add(&log, "other", 7);
    copy_dir(&log.path().join("db"), &other);
    replace_dir(&log.path().join("db"), &start);
    fs::write(log.path().join("ledger"), ledger).unwrap();
    add(&log, "mine", 5);
    replace_dir(&log.path().join("db"), &other);
    let refused = log.open().unwrap_err();
    assert!(matches!(refused, OpeningError::LedgerForked { size: 10, .. }), "{refused}");
    assert!(damages(&log).iter().any(|damage| damage.code() == "ledger-head-differs"));
}

#[test]
fn a_head_that_was_written_but_not_yet_signed_is_taken_up() {
    let log = log_of(5);
    let ledger = fs::read(log.path().join("ledger")).unwrap();
    add(&log, "later", 1);
    fs::write(log.path().join("ledger"), &ledger).unwrap();
    assert_eq!(log.open().unwrap().head().size().get(), 6);
    assert_eq!(fs::read(log.path().join("ledger")).unwrap().len(), ledger.len() + RECORD_BYTES);
    assert_eq!(damages(&log), []);
}

#[test]
fn a_head_more_than_one_step_beyond_the_ledger_is_refused() {
    for (size, opens) in [(MAX_STEP_ENTRIES, true), (MAX_STEP_ENTRIES + 1, false)] {
        let dir = tempfile::tempdir().unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let vkey = Vkey::ed25519("log.test/1".parse().unwrap(), key.verifying_key().as_bytes()).unwrap();
        let storage = MemoryStorage::new();
        let (mut frontier, mut entries) = (Frontier::new(), Vec::new());
        for number in 0..size {
            let bytes = number.to_be_bytes().to_vec();
            frontier.append(LeafHash::of(&bytes)).unwrap();
            entries.push(NewEntry::new(LeafHash::of(&bytes), bytes));
        }
        let leaves: Vec<_> = entries.iter().map(|entry| *entry.leaf()).collect();
        let tiles = RightEdge::new().append(&leaves).unwrap();
        storage.append(&Step::new(TreeHead::empty(), frontier.head(), entries, tiles).unwrap()).unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), &vkey, 0).unwrap();
        let opened = OpenLog::assemble(Config::new(vkey, Mode::Service), key, Arc::new(storage), ledger);
        match opened {
            Ok(_) => assert!(opens),
            Err(OpeningError::LedgerBehind { size_seen: 1025, size_signed: 0 }) => assert!(!opens),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn an_old_copy_of_the_ledger_is_refused_and_found() {
    let log = log_of(MAX_STEP_ENTRIES + 1);
    let ledger = fs::read(log.path().join("ledger")).unwrap();
    fs::write(log.path().join("ledger"), &ledger[..RECORD_BYTES]).unwrap();
    let error = log.open().unwrap_err();
    assert!(matches!(error, OpeningError::LedgerBehind { size_seen: 1025, size_signed: 0 }), "{error}");
    assert_eq!(error.class(), Class::Refused);
    assert_eq!(damages(&log), [Damage::LedgerBehind { size_signed: 0, size_stored: 1025 }]);
}

#[test]
fn a_damaged_entry_of_the_last_bundle_is_refused() {
    let log = log_of(300);
    edit(&log, |db| flip(db, "entry", &256_u64.to_be_bytes(), 0));
    assert!(matches!(log.open().unwrap_err(), OpeningError::EntryDiffers { index: 256 }));
    edit(&log, |db| db.delete_cf(db.cf_handle("entry").unwrap(), 299_u64.to_be_bytes()).unwrap());
    let error = log.open().unwrap_err();
    assert!(matches!(&error, OpeningError::Storage(StorageError::MissingEntry { index: 299 })), "{error:?}");
    assert_eq!(error.class(), Class::Refused);
}

#[test]
fn a_torn_ledger_record_is_dropped_and_a_damaged_one_refused() {
    let log = log_of(5);
    let path = log.path().join("ledger");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], &[1; 30]].concat()).unwrap();
    let report = fsck(&log.path(), &mut |_, _| {}).unwrap();
    assert_eq!((report.torn_bytes(), report.damages()), (30, &[][..]));
    log.open().unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    fs::write(&path, flipped).unwrap();
    let refused = log.open().unwrap_err();
    assert!(matches!(refused, OpeningError::Ledger(LedgerError::ChainBroken { offset: 0, .. })));
    let refused = fsck(&log.path(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(refused, FsckError::Ledger(LedgerError::ChainBroken { .. })) && refused.is_damage());
    fs::remove_file(&path).unwrap();
    assert!(matches!(log.open().unwrap_err(), OpeningError::Ledger(LedgerError::Io { .. })));
}

#[test]
fn a_flipped_bit_in_a_tile_of_the_right_edge_is_refused_and_found() {
    for (level, index) in [(0, 1), (1, 0)] {
        let log = log_of(300);
        edit(&log, |db| flip(db, "tile", &tile_key(level, index), 0));
        let refused = log.open().unwrap_err();
        assert!(matches!(refused, OpeningError::RootDiffers { size: 300, .. }), "{refused}");
        assert_eq!(damages(&log), [Damage::TileDiffers { level, index, hash: 0 }]);
    }
}

#[test]
fn a_flipped_bit_in_a_full_tile_is_found() {
    let log = log_of(300);
    edit(&log, |db| flip(db, "tile", &tile_key(0, 0), 100 * 32 + 5));
    assert_eq!(damages(&log), [Damage::TileDiffers { level: 0, index: 0, hash: 100 }]);
}

#[test]
fn a_missing_or_short_tile_is_refused_and_found() {
    let log = log_of(300);
    edit(&log, |db| db.delete_cf(db.cf_handle("tile").unwrap(), tile_key(0, 1)).unwrap());
    assert!(matches!(log.open().unwrap_err(), OpeningError::TileMissing { level: 0, index: 1 }));
    assert!(damages(&log).contains(&Damage::TileMissing { level: 0, index: 1 }));
    let log = log_of(300);
    edit(&log, |db| db.put_cf(db.cf_handle("tile").unwrap(), tile_key(0, 1), [0; 31]).unwrap());
    assert!(matches!(log.open().unwrap_err(), OpeningError::EdgeUnusable { size: 300 }));
    assert_eq!(damages(&log), [Damage::TileDiffers { level: 0, index: 1, hash: 0 }]);
}

#[test]
fn a_changed_entry_is_found() {
    let log = log_of(300);
    edit(&log, |db| flip(db, "entry", &7u64.to_be_bytes(), 0));
    let found = damages(&log);
    assert!(found.contains(&Damage::LeafMisfiled { index: 7, found: None }), "{found:?}");
    assert!(found.contains(&Damage::TileDiffers { level: 0, index: 0, hash: 7 }));
    assert!(found.contains(&Damage::TileDiffers { level: 1, index: 0, hash: 0 }));
    assert!(found.iter().any(|damage| damage.code() == "root-differs"));
    assert!(found.iter().any(|damage| damage.code() == "ledger-head-differs"));
}

#[test]
fn a_missing_entry_is_found() {
    let log = log_of(300);
    edit(&log, |db| db.delete_cf(db.cf_handle("entry").unwrap(), 7u64.to_be_bytes()).unwrap());
    assert_eq!(damages(&log), [Damage::EntryMissing { index: 7 }]);
}

#[test]
fn a_wrong_or_missing_index_of_a_leaf_is_found() {
    let log = log_of(3);
    let mut leaf = Vec::new();
    edit(&log, |db| {
        let entry = db.get_cf(db.cf_handle("entry").unwrap(), 1u64.to_be_bytes()).unwrap().unwrap();
        leaf = LeafHash::of(&entry).hash().to_bytes().to_vec();
        db.put_cf(db.cf_handle("leaf").unwrap(), &leaf, [2]).unwrap();
    });
    assert_eq!(damages(&log), [Damage::LeafMisfiled { index: 1, found: Some(2) }]);
    edit(&log, |db| db.delete_cf(db.cf_handle("leaf").unwrap(), &leaf).unwrap());
    let surplus = Damage::Surplus { table: Table::Leaf, seen: 2, wanted: 3 };
    assert_eq!(damages(&log), [Damage::LeafMisfiled { index: 1, found: None }, surplus]);
}

#[test]
fn surplus_records_are_found() {
    let log = log_of(3);
    edit(&log, |db| {
        db.put_cf(db.cf_handle("entry").unwrap(), 3u64.to_be_bytes(), b"extra").unwrap();
        db.put_cf(db.cf_handle("leaf").unwrap(), [1; 32], [3]).unwrap();
        db.put_cf(db.cf_handle("tile").unwrap(), tile_key(1, 0), [1; 32]).unwrap();
    });
    let surplus = |table, seen, wanted| Damage::Surplus { table, seen, wanted };
    assert_eq!(
        damages(&log),
        [surplus(Table::Entry, 4, 3), surplus(Table::Leaf, 4, 3), surplus(Table::Tile, 2, 1)]
    );
}

#[test]
fn a_changed_head_is_refused_and_found() {
    let log = log_of(3);
    edit(&log, |db| flip(db, "meta", b"head", 39));
    assert!(matches!(log.open().unwrap_err(), OpeningError::RootDiffers { size: 3, .. }));
    assert_eq!(damages(&log)[0].code(), "root-differs");
}

#[test]
fn the_key_of_another_log_is_refused() {
    let log = log_of(1);
    let key = log.path().join("key.pem");
    fs::remove_file(&key).unwrap();
    key_file::create(&key, &key_file::generate().unwrap(), &AtRest::Plain).unwrap();
    let refused = log.open().unwrap_err();
    assert!(matches!(&refused, OpeningError::KeyDiffers { seen, wanted } if seen != wanted), "{refused}");
}

#[test]
fn a_directory_in_use_is_refused() {
    let log = log_of(1);
    let server = log.serve();
    let refused = log.open().unwrap_err();
    assert!(matches!(refused, OpeningError::DataDir(DataDirError::InUse { .. })), "{refused}");
    assert!(matches!(fsck(&log.path(), &mut |_, _| {}), Err(FsckError::DataDir(DataDirError::InUse { .. }))));
    server.stop();
    log.open().unwrap();
}

#[test]
fn fsck_changes_nothing_in_the_database() {
    let log = log_of(20);
    let db = log.path().join("db");
    let listing = || {
        let mut files: Vec<_> = fs::read_dir(&db)
            .unwrap()
            .map(|file| file.unwrap())
            .filter(|file| !file.file_name().to_string_lossy().starts_with("LOG"))
            .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = listing();
    assert_eq!(damages(&log), []);
    assert_eq!(listing(), before);
}

#[test]
fn a_published_tile_that_is_gone_is_an_error_and_never_not_found() {
    let log = log_of(300);
    edit(&log, |db| {
        db.delete_cf(db.cf_handle("tile").unwrap(), tile_key(0, 0)).unwrap();
        db.delete_cf(db.cf_handle("entry").unwrap(), 7u64.to_be_bytes()).unwrap();
    });
    let server = log.serve();
    for path in ["/tile/0/000", "/tile/entries/000", "/tile/entries/000.p/8"] {
        let response = server.get(path);
        assert_eq!((response.status, response.problem().as_str()), (500, "storage-failed"), "{path}");
    }
    assert_eq!(server.get("/tile/entries/000.p/7").status, 200);
    server.stop();
}

#[test]
fn a_duplicate_over_damaged_tiles_is_an_error_and_gets_no_proof() {
    let log = LogDir::new(Mode::Conformance);
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let server = log.serve();
    assert_eq!(server.client().submit(&entry).status, 201);
    server.stop();
    add(&log, "later", 300);
    edit(&log, |db| flip(db, "tile", &tile_key(0, 0), 32 + 9));
    let server = log.serve();
    let response = server.client().submit(&entry);
    assert_eq!((response.status, response.problem().as_str()), (500, "internal"));
    server.stop();
}
