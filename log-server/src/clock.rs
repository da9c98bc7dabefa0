//! Time: where the log takes it from, and what it does when the wall clock cannot be believed.
//!
//! The ledger notes when each head was signed. That time never goes back: while the wall clock stands before the last
//! noted time, nothing is written ([`Behind`]); reading goes on, and so does the process. It writes again by itself as
//! soon as the clock has passed the noted time. Timeouts use the monotonic clock and do not care.
//!
//! In scope: the two clocks, "may we write now", noticing jumps. Out of scope: what the time is used for.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use thiserror::Error;

/// How far wall clock and monotonic clock may drift apart between two looks before a line is logged.
pub const JUMP: Duration = Duration::from_secs(5);

/// Where time comes from.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Time since 1970 by the wall clock; zero if it stands before that.
    fn wall(&self) -> Duration;

    /// Time since a fixed moment, by a clock that nobody sets.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Counts the monotonic time from now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is told otherwise, for tests and simulation.
#[derive(Debug)]
pub struct SettableClock {
    // Milliseconds: wall, monotonic.
    times: Mutex<(u64, u64)>,
}

impl SettableClock {
    /// A clock whose wall shows this many seconds since 1970.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self { times: Mutex::new((seconds.saturating_mul(1000), 0)) }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        *times = (times.0.saturating_add(by), times.1.saturating_add(by));
    }

    /// Sets the wall clock, in seconds since 1970; the monotonic one does not notice.
    pub fn set_wall(&self, seconds: u64) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).0 = seconds.saturating_mul(1000);
    }

    fn times(&self) -> (u64, u64) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SettableClock {
    fn wall(&self) -> Duration {
        Duration::from_millis(self.times().0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.times().1)
    }
}

/// The wall clock stands before the time at which the log last signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the clock stands {seconds} s before the last signed time")]
pub struct Behind {
    /// How far, at least 1.
    pub seconds: u64,
}

/// Watches the clock of one log. Shared by the sequencer, the queue and readiness.
#[derive(Debug)]
pub struct Timekeeper {
    clock: Arc<dyn Clock>,
    /// POSIX seconds of the newest head in the ledger.
    last_signed: AtomicU64,
    /// Wall and monotonic time of the last look.
    seen: Mutex<(Duration, Duration)>,
    paused: AtomicBool,
    jumps: AtomicU64,
}

impl Timekeeper {
    /// Starts from the time of the newest head in the ledger, POSIX seconds.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, last_signed: u64) -> Self {
        let seen = Mutex::new((clock.wall(), clock.monotonic()));
        Self {
            clock,
            last_signed: AtomicU64::new(last_signed),
            seen,
            paused: AtomicBool::new(false),
            jumps: AtomicU64::new(0),
        }
    }

    /// POSIX seconds to sign with now, never before the last signed time. Logs jumps, pauses and their ends.
    ///
    /// # Errors
    /// [`Behind`] while the wall clock stands before the last signed time.
    pub fn now(&self) -> Result<u64, Behind> {
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        self.notice_jump(wall, monotonic);
        let (now, last) = (wall.as_secs(), self.last_signed.load(Ordering::Acquire));
        let behind = now < last;
        if self.paused.swap(behind, Ordering::AcqRel) != behind {
            if behind {
                tracing::error!(
                    now,
                    last_signed = last,
                    "clock-behind: writing pauses until the clock passes it"
                );
            } else {
                tracing::warn!(now, "clock-behind is over: writing goes on");
            }
        }
        if behind { Err(Behind { seconds: last - now }) } else { Ok(now) }
    }

    /// Notes that a head was signed at this time, POSIX seconds.
    pub fn signed_at(&self, time: u64) {
        self.last_signed.fetch_max(time, Ordering::AcqRel);
    }

    /// Jumps of the wall clock seen so far.
    #[must_use]
    pub fn jumps(&self) -> u64 {
        self.jumps.load(Ordering::Relaxed)
    }

    /// Whether writing pauses, as of the last look.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    fn notice_jump(&self, wall: Duration, monotonic: Duration) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = seen.0 + monotonic.saturating_sub(seen.1);
        *seen = (wall, monotonic);
        drop(seen);
        let off = expected.abs_diff(wall);
        if off > JUMP {
            self.jumps.fetch_add(1, Ordering::Relaxed);
            let (to, seconds) = (wall.as_secs(), off.as_secs());
            tracing::error!(
                to,
                seconds,
                back = wall < expected,
                "clock-jump: the wall clock was set or stepped"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_behind_the_last_signed_time_pauses_until_it_has_passed() {
        let clock = Arc::new(SettableClock::at(1_000));
        let keeper = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>, 0);
        assert_eq!(keeper.now(), Ok(1_000));
        keeper.signed_at(1_000);
        clock.set_wall(400);
        assert_eq!(keeper.now(), Err(Behind { seconds: 600 }));
        assert!(keeper.is_paused());
        clock.advance(Duration::from_secs(599));
        assert_eq!(keeper.now(), Err(Behind { seconds: 1 }));
        clock.advance(Duration::from_secs(1));
        assert_eq!(keeper.now(), Ok(1_000));
        assert!(!keeper.is_paused());
    }

    #[test]
    fn an_older_time_does_not_take_the_last_signed_time_back() {
        let keeper = Timekeeper::new(Arc::new(SettableClock::at(50)), 100);
        keeper.signed_at(10);
        assert_eq!(keeper.now(), Err(Behind { seconds: 50 }));
    }

    #[test]
    fn only_a_jump_of_more_than_five_seconds_against_the_monotonic_clock_counts() {
        let clock = Arc::new(SettableClock::at(1_000));
        let keeper = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>, 0);
        clock.advance(Duration::from_secs(100_000));
        keeper.now().unwrap();
        clock.set_wall(101_005);
        keeper.now().unwrap();
        assert_eq!(keeper.jumps(), 0);
        clock.set_wall(101_011);
        keeper.now().unwrap();
        clock.set_wall(101_000);
        keeper.now().unwrap();
        assert_eq!(keeper.jumps(), 2);
    }
}
