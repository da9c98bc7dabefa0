//! Telling, in the order of the log, and writing down that it was told.
//!
//! The state is saved after a message was delivered, never before: a process that is killed at any moment tells again what it may
//! not have told, and leaves out nothing. Between a delivery and the save that follows it there is no other delivery, so one
//! kill makes one message be told twice, under the same id. What a receiver does not take waits in the state and holds up
//! nothing but later messages to the same receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::alert::{Alert, now};
use crate::disk::{self, Dir, DiskError};
use crate::journal::{self, Journal, What};
use crate::lists::{List, ListError};
use crate::reason::{Class, Reason};
use crate::seen::Concern;
use crate::sink::Sink;
use crate::state::{LogState, MAX_PENDING, Pending, State, StateError};
use crate::watch::Find;

/// While nothing is told, progress is saved this often: what is lost by a kill is read again.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// Why nothing more can be told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// Evidence could not be kept.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Receivers have not taken what waits for them.
    #[error("{MAX_PENDING} messages wait for a receiver; nothing is read until they are taken")]
    Full,
    /// A list cannot be read.
    #[error(transparent)]
    List(#[from] ListError),
    /// The state cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// What has been counted since the start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Messages by log and reason.
    pub alerts: BTreeMap<(String, Reason), u64>,
    /// Deliveries that failed, by receiver.
    pub failures: BTreeMap<&'static str, u64>,
    /// The worst that was told.
    pub worst: Option<Class>,
}

/// How a log stands, as the last round left it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Standing {
    /// Entries of the newest checkpoint.
    pub size: u64,
    /// When a witness last confirmed it, in seconds since 1970.
    pub confirmed: Option<u64>,
    /// When a round last came to its end, in seconds since 1970.
    pub looked: Option<u64>,
}

/// Everything that rounds of several logs share. Behind one lock: messages are told one after the other.
#[derive(Debug)]
pub struct Outbox {
    dir: Dir,
    state: State,
    sinks: Vec<Sink>,
    expected: List,
    acknowledged: List,
    journal: Journal,
    is_baseline: bool,
    // Ids of all that was told, while entries are read again; `None` before.
    told: Option<BTreeSet<String>>,
    saved: Instant,
    counts: Counts,
    standings: BTreeMap<String, Standing>,
}

impl Outbox {
    /// Takes up the state of a directory. With `is_baseline`, what a log has when it is first seen is learnt and not told.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn open(dir: Dir, sinks: Vec<Sink>, is_baseline: bool) -> Result<Self, OutboxError> {
        let state = State::read(dir.path())?;
        let (expected, acknowledged) = (List::expected(dir.path()), List::acknowledged(dir.path()));
        let journal = Journal::of(dir.path());
        let saved = Instant::now();
        let (counts, standings) = (Counts::default(), BTreeMap::new());
        Ok(Self {
            dir,
            state,
            sinks,
            expected,
            acknowledged,
            journal,
            is_baseline,
            told: None,
            saved,
            counts,
            standings,
        })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What is remembered.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What has been counted.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How each log stands.
    #[must_use]
    pub const fn standings(&self) -> &BTreeMap<String, Standing> {
        &self.standings
    }

    /// How far a log was read, at the beginning of a round; the lists are looked at again.
    ///
    /// # Errors
    /// [`OutboxError::List`], [`OutboxError::Full`].
    pub fn begin(&mut self, origin: &str) -> Result<LogState, OutboxError> {
        self.expected.refresh()?;
        self.acknowledged.refresh()?;
        if self.state.pending.len() >= MAX_PENDING {
            return Err(OutboxError::Full);
        }
        Ok(self.state.logs.get(origin).cloned().unwrap_or_default())
    }

    /// Takes up a checkpoint that is proven to extend the one before.
    ///
    /// # Errors
    /// [`OutboxError::State`].
    pub fn extend(
        &mut self,
        origin: &str,
        checkpoint: &str,
        size: u64,
        confirmed: Option<u64>,
    ) -> Result<(), OutboxError> {
        let standing = self.standings.entry(origin.to_owned()).or_default();
        (standing.size, standing.confirmed) = (size, confirmed);
        let log = self.state.logs.entry(origin.to_owned()).or_default();
        if log.checkpoint.as_deref() == Some(checkpoint) {
            return Ok(());
        }
        if log.checkpoint.is_none() && self.is_baseline {
            log.quiet_until = size;
        }
        log.checkpoint = Some(checkpoint.to_owned());
        self.save()
    }

