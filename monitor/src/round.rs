//! One look at one log: the checkpoint, that it extends the last one, and every entry that is new.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use attest::key::KeyCache;
use merkle::{ConsistencyProof, ProofError, TreeHead};
use tlog::checkpoint::SignedCheckpoint;
use tlog::tile::{BundleIndex, TileReadError};

use crate::alert::now;
use crate::check::{Checked, EntryKind, Fault, check, reason_of};
use crate::evidence::Evidence;
use crate::outbox::{Outbox, OutboxError};
use crate::reason::Reason;
use crate::seen::{Concern, Demand, Seen};
use crate::source::Source;
use crate::tree::{TileFault, Tree, TreeError};
use crate::views::Views;
use crate::watch::Watchlist;

/// Name of the checkpoint below a log's address.
pub const CHECKPOINT: &str = "checkpoint";
/// How many bundles each thread may be ahead of the one that is waited for.
const AHEAD: u64 = 4;

/// A log that is watched, from round to round.
#[derive(Debug)]
pub struct Watched<'a> {
    log: Log<'a>,
    views: Views,
    patience: Duration,
    // Since when the log could not be read.
    unreachable: Option<Instant>,
}

/// What stays the same of it.
#[derive(Debug)]
struct Log<'a> {
    demand: Demand,
    source: Source,
    kind: EntryKind,
    shared: Shared<'a>,
}

/// What all logs share.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the program")]
pub struct Shared<'a> {
    /// What is watched for.
    pub watchlist: &'a Watchlist,
    /// Where it is told.
    pub outbox: &'a Mutex<Outbox>,
    /// Who may work at the same time.
    pub places: &'a Places,
}

/// A number of threads that may hold a bundle at the same time, whatever the number of logs: this bounds memory.
#[derive(Debug)]
pub struct Places {
    threads: usize,
    free: Mutex<usize>,
    freed: Condvar,
}

impl Places {
    /// So many, at least one.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let threads = threads.max(1);
        Self { threads, free: Mutex::new(threads), freed: Condvar::new() }
    }

    fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut free = lock(&self.free);
        while *free == 0 {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let done = work();
        *lock(&self.free) += 1;
        self.freed.notify_one();
        done
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a round ended early.
enum Stop {
    Concern(Concern),
    Outbox(OutboxError),
}

impl From<Concern> for Stop {
    fn from(concern: Concern) -> Self {
        Self::Concern(concern)
    }
}

impl From<OutboxError> for Stop {
    fn from(error: OutboxError) -> Self {
        Self::Outbox(error)
    }
}

impl<'a> Watched<'a> {
    /// A log at an address. `patience` is how long it may be unreachable before somebody is told.
    #[must_use]
    pub fn new(
        demand: Demand,
        source: Source,
        kind: EntryKind,
        views: Views,
        patience: Duration,
        shared: Shared<'a>,
    ) -> Self {
        Self { log: Log { demand, source, kind, shared }, views, patience, unreachable: None }
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.log.origin()
    }

    /// Reads again what was read before, from the first entry on, and tells what is watched for now and was not told then.
    ///
    /// # Errors
    /// As [`Self::round`].
    pub fn backfill(&self) -> Result<(), OutboxError> {
        match self.log.read_again() {
            Ok(()) => Ok(()),
            Err(Stop::Concern(concern)) => {
                lock(self.log.shared.outbox).concerns(self.origin(), vec![concern], false)
            }
            Err(Stop::Outbox(error)) => Err(error),
        }
    }

    /// Looks once, to the end of what the log shows.
    ///
    /// # Errors
    /// [`OutboxError`] if it cannot be told or written down what was seen. What is wrong with the log is no error here: it is told.
    pub fn round(&mut self) -> Result<(), OutboxError> {
        let origin = self.origin().to_owned();
        let (concerns, is_whole) = match self.log.look(&mut self.views) {
            Ok(concerns) => (concerns, true),
            Err(Stop::Concern(concern)) => (vec![concern], false),
            Err(Stop::Outbox(error)) => return Err(error),
        };
        let (mut unreachable, mut others): (Vec<_>, Vec<_>) =
            concerns.into_iter().partition(|concern| concern.reason == Reason::LogUnreachable);
        if unreachable.is_empty() {
            self.unreachable = None;
        } else if self.unreachable.get_or_insert_with(Instant::now).elapsed() < self.patience {
            unreachable.iter().for_each(|concern| tracing::warn!(origin, concern.detail, "cannot be read"));
            unreachable.clear();
        }
        others.append(&mut unreachable);
        lock(self.log.shared.outbox).concerns(&origin, others, is_whole)
    }
}

/// What becomes of the entries that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// They are new.
    On,
    /// They were read before.
    Again,
}

impl<'a> Log<'a> {
    fn origin(&self) -> &str {
        self.demand.origin.as_str()
    }

