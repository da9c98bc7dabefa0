//! The status of a log: what its entries amount to said about everything, signed, at regular intervals (`spec/status.md`).
//!
//! ```text
//! entries ──► register of mentions ──► map      (this thread, from the published tree, from the first entry on at each start)
//!                                       │ root
//!                                  desk ▼       (the sequencer's thread, which has the key: `desk`)
//!                                 signed status
//!                                       │
//! GET /status, GET /status/<digest> ◄── board
//! ```
//!
//! The thread follows the published tree like the search index does, takes half a processor at most while it is far behind, and
//! has a status signed whenever the [interval](Cadence) is over. What it signs is the map of exactly the entries of the head it signs: both
//! were counted from the same published tree, and `tallymark-log fsck` makes the map again and compares.
//!
//! What cannot be signed now (the log is damaged or waits to be released, its clock stands behind, its key is away) is tried again; what
//! was signed before stays on the board and grows old, which everybody sees by its time.
//!
//! Confession: the register is made anew at each start, so a log of ten million entries has no status for its first minutes. It
//! could be kept like the search index; then it would have to be proven first.
//!
//! In scope: making and showing. Out of scope: what an entry mentions ([`crate::admission::mentions`]), what may be signed
//! ([`crate::signing::status`]).

pub mod desk;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use merkle::Map;
use thiserror::Error;
use tlog::checkpoint::SignedCheckpoint;
use tlog::status::SignedStatus;

use crate::admission::mentions::{Mentions, MentionsError, STANDARD_MAX_MENTIONS, Subject};
use crate::metrics::LogMetrics;
use crate::publisher::{Publication, Publisher};
use crate::status::desk::{Desk, DeskError, Order};
use crate::storage::{Storage, StorageError};

/// Most entries taken up at once.
const STEP_ENTRIES: u64 = 1024;
/// How long the thread sleeps if there is nothing to do.
const NAP: Duration = Duration::from_millis(100);
/// How long a status may take to be signed: an agent may ask its owner to confirm.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a status is signed, and how much memory the register may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests change one field of the standard")]
pub struct Cadence {
    /// From one status to the next.
    pub interval: Duration,
    /// Most mentions.
    pub max_mentions: usize,
}

impl Cadence {
    /// Each minute; a million mentions.
    pub const STANDARD: Self =
        Self { interval: Duration::from_secs(60), max_mentions: STANDARD_MAX_MENTIONS };
}

/// What readers are shown.
#[derive(Debug)]
pub struct Board {
    // Written by the keeper only, for one step at a time.
    mentions: RwLock<Mentions>,
    // Held only to clone or to swap the pointer.
    posted: RwLock<Option<Arc<Posted>>>,
}

/// A status with its map.
#[derive(Debug)]
struct Posted {
    status: SignedStatus,
    map: Map,
    publication: Arc<Publication>,
}

/// Why there is nothing to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BoardError {
    /// None was signed since the start.
    #[error("no status was signed yet, {size} entries were looked through")]
    Nothing {
        /// How many entries.
        size: u64,
    },
    /// This digest was mentioned too often.
    #[error(transparent)]
    Mentions(#[from] MentionsError),
}

impl Board {
    /// A board on which nothing was posted.
    #[must_use]
    pub fn new(cadence: Cadence) -> Self {
        Self { mentions: RwLock::new(Mentions::new(cadence.max_mentions)), posted: RwLock::new(None) }
    }

