//! Which tests there are, how long their three forms run, and how one is run.
//!
//! A test ends in one of three ways and is never reported as another: *held*, *FAILED* (a broken promise, or the test
//! itself could not go on), *skipped* (this machine cannot do it, and why).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::machine::{SyncTime, load_average};
use crate::outside::Outside;
use crate::product::Program;
use crate::scratch::Scratch;
use crate::seed::Seed;
use crate::{
    bad_requests, bit_rot, bombs, clock_jumps, disk_full, faults, image, kill, old_copy, overload, power_cut,
    simulator, slow, soak, system_calls, tiles, two_servers, whole_log,
};

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Form {
    /// For CI: a few minutes in all.
    Short,
    /// The figures this house promises.
    Quick,
    /// For a night or a bigger machine.
    Long,
}

/// One test.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Test {
    /// Its name, `R` and a number.
    pub name: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// How many of them: short, quick, long.
    pub cycles: [u64; 3],
    /// Why this machine cannot do it, if so.
    pub cannot: fn() -> Option<String>,
    /// Does it.
    pub run: fn(&mut Run) -> Result<()>,
}

/// Every test, in the order in which they are run.
pub const TESTS: &[Test] = &[
    Test {
        name: "R1",
        does: "kill -9 under load",
        unit: "kills",
        cycles: [20, 200, 20_000],
        cannot: || None,
        run: kill::run,
    },
    Test {
        name: "R2",
        does: "power cut under load, ext4",
        unit: "power cuts",
        cycles: [30, 300, 10_000],
        cannot: image::cannot,
        run: power_cut::run,
    },
    Test {
        name: "R3",
        does: "a system call fails or is the last",
        unit: "injections",
        cycles: [60, 1000, 20_000],
        cannot: system_calls::cannot,
        run: system_calls::run,
    },
    Test {
        name: "R4",
        does: "all pairs of faults of storage, key and signer",
        unit: "tree sizes",
        cycles: [5, 12, 12],
        cannot: || None,
        run: faults::run,
    },
    Test {
        name: "R5",
        does: "simulated worlds",
        unit: "seeds",
        cycles: [2_000, 20_000, 10_000_000],
        cannot: || None,
        run: simulator::run,
    },
    Test {
        name: "R6",
        does: "disk full under load",
        unit: "fillings",
        cycles: [5, 100, 2000],
        cannot: image::cannot,
        run: disk_full::run,
    },
    Test {
        name: "R7",
        does: "one bit flipped in a log at rest",
        unit: "flips",
        cycles: [100, 2000, 100_000],
        cannot: || None,
        run: bit_rot::run,
    },
    Test {
        name: "R8",
        does: "fsck of a large log",
        unit: "entries",
        cycles: [20_000, 1_000_000, 10_000_000],
        cannot: || None,
        run: whole_log::run,
    },
    Test {
        name: "R9",
        does: "an older copy of the database put back",
        unit: "copies",
        cycles: [10, 100, 1000],
        cannot: || None,
        run: old_copy::run,
    },
    Test {
        name: "R10",
        does: "several processes on one log",
        unit: "rounds",
        cycles: [20, 300, 10_000],
        cannot: || None,
        run: two_servers::run,
    },
    Test {
        name: "R11",
        does: "the clock jumps under load",
        unit: "jumps",
        cycles: [4, 20, 1000],
        cannot: clock_jumps::cannot,
        run: clock_jumps::run,
    },
    Test {
        name: "R12",
        does: "every tile forged that a reader asks for",
        unit: "largest tree",
        cycles: [300, 1100, 5000],
        cannot: || None,
        run: tiles::run,
    },
    Test {
        name: "R17",
        does: "a steady load, with an eye on memory",
        unit: "seconds",
        cycles: [20, 600, 86_400],
        cannot: || None,
        run: soak::run,
    },
    Test {
        name: "R18",
        does: "one submitter sends without a pause",
        unit: "seconds",
        cycles: [12, 120, 3600],
        cannot: || None,
        run: overload::run,
    },
    Test {
        name: "R19",
        does: "slow clients, and a shutdown while entries are under way",
        unit: "slow connections",
        cycles: [100, 2000, 20_000],
        cannot: || None,
        run: slow::run,
    },
    Test {
        name: "R20",
        does: "bad requests",
        unit: "requests",
        cycles: [2_000, 20_000, 10_000_000],
        cannot: || None,
        run: bad_requests::run,
    },
    Test {
        name: "R21",
        does: "paths, methods and agents that never come twice",
        unit: "requests",
        cycles: [20_000, 100_000, 10_000_000],
        cannot: || None,
        run: bad_requests::run_labels,
    },
    Test {
        name: "R22",
        does: "requests that would like to be large",
        unit: "bombs",
        cycles: [16, 50, 1000],
        cannot: || None,
        run: bombs::run,
    },
    Test {
        name: "R23",
        does: "one entry from everybody at once",
        unit: "submissions",
        cycles: [1000, 5000, 100_000],
        cannot: || None,
        run: bombs::run_duplicates,
    },
];

impl Test {
    /// How many cycles a form has.
    #[must_use]
    pub fn cycles_of(&self, form: Form) -> u64 {
        let [short, quick, long] = self.cycles;
        match form {
            Form::Short => short,
            Form::Quick => quick,
            Form::Long => long,
        }
    }
}

/// What a test is given, and where it leaves its counts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// The log under test.
    pub program: Program,
    /// Its own directory.
    pub dir: PathBuf,
    /// Where its choices come from.
    pub seed: Seed,
    /// How often.
    pub cycles: u64,
    /// A planted fault is looked for: a finding ends a cycle and not the test, and the share of cycles with a finding
    /// is what counts.
    pub count_findings: bool,
    /// Entries a second, for the test that keeps to a rate.
    pub rate: u64,
    counts: Vec<(String, u64)>,
    notes: Vec<String>,
}

