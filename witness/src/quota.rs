//! How often a log may grow under this witness.
//!
//! Only what is written down is counted: a request that the log signed, that is consistent, and that says something new. What a
//! stranger can send again and again (an old checkpoint, the latest one) is not counted, so nobody can use up another's quota.
//!
//! The measure is a debt of time (the generic cell rate algorithm): each change costs a day divided by the log's requests a day,
//! and the debt may run ahead of the clock by a burst. It is forgotten when the process ends.

use std::collections::HashMap;
use std::time::Duration;

use crate::log_list::Qpd;
use crate::origin_hash::OriginHash;

const DAY: Duration = Duration::from_secs(86_400);
/// Fewest changes that may come at once.
const MIN_BURST: u32 = 10;

/// The debts of all logs, against one monotonic clock.
#[derive(Debug, Default)]
pub struct Quotas {
    debts: HashMap<OriginHash, Duration>,
}

impl Quotas {
    /// Counts a change at `now`.
    ///
    /// # Errors
    /// How long to wait until there is room for it.
    pub fn take(&mut self, log: &OriginHash, qpd: Qpd, now: Duration) -> Result<(), Duration> {
        let cost = DAY / qpd.get();
        // A minute's worth, for logs that ask often.
        let burst = cost.saturating_mul(MIN_BURST.max(qpd.get() / 1440));
        let debt = self.debts.entry(*log).or_default();
        let after = (*debt).max(now).saturating_add(cost);
        match after.checked_sub(now.saturating_add(burst)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *debt = after;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_rate_holds_for_each_log_alone() {
        let mut quotas = Quotas::default();
        let [a, b] = ["a", "b"].map(|origin| OriginHash::of(&origin.parse().unwrap()));
        let qpd = Qpd::ONE_A_SECOND;
        let at = Duration::from_secs;
        for taken in 0..60 {
            assert_eq!(quotas.take(&a, qpd, at(100)), Ok(()), "{taken}");
        }
        assert_eq!(quotas.take(&a, qpd, at(100)), Err(at(1)));
        assert_eq!(quotas.take(&a, qpd, at(101)), Ok(()));
        assert_eq!(quotas.take(&a, qpd, at(101)), Err(at(1)));
        assert_eq!(quotas.take(&b, qpd, at(101)), Ok(()));
        let slow = "24".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(quotas.take(&b, slow, at(1_000_000)), Ok(()));
        }
        assert_eq!(quotas.take(&b, slow, at(1_000_000)), Err(at(3600)));
    }
}