    fn posted(&self) -> Result<Arc<Posted>, BoardError> {
        let posted = self.posted.read().unwrap_or_else(PoisonError::into_inner).clone();
        posted.ok_or_else(|| BoardError::Nothing { size: self.read().size().get() })
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Mentions> {
        self.mentions.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Mentions> {
        self.mentions.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest status, as served.
    ///
    /// # Errors
    /// [`BoardError::Nothing`].
    pub fn status(&self) -> Result<Vec<u8>, BoardError> {
        Ok(self.posted()?.status.as_bytes().to_vec())
    }

    /// What the newest status has for a subject: one line of JSON without a line feed. `shown` is what readers see of the log
    /// now: if it is the same tree its checkpoint is taken, which may have more cosignatures.
    ///
    /// # Errors
    /// [`BoardError`].
    pub fn snapshot(&self, subject: Subject, shown: &Publication) -> Result<Vec<u8>, BoardError> {
        let posted = self.posted()?;
        let same = shown.head() == posted.publication.head();
        let checkpoint = if same { shown.checkpoint() } else { posted.publication.checkpoint() };
        // A checkpoint that was published parses.
        let checkpoint = SignedCheckpoint::parse(checkpoint).ok();
        Ok(self.read().snapshot(subject, &posted.map, &posted.status, checkpoint)?)
    }
}

/// What the keeper works with.
#[derive(Debug)]
pub struct Parts {
    /// Where the entries are.
    pub storage: Arc<dyn Storage>,
    /// Where the tree is that readers see: with a quorum what it confirmed, so that a status has its witnesses.
    pub publisher: Arc<Publisher>,
    /// Where statuses are signed.
    pub desk: Arc<Desk>,
    /// Where it counts.
    pub metrics: LogMetrics,
}

/// The thread that keeps a board up to date. Dropping it ends the thread, after at most one step.
#[derive(Debug)]
pub struct Keeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts to keep `board`.
    ///
    /// # Errors
    /// What the system says if there is no thread to be had.
    pub fn start(board: Arc<Board>, cadence: Cadence, parts: Parts) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        // The lines are on the page from the start.
        parts.metrics.mentioned(0);
        parts.metrics.status_signed(0);
        let work = Work { board, cadence, parts, stop: Arc::clone(&stop) };
        let thread = std::thread::Builder::new().name("status".to_owned());
        let thread = thread.spawn(move || work.run())?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the keeper of the status panicked");
            }
        }
    }
}

struct Work {
    board: Arc<Board>,
    cadence: Cadence,
    parts: Parts,
    stop: Arc<AtomicBool>,
}

impl Work {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_stopped() && Instant::now() < until {
            std::thread::park_timeout(NAP);
        }
    }

    fn run(&self) {
        let mut last: Option<Instant> = None;
        while !self.is_stopped() {
            // Where a quorum is asked for and has confirmed nothing yet, there is nothing to make a status of.
            let Ok(publication) = self.parts.publisher.for_readers() else {
                std::thread::park_timeout(NAP);
                continue;
            };
            let (shown, taken) = (publication.head().size().get(), self.board.read().size().get());
            let behind = shown.saturating_sub(taken);
            // A map of more than the tree is never signed, whatever becomes of what readers are shown.
            let is_due = taken == shown && last.is_none_or(|last| last.elapsed() >= self.cadence.interval);
            let done = if behind > 0 {
                self.take_up(behind)
            } else if is_due {
                self.post(publication).map(|()| last = Some(Instant::now()))
            } else {
                std::thread::park_timeout(NAP);
                Ok(())
            };
            if let Err(error) = done {
                if !self.is_stopped() {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no status can be signed now");
                }
                self.rest(self.cadence.interval);
            }
        }
    }

    /// Takes up the next entries.
    fn take_up(&self, behind: u64) -> Result<(), StatusError> {
        let started = Instant::now();
        let from = self.board.read().size().get();
        let mut entries = Vec::new();
        self.parts.storage.entries(from..from + behind.min(STEP_ENTRIES), &mut |_, entry| {
            entries.push(entry.to_vec());
        })?;
        let mut mentions = self.board.write();
        for entry in &entries {
            mentions.add(entry)?;
        }
        self.parts.metrics.mentioned(mentions.count());
        drop(mentions);
        if behind > STEP_ENTRIES {
            // An old log after a start: the log itself comes first, so this takes half a processor at most.
            std::thread::park_timeout(started.elapsed());
        }
        Ok(())
    }

    /// Has the status of what was taken up signed, and posts it.
    fn post(&self, publication: Arc<Publication>) -> Result<(), StatusError> {
        let map = self.board.read().map().clone();
        let answer = self.parts.desk.ask(Order { head: *publication.head(), map: map.root() });
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match answer.recv_timeout(NAP) {
                Ok(signed) => break signed?,
                Err(RecvTimeoutError::Timeout) if !self.is_stopped() && Instant::now() < until => {}
                Err(_) => return Err(StatusError::Unanswered),
            }
        };
        self.parts.metrics.status_signed(status.unverified().time());
        let posted = Posted { status, map, publication };
        *self.board.posted.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(posted));
        Ok(())
    }
}

/// Why no status can be signed now.
#[derive(Debug, Error)]
#[non_exhaustive]
enum StatusError {
    /// It was refused where the key is.
    #[error("the status was not signed")]
    Desk(#[from] DeskError),
    /// An entry cannot be taken up.
    #[error(transparent)]
    Mentions(#[from] MentionsError),
    /// An entry could not be read.
    #[error("an entry could not be read")]
    Storage(#[from] StorageError),
    /// Nobody answered.
    #[error("the sequencer has not come round to sign a status")]
    Unanswered,
}
