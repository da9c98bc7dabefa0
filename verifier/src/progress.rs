//! One line on standard error that says how far the hashing is. Hashing is the whole wait.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use verifier::report::size;

/// Below this no line appears; small models are done before anybody could read it.
const QUIET: Duration = Duration::from_millis(500);
/// A terminal gains nothing from more than a few lines a second.
const STEP: Duration = Duration::from_millis(200);

/// Prints bytes done, bytes in all and the rate; does nothing where nobody watches.
pub(crate) struct Meter {
    start: Instant,
    /// When a line was last printed. Held for the time of one print; `None` if nobody watches.
    last: Option<Mutex<Instant>>,
}

impl Meter {
    /// Starts the clock.
    pub(crate) fn new(watched: bool) -> Self {
        let start = Instant::now();
        Self { start, last: watched.then(|| Mutex::new(start)) }
    }

    /// Takes note of `done` of `total` bytes. Threads that come while another prints go on without waiting.
    pub(crate) fn show(&self, done: u64, total: u64) {
        let Some(Ok(mut last)) = self.last.as_ref().map(Mutex::try_lock) else { return };
        let elapsed = self.start.elapsed();
        if elapsed < QUIET || last.elapsed() < STEP {
            return;
        }
        *last = Instant::now();
        let millis = elapsed.as_millis().max(1);
        let rate = u64::try_from(u128::from(done) * 1000 / millis).unwrap_or(u64::MAX);
        eprint!("\r\x1b[Khashing {} of {}, {}/s", size(done), size(total), size(rate));
    }

    /// Wipes the line.
    pub(crate) fn clear(&self) {
        if self.last.is_some() && self.start.elapsed() >= QUIET {
            eprint!("\r\x1b[K");
        }
    }
}
