//! R4: every call of the log to its storage, its key and its signer goes wrong in every way, and then, in the process after
//! that, another one does.
//!
//! For each size a tree is prepared. An undisturbed session (open, two steps) says which calls there are; of a row of equal
//! calls the first and the last are tried. Then each pair:
//!
//! ```text
//! session 1   the first fault     the log stops or does not open, or the fault did not matter
//! session 2   the second fault    likewise, on what session 1 left
//! session 3   no fault            must open, take everything, and have kept everything
//! ```
//!
//! After each session the judge compares the disk with what was shown and acknowledged, and the whole log is computed again
//! from its entries: tiles, index of leaves, head. Sessions submit again what the one before may or may not have stored.
//!
//! In scope: two faults in a row. Out of scope: what a fault does to an engine's own files (R2, R3, R6, R7).

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use log_server::clock::{Clock, SettableClock};
use log_server::storage::memory::MemoryStorage;
use log_server::storage::{Act, EncodedStep, Inventory, NewEntry, Step, Storage, StorageError, Table};
use merkle::{Frontier, Hash, LeafHash, LeafIndex, TreeHead, TreeSize};
use tlog::tile::{RightEdge, TileCoord};

use crate::inside::{Fate, Fault, Judge, Log, Op, alive, memory_dir};
use crate::plan::Run;

/// Sizes at which a tile begins, is nearly full, or is full, and where level 2 begins.
const SIZES: [u64; 12] = [0, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 2];
const TIME: u64 = 1_700_000_000;

/// Tries all pairs at the first `cycles` of the sizes.
///
/// # Errors
/// A broken promise; the pair is named.
pub fn run(run: &mut Run) -> Result<()> {
    let sizes: Vec<u64> = SIZES.into_iter().take(usize::try_from(run.cycles)?).collect();
    let dir = memory_dir(&run.dir)?;
    let next = Mutex::new(sizes.into_iter());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let totals = std::thread::scope(|scope| {
        let (next, dir) = (&next, &dir);
        let work = move |thread: usize| -> Result<Totals> {
            let own = dir.join(format!("faults-{thread}"));
            std::fs::create_dir_all(&own)?;
            let mut totals = Totals::default();
            loop {
                let size = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(size) = size else { return Ok(totals) };
                totals.add(&all_pairs(size, &own)?);
            }
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let mut all = Totals::default();
        for thread in running {
            all.add(&thread.join().map_err(|_| anyhow!("a thread of R4 panicked"))??);
        }
        Ok::<_, anyhow::Error>(all)
    });
    std::fs::remove_dir_all(&dir)?;
    let totals = totals?;
    run.count("pairs of faults", totals.pairs);
    run.count("sessions", totals.sessions);
    run.count("of these refused to open", totals.refused);
    run.count("of these stopped", totals.stopped);
    run.count("of these killed", totals.killed);
    run.count("acknowledged", totals.acknowledged);
    run.count("checkpoints", totals.heads);
    Ok(())
}

#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    pairs: u64,
    sessions: u64,
    refused: u64,
    stopped: u64,
    killed: u64,
    acknowledged: u64,
    heads: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.sessions += other.sessions;
        self.refused += other.refused;
        self.stopped += other.stopped;
        self.killed += other.killed;
        self.acknowledged += other.acknowledged;
        self.heads += other.heads;
    }
}

/// A tree that every pair of one size starts from.
struct Prepared {
    base: Arc<MemoryStorage>,
    size: u64,
    edge: RightEdge,
    tree: Frontier,
    log: Log,
    /// The ledger that goes with it.
    ledger: Vec<u8>,
}

fn old_entry(number: u64) -> Vec<u8> {
    format!("old {number}").into_bytes()
}

impl Prepared {
    fn new(size: u64, dir: &Path) -> Result<Self> {
        let (mut edge, mut tree) = (RightEdge::new(), Frontier::new());
        let entries: Vec<NewEntry> =
            (0..size).map(old_entry).map(|entry| NewEntry::new(LeafHash::of(&entry), entry)).collect();
        let leaves: Vec<LeafHash> = entries.iter().map(|entry| *entry.leaf()).collect();
        for leaf in &leaves {
            tree.append(*leaf)?;
        }
        let tiles = edge.append(&leaves)?;
        let base = Arc::new(MemoryStorage::new());
        base.append(&Step::new(TreeHead::empty(), tree.head(), entries, tiles)?)?;
        let log = Log::new(dir, TIME)?;
        if size > 0 {
            log_server::ledger::Ledger::open(&log.ledger, log.vkey(), &mut |_| {})?
                .append(&tree.head(), TIME)?;
        }
        let ledger = std::fs::read(&log.ledger)?;
        Ok(Self { base, size, edge, tree, log, ledger })
    }
}

