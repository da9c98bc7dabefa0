//! Asks witnesses to confirm what the log publishes (c2sp.org/tlog-witness).
//!
//! One thread goes from round to round. A round takes the newest publication and has all witnesses asked for that one, each by a
//! thread of its own (`courier`), so that their lines are under one checkpoint. Once the quorum of the policy is met the
//! checkpoint with its lines is written down ([`kept`]) and shown; a line that comes later is added while it is still the newest. A
//! witness that is slow misses rounds and holds up nobody else.
//!
//! Nothing of a witness is believed but lines that verify under its key in the policy. With one exception: a witness that says it has
//! confirmed more than the log has ever published closes the gate. Either the log was put back to an older state, and
//! another signature would be a second history; or the witness lies, and the operator takes it out of the policy.
//!
//! In scope: rounds and the quorum. Out of scope: waiting for it, which is a submitter's choice ([`crate::publisher`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tlog::checkpoint::SignedCheckpoint;
use tlog::note::NoteSignature;
use tlog::policy::{Policy, Quorum};

use crate::gate::{Closed, Gate};
use crate::metrics::LogMetrics;
use crate::publisher::{Publication, Publisher, Shown};
use crate::storage::Storage;

mod courier;
pub mod kept;

pub use courier::CourierError;
use courier::{Asked, Courier};

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum News {
    /// A witness answered.
    Answered(Asked),
    /// There is a new publication.
    Published,
    /// The log goes down.
    Stop,
}

/// How often witnesses are asked, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by settings and tests")]
pub struct Tempo {
    /// Least time between two rounds.
    pub pause: Duration,
    /// For one answer.
    pub timeout: Duration,
    /// After so long what is confirmed already is confirmed again, so that readers see that it is still the newest.
    pub refresh: Duration,
}

impl Tempo {
    /// A second, two seconds, five minutes.
    pub const STANDARD: Self = Self {
        pause: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        refresh: Duration::from_secs(300),
    };
}

/// Whom to ask, and how.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "made by settings and tests")]
pub struct Witnesses {
    /// Witnesses, groups and the quorum.
    pub policy: Arc<Policy>,
    /// How often.
    pub tempo: Tempo,
}

/// What a feeder works with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) metrics: LogMetrics,
    /// Where the confirmed checkpoint is kept; nowhere for a log in memory.
    pub(crate) kept: Option<PathBuf>,
}

/// The running feeder of a log. Dropping it ends its threads, after the requests that are under way.
#[derive(Debug)]
pub struct Feeder {
    news: Sender<News>,
    thread: Option<JoinHandle<()>>,
    // Told once every witness has answered.
    settled: Receiver<()>,
    patience: Duration,
}

impl Feeder {
    /// Starts to ask the witnesses of a policy.
    ///
    /// # Errors
    /// What the system says if there is no thread or no connection to be had.
    pub(crate) fn start(witnesses: Witnesses, parts: Parts) -> io::Result<Self> {
        let (news, told) = mpsc::channel();
        let shown = match witnesses.policy.quorum() {
            Quorum::Of(_) => Shown::Cosigned,
            Quorum::None => Shown::Published,
        };
        if let Some(path) = &parts.kept {
            match kept::read(path, &witnesses.policy, &parts.publisher.current(), parts.storage.as_ref()) {
                Ok(Some(publication)) => parts.publisher.confirm(publication),
                Ok(None) => {}
                // It is made again by the first round.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the kept checkpoint is not used"
                    );
                }
            }
        }
        parts.publisher.feed(shown, news.clone());
        let couriers = Courier::all(&witnesses, &parts, &news)?;
        // A first answer may take two requests.
        let patience = witnesses.tempo.timeout.saturating_mul(2);
        let (all, settled) = mpsc::channel();
        let silent = couriers.iter().map(Courier::witness).collect();
        let rounds = Rounds {
            witnesses,
            parts,
            told,
            couriers,
            silent,
            asked: BTreeSet::new(),
            is_met: false,
            all: Some(all),
            lines: BTreeMap::new(),
            target: None,
            since: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("feeder".to_owned()).spawn(move || rounds.run())?;
        Ok(Self { news, thread: Some(thread), settled, patience })
    }

    /// Waits until every witness has answered once, but not for one that does not.
    pub(crate) fn settle(&self) {
        if self.settled.recv_timeout(self.patience).is_err() {
            tracing::warn!("not every witness answers; the log goes on without them");
        }
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        // It has ended already only if it panicked.
        let _ = self.news.send(News::Stop);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the feeder panicked");
        }
    }
}

