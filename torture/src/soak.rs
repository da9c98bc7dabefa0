//! R17: a steady load for as long as one likes, with readers, and an eye on memory, descriptors and disk.
//!
//! Once a minute one line says what the process costs. Memory goes up and down with the engine's buffers: one look is no
//! measure. So the most of each half is compared: after a warming-up of a fifth of the time, the second half of the rest
//! may have at most `GROWTH_KIB` more than the first, and none of it more than `MEMORY_KIB`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::bad_requests::settle;
use crate::client::Client;
use crate::footprint::{Footprint, disk_bytes};
use crate::machine::{SyncTime, load_average};
use crate::outside::Outside;
use crate::plan::Run;
use crate::submitters::{raw_entry, submit_raw};

/// Clients that submit.
const SUBMITTERS: u64 = 16;
/// Clients that read checkpoints, tiles and bundles.
const READERS: u64 = 2;
/// Bytes of an entry.
const ENTRY_BYTES: usize = 2048;
/// Memory that may be gained after the warming-up, KiB.
const GROWTH_KIB: u64 = 64 * 1024;
/// Memory in all, KiB.
const MEMORY_KIB: u64 = 512 * 1024;
/// Time between two lines, and at most a tenth of the run.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Submits `rate` entries a second for `cycles` seconds.
///
/// # Errors
/// A broken promise: memory that grows, an entry refused, or one that is lost.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let server = run.program.serve(&dir, &words)?.serving("for the first time")?;
    let (length, over) = (Duration::from_secs(run.cycles), AtomicBool::new(false));
    let (times, reads) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let looks = std::thread::scope(|scope| -> Result<Vec<Footprint>> {
        let every = Duration::from_secs_f64(SUBMITTERS as f64 / run.rate.max(1) as f64);
        let (addr, outside, over, times, reads) = (server.addr(), &outside, &over, &times, &reads);
        let clients: Vec<_> = (0..SUBMITTERS)
            .map(|_| scope.spawn(move || submit_paced(addr, outside, every, over, times)))
            .collect();
        for _ in 0..READERS {
            scope.spawn(move || read(addr, over, reads));
        }
        let looks = watch(run, server.id(), &dir, outside, length);
        over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        looks
    })?;
    let tally = outside.tally();
    let rate = tally.acknowledged as f64 / length.as_secs_f64();
    let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
    times.sort_unstable();
    let at = |percent: usize| {
        times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    };
    run.note(format!(
        "{rate:.0} entries/s of {} bytes, p50 {} ms, p99 {} ms, {} reads",
        ENTRY_BYTES,
        at(50).as_millis(),
        at(99).as_millis(),
        reads.load(Ordering::Relaxed)
    ));
    outside.verdict()?;
    settle(run, server, &outside, &dir)?;
    let (first, second) = most_of_each_half(&looks);
    run.note(format!(
        "at most {first} KiB in the first half after the warming-up, {second} KiB in the second"
    ));
    ensure!(first.max(second) <= MEMORY_KIB, "memory rose to {} KiB", first.max(second));
    ensure!(second <= first + GROWTH_KIB, "memory grew from {first} KiB to {second} KiB");
    ensure!(rate >= 0.9 * run.rate as f64, "{rate:.0} entries/s were taken, {} were wanted", run.rate);
    Ok(())
}

/// The most resident memory in each half of what comes after the warming-up.
fn most_of_each_half(looks: &[Footprint]) -> (u64, u64) {
    let warm = looks.get(looks.len() / 5..).unwrap_or_default();
    let (first, second) = warm.split_at(warm.len() / 2);
    let most = |half: &[Footprint]| half.iter().map(|look| look.rss_kib).max().unwrap_or(0);
    (most(first), most(second))
}

/// Looks at the process until the time is over.
fn watch(
    run: &mut Run,
    process: u32,
    dir: &std::path::Path,
    outside: &Outside,
    length: Duration,
) -> Result<Vec<Footprint>> {
    let (begun, every) = (Instant::now(), LOOK_EVERY.min(length / 10));
    println!(
        "     time      entries   RSS KiB  descriptors   disk MiB  load  {}",
        SyncTime::measure(&run.dir)?
    );
    let mut looks = Vec::new();
    while begun.elapsed() < length {
        std::thread::sleep(every.min(length.saturating_sub(begun.elapsed())));
        let look = Footprint::of(process)?;
        println!(
            "  {:5} s  {:11}  {:8}  {:11}  {:9}  {}",
            begun.elapsed().as_secs(),
            outside.tally().acknowledged,
            look.rss_kib,
            look.descriptors,
            disk_bytes(dir) / (1 << 20),
            load_average()
        );
        looks.push(look);
    }
    Ok(looks)
}

/// Submits an entry in every interval, sooner after it came too late.
fn submit_paced(
    addr: SocketAddr,
    outside: &Outside,
    every: Duration,
    over: &AtomicBool,
    times: &Mutex<Vec<Duration>>,
) -> Result<()> {
    let mut client = Client::connect(addr)?;
    let (mut due, mut own) = (Instant::now(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let now = Instant::now();
        if let Some(early) = due.checked_duration_since(now) {
            std::thread::sleep(early);
        }
        // A client that fell behind by more than a second does not try to make up for it.
        due = due.max(now.checked_sub(Duration::from_secs(1)).unwrap_or(now)) + every;
        let entry = raw_entry(outside.number(), ENTRY_BYTES);
        let started = Instant::now();
        match submit_raw(&mut client, outside, &entry) {
            Ok(_) => own.push(started.elapsed()),
            // The log ends connections of a certain age.
            Err(_) => client = Client::connect(addr)?,
        }
    }
    times.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    Ok(())
}

/// Reads what there is, again and again.
fn read(addr: SocketAddr, over: &AtomicBool, reads: &AtomicU64) {
    let mut client = None;
    while !over.load(Ordering::Relaxed) {
        for path in ["/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/api/v1/log"] {
            let read = match &mut client {
                None => Client::connect(addr).map(|new| client = Some(new)),
                Some(open) => open.get(path).map(|_| {
                    reads.fetch_add(1, Ordering::Relaxed);
                }),
            };
            if read.is_err() {
                client = None;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_those_after_the_warming_up() {
        let looks = |rss: &[u64]| -> Vec<Footprint> {
            rss.iter().map(|&rss_kib| Footprint { rss_kib, peak_kib: 0, descriptors: 0 }).collect()
        };
        assert_eq!(most_of_each_half(&looks(&[9, 9, 1, 5, 2, 3, 4, 8, 7, 6])), (5, 8));
        assert_eq!(most_of_each_half(&looks(&[])), (0, 0));
    }
}