/// A fault at a call, both by number.
type Plan = Option<(usize, Fault)>;

/// Counts the calls of a process and has one of them fail.
#[derive(Debug)]
struct Planned {
    plan: Plan,
    calls: Mutex<Vec<Op>>,
}

impl Planned {
    fn calls(&self) -> MutexGuard<'_, Vec<Op>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fate for Planned {
    fn of(&self, op: Op) -> Option<Fault> {
        let mut calls = self.calls();
        calls.push(op);
        let number = calls.len() - 1;
        // A second fault may be planned for a call that turns out to be another one; then it has no such fault.
        self.plan.filter(|(at, fault)| *at == number && op.faults().contains(fault)).map(|(_, fault)| fault)
    }
}

/// Every fault that is tried, from the calls of an undisturbed session.
fn plans(calls: &[Op]) -> Vec<Plan> {
    let mut plans = vec![None];
    for (number, &op) in calls.iter().enumerate() {
        let first = number.checked_sub(1).and_then(|before| calls.get(before)) != Some(&op);
        let last = calls.get(number + 1) != Some(&op);
        if first || last {
            plans.extend(op.faults().iter().map(|&fault| Some((number, fault))));
        }
    }
    plans
}

fn all_pairs(size: u64, dir: &Path) -> Result<Totals> {
    let prepared = Prepared::new(size, dir)?;
    let undisturbed = Case::new(&prepared)?.session(1, None, &mut Totals::default())?;
    let plans = plans(&undisturbed);
    let mut totals = Totals::default();
    for &first in &plans {
        // What the second session calls depends on what the first one left.
        let mut probe = Case::new(&prepared)?;
        probe
            .session(1, first, &mut Totals::default())
            .with_context(|| told(size, first, None, &undisturbed))?;
        let calls = probe.session(2, None, &mut Totals::default())?;
        for second in self::plans(&calls) {
            let mut case = Case::new(&prepared)?;
            case.three_sessions(first, second, &mut totals)
                .with_context(|| told(size, first, second, &undisturbed))?;
            totals.pairs += 1;
            totals.acknowledged += case.judge.acknowledged;
            totals.heads += case.judge.heads;
        }
    }
    Ok(totals)
}

fn told(size: u64, first: Plan, second: Plan, calls: &[Op]) -> String {
    let op = |plan: Plan| plan.and_then(|(at, _)| calls.get(at));
    format!("size {size}, first fault {first:?} ({:?}), second fault {second:?}", op(first))
}

/// One pair.
struct Case<'a> {
    prepared: &'a Prepared,
    disk: Arc<Layered>,
    judge: Judge,
}

impl<'a> Case<'a> {
    fn new(prepared: &'a Prepared) -> Result<Self> {
        std::fs::write(&prepared.log.ledger, &prepared.ledger)?;
        let disk = Arc::new(Layered::new(Arc::clone(&prepared.base), prepared.tree.head()));
        let judge = Judge::new(prepared.log.vkey().clone(), prepared.tree.clone());
        Ok(Self { prepared, disk, judge })
    }

    fn three_sessions(&mut self, first: Plan, second: Plan, totals: &mut Totals) -> Result<()> {
        self.session(1, first, totals).context("in session 1")?;
        self.session(2, second, totals).context("in session 2")?;
        let before = self.judge.acknowledged;
        self.session(3, None, totals).context("in session 3, which has no fault")?;
        let taken = self.judge.acknowledged - before;
        ensure!(taken == ENTRIES_EACH as u64, "without a fault only {taken} entries were taken");
        self.judge.finds_all(self.disk.as_ref())
    }

    /// Opens, makes two steps, and looks at everything. The calls that were made.
    fn session(&mut self, number: u64, plan: Plan, totals: &mut Totals) -> Result<Vec<Op>> {
        let fate = Arc::new(Planned { plan, calls: Mutex::new(Vec::new()) });
        totals.sessions += 1;
        let ended = self.live(number, &fate)?;
        match ended {
            Ended::Killed => totals.killed += 1,
            Ended::Refused(_) => totals.refused += 1,
            Ended::Stopped(_) => totals.stopped += 1,
            Ended::Well => {}
        }
        if plan.is_none() {
            match ended {
                Ended::Well => {}
                Ended::Refused(why) => bail!("does not open although nothing is wrong: {why}"),
                Ended::Stopped(why) => bail!("stops although nothing is wrong: {why}"),
                Ended::Killed => bail!("was killed by nobody"),
            }
        }
        self.judge.stands(self.disk.as_ref())?;
        self.whole()?;
        let calls = fate.calls().clone();
        Ok(calls)
    }

