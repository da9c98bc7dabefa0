//! The embedded engine: one RocksDB with four column families.
//!
//! ```text
//! family   key                                       value
//! entry    u64 BE index                              the entry as submitted
//! tile     u8 level ‖ u64 BE index within the level  32-byte hashes so far, 1..=256 of them
//! leaf     32-byte leaf hash                         index, big-endian, without zeros in front
//! meta     "head"                                    u64 BE size ‖ 32-byte root
//! ```
//!
//! Durability rests on three rules. Every write is one [`WriteBatch`] with `sync = true`, and this module
//! owns the only handle, so a write without it cannot be written elsewhere. The write-ahead log is never
//! switched off or recycled. Recovery stays in RocksDB's default mode, which after a damaged log record opens
//! with a *prefix* of what was written and no error: that a prefix is too short is found by the signing
//! ledger ([`crate::ledger`]), not here. Before each opening, `record_log` refuses what the engine would read for ever.
//!
//! Confession: the binding exposes `track_and_verify_wals_in_manifest` but not the newer
//! `track_and_verify_wals`. The ledger covers what the newer option would add.

use std::ops::Range;
use std::path::Path;

use merkle::{LeafHash, LeafIndex, TreeHead};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBRecoveryMode, Direction,
    IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};
use tlog::tile::TileCoord;

use super::encoded::{EncodedStep, HEAD_KEY, decode_head, decode_index, each_row, encode_head};
use super::record_log::{RecordLogError, refuse_recycled};
use super::{Act, Inventory, Step, Storage, StorageError, Table};

const ENTRY: &str = "entry";
const TILE: &str = "tile";
const LEAF: &str = "leaf";
const META: &str = "meta";
/// Files RocksDB may keep open. With 512 connections this stays below the usual soft limit
/// of 1,024; [`crate::descriptors`] refuses what does not fit.
pub const MAX_OPEN_FILES: u16 = 256;
/// Files that a second look at the database may keep open.
const FRESH_OPEN_FILES: i32 = 32;
/// RocksDB's own log files that are kept; one is begun at each start.
const INFO_LOGS: usize = 10;
/// Bytes after which an info log is ended and another begun.
const INFO_LOG_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of write-ahead log that a start may have to replay. Without this the `meta` family, which never fills its
/// buffer, holds back up to 2 GiB.
const WAL_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes in memory tables before one is written out, over all families: the larger part of the server's memory.
const WRITE_BUFFERS_BYTES: usize = 160 * 1024 * 1024;
/// Bytes of blocks kept in memory, shared by all families.
const CACHE_BYTES: usize = 96 * 1024 * 1024;
/// Block of entries and of tiles, bytes. Their keys are in order, so the index of blocks is all that grows with the log
/// and stays in memory: some 40 bytes for this much.
const WIDE_BLOCK_BYTES: usize = 16 * 1024;
/// Block of what is looked up at random places.
const NARROW_BLOCK_BYTES: usize = 4 * 1024;
/// A table is sent to the disk in pieces of this size while it is written, bytes. All at once at its end, it would stand
/// before the next sync of a step.
const TABLE_SYNC_BYTES: u64 = 1024 * 1024;
/// Bits per key in the filter of the leaf table: about 1 % of new leaves cost a needless look.
const FILTER_BITS_PER_KEY: f64 = 10.0;
/// Filter of the leaves that are still in memory, as a part of their table: some 16 bits for each. Nearly every leaf that is
/// looked for is new, and without it each look descends a list of half a million.
const MEMORY_FILTER_PART: f64 = 0.02;

/// A log in RocksDB. One process at a time; the caller holds the lock of the data directory.
#[derive(Debug)]
pub struct RocksStorage {
    db: DB,
    /// A checkpoint of such a database leaves out what lies in its write-ahead log only, so none is made.
    read_only: bool,
}

impl RocksStorage {
    /// Creates a database for an empty tree.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if the directory already holds a database or cannot be written.
    pub fn create(dir: &Path) -> Result<Self, StorageError> {
        let mut options = database_options();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_error_if_exists(true);
        let storage = Self::open_with(&options, dir)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(storage.family(META)?, HEAD_KEY, encode_head(&TreeHead::empty()));
        storage.write(batch)?;
        Ok(storage)
    }

    /// Opens the database of a log that was initialised before.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if there is none or it does not open.
    pub fn open(dir: &Path) -> Result<Self, StorageError> {
        Self::open_with(&database_options(), dir)
    }

    /// Opens the database for reading only; nothing in it changes, not even by recovery.
    ///
    /// # Errors
    /// As [`RocksStorage::open`].
    pub fn open_read_only(dir: &Path) -> Result<Self, StorageError> {
        Self::read_only_with(&database_options(), dir)
    }

