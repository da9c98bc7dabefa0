//! R6: the disk fills up under load until so many bytes are left, each time another number of them; then it is freed.
//!
//! ```text
//! serve, load ── a filler file leaves 0 to 3 MiB ── refused with 507 or 503, or the log ends ── is everything read?
//!             ── if it ended: start on the full disk ── free ── does it write again by itself?
//! ```
//!
//! The filler is allocated, not written, so a disk of 2 GiB costs nothing.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::client::Client;
use crate::image::Image;
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::product::{Server, Start};
use crate::submitters::{Load, post_raw, raw_entry};

const DISK_MIB: u64 = 2048;
/// What the filler leaves, bytes: every other time little enough to meet the log before it has looked at the disk.
const LEFT: [std::ops::Range<u64>; 2] = [0..64 * 1024, 0..3 * 1024 * 1024];
/// One filling of so many also takes the room that the log made by giving up its ballast.
const BALLAST_TAKEN: u64 = 3;
const LOAD: Load = Load { raw: 12, signed: 1, watchers: 1, entry_bytes: ENTRY_BYTES };
/// Load before the disk is full, and as long as it is.
const LOAD_MS: std::ops::Range<u64> = 50..250;
/// How long the log may take to notice and to refuse.
const NOTICE: Duration = Duration::from_secs(3);
/// From the moment when an ending log's connections are closed to its last line and its end.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long it may take to write again after the disk was freed.
const GO_ON: Duration = Duration::from_secs(15);
/// Entries of this size fill what is left, and what RocksDB allocated ahead, within the patience above.
const ENTRY_BYTES: usize = 30_000;

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    // The marks that a log has by itself.
    let own = [("READ_ONLY", "10%,8GiB"), ("STOP", "5%,4GiB")];
    for (mark, space) in own {
        run.program = run.program.with_variable(&format!("TALLYMARK_LOG_DISK_{mark}"), space);
    }
    let image = Image::new(&run.dir, "disk", DISK_MIB)?;
    let (log, words) = (image.path().join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&log)?, &run.dir.join("outside"))?;
    let filler = Filler { disk: image.path().to_owned(), path: image.path().join("filler") };
    let mut judged = Ok(());
    for _ in 0..run.cycles {
        judged = one_filling(run, &log, &words, &outside, &filler);
        if judged.is_err() {
            break;
        }
    }
    run.count_outside(&outside);
    judged?;
    let server = run.program.serve(&log, &words)?.serving("on a disk with room")?;
    outside.check_all(server.addr(), &mut run.seed)?;
    server.stop()?;
    run.program.fsck_clean(&log)?;
    image.remove()
}

fn one_filling(run: &mut Run, log: &Path, words: &Path, outside: &Outside, filler: &Filler) -> Result<()> {
    let mut server = run.program.serve(log, words)?.serving("on a disk with room")?;
    outside.check(server.addr(), &mut run.seed)?;
    let load = Duration::from_millis(run.seed.within(LOAD_MS));
    let [little, more] = LEFT;
    let left = if run.seed.chance(2) { little } else { more };
    let left = run.seed.within(left);
    let over = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        LOAD.start(scope, server.addr(), outside, &over);
        std::thread::sleep(load);
        let full = filler.fill(left).and_then(|()| full(run, &mut server, outside));
        over.store(true, Ordering::Relaxed);
        full
    })?;
    run.count("fillings", 1);
    if run.seed.chance(BALLAST_TAKEN) {
        filler.fill(left)?;
        run.count("ballast taken too", 1);
    }
    // What was under way may meet the full disk a moment after the log was asked whether it ended.
    let ended = ended || !read_while_full(run, &mut server, outside)?;
    if ended {
        run.count("ended when full", 1);
        started_full(run, log, words, outside)?;
        filler.remove()?;
        server = run.program.serve(log, words)?.serving("after the disk was freed")?;
    } else {
        run.count("refused when full", 1);
        // Restarted while full.
        if run.seed.chance(2) {
            server.kill();
            started_full(run, log, words, outside)?;
            filler.remove()?;
            server = run.program.serve(log, words)?.serving("after the disk was freed")?;
        } else {
            filler.remove()?;
        }
    }
    written(&server, outside)?;
    outside.check(server.addr(), &mut run.seed)?;
    server.kill();
    Ok(())
}