    fn live(&mut self, number: u64, fate: &Arc<Planned>) -> Result<Ended> {
        let disk: Arc<dyn Storage> = Arc::clone(&self.disk) as Arc<dyn Storage>;
        let clock: Arc<dyn Clock> = Arc::new(SettableClock::at(TIME + number));
        let fate = Arc::clone(fate) as Arc<dyn Fate>;
        let Some(opened) = alive(|| self.prepared.log.open(disk, clock, fate)) else {
            return Ok(Ended::Killed);
        };
        let mut process = match opened {
            Ok(process) => process,
            Err(error) => return Ok(Ended::Refused(error.to_string())),
        };
        process.shown_to(&mut self.judge, self.disk.as_ref())?;
        for batch in batches(number, self.prepared.size) {
            for entry in &batch {
                ensure!(process.submit(entry)?, "a log whose clock is right takes no entry");
            }
            let stepped = alive(|| process.step());
            // What came out before the end counts, whatever the end was.
            process.shown_to(&mut self.judge, self.disk.as_ref())?;
            match stepped {
                None => return Ok(Ended::Killed),
                Some(Err(error)) => return Ok(Ended::Stopped(error.to_string())),
                Some(Ok(stepped)) => {
                    ensure!(stepped, "entries were queued and no step was made");
                    ensure!(process.waits() == 0, "a step went well and {} got no answer", process.waits());
                }
            }
        }
        Ok(Ended::Well)
    }

    /// Computes everything beyond the base from the entries, and compares.
    fn whole(&self) -> Result<()> {
        let (disk, base) = (self.disk.as_ref(), self.prepared.size);
        let head = disk.head()?;
        let mut leaves = Vec::new();
        disk.entries(base..head.size().get(), &mut |_, entry| leaves.push(LeafHash::of(entry)))?;
        ensure!(disk.over().entries.len() == leaves.len(), "entries are stored beyond the head");
        let mut edge = self.prepared.edge.clone();
        for tile in edge.append(&leaves)? {
            let stored = disk.tile(tile.coord())?;
            ensure!(
                stored.as_deref() == Some(tile.bytes()),
                "{:?} is not the tile of its leaves",
                tile.coord()
            );
        }
        ensure!(edge.root() == head.root(), "the stored root is not that of the stored entries");
        for (index, found) in (base..).zip(disk.find(&leaves)?) {
            ensure!(found.map(LeafIndex::get) == Some(index), "entry {index} is found at {found:?}");
        }
        Ok(())
    }
}

enum Ended {
    Killed,
    Refused(String),
    Stopped(String),
    Well,
}

/// Entries of one session.
const ENTRIES_EACH: usize = 7;

/// Two batches: new entries, one twice, one of the session before, one from long ago.
fn batches(session: u64, size: u64) -> [Vec<Vec<u8>>; 2] {
    let new = |session: u64, number: u64| format!("session {session} entry {number}").into_bytes();
    let old = if size == 0 { new(1, 0) } else { old_entry(size / 2) };
    [
        vec![new(session, 0), new(session, 1), new(session.saturating_sub(1), 0), new(session, 0)],
        vec![new(session, 2), old, new(session.saturating_sub(1), 2)],
    ]
}

/// A prepared log that is never written to, and what came after it.
#[derive(Debug)]
struct Layered {
    base: Arc<MemoryStorage>,
    base_size: u64,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    head: TreeHead,
    entries: Vec<Vec<u8>>,
    tiles: HashMap<TileCoord, Vec<u8>>,
    leaves: HashMap<Vec<u8>, u64>,
}

impl Layered {
    fn new(base: Arc<MemoryStorage>, head: TreeHead) -> Self {
        let over = Over { head, entries: Vec::new(), tiles: HashMap::new(), leaves: HashMap::new() };
        Self { base, base_size: head.size().get(), over: Mutex::new(over) }
    }

