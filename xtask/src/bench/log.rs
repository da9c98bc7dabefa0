//! `cargo xtask bench log`: what the log takes, beside another log with its own load generator.
//!
//! | row | how |
//! |---|---|
//! | `hammer` | the peer's load generator against both logs in turn, same flags, fresh logs; then, on both, our generator until an entry's checkpoint is served |
//! | `native` | signed entries made beforehand, as fast as they are answered |
//! | `latency` | the same at half of that rate, open loop |
//! | `size` | a log of `--entries` made by `append`: start, proofs by index and by leaf hash, memory under load, bytes on disk |
//!
//! Every row prints the load of the machine and how long `fdatasync` takes there, measured just before it. Generator and
//! server share the machine; the figures say so by how much of it each used.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Row, load_average, median};
use crate::go_tools::GoTools;
use crate::programs;
use crate::server::Server;
use crate::{Arguments, command};

const HELP: &str = "\
cargo xtask bench log [ROW...] [flags]

rows: hammer native latency size [default: all]

  --rounds N    repetitions of what alternates or is short [3]
  --seconds N   of each measured run [10]
  --minutes N   of the sustained run of signed entries instead of --seconds
  --entries N   of the log whose size matters; a second one has a tenth of them [1000000]
  --leaves N    that the peer's load generator adds in each round [50000]
  --dir DIR     where the logs lie: the disk that is measured [target/bench]
";

/// Connections of our generator, and writers of the peer's.
const CONNECTIONS: u32 = 512;
const WRITERS: &str = "256";
/// Clock ticks per second in `/proc/PID/stat`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// Name of the file that a log keeps its reserve of disk in.
const BALLAST: &str = "ballast";

struct Form {
    rows: Vec<String>,
    rounds: usize,
    seconds: u64,
    sustained: u64,
    entries: u64,
    leaves: u64,
    dir: PathBuf,
}

impl Form {
    fn read(arguments: &Arguments) -> Result<Self> {
        let dir = programs::target_directory()?.join("bench");
        let mut form = Self {
            rows: Vec::new(),
            rounds: 3,
            seconds: 10,
            sustained: 0,
            entries: 1_000_000,
            leaves: 50_000,
            dir,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let text = words.next().with_context(|| format!("{word} wants a number"))?;
                let number = text.parse().with_context(|| format!("`{text}` is no number"))?;
                ensure!(number > 0, "{word} wants at least 1");
                Ok(number)
            };
            match word.as_str() {
                "--rounds" => form.rounds = usize::try_from(number()?)?,
                "--seconds" => form.seconds = number()?,
                "--minutes" => form.sustained = number()? * 60,
                "--entries" => form.entries = number()?,
                "--leaves" => form.leaves = number()?,
                "--dir" => form.dir = PathBuf::from(words.next().context("--dir wants a directory")?),
                "hammer" | "native" | "latency" | "size" => form.rows.push(word.clone()),
                _ => bail!("`{word}` is no row and no flag\n\n{HELP}"),
            }
        }
        if form.sustained == 0 {
            form.sustained = form.seconds;
        }
        Ok(form)
    }

    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    if arguments.iter().any(|word| word == "--help") {
        print!("{HELP}");
        return Ok(Vec::new());
    }
    let form = Form::read(arguments)?;
    let built = programs::build(&["log-server", "load"], true)?;
    let bench = Bench {
        log: programs::find(&built, "tallymark-log")?,
        load: programs::find(&built, "tallymark-load")?,
        dir: form.dir.clone(),
    };
    fs::create_dir_all(&bench.dir).with_context(|| format!("cannot make {}", bench.dir.display()))?;
    let mut rows = Vec::new();
    if form.wants("hammer") {
        match GoTools::build() {
            Ok(tools) => rows.extend(bench.hammer(&form, &tools)?),
            Err(error) => println!("skipped: the peer and its load generator: {error:#}"),
        }
    }
    let mut sustained = None;
    if form.wants("native") || form.wants("latency") {
        let (rate, row) = bench.native(&form)?;
        sustained = Some(rate);
        rows.push(row);
    }
    if let Some(rate) = sustained.filter(|_| form.wants("latency")) {
        rows.extend(bench.latency(&form, rate / 2.0)?);
    }
    if form.wants("size") {
        rows.extend(bench.sizes(&form)?);
    }
    Ok(rows)
}

