//! R3: every system call of a start and of two appends fails once, or is the last thing the process does.
//!
//! `strace -e inject` makes one call fail with EIO or ENOSPC, or kills the process at its entry. strace counts calls in
//! each thread, so one injection may meet several threads at their n-th call; the indices run to the largest count of any
//! thread, so every call of every thread is met.
//!
//! ```text
//! copy of a prepared log ── start under strace ── two appends ── SIGKILL ── start without strace ── judge
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::client::Client;
use crate::copies::copy;
use crate::machine::{missing_tools, tool};
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::prepared::Prepared;
use crate::product::{Program, Start};
use crate::seed::Seed;
use crate::submitters::{post_raw, raw_entry};
use crate::workers;

const CALLS: [&str; 11] = [
    "write",
    "pwrite64",
    "fdatasync",
    "fsync",
    "rename",
    "openat",
    "close",
    "ftruncate",
    "fallocate",
    "unlink",
    "mkdir",
];
const FAULTS: [&str; 3] = ["error=EIO", "error=ENOSPC", "signal=KILL"];
/// How long a start with a fault in it may take.
const START: Duration = Duration::from_secs(10);
/// How long an answer may take that may never come.
const ANSWER: Duration = Duration::from_millis(1500);
/// `fsck` reads the log after one injection of so many.
const FSCK: u64 = 8;

/// Why it cannot be run here, if so.
#[must_use]
pub fn cannot() -> Option<String> {
    missing_tools(&["strace"])
}

/// One fault.
#[derive(Debug, Clone)]
struct Injection {
    call: &'static str,
    fault: &'static str,
    when: u64,
}

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let prepared = Prepared::new(run)?;
    let mut injections = Vec::new();
    for (call, count) in CALLS.into_iter().zip(counted(run, &prepared)?) {
        for fault in FAULTS {
            injections.extend((1..=count).map(|when| Injection { call, fault, when }));
        }
    }
    let all = injections.len() as u64;
    shuffle(&mut injections, &mut run.seed);
    // More than there are are done again on other copies: the order of threads differs from run to run.
    let seed = run.seed.draw();
    let (dir, program) = (run.dir.clone(), run.program.clone());
    let counts = workers::each(run.cycles, |number| {
        let Some(injection) = injections.get((number % all.max(1)) as usize) else { return Ok(Vec::new()) };
        let place = dir.join(format!("injection{number}"));
        let cycle = Cycle { program: &program, prepared: &prepared, place, number };
        let done = cycle.run(injection, Seed::new(seed ^ number));
        done.with_context(|| format!("{} at {} {}", injection.fault, injection.call, injection.when))
    })?;
    for (name, count) in counts {
        run.count(&name, count);
    }
    run.note(format!("{all} injections cover every call of a start and two appends"));
    Ok(())
}

struct Cycle<'a> {
    program: &'a Program,
    prepared: &'a Prepared,
    place: PathBuf,
    number: u64,
}

impl Cycle<'_> {
    fn run(&self, injection: &Injection, mut draws: Seed) -> Result<Vec<String>> {
        std::fs::create_dir(&self.place)?;
        let (log, words) = (self.place.join("log"), self.place.join("words"));
        copy(self.prepared.log(), &log)?;
        let outside = self.prepared.outside().fork(&self.place.join("outside"))?;
        let inject = format!("inject={}:{}:when={}", injection.call, injection.fault, injection.when);
        let traced = self.program.under(&strace(Path::new("/dev/null"), &["-e", &inject])?);
        let mut names = vec!["injections".to_owned()];
        names.push(match traced.serve_within(&log, &words, START)? {
            Start::Serving(mut server) => {
                let acknowledged = two_appends(server.addr(), &outside, self.number);
                let ended = server.ended()?.is_some();
                server.kill();
                match (acknowledged, ended) {
                    (2, _) => "served on".to_owned(),
                    (_, true) => "ended in an append".to_owned(),
                    (_, false) => format!(
                        "lived without answering ({} {} {})",
                        injection.call, injection.fault, injection.when
                    ),
                }
            }
            Start::Ended { .. } => "ended in the start".to_owned(),
            Start::Silent { .. } => "hung in the start".to_owned(),
        });
        outside.verdict()?;
        match self.program.serve(&log, &words)? {
            Start::Serving(mut server) => {
                outside.check_all(server.addr(), &mut draws)?;
                server.kill();
                if self.number.is_multiple_of(FSCK) {
                    self.program.fsck_clean(&log)?;
                }
            }
            Start::Ended { status, words }
                if matches!(status.code(), Some(1 | 5)) && words.contains("tallymark-log: ") =>
            {
                let why = words.lines().find(|line| line.contains("tallymark-log: ")).unwrap_or_default();
                names.push(format!("refused afterwards: {why}"));
            }
            Start::Ended { status, words } => {
                let what = format!("the next start ended with {status} and gave no reason");
                return Err(Finding::WrongStart { what, words }.into());
            }
            silent @ Start::Silent { .. } => {
                silent.serving("after an injected fault")?;
            }
        }
        std::fs::remove_dir_all(&self.place)?;
        Ok(names)
    }
}

