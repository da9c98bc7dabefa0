//! R8: `fsck` of a log of a million entries: how long it takes, that it agrees with a root computed outside, and that it
//! finds one flipped bit in the largest tables.
//!
//! The many small flips are R7's ([`crate::bit_rot`]); here the log is large.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::client::Client;
use crate::copies::files;
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::submitters::{post_raw, raw_entry};

/// Clients that fill the log; a log takes 32 connections from one address.
const CLIENTS: u64 = 24;
/// Bytes of an entry.
const ENTRY_BYTES: usize = 64;
/// Entries after which a client takes a new connection: the log closes one after 15 minutes.
const ENTRIES_OF_A_CONNECTION: u64 = 5_000;
/// Tables in which a bit is flipped, the largest first.
const FLIPS: usize = 3;

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let mut server = run.program.serve(&dir, &words)?.serving("to be filled")?;
    let (addr, entries) = (server.addr(), run.cycles);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let fillers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| fill(addr, &outside, entries))).collect();
        fillers.into_iter().try_for_each(|thread| match thread.join() {
            Ok(filled) => filled,
            Err(_) => Err(anyhow::anyhow!("a client panicked")),
        })
    })?;
    let rate = entries as f64 / begun.elapsed().as_secs_f64();
    run.note(format!("filled at {rate:.0} entries/s by {CLIENTS} clients"));
    outside.check(addr, &mut run.seed)?;
    run.count_outside(&outside);
    server.kill();
    // One more start and orderly end, so that most of it lies in tables.
    run.program.serve(&dir, &words)?.serving("after it was filled")?.stop()?;

    let fsck = run.program.fsck_clean(&dir)?;
    let seconds = fsck.took.as_secs_f64();
    run.note(format!(
        "fsck of {entries} entries took {seconds:.1} s ({:.0} entries/s)",
        entries as f64 / seconds
    ));
    if !fsck.words.contains(&outside.root().to_string()) {
        let what = format!("it does not print the root computed outside, {}: {}", outside.root(), fsck.words);
        return Err(Finding::WrongFsck { what }.into());
    }
    for table in tables(&dir)?.into_iter().take(FLIPS) {
        let length = std::fs::metadata(&table)?.len();
        // Data blocks come first; the last part of a table is what RocksDB keeps about it.
        let bit = run.seed.within(0..length * 8 * 3 / 4);
        flip(&table, bit)?;
        let fsck = run.program.fsck(&dir)?;
        if !matches!(fsck.code, Some(1 | 5)) {
            let what = format!("exit {:?} though bit {bit} of {} is flipped", fsck.code, table.display());
            return Err(Finding::WrongFsck { what }.into());
        }
        flip(&table, bit)?;
        run.count("flips found", 1);
    }
    run.program.fsck_clean(&dir)?;
    Ok(())
}

fn fill(addr: std::net::SocketAddr, outside: &Outside, entries: u64) -> Result<()> {
    loop {
        let mut client = Client::connect(addr)?;
        for _ in 0..ENTRIES_OF_A_CONNECTION {
            let number = outside.number();
            if number >= entries {
                return Ok(());
            }
            let answer = post_raw(&mut client, outside, &raw_entry(number, ENTRY_BYTES))?;
            anyhow::ensure!(answer.status() == 200, "{} {}", answer.status(), answer.text());
        }
    }
}

/// Tables of the database, the largest first.
fn tables(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut tables: Vec<(u64, PathBuf)> = files(dir)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .filter_map(|path| Some((std::fs::metadata(&path).ok()?.len(), path)))
        .collect();
    tables.sort_by(|one, other| other.cmp(one));
    anyhow::ensure!(!tables.is_empty(), "the database has no tables");
    Ok(tables.into_iter().map(|(_, path)| path).collect())
}

fn flip(path: &Path, bit: u64) -> Result<()> {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).context("the table is shorter than it was")?;
    byte[0] ^= 1 << (bit % 8);
    Ok(file.write_all_at(&byte, bit / 8)?)
}
