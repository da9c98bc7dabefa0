//! `tallymark-log`: the program around the library, errors to words and exit statuses.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use log_server::config::{Config, Mode};
use log_server::descriptors;
use log_server::init::init;
use log_server::key_file::{AtRest, existing_passphrase, new_passphrase};
use log_server::opening::{Class, OpenLog};
use log_server::serve::{Limits, ServeError, serve};
use log_server::storage::rocks::MAX_OPEN_FILES;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Cli, Command};

mod args;
mod pages;
mod upkeep;

/// Damage found, or the log refuses to start.
const REFUSED: u8 = 1;
/// Something could not be read or written.
const UNAVAILABLE: u8 = 5;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Init(args) => run_init(&args),
        Command::Serve(args) => run_serve(&args),
        Command::Completions(args) => run_completions(&args),
        Command::Man(args) => run_man(&args),
        Command::Fsck(args) => upkeep::fsck(&args),
        Command::Export(args) => upkeep::export(&args),
    };
    match done {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("tallymark-log: {:#}", failure.error);
            if let Some(hint) = failure.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(failure.status)
        }
    }
}

/// What ends a command early.
struct Failure {
    error: anyhow::Error,
    hint: Option<&'static str>,
    status: u8,
}

impl Failure {
    fn unavailable(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), hint: None, status: UNAVAILABLE }
    }

    fn of_class(class: Class, hint: Option<&'static str>, error: impl Into<anyhow::Error>) -> Self {
        let status = match class {
            Class::Refused => REFUSED,
            Class::Unavailable => UNAVAILABLE,
        };
        Self { error: error.into(), hint, status }
    }
}

fn run_init(args: &args::Init) -> Result<ExitCode, Failure> {
    let mode = if args.conformance { Mode::Conformance } else { Mode::Service };
    let at_rest = if args.unencrypted_key {
        Ok(AtRest::Plain)
    } else {
        new_passphrase(args.passphrase_file.as_deref()).map(AtRest::Encrypted)
    };
    let made = at_rest.map_err(Into::into).and_then(|at_rest| init(&args.dir, &args.origin, mode, &at_rest));
    let config = made.map_err(|error| Failure::of_class(error.class(), error.hint(), error))?;
    let dir = args.dir.display();
    if args.json {
        print(&serde_json::json!({
            "origin": config.origin().to_string(),
            "vkey": config.vkey().to_string(),
            "policy": config.policy_line(),
            "conformance": args.conformance,
            "dir": dir.to_string(),
        }))?;
    } else {
        print(&format_args!(
            "origin {}\nvkey   {}\n\nFor a policy file, so that others can trust this log:\n{}\nquorum none\n\n\
             Next: tallymark-log serve {dir} --listen 127.0.0.1:8080",
            config.origin(),
            config.vkey(),
            config.policy_line(),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_serve(args: &args::Serve) -> Result<ExitCode, Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A reader of standard error that goes away must not matter: reporting it would panic on the same stream.
    lines.with_ansi(may_colour()).log_internal_errors(false).init();
    let wanted = descriptors::wanted(args.max_connections, u64::from(MAX_OPEN_FILES));
    if let Some(allowed) = descriptors::allowed().filter(|allowed| *allowed < wanted) {
        let error = anyhow::anyhow!("{allowed} open files are allowed, {wanted} may be needed");
        let hint = Some("raise the limit (ulimit -n) or lower --max-connections");
        return Err(Failure { error, hint, status: UNAVAILABLE });
    }
    let log = OpenLog::open(&args.dir, || existing_passphrase(args.passphrase_file.as_deref()));
    let log = log.map_err(|error| Failure::of_class(error.class(), error.hint(), error))?;
    let limits = Limits { connections: args.max_connections, queue: args.queue, ..Limits::STANDARD };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::unavailable)?;
    let served = runtime.block_on(async {
        let bound = TcpListener::bind(args.listen).await;
        let listener = bound.with_context(|| format!("could not listen on {}", args.listen))?;
        let address = listener.local_addr()?;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        describe(log.config(), &log, address);
        print(&format_args!("listening on http://{address}")).map_err(|failure| failure.error)?;
        let mut signalled = async move || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let (first, second) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(async move {
            signalled().await;
            // The server may have ended by itself meanwhile.
            let _ = first.send(());
            signalled().await;
            tracing::warn!("second signal, ending at once");
            std::process::exit(i32::from(UNAVAILABLE));
        });
        let shutdown = async {
            // An error here means that the task above is gone, which is as good a reason to end.
            let _ = second.await;
        };
        serve(log, listener, limits, shutdown).await.map_err(anyhow::Error::from)
    });
    // Threads that still read tiles have nobody left to answer.
    runtime.shutdown_background();
    served.map_err(|error: anyhow::Error| {
        let again = "start again: the next start reads what is on disk and compares it with the ledger";
        Failure { hint: error.is::<ServeError>().then_some(again), error, status: UNAVAILABLE }
    })?;
    tracing::info!("down");
    Ok(ExitCode::SUCCESS)
}

/// Whether log lines may carry colour: on a terminal, unless `NO_COLOR` is set and not empty (no-color.org).
fn may_colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn describe(config: &Config, log: &OpenLog, address: std::net::SocketAddr) {
    let (origin, size) = (config.origin().to_string(), log.head().size().get());
    tracing::info!(origin, size, %address, "log open, tail proven");
    if config.mode() == Mode::Conformance {
        tracing::warn!("conformance log: POST /add takes anything from anybody");
    }
}

fn run_completions(args: &args::Completions) -> Result<ExitCode, Failure> {
    let script = pages::completions(args.shell);
    let mut out = std::io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(Failure::unavailable)?;
    Ok(ExitCode::SUCCESS)
}

fn run_man(args: &args::Man) -> Result<ExitCode, Failure> {
    let written = pages::man(&args.dir).with_context(|| format!("could not write to {}", args.dir.display()));
    let pages = written.map_err(Failure::unavailable)?;
    eprintln!("wrote {pages} pages to {}", args.dir.display());
    Ok(ExitCode::SUCCESS)
}

/// A line on standard output; a closed pipe is an error like any other.
fn print(line: &dyn std::fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::unavailable)
}
