//! `cargo xtask bench monitor`: how fast the monitor reads a log, in how much memory, and how soon it tells.
//!
//! | row | how |
//! |---|---|
//! | full check | `tallymark-monitor watch --once` over a log of `--entries` signed entries, from its first entry to its end: tiles to the root, hashes, encoding, signatures |
//! | hashes only | the same with `entries = "raw"` |
//! | peer | Tessera's `fsck` over the same files, which hashes and compares tiles and knows nothing of entries |
//! | alert | a running log and a running monitor with their defaults; from when `tallymark sign` ended until the line is in the file |
//!
//! The log lies as files, so that no server shares the machine with what is measured; what is read is in the page cache. By turns, medians.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::model::measured;
use super::{Row, load_average, median, prepare};
use crate::go_tools::GoTools;
use crate::programs::{self, Programs};
use crate::running::Running;
use crate::server::Server;
use crate::{Arguments, command};

const HELP: &str = "\
cargo xtask bench monitor [flags]

  --entries N   of the log that is read [1000000]
  --rounds N    by turns [3]
  --alerts N    that are waited for [20]
  --dir DIR     where everything lies; must be new or an earlier bench's [target/bench-monitor]
";

/// Targets: entries a second on two cores, memory, and what is promised of an alert.
const FULL_PER_SECOND: f64 = 20_000.0;
const HASHED_PER_SECOND: f64 = 200_000.0;
const MEMORY_KIB: u32 = 128 * 1024;
const ALERT_SECONDS: f64 = 2.0;
/// An alert that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

struct Form {
    entries: u64,
    rounds: usize,
    alerts: usize,
    dir: PathBuf,
}

impl Form {
    fn read(arguments: &Arguments) -> Result<Self> {
        let dir = programs::target_directory()?.join("bench-monitor");
        let mut form = Self { entries: 1_000_000, rounds: 3, alerts: 20, dir };
        let mut words = arguments.iter();
        while let Some(flag) = words.next() {
            let value = words.next().with_context(|| format!("{flag} wants a value\n{HELP}"))?;
            match flag.as_str() {
                "--entries" => form.entries = value.parse()?,
                "--rounds" => form.rounds = value.parse()?,
                "--alerts" => form.alerts = value.parse()?,
                "--dir" => form.dir = PathBuf::from(value),
                other => bail!("not `{other}`\n{HELP}"),
            }
        }
        ensure!(form.rounds > 0 && form.alerts > 0 && form.entries > 0, "at least one of each");
        Ok(form)
    }
}

struct Bench {
    dir: PathBuf,
    programs: Programs,
    load: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let form = Form::read(arguments)?;
    prepare(&form.dir)?;
    let programs = Programs::build(true)?;
    let load = programs::find(&programs::build(&["load"], true)?, "tallymark-load")?;
    let bench = Bench { dir: form.dir.canonicalize()?, programs, load };
    let mut rows = bench.reading(&form)?;
    rows.extend(bench.telling(&form)?);
    Ok(rows)
}

impl Bench {
    fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn new_log(&self, name: &str) -> Result<String> {
        let mut init = programs::call(&self.programs.log);
        init.arg("init").arg(self.at(name)).args(["--origin", "bench.localhost/log", "--unencrypted-key"]);
        let printed = command::read(&mut init)?;
        Ok(programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?.to_owned())
    }

    /// A configuration in a file, with a directory of the same name for the state.
    fn configured(&self, name: &str, vkey: &str, url: &str, entries: &str) -> Result<PathBuf> {
        let (policy, config) = (self.at(&format!("{name}.policy")), self.at(&format!("{name}.toml")));
        fs::write(&policy, format!("log {vkey} {url}\nquorum none\n"))?;
        let text = format!(
            "dir = {:?}\npolicy = {policy:?}\n\n[alerts]\nfile = {:?}\n\n[[log]]\norigin = \"bench.localhost/log\"\n\
             entries = \"{entries}\"\n\n[[watch]]\nname = \"bench/*\"\n",
            self.at(name),
            self.at(&format!("{name}.jsonl")),
        );
        fs::write(&config, text)?;
        Ok(config)
    }

