//! `tallymark-monitor`: the program around the library, errors to words and exit statuses.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use attest::bundle::{BundleFile, MAX_BUNDLE_FILE_BYTES};
use clap::{CommandFactory as _, Parser as _};
use merkle::LeafHash;
use monitor::config::{ConfigError, Keys, Lines, SAMPLE, Settings};
use monitor::disk::{self, Dir};
use monitor::evidence::{Evidence, MAX_EVIDENCE_BYTES};
use monitor::heartbeat::heartbeat;
use monitor::lists::List;
use monitor::metrics;
use monitor::outbox::Outbox;
use monitor::place::read_policy;
use monitor::round::{Places, Shared, Watched};
use monitor::state::State;

use crate::args::{Cli, Command};

mod args;
mod reports;

const PROGRAM: &str = "tallymark-monitor";
/// Something was checked and is false.
const FALSE: u8 = 1;
/// Flags, variables or the configuration file ask for what cannot be.
const MISUSE: u8 = 2;
/// Something could not be read or written.
const UNAVAILABLE: u8 = 5;
/// Between two looks of the thread that keeps numbers, heartbeats and waiting messages.
const TICK: Duration = Duration::from_millis(200);
/// Between two attempts to deliver what waits.
const REDELIVER_EVERY: Duration = Duration::from_secs(5);
const METRICS_EVERY: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Watch(args) => run_watch(*args),
        Command::Expect(args) => run_expect(&args),
        Command::Acknowledge(args) => run_acknowledge(&args),
        Command::Status(args) => run_status(&args),
        Command::CheckEvidence(args) => run_check_evidence(&args),
        Command::Report(args) => reports::run_report(*args),
        Command::CheckReport(args) => reports::run_check_report(&args),
        Command::Mirror(args) => reports::run_mirror(&args),
        Command::SampleConfig => print(&SAMPLE.trim_end()).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => run_completions(&args),
        Command::Man(args) => run_man(&args),
    };
    match done {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("{PROGRAM}: {:#}", failure.error);
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

    fn misuse(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), hint: None, status: MISUSE }
    }

    fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), hint: None, status: FALSE }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let status = if matches!(error, ConfigError::Disk(_)) { UNAVAILABLE } else { MISUSE };
        Self { hint: error.hint(), error: error.into(), status }
    }
}

fn run_watch(args: args::Watch) -> Result<ExitCode, Failure> {
    let file = args.config.as_deref().map(Keys::read).transpose()?.unwrap_or_default();
    let mut settings = args.keys.or(file).settings()?;
    log_lines(settings.lines);
    let dir = Dir::lock(&settings.dir).map_err(Failure::unavailable)?;
    let sinks = std::mem::take(&mut settings.sinks);
    let outbox = Outbox::open(dir, sinks, args.baseline).map_err(|error| Failure {
        hint: Some("a state that is damaged cannot be gone on from: move it away, and everything is read and told anew"),
        ..Failure::unavailable(error)
    })?;
    let (outbox, places) = (Mutex::new(outbox), Places::new(settings.threads));
    let shared = Shared { watchlist: &settings.watchlist, outbox: &outbox, places: &places };
    let patience = if args.once { Duration::ZERO } else { settings.patience };
    let mut logs = settings
        .logs
        .iter()
        .map(|log| settings.watched(log, shared, patience))
        .collect::<Result<Vec<_>, _>>()?;
    if args.once {
        once(&settings, &outbox, &mut logs, args.backfill)
    } else {
        watch(&settings, &outbox, logs, args.backfill)
    }
}

