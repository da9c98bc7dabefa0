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
//! ```
//!
//! The first record is the empty tree, written by `init`. Sizes rise strictly. The chain ties every record to
//! all before it and to the log's key, so a record cannot be changed, removed or taken from another log
//! without the next one refusing.
//!
//! A crash during an append leaves a short last record, or (after a power cut) one of zero bytes. Only these
//! two are dropped, because only they cannot have been published: [`Ledger::append`] returns after
//! the file is synced, and nothing is published before it returns. Everything else refuses.
//!
//! In scope: the file. Out of scope: comparing it with the database, which is [`crate::opening`]'s job.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use merkle::{Hash, TreeHead, TreeSize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tlog::vkey::Vkey;

/// Bytes of one record.
pub const RECORD_BYTES: usize = 80;
/// Bytes of a record that the chain covers.
const BODY_BYTES: usize = 48;
const GENESIS: &[u8] = b"tallymark-ledger/v1\n";

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
    chain: [u8; 32],
    last: SignedHead,
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
        let last = SignedHead { head: TreeHead::empty(), time };
        let mut ledger = Self::over(path, file, genesis(vkey), last);
        ledger.write_record(&TreeHead::empty(), time)?;
        Ok(ledger)
    }

    /// Reads the whole ledger, shows every head to `visit`, cuts off a torn last record, makes the rest durable,
    /// and stays open for appending.
    ///
    /// A process that was killed between write and sync, or whose sync failed, leaves a last record that reads
    /// back from memory and is not on disk. It is written once more before it is synced, because after a failed
    /// sync the system may hold the old pages for clean and write nothing.
    ///
    /// # Errors
    /// As [`read`]; [`LedgerError::Io`] also if the torn record cannot be cut off or the rest not synced.
    pub fn open(path: &Path, vkey: &Vkey, visit: &mut dyn FnMut(SignedHead)) -> Result<Self, LedgerError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| LedgerError::io(path, Act::Open, source))?;
        let state = scan(path, &file, vkey, visit)?;
        let mut ledger = Self::over(path, file, state.chain, state.last);
        if state.torn_bytes > 0 {
            ledger.file.set_len(state.end).map_err(|source| ledger.io(Act::Truncate, source))?;
        }
        let again = ledger.file.write_all_at(&state.record, state.end - RECORD_BYTES as u64);
        again.map_err(|source| ledger.io(Act::Write, source))?;
        ledger.file.sync_all().map_err(|source| ledger.io(Act::Sync, source))?;
        let end = ledger.file.seek(SeekFrom::Start(state.end));
        end.map_err(|source| ledger.io(Act::Seek, source))?;
        Ok(ledger)
    }

    fn over(path: &Path, file: File, chain: [u8; 32], last: SignedHead) -> Self {
        Self {
            path: path.to_owned(),
            file,
            chain,
            last,
            #[cfg(test)]
            fail_next: false,
        }
    }

    /// Makes the next append write and report a failure: the unknown outcome.
    #[cfg(test)]
    pub(crate) fn fail_next_append(&mut self) {
        self.fail_next = true;
    }

    /// The newest head in the ledger.
    #[must_use]
    pub fn last(&self) -> &TreeHead {
        &self.last.head
    }

    /// The newest head in the ledger, and when it was signed.
    #[must_use]
    pub fn last_signed(&self) -> &SignedHead {
        &self.last
    }

    /// Adds a head and returns once it is durable.
    ///
    /// # Errors
    /// [`LedgerError::NotLarger`] if `head` is not larger than the last one; [`LedgerError::Io`], after which
    /// the outcome is unknown and the process must end.
    pub fn append(&mut self, head: &TreeHead, time: u64) -> Result<(), LedgerError> {
        if head.size() <= self.last.head.size() {
            return Err(LedgerError::NotLarger {
                path: self.path.clone(),
                size_seen: head.size().get(),
                size_last: self.last.head.size().get(),
            });
        }
        self.write_record(head, time)?;
        #[cfg(test)]
        if std::mem::take(&mut self.fail_next) {
            return Err(self.io(Act::Sync, io::Error::other("asked to fail by a test")));
        }
        Ok(())
    }

    fn write_record(&mut self, head: &TreeHead, time: u64) -> Result<(), LedgerError> {
        let mut record = [0; RECORD_BYTES];
        record[..8].copy_from_slice(&head.size().get().to_be_bytes());
        record[8..40].copy_from_slice(head.root().as_bytes());
        record[40..BODY_BYTES].copy_from_slice(&time.to_be_bytes());
        let chain = chained(&self.chain, &record[..BODY_BYTES]);
        record[BODY_BYTES..].copy_from_slice(&chain);
        self.file.write_all(&record).map_err(|source| self.io(Act::Write, source))?;
        self.file.sync_data().map_err(|source| self.io(Act::Sync, source))?;
        self.chain = chain;
        self.last = SignedHead { head: *head, time };
        Ok(())
    }

    fn io(&self, act: Act, source: io::Error) -> LedgerError {
        LedgerError::io(&self.path, act, source)
    }
}

