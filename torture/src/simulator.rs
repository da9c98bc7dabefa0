//! R5: a world of one disk, one clock and two processes that want to write, in which everything happens at once. One seed is
//! one run, and the same run each time.
//!
//! ```text
//! events   start, stop, kill; submit (new, or sent before) and make a step; the clock passes, jumps ahead, jumps back;
//!          an older copy of the database is put back; a bit of the newest tile or entry flips
//! inside   at any call to storage, key or signer: it fails, done or not; the process dies there; or the *other* process
//!          does something before the call goes on
//! ```
//!
//! In half of the worlds the lock on the directory works, and a second process does not start. In the others it does not,
//! as on a disk that two machines mount, and only the comparison of the old head in a write stands between the log and
//! two histories; such a log may end up refusing for ever, but never lie.
//!
//! After every event: every published head is a root of one history (invariant 1), every acknowledged entry is where it was
//! said to be (4), no size was ever signed with two roots and no head left before it was in the ledger (10), and a log that is
//! behind what it signed, or whose tail is damaged, does not open (12).
//!
//! In scope: the order of things. Out of scope: threads, sockets, real files but for the ledger.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use log_server::clock::{Clock, SettableClock};
use log_server::storage::memory::MemoryStorage;
use log_server::storage::{EncodedStep, Storage};
use merkle::{Frontier, Hash};

use crate::inside::{Fate, Fault, Judge, Kind, Log, Op, Process, alive, memory_dir};
use crate::plan::Run;
use crate::seed::Seed;

const TIME: u64 = 1_700_000_000;
/// Events of one run.
const EVENTS: u64 = 30;
/// One call in so many goes wrong.
const FAULTS: u64 = 60;
/// At one call in so many the other process comes in between.
const BETWEEN: u64 = 25;

/// Runs as many seeds as there are cycles.
///
/// # Errors
/// A broken invariant; the seed is named, and `--cycles 1 --seed N` runs it again.
pub fn run(run: &mut Run) -> Result<()> {
    let dir = memory_dir(&run.dir)?;
    // The first run has the very seed that was named, so that one of them can be had again.
    let (from, to) = (run.seed.number(), run.cycles);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let totals = std::thread::scope(|scope| {
        let (next, dir) = (&next, &dir);
        let work = move |thread: usize| -> Result<Totals> {
            let own = dir.join(format!("world-{thread}"));
            std::fs::create_dir_all(&own)?;
            let mut totals = Totals::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= to {
                    return Ok(totals);
                }
                let seed = from.wrapping_add(number);
                let one = one_run(seed, &own).with_context(|| format!("seed {seed}"));
                if one.is_err() {
                    next.store(to, Ordering::Relaxed);
                }
                totals.add(&one?);
            }
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let mut all = Totals::default();
        for thread in running {
            all.add(&thread.join().map_err(|_| anyhow!("a thread of R5 panicked"))??);
        }
        Ok::<_, anyhow::Error>(all)
    });
    std::fs::remove_dir_all(&dir)?;
    for (name, count) in totals?.named() {
        run.count(name, count);
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Totals(HashMap<&'static str, u64>);

impl Totals {
    fn count(&mut self, name: &'static str, by: u64) {
        *self.0.entry(name).or_default() += by;
    }

    fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            self.count(name, *count);
        }
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(name, count)| (*name, *count)).collect();
        all.sort_unstable();
        all
    }
}

/// Everything there is.
#[derive(Debug)]
struct World {
    log: Log,
    clock: Arc<SettableClock>,
    disk: Mutex<Arc<MemoryStorage>>,
    /// Steps on the disk, first one first.
    journal: Mutex<Vec<EncodedStep>>,
    judge: Mutex<Judge>,
    seed: Mutex<Seed>,
    processes: [Mutex<Option<Process>>; 2],
    /// Whether the lock of the directory keeps a second process out.
    locked: bool,
    /// Whether calls go wrong.
    rough: AtomicBool,
    /// Whether one process acts in the middle of a call of the other.
    nested: AtomicBool,
    sent: AtomicU64,
    totals: Mutex<Totals>,
    broken: Mutex<Option<anyhow::Error>>,
}

