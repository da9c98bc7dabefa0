//! The index against a naive scan, while the log grows, across restarts, and over damage.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use merkle::{Frontier, LeafHash, TreeHead};
use tlog::tile::RightEdge;

use super::*;
use crate::proof::RecentTiles;
use crate::publisher::{Publication, Publisher};
use crate::storage::memory::MemoryStorage;
use crate::storage::{NewEntry, Step};

/// Entries of a segment in these tests.
const SEGMENT: u32 = 4096;

/// Terms of a test entry: it is made of them, two bytes each.
fn pairs(entry: &[u8]) -> Option<Vec<Term>> {
    let (pairs, odd) = entry.as_chunks::<2>();
    odd.is_empty().then(|| pairs.iter().map(|pair| Term::new(0, pair)).collect())
}

fn term(number: u16) -> Term {
    Term::new(0, &number.to_be_bytes())
}

/// Numbers that look random and are the same in every run (xorshift).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A log whose entries are sets of terms, and the truth about them.
struct Model {
    storage: Arc<MemoryStorage>,
    edge: RightEdge,
    frontier: Frontier,
    entries: Vec<BTreeSet<u16>>,
    state: u64,
}

impl Model {
    fn new() -> Self {
        Self {
            storage: Arc::new(MemoryStorage::new()),
            edge: RightEdge::new(),
            frontier: Frontier::new(),
            entries: Vec::new(),
            state: 0x5eed,
        }
    }

    fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// Adds entries: one term that all have, some that many have, some that few have. Each holds its index too.
    fn grow(&mut self, count: u64) {
        let head = self.head();
        let mut entries = Vec::new();
        for _ in 0..count {
            let mut terms = BTreeSet::from([7]);
            for spread in [10, 1_000, 60_000] {
                terms.insert(100 + (random(&mut self.state) % spread) as u16);
            }
            let bytes: Vec<u8> = terms.iter().flat_map(|term| term.to_be_bytes()).collect();
            entries.push(bytes);
            self.entries.push(terms);
        }
        let leaves: Vec<_> = entries.iter().map(|entry| LeafHash::of(entry)).collect();
        for leaf in &leaves {
            self.frontier.append(*leaf).unwrap();
        }
        let tiles = self.edge.append(&leaves).unwrap();
        let new = leaves.into_iter().zip(entries).map(|(leaf, entry)| NewEntry::new(leaf, entry)).collect();
        self.storage.append(&Step::new(head, self.head(), new, tiles).unwrap()).unwrap();
    }

    fn publication(&self) -> Publication {
        Publication::new(self.head(), Vec::new(), RecentTiles::none())
    }

    fn naive(&self, terms: &[u16], range: Range<u64>) -> Vec<u64> {
        let has = |index: &u64| {
            let entry = &self.entries[*index as usize];
            terms.iter().all(|term| entry.contains(term))
        };
        range.filter(has).collect()
    }

    /// Pages through an answer as HTTP does, and returns it whole.
    fn paged(
        &self,
        index: &TermIndex,
        terms: &[u16],
        range: Range<u64>,
        order: Order,
        limit: usize,
        work: Work,
    ) -> Vec<u64> {
        let asked: Vec<_> = terms.iter().map(|number| term(*number)).collect();
        let (mut found, mut range) = (Vec::new(), range);
        loop {
            let mut page = 0;
            let left = index.search(&asked, range.clone(), order, work, |at| {
                let entry = &self.entries[at as usize];
                if terms.iter().all(|term| entry.contains(term)) {
                    found.push(at);
                    page += 1;
                }
                Ok::<_, IndexError>(if page < limit { Next::GoOn } else { Next::Stop })
            });
            match (left.unwrap(), order) {
                (None, _) => return found,
                (Some(at), Order::NewestFirst) => {
                    assert!(at < range.end, "no progress at {at}");
                    range.end = at;
                }
                (Some(at), Order::OldestFirst) => {
                    assert!(at > range.start, "no progress at {at}");
                    range.start = at;
                }
            }
        }
    }