/// What reading a ledger without changing it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    heads: u64,
    torn_bytes: u64,
}

impl Summary {
    /// Complete records.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Bytes of a torn last record, 0 if there is none.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }
}

/// Reads the whole ledger, shows every head to `visit`, and changes nothing.
///
/// # Errors
/// [`LedgerError::ChainBroken`], [`LedgerError::BadHead`] or [`LedgerError::NotRising`] at the first record
/// that is wrong, [`LedgerError::Empty`] if there is none, [`LedgerError::Io`].
pub fn read(path: &Path, vkey: &Vkey, visit: &mut dyn FnMut(SignedHead)) -> Result<Summary, LedgerError> {
    let file = File::open(path).map_err(|source| LedgerError::io(path, Act::Open, source))?;
    let state = scan(path, &file, vkey, visit)?;
    Ok(Summary { heads: state.end / RECORD_BYTES as u64, torn_bytes: state.torn_bytes })
}

/// Where a scan ended.
struct Scan {
    chain: [u8; 32],
    last: SignedHead,
    /// The last complete record as it stands in the file.
    record: [u8; RECORD_BYTES],
    /// Bytes of complete records.
    end: u64,
    torn_bytes: u64,
}

fn scan(
    path: &Path,
    file: &File,
    vkey: &Vkey,
    visit: &mut dyn FnMut(SignedHead),
) -> Result<Scan, LedgerError> {
    let len = file.metadata().map_err(|source| LedgerError::io(path, Act::Read, source))?.len();
    let mut reader = io::BufReader::new(file);
    let (mut chain, mut end, mut last) = (genesis(vkey), 0, None);
    let mut record = [0; RECORD_BYTES];
    while len - end >= RECORD_BYTES as u64 {
        reader.read_exact(&mut record).map_err(|source| LedgerError::io(path, Act::Read, source))?;
        if record == [0; RECORD_BYTES] && len - end == RECORD_BYTES as u64 {
            break;
        }
        let (body, seen) = record.split_at(BODY_BYTES);
        chain = chained(&chain, body);
        if chain != *seen {
            return Err(LedgerError::ChainBroken { path: path.to_owned(), offset: end });
        }
        let signed =
            decode(body).ok_or_else(|| LedgerError::BadHead { path: path.to_owned(), offset: end })?;
        if last.is_some_and(|(last, _): (SignedHead, _)| signed.head.size() <= last.head.size()) {
            return Err(LedgerError::NotRising { path: path.to_owned(), offset: end });
        }
        visit(signed);
        last = Some((signed, record));
        end += RECORD_BYTES as u64;
    }
    let (last, record) = last.ok_or_else(|| LedgerError::Empty { path: path.to_owned() })?;
    Ok(Scan { chain, last, record, end, torn_bytes: len - end })
}

fn decode(body: &[u8]) -> Option<SignedHead> {
    let (size, rest) = body.split_first_chunk::<8>()?;
    let (root, time) = rest.split_first_chunk::<32>()?;
    let size = TreeSize::new(u64::from_be_bytes(*size)).ok()?;
    let head = TreeHead::new(size, Hash::from_bytes(*root)).ok()?;
    Some(SignedHead { head, time: u64::from_be_bytes(time.try_into().ok()?) })
}

fn genesis(vkey: &Vkey) -> [u8; 32] {
    Sha256::new().chain_update(GENESIS).chain_update(vkey.to_string()).chain_update(b"\n").finalize().into()
}

fn chained(previous: &[u8; 32], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(body).finalize().into()
}

/// What was done to the file when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Create it.
    Create,
    /// Open it.
    Open,
    /// Read from it.
    Read,
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
            Self::Open => "open",
            Self::Read => "read",
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
