//! R9: an older copy of the database is put back while the signing ledger is newer. Every start must be refused.
//!
//! Such a log is healthy from inside, and would sign a second history from the point of the copy on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::copies::copy;
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::product::Start;
use crate::submitters::Load;

/// Exit code of a log that refuses to start.
const REFUSED: i32 = 1;
/// Load between two copies.
const BETWEEN_MS: std::ops::Range<u64> = 10..60;

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    for point in 0..run.cycles {
        copy(&dir.join("db"), &run.dir.join(format!("copy{point}")))?;
        grow(run, &dir, &words, &outside)?;
    }
    for point in 0..run.cycles {
        let restored = run.dir.join("restored");
        copy(&dir, &restored)?;
        std::fs::remove_dir_all(restored.join("db"))?;
        std::fs::rename(run.dir.join(format!("copy{point}")), restored.join("db"))?;
        match run.program.serve(&restored, &words)? {
            Start::Ended { status, words } if status.code() == Some(REFUSED) && words.contains("ledger") => {
                run.count("starts refused", 1);
            }
            Start::Ended { status, words } => {
                let what =
                    format!("copy {point} was refused with {status}, wanted 1 and a word about the ledger");
                return Err(Finding::WrongStart { what, words }.into());
            }
            Start::Serving(_) => {
                let what = format!("the log started on copy {point}, which is older than its ledger");
                return Err(Finding::WrongStart { what, words: String::new() }.into());
            }
            Start::Silent { words } => {
                let what = format!("the log neither started nor ended on copy {point}");
                return Err(Finding::WrongStart { what, words }.into());
            }
        }
        std::fs::remove_dir_all(&restored)?;
    }
    let server = run.program.serve(&dir, &words)?.serving("with its own database")?;
    let judged = outside.check_all(server.addr(), &mut run.seed);
    run.count_outside(&outside);
    judged?;
    server.stop()
}

/// Lets the log grow by at least one acknowledged entry, and kills it.
fn grow(run: &mut Run, dir: &Path, words: &Path, outside: &Outside) -> Result<()> {
    let mut server = run.program.serve(dir, words)?.serving("between two copies")?;
    let pause = Duration::from_millis(run.seed.within(BETWEEN_MS));
    let before = outside.tally().acknowledged;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        Load::MIXED.start(scope, server.addr(), outside, &over);
        for _ in 0..1000 {
            std::thread::sleep(pause);
            if outside.tally().acknowledged > before {
                break;
            }
        }
        server.kill();
        over.store(true, Ordering::Relaxed);
    });
    anyhow::ensure!(outside.tally().acknowledged > before, "the log took nothing between two copies");
    Ok(())
}