struct Bench {
    log: PathBuf,
    load: PathBuf,
    dir: PathBuf,
}

/// A running log of ours and what it is called.
struct Ours {
    server: Server,
    vkey: String,
}

impl Bench {
    /// What the machine is doing and what its disk can do, just before a measurement.
    fn machine(&self) -> Result<()> {
        let disk = self.told(Command::new(&self.load).arg("disk").arg(&self.dir).arg("--json"))?;
        println!(
            "  load average {:.2}; 4 KiB append + fdatasync p50 {:.2} ms, p99 {:.2} ms",
            load_average(),
            float(&disk, "/p50_ms")?,
            float(&disk, "/p99_ms")?
        );
        Ok(())
    }

    /// The one JSON object that a program prints.
    fn told(&self, call: &mut Command) -> Result<Value> {
        let printed = command::read(call.stdin(Stdio::null()))?;
        serde_json::from_str(&printed).with_context(|| format!("`{}` printed no JSON", command::shown(call)))
    }

    /// A new log in `dir`, which is cleared first; its vkey.
    fn new_log(&self, dir: &Path, conformance: bool) -> Result<String> {
        clear(dir)?;
        let mut init = programs::call(&self.log);
        init.arg("init").arg(dir).args(["--origin", "bench.localhost/log", "--unencrypted-key"]);
        if conformance {
            init.arg("--conformance");
        }
        let printed = command::read(&mut init)?;
        Ok(programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?.to_owned())
    }

    fn serve(&self, dir: &Path, vkey: &str) -> Result<Ours> {
        let flags = ["--max-connections", "4096", "--max-connections-per-address", "4096", "--queue", "4096"];
        let server = Server::start_with(&self.log, dir, &self.dir.join("log.txt"), &flags)?;
        Ok(Ours { server, vkey: vkey.to_owned() })
    }

    fn submit(&self, url: &str, vkey: &str, words: &[&str]) -> Result<Value> {
        let mut call = Command::new(&self.load);
        call.args(["submit", url, "--vkey", vkey, "--json"]).args(words);
        let report = self.told(&mut call)?;
        ensure!(float(&report, "/wrong")? == 0.0, "a wrong answer: {report}");
        Ok(report)
    }

    /// The same against the peer, which pushes back with status 500 where we say 503: its rate counts only what it took,
    /// and what it refused is said.
    fn submit_to_peer(&self, peer: &Peer, words: &[&str]) -> Result<Value> {
        let mut call = Command::new(&self.load);
        call.args(["submit", &peer.url, "--vkey", &peer.vkey, "--json"]).args(words).stdin(Stdio::null());
        let output = command::capture(&mut call)?;
        let shown = command::shown(&call);
        let report: Value =
            serde_json::from_slice(&output.stdout).with_context(|| format!("`{shown}` printed no JSON"))?;
        let refused = float(&report, "/wrong")?;
        if refused > 0.0 {
            println!("  tessera    refused {refused:.0} entries, the first with {}", report["first_wrong"]);
        }
        Ok(report)
    }

    /// Signed entries in a file, made once and kept.
    fn entries(&self, count: u64) -> Result<PathBuf> {
        let path = self.dir.join(format!("entries-{count}.bin"));
        if !path.is_file() {
            println!("  making {count} signed entries in {}", path.display());
            let part = path.with_extension("part");
            let mut make = Command::new(&self.load);
            command::read(make.arg("make").arg(&part).args(["--count", &count.to_string()]))?;
            fs::rename(&part, &path)?;
        }
        Ok(path)
    }

