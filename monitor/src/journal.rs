//! When the watch looked and what it told: what a [report](crate::report) says about a period.
//!
//! ```text
//! DIR/journal/2026-11.jsonl    one file a month, only ever added to
//! {"at":"2026-11-27T08:00:00Z","log":"log.example.org/models","looked":{"size":4711}}
//! {"at":"2026-11-27T08:00:01Z","log":"log.example.org/models","told":{"kind":"alert","id":"...","reasons":["key-unexpected"],"index":4712}}
//! ```
//!
//! `looked` says that a round came to its end: every entry below the size was read. While a log grows there is one a minute, otherwise
//! one every five minutes, so a watch that stood still for ten is seen. A message may stand here twice, under one id, like in any
//! other receiver's list.
//!
//! It is the monitor's own word. What the log holds is proven by the log.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attest::utc_time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Kind, now};
use crate::disk::{self, DiskError};
use crate::reason::Reason;

/// Between two lines about a log that grows.
const GROWING: Duration = Duration::from_secs(60);
/// Between two lines about one that does not.
const STILL: Duration = Duration::from_secs(300);
/// Two lines that are further apart have a gap between them: two of them are missing.
pub const GAP_SECONDS: u64 = 600;
/// Longest line that is read: an origin, an id and all reasons there are.
const MAX_LINE_BYTES: u64 = 4096;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// When.
    pub at: UtcText,
    /// Which log.
    pub log: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum What {
    /// A round came to its end.
    Looked {
        /// Entries that were read by then.
        size: u64,
    },
    /// A message was delivered, or waits to be.
    Told(Told),
}

/// A message, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Told {
    /// What kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The entry, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
}

/// A moment as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcText(pub(crate) UtcTime);

impl Serialize for UtcText {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UtcText {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl UtcText {
    /// The moment.
    #[must_use]
    pub const fn get(self) -> UtcTime {
        self.0
    }

    pub(crate) fn now() -> Self {
        Self(UtcTime::from_unix_seconds(now()).unwrap_or(UtcTime::EPOCH))
    }
}

/// The files of a directory, for whoever writes them: the process that holds the directory's lock.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    // The last line about each log since the start, and its size.
    looked: HashMap<String, (Instant, u64)>,
}

impl Journal {
    /// The journal of a monitor's directory.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.join("journal"), looked: HashMap::new() }
    }

    /// Notes that a round came to its end, if that is due.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn looked(&mut self, origin: &str, size: u64) -> Result<(), DiskError> {
        let is_due = self.looked.get(origin).is_none_or(|(at, last)| {
            let every = if *last == size { STILL } else { GROWING };
            at.elapsed() >= every
        });
        if !is_due {
            return Ok(());
        }
        self.write(origin, What::Looked { size })?;
        self.looked.insert(origin.to_owned(), (Instant::now(), size));
        Ok(())
    }

    /// Notes a message.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn told(&self, alert: &Alert) -> Result<(), DiskError> {
        let index = alert.entry.as_ref().map(|entry| entry.index);
        let told = Told { kind: alert.kind, id: alert.id.clone(), reasons: alert.reasons.clone(), index };
        self.write(&alert.log, What::Told(told))
    }

    fn write(&self, origin: &str, what: What) -> Result<(), DiskError> {
        disk::make(&self.dir)?;
        let at = UtcText::now();
        let month = at.0.to_string();
        let name = format!("{}.jsonl", month.get(..7).unwrap_or_default());
        // All members are text, numbers and lists of them, which always have a form in JSON.
        let line = serde_json::to_string(&Line { at, log: origin.to_owned(), what }).unwrap_or_default();
        disk::append_lines(&self.dir.join(name), &format!("{line}\n"))
    }
}

/// Hands out every line in the order in which it was written, and says how many could not be read: a crash cuts one short at most.
///
/// # Errors
/// [`DiskError`].
pub fn read(dir: &Path, mut visit: impl FnMut(Line)) -> Result<u64, DiskError> {
    let dir = dir.join("journal");
    let io = |act, path: &Path| {
        let path = path.to_owned();
        move |source| DiskError::Io { act, path, source }
    };
    let listed = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        listed => listed.map_err(io("list", &dir))?,
    };
    let mut paths = Vec::new();
    for item in listed {
        let path = item.map_err(io("list", &dir))?.path();
        paths.extend(path.extension().is_some_and(|end| end == "jsonl").then_some(path));
    }
    // By year and month.
    paths.sort();
    let mut unread = 0;
    for path in paths {
        let mut file = BufReader::new(File::open(&path).map_err(io("open", &path))?);
        loop {
            let mut line = Vec::new();
            let mut bounded = file.by_ref().take(MAX_LINE_BYTES);
            if bounded.read_until(b'\n', &mut line).map_err(io("read", &path))? == 0 {
                break;
            }
            match serde_json::from_slice(&line) {
                Ok(line) => visit(line),
                Err(_) if line == b"\n" => {}
                Err(_) => unread += 1,
            }
        }
    }
    Ok(unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(dir: &Path) -> (Vec<Line>, u64) {
        let mut lines = Vec::new();
        let unread = read(dir, |line| lines.push(line)).unwrap();
        (lines, unread)
    }

    #[test]
    fn a_round_is_noted_when_it_is_the_first_and_not_again_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(lines(dir.path()), (vec![], 0));
        let mut journal = Journal::of(dir.path());
        for size in [7, 7, 8] {
            journal.looked("log.test/1", size).unwrap();
        }
        journal.looked("log.test/2", 3).unwrap();
        // A new process says that it looks.
        Journal::of(dir.path()).looked("log.test/1", 8).unwrap();
        let (lines, unread) = lines(dir.path());
        let seen: Vec<_> = lines.iter().map(|line| (line.log.as_str(), &line.what)).collect();
        let looked = |size| What::Looked { size };
        assert_eq!(
            seen,
            [("log.test/1", &looked(7)), ("log.test/2", &looked(3)), ("log.test/1", &looked(8))]
        );
        assert_eq!(unread, 0);
    }

    #[test]
    fn a_line_that_was_cut_short_is_counted_and_the_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::of(dir.path());
        journal.looked("log.test/1", 7).unwrap();
        let path = std::fs::read_dir(dir.path().join("journal")).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
        Journal::of(dir.path()).looked("log.test/1", 9).unwrap();
        let (lines, unread) = lines(dir.path());
        assert_eq!((lines.len(), unread), (2, 1));
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        assert_eq!(read(dir.path(), |_| ()).unwrap(), 3, "a line has its bound");
    }
}
