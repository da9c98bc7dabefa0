//! Digests of files that were hashed before and have not changed since, as far as their state tells.
//!
//! ```text
//! header   "tallymark hash cache 1\n"
//! record   u64 device ‖ u64 inode ‖ u64 size ‖ i128 modified ‖ i128 changed ‖ 32-byte SHA-256     big-endian, 88 bytes
//! trailer  SHA-256 of everything before it
//! ```
//!
//! Times are nanoseconds since 1970. Records are in ascending order, each file once. The last time a file's inode changed cannot be
//! set back by a program, so content that changes leaves its mark, with one exception, known from version control: a
//! write within the same tick of the file system's clock as the last one. A file is therefore only remembered if its
//! last change lies [`SETTLED`] before the scan began; a younger one is hashed again the next time.
//!
//! What is trusted: whoever can write to the cache's file, the machine's clock, and the file system's honesty about times. So a
//! cache is for those who sign what they made, and a verifier uses one only if told to. Its use is always counted.
//!
//! In scope: the file, and which records may be believed. Out of scope: where it lies and who asked for it (the programs).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::disk::Stamp;
use crate::digest::{Sha256, Sha256Digest};

/// Smaller files are hashed anyway: opening one costs as much as hashing it. Bytes.
pub const MIN_FILE_BYTES: u64 = 64 * 1024;
/// Most records: 23 MB on disk. Those used longest ago are not known; the ones with the lowest inodes stay.
pub const MAX_RECORDS: usize = 262_144;
/// How long a file must have been left alone before its state is believed to tell it from any other. File systems count in
/// steps of up to two seconds.
pub const SETTLED: Duration = Duration::from_secs(3);

const HEADER: &[u8] = b"tallymark hash cache 1\n";
const RECORD_BYTES: usize = 3 * 8 + 2 * 16 + 32;

/// State of a file: device, inode, size, times of the last change of content and of inode.
type State = (u64, u64, u64, i128, i128);

/// What was hashed before.
#[derive(Debug)]
pub struct HashCache {
    path: PathBuf,
    began: SystemTime,
    known: BTreeMap<State, Sha256Digest>,
    learnt: Mutex<BTreeMap<State, Sha256Digest>>,
}

impl HashCache {
    /// Reads the cache at this path; one that is not there is empty.
    ///
    /// # Errors
    /// [`CacheError::Io`], [`CacheError::Damaged`], and [`CacheError::NotOurs`] for a file that others may write to.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        // Before anything is hashed: what changes from now on is not settled.
        Self::open_at(path, SystemTime::now())
    }

    /// The same, for a scan that begins at this time.
    pub(super) fn open_at(path: &Path, began: SystemTime) -> Result<Self, CacheError> {
        let known = read(path)?;
        Ok(Self { path: path.to_owned(), began, known, learnt: Mutex::default() })
    }

    /// The digest of a file in this state, if it is known.
    pub(super) fn look(&self, stamp: &Stamp) -> Option<Sha256Digest> {
        self.known.get(&state(stamp)?).copied()
    }

    /// Remembers the digest of a file that was in this state before and after it was hashed.
    pub(super) fn note(&self, stamp: &Stamp, digest: Sha256Digest) {
        let Some(state) = state(stamp) else { return };
        if state.2 >= MIN_FILE_BYTES && self.is_settled(&state) {
            self.learnt.lock().unwrap_or_else(PoisonError::into_inner).insert(state, digest);
        }
    }

    /// Whether both of a file's times lie well before the scan began. A time in the future does not.
    fn is_settled(&self, (.., modified, changed): &State) -> bool {
        let now = self.began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = i128::try_from(now.saturating_sub(SETTLED).as_nanos()).unwrap_or_default();
        *modified < latest && *changed < latest
    }

    /// Writes what was learnt, beside what others wrote meanwhile. Whole or not at all.
    ///
    /// # Errors
    /// As [`HashCache::open`].
    pub fn save(self) -> Result<(), CacheError> {
        let learnt = self.learnt.into_inner().unwrap_or_else(PoisonError::into_inner);
        if learnt.is_empty() {
            return Ok(());
        }
        let mut records = read(&self.path)?;
        // An inode has one state now: what it was before finds nothing any more.
        let inodes: std::collections::BTreeSet<_> = learnt.keys().map(|state| (state.0, state.1)).collect();
        records.retain(|state, _| !inodes.contains(&(state.0, state.1)));
        records.extend(learnt);
        while records.len() > MAX_RECORDS {
            records.pop_last();
        }
        write(&self.path, &records)
    }
}

