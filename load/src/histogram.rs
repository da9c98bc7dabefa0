//! Latencies in a fixed table: 1/64 exact, any length of time, nothing allocated while recording.
//!
//! ```text
//! 0..128 µs        one place per microsecond
//! 2^k..2^(k+1) µs  64 places, for k from 7 to 35 (19 hours); what is longer counts as that
//! ```

use std::time::Duration;

/// Places per power of two.
const PLACES: u64 = 64;
/// The last power of two that has places of its own.
const LAST_POWER: u32 = 35;
/// All places.
const SIZE: usize = 128 + (LAST_POWER as usize - 6) * PLACES as usize;

/// Counts of latencies.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; SIZE], count: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let place = place_of(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(latency);
    }

    /// Counts everything that `other` counted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// The latency that `per_mille` of a thousand do not exceed, rounded up to its place; zero if there is none.
    #[must_use]
    pub fn quantile(&self, per_mille: u64) -> Duration {
        let wanted = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_micros(end_of(place)).min(self.longest);
            }
        }
        self.longest
    }
}

fn place_of(micros: u64) -> usize {
    if micros < 128 {
        return micros as usize;
    }
    let power = micros.ilog2();
    if power > LAST_POWER {
        return SIZE - 1;
    }
    let within = (micros >> (power - 6)) - PLACES;
    128 + (power as usize - 7) * PLACES as usize + within as usize
}

/// The largest microsecond that falls into a place.
fn end_of(place: usize) -> u64 {
    let Some(above) = place.checked_sub(128) else { return place as u64 };
    let (power, within) = (above as u64 / PLACES + 7, above as u64 % PLACES);
    ((PLACES + within + 1) << (power - 6)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_what_falls_into_it_and_ends_within_a_64th() {
        for micros in (0..100_000).chain([1 << 20, (1 << 35) + 12345, (1 << 36) - 1]) {
            let end = end_of(place_of(micros));
            assert!(end >= micros && end - micros <= micros / 64, "{micros} {end}");
        }
        assert_eq!(place_of(u64::MAX), SIZE - 1);
        assert_eq!(place_of((1 << 36) - 1), SIZE - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(500), Duration::ZERO);
        for millis in (1..=100).rev() {
            histogram.record(Duration::from_micros(millis));
        }
        let mut both = Histogram::default();
        both.add(&histogram);
        both.record(Duration::from_secs(1));
        assert_eq!(histogram.quantile(500), Duration::from_micros(50));
        assert_eq!(histogram.quantile(990), Duration::from_micros(99));
        assert_eq!(both.quantile(1000), Duration::from_secs(1));
        assert_eq!((both.count(), both.longest()), (101, Duration::from_secs(1)));
    }
}
