//! `cargo xtask check`: everything CI runs, so that what is red there is red at home.
//!
//! Every step runs, even after one has failed, and the table at the end says which held, which failed and which could
//! not be done here and why.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{Arguments, command, demo, fuzz, place, tidy, torture, vectors};

/// The version that is installed if there is none. Any version that is already there is used.
const CARGO_DENY: &str = "0.20.2";

/// What a step came to.
enum Outcome {
    /// Done and held.
    Held,
    /// Could not be done on this machine; why.
    Skipped(String),
}

/// What the steps share.
struct Run {
    /// Whether missing tools may be installed into the cache.
    install: bool,
    /// What git showed as changed when the run began.
    before: String,
    /// Tests that `cargo test` counted.
    tests: Tests,
}

/// Sums of cargo's own counts.
#[derive(Default)]
struct Tests {
    passed: u64,
    failed: u64,
}

type Step = (&'static str, fn(&mut Run) -> Result<Outcome>);

const STEPS: [Step; 12] = [
    ("format", format),
    ("tidy", |_| tidy::run(&[]).map(|()| Outcome::Held)),
    ("lints", lints),
    ("tests", tests),
    ("documentation", documentation),
    ("verifier for wasm32", wasm),
    ("licences, sources, layers", layers),
    ("advisories", advisories),
    ("vectors unchanged", vectors_unchanged),
    ("fuzz targets compile", |_| fuzz::check().map(|()| Outcome::Held)),
    ("torture, short form", torture_short),
    ("demo", |_| demo::run(&[]).map(|()| Outcome::Held)),
];

/// Runs every step. `--install-tools`, or `CI=true`: builds cargo-deny into the cache if it is missing.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let asked = match arguments {
        [] => false,
        [only] if only == "--install-tools" => true,
        other => bail!("check takes `--install-tools` or nothing, not `{}`", other.join(" ")),
    };
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let mut context = Run { install: asked || in_ci, before: changes()?, tests: Tests::default() };
    let mut table = Vec::new();
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        println!("\n== {name}");
        let _ = std::io::stdout().flush();
        let started = Instant::now();
        let outcome = step(&mut context);
        let row = match &outcome {
            Ok(Outcome::Held) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => {
                println!("skipped: {why}");
                format!("skipped: {why}")
            }
            Err(error) => {
                eprintln!("failed: {error:#}");
                failed.push(name);
                "FAILED".to_owned()
            }
        };
        table.push((name, row, started.elapsed()));
    }
    if changes()? != context.before {
        eprintln!("\nthe run changed files of the checkout:\n{}", changes()?);
        failed.push("clean tree");
        table.push(("clean tree", "FAILED".to_owned(), Duration::ZERO));
    } else {
        table.push(("clean tree", "ok".to_owned(), Duration::ZERO));
    }

    println!();
    for (name, row, elapsed) in &table {
        println!("{name:26} {:7.1} s  {row}", elapsed.as_secs_f64());
    }
    println!("{:26} {:7.1} s", "all", table.iter().map(|(_, _, elapsed)| elapsed.as_secs_f64()).sum::<f64>());
    println!("\ntests: {} passed, {} failed", context.tests.passed, context.tests.failed);
    if !failed.is_empty() {
        bail!("{} failed", failed.join(", "));
    }
    Ok(())
}

fn changes() -> Result<String> {
    command::read(Command::new("git").current_dir(place::repository()).args(["status", "--porcelain"]))
}

fn format(_: &mut Run) -> Result<Outcome> {
    command::run(command::bare_cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Held)
}

