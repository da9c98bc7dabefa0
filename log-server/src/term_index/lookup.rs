//! Looking up: from terms to the entries that have all of them, newest or oldest first, under a bound on the work.

use std::ops::Range;
use std::sync::Arc;

use super::segment::{Key, Segment, SegmentError};
use super::store::SegmentStore;
use super::{IndexError, Opened, Term, TermIndex};

/// Which entries come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a log has two ends")]
pub enum Order {
    /// The one with the highest index.
    NewestFirst,
    /// The one with the lowest index.
    OldestFirst,
}

/// What one search may cost before it has to be taken up again.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Look-ups of a term in a segment: one small read each.
    pub lookups: u64,
    /// Postings read from lists.
    pub postings: u64,
    /// Entries shown to the caller, who reads them.
    pub candidates: u64,
}

impl Work {
    /// What a page may cost: some 20 ms with the file in memory, a second from a slow disk.
    pub const LIMIT: Self = Self { lookups: 4096, postings: 1 << 20, candidates: 512 };
}

/// Takes from what is left; false if there was nothing left.
fn spend(left: &mut u64, amount: u64) -> bool {
    let enough = *left > 0;
    *left = left.saturating_sub(amount);
    enough
}

/// What an offered entry was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "go on or stop")]
pub enum Next {
    /// Show the next one.
    GoOn,
    /// That was the last one wanted.
    Stop,
}

/// A part of the index: a segment, or the tail.
enum Part {
    Segment(Arc<Segment>),
    // First index, and what the tail has for each term.
    Tail { first: u64, after: u64, places: Vec<Vec<u16>> },
}

/// The index as it was when a search began, and what is looked for in it.
struct Picture {
    store: Arc<dyn SegmentStore>,
    key: Key,
    fingerprints: Vec<u32>,
    parts: Vec<Part>,
}

impl Part {
    fn range(&self) -> Range<u64> {
        match self {
            Self::Segment(segment) => segment.first()..segment.after(),
            Self::Tail { first, after, .. } => *first..*after,
        }
    }
}

impl TermIndex {
    /// Offers every entry of `range` that seems to have all `terms` to `offer`, in `order`. A few that have not are
    /// offered too; no entry below [`TermIndex::indexed`] that has them is left out.
    ///
    /// Returns where to go on: with [`Order::NewestFirst`] all entries from there on were looked at, otherwise all
    /// before it. `None` if the range is done.
    ///
    /// # Errors
    /// What `offer` says; [`IndexError::Segment`] if the index is damaged, which is reported to the indexer, and
    /// [`IndexError::NotOpen`]. After an error nothing is known about the entries that were not offered.
    pub fn search<E: From<IndexError>>(
        &self,
        terms: &[Term],
        range: Range<u64>,
        order: Order,
        mut work: Work,
        mut offer: impl FnMut(u64) -> Result<Next, E>,
    ) -> Result<Option<u64>, E> {
        let Picture { store, key, fingerprints, parts } = self.picture(terms)?;
        let parts: Box<dyn Iterator<Item = &Part>> = match order {
            Order::NewestFirst => Box::new(parts.iter().rev()),
            Order::OldestFirst => Box::new(parts.iter()),
        };
        for part in parts {
            let (of_part, first) = (part.range(), part.range().start);
            if of_part.start.max(range.start) >= of_part.end.min(range.end) {
                continue;
            }
            // Where this search has come to if it ends before this part.
            let here = match order {
                Order::NewestFirst => of_part.end.min(range.end),
                Order::OldestFirst => of_part.start.max(range.start),
            };
            if work.lookups == 0 || work.postings == 0 {
                return Ok(Some(here));
            }
            let found = part.find(store.as_ref(), &key, &fingerprints, &mut work);
            let places = found.inspect_err(|error| self.note(error, first)).map_err(IndexError::from)?;
            let inside = places.iter().map(|place| first + u64::from(*place));
            let inside = inside.filter(|index| range.contains(index));
            let inside: Box<dyn Iterator<Item = u64>> = match order {
                Order::NewestFirst => Box::new(inside.rev()),
                Order::OldestFirst => Box::new(inside),
            };
            for index in inside {
                let (before, behind) = match order {
                    Order::NewestFirst => (index + 1, index),
                    Order::OldestFirst => (index, index + 1),
                };
                if !spend(&mut work.candidates, 1) {
                    return Ok(Some(before));
                }
                if offer(index)? == Next::Stop {
                    return Ok(Some(behind));
                }
            }
        }
        Ok(None)
    }

    /// A picture of the index that no longer changes.
    fn picture(&self, terms: &[Term]) -> Result<Picture, IndexError> {
        let state = self.read();
        let Opened { store, key } = state.opened.clone().ok_or(IndexError::NotOpen)?;
        let fingerprints: Vec<u32> = terms.iter().map(|term| term.fingerprint(&key)).collect();
        let mut parts: Vec<Part> =
            state.segments.iter().map(|segment| Part::Segment(Arc::clone(segment))).collect();
        let places = fingerprints.iter().map(|fingerprint| state.tail.find(*fingerprint)).collect();
        let first = state.sealed();
        parts.push(Part::Tail { first, after: first + state.tail.entries(), places });
        Ok(Picture { store, key, fingerprints, parts })
    }

    /// Tells the indexer of damage in the part that begins with entry `first`.
    fn note(&self, error: &SegmentError, first: u64) {
        let is_damage = match error {
            // Shorter than it was: cut off behind our back, or by the indexer just now, which costs some work twice.
            SegmentError::Io { source } => source.kind() == std::io::ErrorKind::UnexpectedEof,
            _ => true,
        };
        if is_damage {
            self.report(first);
        }
    }
}

impl Part {
    /// Places of the entries that have all fingerprints, ascending.
    fn find(
        &self,
        store: &dyn SegmentStore,
        key: &Key,
        fingerprints: &[u32],
        work: &mut Work,
    ) -> Result<Vec<u16>, SegmentError> {
        let mut all: Option<Vec<u16>> = None;
        for (at, fingerprint) in fingerprints.iter().enumerate() {
            let places = match self {
                Self::Segment(segment) => {
                    spend(&mut work.lookups, 1);
                    segment.find(store, key, *fingerprint)?
                }
                Self::Tail { places, .. } => places.get(at).cloned().unwrap_or_default(),
            };
            spend(&mut work.postings, places.len() as u64);
            let both = match all.take() {
                None => places,
                Some(mut before) => {
                    before.retain(|place| places.binary_search(place).is_ok());
                    before
                }
            };
            if both.is_empty() {
                return Ok(both);
            }
            all = Some(both);
        }
        Ok(all.unwrap_or_default())
    }
}