    /// Compares answers to random questions, and to the ones that hurt, with the truth.
    fn compare(&self, index: &TermIndex, questions: usize) {
        let size = self.entries.len() as u64;
        assert_eq!(index.indexed(), size);
        let mut state = size | 1;
        for number in 0..questions {
            let mut terms = match number % 4 {
                0 => vec![7],
                1 => vec![100 + (random(&mut state) % 10) as u16],
                2 => vec![100 + (random(&mut state) % 1_000) as u16, 7],
                _ => vec![100 + (random(&mut state) % 60_000) as u16],
            };
            if random(&mut state).is_multiple_of(3) {
                terms.push(100 + (random(&mut state) % 1_000) as u16);
            }
            let (from, to) = (random(&mut state) % (size + 1), random(&mut state) % (size + 1));
            let range = if number % 5 == 0 { 0..size } else { from.min(to)..from.max(to) };
            let limit = 1 + (random(&mut state) % 500) as usize;
            let wanted = self.naive(&terms, range.clone());
            let found = self.paged(index, &terms, range.clone(), Order::OldestFirst, limit, Work::LIMIT);
            assert!(found == wanted, "{terms:?} {range:?} oldest first");
            let mut found = self.paged(index, &terms, range.clone(), Order::NewestFirst, limit, Work::LIMIT);
            found.reverse();
            assert!(found == wanted, "{terms:?} {range:?} newest first");
        }
    }
}

fn opened(dir: &Path, model: &Model) -> TermIndex {
    let mut index = TermIndex::new(Place::Directory(dir.to_owned()), pairs);
    index.segment_entries = SEGMENT;
    index.open(model.head().size(), model.storage.as_ref()).unwrap();
    index
}

/// Brings an index up to the log in steps as the indexer takes them.
fn catch_up(index: &TermIndex, model: &Model) {
    let size = model.head().size().get();
    while index.indexed() < size {
        let sealed = index.read().sealed();
        let from = index.indexed();
        let end = size.min(from + 1000).min(sealed + u64::from(SEGMENT));
        index.extend(from..end, model.storage.as_ref()).unwrap();
    }
}

#[test]
fn answers_are_those_of_a_scan_while_the_log_grows_and_after_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::new();
    let mut index = opened(dir.path(), &model);
    for (step, grow) in [1, 2, 300, 2_000, 1_793, 1, 7_000, 5].into_iter().enumerate() {
        model.grow(grow);
        catch_up(&index, &model);
        model.compare(&index, 12);
        if step % 2 == 1 {
            index = opened(dir.path(), &model);
            assert_eq!(index.indexed() % u64::from(SEGMENT), 0, "segments survive, the tail does not");
            catch_up(&index, &model);
            model.compare(&index, 12);
        }
    }
    assert_eq!(index.read().segments.len(), 2);
}

#[test]
fn a_search_that_spent_its_work_goes_on_where_it_stopped() {
    let mut model = Model::new();
    model.grow(14_000);
    let index = opened(tempfile::tempdir().unwrap().path(), &model);
    catch_up(&index, &model);
    for work in [
        Work { lookups: 1, ..Work::LIMIT },
        Work { postings: 1, ..Work::LIMIT },
        Work { candidates: 777, ..Work::LIMIT },
    ] {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let mut found = model.paged(&index, &[7, 105], 10..13_990, order, usize::MAX, work);
            if order == Order::NewestFirst {
                found.reverse();
            }
            assert!(found == model.naive(&[7, 105], 10..13_990), "{work:?} {order:?}");
        }
    }
    let mut shown = 0;
    let left = index.search(&[term(7)], 0..14_000, Order::NewestFirst, Work::LIMIT, |_| {
        shown += 1;
        Ok::<_, IndexError>(Next::GoOn)
    });
    assert_eq!((shown, left.unwrap()), (Work::LIMIT.candidates, Some(14_000 - Work::LIMIT.candidates)));
}

#[test]
fn a_file_cut_at_any_point_is_made_whole_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::new();
    model.grow(8_192 + 10);
    let index = opened(dir.path(), &model);
    catch_up(&index, &model);
    let path = dir.path().join("terms");
    let whole = std::fs::read(&path).unwrap();
    let second = index.read().segments[1].offset() as usize;
    drop(index);
    for (len, kept) in [
        (0, 0),
        (31, 0),
        (32, 0),
        (33, 0),
        (second - 1, 0),
        (second, 4_096),
        (second + 60, 4_096),
        (whole.len() - 1, 4_096),
        (whole.len(), 8_192),
    ] {
        std::fs::write(&path, &whole[..len]).unwrap();
        let index = opened(dir.path(), &model);
        assert_eq!(index.indexed(), kept, "{len}");
        catch_up(&index, &model);
        model.compare(&index, 4);
        if len >= 32 {
            assert!(std::fs::read(&path).unwrap() == whole, "made again as it was, {len}");
        }
    }
}