#[cfg(unix)]
fn state(stamp: &Stamp) -> Option<State> {
    let ((device, inode), (modified, changed)) = (stamp.identity(), stamp.times_ns());
    Some((device, inode, stamp.size(), modified, changed))
}

/// Without inodes and their times a file's state tells too little.
#[cfg(not(unix))]
fn state(_: &Stamp) -> Option<State> {
    None
}

fn read(path: &Path) -> Result<BTreeMap<State, Sha256Digest>, CacheError> {
    let fail = |source| CacheError::Io { path: path.to_owned(), source };
    let damaged = || CacheError::Damaged { path: path.to_owned() };
    let mut file = match super::disk::open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(fail(error)),
    };
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() || others_may_write(&metadata) {
        return Err(CacheError::NotOurs { path: path.to_owned() });
    }
    let most = (HEADER.len() + MAX_RECORDS * RECORD_BYTES + Sha256Digest::LEN) as u64;
    let mut bytes = Vec::new();
    if metadata.len() > most
        || io::Read::by_ref(&mut file).take(most + 1).read_to_end(&mut bytes).map_err(fail)? as u64 > most
    {
        return Err(damaged());
    }
    let (body, seal) = bytes.split_last_chunk::<{ Sha256Digest::LEN }>().ok_or_else(damaged)?;
    if Sha256Digest::of(body).as_bytes() != seal {
        return Err(damaged());
    }
    let (records, odd) = body.strip_prefix(HEADER).ok_or_else(damaged)?.as_chunks::<RECORD_BYTES>();
    if !odd.is_empty() {
        return Err(damaged());
    }
    let mut known = BTreeMap::new();
    for record in records {
        let (state, digest) = decode(record).ok_or_else(damaged)?;
        if known.last_key_value().is_some_and(|(last, _)| *last >= state) {
            return Err(damaged());
        }
        known.insert(state, digest);
    }
    Ok(known)
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<(State, Sha256Digest)> {
    let (device, rest) = record.split_first_chunk::<8>()?;
    let (inode, rest) = rest.split_first_chunk::<8>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (modified, rest) = rest.split_first_chunk::<16>()?;
    let (changed, digest) = rest.split_first_chunk::<16>()?;
    let numbers = [device, inode, size].map(|bytes| u64::from_be_bytes(*bytes));
    let times = [modified, changed].map(|bytes| i128::from_be_bytes(*bytes));
    let ([device, inode, size], [modified, changed]) = (numbers, times);
    Some(((device, inode, size, modified, changed), Sha256Digest::from_slice(digest)?))
}

fn write(path: &Path, records: &BTreeMap<State, Sha256Digest>) -> Result<(), CacheError> {
    let fail = |source| CacheError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let written = create_private(&part)
        .and_then(|file| write_all(file, records))
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&part);
        fail(source)
    })
}

fn write_all(file: File, records: &BTreeMap<State, Sha256Digest>) -> io::Result<()> {
    let (mut file, mut seal) = (io::BufWriter::new(file), Sha256::new());
    let mut put = |bytes: &[u8]| {
        seal.update(bytes);
        file.write_all(bytes)
    };
    put(HEADER)?;
    for ((device, inode, size, modified, changed), digest) in records {
        for number in [device, inode, size] {
            put(&number.to_be_bytes())?;
        }
        for time in [modified, changed] {
            put(&time.to_be_bytes())?;
        }
        put(digest.as_bytes())?;
    }
    file.write_all(seal.finish().as_bytes())?;
    file.into_inner()?.sync_all()
}

/// A new file for its owner alone.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn others_may_write(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o022 != 0
}

#[cfg(not(unix))]
fn others_may_write(_: &fs::Metadata) -> bool {
    false
}

/// Why a cache cannot be used. Nothing was signed or verified with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Not what was written: cut, changed, or of another program.
    #[error("hash cache {path:?} is damaged or none")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("could not use the hash cache {path:?}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No regular file, or one that others than its owner may write to.
    #[error("hash cache {path:?} is open to others, want a file that only its owner may write to")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
}