    fn hammer(&self, form: &Form, tools: &GoTools) -> Result<Vec<Row>> {
        println!(
            "\nraw entries: the peer's load generator, {WRITERS} writers, {} leaves a round",
            form.leaves
        );
        let (mut ours, mut theirs) = (Sides::default(), Sides::default());
        let seconds = form.seconds.to_string();
        for round in 0..form.rounds {
            self.machine()?;
            // Whoever goes second finds warmer caches: take turns at that too.
            for ours_now in [round % 2 == 0, round % 2 != 0] {
                let dir = self.dir.join(if ours_now { "hammer-ours" } else { "hammer-peer" });
                let (who, side) = if ours_now { ("tallymark", &mut ours) } else { ("tessera", &mut theirs) };
                let probe = ["--raw", "100", "--duplicates", "100", "--visible", "--seconds", &seconds];
                let probe = [&probe[..], &["--connections", WRITERS]].concat();
                let (rate, report) = if ours_now {
                    let vkey = self.new_log(&dir, true)?;
                    let log = self.serve(&dir, &vkey)?;
                    let rate = self.hammered(tools, form, &log.server.url, &vkey)?;
                    let report = self.submit(&log.server.url, &vkey, &probe)?;
                    log.server.stop()?;
                    (rate, report)
                } else {
                    let peer = Peer::start(self, tools, &dir)?;
                    let rate = self.hammered(tools, form, &peer.url, &peer.vkey)?;
                    (rate, self.submit_to_peer(&peer, &probe)?)
                };
                side.rate.push(rate);
                side.own_rate.push(float(&report, "/entries_per_second")?);
                side.visible.push(float(&report, "/visible/p99_ms")?);
                println!(
                    "  {who:10} hammer {rate:7.0}/s; our generator {:7.0}/s, published p50 {:.0} ms, p99 {:.0} ms",
                    float(&report, "/entries_per_second")?,
                    float(&report, "/visible/p50_ms")?,
                    float(&report, "/visible/p99_ms")?
                );
            }
        }
        let both = |get: fn(&mut Sides) -> &mut Vec<f64>, ours: &mut Sides, theirs: &mut Sides| {
            (median(get(ours)).unwrap_or_default(), median(get(theirs)).unwrap_or_default())
        };
        let (rate, rate_peer) = both(|side| &mut side.rate, &mut ours, &mut theirs);
        let (own, own_peer) = both(|side| &mut side.own_rate, &mut ours, &mut theirs);
        let (p99, p99_peer) = both(|side| &mut side.visible, &mut ours, &mut theirs);
        Ok(vec![
            Row {
                what: format!("hammer, ours {rate:.0}/s, tessera {rate_peer:.0}/s"),
                seen: format!("{:.2} x", rate / rate_peer),
                target: "at least 2 x",
                met: rate >= 2.0 * rate_peer,
            },
            Row {
                what: format!("raw from our generator, {own:.0}/s, tessera {own_peer:.0}/s"),
                seen: format!("{:.2} x", own / own_peer),
                target: "at least 2 x",
                met: own >= 2.0 * own_peer,
            },
            Row {
                what: "p99 to published, the same way on both".to_owned(),
                seen: format!("{p99:.0} ms, {p99_peer:.0} ms"),
                target: "lower",
                met: p99 < p99_peer,
            },
        ])
    }

    /// Leaves per second, over the whole run of the peer's load generator.
    fn hammered(&self, tools: &GoTools, form: &Form, url: &str, vkey: &str) -> Result<f64> {
        let mut call = Command::new(&tools.hammer);
        call.args([
            &format!("--log_url={url}/"),
            &format!("--log_public_key={vkey}"),
            &format!("--leaf_write_goal={}", form.leaves),
            &format!("--num_writers={WRITERS}"),
        ]);
        call.args(["--show_ui=false", "--logtostderr", "--max_write_ops=1000000", "--max_runtime=5m"]);
        call.args([
            "--num_readers_random=1",
            "--num_readers_full=1",
            "--max_read_ops=50",
            "--dup_chance=0.1",
        ]);
        let started = Instant::now();
        let output = command::capture(&mut call)?;
        let elapsed = started.elapsed();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        fs::write(self.dir.join("hammer.txt"), &said)?;
        ensure!(output.status.success(), "hammer ended with {}, see hammer.txt", output.status);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let leaves = form.leaves as f64;
        Ok(leaves / elapsed.as_secs_f64())
    }

