//! R10: several processes want the same log, again and again. Exactly one may serve, and whatever it is done to, there is
//! one history.
//!
//! A round: two contenders start at almost the same moment, one of them by way of a symbolic link. The winner is loaded
//! while a standby tries to take over all the time, as a failover controller that lost its mind would. In some rounds the
//! winner is stopped for a while, so that it looks dead and is not. Then it is killed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::product::{START_PATIENCE, Server, Start};
use crate::seed::Seed;
use crate::submitters::Load;

/// Exit code of a log that refuses to start.
const REFUSED: i32 = 1;
/// The second contender starts so much later.
const STAGGER_US: std::ops::Range<u64> = 0..8000;
/// Load of the winner.
const UNDER_LOAD_MS: std::ops::Range<u64> = 20..120;
/// One winner in so many is stopped for a while.
const STOPPED: u64 = 4;
/// `fsck` contends as well in one round of so many.
const FSCK: u64 = 25;

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words, link) = (run.dir.join("log"), run.dir.join("words"), run.dir.join("link"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    std::os::unix::fs::symlink(&dir, &link)?;
    let judged = (0..run.cycles).try_for_each(|round| one_round(run, round, [&dir, &link], &words, &outside));
    let judged = judged.and_then(|()| {
        let server = run.program.serve(&dir, &words)?.serving("with nobody else there")?;
        outside.check_all(server.addr(), &mut run.seed)?;
        server.stop()?;
        run.program.fsck_clean(&dir).map(|_| ())
    });
    run.count_outside(&outside);
    judged
}

fn one_round(run: &mut Run, round: u64, dirs: [&Path; 2], words: &Path, outside: &Outside) -> Result<()> {
    let mut draws: Seed = run.seed.fork();
    let [first, second] = if draws.chance(2) { dirs } else { [dirs[1], dirs[0]] };
    let one = run.program.spawn(first, words)?;
    std::thread::sleep(Duration::from_micros(draws.within(STAGGER_US)));
    let other = run.program.spawn(second, words)?;
    let mut winner = match (one.wait(START_PATIENCE)?, other.wait(START_PATIENCE)?) {
        (Start::Serving(_), Start::Serving(_)) => return Err(two("two contenders serve one log")),
        (Start::Serving(winner), loser) | (loser, Start::Serving(winner)) => {
            refused(run, loser)?;
            winner
        }
        (one, other) => {
            one.serving("though one of two contenders must win")?;
            other.serving("though one of two contenders must win")?;
            return Err(two("two contenders serve one log"));
        }
    };
    outside.check(winner.addr(), &mut draws)?;
    if round.is_multiple_of(FSCK) {
        let fsck = run.program.fsck(dirs[0])?;
        if fsck.code != Some(REFUSED) && fsck.code != Some(5) {
            let what = format!("exit {:?} beside a running log, wanted a refusal: {}", fsck.code, fsck.words);
            return Err(Finding::WrongFsck { what }.into());
        }
        run.count("fsck refused", 1);
    }
    let over = AtomicBool::new(false);
    let load = Duration::from_millis(draws.within(UNDER_LOAD_MS));
    let stopped = draws.chance(STOPPED);
    let standby = std::thread::scope(|scope| {
        Load::MIXED.start(scope, winner.addr(), outside, &over);
        let standby = storm(run, dirs, words, load, stopped.then_some(&winner));
        winner.kill();
        over.store(true, Ordering::Relaxed);
        standby
    });
    run.count("rounds", 1);
    run.count("winners stopped for a while", u64::from(stopped));
    standby
}

/// A standby that tries to take over until the time is up; it must be refused each time.
fn storm(run: &mut Run, dirs: [&Path; 2], words: &Path, time: Duration, stop: Option<&Server>) -> Result<()> {
    if let Some(winner) = stop {
        std::thread::sleep(time / 2);
        winner.signal(Signal::STOP);
    }
    let begun = std::time::Instant::now();
    let mut tries = 0;
    let mut outcome = Ok(());
    while outcome.is_ok() && (begun.elapsed() < time || tries == 0) {
        outcome = match run.program.serve(dirs[tries % 2], words)? {
            Start::Serving(_) => Err(two("a standby serves while the winner lives")),
            loser => refused(run, loser),
        };
        tries += 1;
    }
    if let Some(winner) = stop {
        winner.signal(Signal::CONT);
        std::thread::sleep(time / 2);
    }
    outcome
}

/// A loser must have ended with a refusal that says why.
fn refused(run: &mut Run, loser: Start) -> Result<()> {
    match loser {
        Start::Ended { status, words } if status.code() == Some(REFUSED) && words.contains("in use") => {
            run.count("starts refused", 1);
            Ok(())
        }
        Start::Ended { status, words } => {
            let what = format!("the loser ended with {status}, wanted 1 and that the log is in use");
            Err(Finding::WrongStart { what, words }.into())
        }
        Start::Silent { words } => {
            Err(Finding::WrongStart { what: "the loser neither served nor ended".to_owned(), words }.into())
        }
        Start::Serving(_) => Err(two("a second process serves the log")),
    }
}

fn two(what: &str) -> anyhow::Error {
    Finding::WrongStart { what: what.to_owned(), words: String::new() }.into()
}
