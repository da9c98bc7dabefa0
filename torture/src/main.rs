//! `tallymark-torture`: runs the tests of [`torture::plan`] on a `tallymark-log` binary.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use torture::plan::{Ending, Form, Order, TESTS, Test};
use torture::product::Program;
use torture::scratch;
use torture::seed::Seed;

/// A promise was broken, or a test could not go on.
const FAILED: u8 = 1;
/// Nothing failed, and something could not be done on this machine.
const SKIPPED: u8 = 4;

const AFTER_HELP: &str = "\
Exit status:
  0  every test held
  1  a promise was broken, or a test could not go on
  2  wrong use
  4  nothing failed, but this machine could not do every test

Example:
  cargo xtask torture
  cargo xtask torture R2 --cycles 300 --seed 7";

/// Breaks a log on purpose, and judges from outside what it kept.
#[derive(Debug, Parser)]
#[command(name = "tallymark-torture", version, after_help = AFTER_HELP)]
struct Cli {
    /// Tests to run [default: all].
    tests: Vec<String>,
    /// The `tallymark-log` to torture.
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    program: Option<PathBuf>,
    /// How much is run.
    #[arg(long, value_enum, default_value = "quick")]
    form: Form,
    /// The long form, for a night.
    #[arg(long, conflicts_with = "form")]
    long: bool,
    /// Other cycles than the form's.
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
    /// Entries a second, for R17.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rate: u64,
    /// Where the tests' choices come from [default: another each time, and printed].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where the runs leave their files; needs some GB and a real disk [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Keep the files of tests that held, too.
    #[arg(long)]
    keep: bool,
    /// For a log with a planted fault: go on after a finding and print in how many cycles there was one.
    #[arg(long)]
    count_findings: bool,
    /// Print the tests and what their forms run.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tallymark-torture: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    if cli.list {
        for test in TESTS {
            let [short, quick, long] = test.cycles;
            println!("{:4} {}: {short} / {quick} / {long} {}", test.name, test.does, test.unit);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let program =
        cli.program.as_deref().context("no --program")?.canonicalize().context("no such --program")?;
    let base = cli.dir.clone().unwrap_or_else(std::env::temp_dir).canonicalize().context("no such --dir")?;
    let seed = cli.seed.unwrap_or_else(Seed::of_now);
    let form = if cli.long { Form::Long } else { cli.form };
    let mut order = Order::new(Program::new(&program), base, seed, form);
    order.cycles = cli.cycles;
    order.keep = cli.keep;
    order.rate = cli.rate;
    order.count_findings = cli.count_findings;
    for mount in scratch::sweep(&order.base)? {
        println!("unmounted what a dead run had left: {}", mount.display());
    }
    let mut table = Vec::new();
    for test in chosen(&cli.tests)? {
        table.push((test.name, order.run(test)));
    }
    println!();
    for (name, ending) in &table {
        match ending {
            Ending::Held => println!("{name:4} held"),
            Ending::Skipped(why) => println!("{name:4} skipped: {why}"),
            Ending::Failed(error) => println!("{name:4} FAILED: {error}"),
            _ => bail!("{name} ended in a way this program does not know"),
        }
    }
    let any = |wanted: fn(&Ending) -> bool| table.iter().any(|(_, ending)| wanted(ending));
    Ok(if any(|ending| matches!(ending, Ending::Failed(_))) {
        ExitCode::from(FAILED)
    } else if any(|ending| matches!(ending, Ending::Skipped(_))) {
        ExitCode::from(SKIPPED)
    } else {
        ExitCode::SUCCESS
    })
}

/// The named tests in the order of the plan; all if none is named.
fn chosen(names: &[String]) -> Result<Vec<&'static Test>> {
    if let Some(name) =
        names.iter().find(|name| TESTS.iter().all(|test| !test.name.eq_ignore_ascii_case(name)))
    {
        let known: Vec<&str> = TESTS.iter().map(|test| test.name).collect();
        bail!("there is no test {name}; there are {}", known.join(", "));
    }
    let named =
        |test: &&Test| names.is_empty() || names.iter().any(|name| test.name.eq_ignore_ascii_case(name));
    Ok(TESTS.iter().filter(named).collect())
}
