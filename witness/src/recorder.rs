//! The one thread that checks and sets: nothing else writes to the record, and nobody is answered before it is on the disk.
//!
//! ```text
//! take what waits, at most 256 requests
//! for each, in order: decide against the record and those before it     (decision, quota, clock)
//! write all that is new in one frame, sync once                         (record)
//! let readers see it, answer all of them, refusals too
//! ```
//!
//! Refusals wait for the sync as well: a 409 tells a size, and that size must not be taken back by a crash.
//!
//! The sad path: if the record fails, the outcome is unknown. Nobody of that round is told anything but that the witness stops, and
//! [`Recorder::run`] returns the error, with which the process has to end.
//!
//! # Times
//!
//! The time of a cosignature never goes back for a log. A request that finds the wall clock before the last time is refused until
//! the clock has passed it ([`Outcome::ClockBehind`]).
//!
//! A checkpoint whose text is that of the latest, and that was cosigned at most [`FRESH`] ago, is answered with the same
//! cosignatures and nothing is written: whoever sends it over and over costs no disk.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::UnixSeconds;
use tlog::note::NoteSignature;
use tokio::sync::oneshot;

use crate::decision::{Refusal, decide};
use crate::durable::{Durable, Latest};
use crate::metrics::Metrics;
use crate::origin_hash::OriginHash;
use crate::quota::Quotas;
use crate::record::{MAX_CHECKPOINT_BYTES, Record, RecordError};
use crate::request::Request;

/// How old a cosignature may be and still be given for the same checkpoint, seconds.
pub const FRESH: u64 = 5;
/// Most requests that share a sync: a frame of them is at most 4 MiB.
const ROUND: usize = 256;
/// Between two log lines about forks of one log.
const FORK_PAUSE: Duration = Duration::from_secs(60);
/// Requests that may wait. At some thousand a second each waits well under a second.
const QUEUE: usize = 1024;

/// Where time comes from.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// POSIX seconds by the wall clock; 0 if it stands before 1970.
    fn wall(&self) -> u64;
    /// Time since a fixed moment, by a clock that nobody sets.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// Counts the monotonic time from now.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What became of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// The wall clock stands before the last cosignature's time.
    ClockBehind {
        /// How far, in seconds.
        seconds: u64,
    },
    /// It is the latest, on the disk. Only now may it be cosigned.
    Cosign(Durable),
    /// The log grows more often than it may.
    OverQuota {
        /// How long until it may again.
        wait: Duration,
    },
    /// Not consistent.
    Refused(Refusal),
}

#[derive(Debug)]
struct Job {
    request: Request,
    answer: oneshot::Sender<Outcome>,
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// Too many wait already.
    #[error("too many requests wait")]
    Busy,
    /// The record failed; what became of the request is unknown, and the process ends.
    #[error("the witness stopped")]
    Stopped,
}

/// Hands requests to the recorder and reads what it recorded. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    jobs: SyncSender<Job>,
    latest: Shared,
}

type Shared = Arc<RwLock<HashMap<OriginHash, Durable>>>;

