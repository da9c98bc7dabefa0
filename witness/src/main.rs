//! `tallymark-witness`: the program around the library, errors to words and exit statuses.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use tlog::checkpoint::Origin;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use witness::config::{Config, LineFormat, Settings, is_prefix};
use witness::cosigner::Identity;
use witness::data_dir;
use witness::doctor::{State, doctor};
use witness::init::{FirstKey, InitError, LOGS, OpenWitness, init, ml_dsa_vkey};
use witness::key_file::{existing_passphrase, new_passphrase};
use witness::log_list::{ListedLog, LogList};
use witness::logs::{self, ListFiles, Logs};
use witness::notify::Manager;
use witness::process::harden;
use witness::record;
use witness::recorder::SystemClock;
use witness::serve::{Limits, ServeError, Service, serve};

use crate::args::{Cli, Command};

mod args;
mod signer;

const PROGRAM: &str = "tallymark-witness";
const LISTEN: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7380);

/// Something is wrong, or refused.
const REFUSED: u8 = 1;
/// Flags, variables or the configuration file ask for what cannot be.
const MISUSE: u8 = 2;
/// Something could not be read or written.
const UNAVAILABLE: u8 = 5;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Init(args) => run_init(&args),
        Command::AddLog(args) => run_add_log(args),
        Command::Serve(args) => run_serve(args),
        Command::Status(args) => run_status(&args),
        Command::Doctor(args) => run_doctor(&args),
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
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        let status = if error.is_io() { UNAVAILABLE } else { REFUSED };
        Self { hint: error.hint(), status, error: error.into() }
    }
}