    /// Tells about an entry, if it is not known, and goes on behind it.
    ///
    /// # Errors
    /// [`OutboxError`]; the entry is then read again.
    pub fn find(&mut self, origin: &str, mut find: Find) -> Result<(), OutboxError> {
        let log = self.state.logs.entry(origin.to_owned()).or_default();
        if find.index < log.next {
            return Ok(());
        }
        let is_quiet = find.index < log.quiet_until || self.expected.has(&find.leaf.to_string());
        if let (Some(facts), true) = (&find.facts, find.is_tracked)
            && let Some(name) = &facts.name
            && self.state.learn(name, &facts.key_id.to_string())
        {
            find.reasons.insert(0, Reason::KeyNew);
        }
        let alert = Alert::of_entry(origin, &find, self.dir.path());
        if is_quiet || self.acknowledged.has(&alert.id) {
            return Ok(());
        }
        self.tell(alert)?;
        self.state.logs.entry(origin.to_owned()).or_default().next = find.index + 1;
        self.save()
    }

    /// Tells about an entry that was read before, if that was not told then: because nobody watched for it, or because it was learnt
    /// in silence. How far the log was read stays as it is.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn find_again(&mut self, origin: &str, find: &Find) -> Result<(), OutboxError> {
        let is_new = self.state.logs.get(origin).is_none_or(|log| find.index >= log.next);
        if is_new || self.expected.has(&find.leaf.to_string()) {
            return Ok(());
        }
        if let (Some(facts), true) = (&find.facts, find.is_tracked)
            && let Some(name) = &facts.name
        {
            // Which of a name's keys came first is no news any more.
            self.state.learn(name, &facts.key_id.to_string());
        }
        let alert = Alert::of_entry(origin, find, self.dir.path());
        if self.acknowledged.has(&alert.id) || self.told()?.contains(&alert.id) {
            return Ok(());
        }
        let id = alert.id.clone();
        self.tell(alert)?;
        // Behind the telling: what could not be told is read again.
        self.told()?.insert(id);
        self.save()
    }

    /// Ids of all that was told, from the journal.
    fn told(&mut self) -> Result<&mut BTreeSet<String>, OutboxError> {
        let told = match self.told.take() {
            Some(told) => told,
            None => {
                let mut told = BTreeSet::new();
                journal::read(self.dir.path(), |line| {
                    if let What::Told(one) = line.what {
                        told.insert(one.id);
                    }
                })?;
                told
            }
        };
        Ok(self.told.insert(told))
    }

    /// Says that all entries below `next` are dealt with. On disk within seconds, or at the end of the round.
    ///
    /// # Errors
    /// [`OutboxError::State`].
    pub fn progress(&mut self, origin: &str, next: u64, is_end: bool) -> Result<(), OutboxError> {
        let log = self.state.logs.entry(origin.to_owned()).or_default();
        let is_news = log.next < next;
        log.next = log.next.max(next);
        let is_time = self.saved.elapsed() >= SAVE_EVERY;
        if (is_news && is_time) || is_end { self.save() } else { Ok(()) }
    }

    /// Tells what is wrong with a log and was not told, and what no longer is. `is_whole` says that the round came to its end, so
    /// that what was not seen again is over; otherwise only that the log could be read may be known.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn concerns(
        &mut self,
        origin: &str,
        concerns: Vec<Concern>,
        is_whole: bool,
    ) -> Result<(), OutboxError> {
        if is_whole {
            let standing = self.standings.entry(origin.to_owned()).or_default();
            standing.looked = Some(now());
            self.journal.looked(origin, standing.size)?;
        }
        let told = self.state.logs.entry(origin.to_owned()).or_default().concerns.clone();
        let seen: BTreeSet<Reason> = concerns.iter().map(|concern| concern.reason).collect();
        for concern in concerns {
            self.note(concern.reason);
            let is_told =
                self.state.logs.get(origin).is_some_and(|log| log.concerns.contains_key(&concern.reason));
            if is_told {
                continue;
            }
            let alert = Alert::of_concern(origin, &concern, self.dir.path());
            if let (Some(name), Some(evidence)) = (&alert.evidence, &concern.evidence) {
                disk::replace(&self.dir.path().join(name), evidence)?;
            }
            let id = alert.id.clone();
            // That nothing is seen is told each time it begins: acknowledging it once must not make the next time silent.
            if concern.reason.class() == Class::Blind || !self.acknowledged.has(&id) {
                self.tell(alert)?;
            }
            self.state.logs.entry(origin.to_owned()).or_default().concerns.insert(concern.reason, id);
            self.save()?;
        }
        let was_reached = !seen.contains(&Reason::LogUnreachable);
        for (reason, id) in told {
            let is_over = is_whole || (reason == Reason::LogUnreachable && was_reached && !seen.is_empty());
            if is_over && !seen.contains(&reason) {
                self.tell(Alert::resolved(origin, reason, &id))?;
                self.state.logs.entry(origin.to_owned()).or_default().concerns.remove(&reason);
                self.save()?;
            }
        }
        Ok(())
    }

    /// Tells a heartbeat to whoever takes it now. It is not kept: the next one says more.
    pub fn heartbeat(&mut self, alert: &Alert) {
        for sink in &self.sinks {
            if let Err(error) = sink.deliver(alert, self.dir.path()) {
                *self.counts.failures.entry(sink.name()).or_default() += 1;
                tracing::error!(sink = sink.name(), %error, "a heartbeat was not delivered");
            }
        }
    }

    /// Tries again what was not taken, oldest first, until a receiver refuses.
    ///
    /// # Errors
    /// [`OutboxError::State`].
    pub fn redeliver(&mut self) -> Result<(), OutboxError> {
        let mut refused = BTreeSet::new();
        let mut at = 0;
        while let Some(pending) = self.state.pending.get(at).cloned() {
            let mut left = BTreeSet::new();
            let mut is_news = false;
            for name in pending.sinks {
                let Some(sink) = self.sinks.iter().find(|sink| sink.name() == name) else {
                    // Nobody of that name is told any more.
                    is_news = true;
                    continue;
                };
                if refused.contains(&name)
                    || !deliver(sink, &pending.alert, self.dir.path(), &mut self.counts)
                {
                    refused.insert(name.clone());
                    left.insert(name);
                } else {
                    is_news = true;
                }
            }
            if left.is_empty() {
                self.state.pending.remove(at);
            } else {
                if let Some(kept) = self.state.pending.get_mut(at) {
                    kept.sinks = left;
                }
                at += 1;
            }
            if is_news {
                self.save()?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, alert: Alert) -> Result<(), OutboxError> {
        if self.state.pending.len() >= MAX_PENDING {
            return Err(OutboxError::Full);
        }
        let mut left = BTreeSet::new();
        for sink in &self.sinks {
            // What came before goes first.
            let waits = self.state.pending.iter().any(|pending| pending.sinks.contains(sink.name()));
            if waits || !deliver(sink, &alert, self.dir.path(), &mut self.counts) {
                left.insert(sink.name().to_owned());
            }
        }
        self.journal.told(&alert)?;
        tracing::warn!(id = alert.id, log = alert.log, reasons = alert.codes().join(","), "told");
        for reason in &alert.reasons {
            *self.counts.alerts.entry((alert.log.clone(), *reason)).or_default() += 1;
            if alert.kind == crate::alert::Kind::Alert {
                self.note(*reason);
            }
        }
        if !left.is_empty() {
            self.state.pending.push(Pending { alert, sinks: left });
        }
        Ok(())
    }

    fn note(&mut self, reason: Reason) {
        // Classes stand in the order of how bad they are.
        self.counts.worst = self.counts.worst.max(Some(reason.class()));
    }

    fn save(&mut self) -> Result<(), OutboxError> {
        self.state.save(self.dir.path())?;
        self.saved = Instant::now();
        Ok(())
    }
}

fn deliver(sink: &Sink, alert: &Alert, dir: &Path, counts: &mut Counts) -> bool {
    match sink.deliver(alert, dir) {
        Ok(()) => true,
        Err(error) => {
            *counts.failures.entry(sink.name()).or_default() += 1;
            let error: &dyn std::error::Error = &error;
            tracing::error!(
                sink = sink.name(),
                id = alert.id,
                error,
                "a message was not delivered; it waits"
            );
            false
        }
    }
}