/// The thread's state.
struct Rounds {
    witnesses: Witnesses,
    parts: Parts,
    told: Receiver<News>,
    couriers: Vec<Courier>,
    // Witnesses that have not answered since the start.
    silent: BTreeSet<usize>,
    // Whom to tell when there are none.
    all: Option<Sender<()>>,
    // Witnesses that were asked in this round and have not answered.
    asked: BTreeSet<usize>,
    // Whether the quorum has confirmed the target.
    is_met: bool,
    // Verified lines under the target, by witness.
    lines: BTreeMap<usize, NoteSignature>,
    target: Option<Arc<Publication>>,
    // When the quorum was last met; at first when this began.
    since: Instant,
}

impl Rounds {
    fn run(mut self) {
        loop {
            let began = Instant::now();
            self.begin();
            // The pause is the quota: whatever happens, no round begins before it is over.
            loop {
                let left = self.left(began);
                if left.is_zero() {
                    break;
                }
                match self.told.recv_timeout(left) {
                    Ok(News::Answered(asked)) => self.answered(asked),
                    Ok(News::Published) | Err(RecvTimeoutError::Timeout) => {}
                    Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    /// How long until the next round may begin: the pause if there is something to ask, else until a refresh is due.
    fn left(&self, began: Instant) -> Duration {
        let tempo = self.witnesses.tempo;
        let is_news = self.target.as_ref().is_none_or(|target| {
            target.head() != self.parts.publisher.current().head() || self.lines.len() < self.couriers.len()
        });
        let wait = match (is_news, self.is_met || self.asked.is_empty()) {
            (true, true) => tempo.pause,
            // A log that grows faster than its witnesses answer would otherwise never have enough lines under one checkpoint.
            (true, false) => tempo.pause.max(tempo.timeout),
            (false, _) => tempo.pause.max(tempo.refresh),
        };
        wait.saturating_sub(began.elapsed())
    }

    fn begin(&mut self) {
        let newest = self.parts.publisher.current();
        if self.target.as_ref().is_none_or(|target| target.head() != newest.head()) {
            self.lines.clear();
            self.is_met = self.witnesses.policy.quorum() == Quorum::None;
        }
        self.asked.clear();
        let is_due = self.since.elapsed() >= self.witnesses.tempo.refresh;
        for courier in &self.couriers {
            // Whoever has confirmed it is left alone until that is old.
            if is_due || !self.lines.contains_key(&courier.witness()) {
                courier.ask(Arc::clone(&newest));
                self.asked.insert(courier.witness());
            }
        }
        self.target = Some(newest);
        self.parts.metrics.cosigned_age(self.since.elapsed());
    }

    fn answered(&mut self, asked: Asked) {
        let Asked { witness, name, publication, outcome } = asked;
        self.silent.remove(&witness);
        self.asked.remove(&witness);
        self.parts
            .metrics
            .witness_answer(&name, outcome.as_ref().map_or_else(CourierError::code, |_| "cosigned"));
        match outcome {
            Ok(line) => {
                let is_target =
                    self.target.as_ref().is_some_and(|target| target.head() == publication.head());
                if is_target {
                    self.lines.insert(witness, line);
                    self.confirm(&publication);
                }
            }
            Err(error) => {
                if let CourierError::Ahead { .. } = &error {
                    self.parts.gate.close(Closed::WitnessAhead);
                    self.parts.metrics.witness_ahead();
                }
                let error: &dyn std::error::Error = &error;
                tracing::error!(witness = &*name, error, "a witness did not confirm the log");
            }
        }
        if self.silent.is_empty()
            && let Some(all) = self.all.take()
        {
            // Nobody waits any more if it took longer than the patience.
            let _ = all.send(());
        }
    }

    /// Shows the target with the lines that there are, once they are enough.
    fn confirm(&mut self, publication: &Publication) {
        let lines: Vec<NoteSignature> = self.lines.values().cloned().collect();
        let signed = SignedCheckpoint::parse(publication.checkpoint());
        let Ok(note) = signed.and_then(|signed| signed.with_signatures(&lines)) else { return };
        // Everything is verified once more, by the code that verifiers use.
        if self.witnesses.policy.quorum_met(&note).is_err() {
            return;
        }
        if let Some(path) = &self.parts.kept
            && let Err(error) = kept::write(path, note.as_bytes())
        {
            // Readers get it all the same; after a restart they wait for the first round.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the confirmed checkpoint was not kept"
            );
        }
        self.parts.publisher.confirm(publication.cosigned(note.as_bytes().to_vec()));
        self.parts.metrics.cosigned_size(publication.head().size().get());
        self.parts.metrics.cosigned_age(Duration::ZERO);
        (self.since, self.is_met) = (Instant::now(), true);
    }
}