/// Checks what a log on a full disk serves; `false` if it has ended by itself, which alone excuses silence.
fn read_while_full(run: &mut Run, server: &mut Server, outside: &Outside) -> Result<bool> {
    match outside.check(server.addr(), &mut run.seed) {
        Ok(()) => Ok(true),
        Err(error) => {
            if matches!(error, Finding::Unserved { .. }) {
                std::thread::sleep(LAST_WORDS);
                if server.ended()?.is_some() {
                    return Ok(false);
                }
            }
            Err(anyhow::Error::new(error).context("on a full disk"))
        }
    }
}

/// Waits until a log on a full disk refuses or ends; whether it ended.
fn full(run: &mut Run, server: &mut Server, outside: &Outside) -> Result<bool> {
    let begun = Instant::now();
    let before = refusals(outside);
    while begun.elapsed() < NOTICE {
        if server.ended()?.is_some() {
            return Ok(true);
        }
        if refusals(outside) > before {
            std::thread::sleep(Duration::from_millis(run.seed.within(LOAD_MS)));
            return Ok(server.ended()?.is_some());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // What is left was more than the clients could use in that time.
    run.count("never full", 1);
    Ok(false)
}

fn refusals(outside: &Outside) -> u64 {
    let answers = outside.tally().answers;
    [503, 507].iter().filter_map(|status| answers.get(status)).sum()
}

/// A log that is started on a full disk serves everything there is, and refuses to take more.
fn started_full(run: &mut Run, log: &Path, words: &Path, outside: &Outside) -> Result<()> {
    match run.program.serve(log, words)? {
        Start::Serving(mut server) => {
            outside.check(server.addr(), &mut run.seed).context("started on a full disk")?;
            server.kill();
            run.count("opened on a full disk", 1);
            Ok(())
        }
        other => {
            other.serving("on a full disk, where the ballast must let it open")?;
            Ok(())
        }
    }
}

/// It must take entries again, without anybody's help.
fn written(server: &Server, outside: &Outside) -> Result<()> {
    let begun = Instant::now();
    let mut last = String::new();
    while begun.elapsed() < GO_ON {
        let mut client = Client::connect(server.addr())?;
        let answer = post_raw(&mut client, outside, &raw_entry(outside.number(), ENTRY_BYTES))?;
        if answer.status() == 200 {
            return Ok(());
        }
        last = answer.text();
        std::thread::sleep(Duration::from_millis(20));
    }
    let what = format!("the log does not write again {} s after the disk was freed", GO_ON.as_secs());
    Err(Finding::WrongStart { what, words: last }.into())
}

/// The file that takes the room away.
struct Filler {
    disk: PathBuf,
    path: PathBuf,
}

impl Filler {
    /// Leaves so many bytes, to the block.
    fn fill(&self, left: u64) -> Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .context("cannot make the filler")?;
        let mut length = file.metadata()?.len();
        let first = length == 0;
        // The log takes some while we look, and metadata takes some too: what remains is taken in smaller and smaller bites.
        for _ in 0..64 {
            let disk = statvfs(&self.disk)?;
            let free = disk.f_bavail * disk.f_frsize;
            let Some(bite) = free.checked_sub(left).map(|bite| bite / disk.f_frsize * disk.f_frsize) else {
                break;
            };
            let bite =
                if length > 0 || !first { bite.min(bite / 2 + disk.f_frsize) } else { bite - bite / 16 };
            if bite < disk.f_frsize || fallocate(&file, FallocateFlags::empty(), length, bite).is_err() {
                break;
            }
            length += bite;
        }
        anyhow::ensure!(length > 0, "the filler took nothing");
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        std::fs::remove_file(&self.path).context("cannot remove the filler")
    }
}
