//! The postings of the newest entries, in memory until there are enough for a segment.
//!
//! They lie in sorted runs, and the newest in one unsorted heap: adding is cheap, and a look-up is a binary search in
//! each of at most 32 runs and a walk over one heap.

use std::sync::Arc;

use super::segment::{Posting, place_of, posting};

/// Postings in the heap when it becomes a run.
const RUN_POSTINGS: usize = 32 * 1024;
/// Postings after which the tail is full, whatever the number of entries: hostile entries have up to 150 terms each,
/// and memory must not follow them. One step of the indexer may go over it.
const MAX_POSTINGS: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Tail {
    entries: u64,
    runs: Vec<Arc<[Posting]>>,
    heap: Vec<Posting>,
}

impl Tail {
    pub(super) fn new() -> Self {
        Self { entries: 0, runs: Vec::new(), heap: Vec::new() }
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Adds the postings of the next entries.
    pub(super) fn push(&mut self, postings: &[Posting], entries: u64) {
        self.entries += entries;
        self.heap.extend_from_slice(postings);
        if self.heap.len() >= RUN_POSTINGS {
            self.heap.sort_unstable();
            self.runs.push(self.heap.as_slice().into());
            self.heap.clear();
        }
    }

    /// Whether it must become a segment now.
    pub(super) fn is_full(&self, most_entries: u32) -> bool {
        self.entries >= u64::from(most_entries)
            || self.runs.iter().map(|run| run.len()).sum::<usize>() + self.heap.len() >= MAX_POSTINGS
    }

    /// All postings, ascending.
    pub(super) fn postings(&self) -> Vec<Posting> {
        let mut all: Vec<_> =
            self.runs.iter().flat_map(|run| run.iter()).chain(&self.heap).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The places with this fingerprint, ascending.
    pub(super) fn find(&self, fingerprint: u32) -> Vec<u16> {
        let (from, to) = (posting(fingerprint, 0), posting(fingerprint, u16::MAX));
        let mut places = Vec::new();
        for run in &self.runs {
            let start = run.partition_point(|posting| *posting < from);
            let inside = run.get(start..).unwrap_or_default().iter().take_while(|posting| **posting <= to);
            places.extend(inside.map(|posting| place_of(*posting)));
        }
        let inside = self.heap.iter().filter(|posting| (from..=to).contains(*posting));
        places.extend(inside.map(|posting| place_of(*posting)));
        // Runs are of ascending entries, but the heap and the runs' ends may hold the same place twice.
        places.sort_unstable();
        places.dedup();
        places
    }
}