/// Submits two entries, whatever comes; how many were acknowledged.
fn two_appends(addr: std::net::SocketAddr, outside: &Outside, number: u64) -> u32 {
    let mut acknowledged = 0;
    for half in 0..2 {
        // A new connection each time: the fault may have met the first.
        let Ok(mut client) = Client::connect_within(addr, ANSWER) else { continue };
        let entry = raw_entry(u64::MAX / 2 + 2 * number + half, 100);
        if post_raw(&mut client, outside, &entry).is_ok_and(|answer| answer.status() == 200) {
            acknowledged += 1;
        }
        if let Ok(answer) = client.get("/checkpoint")
            && answer.status() == 200
        {
            outside.checkpoint(answer.body());
        }
    }
    acknowledged
}

/// How often any one thread makes each call in a start and two appends.
fn counted(run: &Run, prepared: &Prepared) -> Result<Vec<u64>> {
    let (log, trace) = (run.dir.join("counted"), run.dir.join("trace"));
    copy(prepared.log(), &log)?;
    let outside = prepared.outside().fork(&run.dir.join("outside-counted"))?;
    let traced = run.program.under(&strace(&trace, &[])?);
    let mut server = traced.serve(&log, &run.dir.join("words"))?.serving("under strace")?;
    anyhow::ensure!(two_appends(server.addr(), &outside, 0) == 2, "the log takes nothing under strace");
    server.kill();
    // strace ends when its last tracee is gone, a moment after us.
    std::thread::sleep(Duration::from_millis(300));
    let text = std::fs::read_to_string(&trace).context("strace left no trace")?;
    let mut of_thread = std::collections::BTreeMap::<(&str, &str), u64>::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        *of_thread.entry((thread, call)).or_default() += 1;
    }
    std::fs::remove_dir_all(&log)?;
    let counts = CALLS.map(|wanted| {
        let counts = of_thread.iter().filter(|((_, call), _)| *call == wanted);
        counts.map(|(_, count)| *count).max().unwrap_or(0)
    });
    anyhow::ensure!(counts.iter().sum::<u64>() > 50, "strace saw almost nothing: {counts:?}");
    Ok(counts.to_vec())
}

/// strace as a grandchild, so that the process we start is the log itself; it traces what may be injected and no more.
fn strace(output: &Path, more: &[&str]) -> Result<Vec<OsString>> {
    let program = tool("strace").context("no strace")?;
    let trace = format!("trace={}", CALLS.join(","));
    let mut words: Vec<OsString> = vec![program.into()];
    words.extend(["-D", "-f", "-qq", "--seccomp-bpf", "-e", &trace, "-o"].map(OsString::from));
    words.push(output.into());
    words.extend(more.iter().map(OsString::from));
    Ok(words)
}

fn shuffle<T>(items: &mut [T], draws: &mut Seed) {
    for at in (1..items.len()).rev() {
        items.swap(at, draws.within(0..at as u64 + 1) as usize);
    }
}
