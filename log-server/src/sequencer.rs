//! The single writer: gives each new entry its index, makes it durable, signs the new tree, publishes, answers.
//!
//! One thread takes whatever has gathered in the queue, up to a cap, and makes one step of it:
//!
//! 1. find the entries that are in the log already, or twice in this batch;
//! 2. give the new ones the next indices and append them to the right edge, which yields the tiles to write and
//!    the new root;
//! 3. encode entries, tiles, leaf index and head as they will be written, and compute everything a second time from
//!    these bytes, by other code ([`crate::second_root`]);
//! 4. write these bytes, synced;
//! 5. have the new head signed, with the proof that it extends the last one; the signer adds it to its ledger and syncs
//!    that before it hands out the checkpoint ([`crate::signing`]);
//! 6. publish;
//! 7. answer everybody.
//!
//! While a step waits for the disk, the next batch gathers: under load the cost of a sync is shared, and the next step
//! waits a few milliseconds for more; without load nobody waits for company.
//!
//! Between two steps it signs a status, if one was asked for ([`crate::status::desk`]): it has the key. A status that cannot be signed
//! ends nothing.
//!
//! While the wall clock stands before the last signed time no step is made and everybody is told so
//! ([`crate::clock`]).
//!
//! Any error from 1 to 5 ends the thread and with it the process. A write that failed may still have
//! happened, so nothing is tried again from memory; the next start reads what is there.
//!
//! In scope: order and durability. Out of scope: what may enter ([`crate::admission`]), HTTP.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use merkle::{HeadError, LeafHash, LeafIndex, SizeError, TreeHead};
use thiserror::Error;
use tlog::tile::RightEdge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::admission::Candidate;
use crate::clock::{Behind, Timekeeper};
use crate::gate::{Closed, Gate};
use crate::metrics::{LogMetrics, Phase};
use crate::proof::{ProveError, consistency};
use crate::publisher::{Publication, Publisher};
use crate::pulse::{self, Pulse};
use crate::second_root::{SecondRootError, SecondTree};
use crate::signing::status::Draft;
use crate::signing::{HeadSigner, SigningError};
use crate::status::desk::{Desk, Order, Signed};
use crate::storage::{NewEntry, Step, Storage, StorageError};

/// Most entries in one step. At 600 bytes each this is a 0.6 MB write; more would only add latency.
pub const MAX_STEP_ENTRIES: usize = 1024;
/// A step takes no further entry once it holds this many bytes: bounds the write batch whatever the entry size.
pub const MAX_STEP_BYTES: usize = 4 * 1024 * 1024;

/// Under load, steps begin at most this often.
const PACE: Duration = Duration::from_millis(8);
/// A step of so many submissions means load.
const BUSY_ENTRIES: usize = 16;

/// Whether an answer is about a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an entry is either new or not")]
pub enum Novelty {
    /// It was in the log before, or earlier in the same batch.
    Duplicate,
    /// It was added by this submission.
    New,
}

/// What a submitter is told: the entry is durable and in the published tree.
#[derive(Debug, Clone)]
pub struct Answer {
    index: LeafIndex,
    leaf: LeafHash,
    novelty: Novelty,
    publication: Arc<Publication>,
}

impl Answer {
    /// Where the entry stands.
    #[must_use]
    pub fn index(&self) -> LeafIndex {
        self.index
    }

    /// Its leaf hash.
    #[must_use]
    pub fn leaf(&self) -> &LeafHash {
        &self.leaf
    }

    /// Whether this submission added it.
    #[must_use]
    pub fn novelty(&self) -> Novelty {
        self.novelty
    }

    /// A published tree that holds it.
    #[must_use]
    pub fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }
}

/// Tells a submitter what became of the entry. Nobody listening is no error: the client went away.
pub type Reply = Box<dyn FnOnce(Result<Answer, QueueError>) + Send>;

/// A reply and where it arrives.
fn reply_to() -> (Reply, oneshot::Receiver<Result<Answer, QueueError>>) {
    let (tell, told) = oneshot::channel();
    (Box::new(move |answer| drop(tell.send(answer))), told)
}

/// One admitted entry on its way, and who waits for it.
struct Submission {
    candidate: Candidate,
    // Nobody may listen any more. The entry is sequenced all the same.
    reply: Reply,
    // Given back when the answer is out, whether or not anybody still listens.
    _place: OwnedSemaphorePermit,
}

