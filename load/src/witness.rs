//! `tallymark-load-witness`: many logs that grow under one witness, at a fixed rate, each answer read to its end.
//!
//! Every request has its time, whether those before it were answered or not, and is measured from that time: a witness that stalls for
//! a second shows that in every request that fell into it. One thread and one connection for each log, as logs have.
//!
//! The keys are made from fixed seeds and protect nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use ed25519_dalek::SigningKey;
use merkle::{
    ConsistencyProof, Hash, LeafHash, NodeId, TreeHead, TreeSize, node_hash, range_hash, subtree::Subtree,
};
use sha2::{Digest as _, Sha256};
use tlog::checkpoint::{CheckpointSigner, Origin};
use tlog::text::encode_base64;

/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Grows many logs under one witness and says how long it took to answer.
#[derive(Debug, Parser)]
#[command(
    name = "tallymark-load-witness",
    version,
    after_help = "Example:\n  tallymark-load-witness --logs 40 --list logs\n  \
                  tallymark-load-witness --logs 40 --rate 200 --seconds 30 --at 127.0.0.1:7380"
)]
struct Cli {
    /// How many logs.
    #[arg(long, default_value_t = 40)]
    logs: u32,
    /// Requests a second, over all logs.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// For how long.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Where the witness listens.
    #[arg(long, required_unless_present_any = ["list", "vkeys"])]
    at: Option<SocketAddr>,
    /// Write the list of the logs to this file and end.
    #[arg(long)]
    list: Option<PathBuf>,
    /// Print the verifier keys of the logs and end.
    #[arg(long, conflicts_with = "list")]
    vkeys: bool,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let logs = (0..cli.logs).map(Log::new).collect::<Result<Vec<_>>>()?;
    if let Some(path) = &cli.list {
        let mut list = "logs/v0\n".to_owned();
        for log in &logs {
            list.push_str(&format!("\nvkey {}\nqpd 2147483647\ncontact load\n", log.signer.vkey()));
        }
        return std::fs::write(path, list).with_context(|| format!("could not write {}", path.display()));
    }
    if cli.vkeys {
        logs.iter().for_each(|log| println!("{}", log.signer.vkey()));
        return Ok(());
    }
    let at = cli.at.context("--at is wanted")?;
    ensure!(cli.rate > 0 && cli.logs > 0, "at least one log and one request a second");
    // Each has asked once and is connected before the clock runs.
    let mut lines = Vec::new();
    for mut log in logs {
        let mut line = Line::connect(at)?;
        log.catch_up(&mut line)?;
        lines.push((log, line));
    }
    let begin = Instant::now() + Duration::from_millis(200);
    let asking: Vec<_> = (0..)
        .zip(lines)
        .map(|(number, (mut log, mut line))| {
            let (logs, rate, seconds) = (cli.logs, cli.rate, cli.seconds);
            std::thread::spawn(move || -> Result<Vec<Duration>> {
                let mut took = Vec::new();
                for step in 0.. {
                    let due = Duration::from_secs_f64(f64::from(step * logs + number) / f64::from(rate));
                    if due.as_secs_f64() >= f64::from(seconds) {
                        break;
                    }
                    let body = log.next()?;
                    if let Some(wait) = (begin + due).checked_duration_since(Instant::now()) {
                        std::thread::sleep(wait);
                    }
                    let (status, said) = line.ask(&body)?;
                    took.push((begin + due).elapsed());
                    ensure!(status == 200, "{}: {status} {said}", log.signer.origin());
                    log.cosigned = log.size;
                }
                Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for asking in asking {
        match asking.join() {
            Ok(durations) => took.extend(durations?),
            Err(_) => bail!("a thread gave up"),
        }
    }
    let elapsed = begin.elapsed();
    took.sort();
    let at = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1)));
    let ms = |share: f64| at(share).map_or(0.0, |took| took.as_secs_f64() * 1000.0);
    println!(
        "{}",
        serde_json::json!({
            "requests": took.len(),
            "per_second": took.len() as f64 / elapsed.as_secs_f64(),
            "p50_ms": ms(0.5), "p90_ms": ms(0.9), "p99_ms": ms(0.99), "p999_ms": ms(0.999), "max_ms": ms(1.0),
        })
    );
    Ok(())
}

/// A log in memory that grows by one leaf a request.
struct Log {
    number: u32,
    signer: CheckpointSigner,
    /// Perfect nodes by level.
    levels: Vec<Vec<Hash>>,
    size: u64,
    cosigned: u64,
}

impl Log {
    fn new(number: u32) -> Result<Self> {
        let origin: Origin = format!("load-{number}.example.org").parse()?;
        let seed: [u8; 32] = Sha256::digest(format!("tallymark-load-witness {number}")).into();
        let signer = CheckpointSigner::ed25519(origin, SigningKey::from_bytes(&seed))?;
        Ok(Self { number, signer, levels: vec![Vec::new()], size: 0, cosigned: 0 })
    }