impl Desk {
    /// Has a request decided and written down.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn record(&self, request: Request) -> Result<Outcome, NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job { request, answer }).map_err(|error| match error {
            TrySendError::Full(_) => NotTaken::Busy,
            TrySendError::Disconnected(_) => NotTaken::Stopped,
        })?;
        answered.await.map_err(|_| NotTaken::Stopped)
    }

    /// The latest checkpoint of a log that is on the disk.
    #[must_use]
    pub fn latest(&self, origin: &OriginHash) -> Option<Durable> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()
    }

    /// Of how many logs there is one.
    #[must_use]
    pub fn cosigned_logs(&self) -> usize {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Owns the record.
#[derive(Debug)]
pub struct Recorder {
    record: Record,
    jobs: Receiver<Job>,
    latest: Shared,
    quotas: Quotas,
    /// When a fork of a log was told last.
    forks: HashMap<OriginHash, Duration>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Recorder {
    /// A recorder for an open record, and the desk in front of it.
    #[must_use]
    pub fn new(record: Record, clock: Arc<dyn Clock>, metrics: Metrics) -> (Self, Desk) {
        let (sender, jobs) = sync_channel(QUEUE);
        let latest: Shared =
            Arc::new(RwLock::new(record.all().map(|(hash, durable)| (*hash, durable.clone())).collect()));
        metrics.recorded(record.size_bytes());
        let desk = Desk { jobs: sender, latest: Arc::clone(&latest) };
        (
            Self { record, jobs, latest, quotas: Quotas::default(), forks: HashMap::new(), clock, metrics },
            desk,
        )
    }

    /// Works until all desks are gone.
    ///
    /// # Errors
    /// [`RecordError`]: what became of the last round is unknown.
    pub fn run(mut self) -> Result<(), RecordError> {
        while let Ok(first) = self.jobs.recv() {
            let mut round = vec![first];
            while round.len() < ROUND
                && let Ok(next) = self.jobs.try_recv()
            {
                round.push(next);
            }
            self.round(round)?;
        }
        Ok(())
    }

    fn round(&mut self, jobs: Vec<Job>) -> Result<(), RecordError> {
        let mut changes: Vec<Latest> = Vec::new();
        // Where in `changes` the newest one of a log is.
        let mut newest: HashMap<OriginHash, usize> = HashMap::new();
        let mut decided = Vec::with_capacity(jobs.len());
        for Job { request, answer } in jobs {
            let hash = *request.log().hash();
            let before = newest.get(&hash).and_then(|position| changes.get(*position));
            let before = before.or_else(|| self.record.latest(&hash).map(Durable::latest)).cloned();
            let verdict = match self.verdict(before.as_ref(), &request) {
                Verdict::Change(latest) => {
                    newest.insert(hash, changes.len());
                    changes.push(latest);
                    Decided::Changed(changes.len() - 1)
                }
                // Without a change there is nothing to wait for, but this round may hold the change it stands on.
                Verdict::Fresh => match (newest.get(&hash), self.record.latest(&hash)) {
                    (Some(position), _) => Decided::Changed(*position),
                    // As it is now: a later request of this round may change it.
                    (None, Some(durable)) => Decided::Outcome(Outcome::Cosign(durable.clone())),
                    // Only what was cosigned can be fresh; without it nobody is told anything.
                    (None, None) => continue,
                },
                Verdict::Outcome(outcome) => Decided::Outcome(outcome),
            };
            decided.push((verdict, answer));
        }
        let count = changes.len();
        let durable = if changes.is_empty() {
            Vec::new()
        } else {
            let started = Instant::now();
            let durable = self.record.append(changes)?;
            self.metrics.synced(count, started.elapsed(), self.record.size_bytes());
            let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
            for (hash, position) in newest {
                if let Some(durable) = durable.get(position) {
                    latest.insert(hash, durable.clone());
                }
            }
            durable
        };
        for (decided, answer) in decided {
            let outcome = match decided {
                Decided::Changed(position) => durable.get(position).cloned().map(Outcome::Cosign),
                Decided::Outcome(outcome) => Some(outcome),
            };
            if let Some(outcome) = outcome {
                // Nobody listening is no error: the client went away, and what was written stays.
                let _ = answer.send(outcome);
            }
        }
        Ok(())
    }

    /// Counts a fork, and says whether to tell it: whoever has seen one can send it again and again.
    fn tells_fork(&mut self, request: &Request) -> bool {
        self.metrics.fork();
        let (hash, now) = (*request.log().hash(), self.clock.monotonic());
        let is_due = self.forks.get(&hash).is_none_or(|told| now.saturating_sub(*told) >= FORK_PAUSE);
        if is_due {
            self.forks.insert(hash, now);
        }
        is_due
    }

    fn verdict(&mut self, before: Option<&Latest>, request: &Request) -> Verdict {
        if let Err(refusal) = decide(before, request) {
            if refusal.is_fork() && self.tells_fork(request) {
                tracing::error!(
                    origin = %request.log().origin(),
                    cosigned = ?before.map_or_else(String::new, |before| note(before.checkpoint().as_bytes())),
                    refused = ?note(request.checkpoint().as_bytes()),
                    "fork: the log signed two trees of one size; keep this line, it is the proof",
                );
            }
            return Verdict::Outcome(Outcome::Refused(refusal));
        }
        let (now, last) = (self.clock.wall(), before.map_or(0, |before| before.time().get()));
        if now < last || now == 0 {
            return Verdict::Outcome(Outcome::ClockBehind { seconds: (last - now).max(1) });
        }
        let said = said(before, request);
        if matches!(said, Said::Before(_)) && now - last <= FRESH {
            return Verdict::Fresh;
        }
        // A refresh is written at most once in that time, whoever asks for it; growth and new words are the log's own doing.
        let checkpoint = match said {
            Said::Before(checkpoint) => checkpoint,
            Said::New(checkpoint) => {
                let log = request.log();
                if let Err(wait) = self.quotas.take(log.hash(), log.qpd(), self.clock.monotonic()) {
                    return Verdict::Outcome(Outcome::OverQuota { wait });
                }
                checkpoint
            }
        };
        match UnixSeconds::new(now) {
            Ok(time) => Verdict::Change(Latest::new(time, checkpoint)),
            // 292 thousand million years from now.
            Err(_) => Verdict::Outcome(Outcome::ClockBehind { seconds: 1 }),
        }
    }
}

/// What is to be done about one request.
enum Verdict {
    Change(Latest),
    Fresh,
    Outcome(Outcome),
}

/// What is to be answered once the round is on the disk.
enum Decided {
    Changed(usize),
    Outcome(Outcome),
}

/// What a request says, beside what was cosigned last.
enum Said {
    /// Nothing new: the checkpoint as it was cosigned.
    Before(SignedCheckpoint),
    New(SignedCheckpoint),
}

/// Of a log with two keys anybody can take one signature away, so signatures under one text are put together: else a stranger could
/// say something new by turns.
fn said(before: Option<&Latest>, request: &Request) -> Said {
    let asked = request.checkpoint();
    let Some(before) = before.filter(|before| before.checkpoint().note().text() == asked.note().text())
    else {
        return Said::New(asked.clone());
    };
    let known = before.checkpoint().note().signatures();
    let is_known = |line: &&NoteSignature| {
        known.iter().any(|known| known.name() == line.name() && known.key_id() == line.key_id())
    };
    let more: Vec<NoteSignature> =
        asked.note().signatures().iter().filter(|line| !is_known(line)).cloned().collect();
    if more.is_empty() {
        return Said::Before(before.checkpoint().clone());
    }
    let all = before.checkpoint().with_signatures(&more).ok();
    Said::New(all.filter(|all| all.as_bytes().len() <= MAX_CHECKPOINT_BYTES).unwrap_or_else(|| asked.clone()))
}

fn note(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
