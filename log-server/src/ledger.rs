//! The signing ledger: a small append-only file that remembers every tree head this log has signed.
//!
//! It lies outside the database on purpose. A database that silently lost its newest records, an old backup
//! put back, or a restored disk image all look healthy from inside; beside the ledger they are *behind*, and a
//! log that is behind what it signed must not sign again.
//!
//! ```text
//! record, 80 bytes, one per signed head, oldest first:
//!   u64 BE tree size ‖ 32-byte root ‖ u64 BE POSIX seconds ‖ 32-byte chain
//!   chain = SHA-256(previous chain ‖ the 48 bytes before it)
//!   previous chain of the first record = SHA-256("tallymark-ledger/v1\n" ‖ vkey ‖ "\n")
//!
//! header, 80 bytes, before the first record of every segment but the first:
//!   u64 BE 2^63 + segment number ‖ 32-byte chain before the next record ‖ 8 zero bytes
//!   ‖ SHA-256("tallymark-ledger-segment/v1\n" ‖ vkey ‖ "\n" ‖ the 48 bytes before it)
//! ```
//!
//! The first record is the empty tree, written by `init`. Sizes rise strictly. The chain ties every record to
//! all before it and to the log's key, so a record cannot be changed, removed or taken from another log
//! without the next one refusing.
//!
//! A start must not become slower with age. After [`SEGMENT_RECORDS`] records the file is put aside as `ledger.000000`,
//! `ledger.000001`, …, and a new `ledger` begins with a header and the last record once more, chain and all. A start reads
//! `ledger` alone, at most 5.3 MB; [`heads`] and `fsck` read all of it.
//!
//! What the system is asked for, in order:
//!
//! ```text
//! append   write 80 bytes; fdatasync
//! rotate   open ledger.next; write 160 bytes; fsync; link ledger ledger.000000; fsync the directory;
//!          rename ledger.next ledger; fsync the directory                    (once in 65,536 appends, before the append)
//! open     open; read; pwrite the last record again; fsync
//! ```
//!
//! The sad path: if any of these fails, the ledger is not used again by this process. A crash between link and rename
//! leaves one file under two names; the next rotation sees that and goes on. One before the link leaves a `ledger.next`
//! that the next rotation writes over. A file system without hard links cannot rotate, and the log stops there.
//!
//! A crash during an append leaves a short last record, or (after a power cut) one of zero bytes. Only these
//! two are dropped, because only they cannot have been published: [`Ledger::append`] returns after
//! the file is synced, and nothing is published before it returns. Everything else refuses.
//!
//! In scope: the file. Out of scope: comparing it with the database, which is [`crate::opening`]'s job.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use merkle::TreeHead;
use thiserror::Error;
use tlog::vkey::Vkey;

pub use records::segment_path;
use records::{Header, Last, Records, chained, genesis};

mod records;

/// Bytes of one record.
pub const RECORD_BYTES: usize = 80;
/// Bytes of a record that the chain covers.
const BODY_BYTES: usize = 48;
/// Records after which a new segment begins.
pub const SEGMENT_RECORDS: u64 = 65_536;

/// A head the log has signed, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    head: TreeHead,
    time: u64,
}

impl SignedHead {
    /// The tree head.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// When it was signed, POSIX seconds by the server's own clock. Information only.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The open ledger of a running log.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    vkey: Vkey,
    last: Last,
    /// Number of the segment that is written to.
    number: u64,
    /// Records in it.
    records: u64,
    segment_records: u64,
    #[cfg(test)]
    fail_next: bool,
}

