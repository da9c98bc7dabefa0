//! R18: one submitter sends as fast as it can, the others as they always do.
//!
//! ```text
//! a quarter of the time    the others alone
//! half of it               and one key that eight clients submit under without a pause
//! a quarter                the others alone again
//! ```
//!
//! The log runs with a rate for each key. The loud one must be told to come back later, and when, not always at the same
//! time; of what the others send nine tenths must be taken, within two seconds each at the 99th of a hundred, in all three
//! phases.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use merkle::LeafHash;
use tlog::proof::LogProof;

use crate::bad_requests::settle;
use crate::client::Client;
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::submitters::Signer;

/// Submitters that behave.
const OTHERS: usize = 8;
/// Clients of the one that does not.
const LOUD: usize = 8;
/// Between two entries of one that behaves: five a second.
const PAUSE: Duration = Duration::from_millis(200);
/// How long what is taken of the others may take, at the 99th of a hundred.
const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// Of so many refusals not all may name the same second.
const SPREAD_AMONG: u64 = 50;
/// What a key may submit: twice what those send that behave.
const FLAGS: [&str; 2] = ["--rate-key", "10/s:20"];

/// What came of the entries of one kind of client.
#[derive(Debug, Default)]
struct Tally {
    taken: AtomicU64,
    turned_away: AtomicU64,
    times: Mutex<Vec<Duration>>,
    // The seconds after which it was told to come back.
    waits: Mutex<BTreeSet<u32>>,
}

impl Tally {
    fn p99(&self) -> Duration {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
    }

    fn share(&self) -> f64 {
        let (taken, away) = (self.taken.load(Ordering::Relaxed), self.turned_away.load(Ordering::Relaxed));
        taken as f64 / (taken + away).max(1) as f64
    }
}

/// Runs it for `cycles` seconds.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let server = run.program.with_flags(&FLAGS).serve(&dir, &words)?.serving("with a rate for each key")?;
    let quarter = Duration::from_secs(run.cycles) / 4;
    let (before, during, after) = (Tally::default(), Tally::default(), Tally::default());
    let loud = Tally::default();
    phase(server.addr(), &outside, quarter, &before, None)?;
    phase(server.addr(), &outside, quarter * 2, &during, Some(&loud))?;
    phase(server.addr(), &outside, quarter, &after, None)?;
    let count = |tally: &Tally| tally.taken.load(Ordering::Relaxed);
    run.count("taken from the others", count(&before) + count(&during) + count(&after));
    run.count("taken from the loud one", count(&loud));
    run.count("turned away from the loud one", loud.turned_away.load(Ordering::Relaxed));
    for (name, tally) in [("before", &before), ("during", &during), ("after", &after)] {
        run.note(format!(
            "{name}: {:.1} % of the others taken, p99 {} ms",
            tally.share() * 100.0,
            tally.p99().as_millis()
        ));
    }
    outside.verdict()?;
    settle(run, server, &outside, &dir)?;
    ensure!(loud.turned_away.load(Ordering::Relaxed) > 0, "the loud one was never turned away");
    ensure!(loud.share() < 0.5, "{:.0} % of the loud one's entries were taken", loud.share() * 100.0);
    for (name, tally) in [("before", &before), ("during", &during), ("after", &after)] {
        ensure!(
            tally.share() >= 0.9,
            "{name}, only {:.0} % of the others' entries were taken",
            tally.share() * 100.0
        );
        ensure!(tally.p99() <= TAKEN_WITHIN, "{name}, the others waited {:?} (p99)", tally.p99());
    }
    let waits = loud.waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
    run.note(format!("the loud one was told to come back after {waits:?} seconds"));
    let many = loud.turned_away.load(Ordering::Relaxed) >= SPREAD_AMONG;
    ensure!(!many || waits.len() > 1, "all were told to come back after {waits:?} seconds, together");
    Ok(())
}

fn phase(
    addr: SocketAddr,
    outside: &Outside,
    length: Duration,
    others: &Tally,
    loud: Option<&Tally>,
) -> Result<()> {
    let over = AtomicBool::new(false);
    let loud_key = Signer::new()?;
    std::thread::scope(|scope| {
        let (over, loud_key) = (&over, &loud_key);
        let mut clients = Vec::new();
        for _ in 0..OTHERS {
            clients.push(scope.spawn(move || submit(addr, outside, &Signer::new()?, PAUSE, over, others)));
        }
        if let Some(tally) = loud {
            for _ in 0..LOUD {
                clients
                    .push(scope.spawn(move || submit(addr, outside, loud_key, Duration::ZERO, over, tally)));
            }
        }
        std::thread::sleep(length);
        over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(())
    })
}

/// Submits under one key until it is over.
fn submit(
    addr: SocketAddr,
    outside: &Outside,
    signer: &Signer,
    pause: Duration,
    over: &AtomicBool,
    tally: &Tally,
) -> Result<()> {
    let mut client = Client::connect(addr)?;
    while !over.load(Ordering::Relaxed) {
        let entry = signer.entry(outside.number())?;
        let started = Instant::now();
        let Ok(answer) = client.post("/api/v1/entries", "application/cose", "text/x.tlog-proof", &entry)
        else {
            client = Client::connect(addr)?;
            continue;
        };
        outside.answered(answer.status());
        match answer.status() {
            200 | 201 => {
                tally.taken.fetch_add(1, Ordering::Relaxed);
                tally.times.lock().unwrap_or_else(PoisonError::into_inner).push(started.elapsed());
                let proof = LogProof::parse(answer.body())?;
                outside.acknowledged(proof.inclusion().index().get(), LeafHash::of(&entry));
                outside.checkpoint(proof.checkpoint().as_bytes());
            }
            status @ (429 | 503) => {
                tally.turned_away.fetch_add(1, Ordering::Relaxed);
                match answer.header("retry-after").and_then(|when| when.parse().ok()) {
                    Some(seconds) => {
                        tally.waits.lock().unwrap_or_else(PoisonError::into_inner).insert(seconds);
                    }
                    None => outside.found(Finding::WrongAnswer {
                        request: "POST /api/v1/entries".to_owned(),
                        status,
                        text: format!("no time to come back: {}", answer.text()),
                    }),
                }
            }
            status => outside.found(Finding::WrongAnswer {
                request: "POST /api/v1/entries".to_owned(),
                status,
                text: answer.text(),
            }),
        }
        std::thread::sleep(pause);
    }
    Ok(())
}
