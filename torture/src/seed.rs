//! Random numbers that can be had again: every choice a test makes comes from one 64-bit seed.
//!
//! SplitMix64: one addition and two multiplications a number. Timing is not in the seed, so the same seed makes the
//! same choices and not necessarily the same race.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The source that this number stands for.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number it stands for now.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0
    }

    /// A number that differs from run to run, for a run that was given none.
    #[must_use]
    pub fn of_now() -> u64 {
        let nanoseconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        u64::from(nanoseconds) << 20 ^ u64::from(std::process::id())
    }

    /// Another source, for a part of the test that may draw as often as it likes.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in the range; its start if it is empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        match range.end.saturating_sub(range.start) {
            0 => range.start,
            span => range.start + self.draw() % span,
        }
    }

    /// True once in `one_in` draws.
    pub fn chance(&mut self, one_in: u64) -> bool {
        self.within(0..one_in) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_within_their_range() {
        let draw = |seed| {
            let mut source = Seed::new(seed);
            (0..100).map(|_| source.within(5..17)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|number| (5..17).contains(number)));
        assert_eq!(Seed::new(1).within(9..9), 9);
    }
}