/// Decides about the calls of one of the two processes.
#[derive(Debug)]
struct Roll {
    world: Arc<World>,
    own: usize,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fate for Roll {
    fn of(&self, op: Op) -> Option<Fault> {
        let world = &self.world;
        if !world.rough.load(Ordering::Relaxed) {
            return None;
        }
        let draw = |one_in| held(&world.seed).chance(one_in);
        if !world.locked && draw(BETWEEN) && !world.nested.swap(true, Ordering::Relaxed) {
            world.count("acts of the other process inside a call");
            let acted = world.act(1 - self.own);
            world.nested.store(false, Ordering::Relaxed);
            if let Err(error) = acted {
                held(&world.broken).get_or_insert(error);
            }
        }
        if draw(FAULTS) {
            let faults = op.faults();
            world.count("faults");
            let at = held(&world.seed).within(0..faults.len() as u64) as usize;
            return match faults.get(at).copied() {
                // The other process may have written its record at the same place; that one is whole and stays.
                Some(Fault::Torn(_)) if !world.locked => Some(Fault::HangDone),
                fault => fault,
            };
        }
        None
    }

    fn written(&self, step: &EncodedStep) {
        held(&self.world.journal).push(step.clone());
    }
}

/// One run of one seed.
fn one_run(seed: u64, dir: &Path) -> Result<Totals> {
    let mut draws = Seed::new(seed);
    let log = Log::new(dir, TIME)?;
    let judge = Judge::new(log.vkey().clone(), Frontier::new());
    let world = Arc::new(World {
        log,
        clock: Arc::new(SettableClock::at(TIME)),
        disk: Mutex::new(Arc::new(MemoryStorage::new())),
        journal: Mutex::new(Vec::new()),
        judge: Mutex::new(judge),
        locked: draws.chance(2),
        seed: Mutex::new(draws.fork()),
        processes: [Mutex::new(None), Mutex::new(None)],
        rough: AtomicBool::new(true),
        nested: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        totals: Mutex::new(Totals::default()),
        broken: Mutex::new(None),
    });
    for event in 0..EVENTS {
        let lock = if world.locked { "with a lock" } else { "without a lock" };
        world.event(&mut draws).with_context(|| format!("event {event}, {lock}"))?;
        world.invariants().with_context(|| format!("after event {event}, {lock}"))?;
    }
    world.end().context("at the end, when nothing fails any more")?;
    world.count("runs");
    let judge = held(&world.judge);
    let mut totals = std::mem::take(&mut *held(&world.totals));
    totals.count("acknowledged", judge.acknowledged);
    totals.count("checkpoints", judge.heads);
    totals.count("turned away", judge.refused);
    Ok(totals)
}

impl World {
    fn count(&self, name: &'static str) {
        held(&self.totals).count(name, 1);
    }

    fn draw(&self, range: std::ops::Range<u64>) -> u64 {
        held(&self.seed).within(range)
    }

    fn disk(&self) -> Arc<MemoryStorage> {
        Arc::clone(&held(&self.disk))
    }

    fn runs(&self, which: usize) -> bool {
        // A process that is in the middle of a call is not in its place; it runs.
        self.processes.get(which).is_some_and(|process| held(process).is_some())
    }

    fn nobody_runs(&self) -> bool {
        !self.runs(0) && !self.runs(1)
    }

    fn event(self: &Arc<Self>, draws: &mut Seed) -> Result<()> {
        match draws.within(0..20) {
            0 => self.clock.set_wall(self.clock.wall().as_secs() + 3600),
            1 => self.clock.set_wall(self.clock.wall().as_secs().saturating_sub(draws.within(1..4000))),
            2 | 3 => self.clock.advance(Duration::from_secs(draws.within(1..5000))),
            4 | 5 => self.kill(draws.within(0..2) as usize),
            6 if self.nobody_runs() => self.put_back_older(draws)?,
            7 if self.nobody_runs() => self.damage(draws)?,
            _ => {
                let which = if self.locked && self.runs(0) { 0 } else { draws.within(0..2) as usize };
                let which = if self.locked && self.runs(1) { 1 } else { which };
                self.act(which)?;
            }
        }
        held(&self.broken).take().map_or(Ok(()), Err)
    }

