//! R11: the wall clock is set back an hour and a second, stops, leaps ten years ahead and comes back, all under load.
//!
//! The log runs under `libfaketime`, which reads its offset from a file before every look at the clock, so the machine's own
//! clock is never touched; the monotonic clock is left alone, as setting a real clock leaves it alone.
//!
//! Judged besides the usual: the times in the signing ledger never fall; while the clock stands before the last of them
//! nothing new is acknowledged, and everything is still served; when it has passed it, writing goes on without anybody's
//! help.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::outside::{Finding, Outside};
use crate::plan::{CannotHere, Run};
use crate::product::Server;
use crate::submitters::Load;

/// What may happen to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    HourBack,
    SecondBack,
    Frozen,
    TenYearsAhead,
}

const JUMPS: [Jump; 4] = [Jump::HourBack, Jump::SecondBack, Jump::Frozen, Jump::TenYearsAhead];
/// Load before a jump, and after it.
const LOAD: Duration = Duration::from_millis(300);
/// Steps that were under way when the clock jumped may be acknowledged so much later.
const UNDER_WAY: Duration = Duration::from_millis(500);
/// Writing must have gone on after so long.
const GO_ON: Duration = Duration::from_secs(10);
const TEN_YEARS: u64 = 10 * 365 * 86_400;
/// A ledger record (`log-server`'s `ledger`): 80 bytes, POSIX seconds in the eight from byte 40.
const RECORD_BYTES: usize = 80;
const TIME_AT: usize = 40;

/// Where Debian's package puts the library for programs with threads.
fn library() -> Option<PathBuf> {
    let below = |dir: &str| std::fs::read_dir(dir).ok();
    let places = below("/usr/lib").into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    places.map(|place| place.join("faketime/libfaketimeMT.so.1")).find(|candidate| candidate.is_file())
}

/// Why it cannot be run here, if so.
#[must_use]
pub fn cannot() -> Option<String> {
    library().is_none().then(|| "no libfaketime here (package faketime)".to_owned())
}

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    for cycle in 0..run.cycles {
        let jump = JUMPS[(cycle % 4) as usize];
        let place = run.dir.join(format!("jump{cycle}"));
        std::fs::create_dir(&place)?;
        let outside = Outside::new(run.program.init(&place.join("log"))?, &place.join("outside"))?;
        let judged = one_jump(run, jump, &place, &outside);
        run.count_outside(&outside);
        judged.with_context(|| format!("{jump:?}"))?;
        run.count("jumps", 1);
        std::fs::remove_dir_all(&place)?;
    }
    Ok(())
}

fn one_jump(run: &mut Run, jump: Jump, place: &Path, outside: &Outside) -> Result<()> {
    let (log, words, offset) = (place.join("log"), place.join("words"), place.join("offset"));
    set(&offset, "+0")?;
    let program = run.program.with_variable("LD_PRELOAD", library().context("no libfaketime")?);
    let program = program.with_variable("FAKETIME_TIMESTAMP_FILE", &offset);
    let program = program.with_variable("FAKETIME_NO_CACHE", "1").with_variable("TZ", "UTC");
    let program =
        program.with_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1").with_variable("DONT_FAKE_MONOTONIC", "1");
    let mut server = program.serve(&log, &words)?.serving("under libfaketime")?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        Load::MIXED.start(scope, server.addr(), outside, &over);
        let judged = during(run, jump, &log, &offset, &server, outside);
        over.store(true, Ordering::Relaxed);
        judged
    })?;
    outside.check_all(server.addr(), &mut run.seed)?;
    server.kill();
    times_of(&log)?;
    // A restart with the clock wherever it now stands: everything is served, whatever may be written.
    let mut server = program.serve(&log, &words)?.serving("after the clock jumped")?;
    outside.check_all(server.addr(), &mut run.seed)?;
    server.kill();
    run.program.fsck_clean(&log)?;
    Ok(())
}