impl Ledger {
    /// Creates the ledger of a new log, with the empty tree as its first record.
    ///
    /// # Errors
    /// [`LedgerError::Io`] if the file exists or cannot be written and synced.
    pub fn create(path: &Path, vkey: &Vkey, time: u64) -> Result<Self, LedgerError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| LedgerError::io(path, Act::Create, source))?;
        let last = record_after(&genesis(vkey), &TreeHead::empty(), time);
        let mut ledger = Self::over(path, file, vkey, last);
        ledger.write(last)?;
        Ok(ledger)
    }

    /// Reads the newest segment, shows every head in it to `visit`, cuts off a torn last record, makes the rest durable,
    /// and stays open for appending.
    ///
    /// A process that was killed between write and sync, or whose sync failed, leaves a last record that reads
    /// back from memory and is not on disk. It is written once more before it is synced, because after a failed
    /// sync the system may hold the old pages for clean and write nothing.
    ///
    /// # Errors
    /// As [`heads`], for this segment; [`LedgerError::Io`] also if the torn record cannot be cut off or the rest not
    /// synced.
    pub fn open(path: &Path, vkey: &Vkey, visit: &mut dyn FnMut(SignedHead)) -> Result<Self, LedgerError> {
        let io = |act| move |source| LedgerError::io(path, act, source);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(io(Act::Open))?;
        let mut segment = Records::of(path, file.try_clone().map_err(io(Act::Open))?, vkey)?;
        let mut records = 0;
        while let Some(head) = segment.next()? {
            visit(head);
            records += 1;
        }
        let last = *segment.last().ok_or_else(|| LedgerError::Empty { path: path.to_owned() })?;
        let mut ledger = Self { records, number: segment.number(), ..Self::over(path, file, vkey, last) };
        if segment.torn_bytes() > 0 {
            ledger.file.set_len(segment.end()).map_err(io(Act::Truncate))?;
        }
        let again = ledger.file.write_all_at(&last.record, segment.end() - RECORD_BYTES as u64);
        again.map_err(io(Act::Write))?;
        ledger.file.sync_all().map_err(io(Act::Sync))?;
        ledger.file.seek(SeekFrom::Start(segment.end())).map_err(io(Act::Seek))?;
        Ok(ledger)
    }

    fn over(path: &Path, file: File, vkey: &Vkey, last: Last) -> Self {
        Self {
            path: path.to_owned(),
            file,
            vkey: vkey.clone(),
            last,
            number: 0,
            records: 0,
            segment_records: SEGMENT_RECORDS,
            #[cfg(test)]
            fail_next: false,
        }
    }

    /// Begins a new segment after so many records, at least 2, instead of [`SEGMENT_RECORDS`]: for tests.
    pub fn set_segment_records(&mut self, records: u64) {
        self.segment_records = records.max(2);
    }

    /// Makes the next append write and report a failure: the unknown outcome.
    #[cfg(test)]
    pub(crate) fn fail_next_append(&mut self) {
        self.fail_next = true;
    }

    /// The newest head in the ledger.
    #[must_use]
    pub fn last(&self) -> &TreeHead {
        &self.last.head.head
    }

    /// The newest head in the ledger, and when it was signed.
    #[must_use]
    pub fn last_signed(&self) -> &SignedHead {
        &self.last.head
    }

    /// Adds a head and returns once it is durable.
    ///
    /// # Errors
    /// [`LedgerError::NotLarger`] if `head` is not larger than the last one; [`LedgerError::Io`], after which
    /// the outcome is unknown and the process must end.
    pub fn append(&mut self, head: &TreeHead, time: u64) -> Result<(), LedgerError> {
        if head.size() <= self.last().size() {
            return Err(LedgerError::NotLarger {
                path: self.path.clone(),
                size_seen: head.size().get(),
                size_last: self.last().size().get(),
            });
        }
        if self.records >= self.segment_records {
            self.rotate()?;
        }
        self.write(record_after(&self.last.chain(), head, time))?;
        #[cfg(test)]
        if std::mem::take(&mut self.fail_next) {
            return Err(self.io(Act::Sync, io::Error::other("asked to fail by a test")));
        }
        Ok(())
    }

    fn write(&mut self, record: Last) -> Result<(), LedgerError> {
        self.file.write_all(&record.record).map_err(|source| self.io(Act::Write, source))?;
        self.file.sync_data().map_err(|source| self.io(Act::Sync, source))?;
        self.last = record;
        self.records += 1;
        Ok(())
    }

    /// Puts the full segment aside and begins the next one with its last record.
    fn rotate(&mut self) -> Result<(), LedgerError> {
        let (next, aside) = (self.next_path(), segment_path(&self.path, self.number));
        let io = |path, act| move |source| LedgerError::io(path, act, source);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next);
        let mut file = file.map_err(io(&next, Act::Create))?;
        let header = Header { number: self.number + 1, before: self.last.before }.encode(&self.vkey);
        file.write_all(&header).map_err(io(&next, Act::Write))?;
        file.write_all(&self.last.record).map_err(io(&next, Act::Write))?;
        file.sync_all().map_err(io(&next, Act::Sync))?;
        match std::fs::hard_link(&self.path, &aside) {
            Ok(()) => {}
            // A crash before the rename: this very file already has its second name.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.is_at(&aside)? => {}
            Err(source) => return Err(LedgerError::io(&aside, Act::Link, source)),
        }
        self.sync_dir()?;
        std::fs::rename(&next, &self.path).map_err(io(&self.path, Act::Rename))?;
        self.sync_dir()?;
        (self.file, self.number, self.records) = (file, self.number + 1, 1);
        Ok(())
    }

    fn next_path(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".next");
        PathBuf::from(name)
    }

    /// Whether a path names the file that is open here.
    fn is_at(&self, path: &Path) -> Result<bool, LedgerError> {
        let there = std::fs::metadata(path).map_err(|source| LedgerError::io(path, Act::Read, source))?;
        let here = self.file.metadata().map_err(|source| self.io(Act::Read, source))?;
        Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
    }

    fn sync_dir(&self) -> Result<(), LedgerError> {
        let dir = match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| LedgerError::io(dir, Act::Sync, source))
    }

    fn io(&self, act: Act, source: io::Error) -> LedgerError {
        LedgerError::io(&self.path, act, source)
    }
}

