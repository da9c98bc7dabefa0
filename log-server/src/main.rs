//! `tallymark-log`: the program around the library, errors to words and exit statuses.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use log_server::admission::gate::Gate;
use log_server::admission::rules::RuleFiles;
use log_server::admission::writes::Writes;
use log_server::append::{AppendError, Appended, append};
use log_server::care::Care;
use log_server::config::Mode;
use log_server::descriptors;
use log_server::doctor::{Finding, State, doctor};
use log_server::feeder::{Tempo, Witnesses};
use log_server::init::{InitError, init, init_elsewhere};
use log_server::key_file::{AtRest, existing_passphrase, new_passphrase};
use log_server::listener::{Endpoint, Listener};
use log_server::notify::Manager;
use log_server::opening::{Class, OpenLog};
use log_server::process::harden;
use log_server::serve::{House, ServeError, serve};
use log_server::settings::{Keys, LineFormat, LogSettings, SAMPLE, Settings, SettingsError};
use log_server::signing::place::KeyPlace;
use log_server::site::Site;
use log_server::status::Cadence;
use log_server::storage::rocks::MAX_OPEN_FILES;
use log_server::tls::{Tls, TlsError};
use tlog::policy::Policy;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Cli, Command};

mod args;
mod pages;
mod signer;
mod token;
mod upkeep;

/// Entries and answers are made on one thread and dropped on another, thousands a second.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Damage found, or the log refuses to start.
const REFUSED: u8 = 1;
/// Flags, variables or the configuration file ask for what cannot be.
const MISUSE: u8 = 2;
/// Something could not be read or written.
const UNAVAILABLE: u8 = 5;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Init(args) => run_init(&args),
        Command::Serve(args) => run_serve(*args),
        Command::Doctor(args) => run_doctor(*args),
        Command::SampleConfig => print(&SAMPLE.trim_end()).map(|()| ExitCode::SUCCESS),
        Command::InitSigner(args) => signer::run_init(&args),
        Command::SignHeads(args) => signer::run(&args),
        Command::Token(command) => token::run(&command),
        Command::Completions(args) => run_completions(&args),
        Command::Man(args) => run_man(&args),
        Command::Fsck(args) => upkeep::fsck(&args),
        Command::Export(args) => upkeep::export(&args),
        Command::Import(args) => upkeep::import(&args),
        Command::Backup(args) => upkeep::backup(&args),
        Command::Restore(args) => upkeep::restore(&args),
        Command::Freeze(args) => upkeep::freeze(&args),
        Command::Thaw(args) => upkeep::thaw(&args),
        Command::Append(args) => run_append(&args),
        Command::InitMlDsa(args) => signer::run_init_ml_dsa(&args),
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
    harden().map_err(Failure::unavailable)?;
    let mode = if args.conformance { Mode::Conformance } else { Mode::Service };
    let made = match signer::place(&args.key)? {
        KeyPlace::File => at_rest(args.unencrypted_key, args.passphrase_file.as_deref())
            .and_then(|at_rest| init(&args.dir, &args.origin, mode, &at_rest)),
        place => {
            let public_key = signer::public_key(&place, &args.key)?;
            init_elsewhere(&args.dir, &args.origin, mode, place, &public_key)
        }
    };
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

/// How a new key is to be kept, the passphrase asked for if it needs one.
fn at_rest(unencrypted: bool, passphrase_file: Option<&Path>) -> Result<AtRest, InitError> {
    if unencrypted {
        return Ok(AtRest::Plain);
    }
    Ok(AtRest::Encrypted(new_passphrase(passphrase_file)?))
}

/// Everything that flags, variables and the file say, checked before anything is opened.
fn settings(args: args::Serve) -> Result<Settings, SettingsError> {
    let file = args.config.as_deref().map(Keys::read).transpose()?.unwrap_or_default();
    args.keys.over(file, args.log)?.settings()
}

