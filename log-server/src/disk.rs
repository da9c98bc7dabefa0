//! Watches the space on a log's disk: warns, then takes no entries, then gives up the ballast.
//!
//! | free space below | what happens |
//! |---|---|
//! | `warn` (15 %, at most 16 GiB) | a line in the log |
//! | `read_only` (10 %, at most 8 GiB) | entries are refused with 507 `disk-full`; reading goes on |
//! | `stop` (5 %, at most 4 GiB) | the ballast is given up too, so that what is under way can be finished and the log be opened again |
//!
//! A disk that is quite full blocks even reading: RocksDB cannot be opened without writing a little. The **ballast** is a
//! file of real blocks, `DIR/ballast`, that is deleted then. When space is back, writing goes on by itself and the ballast
//! is made again; to not flutter, space counts as back once it is a tenth above the mark.
//!
//! In scope: measuring, and the gate. Out of scope: making space.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use serde::Deserialize;
use thiserror::Error;

use crate::gate::{Closed, Gate};

/// The ballast's name in the directory of a log.
pub const BALLAST: &str = "ballast";
/// What RocksDB writes at a start: a manifest, a diary, an empty write-ahead log; and room to flush a small one.
const OPENING_BYTES: u64 = 4 << 20;
/// Longest sleep before the next look at whether the server goes down.
const NAP: Duration = Duration::from_millis(50);

/// A mark: so much free space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[expect(clippy::exhaustive_enums, reason = "the ways to say it")]
pub enum Mark {
    /// Bytes.
    Bytes(u64),
    /// The lesser of both: a tenth of a large disk is more than a log needs left.
    Least {
        /// Hundredths.
        percent: u8,
        /// Bytes.
        bytes: u64,
    },
    /// Hundredths of the whole file system, 0 to 100.
    Percent(u8),
}

impl Mark {
    pub(crate) fn bytes_of(self, space: Space) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            // Divided first: a file system has more than 100 bytes and may have many.
            Self::Percent(percent) => space.total / 100 * u64::from(percent),
            Self::Least { percent, bytes } => Self::Percent(percent).bytes_of(space).min(bytes),
        }
    }
}

impl FromStr for Mark {
    type Err = MarkError;

    /// `15%`, `5GiB`, `300MiB`, a number of bytes, or `15%,5GiB` for the lesser of both.
    fn from_str(text: &str) -> Result<Self, MarkError> {
        let bad = || MarkError { text: text.to_owned() };
        if let Some((percent, bytes)) = text.split_once(',') {
            return match (percent.parse()?, bytes.parse()?) {
                (Self::Percent(percent), Self::Bytes(bytes)) => Ok(Self::Least { percent, bytes }),
                _ => Err(bad()),
            };
        }
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.parse().ok().filter(|percent| *percent <= 100);
            return percent.map(Self::Percent).ok_or_else(bad);
        }
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("", 1)];
        let found = units.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
        let (number, unit) = found.ok_or_else(bad)?;
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u64> = number.parse().ok().filter(|_| plain);
        number.and_then(|number| number.checked_mul(unit)).map(Self::Bytes).ok_or_else(bad)
    }
}

impl TryFrom<String> for Mark {
    type Error = MarkError;

    fn try_from(text: String) -> Result<Self, MarkError> {
        text.parse()
    }
}

/// An amount of bytes, written as `256MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Amount(u64);

