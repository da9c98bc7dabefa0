//! A log at rest with something of everything in it: tables, a write-ahead log with records that are not yet in a table,
//! a ledger of many heads, full and partial tiles. Tests that damage a log damage copies of it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::client::Client;
use crate::outside::Outside;
use crate::plan::Run;
use crate::submitters::{Load, post_raw, raw_entry};

/// Starts, each of which flushes what the one before left in the write-ahead log.
const STARTS: u64 = 3;
/// Entries from each of them: together two full tiles and one that is not.
const ENTRIES: u64 = 200;

/// The log and what was seen of it.
#[derive(Debug)]
pub struct Prepared {
    log: PathBuf,
    outside: Outside,
}

impl Prepared {
    /// Makes it in the directory of the run.
    ///
    /// # Errors
    /// The log does not take the entries.
    pub fn new(run: &mut Run) -> Result<Self> {
        let (log, words) = (run.dir.join("prepared"), run.dir.join("words"));
        let outside = Outside::new(run.program.init(&log)?, &run.dir.join("outside"))?;
        for _ in 0..STARTS {
            let mut server = run.program.serve(&log, &words)?.serving("to be filled")?;
            let addr = server.addr();
            std::thread::scope(|scope| {
                let filling: Vec<_> =
                    (0..4).map(|_| scope.spawn(|| fill(addr, &outside, ENTRIES / 4))).collect();
                filling.into_iter().try_for_each(|thread| match thread.join() {
                    Ok(filled) => filled,
                    Err(_) => Err(anyhow::anyhow!("a client panicked")),
                })
            })?;
            outside.check(addr, &mut run.seed)?;
            server.kill();
        }
        Ok(Self { log, outside })
    }

    /// Its directory.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What was seen of it.
    #[must_use]
    pub fn outside(&self) -> &Outside {
        &self.outside
    }
}

fn fill(addr: std::net::SocketAddr, outside: &Outside, entries: u64) -> Result<()> {
    let mut client = Client::connect(addr)?;
    for _ in 0..entries {
        let entry = raw_entry(outside.number(), Load::MIXED.entry_bytes);
        let answer = post_raw(&mut client, outside, &entry)?;
        anyhow::ensure!(answer.status() == 200, "{} {}", answer.status(), answer.text());
    }
    Ok(())
}
