//! R19: clients that take their time, and a shutdown while entries are under way.
//!
//! ```text
//! S1  connects and says nothing            S4  a whole head and half a body
//! S2  half a request line                  S5  one good request, then nothing more
//! S3  half a header
//! ```
//!
//! Each must be cut off when its time is over and a second later at the most, while a good client is served. Then SIGTERM,
//! with no, one, and many entries sent whose answers nobody has read: those that are acknowledged must be in the log.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
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
/// Entries sent before the shutdown.
const UNDER_WAY: [usize; 3] = [0, 1, 400];
const FLAGS: [&str; 4] = ["--max-connections-per-address", "500", "--max-connections", "600"];
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
    let mut slowest = Duration::ZERO;
    let mut left = run.cycles;
    while left > 0 {
        let now = left.min(AT_A_TIME);
        slowest = slowest.max(slow_wave(run, &server, &outside, now)?);
        left -= now;
    }
    run.note(format!("the last slow connection was cut after {:.1} s", slowest.as_secs_f64()));
    server.stop()?;
    for count in UNDER_WAY {
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

/// Opens so many slow connections of all five shapes; how long the last of them lived.
fn slow_wave(run: &mut Run, server: &Server, outside: &Outside, count: u64) -> Result<Duration> {
    let over = AtomicBool::new(false);
    let (lived, served) = std::thread::scope(|scope| {
        let good = scope.spawn(|| good_client(server.addr(), outside, &over));
        let lived = all_cut(server.addr(), count);
        over.store(true, Ordering::Relaxed);
        (lived, good.join())
    });
    let served =
        served.map_err(|_| anyhow!("the good client panicked"))?.context("the good client was cut off")?;
    ensure!(served > 0, "the good client was not served");
    run.count("slow connections", count);
    run.count("good requests meanwhile", served);
    lived
}

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
fn shutdown(server: &mut Server, outside: &Outside, count: usize) -> Result<Duration> {
    let mut sent = Vec::new();
    for _ in 0..count {
        let entry = raw_entry(outside.number(), 100);
        let mut stream = wire::connect(server.addr(), Duration::from_secs(10))?;
        let head = format!("POST /add HTTP/1.1\r\nhost: log.test\r\ncontent-length: {}\r\n\r\n", entry.len());
        stream.write_all(&[head.as_bytes(), &entry].concat())?;
        sent.push((stream, entry));
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