fn once(
    settings: &Settings,
    outbox: &Mutex<Outbox>,
    logs: &mut [Watched<'_>],
    is_backfill: bool,
) -> Result<ExitCode, Failure> {
    let look = |log: &mut Watched<'_>| {
        if is_backfill {
            log.backfill()?;
        }
        log.round()
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = logs.iter_mut().map(|log| scope.spawn(|| look(log))).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
    for result in results {
        let result =
            result.map_err(|_| Failure::unavailable(anyhow::anyhow!("a look at a log broke off")))?;
        result.map_err(Failure::unavailable)?;
    }
    outbox.redeliver().map_err(Failure::unavailable)?;
    write_metrics(settings, &outbox);
    let summary = heartbeat(&outbox);
    eprint!("{}", summary.detail.unwrap_or_default());
    if !outbox.state().pending.is_empty() {
        return Ok(ExitCode::from(UNAVAILABLE));
    }
    Ok(ExitCode::from(outbox.counts().worst.map_or(0, monitor::reason::Class::exit_code)))
}

/// Watches for ever. There is nothing to do at the end: the state is as good as it was when it was last saved.
fn watch(
    settings: &Settings,
    outbox: &Mutex<Outbox>,
    logs: Vec<Watched<'_>>,
    is_backfill: bool,
) -> Result<ExitCode, Failure> {
    std::thread::scope(|scope| {
        for mut log in logs {
            scope.spawn(move || {
                let mut is_behind = is_backfill;
                loop {
                    let began = Instant::now();
                    let backfilled = if is_behind { log.backfill() } else { Ok(()) };
                    is_behind &= backfilled.is_err();
                    if let Err(error) = backfilled.and_then(|()| log.round()) {
                        // A list with a typing error, a full disk, a receiver that takes nothing: said until it is mended.
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(
                            origin = log.origin(),
                            error,
                            "the look was broken off; the next one begins where it was"
                        );
                        std::thread::sleep(Duration::from_secs(1));
                    }
                    std::thread::sleep(settings.poll.saturating_sub(began.elapsed()));
                }
            });
        }
        keep(settings, outbox)
    })
}

/// Numbers, heartbeats, and what waits.
fn keep(settings: &Settings, outbox: &Mutex<Outbox>) -> ! {
    tracing::info!(logs = settings.logs.len(), dir = %settings.dir.display(), "watching");
    let (mut beaten, mut delivered, mut written) = (None::<Instant>, Instant::now(), None::<Instant>);
    let is_time = |last: Option<Instant>, every| last.is_none_or(|last| last.elapsed() >= every);
    loop {
        std::thread::sleep(TICK);
        let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
        if delivered.elapsed() >= REDELIVER_EVERY {
            if let Err(error) = outbox.redeliver() {
                tracing::error!(%error, "what waits could not be written down");
            }
            delivered = Instant::now();
        }
        // The first one once every log has been looked at, so that it says something.
        let is_settled = outbox.standings().len() >= settings.logs.len();
        if is_time(beaten, settings.heartbeat) && (is_settled || beaten.is_some()) {
            let alert = heartbeat(&outbox);
            outbox.heartbeat(&alert);
            beaten = Some(Instant::now());
        }
        if is_time(written, METRICS_EVERY) {
            write_metrics(settings, &outbox);
            written = Some(Instant::now());
        }
    }
}

fn write_metrics(settings: &Settings, outbox: &Outbox) {
    let Some(path) = &settings.metrics else { return };
    if let Err(error) = disk::replace_public(path, metrics::page(outbox).as_bytes()) {
        tracing::error!(%error, "numbers could not be written");
    }
}

fn run_expect(args: &args::Expect) -> Result<ExitCode, Failure> {
    let mut items = Vec::new();
    for path in &args.bundles {
        let bytes = disk::read(path, MAX_BUNDLE_FILE_BYTES as u64).map_err(Failure::unavailable)?;
        let missing = || Failure::unavailable(anyhow::anyhow!("{}: not there", path.display()));
        let file = BundleFile::parse(&bytes.ok_or_else(missing)?);
        let file = file.with_context(|| path.display().to_string()).map_err(Failure::refused)?;
        for bundle in file.bundles() {
            if let Some(entry) = bundle.log_entry() {
                items.push((LeafHash::of(entry.entry_bytes()).to_string(), path.display().to_string()));
            }
        }
    }
    if items.is_empty() {
        return Err(Failure::refused(anyhow::anyhow!("no bundle has an entry of a log")));
    }
    disk::make(&args.dir).map_err(Failure::unavailable)?;
    let added = List::expected(&args.dir).add(&items).map_err(Failure::unavailable)?;
    print(&format_args!("{added} entries are expected that were not"))?;
    Ok(ExitCode::SUCCESS)
}

fn run_acknowledge(args: &args::Acknowledge) -> Result<ExitCode, Failure> {
    for id in &args.ids {
        let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id {
            return Err(Failure::misuse(anyhow::anyhow!(
                "{id:?} is no id of an alert, wanted 32 hex digits"
            )));
        }
    }
    disk::make(&args.dir).map_err(Failure::unavailable)?;
    let remark = args.remark.replace(char::is_control, " ");
    let items: Vec<_> = args.ids.iter().map(|id| (id.clone(), remark.clone())).collect();
    let added = List::acknowledged(&args.dir).add(&items).map_err(Failure::unavailable)?;
    print(&format_args!("{added} alerts are acknowledged that were not"))?;
    Ok(ExitCode::SUCCESS)
}

fn run_status(args: &args::Status) -> Result<ExitCode, Failure> {
    let state = State::read(&args.dir).map_err(Failure::unavailable)?;
    let is_well = state.logs.values().all(|log| log.concerns.is_empty()) && state.pending.is_empty();
    if args.json {
        let logs = state.logs.iter().map(|(origin, log)| {
            let concerns: Vec<_> = log.concerns.iter().map(|(reason, id)| serde_json::json!({"reason": reason.code(), "id": id})).collect();
            serde_json::json!({ "origin": origin, "next": log.next, "checkpoint": log.checkpoint, "concerns": concerns })
        });
        let logs: Vec<_> = logs.collect();
        print(&serde_json::json!({ "logs": logs, "waiting": state.pending.len() }))?;
    } else {
        for (origin, log) in &state.logs {
            print(&format_args!("{origin}  {} entries read", log.next))?;
            for (reason, id) in &log.concerns {
                print(&format_args!("  {reason}  {id}  {}", reason.title()))?;
            }
        }
        if !state.pending.is_empty() {
            print(&format_args!("{} messages wait for a receiver", state.pending.len()))?;
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(FALSE) })
}

fn run_check_evidence(args: &args::CheckEvidence) -> Result<ExitCode, Failure> {
    let bytes = disk::read(&args.file, MAX_EVIDENCE_BYTES as u64).map_err(Failure::unavailable)?;
    let missing = || Failure::unavailable(anyhow::anyhow!("{}: not there", args.file.display()));
    let bytes = bytes.ok_or_else(missing)?;
    let evidence = Evidence::parse(&bytes).context("no evidence file").map_err(Failure::refused)?;
    if let Some(path) = &args.policy {
        let policy = read_policy(path)?;
        let known = |key: &&tlog::vkey::Vkey| policy.logs().iter().any(|log| log.vkey() == *key);
        if let Some(key) = evidence.keys().iter().find(|key| !known(key)) {
            return Err(Failure::refused(anyhow::anyhow!("the policy has no log with the key {key}")));
        }
    }
    let fork = evidence.verify().context("this proves nothing").map_err(Failure::refused)?;
    print(&format_args!("FORK of {}", fork.origin()))?;
    print(&format_args!("  for size   {}", fork.size()))?;
    print(&format_args!("  it signed  {}", fork.root_signed()))?;
    print(&format_args!(
        "  and        {}, as part of a tree of size {}",
        fork.root_elsewhere(),
        fork.larger().size()
    ))?;
    for key in evidence.keys() {
        print(&format_args!("  key        {key}"))?;
    }
    if args.policy.is_none() {
        print(
            &"Compare the key with one that you have from elsewhere: whoever made the file could have made the key.",
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lines go to standard error.
fn log_lines(format: Lines) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A reader of standard error that goes away must not matter: reporting it would panic on the same stream.
    let lines = lines.log_internal_errors(false);
    let may_colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match format {
        Lines::Json => lines.json().flatten_event(true).with_ansi(false).init(),
        _ => lines.with_ansi(may_colour).init(),
    }
}

fn run_completions(args: &args::Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut script);
    let mut out = std::io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(Failure::unavailable)?;
    Ok(ExitCode::SUCCESS)
}

fn run_man(args: &args::Man) -> Result<ExitCode, Failure> {
    let pages = man(&args.dir).with_context(|| format!("could not write to {}", args.dir.display()));
    eprintln!("wrote {} pages to {}", pages.map_err(Failure::unavailable)?, args.dir.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for the program and one for each command; says how many.
fn man(dir: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let program = Cli::command();
    let mut pages = vec![(PROGRAM.to_owned(), program.clone())];
    for command in program.get_subcommands() {
        let (name, shown) =
            (format!("{PROGRAM}-{}", command.get_name()), format!("{PROGRAM} {}", command.get_name()));
        pages.push((name.clone(), command.clone().display_name(name).bin_name(shown)));
    }
    for (name, command) in &pages {
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).title(name).render(&mut page)?;
        std::fs::write(dir.join(format!("{name}.1")), page)?;
    }
    Ok(pages.len())
}

/// A line on standard output; a closed pipe is an error like any other.
fn print(line: &dyn std::fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::unavailable)
}
