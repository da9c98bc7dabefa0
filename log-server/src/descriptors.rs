//! Whether the system allows as many open files as the limits of a server add up to.
//!
//! A process without a free descriptor cannot open its next write-ahead log, and a log that cannot write ends. So
//! connections must never be able to take the last one: a server whose sum does not fit is not started.

use std::fs;

/// What is open besides connections and database files: the ledger, the lock, the listener, the reactor, standard
/// streams, RocksDB's own log and manifest, and room for its next files.
const RESERVE: u64 = 64;

/// Descriptors that a server with this many connections may need.
#[must_use]
pub fn wanted(connections: usize, database_files: u64) -> u64 {
    (connections as u64).saturating_add(database_files).saturating_add(RESERVE)
}

/// Open files this process may have, or `None` if that cannot be found out or there is no limit.
#[must_use]
pub fn allowed() -> Option<u64> {
    soft_limit(&fs::read_to_string("/proc/self/limits").ok()?)
}

/// The soft limit in the text of proc_pid_limits(5): `Max open files  1024  524288  files`.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number_of_its_line() {
        let limits = "Limit          Soft Limit  Hard Limit  Units\nMax processes  7  8  processes\n\
                      Max open files  1024  524288  files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files  unlimited  unlimited  files\n"), None);
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn the_defaults_fit_the_usual_limit() {
        assert!(wanted(512, 256) <= 1024);
    }
}
