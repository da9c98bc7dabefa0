//! Token buckets in a table of fixed size, whoever asks and however many they are.
//!
//! A bucket is one time, the *debt*: how far the events so far reach if each takes its [`Rate::interval`]. An event
//! is taken while the debt ends within [`Rate::allowance`] from now (GCRA, the leaky bucket as a meter). A debt in
//! the past is no debt, so an idle bucket and one that was never there are the same.
//!
//! ```text
//! slots   | set 0: 8 slots | set 1: 8 slots | ...      slot: tag (8 bytes), debt (8 bytes)
//! ```
//!
//! The set and the tag of a key come from a keyed hash that nobody outside can compute, so nobody can choose keys that
//! meet. A key that is new in a set takes the slot with the least debt, *and its debt with it*. Therefore the least
//! debt of a set never falls but by the passing of time, and a key that was pushed out, by itself or by others,
//! never comes back with less debt than it left with: making up keys cannot empty one's own bucket. The price: who
//! arrives while all eight slots of its set are in debt, shares the smallest of these. That takes as many busy keys
//! as there are slots.
//!
//! The crate `governor` has the same arithmetic and no bound: its keyed stores grow with their keys and are swept
//! from outside. The bound is what is needed here, so the few lines of arithmetic are here too.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::admission::rate::Rate;

/// Slots of one set: a cache line or two.
const WAYS: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Of the key; 0 in a slot that was never used.
    tag: u64,
    /// Nanoseconds since the table was made.
    debt: u64,
}

/// One bucket for each key.
#[derive(Debug)]
pub struct Buckets {
    interval: u64,
    allowance: u64,
    hash: RandomState,
    // Held for one look-up of eight slots at a time.
    slots: Mutex<Box<[Slot]>>,
}

impl Buckets {
    /// A table of `sets`, which take 128 bytes each; at least one.
    #[must_use]
    pub fn new(rate: Rate, sets: usize) -> Self {
        Self {
            interval: nanoseconds(rate.interval()),
            allowance: nanoseconds(rate.allowance()),
            hash: RandomState::new(),
            slots: Mutex::new(vec![Slot::default(); sets.max(1) * WAYS].into_boxed_slice()),
        }
    }

    /// Whether an event of this key would be taken; changes nothing. `now` counts from when the table was made.
    ///
    /// # Errors
    /// How long until it would be.
    pub fn look(&self, key: &impl Hash, now: Duration) -> Result<(), Duration> {
        let tag = self.tag(key);
        let slots = self.slots();
        let set = slots.get(self.range(tag, slots.len())).unwrap_or_default();
        let own = set.iter().find(|slot| slot.tag == tag);
        let debt = own.or_else(|| set.iter().min_by_key(|slot| slot.debt)).map_or(0, |slot| slot.debt);
        self.after(debt, nanoseconds(now)).map(|_| ())
    }

    /// Takes an event of this key.
    ///
    /// # Errors
    /// How long until it would be taken. Nothing is changed then: asking too often does not make it longer.
    pub fn take(&self, key: &impl Hash, now: Duration) -> Result<(), Duration> {
        let tag = self.tag(key);
        let mut slots = self.slots();
        let range = self.range(tag, slots.len());
        let set = slots.get_mut(range).unwrap_or_default();
        let at = set.iter().position(|slot| slot.tag == tag);
        let slot = match at {
            Some(at) => set.get_mut(at),
            None => set.iter_mut().min_by_key(|slot| slot.debt),
        };
        // A set has eight slots; without one there would be nothing to limit.
        let Some(slot) = slot else { return Ok(()) };
        slot.debt = self.after(slot.debt, nanoseconds(now))?;
        slot.tag = tag;
        Ok(())
    }