    fn outbox(&self) -> MutexGuard<'a, Outbox> {
        lock(self.shared.outbox)
    }

    fn look(&self, views: &mut Views) -> Result<Vec<Concern>, Stop> {
        let origin = self.origin();
        let state = self.outbox().begin(origin)?;
        let missing = || Concern::new(Reason::LogUnreachable, "no checkpoint is served");
        let seen = self.demand.fetch(&self.source, CHECKPOINT, now())?.ok_or_else(missing)?;
        let old = state.checkpoint.as_deref().and_then(|text| SignedCheckpoint::parse(text.as_bytes()).ok());
        let tree = self.extends(old.as_ref(), &seen)?;
        let head = *seen.checkpoint.head();
        let text = seen.checkpoint.signed().note().as_bytes();
        let text = String::from_utf8_lossy(text);
        self.outbox().extend(origin, &text, head.size().get(), seen.confirmed)?;
        self.read(&tree, state.next)?;
        let mut concerns = seen.concerns.clone();
        concerns.extend(views.compare(&self.demand, &self.source, &tree, &seen));
        Ok(concerns)
    }

    /// The tree of a checkpoint that extends the last one.
    fn extends(&self, old: Option<&SignedCheckpoint>, seen: &Seen) -> Result<Tree<'_>, Concern> {
        let new = *seen.checkpoint.head();
        let Some(old) = old else { return self.tree(&new) };
        let old_head = *old.unverified().head();
        if new.size() < old_head.size() {
            return Err(self.went_back(old, seen));
        }
        let tree = self.tree(&new)?;
        match contradiction(&tree, &old_head)? {
            None => Ok(tree),
            Some(proof) => Err(fork(Reason::Fork, &self.demand, proof, old, seen.checkpoint.signed())),
        }
    }

    fn tree(&self, head: &TreeHead) -> Result<Tree<'_>, Concern> {
        Tree::open(&self.source, head, head.size()).map_err(|error| Concern::of(reason_of(&error), &error))
    }

    /// What it means that the log shows fewer entries than before.
    fn went_back(&self, old: &SignedCheckpoint, seen: &Seen) -> Concern {
        let (old_head, new) = (*old.unverified().head(), *seen.checkpoint.head());
        let detail = format!("shows {} entries, had shown {}", new.size(), old_head.size());
        match Tree::open(&self.source, &old_head, old_head.size()) {
            Ok(tree) => match contradiction(&tree, &new) {
                Ok(None) => Concern::new(Reason::CheckpointReplayed, detail),
                Ok(Some(proof)) => fork(Reason::Fork, &self.demand, proof, old, seen.checkpoint.signed()),
                Err(concern) => concern,
            },
            Err(error) if is_unreachable(&error) => Concern::of(Reason::LogUnreachable, &error),
            Err(_) => Concern::new(Reason::TreeRolledBack, format!("{detail}, and no longer serves them")),
        }
    }

    /// Reads all entries that were read before, in the tree that was seen last.
    fn read_again(&self) -> Result<(), Stop> {
        let state = self.outbox().begin(self.origin())?;
        let old = state.checkpoint.as_deref().and_then(|text| SignedCheckpoint::parse(text.as_bytes()).ok());
        let (Some(old), Some(last)) = (old, state.next.checked_sub(1)) else { return Ok(()) };
        let tree = self.tree(old.unverified().head())?;
        self.read_side_by_side(&tree, 0, (0, last / 256), Reading::Again)
    }

    /// Reads the entries from `next` to the end of the tree.
    fn read(&self, tree: &Tree<'_>, next: u64) -> Result<(), Stop> {
        let end = tree.head().size().get();
        let origin = self.origin();
        if next >= end {
            return Ok(());
        }
        let (first, last) = (next / 256, (end - 1) / 256);
        if first == last {
            let mut keys = KeyCache::default();
            let checked = self.shared.places.with(|| self.check(tree, first, next, &mut keys));
            self.take(checked, Reading::On)?;
        } else {
            self.read_side_by_side(tree, next, (first, last), Reading::On)?;
        }
        Ok(self.outbox().progress(origin, end, true)?)
    }

    fn read_side_by_side(
        &self,
        tree: &Tree<'_>,
        next: u64,
        (first, last): (u64, u64),
        reading: Reading,
    ) -> Result<(), Stop> {
        let window = Window::new(first, last, AHEAD * self.shared.places.threads as u64);
        let (done, results) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..self.shared.places.threads {
                let (done, window) = (done.clone(), &window);
                scope.spawn(move || {
                    let mut keys = KeyCache::default();
                    while let Some(bundle) = window.take() {
                        let checked = self.shared.places.with(|| self.check(tree, bundle, next, &mut keys));
                        // Nobody listens any more once the round has failed.
                        let _ = done.send((bundle, checked));
                    }
                });
            }
            drop(done);
            let taken = self.take_in_order(&results, &window, first, reading);
            window.close();
            taken
        })
    }

    fn take_in_order(
        &self,
        results: &mpsc::Receiver<(u64, Result<Checked, Fault>)>,
        window: &Window,
        first: u64,
        reading: Reading,
    ) -> Result<(), Stop> {
        let mut early = BTreeMap::new();
        let mut wanted = first;
        for (bundle, checked) in results {
            early.insert(bundle, checked);
            while let Some(checked) = early.remove(&wanted) {
                self.take(checked, reading)?;
                wanted += 1;
                window.taken(wanted);
            }
        }
        Ok(())
    }

    fn check(&self, tree: &Tree<'_>, bundle: u64, next: u64, keys: &mut KeyCache) -> Result<Checked, Fault> {
        let index = BundleIndex::new(bundle).map_err(|_| Fault::Outside { bundle })?;
        check(tree, index, next, self.kind, self.shared.watchlist, keys)
    }

    fn take(&self, checked: Result<Checked, Fault>, reading: Reading) -> Result<(), Stop> {
        let checked = checked.map_err(|fault| Concern::of(fault.reason(), &fault))?;
        let mut outbox = self.outbox();
        for find in checked.finds {
            match reading {
                Reading::On => outbox.find(self.origin(), find)?,
                Reading::Again => outbox.find_again(self.origin(), &find)?,
            }
        }
        if reading == Reading::On {
            outbox.progress(self.origin(), checked.end, false)?;
        }
        Ok(())
    }
}