impl Amount {
    /// Bytes.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Amount {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        match text.parse()? {
            Mark::Bytes(bytes) => Ok(Self(bytes)),
            _ => Err(MarkError { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Amount {
    type Error = MarkError;

    fn try_from(text: String) -> Result<Self, MarkError> {
        text.parse()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Least { percent, bytes } => write!(f, "{percent}%,{bytes}"),
        }
    }
}

/// Not a mark.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no amount of space; wanted `15%`, `5GiB`, `300MiB`, a number of bytes, or `15%,5GiB`")]
#[non_exhaustive]
pub struct MarkError {
    /// What was given.
    pub text: String,
}

/// What the watch goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests change one field of the standard")]
pub struct Marks {
    /// Free space below which a line is written.
    pub warn: Mark,
    /// Free space below which nothing is taken.
    pub read_only: Mark,
    /// Free space below which the ballast is given up.
    pub stop: Mark,
    /// Bytes of the ballast; 0 for none.
    pub ballast_bytes: u64,
    /// Between two looks.
    pub pause: Duration,
}

impl Marks {
    /// The table above, 256 MiB of ballast, a look every second.
    pub const STANDARD: Self = Self {
        warn: Mark::Least { percent: 15, bytes: 16 << 30 },
        read_only: Mark::Least { percent: 10, bytes: 8 << 30 },
        stop: Mark::Least { percent: 5, bytes: 4 << 30 },
        ballast_bytes: 256 << 20,
        pause: Duration::from_secs(1),
    };

    fn level(&self, space: Space) -> Level {
        let below = |mark: Mark| space.free < mark.bytes_of(space);
        match (below(self.stop), below(self.read_only), below(self.warn)) {
            (true, _, _) => Level::Stop,
            (_, true, _) => Level::ReadOnly,
            (_, _, true) => Level::Warn,
            _ => Level::Fine,
        }
    }

    /// Whether writing may go on after it was stopped.
    fn is_back(&self, space: Space) -> bool {
        let mark = self.read_only.bytes_of(space);
        space.free >= mark + mark / 10
    }
}

/// How it stands with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Fine,
    Warn,
    ReadOnly,
    Stop,
}

/// The space of a file system, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) free: u64,
    pub(crate) total: u64,
}

impl Space {
    /// What a process without privileges may still use.
    pub(crate) fn of(dir: &Path) -> io::Result<Self> {
        let seen = statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
        Ok(Self { free: bytes(seen.f_bavail), total: bytes(seen.f_blocks) })
    }
}

/// Gives up the ballast if there is not even the space that opening a log takes.
///
/// # Errors
/// What the system says.
#[cfg(any(feature = "rocksdb", test))]
pub(crate) fn make_room(dir: &Path) -> io::Result<()> {
    if is_full(dir) && give_up(dir)? {
        tracing::warn!("the disk is full, the ballast is given up");
    }
    Ok(())
}

/// Whether there is not even the space that opening a database takes. Not knowing counts as full.
#[must_use]
pub fn is_full(dir: &Path) -> bool {
    Space::of(dir).map_or(true, |space| space.free < OPENING_BYTES)
}