    /// The debt after one more event.
    fn after(&self, debt: u64, now: u64) -> Result<u64, Duration> {
        let after = debt.max(now).saturating_add(self.interval);
        match after.checked_sub(now.saturating_add(self.allowance)) {
            None | Some(0) => Ok(after),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }

    fn tag(&self, key: &impl Hash) -> u64 {
        self.hash.hash_one(key).max(1)
    }

    fn range(&self, tag: u64, len: usize) -> std::ops::Range<usize> {
        // The remainder is below the number of sets, which is a usize.
        let set = (tag % (len / WAYS) as u64) as usize;
        set * WAYS..(set + 1) * WAYS
    }

    fn slots(&self) -> MutexGuard<'_, Box<[Slot]>> {
        // Every change is one slot, written whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 584 years of them fit.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    fn buckets(rate: &str, sets: usize) -> Buckets {
        Buckets::new(rate.parse().unwrap(), sets)
    }

    fn taken(buckets: &Buckets, key: u32, now: Duration, tries: usize) -> usize {
        (0..tries).filter(|_| buckets.take(&key, now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
        let buckets = buckets("10/s:30", 64);
        assert_eq!(taken(&buckets, 1, START, 100), 30);
        assert_eq!(taken(&buckets, 1, START + Duration::from_secs(1), 100), 10);
        assert_eq!(taken(&buckets, 1, START + Duration::from_secs(60), 100), 30);
        assert_eq!(taken(&buckets, 2, START, 100), 30, "another key has its own");
    }

    #[test]
    fn a_refusal_says_how_long_and_costs_nothing() {
        let buckets = buckets("10/s:1", 64);
        buckets.take(&1, START).unwrap();
        for _ in 0..1000 {
            assert_eq!(buckets.take(&1, START), Err(Duration::from_millis(100)));
            assert_eq!(buckets.look(&1, START), Err(Duration::from_millis(100)));
        }
        assert_eq!(buckets.look(&1, START + Duration::from_millis(100)), Ok(()));
        buckets.take(&1, START + Duration::from_millis(100)).unwrap();
    }

    #[test]
    fn looking_takes_nothing() {
        let buckets = buckets("1/s", 1);
        for _ in 0..100 {
            buckets.look(&1, START).unwrap();
        }
        buckets.take(&1, START).unwrap();
    }

    #[test]
    fn made_up_keys_do_not_empty_ones_own_bucket() {
        // One set: the worst case. The noisy one uses its burst, then a thousand names, then its own again.
        let buckets = buckets("1/s:10", 1);
        assert_eq!(taken(&buckets, 0, START, 100), 10);
        let under_other_names = (1..1000).filter(|key| buckets.take(key, START).is_ok()).count();
        assert_eq!(under_other_names, (WAYS - 1) * 10, "what the other slots had, and no more");
        assert_eq!(taken(&buckets, 0, START, 100), 0, "its own debt is still there");
        let later = START + Duration::from_secs(1);
        let all = (0..1000).filter(|key| buckets.take(key, later).is_ok()).count();
        assert_eq!(all, WAYS, "a set grows by its slots, whatever the number of keys");
    }

    #[test]
    fn an_idle_key_makes_room_before_a_busy_one() {
        let buckets = buckets("1/s:10", 1);
        for key in 0..WAYS as u32 {
            taken(&buckets, key, START, if key == 3 { 1 } else { 10 });
        }
        assert_eq!(taken(&buckets, 100, START, 1), 1, "takes the place of key 3");
        assert_eq!(taken(&buckets, 4, START, 1), 0, "the busy ones are where they were");
    }

    #[test]
    fn the_table_never_grows() {
        let buckets = buckets("1000/s", 4);
        for key in 0..100_000_u32 {
            let _ = buckets.take(&key, START);
        }
        assert_eq!(buckets.slots().len(), 4 * WAYS);
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let buckets = buckets("1/h:1000000", 1);
        assert_eq!(buckets.take(&1, Duration::MAX), Ok(()));
        assert_eq!(buckets.take(&1, Duration::MAX), Ok(()));
    }
}