/// The entrance to the sequencer, with a fixed number of places.
#[derive(Debug, Clone)]
pub struct Queue {
    submissions: Sender<Submission>,
    places: Arc<Semaphore>,
    capacity: usize,
    time: Arc<Timekeeper>,
    gate: Arc<Gate>,
    pulse: Arc<Pulse>,
}

impl Queue {
    fn new(capacity: usize, parts: &Parts) -> (Self, Receiver<Submission>) {
        // The channel needs no bound of its own: every message carries one of `capacity` permits.
        let (submissions, receiver) = mpsc::channel();
        let (time, gate, pulse) =
            (Arc::clone(&parts.time), Arc::clone(&parts.gate), Arc::clone(&parts.pulse));
        let places = Arc::new(Semaphore::new(capacity));
        (Self { submissions, places, capacity, time, gate, pulse }, receiver)
    }

    /// Takes a place, before any work is spent on the entry.
    ///
    /// # Errors
    /// [`QueueError::Closed`] or [`QueueError::ClockBehind`] while nothing can be written, [`QueueError::Full`] if all
    /// places are taken.
    pub fn reserve(&self) -> Result<Place, QueueError> {
        self.gate.check()?;
        self.time.now()?;
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Ok(Place { submissions: self.submissions.clone(), permit }),
            Err(_) => Err(QueueError::Full { capacity: self.capacity }),
        }
    }

    /// Whether the log takes entries.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The clock that steps are signed by.
    #[must_use]
    pub fn time(&self) -> &Timekeeper {
        &self.time
    }

    /// Whether the sequencer still comes round.
    #[must_use]
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Places that are taken, and how many there are.
    #[must_use]
    pub fn occupancy(&self) -> (usize, usize) {
        (self.capacity.saturating_sub(self.places.available_permits()), self.capacity)
    }
}

/// A place in the queue. Dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    submissions: Sender<Submission>,
    permit: OwnedSemaphorePermit,
}

impl Place {
    /// Hands an entry over and waits until it is published.
    ///
    /// Dropping the future after its first poll does not take the entry back.
    ///
    /// # Errors
    /// [`QueueError::Stopped`] if the sequencer ended before it answered: the entry may be in the log or not.
    /// [`QueueError::ClockBehind`] and [`QueueError::Closed`] if no step could be made: it is not, unless it was there
    /// before.
    pub async fn submit(self, candidate: Candidate) -> Result<Answer, QueueError> {
        let (reply, told) = reply_to();
        self.hand_over(candidate, reply);
        told.await.unwrap_or(Err(QueueError::Stopped))
    }

    /// Hands an entry over. The reply is called once it is published or refused, and dropped uncalled if the sequencer
    /// ended before: the entry may be in the log or not.
    pub fn hand_over(self, candidate: Candidate, reply: Reply) {
        // The sequencer ends when the last sender is gone, and this one goes here.
        let _ = self.submissions.send(Submission { candidate, reply, _place: self.permit });
    }
}

/// Why an entry got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The wall clock stands before the last signed time; nothing is written until it has passed.
    #[error(transparent)]
    ClockBehind(#[from] Behind),
    /// The log takes nothing.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// All places for bulk submissions are taken.
    #[error("all places in the queue for bulk submissions are taken")]
    BulkFull,
    /// All places are taken.
    #[error("all {capacity} places in the queue are taken")]
    Full {
        /// How many there are.
        capacity: usize,
    },
    /// The sequencer has ended.
    #[error("the sequencer has stopped")]
    Stopped,
}

/// The parts of a log whose tail has been proven, as [`crate::opening`] hands them over.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) edge: RightEdge,
    pub(crate) second: SecondTree,
    pub(crate) head: TreeHead,
    pub(crate) signer: Box<dyn HeadSigner>,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) metrics: LogMetrics,
    pub(crate) desk: Arc<Desk>,
}

/// The writer of one log.
#[derive(Debug)]
pub struct Sequencer {
    parts: Parts,
    submissions: Receiver<Submission>,
}