fn record_after(chain: &[u8; 32], head: &TreeHead, time: u64) -> Last {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&head.size().get().to_be_bytes());
    record[8..40].copy_from_slice(head.root().as_bytes());
    record[40..BODY_BYTES].copy_from_slice(&time.to_be_bytes());
    let chained = chained(chain, &record[..BODY_BYTES]);
    record[BODY_BYTES..].copy_from_slice(&chained);
    Last { head: SignedHead { head: *head, time }, record, before: *chain }
}

/// What reading a ledger without changing it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    heads: u64,
    last: SignedHead,
    torn_bytes: u64,
}

impl Summary {
    /// Heads in all segments.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// The newest of them.
    #[must_use]
    pub fn last(&self) -> &SignedHead {
        &self.last
    }

    /// Bytes of a torn last record, 0 if there is none.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }
}

/// Reads all segments of a ledger, shows every head to `visit`, and changes nothing.
///
/// # Errors
/// As [`Heads`] yields them, and [`LedgerError::Empty`] if there is no record.
pub fn read(path: &Path, vkey: &Vkey, visit: &mut dyn FnMut(SignedHead)) -> Result<Summary, LedgerError> {
    let mut heads = heads(path, vkey)?;
    let mut count = 0;
    for head in heads.by_ref() {
        visit(head?);
        count += 1;
    }
    let last = heads.segment.last().ok_or_else(|| LedgerError::Empty { path: path.to_owned() })?;
    Ok(Summary { heads: count, last: last.head, torn_bytes: heads.segment.torn_bytes() })
}

/// The heads of all segments of a ledger, oldest first, one record in memory at a time.
///
/// # Errors
/// [`LedgerError::Io`] or [`LedgerError::ChainBroken`] if the ledger does not open.
pub fn heads(path: &Path, vkey: &Vkey) -> Result<Heads, LedgerError> {
    let newest = Records::open(path, vkey)?;
    let (path, vkey, newest_number) = (path.to_owned(), vkey.clone(), newest.number());
    let segment = if newest_number == 0 { newest } else { open_aside(&path, &vkey, 0)? };
    Ok(Heads { path, vkey, newest_number, segment, failed: false })
}

/// Iterates over a ledger. Ends after the first error.
///
/// Yields [`LedgerError::ChainBroken`], [`LedgerError::BadHead`] or [`LedgerError::NotRising`] at the first record that
/// is wrong, [`LedgerError::SegmentMisplaced`] where one segment does not go on from the one before, [`LedgerError::Io`].
#[derive(Debug)]
pub struct Heads {
    path: PathBuf,
    vkey: Vkey,
    newest_number: u64,
    segment: Records,
    failed: bool,
}

impl Heads {
    fn step(&mut self) -> Result<Option<SignedHead>, LedgerError> {
        loop {
            if let Some(head) = self.segment.next()? {
                return Ok(Some(head));
            }
            if self.segment.number() == self.newest_number {
                return Ok(None);
            }
            if self.segment.torn_bytes() > 0 {
                let (path, offset) = (self.segment.path().to_owned(), self.segment.end());
                return Err(LedgerError::ChainBroken { path, offset });
            }
            let number = self.segment.number() + 1;
            let mut next = if number == self.newest_number {
                Records::open(&self.path, &self.vkey)?
            } else {
                open_aside(&self.path, &self.vkey, number)?
            };
            next.next()?;
            let carried = next.last().map(|last| last.record);
            if next.number() != number || carried != self.segment.last().map(|last| last.record) {
                return Err(LedgerError::SegmentMisplaced { path: next.path().to_owned(), number });
            }
            self.segment = next;
        }
    }
}

