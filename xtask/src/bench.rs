//! `cargo xtask bench`: our speed beside a peer's, in one run, alternating, as medians.
//!
//! Figures of different runs or machines say little; a ratio of neighbours in one run says something. What is measured
//! is whole processes, as a user starts them.

mod judgement;
mod log;
mod model;
mod monitor;
mod signing;
mod witness;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::Arguments;

/// Lies in a directory of ours, so that the next run may clear it.
const OURS: &str = ".tallymark-bench";

/// One row of a table.
struct Row {
    what: String,
    seen: String,
    target: &'static str,
    met: bool,
}

/// `bench [--mib N]` measures the publisher's and the consumer's side, `bench signing …` the same beside `model_signing`,
/// `bench judgement …` scanning and verifying beside scanners and cosign, `bench log …` the log, `bench witness …` the witness, `bench monitor …`
/// the monitor.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let rows = match arguments.split_first() {
        Some((first, rest)) if first == "judgement" => judgement::run(rest)?,
        Some((first, rest)) if first == "log" => log::run(rest)?,
        Some((first, rest)) if first == "signing" => signing::run(rest)?,
        Some((first, rest)) if first == "monitor" => monitor::run(rest)?,
        Some((first, rest)) if first == "witness" => witness::run(rest)?,
        _ => model::run(arguments)?,
    };
    println!();
    for Row { what, seen, target, met } in &rows {
        println!("{what:60} {seen:>22}  {target:28} {}", if *met { "pass" } else { "MISS" });
    }
    let missed = rows.iter().filter(|row| !row.met).count();
    ensure!(missed == 0, "{missed} targets missed");
    Ok(())
}

/// An empty directory. One that was there is cleared only if an earlier bench made it.
fn prepare(dir: &Path) -> Result<()> {
    if dir.join(OURS).is_file() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    ensure!(
        fs::read_dir(dir)?.next().is_none(),
        "{} is not empty; name an empty or a new one",
        dir.display()
    );
    Ok(fs::write(dir.join(OURS), "Made by `cargo xtask bench`, which will clear this directory.\n")?)
}

/// Load of the last minute, as the kernel counts it.
fn load_average() -> f64 {
    let told = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// The middle one; of an even number, the later of the two.
fn median<T: Copy + PartialOrd>(values: &mut [T]) -> Option<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_median_is_the_middle_of_the_sorted() {
        let mut times = [5, 1, 9].map(Duration::from_millis);
        assert_eq!(median(&mut times), Some(Duration::from_millis(5)));
        assert_eq!(median(&mut [2.0, 1.0]), Some(2.0));
        assert_eq!(median::<u8>(&mut []), None);
    }
}