    fn native(&self, form: &Form) -> Result<(f64, Row)> {
        println!(
            "\nsigned entries, {CONNECTIONS} connections, as fast as they are answered, one verifying reader"
        );
        // More than can be taken; what is not read costs only disk.
        let file = self.entries(30_000 * (form.sustained + 4))?;
        let (mut rates, mut flat) = (Vec::new(), Vec::new());
        let rounds = if form.sustained > form.seconds { 1 } else { form.rounds };
        for _ in 0..rounds {
            self.machine()?;
            let dir = self.dir.join("native");
            let vkey = self.new_log(&dir, false)?;
            let log = self.serve(&dir, &vkey)?;
            let report = self.loaded(&log, &file, form.sustained, None)?;
            rates.push(float(&report, "/entries_per_second")?);
            flat.push(flatness(&report));
            log.server.stop()?;
        }
        let rate = median(&mut rates).unwrap_or_default();
        let row = Row {
            what: format!(
                "signed entries for {} s, slow tenth of the seconds at {:.2} of the fast",
                form.sustained,
                median(&mut flat).unwrap_or_default()
            ),
            seen: format!("{rate:.0}/s"),
            target: "at least 12000/s",
            met: rate >= 12_000.0,
        };
        Ok((rate, row))
    }

    fn latency(&self, form: &Form, rate: f64) -> Result<Vec<Row>> {
        println!("\nsigned entries at {rate:.0}/s, half of that, due at fixed times");
        let file = self.entries(30_000 * (form.sustained + 4))?;
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for _ in 0..form.rounds {
            self.machine()?;
            let dir = self.dir.join("latency");
            let vkey = self.new_log(&dir, false)?;
            let log = self.serve(&dir, &vkey)?;
            let report = self.loaded(&log, &file, form.seconds, Some(rate))?;
            p50.push(float(&report, "/answered/p50_ms")?);
            p99.push(float(&report, "/answered/p99_ms")?);
            log.server.stop()?;
        }
        let (p50, p99) = (median(&mut p50).unwrap_or_default(), median(&mut p99).unwrap_or_default());
        let row = |what: &str, seen: f64, target, most| Row {
            what: format!("{what} of an acknowledgement, published, at {rate:.0}/s"),
            seen: format!("{seen:.1} ms"),
            target,
            met: seen <= most,
        };
        Ok(vec![row("p50", p50, "at most 150 ms", 150.0), row("p99", p99, "at most 750 ms", 750.0)])
    }

    /// One run of signed entries, with what it cost.
    fn loaded(&self, log: &Ours, file: &Path, seconds: u64, rate: Option<f64>) -> Result<Value> {
        let (file, seconds) = (file.display().to_string(), seconds.to_string());
        let connections = CONNECTIONS.to_string();
        let mut words = vec!["--entries", &file, "--seconds", &seconds, "--connections", &connections];
        words.extend(["--readers", "1"]);
        let rate = rate.map(|rate| format!("{rate:.0}"));
        if let Some(rate) = &rate {
            words.extend(["--rate", rate]);
        }
        let (before, started) = (cpu_seconds(log.server.id()), Instant::now());
        let report = self.submit(&log.server.url, &log.vkey, &words)?;
        let (spent, elapsed) = (cpu_seconds(log.server.id()) - before, started.elapsed().as_secs_f64());
        println!(
            "  {:.0}/s; answered p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms; server {:.0} us of processor an entry ({:.0} % of one), {} MiB at most",
            float(&report, "/entries_per_second")?,
            float(&report, "/answered/p50_ms")?,
            float(&report, "/answered/p99_ms")?,
            float(&report, "/answered/p999_ms")?,
            1e6 * spent / elapsed / float(&report, "/entries_per_second")?.max(1.0),
            100.0 * spent / elapsed,
            high_water_mark(log.server.id()) / 1024,
        );
        Ok(report)
    }

