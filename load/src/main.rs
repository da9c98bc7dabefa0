//! `tallymark-load`: puts load on a log and measures it from outside.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ed25519_dalek::SigningKey;
use load::client::Target;
use load::disk;
use load::engine::{self, Plan};
use load::entries::{Mint, Source};
use load::proofs::{self, By};
use tlog::vkey::{KeyName, Vkey};

/// An answer was wrong.
const UNSOUND: u8 = 1;

const AFTER_HELP: &str = "\
Exit status:
  0  measured, and every answer that was checked was right
  1  an answer was wrong, or the run could not be finished
  2  wrong use

Example:
  tallymark-load make entries.bin --count 1000000
  tallymark-load submit http://127.0.0.1:8080 --vkey VKEY --entries entries.bin --connections 512 --seconds 60";

/// Puts load on a log and measures it from outside.
#[derive(Debug, Parser)]
#[command(name = "tallymark-load", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Makes signed entries beforehand, by all cores, into a file.
    Make(Make),
    /// Submits entries and measures rate and latency.
    Submit(Submit),
    /// Asks for inclusion proofs and measures their latency.
    Proofs(Proofs),
    /// Makes a key for another log program that reads Go's note format, and prints it with its vkey.
    Key(Key),
    /// Measures how fast a directory's disk makes 4 KiB appends durable.
    Disk(Disk),
}

#[derive(Debug, Args)]
struct Make {
    /// The file to write.
    file: PathBuf,
    /// How many entries.
    #[arg(long, value_name = "N")]
    count: u64,
}

#[derive(Debug, Args)]
struct Submit {
    /// The log: http://HOST:PORT.
    url: Target,
    /// The log's key, to verify answers.
    #[arg(long)]
    vkey: Vkey,
    /// Signed entries from this file [default: made while they are sent, which costs what it measures].
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    entries: Option<PathBuf>,
    /// Raw entries of this many bytes through POST /add instead.
    #[arg(long, value_name = "BYTES")]
    raw: Option<usize>,
    /// Connections.
    #[arg(long, value_name = "N", default_value_t = 256)]
    connections: usize,
    /// Threads that drive them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Entries per second [default: each connection sends when it is answered].
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Seconds before measuring.
    #[arg(long, value_name = "N", default_value_t = 2)]
    warm_up: u64,
    /// Seconds to measure.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Of a thousand entries, how many are sent a second time.
    #[arg(long, value_name = "N", default_value_t = 0)]
    duplicates: u32,
    /// Also measure until a checkpoint that covers the entry is served.
    #[arg(long)]
    visible: bool,
    /// Threads that read and verify meanwhile.
    #[arg(long, value_name = "N", default_value_t = 0)]
    readers: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Proofs {
    /// The log: http://HOST:PORT.
    url: Target,
    /// The log's key, to verify answers.
    #[arg(long)]
    vkey: Vkey,
    /// What is asked with.
    #[arg(long, value_enum, default_value = "index")]
    by: ByFlag,
    /// Connections, one question at a time on each.
    #[arg(long, value_name = "N", default_value_t = 1)]
    connections: usize,
    /// Seconds to ask.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ByFlag {
    Index,
    Leaf,
}

#[derive(Debug, Args)]
struct Key {
    /// Name of the log.
    name: KeyName,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Disk {
    /// A directory on the disk.
    dir: PathBuf,
    /// Appends.
    #[arg(long, value_name = "N", default_value_t = 500)]
    rounds: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse().act) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(UNSOUND),
        Err(error) => {
            eprintln!("tallymark-load: {error:#}");
            ExitCode::from(UNSOUND)
        }
    }
}

fn run(act: &Act) -> Result<bool> {
    match act {
        Act::Make(make) => {
            let mint = Mint::new().context("cannot make entries")?;
            mint.write(&make.file, make.count)
                .with_context(|| format!("cannot write {}", make.file.display()))?;
            Ok(true)
        }
        Act::Submit(submit) => submit_entries(submit),
        Act::Proofs(ask) => {
            let by = match ask.by {
                ByFlag::Index => By::Index,
                ByFlag::Leaf => By::Leaf,
            };
            let time = Duration::from_secs(ask.seconds);
            let answers = proofs::run(&ask.url, &ask.vkey, by, ask.connections, time)
                .context("cannot ask for proofs")?;
            match ask.json {
                true => println!("{}", serde_json::to_string(&answers)?),
                false => println!(
                    "tree of {}: {}\n{} verified in full, {} wrong",
                    answers.size, answers.latency, answers.verified, answers.wrong
                ),
            }
            Ok(answers.wrong == 0)
        }
        Act::Key(key) => print_key(key),
        Act::Disk(disk) => {
            let latency = disk::measure(&disk.dir, disk.rounds)
                .with_context(|| format!("cannot write in {}", disk.dir.display()))?;
            match disk.json {
                true => println!("{}", serde_json::to_string(&latency)?),
                false => println!("append of 4 KiB and fdatasync: {latency}"),
            }
            Ok(true)
        }
    }
}

/// For a log that lives as long as a measurement: its key is printed.
fn print_key(key: &Key) -> Result<bool> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("no randomness")?;
    let public = SigningKey::from_bytes(&seed).verifying_key();
    let vkey = Vkey::ed25519(key.name.clone(), public.as_bytes()).context("no vkey")?;
    // golang.org/x/mod/sumdb/note: 0x01 is Ed25519.
    let secret = STANDARD.encode([&[1][..], &seed].concat());
    let secret = format!("PRIVATE+KEY+{}+{}+{secret}", key.name, vkey.key_id());
    match key.json {
        true => println!("{}", serde_json::json!({ "key": secret, "vkey": vkey.to_string() })),
        false => println!("{secret}\n{vkey}"),
    }
    Ok(true)
}

fn submit_entries(submit: &Submit) -> Result<bool> {
    ensure!(submit.rate.is_none_or(|rate| rate > 0.0), "a rate is more than 0 entries per second");
    let source = match (submit.raw, &submit.entries) {
        (Some(bytes), _) => Source::raw(bytes),
        (None, Some(file)) => Source::file(file),
        (None, None) => Source::mint(),
    };
    let plan = Plan {
        target: submit.url.clone(),
        vkey: submit.vkey.clone(),
        connections: submit.connections.max(1),
        threads: submit.threads.max(1),
        rate: submit.rate,
        warm_up: Duration::from_secs(submit.warm_up),
        duration: Duration::from_secs(submit.seconds.max(1)),
        duplicates_per_mille: submit.duplicates.min(1000),
        visible: submit.visible,
        readers: submit.readers,
    };
    let report = engine::run(&plan, &source.context("no entries")?).context("the run was not finished")?;
    match submit.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{report}"),
    }
    Ok(report.is_sound())
}
