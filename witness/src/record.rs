//! The record: the one file in which a witness keeps the latest checkpoint it cosigned of each log. What is not in it was never
//! cosigned; what is in it was verified.
//!
//! ```text
//! file     32 bytes: identity of the witness ‖ frames
//! frame    u32 length of the payload ‖ 8 bytes of SHA-256("length\n" ‖ chain before ‖ the u32) ‖ payload
//!          ‖ 32 bytes: chain = SHA-256(chain before ‖ the u32 ‖ payload)
//! payload  u64 time of the cosignature, POSIX seconds ‖ u16 length ‖ checkpoint     one or more times
//!
//! chain before the first frame = identity of the witness
//!                              = SHA-256("tallymark-witness-record/v1\n" ‖ Ed25519 vkey of the witness ‖ "\n")
//! ```
//!
//! Integers are big-endian. A checkpoint is a signed note with the log's verified signatures and no other line. The last one of an
//! origin counts; its size never falls, and its root never changes at one size.
//!
//! What the system is asked for, in order:
//!
//! ```text
//! append      write one frame; fdatasync
//! write anew  open record.next; write; fsync; rename record.next record; fsync the directory
//! open        read record; write anew
//! ```
//!
//! A frame holds all that is answered after one sync, and the next frame is written after it. So only the last frame can be one
//! that nobody was answered about. It is passed over if it is cut short, or if a sector of it, or all that is left of the file,
//! reads as zeros: this is what a crash leaves. A frame that is whole and does not fit its chain is damage, and so is one with
//! anything behind it: then nothing is cosigned, because what is missing may have been.
//!
//! A start writes the file anew, even if nothing was torn: after a sync that failed, what reads back well may not be on the disk.
//!
//! The sad path: if anything here fails while the witness runs, the outcome is unknown, and the process must end.
//!
//! In scope: the file. Out of scope: what may follow what, which is [`crate::decision`]; the lock, which is [`crate::data_dir`].

mod frame;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::cosignature::UnixSeconds;

use crate::cosigner::Identity;
use crate::durable::{Durable, Latest};
use crate::origin_hash::OriginHash;
use frame::{Chain, Frames};

pub use frame::MAX_CHECKPOINT_BYTES;

/// Below this the file is never written anew, in bytes: some 20,000 changes.
const COMPACT_BYTES: u64 = 8 << 20;
/// Nor as long as it is less than this many times what it has to hold.
const COMPACT_FACTOR: u64 = 4;

/// The record, open for this process alone.
#[derive(Debug)]
pub struct Record {
    dir: PathBuf,
    file: File,
    identity: Identity,
    chain: Chain,
    /// Bytes in the file.
    len: u64,
    /// Bytes that it would have if it were written anew.
    live: u64,
    latest: HashMap<OriginHash, Durable>,
    compact_bytes: u64,
}

impl Record {
    /// Makes the record of a new witness in `dir`: nothing cosigned.
    ///
    /// # Errors
    /// [`RecordError::Io`], also if there is one.
    pub fn create(dir: &Path, identity: &Identity) -> Result<(), RecordError> {
        let path = path(dir);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.map_err(|source| RecordError::io(&path, Act::Create, source))?;
        file.write_all(identity.as_bytes()).map_err(|source| RecordError::io(&path, Act::Write, source))?;
        file.sync_all().map_err(|source| RecordError::io(&path, Act::Sync, source))?;
        sync_dir(dir)
    }