    fn sizes(&self, form: &Form) -> Result<Vec<Row>> {
        let small = self.sized(form, form.entries / 10, "tenth")?;
        let large = self.sized(form, form.entries, "whole")?;
        let n = form.entries;
        let mut rows = Vec::new();
        for (by, at) in [("index", 0), ("leaf hash", 1)] {
            let (before, after) = (small.proofs[at], large.proofs[at]);
            rows.push(Row {
                what: format!("p99 of an inclusion proof by {by}, tree of {n}"),
                seen: format!("{:.2} ms", after.1),
                target: "at most 2 ms",
                met: after.1 <= 2.0,
            });
            rows.push(Row {
                what: format!("p50 of the same, against a tenth of the tree ({:.3} ms)", before.0),
                seen: format!("{:.3} ms, {:.2} x", after.0, after.0 / before.0),
                target: "at most 1.25 x",
                met: after.0 <= 1.25 * before.0,
            });
        }
        rows.push(Row {
            what: format!("start to serving with {n} ({:.2} s with a tenth)", small.start),
            seen: format!("{:.2} s", large.start),
            target: "at most 2 s",
            met: large.start <= 2.0,
        });
        rows.push(Row {
            what: format!("memory of the server with {n}, under load"),
            seen: format!("{:.0} MiB", large.memory),
            target: "at most 512 MiB",
            met: large.memory <= 512.0,
        });
        rows.push(Row {
            what: format!("bytes on disk per entry beyond itself, with {n}"),
            seen: format!("{:.1}", large.bytes),
            target: "at most 120",
            met: large.bytes <= 120.0,
        });
        Ok(rows)
    }

    /// A log of so many entries, and what it costs.
    fn sized(&self, form: &Form, entries: u64, name: &str) -> Result<Sized> {
        println!("\na log of {entries} signed entries");
        self.machine()?;
        let file = self.entries(entries)?;
        let own = fs::metadata(&file)?.len() - 2 * entries;
        let dir = self.dir.join(format!("size-{name}"));
        let vkey = self.new_log(&dir, false)?;
        let started = Instant::now();
        let mut append = programs::call(&self.log);
        command::read(append.arg("append").arg(&dir).arg(&file))?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let count = entries as f64;
        println!("  appended at {:.0}/s", count / started.elapsed().as_secs_f64());
        // The first start may still write down what the memory held; the second is the ordinary one.
        self.serve(&dir, &vkey)?.server.stop()?;
        let started = Instant::now();
        let log = self.serve(&dir, &vkey)?;
        let start = started.elapsed().as_secs_f64();
        println!("  started in {start:.2} s");
        let mut proofs = [(0.0, 0.0); 2];
        for (by, seen) in ["index", "leaf"].iter().zip(&mut proofs) {
            let mut ask = Command::new(&self.load);
            ask.args(["proofs", &log.server.url, "--vkey", &vkey, "--by", by, "--json"]);
            let answers = self.told(ask.args(["--seconds", &form.seconds.to_string()]))?;
            *seen = (float(&answers, "/latency/p50_ms")?, float(&answers, "/latency/p99_ms")?);
            println!("  proofs by {by}: p50 {:.3} ms, p99 {:.3} ms, as the client sees it", seen.0, seen.1);
        }
        // Before the load adds more: what lies there for exactly these entries.
        log.server.stop()?;
        let disk = disk_usage(&dir)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let bytes = (disk as f64 - own as f64) / count;
        println!("  {} MiB on disk, {bytes:.1} bytes per entry beyond its own", disk >> 20);
        let log = self.serve(&dir, &vkey)?;
        let more = self.entries(30_000 * (form.seconds + 4))?;
        self.loaded(&log, &more, form.seconds, None)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let memory = high_water_mark(log.server.id()) as f64 / 1024.0;
        log.server.stop()?;
        Ok(Sized { start, proofs, memory, bytes })
    }
}

/// What a log of one size costs.
struct Sized {
    /// Seconds.
    start: f64,
    /// p50 and p99 in milliseconds, by index and by leaf hash.
    proofs: [(f64, f64); 2],
    /// MiB at most.
    memory: f64,
    /// Per entry beyond its own.
    bytes: f64,
}