impl Sequencer {
    /// A sequencer over proven parts, and the queue that feeds it.
    pub(crate) fn new(parts: Parts, queue_capacity: usize) -> (Self, Queue) {
        let (queue, submissions) = Queue::new(queue_capacity, &parts);
        (Self { parts, submissions }, queue)
    }

    /// Makes steps until every [`Queue`] is dropped and all that was queued is answered.
    ///
    /// # Errors
    /// The first [`SequencerError`]. The outcome of the last step is then unknown and the process must end.
    pub fn run(mut self) -> Result<(), SequencerError> {
        let mut last: Option<(Instant, usize)> = None;
        loop {
            match self.submissions.recv_timeout(pulse::INTERVAL) {
                Ok(first) => {
                    let gather = last.and_then(|(began, entries)| gathering(began.elapsed(), entries));
                    if let Some(wait) = gather {
                        std::thread::sleep(wait);
                    }
                    let began = Instant::now();
                    last = Some((began, self.step_from(first)?));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.parts.sign_status();
            self.parts.pulse.beat();
        }
    }

    /// Makes one step of what is queued now, without waiting; false if nothing is. For simulations, which have no thread.
    ///
    /// # Errors
    /// As [`Sequencer::run`]; no further step may be made then.
    pub fn step(&mut self) -> Result<bool, SequencerError> {
        match self.submissions.try_recv() {
            Ok(first) => self.step_from(first).map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// One step of what is queued; returns how many submissions it took.
    fn step_from(&mut self, first: Submission) -> Result<usize, SequencerError> {
        let mut bytes = first.candidate.bytes().len();
        let mut batch = vec![first];
        while batch.len() < MAX_STEP_ENTRIES && bytes < MAX_STEP_BYTES {
            let Ok(next) = self.submissions.try_recv() else { break };
            bytes += next.candidate.bytes().len();
            batch.push(next);
        }
        let taken = batch.len();
        self.parts.sequence(batch).map(|()| taken)
    }
}

/// How long the next step may gather, given when the last one began and what it took.
///
/// A step costs two syncs, a signature and the tiles of the right edge, whatever it holds. Below [`BUSY_ENTRIES`] nobody
/// waits for company; above, steps begin at most every [`PACE`], which halves their number and is a small part of what an
/// answer takes anyway. A step that took longer than that is not waited for.
fn gathering(since_last_began: Duration, last_entries: usize) -> Option<Duration> {
    if last_entries < BUSY_ENTRIES { None } else { PACE.checked_sub(since_last_began) }
}

/// Where an entry of a batch stands, and who waits for it.
struct Placed {
    index: LeafIndex,
    leaf: LeafHash,
    novelty: Novelty,
    reply: Reply,
    place: OwnedSemaphorePermit,
}

impl Parts {
    /// Makes steps of these entries, of the usual size; returns how many were new.
    pub(crate) fn append(&mut self, candidates: Vec<Candidate>) -> Result<u64, SequencerError> {
        let places = Arc::new(Semaphore::new(MAX_STEP_ENTRIES));
        let mut new = 0;
        let mut candidates = candidates.into_iter().peekable();
        while candidates.peek().is_some() {
            let (mut batch, mut answers, mut bytes) = (Vec::new(), Vec::new(), 0);
            while batch.len() < MAX_STEP_ENTRIES && bytes < MAX_STEP_BYTES {
                // A place is free: the last step gave all of them back.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
                let Some(candidate) = candidates.next() else { break };
                bytes += candidate.bytes().len();
                let (reply, answered) = reply_to();
                batch.push(Submission { candidate, reply, _place: place });
                answers.push(answered);
            }
            self.sequence(batch)?;
            for mut answered in answers {
                match answered.try_recv() {
                    Ok(Ok(answer)) => new += u64::from(answer.novelty() == Novelty::New),
                    Ok(Err(refused)) => return Err(SequencerError::NotNow { source: refused }),
                    Err(_) => return Err(SequencerError::NotNow { source: QueueError::Stopped }),
                }
            }
        }
        Ok(new)
    }

    fn sequence(&mut self, batch: Vec<Submission>) -> Result<(), SequencerError> {
        // What was queued before the gate closed or the clock went back is not written after it.
        let may = self.gate.check().map_err(QueueError::from);
        let time = match may.and_then(|()| self.time.now().map_err(QueueError::from)) {
            Ok(time) => time,
            Err(refused) => {
                for Submission { reply, .. } in batch {
                    reply(Err(refused));
                }
                return Ok(());
            }
        };
        let started = Instant::now();
        let (placed, entries) = self.place(batch)?;
        self.metrics.phase(Phase::Place, started.elapsed());
        let new = entries.len() as u64;
        let publication =
            if entries.is_empty() { self.publisher.current() } else { self.integrate(entries, time)? };
        self.metrics.added(new, placed.len() as u64 - new);
        for Placed { index, leaf, novelty, reply, place } in placed {
            // Nobody listening is no error: the client went away, the entry stays.
            reply(Ok(Answer { index, leaf, novelty, publication: Arc::clone(&publication) }));
            drop(place);
        }
        Ok(())
    }

    /// Gives every entry of the batch an index, old or new, and collects the new ones.
    fn place(&self, batch: Vec<Submission>) -> Result<(Vec<Placed>, Vec<NewEntry>), SequencerError> {
        let leaves: Vec<LeafHash> = batch.iter().map(|submission| *submission.candidate.leaf()).collect();
        let stored = self.storage.find(&leaves)?;
        let mut placed = Vec::with_capacity(batch.len());
        let mut entries: Vec<NewEntry> = Vec::with_capacity(batch.len());
        let mut in_batch: HashMap<[u8; 32], usize> = HashMap::with_capacity(batch.len());
        for (submission, stored) in batch.into_iter().zip(stored) {
            let Submission { candidate, reply, _place: place } = submission;
            let (leaf, bytes) = candidate.into_parts();
            let at = *in_batch.get(leaf.hash().as_bytes()).unwrap_or(&entries.len());
            let (index, novelty) = match (stored, entries.get(at)) {
                (Some(index), _) => {
                    let mut same = false;
                    let at = index.get();
                    let size = self.head.size().get();
                    if at >= size {
                        return Err(SequencerError::Overtaken { index: at, size });
                    }
                    self.storage.entries(at..at + 1, &mut |_, entry| same = entry == bytes.as_slice())?;
                    if !same {
                        return Err(SequencerError::LeafCollision { index: at });
                    }
                    (index, Novelty::Duplicate)
                }
                (None, Some(earlier)) => {
                    let index = self.index_of(at)?;
                    if earlier.bytes() != bytes {
                        return Err(SequencerError::LeafCollision { index: index.get() });
                    }
                    (index, Novelty::Duplicate)
                }
                (None, None) => {
                    in_batch.insert(leaf.hash().to_bytes(), at);
                    entries.push(NewEntry::new(leaf, bytes));
                    (self.index_of(at)?, Novelty::New)
                }
            };
            placed.push(Placed { index, leaf, novelty, reply, place });
        }
        Ok((placed, entries))
    }

    /// Signs the status that somebody waits for, if anybody does.
    fn sign_status(&mut self) {
        if let Some((order, answer)) = self.desk.take() {
            // Whoever asked may have gone away.
            let _ = answer.try_send(self.status_of(&order));
        }
    }

    fn status_of(&mut self, order: &Order) -> Signed {
        // A full disk and a frozen log take nothing, and what is known of them is as true as before.
        if let Err(closed @ (Closed::Damaged | Closed::Restored)) = self.gate.check() {
            return Err(closed.into());
        }
        let time = self.time.now()?;
        let last = self.signer.last().head().size();
        let recent = self.publisher.current();
        // None to a larger tree: the signer says no.
        let proof = consistency(order.head.size().min(last), last, recent.recent(), self.storage.as_ref())?;
        Ok(self.signer.sign_status(&Draft::new(order.head, proof, order.map, time))?)
    }

    fn index_of(&self, at: usize) -> Result<LeafIndex, SequencerError> {
        Ok(LeafIndex::new(self.head.size().get() + at as u64)?)
    }

    /// Appends new entries to the tree: checked, durable, signed, remembered, published, in this order.
    fn integrate(&mut self, entries: Vec<NewEntry>, time: u64) -> Result<Arc<Publication>, SequencerError> {
        let started = Instant::now();
        let new = entries.len() as u64;
        let leaves: Vec<LeafHash> = entries.iter().map(|entry| *entry.leaf()).collect();
        let tiles = self.edge.append(&leaves)?;
        let head = TreeHead::new(self.edge.size(), self.edge.root())?;
        let step = Step::new(self.head, head, entries, tiles)?;
        let encoded = self.storage.encode(&step)?;
        self.second.check(&encoded, &head)?;
        let integrated = Instant::now();
        self.storage.commit(encoded)?;
        let stored = Instant::now();
        let recent = self.publisher.current().recent().after(step.tiles());
        let proof = consistency(self.head.size(), head.size(), &recent, self.storage.as_ref())?;
        // Damage that was found while this step was written: the tree below it is not what it was.
        if self.gate.check() == Err(Closed::Damaged) {
            return Err(SequencerError::Damaged);
        }
        let checkpoint = self.signer.sign(&head, &proof, time)?;
        self.time.signed_at(time);
        self.head = head;
        self.metrics.phase(Phase::Integrate, integrated - started);
        self.metrics.phase(Phase::Store, stored - integrated);
        self.metrics.phase(Phase::Sign, stored.elapsed());
        self.metrics.signed();
        self.metrics.stepped(new, head.size().get());
        Ok(self.publisher.publish(Publication::new(head, checkpoint.as_bytes().to_vec(), recent)))
    }
}

/// Why the sequencer ended. Each of these leaves the outcome of the last step unknown.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// Damage was found while a step was being written; it was not signed.
    #[error("damage was found while a step was being written")]
    Damaged,
    /// The computed head is not a head.
    #[error("the new tree head is impossible")]
    Head {
        /// Why.
        #[from]
        source: HeadError,
    },
    /// Two different entries with one leaf hash, or a stored entry that changed.
    #[error("entry {index} has the leaf hash of a submitted entry but other bytes")]
    LeafCollision {
        /// Index of the stored entry.
        index: u64,
    },
    /// Entries were to be added at once, and the log would not write.
    #[error("the log does not write now")]
    NotNow {
        /// Why.
        source: QueueError,
    },
    /// Another process writes to this log: it stored an entry that no tree of this process holds.
    #[error(
        "entry {index} is stored, but this process has published {size} entries: another one writes here"
    )]
    Overtaken {
        /// Index of the stored entry.
        index: u64,
        /// Size of the tree that this process published.
        size: u64,
    },
    /// The proof that the new tree extends the old one could not be built from what is stored.
    #[error("the new tree cannot be proven to extend the old one")]
    Proof {
        /// Why.
        #[from]
        source: ProveError,
    },
    /// The bytes to be written are not what the new head says: a fault of the program or of the machine.
    #[error("the second look at the step found something else than the first, nothing was written")]
    SecondRoot {
        /// What.
        #[from]
        source: SecondRootError,
    },
    /// The new head was not signed.
    #[error("the new head was not signed")]
    Signing {
        /// Why.
        #[from]
        source: SigningError,
    },
    /// The tree is full: 2^63 - 1 leaves.
    #[error("the tree cannot grow")]
    Size {
        /// Why.
        #[from]
        source: SizeError,
    },
    /// Storage failed.
    #[error("storage failed")]
    Storage {
        /// Why.
        #[from]
        source: StorageError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use crate::clock::{Clock, SettableClock};
    use crate::config::Mode;
    use crate::ledger::{Ledger, SignedHead};
    use crate::proof::RecentTiles;
    use crate::signing::LedgeredSigner;
    use crate::storage::memory::MemoryStorage;
    use ed25519_dalek::SigningKey;
    use merkle::{ConsistencyProof, Frontier};
    use tlog::vkey::Vkey;

    type Answered = oneshot::Receiver<Result<Answer, QueueError>>;

    fn nothing() -> ConsistencyProof {
        ConsistencyProof::new(Vec::new()).unwrap()
    }

    struct Case {
        dir: tempfile::TempDir,
        storage: Arc<MemoryStorage>,
        publisher: Arc<Publisher>,
        places: Arc<Semaphore>,
        clock: Arc<SettableClock>,
        parts: Parts,
    }

    impl Case {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let key = SigningKey::from_bytes(&[1; 32]);
            let name = "log.test/1".parse().unwrap();
            let vkey = Vkey::ed25519(name, key.verifying_key().as_bytes()).unwrap();
            let ledger = Ledger::create(&dir.path().join("ledger"), &vkey, 1_000).unwrap();
            let mut signer = LedgeredSigner::of_file("log.test/1".parse().unwrap(), key, ledger).unwrap();
            let head = TreeHead::empty();
            let checkpoint = signer.sign(&head, &nothing(), 1_000).unwrap().as_bytes().to_vec();
            let publication = Publication::new(head, checkpoint, RecentTiles::none());
            let (storage, publisher) =
                (Arc::new(MemoryStorage::new()), Arc::new(Publisher::new(publication)));
            let clock = Arc::new(SettableClock::at(1_000));
            let parts = Parts {
                storage: Arc::clone(&storage) as Arc<dyn Storage>,
                edge: RightEdge::new(),
                second: SecondTree::empty(),
                head,
                signer: Box::new(signer),
                time: Arc::new(Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>, 1_000)),
                pulse: Arc::new(Pulse::new(Arc::clone(&clock) as Arc<dyn Clock>)),
                metrics: crate::metrics::Metrics::new().of_log("log.test/1"),
                gate: Arc::new(Gate::open()),
                publisher: Arc::clone(&publisher),
                desk: Arc::new(Desk::new()),
            };
            Self { dir, storage, publisher, places: Arc::new(Semaphore::new(10_000)), clock, parts }
        }

        fn submission(&self, bytes: &[u8]) -> (Submission, Answered) {
            let candidate = Admission::new(Mode::Conformance).admit_raw(bytes.to_vec()).unwrap();
            let (reply, answered) = reply_to();
            let permit = Arc::clone(&self.places).try_acquire_owned().unwrap();
            (Submission { candidate, reply, _place: permit }, answered)
        }

        /// Sequences these entries as one batch.
        fn batch(&mut self, entries: &[&[u8]]) -> Result<Vec<Answer>, SequencerError> {
            let (batch, answered): (Vec<_>, Vec<_>) =
                entries.iter().map(|entry| self.submission(entry)).unzip();
            self.parts.sequence(batch)?;
            Ok(answered.into_iter().map(|mut answered| answered.try_recv().unwrap().unwrap()).collect())
        }

        fn published_size(&self) -> u64 {
            self.publisher.current().head().size().get()
        }

        fn ledger_sizes(&self) -> Vec<u64> {
            let mut sizes = Vec::new();
            crate::ledger::read(
                &self.dir.path().join("ledger"),
                self.parts.signer.vkey(),
                &mut |head: SignedHead| {
                    sizes.push(head.head().size().get());
                },
            )
            .unwrap();
            sizes
        }
    }