fn lints(_: &mut Run) -> Result<Outcome> {
    command::run(command::cargo()?.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(Outcome::Held)
}

fn tests(context: &mut Run) -> Result<Outcome> {
    let mut call = command::cargo()?;
    call.args(["test", "--workspace", "--no-fail-fast"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = call.spawn().context("cannot start cargo test")?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.context("cargo test printed something that is not text")?;
            println!("{line}");
            context.tests.add(&line);
        }
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    if !status.success() {
        bail!("`{}` ended with {status}", command::shown(&call));
    }
    if context.tests.passed == 0 {
        bail!("no test ran");
    }
    Ok(Outcome::Held)
}

impl Tests {
    /// Adds a line like `test result: ok. 32 passed; 0 failed; 0 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        for count in counts.split(['.', ';']) {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|number| number.parse::<u64>().ok());
            match (number, words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

fn documentation(_: &mut Run) -> Result<Outcome> {
    let mut call = command::cargo()?;
    call.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--workspace", "--no-deps"]);
    command::run(&mut call)?;
    Ok(Outcome::Held)
}

/// The verifier opens no socket and reads no clock: the proof is that it builds where there is neither.
fn wasm(_: &mut Run) -> Result<Outcome> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let sysroot =
        command::read(Command::new("rustc").current_dir(place::repository()).args(["--print", "sysroot"]))?;
    if !PathBuf::from(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(Outcome::Skipped(format!("no {TARGET}; `rustup target add {TARGET}` if you can")));
    }
    command::run(command::cargo()?.args(["build", "--package", "verifier", "--lib", "--target", TARGET]))?;
    Ok(Outcome::Held)
}

/// cargo-deny from `PATH`, the cache, or newly built into the cache.
fn cargo_deny(context: &Run) -> Result<Option<Command>> {
    if place::tool("cargo-deny").is_none() {
        if !context.install {
            return Ok(None);
        }
        let mut install = command::bare_cargo();
        install.args(["install", "--locked", "--quiet", "--version", CARGO_DENY, "--root"]);
        command::run(install.arg(place::cache()?.join("tools")).arg("cargo-deny"))?;
    }
    let program = place::tool("cargo-deny").context("cargo-deny was installed and is not there")?;
    let mut call = Command::new(program);
    call.current_dir(place::repository());
    Ok(Some(call))
}

const NO_CARGO_DENY: &str = "no cargo-deny; `cargo xtask check --install-tools` builds it once";

fn layers(context: &mut Run) -> Result<Outcome> {
    let Some(mut call) = cargo_deny(context)? else { return Ok(Outcome::Skipped(NO_CARGO_DENY.to_owned())) };
    // What other systems need is judged too, and a build here does not bring it.
    command::run(command::bare_cargo().args(["fetch", "--locked", "--quiet"]))?;
    command::run(call.args(["--offline", "check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::Held)
}

fn advisories(context: &mut Run) -> Result<Outcome> {
    let Some(mut call) = cargo_deny(context)? else { return Ok(Outcome::Skipped(NO_CARGO_DENY.to_owned())) };
    let output = command::capture(call.args(["check", "advisories"]))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(Outcome::Held);
    }
    if said.contains("failed to fetch advisory database") {
        return Ok(Outcome::Skipped("the advisory database cannot be reached from here".to_owned()));
    }
    bail!("{}", said.trim_end())
}

fn torture_short(_: &mut Run) -> Result<Outcome> {
    Ok(match torture::short()? {
        torture::Ended::Held => Outcome::Held,
        torture::Ended::SomeSkipped => {
            Outcome::Skipped("some tests, named above; the others held".to_owned())
        }
    })
}

fn vectors_unchanged(_: &mut Run) -> Result<Outcome> {
    let shown = || {
        let mut diff = Command::new("git");
        diff.current_dir(place::repository()).args(["diff", "--", "testdata"]);
        Ok::<_, anyhow::Error>((command::read(&mut diff)?, changes()?))
    };
    let before = shown()?;
    vectors::run(&[])?;
    if shown()? != before {
        bail!("the generators write other bytes than testdata holds; `git diff -- testdata` shows them");
    }
    Ok(Outcome::Held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_test_programs_are_added() {
        let mut tests = Tests::default();
        tests.add("running 3 tests");
        tests.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        );
        tests.add(
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
        );
        assert_eq!((tests.passed, tests.failed), (13, 2));
    }
}