fn run_init(args: &args::Init) -> Result<ExitCode, Failure> {
    harden().map_err(Failure::unavailable)?;
    let key = signer::first_key(&args.key)?;
    let makes_a_file = key == FirstKey::New || cfg!(feature = "ml-dsa") && !args.no_ml_dsa;
    let passphrase = match makes_a_file && !args.unencrypted_key {
        true => Some(new_passphrase(args.passphrase_file.as_deref()).map_err(InitError::from)?),
        false => None,
    };
    let cosigner = init(&args.dir, &args.name, &key, passphrase.as_ref(), !args.no_ml_dsa)?;
    let (vkey, ml_dsa, dir) = (cosigner.vkey().to_string(), ml_dsa_vkey(&cosigner), args.dir.display());
    if args.json {
        print(&serde_json::json!({
            "name": args.name.as_str(), "vkey": vkey, "vkey-ml-dsa": ml_dsa, "dir": dir.to_string(),
        }))?;
    } else {
        print(&format_args!("name   {}\nvkey   {vkey}", args.name))?;
        if let Some(vkey) = ml_dsa {
            print(&format_args!("ML-DSA {vkey}"))?;
        }
        print(&format_args!(
            "\nFor a policy file, so that others can ask for this witness:\nwitness w1 {vkey}\n\n\
             Next: {PROGRAM} add-log {dir} VKEY, then {PROGRAM} serve {dir}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_add_log(args: args::AddLog) -> Result<ExitCode, Failure> {
    let config = Config::read(&args.dir).map_err(InitError::from)?;
    let origin = args.origin.clone().unwrap_or_else(|| Origin::from(args.vkey.name()));
    let listed = ListedLog::new(args.vkey, args.origin, args.qpd, &args.contact).map_err(Failure::misuse)?;
    let path = args.dir.join(LOGS);
    let before = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()));
    let before = before.map_err(Failure::unavailable)?;
    let refused = |error: anyhow::Error| Failure { error, hint: None, status: REFUSED };
    let known =
        LogList::parse(before.as_bytes()).with_context(|| path.display().to_string()).map_err(refused)?;
    if known.logs.iter().any(|log| log.origin() == listed.origin() && log.vkey() == listed.vkey()) {
        print(&format_args!("{origin} is known already"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let newline = if before.ends_with('\n') { "" } else { "\n" };
    let text = format!("{before}{newline}\n{listed}");
    // What is written is read as it will be read, with the rules about names and keys.
    let list = LogList::parse(text.as_bytes()).map_err(|error| refused(error.into()))?;
    let together = Logs::of(config.name(), &list, &[]);
    let is_in = together.get(&origin).is_some_and(|log| log.keys().contains(listed.vkey()));
    if !is_in {
        return Err(refused(anyhow::anyhow!("{}", together.notes().join("; "))));
    }
    data_dir::replace(&path, text.as_bytes()).map_err(Failure::unavailable)?;
    print(&format_args!("{origin} may ask {} times a day", listed.qpd().get()))?;
    Ok(ExitCode::SUCCESS)
}

/// The settings of the file with those of flags and variables over them.
fn settings(config: &Config, args: &args::Serve) -> Settings {
    let file = config.settings.clone();
    Settings {
        listen: args.listen.or(file.listen),
        listen_admin: args.listen_admin.or(file.listen_admin),
        path: args.path.clone().or(file.path),
        log_lists: if args.log_list.is_empty() { file.log_lists } else { Some(args.log_list.clone()) },
        log_format: args.log_format.map(LineFormat::from).or(file.log_format),
        max_connections: args.max_connections.or(file.max_connections),
        max_connections_per_address: args.max_connections_per_address.or(file.max_connections_per_address),
        passphrase_file: args.passphrase_file.clone().or(file.passphrase_file),
    }
}

fn run_serve(args: args::Serve) -> Result<ExitCode, Failure> {
    let config = Config::read(&args.dir).map_err(InitError::from)?;
    let settings = settings(&config, &args);
    let prefix = settings.path.clone().unwrap_or_default();
    if !is_prefix(&prefix) {
        return Err(Failure::misuse(anyhow::anyhow!(
            "path {prefix:?}, wanted / and plain segments, as /witness"
        )));
    }
    log_lines(settings.log_format.unwrap_or_default());
    harden().map_err(Failure::unavailable)?;
    let manager = Manager::from_environment().map_err(Failure::unavailable)?.map(Arc::new);
    let passphrase = settings.passphrase_file.clone();
    let witness = OpenWitness::open(&args.dir, &config, || existing_passphrase(passphrase.as_deref()))?;
    let lists =
        ListFiles { own: args.dir.join(LOGS), others: settings.log_lists.clone().unwrap_or_default() };
    let logs = lists.load(config.name()).map_err(|error| {
        let status = if matches!(error, logs::ListFileError::Io { .. }) { UNAVAILABLE } else { REFUSED };
        Failure { error: error.into(), hint: Some("mend the list; its format is in spec/witness.md"), status }
    })?;
    logs.notes().iter().for_each(|note| tracing::warn!(note, "passed over in a list of logs"));
    if logs.is_empty() {
        tracing::warn!("no log is known: {PROGRAM} add-log {} VKEY", args.dir.display());
    }
    let standard = Limits::STANDARD;
    let limits = Limits {
        connections: settings.max_connections.unwrap_or(standard.connections),
        connections_per_address: settings
            .max_connections_per_address
            .unwrap_or(standard.connections_per_address),
        ..standard
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::unavailable)?;
    let served = runtime.block_on(async {
        let bind = async |address| TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"));
        let public = bind(settings.listen.unwrap_or(LISTEN)).await?;
        let admin = match settings.listen_admin {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tracing::info!(name = %config.name(), logs = logs.len(), cosigned = witness.record.all().count(), "record proven");
        print(&format_args!("listening on http://{}", public.local_addr()?)).map_err(|failure| failure.error)?;
        if let Some(admin) = &admin {
            print(&format_args!("metrics on http://{}/metrics", admin.local_addr()?)).map_err(|failure| failure.error)?;
        }
        if let Some(manager) = manager.clone() {
            manager.ready();
            tokio::spawn(async move { manager.watch().await });
        }
        // Lists are read again by themselves, so there is nothing to do, and no reason to die.
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move { while hangup.recv().await.is_some() {} });
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
        let clock = Arc::new(SystemClock::new());
        let service = Service { witness, logs, lists, public, admin, prefix, limits, clock };
        serve(service, shutdown).await.map_err(anyhow::Error::from)
    });
    runtime.shutdown_background();
    served.map_err(|error: anyhow::Error| {
        let again = "start again: the next start reads the record, and answers nothing that is not in it";
        Failure { hint: error.is::<ServeError>().then_some(again), error, status: UNAVAILABLE }
    })?;
    tracing::info!("down");
    Ok(ExitCode::SUCCESS)
}

fn run_status(args: &args::Status) -> Result<ExitCode, Failure> {
    let config = Config::read(&args.dir).map_err(InitError::from)?;
    let found = record::read(&args.dir, &Identity::of(&config.vkey)).map_err(InitError::from)?;
    if args.json {
        let logs = found.latest.iter().map(|latest| {
            serde_json::json!({
                "origin": latest.origin().as_str(),
                "size": latest.head().size().get(),
                "root": tlog::text::encode_base64(latest.head().root().as_bytes()),
                "time": latest.time().get(),
            })
        });
        let logs: Vec<_> = logs.collect();
        print(&serde_json::json!({
            "name": config.name().as_str(),
            "vkey": config.vkey.to_string(),
            "vkey-ml-dsa": config.vkey_ml_dsa,
            "logs": logs,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&format_args!(
        "name  {}\nvkey  {}\n{} logs cosigned",
        config.name(),
        config.vkey,
        found.latest.len()
    ))?;
    for latest in &found.latest {
        print(&format_args!(
            "{}  size {}  root {}  time {}",
            latest.origin(),
            latest.head().size(),
            tlog::text::encode_base64(latest.head().root().as_bytes()),
            latest.time(),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_doctor(args: &args::Doctor) -> Result<ExitCode, Failure> {
    harden().map_err(Failure::unavailable)?;
    let findings = doctor(&args.dir, &args.log_list, args.passphrase_file.as_deref());
    if args.json {
        print(&serde_json::json!({ "findings": findings }))?;
    } else {
        findings.iter().try_for_each(|finding| print(finding))?;
    }
    let is_bad = findings.iter().any(|finding| finding.state == State::Fail);
    Ok(if is_bad { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
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
        LineFormat::Text => lines.with_ansi(may_colour()).init(),
    }
}

/// Whether log lines may carry colour: on a terminal, unless `NO_COLOR` is set and not empty (no-color.org).
fn may_colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