/// Which bundles are taken next, and how far ahead of the slowest.
struct Window {
    // Held for a look at a time.
    at: Mutex<At>,
    moved: Condvar,
    last: u64,
    ahead: u64,
}

struct At {
    next: u64,
    taken: u64,
    is_closed: bool,
}

impl Window {
    fn new(first: u64, last: u64, ahead: u64) -> Self {
        let at = Mutex::new(At { next: first, taken: first, is_closed: false });
        Self { at, moved: Condvar::new(), last, ahead }
    }

    /// The next bundle, once there is room; `None` at the end.
    fn take(&self) -> Option<u64> {
        let mut at = lock(&self.at);
        while !at.is_closed && at.next <= self.last && at.next >= at.taken + self.ahead {
            at = self.moved.wait(at).unwrap_or_else(PoisonError::into_inner);
        }
        if at.is_closed || at.next > self.last {
            return None;
        }
        at.next += 1;
        Some(at.next - 1)
    }

    fn taken(&self, taken: u64) {
        lock(&self.at).taken = taken;
        self.moved.notify_all();
    }

    fn close(&self) {
        lock(&self.at).is_closed = true;
        self.moved.notify_all();
    }
}

/// Whether a smaller or equal head contradicts a tree: then the proof of that.
pub(crate) fn contradiction(tree: &Tree<'_>, old: &TreeHead) -> Result<Option<ConsistencyProof>, Concern> {
    let nothing = || ConsistencyProof::new(Vec::new()).ok();
    if old.size().get() == 0 {
        return Ok(None);
    }
    if old.size() == tree.head().size() {
        return Ok(if old.root() == tree.head().root() { None } else { nothing() });
    }
    let proof = match tree.consistency(old.size()) {
        Ok(proof) => proof,
        Err(merkle::BuildError::Read { source, .. }) => return Err(Concern::of(reason_of(&source), &source)),
        Err(_) => return Err(Concern::new(Reason::TileDiffers, "no proof could be built")),
    };
    match proof.verify(old, tree.head()) {
        Ok(()) => Ok(None),
        Err(ProofError::OldRootMismatch { .. }) => Ok(Some(proof)),
        Err(error) => Err(Concern::new(Reason::TileDiffers, error)),
    }
}

/// A fork, with its evidence.
pub(crate) fn fork(
    reason: Reason,
    demand: &Demand,
    proof: ConsistencyProof,
    one: &SignedCheckpoint,
    other: &SignedCheckpoint,
) -> Concern {
    let evidence = Evidence::new(demand.keys(), proof, one.clone(), other.clone());
    match evidence.verify() {
        Ok(fork) => Concern {
            reason,
            detail: format!(
                "for size {} it signed root {}, and a tree of size {} in which that root is {}",
                fork.size(),
                fork.root_signed(),
                fork.larger().size(),
                fork.root_elsewhere()
            ),
            evidence: Some(evidence.to_bytes()),
        },
        // It was found by the same proof; if it does not hold now, say what was found, without a file that proves nothing.
        Err(error) => Concern::of(reason, &error),
    }
}

/// Whether the reason is the network.
pub(crate) fn is_unreachable(error: &TreeError) -> bool {
    matches!(error, TileReadError::Read { source: TileFault::Source(_), .. })
}
