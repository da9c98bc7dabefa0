//! The chores of this repository, one file per verb, in the one language that is surely here.
//!
//! In scope: whatever a contributor or CI runs by hand. Out of scope: anything a user of the programs needs;
//! that belongs into the programs.

mod bench;
mod check;
mod command;
mod demo;
mod env;
mod fuzz;
mod go_tools;
mod interop;
mod libclang;
mod mutations;
mod place;
mod programs;
mod python;
mod rocksdb;
mod running;
mod server;
mod static_program;
mod tidy;
mod torture;
mod vectors;
mod witness_tools;
mod witnesses;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// What a verb is called with: everything after its name.
type Arguments = [String];

/// A chore: its name, what it does in one line, and where it is done.
struct Verb {
    name: &'static str,
    does: &'static str,
    run: fn(&Arguments) -> Result<()>,
}

const VERBS: [Verb; 10] = [
    Verb {
        name: "demo",
        does: "the whole loop with real processes [--model DIR] [--dir WORKDIR]",
        run: demo::run,
    },
    Verb { name: "check", does: "everything CI runs [--install-tools]", run: check::run },
    Verb { name: "tidy", does: "the rules a compiler cannot check", run: tidy::run },
    Verb { name: "vectors", does: "regenerates our own test cases", run: vectors::run },
    Verb { name: "interop", does: "other people's tools against ours [oms] [--leaves N]", run: interop::run },
    Verb {
        name: "bench",
        does: "speed and size beside peers, in one run [--mib N], or the log's [log --help]",
        run: bench::run,
    },
    Verb {
        name: "fuzz",
        does: "each parser's fuzz target for a while [--seconds N] [TARGET...]",
        run: fuzz::run,
    },
    Verb {
        name: "torture",
        does: "breaks the log on purpose [TEST...] [--form short|quick|long] [--cycles N] [--seed N] [--list] [--mutations]",
        run: torture::run,
    },
    Verb {
        name: "static",
        does: "tallymark-verify as one file that needs nothing else, tried in an empty root",
        run: static_program::run,
    },
    Verb { name: "env", does: "the environment for plain cargo: eval \"$(cargo xtask env)\"", run: env::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        None => {
            print_help();
            Ok(())
        }
        Some((name, _)) if matches!(name.as_str(), "help" | "--help" | "-h") => {
            print_help();
            Ok(())
        }
        Some((name, rest)) => dispatch(name, rest),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(name: &str, rest: &Arguments) -> Result<()> {
    match VERBS.iter().find(|verb| verb.name == name) {
        Some(verb) => (verb.run)(rest),
        None => bail!("no verb `{name}`; `cargo xtask help` lists them"),
    }
}

fn print_help() {
    println!("cargo xtask VERB\n");
    for verb in &VERBS {
        println!("  {:8} {}", verb.name, verb.does);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_verb_is_refused_and_points_to_the_list() {
        let error = dispatch("sing", &[]).expect_err("no such verb").to_string();
        assert!(error.contains("`sing`") && error.contains("xtask help"), "{error}");
    }

    #[test]
    fn no_verb_is_listed_twice() {
        for (i, verb) in VERBS.iter().enumerate() {
            assert!(VERBS.iter().skip(i + 1).all(|other| other.name != verb.name), "{}", verb.name);
        }
    }
}