    fn over(&self) -> MutexGuard<'_, Over> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

impl Over {
    /// Stores one row; `None` if it is none that this log writes.
    fn put(&mut self, base_size: u64, table: Table, key: &[u8], value: &[u8]) -> Option<()> {
        match table {
            Table::Entry => {
                let at = usize::try_from(number(key)?.checked_sub(base_size)?).ok()?;
                if at != self.entries.len() {
                    return None;
                }
                self.entries.push(value.to_vec());
            }
            Table::Leaf => {
                // Without zeros in front.
                let mut index = [0; 8];
                index.get_mut(8_usize.checked_sub(value.len())?..)?.copy_from_slice(value);
                self.leaves.insert(key.to_vec(), u64::from_be_bytes(index));
            }
            Table::Tile => {
                let (level, index) = key.split_first()?;
                self.tiles.insert(TileCoord::new(*level, number(index)?).ok()?, value.to_vec());
            }
            Table::Meta => {
                let (size, root) = value.split_first_chunk::<8>()?;
                let size = TreeSize::new(u64::from_be_bytes(*size)).ok()?;
                self.head = TreeHead::new(size, Hash::from_slice(root)?).ok()?;
            }
            _ => return None,
        }
        Some(())
    }
}

impl Storage for Layered {
    fn head(&self) -> Result<TreeHead, StorageError> {
        Ok(self.over().head)
    }

    fn encode(&self, step: &Step) -> Result<EncodedStep, StorageError> {
        self.base.encode(step)
    }

    fn commit(&self, step: EncodedStep) -> Result<(), StorageError> {
        let bad =
            || StorageError::Engine { act: Act::Write, source: std::io::Error::other("no such row").into() };
        let mut over = self.over();
        if over.head != *step.head_old() {
            return Err(StorageError::HeadMoved {
                size_seen: over.head.size().get(),
                size_wanted: step.head_old().size().get(),
            });
        }
        let rows: Vec<_> = step.rows().map_err(|_| bad())?.collect::<Result<_, _>>().map_err(|_| bad())?;
        for row in rows {
            over.put(self.base_size, row.table, row.key, row.value).ok_or_else(bad)?;
        }
        Ok(())
    }

    fn tile(&self, coord: TileCoord) -> Result<Option<Vec<u8>>, StorageError> {
        match self.over().tiles.get(&coord) {
            Some(tile) => Ok(Some(tile.clone())),
            None => self.base.tile(coord),
        }
    }

    fn entries(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StorageError> {
        let below = range.start..range.end.min(self.base_size);
        if !below.is_empty() {
            self.base.entries(below, visit)?;
        }
        let over = self.over();
        for index in range.start.max(self.base_size)..range.end {
            let entry = over.entries.get((index - self.base_size) as usize);
            visit(index, entry.ok_or(StorageError::MissingEntry { index })?);
        }
        Ok(())
    }

    fn find(&self, leaves: &[LeafHash]) -> Result<Vec<Option<LeafIndex>>, StorageError> {
        let below = self.base.find(leaves)?;
        let over = self.over();
        let above = |leaf: &LeafHash| over.leaves.get(leaf.hash().as_bytes().as_slice()).copied();
        Ok(leaves
            .iter()
            .zip(below)
            .map(|(leaf, below)| below.or_else(|| LeafIndex::new(above(leaf)?).ok()))
            .collect())
    }

    fn inventory(&self) -> Result<Inventory, StorageError> {
        self.base.inventory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::{Kind, in_memory};

    #[test]
    fn nothing_is_lost_or_forked_by_any_two_faults_in_a_row() {
        let dir = in_memory();
        for size in [0, 2] {
            let totals = all_pairs(size, dir.path()).unwrap();
            assert!(totals.pairs > 400 && totals.killed > 100 && totals.stopped > 100, "{totals:?}");
        }
    }

    #[test]
    fn an_undisturbed_session_makes_every_kind_of_call() {
        let dir = in_memory();
        let prepared = Prepared::new(300, dir.path()).unwrap();
        let calls = Case::new(&prepared).unwrap().session(1, None, &mut Totals::default()).unwrap();
        for op in [Op::Head, Op::Tile, Op::Entries, Op::Find, Op::Encode, Op::Commit, Op::KeySign, Op::Signed]
        {
            assert!(calls.contains(&op), "{op:?}");
        }
    }

    #[test]
    fn the_judge_notices_a_lost_step() {
        let dir = in_memory();
        let prepared = Prepared::new(3, dir.path()).unwrap();
        let mut case = Case::new(&prepared).unwrap();
        case.session(1, None, &mut Totals::default()).unwrap();
        case.disk = Arc::new(Layered::new(Arc::clone(&prepared.base), prepared.tree.head()));
        let lost = case.judge.stands(case.disk.as_ref()).unwrap_err().to_string();
        assert!(lost.contains("LOST"), "{lost}");
        let fate: Arc<dyn Fate> = Arc::new(Kind);
        let disk = Arc::clone(&case.disk) as Arc<dyn Storage>;
        let refused = prepared.log.open(disk, Arc::new(SettableClock::at(TIME)), fate);
        assert!(matches!(refused, Err(log_server::opening::OpeningError::BehindLedger { .. })));
    }
}
