//! R20 and R21: requests that nobody should send, and requests that are all different.
//!
//! R20 takes good requests and breaks them: single bytes, headers twice or gone or endless, lengths that lie, bodies that
//! end early, other methods, paths that climb. The log must answer none with a fault of its own (500), must not restart, must not keep
//! memory, and must go on serving a good client meanwhile.
//!
//! R21 sends paths, methods and agents that never come twice. What the log keeps about its clients must not grow with them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::client::Client;
use crate::footprint::Footprint;
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::product::Server;
use crate::seed::Seed;
use crate::submitters::{Signer, raw_entry, submit_raw};
use crate::wire::{self, Reply};

/// Clients at a time.
const CLIENTS: u64 = 8;
/// How long one answer may take. Above the log's own limits, which end every wait after 10 s.
const PATIENCE: Duration = Duration::from_secs(20);
/// Memory that a log may keep after any number of bad requests, KiB.
const GROWTH_KIB: u64 = 32 * 1024;
/// So much of the run counts as warming up.
const WARM_UP: u64 = 5;

/// R20.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    let server = run.program.serve(&dir, &words)?.serving("for the first time")?;
    let templates = templates()?;
    let statuses = Statuses::default();
    let growth = broken(run, &server, &outside, &templates, &statuses)?;
    run.note(format!("answers: {statuses}"));
    run.note(format!("memory grew by {} KiB after the first {} %", growth, 100 / WARM_UP));
    settle(run, server, &outside, &dir)?;
    ensure!(growth <= GROWTH_KIB, "memory grew by {growth} KiB, at most {GROWTH_KIB} were wanted");
    Ok(())
}