impl Iterator for Heads {
    type Item = Result<SignedHead, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let head = self.step();
        self.failed = head.is_err();
        head.transpose()
    }
}

fn open_aside(path: &Path, vkey: &Vkey, number: u64) -> Result<Records, LedgerError> {
    let path = segment_path(path, number);
    let segment = Records::open(&path, vkey)?;
    if segment.number() == number { Ok(segment) } else { Err(LedgerError::SegmentMisplaced { path, number }) }
}

/// What was done to the file when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Create it.
    Create,
    /// Give it a second name.
    Link,
    /// Open it.
    Open,
    /// Read from it.
    Read,
    /// Give it its name.
    Rename,
    /// Move to its end.
    Seek,
    /// Wait until it is on disk.
    Sync,
    /// Cut off a torn record.
    Truncate,
    /// Write to it.
    Write,
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Link => "link",
            Self::Open => "open",
            Self::Read => "read",
            Self::Rename => "rename to",
            Self::Seek => "seek in",
            Self::Sync => "sync",
            Self::Truncate => "truncate",
            Self::Write => "write",
        })
    }
}

/// Why a ledger cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A record's chain is right, but its head is not one (size out of range, or size 0 with a wrong root).
    #[error("{}: the record at byte {offset} holds no tree head", path.display())]
    BadHead {
        /// The ledger.
        path: PathBuf,
        /// Where the record starts.
        offset: u64,
    },
    /// A record was changed, removed or written under another key.
    #[error("{}: the chain breaks at the record at byte {offset}", path.display())]
    ChainBroken {
        /// The ledger.
        path: PathBuf,
        /// Where the record starts.
        offset: u64,
    },
    /// Not even the record that `init` wrote.
    #[error("{}: holds no record", path.display())]
    Empty {
        /// The ledger.
        path: PathBuf,
    },
    /// The file could not be used.
    #[error("could not {act} {}", path.display())]
    Io {
        /// What was done.
        act: Act,
        /// The ledger.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A head was to be signed that does not grow the tree.
    #[error("{}: size {size_seen} was to follow size {size_last}", path.display())]
    NotLarger {
        /// The ledger.
        path: PathBuf,
        /// Size of the refused head.
        size_seen: u64,
        /// Size of the last signed head.
        size_last: u64,
    },
    /// Two records in a row whose sizes do not rise.
    #[error("{}: sizes do not rise at the record at byte {offset}", path.display())]
    NotRising {
        /// The ledger.
        path: PathBuf,
        /// Where the second record starts.
        offset: u64,
    },
    /// A segment does not go on from the one before it, or stands under another number.
    #[error("{}: is not segment {number} of this ledger", path.display())]
    SegmentMisplaced {
        /// The segment.
        path: PathBuf,
        /// The number it should have.
        number: u64,
    },
}

