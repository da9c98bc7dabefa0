//! Reads everything again while the log serves, slowly, and closes the gate over damage.
//!
//! One pass takes the published tree of its beginning and recomputes it as [`crate::fsck`] does: entries, duplicate
//! index, every tile, the root. What it finds closes the [gate](crate::gate) at once and is remembered in the
//! directory ([`crate::hold`]), so that a restart does not sign over it either. A record that cannot be read counts as
//! damage: "could not check" is never "good".
//!
//! What is read is what is on the disk, not what some cache holds: each pass makes a copy of the database out of hard links,
//! which flushes what is in memory, and reads it around the caches of RocksDB and of the system ([`Storage::fresh`]).
//!
//! Memory: one partial tile a level and 256 entries. Reading: at most so many bytes of entries a second as [`Pace`] says.
//! Disk: tables that a compaction replaces meanwhile stay until the pass is over.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use merkle::{Frontier, LeafHash, SizeError, TreeHead};
use thiserror::Error;
use tlog::tile::{RightEdge, TileWrite};

use crate::damage::Damage;
use crate::gate::{Closed, Gate};
use crate::hold::{Hold, Reason};
use crate::publisher::Publisher;
use crate::storage::{Storage, StorageError};

/// Entries taken in one go: one full tile.
const CHUNK: u64 = 256;
/// Longest sleep before the next look at whether the server goes down.
const NAP: Duration = Duration::from_millis(50);
/// What the copy that is read is called in the log's directory.
const COPY: &str = "checkpoint.scrub";

/// How fast a log is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests set both")]
pub struct Pace {
    /// Bytes of entries a second; 0 for not at all.
    pub bytes_per_second: u64,
    /// After each pass.
    pub rest: Duration,
}

impl Pace {
    /// 10 million entries of 600 bytes take some 25 minutes.
    pub const STANDARD: Self = Self { bytes_per_second: 4 * 1024 * 1024, rest: Duration::from_secs(10 * 60) };
    /// Not at all.
    pub const NONE: Self = Self { bytes_per_second: 0, rest: Duration::ZERO };
}

/// What a scrub works on.
#[derive(Debug)]
pub(crate) struct Scrub {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) gate: Arc<Gate>,
    /// Where damage is remembered; `None` for a log in memory.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) pace: Pace,
}