fn run_doctor(args: args::Doctor) -> Result<ExitCode, Failure> {
    harden().map_err(Failure::unavailable)?;
    let findings = match settings(args.serve) {
        Ok(settings) => doctor(&settings),
        Err(error) => vec![Finding::of_settings(&error)],
    };
    let is = |state| findings.iter().any(|finding| finding.state == state);
    if args.json {
        print(&serde_json::json!({ "findings": findings }))?;
    } else {
        for finding in &findings {
            print(finding)?;
        }
    }
    Ok(match (is(State::Fail), is(State::Unknown)) {
        (true, _) => ExitCode::from(REFUSED),
        (false, true) => ExitCode::from(UNAVAILABLE),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn run_append(args: &args::Append) -> Result<ExitCode, Failure> {
    let unreadable = |error: std::io::Error| {
        let error = anyhow::Error::from(error).context(format!("cannot read {}", args.file.display()));
        Failure { error, hint: None, status: UNAVAILABLE }
    };
    let mut file = std::io::BufReader::new(std::fs::File::open(&args.file).map_err(unreadable)?);
    let mut log = OpenLog::open(&args.dir, || existing_passphrase(args.passphrase_file.as_deref()))
        .map_err(|error| Failure::of_class(error.class(), error.hint(), error))?;
    let speaks = std::io::stderr().is_terminal();
    let mut progress = |so_far: Appended| {
        if speaks && so_far.read % 1_000_000 < 8192 {
            eprintln!("append  {} entries", so_far.read);
        }
    };
    match append(&mut log, &mut file, args.raw, &mut progress) {
        Ok(appended) => {
            let size = log.head().size();
            print(&match args.json {
                true => format!("{{\"read\":{},\"new\":{},\"size\":{size}}}", appended.read, appended.new),
                false => format!("{} entries read, {} of them new; size {size}", appended.read, appended.new),
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let status = if matches!(error, AppendError::Io(_)) { UNAVAILABLE } else { REFUSED };
            let hint = "what was added before stays; give the same file again once this is mended";
            Err(Failure { error: error.into(), hint: Some(hint), status })
        }
    }
}

fn open_site(log: &LogSettings, care: Care, tempo: Tempo, status: Cadence) -> Result<Site, Failure> {
    let witnesses = log.witness_policy.as_deref().map(|path| witnesses(path, tempo)).transpose()?;
    let opened = OpenLog::open(&log.dir, || existing_passphrase(log.passphrase_file.as_deref()));
    let mut opened = opened.map_err(|error| {
        let (class, hint) = (error.class(), error.hint());
        // Among several logs the operator must know which.
        Failure::of_class(class, hint, anyhow::Error::from(error).context(log.dir.display().to_string()))
    })?;
    opened.set_care(care);
    let files = RuleFiles::new(Some(log.dir.join(token::TOKENS)), log.publishers.clone());
    let gate = Gate::new(opened.config().mode(), log.writes, log.rates, files).map_err(|error| Failure {
        hint: error.hint(),
        status: if error.is_io() { UNAVAILABLE } else { REFUSED },
        error: error.into(),
    })?;
    let mut site = Site::new(opened);
    site.gate = gate;
    site.status = Some(status);
    site.witnesses = witnesses;
    (site.path, site.host, site.queue) = (log.path.clone(), log.host.clone(), log.queue);
    Ok(site)
}

/// Reads a policy about witnesses.
fn witnesses(path: &Path, tempo: Tempo) -> Result<Witnesses, Failure> {
    let read = std::fs::read(path).with_context(|| format!("could not read {}", path.display()));
    let policy = Policy::parse(&read.map_err(Failure::unavailable)?);
    let policy = policy.with_context(|| path.display().to_string()).map_err(|error| Failure {
        error,
        hint: Some("one line for each witness: witness NAME VKEY URL; then quorum NAME, or quorum none"),
        status: MISUSE,
    })?;
    Ok(Witnesses { policy: Arc::new(policy), tempo })
}

fn run_serve(args: args::Serve) -> Result<ExitCode, Failure> {
    let settings = settings(args).map_err(|error| Failure {
        hint: error.hint(),
        status: if matches!(error, SettingsError::Io { .. }) { UNAVAILABLE } else { MISUSE },
        error: error.into(),
    })?;
    log_lines(settings.lines);
    harden().map_err(Failure::unavailable)?;
    let manager = Manager::from_environment().map_err(Failure::unavailable)?.map(Arc::new);
    let files = u64::from(MAX_OPEN_FILES) * settings.logs.len() as u64;
    let wanted = descriptors::wanted(settings.limits.connections, files);
    if let Some(allowed) = descriptors::allowed().filter(|allowed| *allowed < wanted) {
        let error = anyhow::anyhow!("{allowed} open files are allowed, {wanted} may be needed");
        let hint = Some("raise the limit (ulimit -n) or lower --max-connections");
        return Err(Failure { error, hint, status: UNAVAILABLE });
    }
    let tls = settings.tls.map(Tls::load).transpose().map_err(|error| Failure {
        hint: error.hint(),
        status: if matches!(error, TlsError::Io { .. }) { UNAVAILABLE } else { REFUSED },
        error: error.into(),
    })?;
    let tls = tls.map(Arc::new);
    let sites = settings
        .logs
        .iter()
        .map(|log| open_site(log, settings.care, settings.tempo, settings.status))
        .collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::unavailable)?;
    let served = runtime.block_on(async {
        let mut listeners = Vec::new();
        for (endpoint, roles) in settings.listen.endpoints() {
            let bound = Listener::bind(&endpoint, roles).await;
            let bound = bound.with_context(|| format!("could not listen on {endpoint}"))?;
            listeners.push(bound.with_tls(tls.clone()));
        }
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut hangup = signal(SignalKind::hangup())?;
        sites.iter().for_each(describe);
        for listener in &listeners {
            let scheme = match (listener.endpoint()?, listener.tls()) {
                (Endpoint::Unix(_), _) => "",
                (Endpoint::Tcp(_), None) => "http://",
                (Endpoint::Tcp(_), Some(_)) => "https://",
            };
            let roles = listener.roles();
            let what = if listeners.len() == 1 { String::new() } else { format!(" for {roles}") };
            let line = format!("listening on {scheme}{}{what}", listener.endpoint()?);
            print(&line).map_err(|failure| failure.error)?;
        }
        if let Some(manager) = manager.clone() {
            manager.ready();
            tokio::spawn(async move { manager.watch().await });
        }
        tokio::spawn(async move {
            // Without TLS there is nothing to read again, and still no reason to die.
            while hangup.recv().await.is_some() {
                let renewing = tls.clone();
                let _ =
                    tokio::task::spawn_blocking(move || renewing.as_ref().map(|tls| tls.renew_and_tell()))
                        .await;
            }
        });
        let mut signalled = async move || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let (first, second) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(async move {
            signalled().await;
            if let Some(manager) = manager {
                manager.stopping();
            }
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
        let house = House { sites, listeners, limits: settings.limits, proxies: settings.proxies };
        serve(house, shutdown).await.map_err(anyhow::Error::from)
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

/// Log lines go to standard error.
fn log_lines(format: LineFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A reader of standard error that goes away must not matter: reporting it would panic on the same stream.
    let lines = lines.log_internal_errors(false);
    match format {
        LineFormat::Json => lines.json().flatten_event(true).with_ansi(false).init(),
        _ => lines.with_ansi(may_colour()).init(),
    }
}

/// Whether log lines may carry colour: on a terminal, unless `NO_COLOR` is set and not empty (no-color.org).
fn may_colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn describe(site: &Site) {
    let (config, size) = (site.log.config(), site.log.head().size().get());
    let (origin, path) = (config.origin().to_string(), format!("{}/", site.path));
    tracing::info!(origin, size, path, "log open, tail proven");
    let (writes, tokens) = (site.gate.writes(), site.gate.book().current());
    match (writes, tokens.map_or(0, |rules| rules.tokens.grants().len())) {
        (Writes::Token, 0) => tracing::warn!(
            origin,
            "entries are taken with a token and there is none: tallymark-log token new DIR, or --writes open"
        ),
        (writes, tokens) => tracing::info!(origin, %writes, tokens, "whose entries are taken"),
    }
    if config.mode() == Mode::Conformance {
        tracing::warn!(origin, "conformance log: POST /add takes anything from anybody");
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