fn during(
    run: &mut Run,
    jump: Jump,
    log: &Path,
    offset: &Path,
    server: &Server,
    outside: &Outside,
) -> Result<()> {
    written_within(outside, GO_ON, "before the clock jumped")?;
    std::thread::sleep(LOAD);
    match jump {
        Jump::HourBack => {
            set(offset, "-3600")?;
            pauses(outside, "while the clock stands an hour back")?;
            served(server, "while the clock stands an hour back")?;
            set(offset, "+0")?;
            written_within(outside, GO_ON, "after the clock came back from an hour ago")?;
        }
        Jump::SecondBack => {
            set(offset, "-1")?;
            served(server, "while the clock stands a second back")?;
            std::thread::sleep(LOAD);
            // It passes the last signed time by itself.
            written_within(outside, GO_ON, "after the clock was set back a second")?;
        }
        Jump::Frozen => {
            set(offset, &calendar(now()?)?)?;
            std::thread::sleep(LOAD + UNDER_WAY);
            served(server, "while the clock stands still")?;
            set(offset, "+0")?;
            written_within(outside, GO_ON, "after the clock stood still")?;
        }
        Jump::TenYearsAhead => {
            set(offset, &format!("+{TEN_YEARS}"))?;
            std::thread::sleep(UNDER_WAY);
            written_within(outside, GO_ON, "while the clock is ten years ahead")?;
            std::thread::sleep(LOAD);
            if times_of(log)? < now()? + TEN_YEARS / 2 {
                return Err(CannotHere("libfaketime does not reach the log here".to_owned()).into());
            }
            set(offset, "+0")?;
            pauses(outside, "after the clock came back from ten years ahead")?;
            served(server, "after the clock came back from ten years ahead")?;
        }
    }
    run.count("pauses", u64::from(matches!(jump, Jump::HourBack | Jump::TenYearsAhead)));
    Ok(())
}

/// Nothing new may be acknowledged once what was under way is done.
fn pauses(outside: &Outside, when: &str) -> Result<()> {
    std::thread::sleep(UNDER_WAY);
    let before = outside.acknowledgements();
    std::thread::sleep(LOAD * 2);
    let written = outside.acknowledgements() - before;
    if written > 0 {
        return Err(wrong(format!("{written} entries were acknowledged {when}")));
    }
    Ok(())
}

/// Something new must be acknowledged in time.
fn written_within(outside: &Outside, patience: Duration, when: &str) -> Result<()> {
    let (before, begun) = (outside.acknowledgements(), Instant::now());
    while outside.acknowledgements() == before {
        if begun.elapsed() > patience {
            return Err(wrong(format!("nothing was acknowledged in {} s {when}", patience.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The checkpoint is read.
fn served(server: &Server, when: &str) -> Result<()> {
    let answer = crate::client::Client::connect(server.addr())?.get("/checkpoint")?;
    match answer.status() {
        200 => Ok(()),
        status => Err(wrong(format!("the checkpoint was answered with {status} {when}"))),
    }
}

fn wrong(what: String) -> anyhow::Error {
    Finding::WrongClock { what }.into()
}

/// Reads the times in the ledger, which must not fall; the last of them.
fn times_of(log: &Path) -> Result<u64> {
    let bytes = std::fs::read(log.join("ledger")).context("cannot read the ledger")?;
    let mut last = 0;
    for (record, bytes) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
        let time =
            bytes.get(TIME_AT..TIME_AT + 8).and_then(|time| time.try_into().ok()).map(u64::from_be_bytes);
        let time = time.context("a short record")?;
        if time < last {
            return Err(wrong(format!(
                "record {record} of the ledger is of {time}, the one before of {last}"
            )));
        }
        last = time;
    }
    Ok(last)
}

fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// `YYYY-MM-DD hh:mm:ss` in UTC, which libfaketime takes for a clock that stands still.
fn calendar(seconds: u64) -> Result<String> {
    let mut date = std::process::Command::new("date");
    let output = date.args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%d %H:%M:%S"]).output()?;
    anyhow::ensure!(output.status.success(), "date failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// In one step, so that the log never reads half an offset.
fn set(file: &Path, offset: &str) -> Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, offset)?;
    Ok(std::fs::rename(new, file)?)
}
