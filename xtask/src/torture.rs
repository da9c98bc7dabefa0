//! `cargo xtask torture`: builds the log and what breaks it, and runs the one on the other.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{Arguments, command, mutations, programs};

/// Nothing failed, and something could not be done on this machine.
const SKIPPED: i32 = 4;

/// Hands its arguments to `tallymark-torture`; `--release` builds the log as it is released. `--mutations` plants bugs
/// instead.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some((_, only)) = arguments.split_first().filter(|(first, _)| *first == "--mutations") {
        return mutations::run(only);
    }
    if let Some((_, rest)) = arguments.split_first().filter(|(first, _)| *first == "soak") {
        return soak(rest);
    }
    let release = arguments.iter().any(|word| word == "--release");
    let rest: Vec<&String> = arguments.iter().filter(|word| *word != "--release").collect();
    match torture(release, |call| call.args(rest))? {
        Ended::Held | Ended::SomeSkipped => Ok(()),
    }
}

/// R17 by the minute: `soak --minutes 60 --rate 1000`.
fn soak(arguments: &Arguments) -> Result<()> {
    let (mut minutes, mut rest) = (60_u64, Vec::new());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--minutes" => {
                let count = words.next().context("--minutes takes a number")?;
                minutes = count.parse().with_context(|| format!("`{count}` is no number of minutes"))?;
            }
            _ => rest.push(word),
        }
    }
    let seconds = minutes.saturating_mul(60).to_string();
    torture(true, |call| call.args(["R17", "--cycles", &seconds]).args(rest)).map(drop)
}

/// The short form, and whether this machine could do all of it.
pub(crate) fn short() -> Result<Ended> {
    torture(false, |call| call.args(["--form", "short"]))
}

/// How a run ended that did not fail.
pub(crate) enum Ended {
    /// Every test held.
    Held,
    /// Those that were run held; the output names the others.
    SomeSkipped,
}

fn torture(release: bool, order: impl FnOnce(&mut Command) -> &mut Command) -> Result<Ended> {
    // The tool that breaks is not what is tested, so it keeps the profile of the tests, but it hashes a lot.
    let log = programs::find(&programs::build(&["log-server"], release)?, "tallymark-log")?;
    let tool = programs::find(&programs::build_optimised("torture")?, "tallymark-torture")?;
    let mut call = programs::call(&tool);
    call.arg("--program").arg(Path::new(&log));
    order(&mut call);
    let status = call.status().with_context(|| format!("cannot start `{}`", command::shown(&call)))?;
    match status.code() {
        Some(0) => Ok(Ended::Held),
        Some(SKIPPED) => Ok(Ended::SomeSkipped),
        _ => bail!("`{}` ended with {status}", command::shown(&call)),
    }
}