/// A scrub at work. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Scrubber {
    down: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scrubber {
    pub(crate) fn start(scrub: Scrub) -> std::io::Result<Self> {
        let down = Arc::new(AtomicBool::new(false));
        let mut run = Run { scrub, down: Arc::clone(&down), debt: Duration::ZERO };
        let thread = std::thread::Builder::new().name("scrub".to_owned()).spawn(move || run.run())?;
        Ok(Self { down, thread: Some(thread) })
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        self.down.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

/// What a pass ends with if not with a clean tree.
#[derive(Debug, Error)]
enum Finding {
    #[error("{0}")]
    Damaged(Damage),
    /// Nothing was read yet, so nothing is known: a full disk, as a rule.
    #[error("{0}")]
    NoCopy(StorageError),
    #[error("the tree has an impossible size")]
    Size(#[from] SizeError),
    #[error("what is stored cannot be read: {0}")]
    Storage(#[from] StorageError),
    /// The server goes down.
    #[error("not finished")]
    Stopped,
}

struct Run {
    scrub: Scrub,
    down: Arc<AtomicBool>,
    /// Time that was read ahead of the rate.
    debt: Duration,
}

impl Run {
    fn run(&mut self) {
        loop {
            match self.pass() {
                Ok(()) => {
                    let passes = self.scrub.gate.scrubbed().pass_done();
                    tracing::info!(
                        passes,
                        entries = self.scrub.gate.scrubbed().of(),
                        "everything was read again and is sound"
                    );
                }
                Err(Finding::NoCopy(error)) => {
                    tracing::warn!(%error, "no copy to read again; trying later");
                }
                Err(Finding::Stopped) => return,
                Err(finding) => return self.alarm(&finding),
            }
            if self.nap(self.scrub.pace.rest).is_err() {
                return;
            }
        }
    }

    /// The gate first: nothing of what follows may keep it open.
    fn alarm(&self, finding: &Finding) {
        self.scrub.gate.close(Closed::Damaged);
        let at = self.scrub.gate.scrubbed().at();
        tracing::error!(alarm = "damaged", at, finding = %finding, "damage found, nothing is signed any more");
        let Some(dir) = &self.scrub.dir else { return };
        // A log that is held for another reason does not sign after a restart either, and that reason must not be lost.
        let remembered = match Hold::read(dir) {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(_) => Hold::new(Reason::Damaged, finding.to_string()).write(dir),
        };
        if let Err(error) = remembered {
            tracing::error!(%error, "the damage could not be remembered, do not restart before it is looked into");
        }
    }

    fn nap(&self, mut time: Duration) -> Result<(), Finding> {
        while !self.down.load(Ordering::Relaxed) {
            if time.is_zero() {
                return Ok(());
            }
            let nap = time.min(NAP);
            std::thread::sleep(nap);
            time -= nap;
        }
        Err(Finding::Stopped)
    }

    /// A copy of the store as it is on disk now, past everything that is cached; the store itself if it has no disk.
    fn copy(&self) -> Result<Arc<dyn Storage>, Finding> {
        let Some(dir) = &self.scrub.dir else { return Ok(Arc::clone(&self.scrub.storage)) };
        match self.scrub.storage.fresh(&dir.join(COPY)) {
            Ok(copy) => Ok(Arc::from(copy)),
            Err(StorageError::Engine { act, source }) => {
                Err(Finding::NoCopy(StorageError::Engine { act, source }))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn pass(&mut self) -> Result<(), Finding> {
        let head = *self.scrub.publisher.current().head();
        self.remove_copy();
        let copy = self.copy()?;
        let found = self.read_again(head, copy.as_ref());
        drop(copy);
        self.remove_copy();
        found
    }

    fn remove_copy(&self) {
        let Some(path) = self.scrub.dir.as_ref().map(|dir| dir.join(COPY)) else { return };
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "could not remove the copy that was read");
            }
            _ => {}
        }
    }

    fn read_again(&mut self, head: TreeHead, storage: &dyn Storage) -> Result<(), Finding> {
        let size = head.size().get();
        self.scrub.gate.scrubbed().set_at(0);
        self.scrub.gate.scrubbed().set_of(size);
        let (mut frontier, mut edge) = (Frontier::new(), RightEdge::new());
        let mut partial: HashMap<u8, TileWrite> = HashMap::new();
        let mut start = 0;
        while start < size {
            let end = size.min(start + CHUNK);
            let begun = Instant::now();
            let (mut leaves, mut bytes) = (Vec::new(), 0);
            storage.entries(start..end, &mut |_, entry| {
                bytes += entry.len() as u64;
                leaves.push(LeafHash::of(entry));
            })?;
            for (index, found) in (start..end).zip(storage.find(&leaves)?) {
                let found = found.map(|found| found.get());
                if found != Some(index) {
                    return Err(Finding::Damaged(Damage::LeafMisfiled { index, found }));
                }
            }
            for leaf in &leaves {
                frontier.append(*leaf)?;
            }
            for tile in edge.append(&leaves)? {
                if tile.width().is_full() {
                    partial.remove(&tile.coord().level());
                    compare(storage, &tile)?;
                } else {
                    partial.insert(tile.coord().level(), tile);
                }
            }
            start = end;
            self.scrub.gate.scrubbed().set_at(start);
            self.keep_to_the_rate(bytes, begun.elapsed())?;
        }
        for tile in partial.values() {
            compare(storage, tile)?;
        }
        match self.wrong_root(&head, &frontier, &edge) {
            Some(damage) => Err(Finding::Damaged(damage)),
            None => Ok(()),
        }
    }

    fn wrong_root(&self, head: &TreeHead, frontier: &Frontier, edge: &RightEdge) -> Option<Damage> {
        let wrong = [frontier.root(), edge.root()].into_iter().find(|root| *root != head.root())?;
        Some(Damage::RootDiffers { size: head.size().get(), seen: wrong, wanted: head.root() })
    }

    fn keep_to_the_rate(&mut self, bytes: u64, taken: Duration) -> Result<(), Finding> {
        let due = Duration::from_secs_f64(bytes as f64 / self.scrub.pace.bytes_per_second.max(1) as f64);
        self.debt = (self.debt + due).saturating_sub(taken);
        if self.debt >= NAP || self.down.load(Ordering::Relaxed) {
            let debt = std::mem::take(&mut self.debt);
            self.nap(debt)?;
        }
        Ok(())
    }
}

/// A stored tile may have grown since the pass began, but only at its end.
fn compare(storage: &dyn Storage, wanted: &TileWrite) -> Result<(), Finding> {
    let (level, index) = (wanted.coord().level(), wanted.coord().index());
    let Some(seen) = storage.tile(wanted.coord())? else {
        return Err(Finding::Damaged(Damage::TileMissing { level, index }));
    };
    if seen.starts_with(wanted.bytes()) {
        return Ok(());
    }
    let same = seen.iter().zip(wanted.bytes()).take_while(|(seen, wanted)| seen == wanted);
    Err(Finding::Damaged(Damage::TileDiffers { level, index, hash: same.count() / 32 }))
}