    fn append(&mut self) {
        let mut hash = LeafHash::of(format!("{} {}", self.number, self.size).as_bytes()).hash();
        self.size += 1;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(nodes) = self.levels.get_mut(level) else { break };
            nodes.push(hash);
            match nodes.as_slice() {
                [.., left, right] if nodes.len().is_multiple_of(2) => hash = node_hash(left, right),
                _ => break,
            }
        }
    }

    fn node(&self, node: NodeId) -> Result<Hash, String> {
        let found =
            self.levels.get(usize::from(node.level())).and_then(|nodes| nodes.get(node.index() as usize));
        found.copied().ok_or_else(|| format!("no node {node:?}"))
    }

    /// The request for the tree as it is.
    fn request(&self) -> Result<Vec<u8>> {
        let (old, new) = (TreeSize::new(self.cosigned)?, TreeSize::new(self.size)?);
        let root = range_hash(Subtree::whole(new), |node| self.node(node)).map_err(anyhow::Error::msg)?;
        let mut body = format!("old {old}\n");
        if old != TreeSize::ZERO && old != new {
            let proof = ConsistencyProof::build(old, new, |node| self.node(node))
                .map_err(|error| anyhow::anyhow!("{error:?}"))?;
            proof.hashes().iter().for_each(|hash| body.push_str(&(encode_base64(hash.as_bytes()) + "\n")));
        }
        body.push('\n');
        let mut body = body.into_bytes();
        body.extend(self.signer.sign(&TreeHead::new(new, root)?));
        Ok(body)
    }

    fn next(&mut self) -> Result<Vec<u8>> {
        self.append();
        self.request()
    }

    /// Grows to what the witness has seen of this log in runs before, and asks once.
    fn catch_up(&mut self, line: &mut Line) -> Result<()> {
        self.append();
        let (mut status, mut said) = line.ask(&self.request()?)?;
        if status == 409 {
            let seen: u64 = said.trim().parse().context("a 409 without a size")?;
            while self.size <= seen {
                self.append();
            }
            self.cosigned = seen;
            (status, said) = line.ask(&self.request()?)?;
        }
        ensure!(status == 200, "{}: {status} {said}", self.signer.origin());
        self.cosigned = self.size;
        Ok(())
    }
}

/// One connection that is kept.
struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    fn connect(at: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(at).with_context(|| format!("could not connect to {at}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn ask(&mut self, body: &[u8]) -> Result<(u16, String)> {
        let head =
            format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\n\r\n", body.len());
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the witness closed the connection");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(':') {
                _ if status.is_none() => {
                    status = Some(line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0));
                }
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().context("a length that is none")?;
                }
                _ => {}
            }
        }
        ensure!(length < 1 << 20, "an answer of {length} bytes");
        let mut said = vec![0; length];
        self.stream.read_exact(&mut said)?;
        Ok((status.unwrap_or(0), String::from_utf8_lossy(&said).into_owned()))
    }
}