    fn kill(&self, which: usize) {
        if let Some(process) = self.processes.get(which)
            && held(process).take().is_some()
        {
            self.count("kills");
        }
    }

    /// One process starts, or takes entries and makes a step, or stops.
    fn act(self: &Arc<Self>, which: usize) -> Result<()> {
        let place = self.processes.get(which).context("there are two processes")?;
        // Taken out of its place while it acts, so that nobody waits for it who acts inside one of its calls.
        let taken = held(place).take();
        match taken {
            None => self.start(which),
            Some(process) if self.draw(0..10) == 0 => {
                drop(process);
                self.count("stops");
                Ok(())
            }
            Some(process) => self.step(which, process),
        }
    }

    fn start(self: &Arc<Self>, which: usize) -> Result<()> {
        let fate = Arc::new(Roll { world: Arc::clone(self), own: which });
        let before = held(&self.totals).0.get("faults").copied();
        let opened = alive(|| self.log.open(self.disk(), Arc::clone(&self.clock) as Arc<dyn Clock>, fate));
        let troubled = held(&self.totals).0.get("faults").copied() != before;
        self.count("starts");
        match opened {
            None => Ok(()),
            Some(Ok(mut process)) => {
                process.shown_to(&mut held(&self.judge), self.disk().as_ref())?;
                self.keep(which, process)
            }
            Some(Err(error)) => {
                self.count("starts refused");
                ensure!(troubled || !self.locked, "does not open although nothing is wrong: {error}");
                Ok(())
            }
        }
    }

    fn keep(&self, which: usize, process: Process) -> Result<()> {
        *held(self.processes.get(which).context("there are two processes")?) = Some(process);
        Ok(())
    }

    fn step(self: &Arc<Self>, which: usize, mut process: Process) -> Result<()> {
        for _ in 0..self.draw(1..5) {
            let sent = self.sent.load(Ordering::Relaxed);
            let number = match self.draw(0..3) {
                0 if sent > 0 => self.draw(0..sent),
                _ => self.sent.fetch_add(1, Ordering::Relaxed),
            };
            if !process.submit(format!("entry {number}").as_bytes())? {
                self.count("not taken, the clock is behind");
            }
        }
        let stepped = alive(|| process.step());
        process.shown_to(&mut held(&self.judge), self.disk().as_ref())?;
        match stepped {
            Some(Ok(_)) => {
                ensure!(process.waits() == 0, "a step went well and {} got no answer", process.waits());
                self.count("steps");
                self.keep(which, process)
            }
            Some(Err(_)) => {
                self.count("stopped by an error");
                Ok(())
            }
            None => {
                self.count("killed in a step");
                Ok(())
            }
        }
    }

    /// An older copy of the database comes back from somewhere.
    fn put_back_older(&self, draws: &mut Seed) -> Result<()> {
        let newest = self.disk();
        let kept = {
            let journal = held(&self.journal);
            let kept = draws.within(0..journal.len().max(1) as u64) as usize;
            journal.get(..kept).unwrap_or_default().to_vec()
        };
        let older = MemoryStorage::new();
        for step in kept {
            older.commit(step)?;
        }
        let older: Arc<dyn Storage> = Arc::new(older);
        let Ok(signed) = self.log.signed() else {
            return if self.locked { bail!("the ledger does not read") } else { Ok(()) };
        };
        let signed = signed.last().map_or(0, |last| last.head().size().get());
        if older.head()?.size().get() >= signed {
            return Ok(());
        }
        self.count("older copies put back");
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let opened = self.log.open(older, clock, Arc::new(Kind));
        ensure!(opened.is_err(), "a copy that is behind what was signed opens");
        ensure!(newest.head()?.size().get() >= held(&self.judge).size(), "the newest copy is too short");
        Ok(())
    }

