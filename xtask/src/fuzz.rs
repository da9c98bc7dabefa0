//! `cargo xtask fuzz`: each parser's fuzz target for a while, on the stable toolchain.
//!
//! `fuzz/` is a workspace of its own. Its programs are built here with the instrumentation that libFuzzer reads, which
//! stable rustc has; sanitizers, which it has not, would find little in a house without unsafe code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Arguments, command, place};

/// Coverage counters, compared values and the table of places: what libFuzzer steers by.
const INSTRUMENTATION: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // One unit per crate: the counters of several would each be a module of their own.
    "-Ccodegen-units=1",
];

struct Options {
    seconds: u64,
    targets: Vec<String>,
}

/// `--seconds N`: for how long each, 60 unless said; then the names of targets, all unless said.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let options = Options::read(arguments)?;
    let programs = build()?;
    let name = |program: &Path| program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    for wanted in &options.targets {
        if !programs.iter().any(|program| name(program) == *wanted) {
            let known: Vec<String> = programs.iter().map(|program| name(program)).collect();
            bail!("no fuzz target `{wanted}`, there are {}", known.join(", "));
        }
    }
    let mut table = Vec::new();
    for program in &programs {
        let target = name(program);
        if options.targets.is_empty() || options.targets.contains(&target) {
            println!("== {target}, {} s", options.seconds);
            let held = once(program, &target, options.seconds)?;
            table.push((target, held));
        }
    }
    println!();
    for (target, held) in &table {
        println!("{target:24} {}", if *held { "no finding" } else { "FINDING" });
    }
    let findings = table.iter().filter(|(_, held)| !held).count();
    if findings > 0 {
        bail!("{findings} targets found something; the inputs lie in fuzz/artifacts");
    }
    Ok(())
}

/// Only compiles the targets, as plain programs.
pub(crate) fn check() -> Result<()> {
    command::run(cargo()?.args(["check", "--locked", "--bins"]))
}

impl Options {
    fn read(arguments: &Arguments) -> Result<Self> {
        let mut options = Self { seconds: 60, targets: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--seconds" {
                let number = words.next().context("--seconds needs a number")?;
                options.seconds =
                    number.parse().with_context(|| format!("`{number}` is no number of seconds"))?;
            } else if word.starts_with('-') {
                bail!("fuzz takes --seconds N and names of targets, not `{word}`");
            } else {
                options.targets.push(word.clone());
            }
        }
        Ok(options)
    }
}

fn folder() -> PathBuf {
    place::repository().join("fuzz")
}

fn cargo() -> Result<Command> {
    let mut call = command::cargo()?;
    call.current_dir(folder());
    // Beside the house's own, if that is outside the checkout, and not in it: the two have other settings.
    if let Some(dir) = std::env::var_os("CARGO_TARGET_DIR") {
        call.env("CARGO_TARGET_DIR", PathBuf::from(dir).join("fuzz"));
    }
    Ok(call)
}

fn build() -> Result<Vec<PathBuf>> {
    let version = command::read(Command::new("rustc").arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    let mut call = cargo()?;
    call.env("RUSTFLAGS", INSTRUMENTATION.join(" "));
    // With a target named, the flags do not reach build scripts, which have no main that libFuzzer could call.
    call.args(["build", "--release", "--locked", "--bins", "--message-format=json-render-diagnostics"]);
    call.args(["--target", host]);
    let output = call.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`{}` ended with {}", command::shown(&call), output.status);
    }
    let mut programs: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect();
    programs.sort();
    Ok(programs)
}

/// Runs one target from its corpus and every file under `testdata`; whether it found nothing.
fn once(program: &Path, target: &str, seconds: u64) -> Result<bool> {
    let corpus = folder().join("corpus").join(target);
    let artifacts = folder().join("artifacts").join(target);
    for dir in [&corpus, &artifacts] {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let mut call = Command::new(program);
    call.current_dir(folder()).stdin(Stdio::null());
    call.arg(format!("-max_total_time={seconds}")).args([
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]);
    call.arg(format!("-artifact_prefix={}/", artifacts.display()));
    // New inputs go into the first folder; the second is only read.
    call.arg(&corpus).arg(place::repository().join("testdata"));
    let status = call.status().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_targets_are_told_apart() {
        let words = ["--seconds", "5", "note"].map(str::to_owned);
        let options = Options::read(&words).expect("well formed");
        assert_eq!((options.seconds, options.targets), (5, vec!["note".to_owned()]));
        assert!(Options::read(&["--seconds".to_owned()]).is_err());
        assert!(Options::read(&["--forever".to_owned()]).is_err());
    }
}
