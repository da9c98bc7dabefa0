//! R22 and R23: small requests that would like to be large, and one entry from everybody at once.
//!
//! A bomb is a request that costs its sender little and a careless server much: a body of a gibibyte that is only
//! announced or really sent, chunks without end, a body under `gzip` that unfolds a thousandfold, CBOR nested a hundred thousand
//! deep, a million signatures. Each must be refused without memory for it. The peak of the process is read from `/proc`. Where
//! we may, the log also runs in a memory cgroup, in which a page cache counts too: beyond its limit the kernel ends it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};

use crate::bad_requests::settle;
use crate::cage::Cage;
use crate::client::Client;
use crate::footprint::{Footprint, forget_peak};
use crate::outside::Outside;
use crate::plan::Run;
use crate::submitters::{raw_entry, submit_raw};
use crate::wire::{self, Reply};

/// How long a refusal may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Memory that a bomb may cost, KiB.
const COST_KIB: u64 = 64 * 1024;
/// Memory of the whole process in its cgroup, bytes: what the design allows the log under load.
const CAGE_BYTES: u64 = 512 << 20;
/// Clients that submit the same entry.
const CLIENTS: u64 = 200;
/// Flags that let so many clients in from one address.
const CROWD: [&str; 4] = ["--max-connections-per-address", "400", "--max-connections", "500"];

/// One bomb: its name, its head, and what is sent again and again until the log hangs up or this many bytes are sent.
struct Bomb {
    name: &'static str,
    head: String,
    piece: Vec<u8>,
    bytes: u64,
}

fn bombs() -> Vec<Bomb> {
    let head = |more: &str| {
        format!(
            "POST /api/v1/entries HTTP/1.1\r\nhost: log.test\r\ncontent-type: application/cose\r\n{more}\r\n"
        )
    };
    let piece = vec![0_u8; 64 * 1024];
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    // Each byte opens one more array of one item (RFC 8949 §3).
    let deep = vec![0x81_u8; 100_000];
    let signatures = b"\xe2\x80\x94 torture.test/log AAAAAAAAAAAAAAAAAAAAAAAA\n".repeat(1_000);
    let length = |bytes: usize| format!("content-length: {bytes}\r\n");
    vec![
        Bomb { name: "a gibibyte announced", head: head(&length(1 << 30)), piece: Vec::new(), bytes: 0 },
        Bomb { name: "a gibibyte sent", head: head(&length(1 << 30)), piece: piece.clone(), bytes: 1 << 30 },
        Bomb {
            name: "chunks without end",
            head: head("transfer-encoding: chunked\r\n"),
            piece: chunk,
            bytes: 1 << 30,
        },
        Bomb {
            name: "gzip",
            head: head(&format!("content-encoding: gzip\r\n{}", length(1 << 20))),
            piece: piece.clone(),
            bytes: 1 << 20,
        },
        Bomb {
            name: "depth 100,000",
            head: head(&length(deep.len())),
            bytes: deep.len() as u64,
            piece: deep,
        },
        Bomb {
            name: "depth 8,000, within the size",
            head: head(&length(8_000)),
            piece: vec![0x81; 8_000],
            bytes: 8_000,
        },
        Bomb {
            name: "a million signatures",
            head: head(&length(signatures.len() * 1_000)),
            bytes: signatures.len() as u64 * 1_000,
            piece: signatures,
        },
        Bomb {
            name: "a header of 16 MiB",
            head: "GET /checkpoint HTTP/1.1\r\nx: ".to_owned(),
            piece,
            bytes: 16 << 20,
        },
    ]
}

impl Bomb {
    /// Throws it; what came back, and after how long.
    fn thrown_at(&self, addr: SocketAddr) -> Result<(Reply, Duration)> {
        let mut stream = wire::connect(addr, PATIENCE)?;
        let started = Instant::now();
        let mut sent = 0;
        let mut open = stream.write_all(self.head.as_bytes()).is_ok();
        while open && sent < self.bytes && !self.piece.is_empty() {
            open = stream.write_all(&self.piece).is_ok();
            sent += self.piece.len() as u64;
            ensure!(started.elapsed() < PATIENCE, "{}: the log still takes bytes", self.name);
        }
        Ok((wire::answer(&mut stream, PATIENCE).0, started.elapsed()))
    }
}

/// R22.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let server = run.program.serve(&dir, &words)?.serving("for the first time")?;
    let cage = Cage::around(server.id(), CAGE_BYTES);
    run.note(match &cage {
        Ok(cage) => format!("in a memory cgroup of {} MiB ({cage})", CAGE_BYTES >> 20),
        Err(error) => format!("in no memory cgroup: {error:#}"),
    });
    let mut client = Client::connect(server.addr())?;
    for number in 0..300 {
        submit_raw(&mut client, &outside, &raw_entry(number, 100))?;
    }
    drop(client);
    let bombs = bombs();
    let mut slowest = Duration::ZERO;
    let mut costliest = 0;
    for round in 0..run.cycles {
        let Some(bomb) = bombs.get((round % bombs.len() as u64) as usize) else { bail!("no bomb") };
        forget_peak(server.id())?;
        let before = Footprint::of(server.id())?.rss_kib;
        let (reply, took) = bomb.thrown_at(server.addr())?;
        let cost = Footprint::of(server.id())?.peak_kib.saturating_sub(before);
        let refused = matches!(reply, Reply::Closed)
            || matches!(reply, Reply::Status(status) if (400..500).contains(&status));
        ensure!(refused, "{} was answered {reply:?}", bomb.name);
        ensure!(cost <= COST_KIB, "{} cost {cost} KiB", bomb.name);
        if round < bombs.len() as u64 {
            run.note(format!("{}: {reply:?} after {} ms, {cost} KiB", bomb.name, took.as_millis()));
        }
        (slowest, costliest) = (slowest.max(took), costliest.max(cost));
        run.count("bombs", 1);
    }
    run.note(format!("slowest refusal {} ms, most memory {costliest} KiB", slowest.as_millis()));
    settle(run, server, &outside, &dir)
}

/// R23.
///
/// # Errors
/// A broken promise.
pub fn run_duplicates(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let program = run.program.with_flags(&CROWD);
    let mut server = program.serve(&dir, &words)?.serving("for the first time")?;
    let mut entries = 0;
    for round in 0..run.cycles.div_ceil(CLIENTS) {
        // Five rounds for each entry: racing with each other, then with what is stored, then after a restart.
        if round % 5 == 3 {
            server.stop()?;
            server = program.serve(&dir, &words)?.serving("after a stop")?;
        }
        entries += u64::from(round % 5 == 0);
        let entry = raw_entry(round / 5, 200);
        let (addr, barrier) = (server.addr(), Barrier::new(CLIENTS as usize));
        std::thread::scope(|scope| -> Result<()> {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| -> Result<()> {
                        let client = Client::connect(addr);
                        barrier.wait();
                        let mut client = client?;
                        for _ in 0..100 {
                            if submit_raw(&mut client, &outside, &entry)? == 200 {
                                return Ok(());
                            }
                            std::thread::sleep(Duration::from_millis(50));
                        }
                        bail!("a duplicate was turned away for 5 s")
                    })
                })
                .collect();
            for client in clients {
                client.join().map_err(|_| anyhow!("a client panicked"))??;
            }
            Ok(())
        })?;
        run.count("equal submissions", CLIENTS);
    }
    outside.verdict()?;
    settle(run, server, &outside, &dir)?;
    let stored = outside.tally().entries;
    ensure!(stored == entries, "{entries} different entries were submitted, {stored} are stored");
    Ok(())
}