#[derive(Default)]
struct Sides {
    rate: Vec<f64>,
    own_rate: Vec<f64>,
    visible: Vec<f64>,
}

/// The peer's log, killed when dropped: its program knows no other end.
struct Peer {
    child: Child,
    url: String,
    vkey: String,
}

impl Peer {
    fn start(bench: &Bench, tools: &GoTools, dir: &Path) -> Result<Self> {
        clear(dir)?;
        fs::create_dir_all(dir)?;
        let key = bench.told(Command::new(&bench.load).args(["key", "bench.localhost/peer", "--json"]))?;
        let text = |name: &str| key.pointer(name).and_then(Value::as_str).context("no key");
        let (secret, vkey) = (text("/key")?.to_owned(), text("/vkey")?.to_owned());
        // Free a moment ago; there is no flag that takes any.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut call = Command::new(&tools.posix);
        call.arg(format!("--storage_dir={}", dir.display()));
        call.arg(format!("--listen=127.0.0.1:{port}")).args(["--antispam=true", "--logtostderr"]);
        call.env("LOG_PRIVATE_KEY", secret).stdin(Stdio::null()).stdout(Stdio::null());
        let child = call.stderr(File::create(bench.dir.join("peer.txt"))?).spawn().context("no peer")?;
        let peer = Self { child, url: format!("http://127.0.0.1:{port}"), vkey };
        let asked = Instant::now();
        while !dir.join("checkpoint").is_file() || std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
        {
            ensure!(asked.elapsed() < Duration::from_secs(30), "the peer does not start, see peer.txt");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn clear(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    Ok(())
}

fn float(value: &Value, pointer: &str) -> Result<f64> {
    value
        .pointer(pointer)
        .and_then(Value::as_f64)
        .with_context(|| format!("no number at {pointer} of {value}"))
}

/// The slow tenth of the seconds against the fast one.
fn flatness(report: &Value) -> f64 {
    let seconds = report.pointer("/by_second").and_then(Value::as_array);
    let mut seconds: Vec<f64> = seconds.into_iter().flatten().filter_map(Value::as_f64).collect();
    seconds.sort_by(f64::total_cmp);
    let tenth = seconds.len() / 10;
    let at = |place: usize| seconds.get(place).copied().unwrap_or_default();
    at(tenth) / at(seconds.len().saturating_sub(tenth + 1)).max(1.0)
}

/// Processor time of a process so far, user and system; 0 where there is no `/proc`.
fn cpu_seconds(id: u32) -> f64 {
    let told = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; the fields after it are fixed.
    let fields = told.rsplit(") ").next().unwrap_or_default().split(' ');
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// Most resident memory of a process so far, KiB; 0 where there is no `/proc`.
fn high_water_mark(id: u32) -> u64 {
    let told = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Bytes that a directory takes on disk, by blocks.
fn disk_usage(dir: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // The ballast has one size however many entries there are, and is given up when the disk is full.
        if entry.file_name() == BALLAST {
            continue;
        }
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { disk_usage(&entry.path())? } else { meta.blocks() * 512 };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(words: &[&str]) -> Result<Form> {
        Form::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_and_rows_are_read_and_anything_else_is_refused() {
        let read = form(&["native", "--minutes", "10", "--rounds", "1"]).expect("good");
        assert!(read.wants("native") && !read.wants("size"));
        assert_eq!((read.sustained, read.rounds), (600, 1));
        assert_eq!(form(&["--seconds", "7"]).expect("good").sustained, 7);
        for bad in [&["fast"][..], &["--minutes"], &["--minutes", "0"], &["--entries", "x"]] {
            assert!(form(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn flatness_is_the_slow_tenth_against_the_fast() {
        let report = serde_json::json!({"by_second": [1, 100, 100, 100, 100, 100, 50, 100, 100, 100]});
        assert!((flatness(&report) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn this_process_uses_memory_and_time() {
        assert!(high_water_mark(std::process::id()) > 0);
        assert!(cpu_seconds(std::process::id()) >= 0.0);
    }
}
