//! R19: clients that take their time, and a shutdown while entries are under way.
//!
//! ```text
//! S1  connects and says nothing            S4  a whole head and half a body
//! S2  half a request line                  S5  one good request, then nothing more
//! S3  half a header
//! ```
//!
//! Each must be cut off when its time is over and a second later at the most, while a good client is served as it was
//! without them. Then SIGTERM, with no, one, and many entries sent whose answers nobody has read: those that are
//! acknowledged must be in the log. Many come from several addresses of the loopback network, as one may not have so many
//! connections, and all are written at once, just before the signal.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use merkle::LeafHash;

use crate::bad_requests::good_client;
use crate::outside::Outside;
use crate::plan::Run;
use crate::product::Server;
use crate::submitters::raw_entry;
use crate::wire::{self, Reply};

/// The longest of the log's own limits on these five, and the second that is given.
const CUT_AFTER: Duration = Duration::from_secs(11);
/// Slow connections at a time; the good client needs room too.
const AT_A_TIME: u64 = 400;
/// Entries sent before the last shutdown for each slow connection before, within these bounds.
const UNDER_WAY_EACH: u64 = 5;
const MOST_UNDER_WAY: std::ops::RangeInclusive<u64> = 400..=10_000;
const FLAGS: [&str; 4] = ["--max-connections-per-address", "500", "--max-connections", "600"];
/// For the shutdowns: so many from each of some addresses.
const FROM_EACH: u64 = 400;
const CROWD: [&str; 4] = ["--max-connections-per-address", "500", "--max-connections", "10500"];
/// Time in which a good client is served alone, for comparison.
const ALONE: Duration = Duration::from_secs(3);
/// A good client may wait twice as long as alone at the 99th of a hundred, or this long where that is less: on a
/// laboratory's machine a few milliseconds are no finding.
const FAIR: Duration = Duration::from_millis(250);
/// How long a shutdown may take.
const DOWN_WITHIN: Duration = Duration::from_secs(30);

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let program = run.program.with_flags(&FLAGS);
    let server = program.serve(&dir, &words)?.serving("for the first time")?;
    let alone = p99(accompanied(&server, &outside, || std::thread::sleep(ALONE))?.1);
    let (mut slowest, mut waits) = (Duration::ZERO, Vec::new());
    let mut left = run.cycles;
    while left > 0 {
        let now = left.min(AT_A_TIME);
        let (lived, waited) = accompanied(&server, &outside, || all_cut(server.addr(), now))?;
        slowest = slowest.max(lived?);
        run.count("slow connections", now);
        run.count("good requests meanwhile", waited.len() as u64);
        waits.extend(waited);
        left -= now;
    }
    let beside = p99(waits);
    run.note(format!("the last slow connection was cut after {:.1} s", slowest.as_secs_f64()));
    run.note(format!("a good client waited {alone:.1?} alone and {beside:.1?} beside them (p99)"));
    ensure!(beside <= FAIR.max(alone * 2), "a good client waited {beside:?} beside them, {alone:?} alone");
    server.stop()?;
    let many = (run.cycles * UNDER_WAY_EACH).clamp(*MOST_UNDER_WAY.start(), *MOST_UNDER_WAY.end());
    let program = run.program.with_flags(&CROWD);
    for count in [0, 1, many] {
        let mut server = program.serve(&dir, &words)?.serving("after a stop")?;
        let took = shutdown(&mut server, &outside, count)?;
        run.note(format!("down in {:.1} s with {count} entries under way", took.as_secs_f64()));
    }
    let server = program.serve(&dir, &words)?.serving("after a shutdown under load")?;
    outside.check_all(server.addr(), &mut run.seed.fork())?;
    server.stop()?;
    run.program.fsck_clean(&dir)?;
    run.count_outside(&outside);
    Ok(())
}

/// Does something while a good client is served; what came of it, and how long each of the client's requests took.
fn accompanied<T>(server: &Server, outside: &Outside, act: impl FnOnce() -> T) -> Result<(T, Vec<Duration>)> {
    let over = AtomicBool::new(false);
    let (done, served) = std::thread::scope(|scope| {
        let good = scope.spawn(|| good_client(server.addr(), outside, &over));
        let done = act();
        over.store(true, Ordering::Relaxed);
        (done, good.join())
    });
    let served =
        served.map_err(|_| anyhow!("the good client panicked"))?.context("the good client was cut off")?;
    ensure!(!served.is_empty(), "the good client was not served");
    Ok((done, served))
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}

/// Opens so many slow connections of all five shapes; how long the last of them lived.
fn all_cut(addr: SocketAddr, count: u64) -> Result<Duration> {
    let shapes: [&[u8]; 5] = [
        b"",
        b"GET /checkp",
        b"GET /checkpoint HTTP/1.1\r\nhost: log.te",
        b"POST /add HTTP/1.1\r\nhost: log.test\r\ncontent-length: 100\r\n\r\nhalf",
        b"GET /checkpoint HTTP/1.1\r\nhost: log.test\r\n\r\n",
    ];
    let mut open = Vec::new();
    for number in 0..count {
        let mut stream = wire::connect(addr, Duration::from_secs(10))?;
        stream.write_all(shapes.get((number % 5) as usize).copied().unwrap_or_default())?;
        stream.set_nonblocking(true)?;
        open.push((stream, Instant::now()));
    }
    let mut longest = Duration::ZERO;
    while !open.is_empty() {
        let mut still = Vec::new();
        for (mut stream, since) in open {
            if is_open(&mut stream) {
                ensure!(since.elapsed() < CUT_AFTER, "a slow connection still stands after {CUT_AFTER:?}");
                still.push((stream, since));
            } else {
                longest = longest.max(since.elapsed());
            }
        }
        open = still;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(longest)
}

/// Whether the other side has not hung up yet; what it said meanwhile does not matter.
fn is_open(stream: &mut TcpStream) -> bool {
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

/// Sends entries, asks the log to stop, and reads the answers only then.
fn shutdown(server: &mut Server, outside: &Outside, count: u64) -> Result<Duration> {
    let mut sent = Vec::new();
    for number in 0..count {
        // 127.0.1.1, 127.0.1.2, ...: all of 127.0.0.0/8 is this machine.
        let host = u8::try_from(number / FROM_EACH + 1).context("too many addresses")?;
        let stream =
            wire::connect_from(Ipv4Addr::new(127, 0, 1, host), server.addr(), Duration::from_secs(10))?;
        sent.push((stream, raw_entry(outside.number(), 100)));
    }
    for (stream, entry) in &mut sent {
        let head = format!("POST /add HTTP/1.1\r\nhost: log.test\r\ncontent-length: {}\r\n\r\n", entry.len());
        stream.write_all(&[head.as_bytes(), entry].concat())?;
    }
    let asked = Instant::now();
    server.signal(rustix::process::Signal::TERM);
    for (mut stream, entry) in sent {
        let (reply, body) = wire::answer(&mut stream, DOWN_WITHIN);
        if reply == Reply::Status(200) {
            let index = body.trim().parse().with_context(|| format!("200 without an index: {body:?}"))?;
            outside.answered(200);
            outside.acknowledged(index, LeafHash::of(&entry));
        }
    }
    let status = server.wait_within(DOWN_WITHIN)?.context("the log was asked to stop and runs on")?;
    ensure!(status.success(), "the log was asked to stop and ended with {status}");
    Ok(asked.elapsed())
}
