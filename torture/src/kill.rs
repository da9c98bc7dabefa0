//! R1: the process is killed again and again while clients submit, and sometimes while it starts.
//!
//! It finds steps in the wrong order and states that the next start does not take up. It cannot find a missing sync: the
//! kernel keeps what a killed process wrote. That is R2 ([`crate::plan`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::outside::Outside;
use crate::plan::Run;
use crate::submitters::Load;

/// Killed between these many milliseconds after the clients started.
const UNDER_LOAD_MS: std::ops::Range<u64> = 150..500;
/// Killed between these many milliseconds after the process started.
const IN_START_MS: std::ops::Range<u64> = 0..80;
/// One start in so many is killed before it is done.
const STARTS_KILLED: u64 = 8;
/// Everything the log serves is read again after so many cycles.
const READ_ALL: u64 = 25;

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let judged = judged(run, &outside, &dir, &words);
    run.count_outside(&outside);
    judged
}

fn judged(run: &mut Run, outside: &Outside, dir: &std::path::Path, words: &std::path::Path) -> Result<()> {
    let mut draws = run.seed.fork();
    for cycle in 0..run.cycles {
        if draws.chance(STARTS_KILLED) {
            let starting = run.program.spawn(dir, words)?;
            std::thread::sleep(Duration::from_millis(draws.within(IN_START_MS)));
            starting.kill();
            run.count("kills in a start", 1);
        }
        let mut server = run.program.serve(dir, words)?.serving("after a kill")?;
        if cycle % READ_ALL == READ_ALL - 1 {
            outside.check_all(server.addr(), &mut draws)?;
        } else {
            outside.check(server.addr(), &mut draws)?;
        }
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            Load::MIXED.start(scope, server.addr(), outside, &over);
            std::thread::sleep(Duration::from_millis(draws.within(UNDER_LOAD_MS)));
            server.kill();
            over.store(true, Ordering::Relaxed);
        });
        run.count("kills under load", 1);
    }
    let server = run.program.serve(dir, words)?.serving("after a kill")?;
    outside.check_all(server.addr(), &mut draws)?;
    server.stop()?;
    run.program.fsck_clean(dir)?;
    anyhow::ensure!(outside.tally().acknowledged >= run.cycles, "the clients did not get to submit");
    Ok(())
}
