//! R2: the power goes while clients submit.
//!
//! ```text
//! SIGSTOP the log, wait until all its threads stand
//! cut the power of its disk                                   (see image)
//! SIGKILL the log; the clients read what was still sent to them
//! unmount, mount, start, judge
//! ```
//!
//! Every other cycle submits entries of 20 kB from many clients, so that one step writes more than 200 kB: ordinary cuts
//! through large write batches are what made the strict recovery modes of RocksDB refuse to start.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::image::Image;
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::product::Server;
use crate::submitters::Load;

/// Cut between these many milliseconds after the first acknowledgement of the cycle: without one there is nothing to lose.
const UNDER_LOAD_MS: std::ops::Range<u64> = 20..150;
/// A new disk with a new log after so many cuts, so that disks stay small.
const CUTS_A_DISK: u64 = 50;
const DISK_MIB: u64 = 2048;
/// Sixteen clients with 20 kB each: about 320 kB a step.
const LARGE: Load = Load { raw: 16, signed: 0, watchers: 1, entry_bytes: 20_000 };
/// How long the first acknowledgement may take.
const FIRST: Duration = Duration::from_secs(10);
/// How long the threads of a stopped process may take to stand.
const STAND_STILL: Duration = Duration::from_secs(5);

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let mut cycle = 0;
    while cycle < run.cycles {
        let mut disk = Disk::new(run, cycle)?;
        let until = run.cycles.min(cycle + CUTS_A_DISK);
        let mut ended = Ok(());
        while cycle < until && ended.is_ok() {
            ended = disk.cut(run, cycle);
            cycle += 1;
        }
        let ended = ended.and_then(|()| disk.end(run));
        run.count_outside(&disk.outside);
        match ended {
            Ok(()) => disk.image.remove()?,
            Err(error) if run.count_findings && error.is::<Finding>() => {
                run.count("cycles with a finding", 1);
                disk.image.remove()?;
            }
            Err(error) => return Err(error),
        }
    }
    if run.count_findings {
        let (found, cycles) = (run.counted("cycles with a finding"), run.cycles);
        run.note(format!("a finding in {found} of {cycles} cycles"));
    }
    Ok(())
}

/// One disk with one log.
struct Disk {
    image: Image,
    log: PathBuf,
    words: PathBuf,
    outside: Outside,
}

impl Disk {
    fn new(run: &Run, cycle: u64) -> Result<Self> {
        let mut image = Image::new(&run.dir, &format!("disk{cycle}"), DISK_MIB)?;
        image.prove_cut()?;
        let log = image.path().join("log");
        let outside = Outside::new(run.program.init(&log)?, &run.dir.join(format!("outside{cycle}")))?;
        Ok(Self { image, log, words: run.dir.join("words"), outside })
    }

    /// Load, cut, restart, judge.
    fn cut(&mut self, run: &mut Run, cycle: u64) -> Result<()> {
        let mut server = run.program.serve(&self.log, &self.words)?.serving("before a power cut")?;
        let load = if cycle.is_multiple_of(2) { Load::MIXED } else { LARGE };
        let pause = Duration::from_millis(run.seed.within(UNDER_LOAD_MS));
        let (over, before, begun) = (AtomicBool::new(false), self.outside.acknowledgements(), Instant::now());
        std::thread::scope(|scope| {
            load.start(scope, server.addr(), &self.outside, &over);
            while self.outside.acknowledgements() == before && begun.elapsed() < FIRST {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(pause);
            server.signal(Signal::STOP);
            let cut = stand_still(&server).and_then(|()| self.image.cut_power());
            server.kill();
            over.store(true, Ordering::Relaxed);
            cut
        })?;
        run.count("power cuts", 1);
        self.image.unmount()?;
        self.image.mount()?;
        let mut server = run.program.serve(&self.log, &self.words)?.serving("after a power cut")?;
        self.outside.check(server.addr(), &mut run.seed)?;
        server.kill();
        Ok(())
    }

    /// The log at rest must be whole.
    fn end(&mut self, run: &mut Run) -> Result<()> {
        let server = run.program.serve(&self.log, &self.words)?.serving("after a power cut")?;
        self.outside.check_all(server.addr(), &mut run.seed)?;
        server.stop()?;
        run.program.fsck_clean(&self.log)?;
        Ok(())
    }
}

/// Waits until no thread of the process can reach user code: each is stopped, or in the kernel and will stop before it
/// returns.
fn stand_still(server: &Server) -> Result<()> {
    let tasks = format!("/proc/{}/task", server.id());
    let asked = Instant::now();
    loop {
        let mut moving = 0;
        for task in std::fs::read_dir(&tasks).context("the log has no threads")?.filter_map(Result::ok) {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // PID (NAME) STATE …; a name may hold anything, so from the last bracket.
            let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
            moving += u32::from(!matches!(state, Some('T' | 't' | 'D' | 'Z' | 'X') | None));
        }
        if moving == 0 {
            return Ok(());
        }
        anyhow::ensure!(asked.elapsed() < STAND_STILL, "{moving} threads of the log go on after SIGSTOP");
        std::thread::sleep(Duration::from_micros(200));
    }
}