impl LedgerError {
    fn io(path: &Path, act: Act, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merkle::{Frontier, LeafHash};

    struct Case {
        dir: tempfile::TempDir,
        vkey: Vkey,
    }

    impl Case {
        /// A ledger with the empty tree and `count` growing heads.
        fn with_heads(count: usize) -> Self {
            let case = Self { dir: tempfile::tempdir().unwrap(), vkey: vkey("example.org/log") };
            let mut ledger = Ledger::create(&case.path(), &case.vkey, 1).unwrap();
            for head in heads(count) {
                ledger.append(&head, 2).unwrap();
            }
            case
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("ledger")
        }

        fn bytes(&self) -> Vec<u8> {
            std::fs::read(self.path()).unwrap()
        }

        fn put(&self, bytes: &[u8]) {
            std::fs::write(self.path(), bytes).unwrap();
        }

        fn open(&self) -> Result<(Ledger, Vec<TreeHead>), LedgerError> {
            let mut seen = Vec::new();
            let ledger =
                Ledger::open(&self.path(), &self.vkey, &mut |signed: SignedHead| seen.push(*signed.head()))?;
            Ok((ledger, seen))
        }
    }

    fn vkey(name: &str) -> Vkey {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        Vkey::ed25519(name.parse().unwrap(), key.verifying_key().as_bytes()).unwrap()
    }

    fn heads(count: usize) -> Vec<TreeHead> {
        let mut frontier = Frontier::new();
        (0..count)
            .map(|n| {
                frontier.append(LeafHash::of(&n.to_be_bytes())).unwrap();
                frontier.head()
            })
            .collect()
    }

    #[test]
    fn a_ledger_reads_back_every_head_it_was_given() {
        let case = Case::with_heads(5);
        assert_eq!(case.bytes().len(), 6 * RECORD_BYTES);
        let (ledger, seen) = case.open().unwrap();
        assert_eq!(seen[0], TreeHead::empty());
        assert_eq!(seen[1..], heads(5));
        assert_eq!(ledger.last(), &heads(5)[4]);
    }

    #[test]
    fn opening_writes_the_last_record_again_so_that_its_sync_means_something() {
        let case = Case::with_heads(3);
        let whole = case.bytes();
        let file = OpenOptions::new().write(true).open(case.path()).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        case.open().unwrap();
        assert_ne!(file.metadata().unwrap().modified().unwrap(), std::time::UNIX_EPOCH);
        assert_eq!(case.bytes(), whole);
    }

    #[test]
    fn a_short_last_record_is_cut_off_and_appending_goes_on() {
        for torn in [1, 47, 48, 79] {
            let case = Case::with_heads(3);
            let whole = case.bytes();
            case.put(&whole[..3 * RECORD_BYTES + torn]);
            let (mut ledger, seen) = case.open().unwrap();
            assert_eq!(seen.len(), 3);
            ledger.append(&heads(3)[2], 2).unwrap();
            assert_eq!(case.bytes(), whole);
        }
    }

    #[test]
    fn a_last_record_of_zeros_is_cut_off() {
        let case = Case::with_heads(3);
        let mut bytes = case.bytes();
        bytes.extend([0; RECORD_BYTES]);
        case.put(&bytes);
        let (_, seen) = case.open().unwrap();
        assert_eq!(seen.len(), 4);
        assert_eq!(case.bytes().len(), 4 * RECORD_BYTES);
    }

    #[test]
    fn zeros_anywhere_but_in_the_last_record_are_refused() {
        let case = Case::with_heads(2);
        let mut bytes = case.bytes();
        bytes.extend([0; 2 * RECORD_BYTES]);
        case.put(&bytes);
        assert!(matches!(case.open(), Err(LedgerError::ChainBroken { offset: 240, .. })));
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let case = Case::with_heads(2);
        let whole = case.bytes();
        for byte in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[byte] ^= 1;
            case.put(&bytes);
            let offset_wanted = (byte / RECORD_BYTES * RECORD_BYTES) as u64;
            let refused = case.open();
            assert!(
                matches!(refused, Err(LedgerError::ChainBroken { offset, .. }) if offset == offset_wanted),
                "byte {byte}"
            );
        }
    }

    #[test]
    fn a_removed_record_is_refused() {
        let case = Case::with_heads(3);
        let mut bytes = case.bytes();
        bytes.drain(RECORD_BYTES..2 * RECORD_BYTES);
        case.put(&bytes);
        assert!(matches!(case.open(), Err(LedgerError::ChainBroken { offset: 80, .. })));
    }

    #[test]
    fn the_ledger_of_another_key_is_refused() {
        let mut case = Case::with_heads(1);
        case.vkey = vkey("example.org/other");
        assert!(matches!(case.open(), Err(LedgerError::ChainBroken { offset: 0, .. })));
    }

    #[test]
    fn a_ledger_without_any_record_is_refused() {
        let case = Case::with_heads(0);
        case.put(b"");
        assert!(matches!(case.open(), Err(LedgerError::Empty { .. })));
    }

    #[test]
    fn a_head_that_does_not_grow_the_tree_is_never_added() {
        let case = Case::with_heads(3);
        let (mut ledger, _) = case.open().unwrap();
        for head in [heads(3)[2], heads(2)[1], TreeHead::empty()] {
            assert!(matches!(ledger.append(&head, 3), Err(LedgerError::NotLarger { size_last: 3, .. })));
        }
        assert_eq!(case.bytes().len(), 4 * RECORD_BYTES);
    }

    /// A ledger that begins a new segment every `records` records.
    fn segmented(count: usize, records: u64) -> Case {
        let case = Case { dir: tempfile::tempdir().unwrap(), vkey: vkey("example.org/log") };
        let mut ledger = Ledger::create(&case.path(), &case.vkey, 1).unwrap();
        for head in heads(count) {
            ledger.set_segment_records(records);
            ledger.append(&head, 2).unwrap();
            // Every append is by a process that has just started.
            ledger = case.open().unwrap().0;
        }
        case
    }