    fn indices(answers: &[Answer]) -> Vec<(u64, Novelty)> {
        answers.iter().map(|answer| (answer.index().get(), answer.novelty())).collect()
    }

    #[test]
    fn only_a_busy_log_waits_for_company_and_never_long() {
        assert_eq!(gathering(Duration::ZERO, BUSY_ENTRIES - 1), None);
        assert_eq!(gathering(Duration::ZERO, BUSY_ENTRIES), Some(PACE));
        assert_eq!(gathering(Duration::from_millis(3), 500), Some(PACE - Duration::from_millis(3)));
        assert_eq!(gathering(PACE * 2, 500), None);
    }

    #[test]
    fn a_batch_gets_indices_in_order_and_duplicates_the_first_one() {
        use Novelty::{Duplicate, New};
        let mut case = Case::new();
        let answers = case.batch(&[b"a", b"b", b"a", b"c", b"b"]).unwrap();
        assert_eq!(indices(&answers), [(0, New), (1, New), (0, Duplicate), (2, New), (1, Duplicate)]);
        let answers = case.batch(&[b"d", b"a", b"d"]).unwrap();
        assert_eq!(indices(&answers), [(3, New), (0, Duplicate), (3, Duplicate)]);
        assert_eq!(case.ledger_sizes(), [0, 3, 4]);
    }

