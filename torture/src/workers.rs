//! Independent cycles, one worker a processor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

/// What the cycles counted.
pub type Counts = BTreeMap<String, u64>;

/// Does `cycle` for every number below `cycles`; the names it gives back are counted. After the first error no worker
/// begins another cycle, and that error is the outcome.
///
/// # Errors
/// Whatever a cycle failed with.
pub fn each(cycles: u64, cycle: impl Fn(u64) -> Result<Vec<String>> + Sync) -> Result<Counts> {
    let (next, outcome) = (AtomicU64::new(0), Mutex::new((Counts::new(), None)));
    let outcome_of = || outcome.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while outcome_of().1.is_none() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= cycles {
                        break;
                    }
                    let done = cycle(number);
                    let mut outcome = outcome_of();
                    match done {
                        Ok(names) => {
                            names.into_iter().for_each(|name| *outcome.0.entry(name).or_default() += 1)
                        }
                        Err(error) => {
                            outcome.1.get_or_insert(error.context(format!("cycle {number}")));
                        }
                    }
                }
            });
        }
    });
    let (counts, error) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    error.map_or(Ok(counts), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cycle_is_done_once_and_an_error_ends_the_rest() {
        let counts = each(100, |number| Ok(vec![format!("{}", number % 2)])).unwrap();
        assert_eq!(counts, Counts::from([("0".to_owned(), 50), ("1".to_owned(), 50)]));
        let done = AtomicU64::new(0);
        let error = each(1_000_000, |number| {
            done.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(number != 3, "three");
            Ok(Vec::new())
        });
        assert_eq!(format!("{:#}", error.unwrap_err()), "cycle 3: three");
        assert!(done.load(Ordering::Relaxed) < 1_000_000);
    }
}