/// False if there was none.
fn give_up(dir: &Path) -> io::Result<bool> {
    match fs::remove_file(dir.join(BALLAST)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the ballast unless it is there in full; false if it was.
fn make(dir: &Path, bytes: u64) -> io::Result<bool> {
    let path = dir.join(BALLAST);
    if fs::metadata(&path).is_ok_and(|there| there.len() == bytes) {
        return Ok(false);
    }
    give_up(dir)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let made = fallocate(&file, FallocateFlags::empty(), 0, bytes).map_err(io::Error::from);
    match made.and_then(|()| file.sync_all()) {
        Ok(()) => Ok(true),
        Err(error) => {
            // Half a ballast is none.
            give_up(dir)?;
            Err(error)
        }
    }
}

/// A watch over one log. Dropping it ends it; the ballast stays.
#[derive(Debug)]
pub(crate) struct Watch {
    down: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Looks once before it returns, so that a log on a full disk takes nothing from the start.
    pub(crate) fn start(dir: PathBuf, marks: Marks, gate: Arc<Gate>) -> io::Result<Self> {
        let down = Arc::new(AtomicBool::new(false));
        let mut watcher = Watcher { dir, marks, gate, last: Level::Fine };
        watcher.look();
        let stop = Arc::clone(&down);
        let run = move || {
            while !stop.load(Ordering::Relaxed) {
                let mut left = watcher.marks.pause;
                while !left.is_zero() && !stop.load(Ordering::Relaxed) {
                    let nap = left.min(NAP);
                    std::thread::sleep(nap);
                    left -= nap;
                }
                watcher.look();
            }
        };
        let thread = std::thread::Builder::new().name("disk".to_owned()).spawn(run)?;
        Ok(Self { down, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.down.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

struct Watcher {
    dir: PathBuf,
    marks: Marks,
    gate: Arc<Gate>,
    last: Level,
}

impl Watcher {
    fn look(&mut self) {
        let space = match Space::of(&self.dir) {
            Ok(space) => space,
            Err(error) => {
                // Not knowing is no reason to write on.
                self.gate.close(Closed::DiskFull);
                tracing::error!(%error, "the space of the disk cannot be read, nothing is taken");
                return;
            }
        };
        let level = self.marks.level(space);
        if level >= Level::ReadOnly {
            self.gate.close(Closed::DiskFull);
        } else if self.marks.is_back(space) && self.gate.reopen_after_disk_full() {
            tracing::info!(free = space.free, "space is back, entries are taken again");
        }
        if level != self.last {
            match level {
                Level::Fine => {}
                Level::Warn => tracing::warn!(free = space.free, "the disk fills up"),
                Level::ReadOnly => {
                    tracing::error!(alarm = "disk-full", free = space.free, "no entries are taken any more");
                }
                Level::Stop => {
                    tracing::error!(alarm = "disk-full", free = space.free, "the disk is full");
                }
            }
            self.last = level;
        }
        self.ballast(level, space);
    }

    fn ballast(&self, level: Level, space: Space) {
        let bytes = self.marks.ballast_bytes;
        let fits = || {
            let after = Space { free: space.free.saturating_sub(bytes), total: space.total };
            self.marks.level(after) <= Level::Warn && self.marks.is_back(after)
        };
        let done = match level {
            Level::Stop => give_up(&self.dir),
            Level::Fine | Level::Warn if bytes > 0 && fits() => make(&self.dir, bytes),
            _ => Ok(false),
        };
        match done {
            Ok(true) if level == Level::Stop => tracing::warn!("the ballast is given up"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the ballast could not be made or given up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_in_percent_and_bytes() {
        for (text, mark) in [
            ("15%", Mark::Percent(15)),
            ("0%", Mark::Percent(0)),
            ("5GiB", Mark::Bytes(5 << 30)),
            ("300MiB", Mark::Bytes(300 << 20)),
            ("4096", Mark::Bytes(4096)),
            ("10%,8GiB", Mark::Least { percent: 10, bytes: 8 << 30 }),
        ] {
            assert_eq!(text.parse(), Ok(mark));
        }
        for text in
            ["", "%", "101%", "-1", "+1", "5GB", "5 GiB", "1e3", "99999999999GiB", "1GiB,10%", "1%,", "1%,2%"]
        {
            assert!(text.parse::<Mark>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn levels_follow_the_marks_and_space_is_back_a_tenth_above() {
        let marks = Marks::STANDARD;
        let at = |free| Space { free, total: 1000 };
        let levels = [150, 149, 100, 99, 50, 49, 0].map(|free| marks.level(at(free)));
        use Level::{Fine, ReadOnly, Stop, Warn};
        assert_eq!(levels, [Fine, Warn, Warn, ReadOnly, ReadOnly, Stop, Stop]);
        assert!(!marks.is_back(at(109)) && marks.is_back(at(110)));
        // Of a large disk the bytes count.
        let large = |free: u64| marks.level(Space { free: free << 30, total: 10_000 << 30 });
        assert_eq!([16, 15, 8, 7, 3].map(large), [Fine, Warn, Warn, ReadOnly, Stop]);
    }

    #[test]
    fn a_ballast_is_real_blocks_and_made_once() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        assert!(make(dir.path(), 1 << 20).unwrap() && !make(dir.path(), 1 << 20).unwrap());
        let there = fs::metadata(dir.path().join(BALLAST)).unwrap();
        assert!(there.len() == 1 << 20 && there.blocks() * 512 >= 1 << 20, "{there:?}");
        assert!(give_up(dir.path()).unwrap() && !give_up(dir.path()).unwrap());
    }
}