    fn read_all(case: &Case) -> Result<Vec<TreeHead>, LedgerError> {
        let mut seen = Vec::new();
        let summary = read(&case.path(), &case.vkey, &mut |signed| seen.push(*signed.head()))?;
        assert_eq!(summary.heads(), seen.len() as u64);
        assert_eq!(Some(summary.last().head()), seen.last());
        Ok(seen)
    }

    #[test]
    fn a_long_ledger_is_read_whole_but_opened_by_its_newest_segment_alone() {
        for records in [2, 3, 7] {
            let case = segmented(20, records);
            let all = read_all(&case).unwrap();
            assert_eq!(all[1..], heads(20));
            let (ledger, seen) = case.open().unwrap();
            assert!(seen.len() as u64 <= records);
            assert_eq!(ledger.last(), &heads(20)[19]);
            assert!(case.bytes().len() <= (records as usize + 1) * RECORD_BYTES);
        }
    }

    #[test]
    fn a_crash_at_any_point_of_a_rotation_loses_nothing() {
        let case = segmented(4, 5);
        let path = case.path();
        // After the link, before the rename; with a torn `ledger.next` beside it.
        std::fs::hard_link(&path, segment_path(&path, 0)).unwrap();
        std::fs::write(path.with_extension("next"), b"torn").unwrap();
        let (mut ledger, _) = case.open().unwrap();
        ledger.set_segment_records(5);
        ledger.append(&heads(5)[4], 2).unwrap();
        assert_eq!(read_all(&case).unwrap()[1..], heads(5));
        assert!(!path.with_extension("next").exists());
    }

    #[test]
    fn another_file_under_the_name_of_a_segment_stops_the_rotation() {
        let case = segmented(4, 5);
        std::fs::write(segment_path(&case.path(), 0), b"not mine").unwrap();
        let (mut ledger, _) = case.open().unwrap();
        ledger.set_segment_records(5);
        assert!(matches!(ledger.append(&heads(5)[4], 2), Err(LedgerError::Io { act: Act::Link, .. })));
    }

    #[test]
    fn any_flipped_bit_of_any_segment_is_refused() {
        let case = segmented(6, 3);
        let paths = [segment_path(&case.path(), 0), segment_path(&case.path(), 1), case.path()];
        for path in &paths {
            let whole = std::fs::read(path).unwrap();
            for byte in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[byte] ^= 1;
                std::fs::write(path, &bytes).unwrap();
                assert!(read_all(&case).is_err(), "byte {byte} of {}", path.display());
                // What a start reads it checks as strictly.
                assert_eq!(case.open().is_err(), *path == case.path(), "byte {byte} of {}", path.display());
            }
            std::fs::write(path, whole).unwrap();
        }
        assert_eq!(read_all(&case).unwrap().len(), 7);
    }

    #[test]
    fn a_missing_exchanged_or_shortened_segment_is_refused() {
        let case = segmented(9, 3);
        let segment = |number| segment_path(&case.path(), number);
        let second = std::fs::read(segment(1)).unwrap();
        std::fs::write(segment(1), &second[..second.len() - RECORD_BYTES]).unwrap();
        assert!(matches!(read_all(&case), Err(LedgerError::SegmentMisplaced { number: 2, .. })));
        std::fs::write(segment(1), &second[..second.len() - 1]).unwrap();
        assert!(matches!(read_all(&case), Err(LedgerError::ChainBroken { .. })));
        std::fs::copy(segment(2), segment(1)).unwrap();
        assert!(matches!(read_all(&case), Err(LedgerError::SegmentMisplaced { number: 1, .. })));
        std::fs::remove_file(segment(1)).unwrap();
        assert!(matches!(read_all(&case), Err(LedgerError::Io { act: Act::Open, .. })));
    }

    #[test]
    fn a_later_segment_of_another_log_is_refused() {
        let mut case = segmented(9, 3);
        case.vkey = vkey("example.org/other");
        assert!(matches!(case.open(), Err(LedgerError::ChainBroken { offset: 0, .. })));
    }

    #[test]
    fn reading_changes_nothing_and_reports_the_torn_bytes() {
        let case = Case::with_heads(2);
        let mut bytes = case.bytes();
        bytes.extend([9; 10]);
        case.put(&bytes);
        let summary = read(&case.path(), &case.vkey, &mut |_| {}).unwrap();
        assert_eq!((summary.heads(), summary.torn_bytes()), (3, 10));
        assert_eq!(case.bytes(), bytes);
    }
}
