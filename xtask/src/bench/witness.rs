//! `cargo xtask bench witness`: how long a witness takes to answer logs that grow, beside other people's, in one run.
//!
//! All get the same 40 logs at 200 requests a second from `tallymark-load-witness`, open loop, by turns, on the same disk; medians of
//! the rounds. Generator and witness share the machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Row, load_average, median, prepare};
use crate::server::Server;
use crate::witnesses::Witness;
use crate::{Arguments, command, programs};

const HELP: &str = "\
cargo xtask bench witness [flags]

  --rounds N    by turns [3]
  --seconds N   of each [20]
  --logs N      that grow [40]
  --rate N      requests a second, over all logs [200]
  --dir DIR     where records lie: the disk that is measured; must be new or an earlier bench's
                [target/bench-witness]
";

/// The target, in milliseconds.
const P99_MS: f64 = 10.0;

pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let (mut rounds, mut seconds, mut logs, mut rate) = (3_usize, 20_u32, 40_u32, 200_u32);
    let mut dir = programs::target_directory()?.join("bench-witness");
    let mut words = arguments.iter();
    while let Some(flag) = words.next() {
        let value = words.next().with_context(|| format!("{flag} wants a value\n{HELP}"))?;
        match flag.as_str() {
            "--rounds" => rounds = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            "--logs" => logs = value.parse()?,
            "--rate" => rate = value.parse()?,
            "--dir" => dir = PathBuf::from(value),
            other => bail!("not `{other}`\n{HELP}"),
        }
    }
    ensure!(rounds > 0, "at least one round");
    prepare(&dir)?;
    let built = programs::build(&["witness", "load"], true)?;
    let (witness, load) =
        (programs::find(&built, "tallymark-witness")?, programs::find(&built, "tallymark-load-witness")?);
    let list = dir.join("logs");
    let (logs, list_text) = (logs.to_string(), list.display().to_string());
    command::read(Command::new(&load).args(["--logs", &logs, "--list", &list_text]))?;

    let ours = dir.join("ours");
    let mut init = programs::call(&witness);
    command::read(init.arg("init").arg(&ours).args(["--name", "bench.localhost/w1", "--unencrypted-key"]))?;
    let flags = ["--log-list", &list_text, "--max-connections-per-address", "512"];
    let server = Server::start_with(&witness, &ours, &dir.join("ours.txt"), &flags)?;
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let vkeys: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("vkey ")).collect();
    let mut peers = Vec::new();
    for peer in [
        Witness::litewitness(&dir.join("litewitness"), &vkeys),
        Witness::omniwitness(&dir.join("omniwitness"), &vkeys),
    ] {
        match peer {
            Ok(peer) => peers.push(peer),
            Err(error) => println!("skipped: {error:#}"),
        }
    }
    let own = ("tallymark-witness", server.url.trim_start_matches("http://"));
    let all: Vec<_> = std::iter::once(own).chain(peers.iter().map(|peer| (peer.name, &*peer.at))).collect();
    let mut seen: Vec<Vec<[f64; 3]>> = vec![Vec::new(); all.len()];
    for round in 0..rounds {
        for ((name, at), seen) in all.iter().zip(&mut seen) {
            let mut call = Command::new(&load);
            call.args([
                "--logs",
                &logs,
                "--rate",
                &rate.to_string(),
                "--seconds",
                &seconds.to_string(),
                "--at",
                at,
            ]);
            let said = match command::read(&mut call) {
                Err(error) if *name != own.0 => {
                    // It has no row then; what it cannot do is no failure of ours.
                    let why: Vec<String> = error.to_string().lines().take(2).map(str::to_owned).collect();
                    println!("round {} {name:18} gave up: {}", round + 1, why.join(": "));
                    continue;
                }
                said => said?,
            };
            println!("round {} {name:18} load {:.1}  {}", round + 1, load_average(), said.trim_end());
            let said: Value = serde_json::from_str(&said).context("the generator printed no JSON")?;
            let figure = |key: &str| said[key].as_f64().with_context(|| format!("no {key}"));
            seen.push([figure("p50_ms")?, figure("p99_ms")?, figure("max_ms")?]);
        }
    }
    let middle = |seen: &[[f64; 3]], at: usize| {
        median(&mut seen.iter().map(|figures| figures[at]).collect::<Vec<f64>>())
    };
    let shown = |seen: &[[f64; 3]]| {
        let figure = |at| middle(seen, at).unwrap_or(f64::NAN);
        format!("{:.1} / {:.1} / {:.1} ms", figure(0), figure(1), figure(2))
    };
    let [ours, theirs @ ..] = &seen[..] else { bail!("no witness") };
    let p99 = middle(ours, 1).context("no round")?;
    let mut rows = vec![Row {
        what: format!("{rate} requests/s over {logs} logs: p50, p99, largest"),
        seen: shown(ours),
        target: "p99 below 10 ms",
        met: p99 < P99_MS,
    }];
    for (peer, seen) in peers.iter().zip(theirs).filter(|(_, seen)| !seen.is_empty()) {
        let what = format!("the same, {} (Ed25519 only)", peer.name);
        rows.push(Row { what, seen: shown(seen), target: "for comparison", met: true });
    }
    server.stop()?;
    Ok(rows)
}