    /// From the first entry to the last, again in each round.
    fn reading(&self, form: &Form) -> Result<Vec<Row>> {
        println!("making a log of {} signed entries in {}", form.entries, self.dir.display());
        let vkey = self.new_log("log")?;
        let (made, files) = (self.at("entries.bin"), self.at("files"));
        let mut make = Command::new(&self.load);
        command::read(make.arg("make").arg(&made).args(["--count", &form.entries.to_string()]))?;
        command::read(programs::call(&self.programs.log).arg("append").arg(self.at("log")).arg(&made))?;
        let mut export = programs::call(&self.programs.log);
        command::read(export.arg("export").arg(self.at("log")).arg("--to").arg(&files))?;
        fs::remove_file(&made)?;
        let url = format!("file://{}", files.display());
        fs::write(self.at("log.vkey"), &vkey)?;
        let peer = GoTools::build();
        if let Err(error) = &peer {
            println!("tessera's fsck: skipped: {error:#}");
        }
        let mut seen: [Vec<f64>; 3] = Default::default();
        let mut peaks = [0_u32; 3];
        for round in 0..form.rounds {
            for (at, (name, entries)) in [("full", "tallymark"), ("hashes", "raw")].into_iter().enumerate() {
                let config = self.configured(name, &vkey, &url, entries)?;
                let _ = fs::remove_dir_all(self.at(name));
                let mut watch = programs::call(&self.programs.monitor);
                watch.args(["watch", "--once", "--config"]).arg(&config).stderr(Stdio::null());
                let (took, peak) = measured(&mut watch)?;
                note(&mut seen[at], &mut peaks[at], (took, peak), form.entries, round, name);
            }
            if let Ok(tools) = &peer {
                let mut fsck = Command::new(&tools.fsck);
                let key = format!("--public_key={}", self.at("log.vkey").display());
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                fsck.args([
                    format!("--storage_url={url}/"),
                    key,
                    "--ui=false".to_owned(),
                    format!("--N={cores}"),
                ]);
                let (took, peak) = measured(fsck.stderr(Stdio::null()))?;
                note(&mut seen[2], &mut peaks[2], (took, peak), form.entries, round, "tessera fsck");
            }
        }
        let [full, hashed, theirs] = &mut seen;
        let (full, hashed) = (median(full).context("no round")?, median(hashed).context("no round")?);
        let [full_peak, hashed_peak, their_peak] = peaks;
        let mut rows = vec![
            Row {
                what: format!("full check of {} entries", form.entries),
                seen: format!("{full:.0} entries/s"),
                target: "at least 20,000/s",
                met: full >= FULL_PER_SECOND,
            },
            Row {
                what: "hashes only".to_owned(),
                seen: format!("{hashed:.0} entries/s"),
                target: "at least 200,000/s",
                met: hashed >= HASHED_PER_SECOND,
            },
            Row {
                what: "most memory, full check and hashes only".to_owned(),
                seen: format!("{}, {} MiB", full_peak / 1024, hashed_peak / 1024),
                target: "below 128 MiB",
                met: full_peak.max(hashed_peak) < MEMORY_KIB,
            },
        ];
        if let Some(theirs) = median(theirs) {
            rows.push(Row {
                what: "Tessera's fsck over the same files".to_owned(),
                seen: format!("{theirs:.0} entries/s, {} MiB", their_peak / 1024),
                target: "for comparison",
                met: true,
            });
        }
        Ok(rows)
    }

    /// One signature after the other, each as soon as the last was told: this waits for nearly a whole `poll` each time.
    fn telling(&self, form: &Form) -> Result<Vec<Row>> {
        let vkey = self.new_log("small")?;
        let server = Server::start(&self.programs.log, &self.at("small"), &self.at("small.txt"))?;
        let signer = || {
            let mut call = programs::call(&self.programs.signer);
            call.current_dir(&self.dir);
            call
        };
        let keygen = ["keygen", "--name", "bench/*", "--unencrypted", "--key", "key.pem"];
        let publisher = command::read(signer().args(keygen))?;
        let trust = format!("version = 1\npolicy = \"\"\"\nlog {vkey}\nquorum none\n\"\"\"\n\n{publisher}");
        fs::write(self.at("tallymark.toml"), trust)?;
        let model = self.at("model");
        fs::create_dir(&model)?;
        let config = self.configured("telling", &vkey, &server.url, "tallymark")?;
        let mut watch = programs::call(&self.programs.monitor);
        watch.args(["watch", "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let monitor = Running::start(&mut watch)?;
        let told = || {
            let text = fs::read_to_string(self.at("telling.jsonl")).unwrap_or_default();
            text.lines().filter(|line| line.contains("\"kind\":\"alert\"")).count()
        };
        let mut delays = Vec::with_capacity(form.alerts);
        for number in 0..form.alerts {
            fs::write(model.join("config.json"), format!("{{\"n\":{number}}}\n"))?;
            let _ = fs::remove_file(model.join("tallymark.jsonl"));
            let name = format!("bench/model:{number}");
            let mut sign = signer();
            sign.args(["sign", "model", "--as", &name, "--key", "key.pem", "--log", &server.url]);
            command::read(sign.args(["--trust", "tallymark.toml", "--yes"]))?;
            let published = Instant::now();
            while told() <= number {
                ensure!(published.elapsed() < PATIENCE, "alert {number} was not told");
                std::thread::sleep(Duration::from_millis(2));
            }
            delays.push(published.elapsed().as_secs_f64());
        }
        drop(monitor);
        server.stop()?;
        let longest = delays.iter().copied().fold(0.0, f64::max);
        let middle = median(&mut delays).context("no alert")?;
        Ok(vec![Row {
            what: format!("{} alerts after publication: p50, longest", form.alerts),
            seen: format!("{middle:.2} s, {longest:.2} s"),
            target: "below 2 s",
            met: longest < ALERT_SECONDS,
        }])
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn note(seen: &mut Vec<f64>, peak: &mut u32, of: (Duration, u32), entries: u64, round: usize, name: &str) {
    let rate = entries as f64 / of.0.as_secs_f64();
    println!(
        "round {} {name:14} {rate:10.0} entries/s, {} MiB, load {:.1}",
        round + 1,
        of.1 / 1024,
        load_average()
    );
    seen.push(rate);
    *peak = (*peak).max(of.1);
}