    #[test]
    fn a_batch_of_duplicates_signs_nothing() {
        let mut case = Case::new();
        case.batch(&[b"a"]).unwrap();
        let answers = case.batch(&[b"a", b"a"]).unwrap();
        assert!(answers.iter().all(|answer| answer.publication().head().size().get() == 1));
        assert_eq!(case.ledger_sizes(), [0, 1]);
    }

    #[test]
    fn a_step_takes_no_more_than_its_cap_of_entries() {
        let (case, queued) = (Case::new(), mpsc::channel());
        let count = 2 * MAX_STEP_ENTRIES + 10;
        let mut answered = Vec::new();
        for number in 0..count {
            let (submission, answer) = case.submission(&number.to_be_bytes());
            queued.0.send(submission).unwrap();
            answered.push(answer);
        }
        drop(queued.0);
        let Case { dir, storage: _storage, publisher, parts, .. } = case;
        let vkey = parts.signer.vkey().clone();
        Sequencer { parts, submissions: queued.1 }.run().unwrap();
        let mut sizes = Vec::new();
        crate::ledger::read(&dir.path().join("ledger"), &vkey, &mut |head: SignedHead| {
            sizes.push(head.head().size().get() as usize);
        })
        .unwrap();
        assert_eq!(sizes, [0, MAX_STEP_ENTRIES, 2 * MAX_STEP_ENTRIES, count]);
        assert_eq!(publisher.current().head().size().get(), count as u64);
        assert!(answered.iter_mut().all(|answer| answer.try_recv().is_ok()));
    }