    /// A bit flips at the newest end, and flips back after the start was refused.
    fn damage(&self, draws: &mut Seed) -> Result<()> {
        let disk = self.disk();
        let Some(last) = disk.head()?.size().get().checked_sub(1) else { return Ok(()) };
        let tile = draws.chance(2);
        let flip = || match tile {
            true => disk.damage_tile(0, last / 256),
            false => disk.damage_entry(last as usize),
        };
        if !flip() {
            return Ok(());
        }
        self.count("flipped bits");
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let opened = self.log.open(Arc::clone(&disk) as Arc<dyn Storage>, clock, Arc::new(Kind));
        ensure!(opened.is_err(), "a damaged tail opens, tile: {tile}");
        flip();
        Ok(())
    }

    fn invariants(&self) -> Result<()> {
        let disk = self.disk();
        for process in &self.processes {
            if let Some(process) = held(process).as_mut() {
                process.shown_to(&mut held(&self.judge), disk.as_ref())?;
            }
        }
        let judge = held(&self.judge);
        judge.stands(disk.as_ref())?;
        let signed = match self.log.signed() {
            Ok(signed) => signed,
            // Two processes without a lock may write into each other's records; then nothing opens any more.
            Err(_) if !self.locked => return Ok(()),
            Err(error) => return Err(error.context("the ledger does not read")),
        };
        let mut roots: HashMap<u64, Hash> = HashMap::new();
        let mut time = 0;
        for head in &signed {
            let (size, root) = (head.head().size().get(), head.head().root());
            ensure!(*roots.entry(size).or_insert(root) == root, "size {size} was signed with two roots");
            ensure!(head.time() >= time, "the signed time went back from {time} to {}", head.time());
            time = head.time();
        }
        let last = signed.last().map_or(0, |last| last.head().size().get());
        ensure!(last >= judge.size(), "size {} was published, the ledger ends at {last}", judge.size());
        Ok(())
    }

    /// Nothing fails any more: the log opens and still holds everything, or it has a reason to refuse.
    fn end(self: &Arc<Self>) -> Result<()> {
        for process in &self.processes {
            held(process).take();
        }
        self.rough.store(false, Ordering::Relaxed);
        self.clock.set_wall(TIME + 1_000_000_000);
        self.start(0)?;
        let Some(mut process) = held(&self.processes[0]).take() else {
            ensure!(!self.locked, "does not open");
            self.count("ended refusing");
            return Ok(());
        };
        let sent = self.sent.load(Ordering::Relaxed);
        for from in (0..=sent).step_by(16) {
            for number in from..(from + 16).min(sent + 1) {
                ensure!(process.submit(format!("entry {number}").as_bytes())?, "the clock is right again");
            }
            process.step()?;
        }
        let (disk, mut judge) = (self.disk(), held(&self.judge));
        process.shown_to(&mut judge, disk.as_ref())?;
        ensure!(process.waits() == 0, "{} got no answer", process.waits());
        judge.stands(disk.as_ref())?;
        judge.finds_all(disk.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::in_memory;

    #[test]
    fn no_invariant_breaks_in_three_hundred_worlds() {
        let dir = in_memory();
        let mut totals = Totals::default();
        for seed in 0..300 {
            totals.add(&one_run(seed, dir.path()).unwrap_or_else(|error| panic!("seed {seed}: {error:#}")));
        }
        for wanted in ["steps", "kills", "faults", "starts refused", "older copies put back", "flipped bits"]
        {
            assert!(totals.0.get(wanted).is_some_and(|count| *count > 20), "{wanted}: {totals:?}");
        }
    }

    #[test]
    fn one_seed_is_one_run() {
        let dir = in_memory();
        for seed in [3, 4, 5] {
            let once = one_run(seed, dir.path()).unwrap().named();
            assert_eq!(once, one_run(seed, dir.path()).unwrap().named());
        }
    }
}
