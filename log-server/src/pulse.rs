//! The sequencer's sign of life: that it still goes round, and how long ago it last did.
//!
//! A log without new entries has an old checkpoint and is well; one whose disk no longer answers has an old checkpoint
//! and is not. What tells them apart is whether the writer still comes round: it beats at least once an
//! [`INTERVAL`] while it waits, and at the end of every step. A log whose writer has missed [`MISSED`] of these in a row
//! is not ready, so that a load balancer goes elsewhere; it still serves what is published.
//!
//! In scope: the beat. Out of scope: why it stopped, which the operator finds out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// The publish interval: how often the writer confirms its checkpoint when there is nothing to add.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Intervals after which a silent writer makes the log not ready.
pub const MISSED: u32 = 3;

/// When the writer of one log last came round. Shared by the sequencer and readiness.
#[derive(Debug)]
pub struct Pulse {
    clock: Arc<dyn Clock>,
    /// Monotonic time of the last beat, milliseconds.
    last: AtomicU64,
}

impl Pulse {
    /// Starts with a beat.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let pulse = Self { clock, last: AtomicU64::new(0) };
        pulse.beat();
        pulse
    }

    /// The writer came round.
    pub fn beat(&self) {
        self.last.store(self.now(), Ordering::Release);
    }

    /// How long ago that was.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.last.load(Ordering::Acquire)))
    }

    /// Whether the writer was here within [`MISSED`] intervals.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.age() <= INTERVAL * MISSED
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SettableClock;

    #[test]
    fn three_missed_beats_are_too_many_and_one_is_enough_again() {
        let clock = Arc::new(SettableClock::at(1_000));
        let pulse = Pulse::new(Arc::clone(&clock) as Arc<dyn Clock>);
        clock.advance(INTERVAL * MISSED);
        assert!(pulse.is_steady());
        clock.advance(Duration::from_millis(1));
        assert!(!pulse.is_steady());
        assert_eq!(pulse.age(), INTERVAL * MISSED + Duration::from_millis(1));
        pulse.beat();
        assert!(pulse.is_steady());
    }

    #[test]
    fn a_wall_clock_that_is_set_is_no_beat() {
        let clock = Arc::new(SettableClock::at(1_000));
        let pulse = Pulse::new(Arc::clone(&clock) as Arc<dyn Clock>);
        clock.set_wall(5);
        assert!(pulse.is_steady());
        clock.advance(INTERVAL * 10);
        clock.set_wall(2_000);
        assert!(!pulse.is_steady());
    }
}