    #[test]
    fn a_step_takes_no_more_than_its_cap_of_bytes() {
        let (case, queued) = (Case::new(), mpsc::channel());
        for number in 0..100_u8 {
            queued.0.send(case.submission(&[number; 65_535]).0).unwrap();
        }
        drop(queued.0);
        let Case { dir, parts, .. } = case;
        let vkey = parts.signer.vkey().clone();
        Sequencer { parts, submissions: queued.1 }.run().unwrap();
        let mut sizes = Vec::new();
        crate::ledger::read(&dir.path().join("ledger"), &vkey, &mut |head: SignedHead| {
            sizes.push(head.head().size().get());
        })
        .unwrap();
        // 65 entries of 65,535 bytes are the first to pass 4 MiB.
        assert_eq!(sizes, [0, 65, 100]);
    }

    #[test]
    fn two_roots_that_disagree_stop_everything_before_it_is_written() {
        let mut case = Case::new();
        case.batch(&[b"a"]).unwrap();
        // One leaf of the edge has changed in memory.
        case.parts.edge = RightEdge::new();
        case.parts.edge.append(&[LeafHash::of(b"not a")]).unwrap();
        let refused = case.batch(&[b"b"]);
        assert!(matches!(
            refused,
            Err(SequencerError::SecondRoot { source: SecondRootError::RootsDisagree { size: 2, .. } })
        ));
        assert_eq!(case.storage.head().unwrap().size().get(), 1);
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0, 1], 1));
    }

    #[test]
    fn a_bit_that_flips_between_encoding_and_writing_stops_everything_before_it_is_written() {
        let mut case = Case::new();
        case.batch(&[b"a"]).unwrap();
        case.storage.flip_in_next_encoding(12 + 2 + 9 + 1);
        let refused = case.batch(&[b"b"]);
        assert!(matches!(refused, Err(SequencerError::SecondRoot { .. })), "{refused:?}");
        assert_eq!(case.storage.head().unwrap().size().get(), 1);
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0, 1], 1));
    }

    #[test]
    fn a_closed_gate_refuses_at_the_queue_and_what_is_queued_already() {
        let mut case = Case::new();
        case.batch(&[b"a"]).unwrap();
        let (queue, _submissions) = Queue::new(1, &case.parts);
        let (submission, mut answered) = case.submission(b"b");
        case.parts.gate.close(Closed::Frozen);
        assert_eq!(queue.reserve().unwrap_err(), QueueError::Closed(Closed::Frozen));
        case.parts.sequence(vec![submission]).unwrap();
        assert_eq!(answered.try_recv().unwrap().unwrap_err(), QueueError::Closed(Closed::Frozen));
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0, 1], 1));
    }

    #[test]
    fn a_step_that_is_under_way_when_damage_is_found_is_not_signed() {
        let mut case = Case::new();
        case.batch(&[b"a"]).unwrap();
        case.parts.gate.close(Closed::Damaged);
        let entry = NewEntry::new(LeafHash::of(b"b"), b"b".to_vec());
        // As if the gate had closed after the step began.
        assert!(matches!(case.parts.integrate(vec![entry], 1_000), Err(SequencerError::Damaged)));
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0, 1], 1));
    }

    #[test]
    fn a_clock_behind_the_last_signed_time_pauses_writing_and_nothing_else() {
        let mut case = Case::new();
        case.batch(&[b"a"]).unwrap();
        case.clock.set_wall(940);
        let (submission, mut answered) = case.submission(b"b");
        case.parts.sequence(vec![submission]).unwrap();
        let behind = QueueError::ClockBehind(Behind { seconds: 60 });
        assert_eq!(answered.try_recv().unwrap().unwrap_err(), behind);
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0, 1], 1));
        let (queue, _submissions) = Queue::new(1, &case.parts);
        assert_eq!(queue.reserve().unwrap_err(), behind);
        case.clock.advance(Duration::from_secs(60));
        queue.reserve().unwrap();
        case.batch(&[b"b"]).unwrap();
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0, 1, 2], 2));
    }

    #[test]
    fn a_writer_that_waits_beats_and_one_that_is_gone_does_not() {
        let case = Case::new();
        let (parts, clock) = (case.parts, Arc::clone(&case.clock));
        let (sequencer, queue) = Sequencer::new(parts, 1);
        let writer = std::thread::spawn(move || sequencer.run());
        clock.advance(pulse::INTERVAL * 10);
        assert!(!queue.pulse().is_steady());
        // Two intervals of real time are enough for one beat.
        let patience = Instant::now();
        while !queue.pulse().is_steady() {
            assert!(patience.elapsed() < pulse::INTERVAL * 20, "no beat");
            std::thread::yield_now();
        }
        let pulse = Arc::clone(&queue.pulse);
        drop(queue);
        writer.join().unwrap().unwrap();
        clock.advance(pulse::INTERVAL * 10);
        assert!(!pulse.is_steady());
    }

    #[test]
    fn a_failed_write_is_neither_signed_nor_published_nor_answered() {
        let mut case = Case::new();
        case.storage.fail_next_append();
        let (submission, mut answered) = case.submission(b"a");
        let refused = case.parts.sequence(vec![submission]);
        assert!(matches!(refused, Err(SequencerError::Storage { .. })));
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0], 0));
        assert!(matches!(answered.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }

    #[test]
    fn a_head_the_signer_refuses_is_not_published() {
        let mut case = Case::new();
        let mut longer = Frontier::new();
        for leaf in [b"x", b"y", b"z"] {
            longer.append(LeafHash::of(leaf)).unwrap();
        }
        case.parts.signer.sign(&longer.head(), &nothing(), 1_000).unwrap();
        let refused = case.batch(&[b"a"]);
        assert!(matches!(
            refused,
            Err(SequencerError::Signing { source: SigningError::Smaller { size_seen: 1, size_last: 3 } })
        ));
        assert_eq!(case.published_size(), 0);
    }

    #[test]
    fn a_stored_entry_that_changed_is_never_passed_off_as_a_duplicate() {
        let mut case = Case::new();
        case.batch(&[b"a", b"b"]).unwrap();
        assert!(case.storage.damage_entry(1));
        assert!(matches!(case.batch(&[b"b"]), Err(SequencerError::LeafCollision { index: 1 })));
    }

    #[test]
    fn a_duplicate_of_what_another_process_stored_is_not_answered() {
        let (mut case, mut other) = (Case::new(), Case::new());
        other.parts.storage = Arc::clone(&case.storage) as Arc<dyn Storage>;
        other.batch(&[b"theirs"]).unwrap();
        let refused = case.batch(&[b"theirs"]);
        assert!(matches!(refused, Err(SequencerError::Overtaken { index: 0, size: 0 })), "{refused:?}");
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0], 0));
    }

    #[test]
    fn a_storage_that_moved_under_the_sequencer_is_noticed() {
        let mut case = Case::new();
        let mut other = Case::new();
        other.parts.storage = Arc::clone(&case.storage) as Arc<dyn Storage>;
        other.batch(&[b"theirs"]).unwrap();
        let refused = case.batch(&[b"mine"]);
        assert!(matches!(refused, Err(SequencerError::Storage { source: StorageError::HeadMoved { .. } })));
        assert_eq!((case.ledger_sizes(), case.published_size()), (vec![0], 0));
    }
}