    /// Reads the record in `dir` and writes it anew.
    ///
    /// # Errors
    /// As [`read`]; [`RecordError::Io`] also if it cannot be written and synced.
    pub fn open(dir: &Path, identity: &Identity) -> Result<Self, RecordError> {
        let found = read(dir, identity)?;
        if found.torn_bytes > 0 {
            tracing::warn!(
                torn_bytes = found.torn_bytes,
                "passed over a torn frame that nobody was answered about"
            );
        }
        let latest =
            found.latest.into_iter().map(|latest| (OriginHash::of(latest.origin()), latest)).collect();
        let (file, chain, len) = write_anew(dir, identity, &latest)?;
        Ok(Self {
            dir: dir.to_owned(),
            file,
            identity: identity.clone(),
            chain,
            len,
            live: len,
            latest: latest.into_iter().map(|(hash, latest)| (hash, Durable::on_disk(latest))).collect(),
            compact_bytes: COMPACT_BYTES,
        })
    }

    /// Writes the file anew from so many bytes on: for tests.
    pub fn set_compact_bytes(&mut self, bytes: u64) {
        self.compact_bytes = bytes;
    }

    /// The latest checkpoint that was cosigned of a log.
    #[must_use]
    pub fn latest(&self, origin: &OriginHash) -> Option<&Durable> {
        self.latest.get(origin)
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&OriginHash, &Durable)> {
        self.latest.iter()
    }

    /// Bytes in the file.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.len
    }

    /// Adds what is to be cosigned, all of it in one frame, and returns once it is on the disk.
    ///
    /// # Errors
    /// [`RecordError::Io`]: the outcome is unknown, and the process must end.
    pub fn append(&mut self, changes: Vec<Latest>) -> Result<Vec<Durable>, RecordError> {
        if self.len > self.compact_bytes && self.len / COMPACT_FACTOR > self.live {
            let latest =
                self.latest.iter().map(|(hash, durable)| (*hash, durable.latest().clone())).collect();
            (self.file, self.chain, self.len) = write_anew(&self.dir, &self.identity, &latest)?;
            self.live = self.len;
        }
        let payload = frame::payload(&changes);
        let frame = self.chain.frame(&payload);
        let path = path(&self.dir);
        self.file.write_all(&frame).map_err(|source| RecordError::io(&path, Act::Write, source))?;
        self.file.sync_data().map_err(|source| RecordError::io(&path, Act::Sync, source))?;
        self.len += frame.len() as u64;
        let mut durable = Vec::with_capacity(changes.len());
        for latest in changes {
            let hash = OriginHash::of(latest.origin());
            let size = frame::record_bytes(&latest);
            let now = Durable::on_disk(latest);
            let before = self.latest.insert(hash, now.clone());
            let freed = before.map_or(0, |before| frame::record_bytes(before.latest()));
            self.live = (self.live + size).saturating_sub(freed);
            durable.push(now);
        }
        Ok(durable)
    }
}

/// What reading a record found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// The last checkpoint of each origin, by origin.
    pub latest: Vec<Latest>,
    /// Bytes at the end that a crash left, 0 if there are none.
    pub torn_bytes: u64,
}

/// Reads the record in `dir` and changes nothing. It may be read while a witness runs.
///
/// # Errors
/// * [`RecordError::Io`] if there is none or it cannot be read;
/// * [`RecordError::OtherWitness`] if it is another witness's;
/// * [`RecordError::Damaged`] if bytes are not those that were written;
/// * [`RecordError::Checkpoint`], [`RecordError::Fell`] if they are, and should never have been.
pub fn read(dir: &Path, identity: &Identity) -> Result<Found, RecordError> {
    let path = path(dir);
    let file = File::open(&path).map_err(|source| RecordError::io(&path, Act::Open, source))?;
    let mut frames = Frames::of(&path, file, identity)?;
    let mut found: HashMap<OriginHash, Latest> = HashMap::new();
    while let Some((offset, payload)) = frames.next()? {
        let mut rest = payload.as_slice();
        while !rest.is_empty() {
            let damaged = || RecordError::Damaged { path: path.clone(), offset };
            let (time, note) = frame::record(&mut rest).ok_or_else(damaged)?;
            let time = UnixSeconds::new(time).map_err(|_| damaged())?;
            let checkpoint = SignedCheckpoint::parse(note).map_err(|source| RecordError::Checkpoint {
                path: path.clone(),
                offset,
                source,
            })?;
            let latest = Latest::new(time, checkpoint);
            match found.entry(OriginHash::of(latest.origin())) {
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(latest);
                }
                std::collections::hash_map::Entry::Occupied(mut place) => {
                    if !latest.may_follow(place.get()) {
                        return Err(RecordError::Fell { path: path.clone(), offset });
                    }
                    place.insert(latest);
                }
            }
        }
    }
    let mut latest: Vec<Latest> = found.into_values().collect();
    latest.sort_by(|a, b| a.origin().cmp(b.origin()));
    Ok(Found { latest, torn_bytes: frames.torn_bytes() })
}