#[test]
fn an_index_of_another_log_or_of_a_longer_one_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut model, mut other) = (Model::new(), Model::new());
    other.state = 0x07e7;
    model.grow(5_000);
    other.grow(5_000);
    catch_up(&opened(dir.path(), &model), &model);
    assert_eq!(opened(dir.path(), &model).indexed(), 4_096);
    assert_eq!(opened(dir.path(), &other).indexed(), 0);
    catch_up(&opened(dir.path(), &model), &model);
    let mut younger = Model::new();
    younger.grow(4_095);
    assert_eq!(opened(dir.path(), &younger).indexed(), 0);
}

#[test]
fn damage_is_an_error_once_and_then_repaired_never_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::new();
    model.grow(8_192 + 10);
    let index = opened(dir.path(), &model);
    catch_up(&index, &model);
    let path = dir.path().join("terms");
    let second = index.read().segments[1].offset() as usize;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.iter_mut().skip(second + 300).step_by(50).for_each(|byte| *byte ^= 0x10);
    // In place, as a disk does it.
    FileStore::open(dir.path()).unwrap().write(0, &bytes).unwrap();
    let all = |_| Ok::<_, IndexError>(Next::GoOn);
    let refused = index.search(&[term(7)], 0..8_202, Order::NewestFirst, Work::LIMIT, all);
    let Err(IndexError::Segment { source: SegmentError::Damaged { first: 4_096, .. } }) = refused else {
        panic!("{refused:?}")
    };
    assert!(index.drop_damaged().unwrap());
    assert!(!index.drop_damaged().unwrap());
    assert_eq!(index.indexed(), 4_096);
    catch_up(&index, &model);
    model.compare(&index, 12);
}

#[test]
fn the_indexer_follows_what_is_published_and_no_further() {
    let mut model = Model::new();
    model.grow(3000);
    let publisher = Arc::new(Publisher::new(model.publication()));
    let index = Arc::new(TermIndex::new(Place::Memory, pairs));
    // Stored, but not published.
    model.grow(500);
    let storage: Arc<dyn Storage> = model.storage.clone();
    let indexer = Indexer::start(Arc::clone(&index), Arc::clone(&publisher), storage).unwrap();
    let reached = |size| {
        let until = Instant::now() + Duration::from_secs(30);
        while index.indexed() < size && Instant::now() < until {
            indexer.waker().unwrap().wake();
            std::thread::sleep(Duration::from_millis(1));
        }
        index.indexed()
    };
    assert_eq!(reached(3000), 3000);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(index.indexed(), 3000);
    publisher.publish(model.publication());
    assert_eq!(reached(3500), 3500);
    model.compare(&index, 12);
    drop(indexer);
    model.grow(1);
    publisher.publish(model.publication());
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(index.indexed(), 3500, "a dropped indexer is gone");
}

#[test]
fn searches_run_while_segments_are_sealed() {
    let mut model = Model::new();
    model.grow(20_000);
    let index = opened(tempfile::tempdir().unwrap().path(), &model);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut answers = 0;
            while !over.load(Ordering::Relaxed) {
                let size = index.indexed();
                let found = model.paged(&index, &[105], 0..size, Order::NewestFirst, 900, Work::LIMIT);
                assert!(found.len() == model.naive(&[105], 0..size).len(), "at {size}");
                answers += 1;
            }
            answers
        });
        catch_up(&index, &model);
        over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn an_entry_that_is_none_stops_the_index_in_front_of_it() {
    let mut model = Model::new();
    model.grow(100);
    let index = TermIndex::new(Place::Memory, |entry| pairs(entry.get(1..)?));
    index.open(model.head().size(), model.storage.as_ref()).unwrap();
    let refused = index.extend(0..100, model.storage.as_ref());
    assert!(matches!(refused, Err(IndexError::NotAnEntry { index: 0 })));
    assert_eq!(index.indexed(), 0);
}