impl Run {
    /// Adds to a count that is printed at the end.
    pub fn count(&mut self, name: &str, by: u64) {
        match self.counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += by,
            None => self.counts.push((name.to_owned(), by)),
        }
    }

    /// A count so far.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        self.counts.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
    }

    /// A line that is printed at the end.
    pub fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    /// Adds what the judges saw to the counts.
    pub fn count_outside(&mut self, outside: &Outside) {
        let tally = outside.tally();
        self.count("acknowledged", tally.acknowledged);
        self.count("checkpoints", tally.checkpoints);
        self.count("entries", tally.entries);
        let refused: BTreeMap<u16, u64> =
            tally.answers.into_iter().filter(|(status, _)| !matches!(status, 200 | 201)).collect();
        for (status, count) in refused {
            self.count(&format!("answers {status}"), count);
        }
    }
}

/// How a test ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ending {
    /// Every promise was kept.
    Held,
    /// This machine cannot do it.
    Skipped(String),
    /// A promise was broken, or the test could not go on.
    Failed(anyhow::Error),
}

/// Thrown by a test that finds out on the way that this machine cannot do it.
#[derive(Debug)]
pub struct CannotHere(pub String);

impl fmt::Display for CannotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotHere {}

/// Where and how much.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Order {
    /// The log under test.
    pub program: Program,
    /// Directory for all scratch directories.
    pub base: PathBuf,
    /// The seed.
    pub seed: u64,
    /// How much is run.
    pub form: Form,
    /// Other cycles than the form's.
    pub cycles: Option<u64>,
    /// Keep the directories of tests that held, too.
    pub keep: bool,
    /// See [`Run::count_findings`].
    pub count_findings: bool,
    /// See [`Run::rate`].
    pub rate: u64,
}

impl Order {
    /// An order with the defaults.
    #[must_use]
    pub fn new(program: Program, base: PathBuf, seed: u64, form: Form) -> Self {
        Self { program, base, seed, form, cycles: None, keep: false, count_findings: false, rate: 1000 }
    }

    /// Runs one test and prints how it ended.
    #[must_use]
    pub fn run(&self, test: &Test) -> Ending {
        let cycles = self.cycles.unwrap_or_else(|| test.cycles_of(self.form));
        println!("== {} {}: {cycles} {}, seed {}", test.name, test.does, test.unit, self.seed);
        if let Some(why) = (test.cannot)() {
            println!("   skipped: {why}");
            return Ending::Skipped(why);
        }
        let started = Instant::now();
        let (run, done) = match self.prepare(test, cycles) {
            Ok((scratch, sync, mut run)) => {
                let done = (test.run)(&mut run);
                (Some((scratch, sync, run)), done)
            }
            Err(error) => (None, Err(error)),
        };
        let ending = match done {
            Ok(()) => Ending::Held,
            Err(error) => match error.downcast::<CannotHere>() {
                Ok(why) => Ending::Skipped(why.0),
                Err(error) => Ending::Failed(error),
            },
        };
        if let Some((scratch, sync, run)) = run {
            self.tell(test, &ending, &run, sync, started.elapsed());
            match &ending {
                Ending::Failed(_) => {
                    println!("   kept:   {}", scratch.path().display());
                    println!(
                        "   again:  cargo xtask torture {} --cycles {cycles} --seed {}",
                        test.name, self.seed
                    );
                }
                _ if self.keep => println!("   kept:   {}", scratch.path().display()),
                _ => {
                    if let Err(error) = scratch.remove() {
                        println!("   left:   {error:#}");
                    }
                }
            }
        } else if let Ending::Failed(error) = &ending {
            println!("   FAILED: {error:#}");
        }
        ending
    }

    fn prepare(&self, test: &Test, cycles: u64) -> Result<(Scratch, SyncTime, Run)> {
        let scratch = Scratch::new(&self.base, test.name, self.seed)?;
        let sync = SyncTime::measure(scratch.path()).context("cannot measure the disk")?;
        let run = Run {
            program: self.program.clone(),
            dir: scratch.path().to_owned(),
            seed: Seed::new(self.seed),
            cycles,
            count_findings: self.count_findings,
            rate: self.rate,
            counts: Vec::new(),
            notes: Vec::new(),
        };
        Ok((scratch, sync, run))
    }

    fn tell(&self, test: &Test, ending: &Ending, run: &Run, sync: SyncTime, took: Duration) {
        let counts: Vec<String> = run.counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        println!("   counts: {}", counts.join(", "));
        for note in &run.notes {
            println!("   note:   {note}");
        }
        println!("   took:   {:.1} s; {sync}; load average {}", took.as_secs_f64(), load_average());
        match ending {
            Ending::Held if run.count_findings => println!("   counted, not judged: {}", test.name),
            Ending::Held => println!("   held:   {}", test.name),
            Ending::Skipped(why) => println!("   skipped: {why}"),
            Ending::Failed(error) => println!("   FAILED: {error:#}"),
        }
    }
}

/// Why a test for the superuser cannot run, if so.
#[must_use]
pub fn not_root() -> Option<String> {
    (!rustix::process::geteuid().is_root()).then(|| "needs root for loop mounts".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_test_is_listed_twice_and_every_form_runs_at_least_once() {
        for (at, test) in TESTS.iter().enumerate() {
            assert!(TESTS.iter().skip(at + 1).all(|other| other.name != test.name), "{}", test.name);
            let [short, quick, long] = test.cycles;
            assert!(0 < short && short <= quick && quick <= long, "{}", test.name);
        }
    }
}