fn path(dir: &Path) -> PathBuf {
    dir.join("record")
}

/// Writes a file that holds `latest` and nothing else in the place of the record.
fn write_anew(
    dir: &Path,
    identity: &Identity,
    latest: &HashMap<OriginHash, Latest>,
) -> Result<(File, Chain, u64), RecordError> {
    let (next, path) = (dir.join("record.next"), path(dir));
    let io = |act| {
        let next = &next;
        move |source| RecordError::io(next, act, source)
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)
        .map_err(|source| RecordError::io(&next, Act::Create, source))?;
    let mut chain = Chain::begin(identity);
    file.write_all(identity.as_bytes()).map_err(io(Act::Write))?;
    let mut len = identity.as_bytes().len() as u64;
    // By origin, so that the same state is the same bytes.
    let mut sorted: Vec<&Latest> = latest.values().collect();
    sorted.sort_by(|a, b| a.origin().cmp(b.origin()));
    let mut rest = sorted.into_iter().peekable();
    while rest.peek().is_some() {
        let mut payload = Vec::new();
        while let Some(latest) = rest.next_if(|latest| frame::fits(&payload, latest)) {
            frame::push(&mut payload, latest);
        }
        let frame = chain.frame(&payload);
        file.write_all(&frame).map_err(io(Act::Write))?;
        len += frame.len() as u64;
    }
    file.sync_all().map_err(io(Act::Sync))?;
    std::fs::rename(&next, &path).map_err(|source| RecordError::io(&path, Act::Rename, source))?;
    sync_dir(dir)?;
    Ok((file, chain, len))
}

fn sync_dir(dir: &Path) -> Result<(), RecordError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|source| RecordError::io(dir, Act::Sync, source))
}

/// What was done to a file when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Create it.
    Create,
    /// Open it.
    Open,
    /// Read from it.
    Read,
    /// Give it its name.
    Rename,
    /// Wait until it is on disk.
    Sync,
    /// Write to it.
    Write,
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::Read => "read",
            Self::Rename => "rename",
            Self::Sync => "sync",
            Self::Write => "write to",
        })
    }
}

/// Why a record cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// What was written is no checkpoint.
    #[error("{}: what the frame at byte {offset} holds is no checkpoint", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// Why it is none.
        source: CheckpointError,
    },
    /// Bytes are not those that were written.
    #[error("{}: damaged in the frame at byte {offset}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
    },
    /// A log shrinks or changes from one frame to the next.
    #[error("{}: the frame at byte {offset} takes back what was cosigned", path.display())]
    Fell {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
    },
    /// The system refused.
    #[error("could not {act} {}", path.display())]
    Io {
        /// What was done.
        act: Act,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The record belongs to another key.
    #[error("{}: the record of another witness, or damaged in its first 32 bytes", path.display())]
    OtherWitness {
        /// The file.
        path: PathBuf,
    },
}

impl RecordError {
    fn io(path: &Path, act: Act, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }

    /// Whether the system refused, as against what was read being wrong.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { act: Act::Open, source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                "a witness without its record must not cosign: put the newest one back, or begin another witness under another name",
            ),
            Self::Io { .. } => None,
            _ => Some(
                "keep the file, look for faults of the disk, and begin another witness under another name: an older copy would cosign twice",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