fn broken(
    run: &mut Run,
    server: &Server,
    outside: &Outside,
    templates: &[Vec<u8>],
    statuses: &Statuses,
) -> Result<u64> {
    let process = server.id();
    let mut warm = None;
    for (from, to) in [(0, run.cycles / WARM_UP), (run.cycles / WARM_UP, run.cycles)] {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| -> Result<()> {
            let good = scope.spawn(|| good_client(server.addr(), outside, &over));
            let clients: Vec<_> = (0..CLIENTS)
                .map(|share| {
                    let mut seed = run.seed.fork();
                    scope.spawn(move || -> Result<()> {
                        for _ in (from..to).filter(|number| number % CLIENTS == share) {
                            let request = break_one(templates, &mut seed);
                            let reply = wire::exchange(server.addr(), &request, PATIENCE)
                                .context("the log takes no connection any more")?;
                            statuses.note(reply);
                            if !is_decent(reply) {
                                outside.found(Finding::WrongAnswer {
                                    request: printable(&request),
                                    status: if let Reply::Status(status) = reply { status } else { 0 },
                                    text: format!("{reply:?}"),
                                });
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
            over.store(true, Ordering::Relaxed);
            let served = good.join();
            for client in ended {
                client.map_err(|_| anyhow::anyhow!("a client panicked"))??;
            }
            let served = served.map_err(|_| anyhow::anyhow!("the good client panicked"))?;
            run.count("good requests meanwhile", served.context("the good client was cut off")?.len() as u64);
            Ok(())
        })?;
        run.count("bad requests", to - from);
        warm.get_or_insert(Footprint::of(process)?.rss_kib);
    }
    outside.verdict()?;
    let grown = Footprint::of(process)?.rss_kib;
    Ok(grown.saturating_sub(warm.unwrap_or(grown)))
}

/// A log that was troubled must hold everything, stop when asked, and be whole.
pub(crate) fn settle(run: &mut Run, mut server: Server, outside: &Outside, dir: &Path) -> Result<()> {
    if let Some(status) = server.ended()? {
        bail!("the log ended by itself with {status}");
    }
    let mut draws = run.seed.fork();
    outside.check_all(server.addr(), &mut draws)?;
    server.stop()?;
    run.program.fsck_clean(dir)?;
    run.count_outside(outside);
    Ok(())
}

/// Submits one entry after the other and must be taken each time; how long each took that was.
pub(crate) fn good_client(
    addr: SocketAddr,
    outside: &Outside,
    over: &AtomicBool,
) -> std::io::Result<Vec<Duration>> {
    let mut client = Client::connect_within(addr, PATIENCE)?;
    let mut served = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let started = Instant::now();
        if submit_raw(&mut client, outside, &raw_entry(outside.number(), 100))? == 200 {
            served.push(started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(served)
}

/// Refusals, answers and hang-ups are all decent; a fault of the log's own and silence are not.
fn is_decent(reply: Reply) -> bool {
    match reply {
        Reply::Status(status) => status < 500 || matches!(status, 503 | 505),
        Reply::Closed => true,
        _ => false,
    }
}

/// Good requests of every kind.
fn templates() -> Result<Vec<Vec<u8>>> {
    let signer = Signer::new()?;
    let mut all = Vec::new();
    for number in 0..4 {
        all.push(post("/api/v1/entries", "application/cose", &signer.entry(number)?));
        all.push(post("/add", "application/octet-stream", &raw_entry(number, 50)));
    }
    for path in [
        "/checkpoint",
        "/tile/0/000",
        "/tile/0/000.p/1",
        "/tile/1/000",
        "/tile/entries/000",
        "/tile/entries/000.p/7",
        "/api/v1/log",
        "/api/v1/entries?name=acme/model&after=3",
        "/healthz",
        "/readyz",
        "/metrics",
        "/",
        "/tile/8/x999/x999/999",
        "/tile/0/-1",
        "/tile/0/000.p/256",
        "/tile/0/000.p/0",
        "/tile/entries/18446744073709551615",
        "/tile/../../etc/passwd",
        "/tile/%2e%2e/%2e%2e/key.pem",
        "/tile/0%2f000",
        "//checkpoint",
        "/checkpoint/",
        "/openapi.yaml",
        "/api/v1/openapi.json",
        "/api/v1/entries/0",
        "/api/v1/entries?digest=sha256:00&key=%00",
    ] {
        all.push(format!("GET {path} HTTP/1.1\r\nhost: log.test\r\nconnection: close\r\n\r\n").into_bytes());
    }
    Ok(all)
}

fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: log.test\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// One good request with one to three things wrong.
fn break_one(templates: &[Vec<u8>], seed: &mut Seed) -> Vec<u8> {
    let at = seed.within(0..templates.len() as u64) as usize;
    let mut request = templates.get(at).cloned().unwrap_or_default();
    for _ in 0..seed.within(1..4) {
        break_once(&mut request, seed);
    }
    request
}

fn break_once(request: &mut Vec<u8>, seed: &mut Seed) {
    let somewhere = seed.within(0..request.len().max(1) as u64) as usize;
    let line_end = request.windows(2).position(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    let header = |request: &mut Vec<u8>, line: &[u8]| {
        let tail = request.split_off(line_end.min(request.len()));
        request.extend_from_slice(line);
        request.extend(tail);
    };
    match seed.within(0..18) {
        0 | 1 => {
            if let Some(byte) = request.get_mut(somewhere) {
                *byte ^= 1 << seed.within(0..8);
            }
        }
        2 => {
            if let Some(byte) = request.get_mut(somewhere) {
                *byte = seed.draw() as u8;
            }
        }
        3 => request.truncate(somewhere),
        4 => request.insert(somewhere.min(request.len()), seed.draw() as u8),
        5 => drop(request.drain(somewhere..(somewhere + seed.within(1..40) as usize).min(request.len()))),
        6 => {
            let copy = request.clone();
            request.extend(copy);
        }
        7 => header(request, b"content-length: 99999999999999999999\r\n"),
        8 => header(request, format!("content-length: {}\r\n", seed.within(0..100_000)).as_bytes()),
        9 => header(request, b"transfer-encoding: chunked\r\n"),
        10 => header(request, b"content-encoding: gzip\r\n"),
        11 => {
            for number in 0..101 {
                header(request, format!("x-{number}: y\r\n").as_bytes());
            }
        }
        12 => header(request, format!("x: {}\r\n", "y".repeat(seed.within(1..600_000) as usize)).as_bytes()),
        13 => header(request, b"authorization: Bearer \xff\xfe\0\r\n"),
        14 => header(request, format!("authorization: Bearer {:x}\r\n", seed.draw()).as_bytes()),
        15 => {
            let method =
                [&b"PUT"[..], b"DELETE", b"OPTIONS", b"HEAD", b"TRACE", b"CONNECT", b"PRI", b"get", b""]
                    [seed.within(0..9) as usize];
            let rest = request.iter().position(|&byte| byte == b' ').unwrap_or(0);
            request.splice(..rest, method.iter().copied());
        }
        16 => {
            let rest = request.iter().position(|&byte| byte == b' ').unwrap_or(0) + 1;
            let path = "/%2e%2e/x999".repeat(seed.within(1..300) as usize);
            request.splice(rest.min(request.len())..rest.min(request.len()), path.bytes());
        }
        _ => {
            let body = (0..seed.within(0..70_000)).map(|at| (at as u8).wrapping_mul(31)).collect::<Vec<_>>();
            request.extend(body);
        }
    }
}

fn printable(request: &[u8]) -> String {
    request.iter().take(300).flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect()
}

/// How often each answer came.
#[derive(Debug, Default)]
struct Statuses(Mutex<std::collections::BTreeMap<String, u64>>);

impl Statuses {
    fn note(&self, reply: Reply) {
        let name = match reply {
            Reply::Status(status) => status.to_string(),
            other => format!("{other:?}").to_lowercase(),
        };
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry(name).or_default() += 1;
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let words: Vec<String> = counts.iter().map(|(name, count)| format!("{count} × {name}")).collect();
        f.write_str(&words.join(", "))
    }
}

/// R21.
///
/// # Errors
/// A broken promise.
pub fn run_labels(run: &mut Run) -> Result<()> {
    let (dir, words) = (run.dir.join("log"), run.dir.join("words"));
    let outside = Outside::new(run.program.init(&dir)?, &run.dir.join("outside"))?;
    // The page of metrics is on an address of its own.
    let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let flags = ["--listen-admin".to_owned(), metrics.to_string()];
    let program = run.program.with_flags(&flags.each_ref().map(String::as_str));
    let server = program.serve(&dir, &words)?.serving("for the first time")?;
    let (addr, process) = (server.addr(), server.id());
    ensure!(addr != metrics, "the log names its administration before its readers");
    let next = AtomicU64::new(0);
    let warm = run.cycles / WARM_UP;
    different(addr, &next, warm)?;
    let (rss, page) = (Footprint::of(process)?.rss_kib, metrics_shape(metrics)?);
    different(addr, &next, run.cycles)?;
    let (rss_after, page_after) = (Footprint::of(process)?.rss_kib, metrics_shape(metrics)?);
    run.count("different requests", run.cycles);
    run.note(match &page {
        Some((lines, _)) => format!("the metrics page has {lines} lines"),
        None => "this log serves no metrics on this address; only memory was looked at".to_owned(),
    });
    run.note(format!("memory was {rss} KiB after a fifth and {rss_after} KiB at the end"));
    settle(run, server, &outside, &dir)?;
    ensure!(page == page_after, "the metrics page changed its shape: {page:?}, then {page_after:?}");
    ensure!(rss_after.saturating_sub(rss) <= GROWTH_KIB, "memory grew from {rss} to {rss_after} KiB");
    Ok(())
}

/// Sends requests with paths, methods and agents that no request had before, until `until` are sent.
fn different(addr: SocketAddr, next: &AtomicU64, until: u64) -> Result<()> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || -> Result<()> {
                    let mut client = Client::connect_within(addr, PATIENCE)?;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= until {
                            next.fetch_min(until, Ordering::Relaxed);
                            return Ok(());
                        }
                        let method = ["GET".to_owned(), format!("M{number}"), "POST".to_owned()]
                            .into_iter()
                            .nth((number % 3) as usize)
                            .unwrap_or_default();
                        let answer = client.send(
                            &method,
                            &format!("/p{number}?q={number}"),
                            &format!("agent-{number}"),
                        )?;
                        ensure!(
                            answer.status() < 500,
                            "{method} /p{number} was answered {}",
                            answer.status()
                        );
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        Ok(())
    })
}

/// Lines of the metrics page and the names in it, without their values; nothing if there is none.
fn metrics_shape(addr: SocketAddr) -> Result<Option<(usize, Vec<String>)>> {
    let answer = Client::connect_within(addr, PATIENCE)?.get("/metrics")?;
    if answer.status() != 200 {
        return Ok(None);
    }
    let text = answer.text();
    let names = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<String> =
        names.map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned()).collect();
    Ok(Some((names.len(), names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_requests_come_again_from_the_same_seed_and_are_all_kinds_of_things() {
        let templates = templates().unwrap();
        let broken = |seed| {
            let mut seed = Seed::new(seed);
            (0..200).map(|_| break_one(&templates, &mut seed)).collect::<Vec<_>>()
        };
        let once = broken(5);
        assert_eq!(once, broken(5));
        assert!(
            once.iter().any(|request| request.len() > 16_384)
                && once.iter().any(|request| request.len() < 20)
        );
        assert!(once.iter().filter(|request| templates.contains(request)).count() < 20);
    }

    #[test]
    fn a_fault_of_the_log_and_silence_are_not_decent() {
        for reply in [Reply::Status(500), Reply::Status(502), Reply::Silent] {
            assert!(!is_decent(reply), "{reply:?}");
        }
        for reply in [Reply::Status(200), Reply::Status(431), Reply::Status(503), Reply::Closed] {
            assert!(is_decent(reply), "{reply:?}");
        }
    }
}
