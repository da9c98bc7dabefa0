//! `tallymark-verify`: arguments in, one verdict and an exit code out. All judgement is in the library.

mod args;
mod progress;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use verifier::copy::{Delivered, deliver};
use verifier::load::Verdict;
use verifier::oms;
use verifier::report::{self, Style};

use crate::args::Args;
use crate::progress::Meter;

/// Exit code of wrong use; the others belong to [`verifier::Class`].
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    if asks_for_program_version() {
        return print(&format!("tallymark-verify {}\n", env!("CARGO_PKG_VERSION")), 0);
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return explain(&error),
    };
    if let Some(address) = args.elsewhere() {
        eprintln!(
            "tallymark-verify: {} lies elsewhere, and this program opens no connection; fetch it first, and name the directory",
            report::plain(address)
        );
        return print(
            if args.json { report::usage_json(WRONG_USE) } else { String::new() }.as_str(),
            WRONG_USE,
        );
    }
    let meter = Meter::new(!args.quiet && !args.no_progress && io::stderr().is_terminal());
    let progress = |done, total| meter.show(done, total);
    let colour = args.color.enabled(io::stdout().is_terminal());
    let style = if colour { Style::Colour } else { Style::Plain };
    let (text, code) = if let Some(request) = args.oms_request() {
        let verdict = request.verify(&progress);
        meter.clear();
        let text = if args.json { oms::json(&verdict) } else { oms::text(&verdict, style) };
        (text, verdict.exit_code())
    } else if let Some(destination) = args.destination() {
        let delivered = deliver(&args.request(), destination, &progress);
        meter.clear();
        match delivered {
            Ok(delivered) => {
                let (mut text, code) = told(delivered.verdict(), &args, style);
                if !args.json {
                    let place = report::plain(&destination.to_string_lossy());
                    text.push_str(&match &delivered {
                        Delivered::Copied { .. } => format!("  these bytes are in {place}\n"),
                        Delivered::Found(_) => format!("  judged as found in {place}; nothing was copied\n"),
                        Delivered::Refused(_) => format!("  nothing was put into {place}\n"),
                    });
                }
                (text, code)
            }
            Err(error) => {
                eprintln!("tallymark-verify: {}", report::cause(&error));
                (String::new(), verifier::Class::Io.exit_code())
            }
        }
    } else {
        let verdict = args.request().verify(&progress);
        meter.clear();
        told(&verdict, &args, style)
    };
    print(if args.quiet { "" } else { &text }, code)
}

/// The verdict in words and as a number.
fn told(verdict: &Verdict, args: &Args, style: Style) -> (String, u8) {
    let text = if args.json { report::json(verdict) } else { report::text(verdict, style) };
    (text, verdict.exit_code())
}

/// `--version` with a label is an expectation; with nothing else on the line it is the usual question.
fn asks_for_program_version() -> bool {
    let mut args = std::env::args_os().skip(1);
    args.next().is_some_and(|arg| arg == "--version" || arg == "-V") && args.next().is_none()
}

/// Writes to standard output. A reader that went away changes neither the verdict nor its exit code.
fn print(text: &str, code: u8) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("tallymark-verify: standard output: {error}");
            ExitCode::from(verifier::Class::Io.exit_code())
        }
        _ => ExitCode::from(code),
    }
}

/// Prints help to standard output, or a usage error to standard error and, if JSON was asked for, as JSON.
fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp => print(&error.render().to_string(), 0),
        _ => {
            eprint!("{}", error.render());
            let json = std::env::args_os().any(|arg| arg == "--json");
            print(&if json { report::usage_json(WRONG_USE) } else { String::new() }, WRONG_USE)
        }
    }
}
