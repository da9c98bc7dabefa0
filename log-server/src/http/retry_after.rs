//! `Retry-After`, spread out: clients that were refused together must not come back together.

use axum::http::HeaderValue;

/// Seconds to wait, chosen at random from a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(u32);

impl RetryAfter {
    /// At least `least` seconds, at most `most` or `least`, whichever is more.
    #[must_use]
    pub fn between(least: u32, most: u32) -> Self {
        let span = most.saturating_sub(least).saturating_add(1);
        // Without randomness all come back at the same time, which is a pity and no fault.
        Self(least.saturating_add(getrandom::u32().unwrap_or_default() % span))
    }

    /// For the header.
    #[must_use]
    pub fn value(self) -> HeaderValue {
        HeaderValue::from(self.0)
    }

    /// Whole seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_of_the_range_is_chosen_and_no_other() {
        let mut seen = [0; 6];
        for _ in 0..1000 {
            seen[RetryAfter::between(2, 4).seconds() as usize] += 1;
        }
        assert!(
            seen[2..=4].iter().all(|count| *count > 0) && seen[..2] == [0, 0] && seen[5] == 0,
            "{seen:?}"
        );
        assert_eq!(RetryAfter::between(5, 1).value(), "5");
        assert_eq!(RetryAfter::between(u32::MAX, u32::MAX).seconds(), u32::MAX);
    }
}