    fn read_only_with(options: &Options, dir: &Path) -> Result<Self, StorageError> {
        look_before(dir)?;
        let db = DB::open_cf_descriptors_read_only(options, dir, families(), false)
            .map_err(|source| engine(Act::Open, source))?;
        Ok(Self { db, read_only: true })
    }

    fn open_with(options: &Options, dir: &Path) -> Result<Self, StorageError> {
        look_before(dir)?;
        let db =
            DB::open_cf_descriptors(options, dir, families()).map_err(|source| engine(Act::Open, source))?;
        let storage = Self { db, read_only: false };
        storage.compare_family_numbers()?;
        Ok(storage)
    }

    /// The encoded form names families by number; [`super::encoded`] fixes which is which.
    fn compare_family_numbers(&self) -> Result<(), StorageError> {
        for table in [Table::Entry, Table::Tile, Table::Leaf, Table::Meta] {
            let mut batch = WriteBatch::default();
            batch.put_cf(self.family(name(table))?, b"k", b"v");
            let probe = EncodedStep::new(TreeHead::empty(), batch.data().to_vec());
            let row = probe.rows().ok().and_then(|mut rows| rows.next()).and_then(Result::ok);
            if row.map(|row| row.table) != Some(table) {
                let source = std::io::Error::other(format!("column family {table} has another number"));
                return Err(StorageError::Engine { act: Act::Open, source: source.into() });
            }
        }
        Ok(())
    }

    fn family(&self, name: &'static str) -> Result<&ColumnFamily, StorageError> {
        let source = || std::io::Error::new(std::io::ErrorKind::NotFound, format!("column family {name}"));
        let missing = || StorageError::Engine { act: Act::Open, source: source().into() };
        self.db.cf_handle(name).ok_or_else(missing)
    }

    /// The one place that writes. Returns after the write-ahead log has been synced.
    fn write(&self, batch: WriteBatch) -> Result<(), StorageError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        options.disable_wal(false);
        self.db.write_opt(batch, &options).map_err(|source| engine(Act::Write, source))
    }

    fn count(&self, family: &'static str) -> Result<u64, StorageError> {
        let mut iter = self.db.raw_iterator_cf_opt(self.family(family)?, walk_options());
        let mut count = 0;
        iter.seek_to_first();
        while iter.valid() {
            count += 1;
            iter.next();
        }
        iter.status().map_err(|source| engine(Act::Walk, source))?;
        Ok(count)
    }
}

impl Storage for RocksStorage {
    fn head(&self) -> Result<TreeHead, StorageError> {
        let stored = self
            .db
            .get_pinned_cf(self.family(META)?, HEAD_KEY)
            .map_err(|source| engine(Act::Read, source))?;
        decode_head(&stored.ok_or(StorageError::MissingHead)?)
    }

    fn encode(&self, step: &Step) -> Result<EncodedStep, StorageError> {
        let mut batch = WriteBatch::default();
        each_row(step, |table, key, value| {
            batch.put_cf(self.family(name(table))?, key, value);
            Ok::<_, StorageError>(())
        })?;
        Ok(EncodedStep::new(*step.head_old(), batch.data().to_vec()))
    }

    fn commit(&self, step: EncodedStep) -> Result<(), StorageError> {
        let head = self.head()?;
        if head != *step.head_old() {
            return Err(StorageError::HeadMoved {
                size_seen: head.size().get(),
                size_wanted: step.head_old().size().get(),
            });
        }
        let batch = WriteBatch::from_data(step.bytes());
        // The copy the engine takes must be the bytes that were looked at.
        if batch.data() != step.bytes() {
            let source = std::io::Error::other("the batch changed while it was copied").into();
            return Err(StorageError::Engine { act: Act::Write, source });
        }
        self.write(batch)
    }

    fn tile(&self, coord: TileCoord) -> Result<Option<Vec<u8>>, StorageError> {
        let tile = self.db.get_cf(self.family(TILE)?, tile_key(coord));
        tile.map_err(|source| engine(Act::Read, source))
    }

    fn entries(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StorageError> {
        let start = range.start.to_be_bytes();
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(range.end.to_be_bytes());
        let mode = IteratorMode::From(&start, Direction::Forward);
        let mut stored = self.db.iterator_cf_opt(self.family(ENTRY)?, options, mode);
        for index in range {
            let Some(record) = stored.next() else { return Err(StorageError::MissingEntry { index }) };
            let (key, entry) = record.map_err(|source| engine(Act::Walk, source))?;
            if *key != index.to_be_bytes() {
                return Err(StorageError::MissingEntry { index });
            }
            visit(index, &entry);
        }
        Ok(())
    }

    fn find(&self, leaves: &[LeafHash]) -> Result<Vec<Option<LeafIndex>>, StorageError> {
        let keys: Vec<[u8; 32]> = leaves.iter().map(|leaf| leaf.hash().to_bytes()).collect();
        self.db
            .batched_multi_get_cf(self.family(LEAF)?, &keys, false)
            .into_iter()
            .map(|found| match found.map_err(|source| engine(Act::Read, source))? {
                Some(value) => decode_index(&value).map(Some),
                None => Ok(None),
            })
            .collect()
    }

    fn copy_to(&self, dir: &Path) -> Result<(), StorageError> {
        if self.read_only {
            let source = std::io::Error::other("the database is open for reading only");
            return Err(StorageError::Engine { act: Act::Copy, source: source.into() });
        }
        let checkpoint = Checkpoint::new(&self.db).map_err(|source| engine(Act::Copy, source))?;
        checkpoint.create_checkpoint(dir).map_err(|source| engine(Act::Copy, source))
    }

    fn fresh(&self, dir: &Path) -> Result<Box<dyn Storage>, StorageError> {
        // Nothing changes in it, so it can be opened where it is.
        let dir = if self.read_only { self.db.path() } else { dir };
        if !self.read_only {
            self.copy_to(dir)?;
        }
        let mut options = database_options();
        options.set_max_open_files(FRESH_OPEN_FILES);
        options.set_use_direct_reads(true);
        Ok(Box::new(Self::read_only_with(&options, dir)?))
    }

    fn inventory(&self) -> Result<Inventory, StorageError> {
        Ok(Inventory::new(self.count(ENTRY)?, self.count(TILE)?, self.count(LEAF)?))
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_recycle_log_file_num(0);
    options.set_max_open_files(i32::from(MAX_OPEN_FILES));
    options.set_keep_log_file_num(INFO_LOGS);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_bytes_per_sync(TABLE_SYNC_BYTES);
    options
}

fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    let family = |name, block_bytes, filter: bool| {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&cache);
        table.set_block_size(block_bytes);
        if filter {
            table.set_bloom_filter(FILTER_BITS_PER_KEY, false);
        }
        let mut options = Options::default();
        if filter {
            options.set_memtable_prefix_bloom_ratio(MEMORY_FILTER_PART);
            options.set_memtable_whole_key_filtering(true);
        }
        options.set_block_based_table_factory(&table);
        ColumnFamilyDescriptor::new(name, options)
    };
    vec![
        family(ENTRY, WIDE_BLOCK_BYTES, false),
        family(TILE, WIDE_BLOCK_BYTES, false),
        family(LEAF, NARROW_BLOCK_BYTES, true),
        family(META, NARROW_BLOCK_BYTES, false),
    ]
}

/// A walk over everything must not push the readers' blocks out of the cache.
fn walk_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options
}

/// The engine opens nothing that this has not seen.
fn look_before(dir: &Path) -> Result<(), StorageError> {
    refuse_recycled(dir).map_err(|error| match error {
        RecordLogError::Recycled(record) => StorageError::Corrupt { act: Act::Open, source: record.into() },
        RecordLogError::Read { .. } => StorageError::Engine { act: Act::Open, source: error.into() },
    })
}

fn engine(act: Act, source: rocksdb::Error) -> StorageError {
    match source.kind() {
        rocksdb::ErrorKind::Corruption => StorageError::Corrupt { act, source: source.into() },
        _ => StorageError::Engine { act, source: source.into() },
    }
}

fn name(table: Table) -> &'static str {
    match table {
        Table::Entry => ENTRY,
        Table::Tile => TILE,
        Table::Leaf => LEAF,
        Table::Meta => META,
    }
}

fn tile_key(coord: TileCoord) -> [u8; 9] {
    let mut key = [0; 9];
    key[0] = coord.level();
    key[1..].copy_from_slice(&coord.index().to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::NewEntry;
    use merkle::Frontier;
    use rocksdb::statistics::Ticker;
    use tlog::tile::RightEdge;

    #[test]
    fn every_append_waits_for_one_sync_of_the_write_ahead_log() {
        let dir = tempfile::tempdir().unwrap();
        drop(RocksStorage::create(&dir.path().join("db")).unwrap());
        let mut options = database_options();
        options.enable_statistics();
        let storage = RocksStorage::open_with(&options, &dir.path().join("db")).unwrap();
        let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
        for number in 0..5_u8 {
            let (head_old, leaf) = (frontier.head(), LeafHash::of(&[number]));
            frontier.append(leaf).unwrap();
            let tiles = edge.append(&[leaf]).unwrap();
            let entry = NewEntry::new(leaf, vec![number]);
            let before = options.get_ticker_count(Ticker::WalFileSynced);
            storage.append(&Step::new(head_old, frontier.head(), vec![entry], tiles).unwrap()).unwrap();
            assert_eq!(options.get_ticker_count(Ticker::WalFileSynced), before + 1);
        }
    }

    #[test]
    fn a_database_opened_for_reading_is_read_again_where_it_is_with_all_that_its_write_ahead_log_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let storage = RocksStorage::create(&path).unwrap();
        let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
        let (head_old, leaf) = (frontier.head(), LeafHash::of(b"entry"));
        frontier.append(leaf).unwrap();
        let tiles = edge.append(&[leaf]).unwrap();
        let entry = NewEntry::new(leaf, b"entry".to_vec());
        storage.append(&Step::new(head_old, frontier.head(), vec![entry], tiles).unwrap()).unwrap();
        drop(storage);
        let storage = RocksStorage::open_read_only(&path).unwrap();
        let copy = dir.path().join("copy");
        assert!(matches!(storage.copy_to(&copy), Err(StorageError::Engine { act: Act::Copy, .. })));
        let mut seen = Vec::new();
        storage.fresh(&copy).unwrap().entries(0..1, &mut |_, entry| seen.push(entry.to_vec())).unwrap();
        assert_eq!(seen, [b"entry"]);
        assert!(!copy.exists());
    }

    /// Bit 2 of a record's type turns 1, a whole record, into 5; RocksDB never comes back from that.
    #[test]
    fn a_flipped_type_in_manifest_or_write_ahead_log_is_damage_and_not_an_opening_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let storage = RocksStorage::create(&path).unwrap();
        let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
        for number in 0..3_u8 {
            let (head_old, leaf) = (frontier.head(), LeafHash::of(&[number]));
            frontier.append(leaf).unwrap();
            let tiles = edge.append(&[leaf]).unwrap();
            let entry = NewEntry::new(leaf, vec![number]);
            storage.append(&Step::new(head_old, frontier.head(), vec![entry], tiles).unwrap()).unwrap();
        }
        drop(storage);
        let manifest = std::fs::read_to_string(path.join("CURRENT")).unwrap();
        let logs = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().path());
        let written =
            |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "log");
        let write_ahead = logs.filter(written).max_by_key(|log| log.metadata().unwrap().len()).unwrap();
        for log in [path.join(manifest.trim_end()), write_ahead] {
            let whole = std::fs::read(&log).unwrap();
            let second = 7 + usize::from(u16::from_le_bytes([whole[4], whole[5]]));
            let mut flipped = whole.clone();
            assert_eq!(flipped[second + 6], 1);
            flipped[second + 6] ^= 4;
            std::fs::write(&log, flipped).unwrap();
            for opened in [RocksStorage::open_read_only(&path), RocksStorage::open(&path)] {
                let Err(StorageError::Corrupt { act: Act::Open, source }) = opened else { panic!("opened") };
                assert!(source.to_string().contains(&format!("at byte {second} a record of type 5")));
            }
            std::fs::write(&log, whole).unwrap();
        }
        RocksStorage::open(&path).unwrap();
    }

    /// What RocksDB itself wrote down about how it was opened.
    fn options_in_force(dir: &Path) -> String {
        let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
        let newest = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("OPTIONS-"));
        std::fs::read_to_string(newest.max().unwrap()).unwrap()
    }

    #[test]
    fn what_durability_rests_on_is_in_force_however_the_database_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        drop(RocksStorage::create(&path).unwrap());
        for _ in 0..2 {
            drop(RocksStorage::open(&path).unwrap());
            let options = options_in_force(&path);
            for wanted in [
                "paranoid_checks=true",
                "track_and_verify_wals_in_manifest=true",
                "recycle_log_file_num=0",
                "wal_recovery_mode=kPointInTimeRecovery",
                "manual_wal_flush=false",
                "unordered_write=false",
                "allow_mmap_writes=false",
                "use_fsync=false",
            ] {
                assert!(options.lines().any(|line| line.trim() == wanted), "{wanted} is not in force");
            }
            // A file of options in the directory is RocksDB's diary; nobody reads it back to configure anything.
            for file in std::fs::read_dir(&path).unwrap() {
                let file = file.unwrap().path();
                if file.file_name().unwrap().to_str().unwrap().starts_with("OPTIONS-") {
                    std::fs::write(&file, options.replace("paranoid_checks=true", "paranoid_checks=false"))
                        .unwrap();
                }
            }
        }
    }
}
