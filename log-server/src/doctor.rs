//! `tallymark-log doctor`: looks at everything a server needs, changes nothing, and says what to do.
//!
//! Works beside a running server: the database is opened for reading only and no lock is kept. What could not be looked
//! at is said to be unknown, which is never a good answer.
//!
//! In scope: what can be seen in seconds. Out of scope: the entries themselves ([`crate::fsck`]).

use std::error::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ed25519_dalek::SigningKey;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use serde::Serialize;
use x509_cert::Certificate;

use crate::config::Config;
use crate::descriptors;
use crate::disk::{Marks, Space};
use crate::http::problem::with_sources;
use crate::key_file;
use crate::ledger::{self, LedgerError, Summary};
use crate::listener::Endpoint;
use crate::process;
use crate::sequencer::MAX_STEP_ENTRIES;
use crate::settings::{LogSettings, Settings, SettingsError};
use crate::signing::place::KeyPlace;
use crate::storage::Storage as _;
use crate::storage::rocks::{MAX_OPEN_FILES, RocksStorage};
use crate::tls::{Tls, TlsFiles};

/// Syncs that are measured.
const SYNCS: usize = 20;
/// A median above this makes every submission slow.
const SLOW_SYNC: Duration = Duration::from_millis(50);
/// Days before its end at which a certificate should have been renewed.
const RENEW_DAYS: u64 = 14;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "programs branch on exactly these four")]
pub enum State {
    /// As it should be.
    Ok,
    /// Works, and should be changed.
    Warn,
    /// Could not be looked at.
    Unknown,
    /// A server would not start, or should not.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at, in kebab-case.
    pub check: &'static str,
    /// Of which log, file or address.
    pub about: String,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What should be there, if that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Finding {
    /// Settings that cannot be.
    #[must_use]
    pub fn of_settings(error: &SettingsError) -> Self {
        let state = if matches!(error, SettingsError::Io { .. }) { State::Unknown } else { State::Fail };
        let finding = Self::new("settings", "settings", state, with_sources(error));
        match error.hint() {
            Some(hint) => finding.next(hint),
            None => finding,
        }
    }

    fn new(check: &'static str, about: impl ToString, state: State, seen: impl ToString) -> Self {
        Self { check, about: about.to_string(), state, seen: seen.to_string(), wanted: None, next: None }
    }

    fn wanted(mut self, wanted: impl ToString) -> Self {
        self.wanted = Some(wanted.to_string());
        self
    }

    fn next(mut self, next: impl ToString) -> Self {
        self.next = Some(next.to_string());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Unknown => "?",
            State::Fail => "FAIL",
        };
        write!(f, "{state:<5}{:<17}{}: {}", self.check, self.about, self.seen)?;
        if let Some(wanted) = &self.wanted {
            write!(f, ", wanted {wanted}")?;
        }
        if let Some(next) = &self.next {
            write!(f, "\n     next: {next}")?;
        }
        Ok(())
    }
}

/// Looks at everything that these settings name.
#[must_use]
pub fn doctor(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![descriptors(settings), cores()];
    let marks = settings.care.disk.unwrap_or(Marks::STANDARD);
    let mut running = false;
    for log in &settings.logs {
        running |= one_log(log, &marks, &mut findings);
    }
    for (endpoint, _) in settings.listen.endpoints() {
        findings.push(port(&endpoint, running));
    }
    if let Some(files) = &settings.tls {
        certificate(files, settings, &mut findings);
    }
    findings
}

fn descriptors(settings: &Settings) -> Finding {
    let files = u64::from(MAX_OPEN_FILES) * settings.logs.len() as u64;
    let wanted = descriptors::wanted(settings.limits.connections, files);
    match descriptors::allowed() {
        Some(allowed) if allowed < wanted => Finding::new("descriptors", "process", State::Fail, allowed)
            .wanted(wanted)
            .next("raise the limit (ulimit -n, LimitNOFILE=) or lower limits.max_connections"),
        Some(allowed) => {
            Finding::new("descriptors", "process", State::Ok, format!("{allowed} allowed, {wanted} needed"))
        }
        None => Finding::new("descriptors", "process", State::Ok, "no limit"),
    }
}

fn cores() -> Finding {
    if process::can_dump() {
        Finding::new("core-dumps", "process", State::Fail, "this process can leave a core file behind")
            .wanted("a process that is not dumpable")
    } else {
        Finding::new("core-dumps", "process", State::Ok, "switched off")
    }
}

/// Everything about one log; true if a server has it open.
fn one_log(log: &LogSettings, marks: &Marks, findings: &mut Vec<Finding>) -> bool {
    let dir = log.dir.display();
    let config = match Config::read(&log.dir.join("log.toml")) {
        Ok(config) => config,
        Err(error) => {
            let finding = Finding::new("log", &dir, State::Fail, with_sources(&error));
            findings.push(finding.next(format!("tallymark-log init {dir} --origin NAME makes a new log")));
            return false;
        }
    };
    findings.push(Finding::new("log", dir, State::Ok, config.origin()));
    permissions(log, config.key_place(), findings);
    findings.push(key(log, &config));
    let running = is_locked(&log.dir);
    findings.push(history(&log.dir, &config, running));
    findings.push(space(&log.dir, marks));
    findings.push(sync_time(&log.dir));
    running
}

fn permissions(log: &LogSettings, place: &KeyPlace, findings: &mut Vec<Finding>) {
    let key = (*place == KeyPlace::File).then(|| log.dir.join("key.pem"));
    // The key is refused by the server itself if it is too open; the others only leak or could be spoilt.
    let looked_at = [
        (Some(log.dir.clone()), State::Warn, "700"),
        (key, State::Fail, "600"),
        (Some(log.dir.join("ledger")), State::Warn, "600"),
    ];
    let passphrase = (log.passphrase_file.clone(), State::Warn, "600");
    for (path, state, wanted) in looked_at.into_iter().chain([passphrase]) {
        let Some(path) = path else { continue };
        let shown = path.display();
        findings.push(match path.metadata().map(|found| (found.mode() & 0o777, found.is_dir())) {
            // What lies in a directory that only its owner enters is as closed as the directory.
            Ok((mode, is_dir)) if mode & 0o077 == 0 || path.ends_with("ledger") && is_dir => {
                Finding::new("permissions", shown, State::Ok, format!("{mode:03o}"))
            }
            Ok((mode, _)) => Finding::new("permissions", &shown, state, format!("{mode:03o}"))
                .wanted(wanted)
                .next(format!("chmod {wanted} {shown}")),
            Err(error) => Finding::new("permissions", shown, State::Unknown, error),
        });
    }
}

fn key(log: &LogSettings, config: &Config) -> Finding {
    let path = log.dir.join("key.pem");
    let shown = path.display();
    if *config.key_place() != KeyPlace::File {
        return Finding::new("key", log.dir.display(), State::Warn, "kept elsewhere, not looked at")
            .next("a start asks its keeper for it");
    }
    let mut asked = false;
    let read = key_file::read::<SigningKey>(&path, || {
        key_file::given_passphrase(log.passphrase_file.as_deref()).unwrap_or_else(|| {
            asked = true;
            Err(key_file::KeyFileError::PassphraseEmpty)
        })
    });
    match read {
        Ok(key) if key.verifying_key().as_bytes() == config.vkey().public_key() => {
            Finding::new("key", shown, State::Ok, "is the key of log.toml")
        }
        Ok(_) => Finding::new("key", shown, State::Fail, "is the key of another log")
            .wanted(config.vkey())
            .next("put the log's own key.pem back"),
        Err(_) if asked => Finding::new("key", shown, State::Warn, "encrypted, not looked at")
            .next("give --passphrase-file FILE or set TALLYMARK_LOG_PASSPHRASE"),
        Err(error) => Finding::new("key", shown, State::Fail, with_sources(&error)),
    }
}

/// Whether another process holds the lock. Asks for a shared one and gives it back at once.
fn is_locked(dir: &Path) -> bool {
    File::open(dir.join("lock")).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

/// The ledger against the database and the clock.
fn history(dir: &Path, config: &Config, running: bool) -> Finding {
    let shown = dir.display();
    let read_ledger =
        || -> Result<Summary, LedgerError> { ledger::read(&dir.join("ledger"), config.vkey(), &mut |_| {}) };
    // In this order, because a running server goes on: what the ledger has now, the database must have later.
    let before = match read_ledger() {
        Ok(before) => before,
        Err(error) => {
            return Finding::new("history", shown, State::Fail, with_sources(&error))
                .next("bring back the newest copy of the directory");
        }
    };
    let head = match RocksStorage::open_read_only(&dir.join("db")).and_then(|storage| storage.head()) {
        Ok(head) => head,
        // A database that is being written to may not open for reading at this moment.
        Err(error) if running => {
            return Finding::new("history", shown, State::Unknown, with_sources(&error))
                .next("again, or with the server stopped");
        }
        Err(error) => return Finding::new("history", shown, State::Fail, with_sources(&error)),
    };
    let after = match read_ledger() {
        Ok(after) => after,
        Err(error) => {
            return Finding::new("history", shown, State::Unknown, with_sources(&error)).next("again");
        }
    };
    let (size, signed) = (head.size().get(), before.last().head().size().get());
    let newest = after.last().head().size().get();
    let seen = format!("{size} entries, {signed} signed for");
    if size < signed || size == signed && head.root() != before.last().head().root() {
        return Finding::new("history", shown, State::Fail, seen)
            .wanted("a database that holds what was signed")
            .next("bring back the newest copy of the directory; never delete the ledger");
    }
    if size > newest + MAX_STEP_ENTRIES as u64 {
        return Finding::new("history", shown, State::Fail, seen)
            .wanted(format!("at most {MAX_STEP_ENTRIES} entries beyond the ledger"))
            .next("bring back the newest copy of the directory");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let last = before.last().time();
    if now < last {
        return Finding::new(
            "clock",
            shown,
            State::Fail,
            format!("{} s before the last signature", last - now),
        )
        .wanted("a clock that stands after it")
        .next("set the clock (timedatectl); the log writes nothing before that");
    }
    Finding::new("history", shown, State::Ok, format!("{seen}, the last {} s ago", now - last))
}

/// Free space against the marks at which the server itself acts.
fn space(dir: &Path, marks: &Marks) -> Finding {
    let shown = dir.display();
    match Space::of(dir) {
        Err(error) => Finding::new("disk-space", shown, State::Unknown, error),
        Ok(space) => {
            let seen = format!("{} MiB free", space.free >> 20);
            let wanted = format!("{} MiB", marks.warn.bytes_of(space) >> 20);
            let next = "make room, or move the log to a larger disk";
            if space.free < marks.read_only.bytes_of(space) {
                Finding::new("disk-space", shown, State::Fail, seen).wanted(wanted).next(next)
            } else if space.free < marks.warn.bytes_of(space) {
                Finding::new("disk-space", shown, State::Warn, seen).wanted(wanted).next(next)
            } else {
                Finding::new("disk-space", shown, State::Ok, seen)
            }
        }
    }
}

/// Writes and syncs a small file in the directory, as every step of the log must.
fn sync_time(dir: &Path) -> Finding {
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let shown = dir.display();
    let measured =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
            let mut times = Vec::with_capacity(SYNCS);
            for _ in 0..SYNCS {
                file.write_all(&[0; 4096])?;
                let started = Instant::now();
                file.sync_data()?;
                times.push(started.elapsed());
            }
            Ok(times)
        });
    let _ = std::fs::remove_file(&path);
    match measured {
        Err(error) => Finding::new("sync-time", shown, State::Unknown, error),
        Ok(mut times) => {
            times.sort_unstable();
            let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
            let seen = format!("median {:.2} ms, longest {:.2} ms", millis(median), millis(most));
            if median > SLOW_SYNC {
                Finding::new("sync-time", shown, State::Warn, seen)
                    .wanted(format!("{} ms", millis(SLOW_SYNC)))
                    .next("every submission waits for two of these; use a faster disk")
            } else {
                Finding::new("sync-time", shown, State::Ok, seen)
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn port(endpoint: &Endpoint, running: bool) -> Finding {
    let bound = match endpoint {
        Endpoint::Tcp(address) => std::net::TcpListener::bind(address).map(drop),
        Endpoint::Unix(path) => match path.parent().map(Path::metadata) {
            Some(Err(error)) => Err(error),
            _ if std::os::unix::net::UnixStream::connect(path).is_ok() => {
                Err(std::io::ErrorKind::AddrInUse.into())
            }
            _ => Ok(()),
        },
    };
    match bound {
        Ok(()) => Finding::new("address", endpoint, State::Ok, "free"),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && running => {
            Finding::new("address", endpoint, State::Ok, "in use, as it should be while the server runs")
        }
        Err(error) => Finding::new("address", endpoint, State::Fail, error)
            .next("name another address, or stop who has it (ss -ltnp)"),
    }
}

fn certificate(files: &TlsFiles, settings: &Settings, findings: &mut Vec<Finding>) {
    let shown = files.cert.display();
    if let Err(error) = Tls::load(files.clone()) {
        let finding = Finding::new("certificate", shown, State::Fail, with_sources(&error));
        findings.push(match error.hint() {
            Some(hint) => finding.next(hint),
            None => finding,
        });
        return;
    }
    match until_end(&files.cert) {
        Err(error) => findings.push(Finding::new("certificate", &shown, State::Unknown, error)),
        Ok(None) => findings.push(
            Finding::new("certificate", &shown, State::Fail, "not valid now")
                .next("renew it, or set the clock; a running server takes a new one by itself"),
        ),
        Ok(Some(left)) => {
            let days = left.as_secs() / DAY.as_secs();
            let seen = format!("valid for {days} more days");
            findings.push(if days < RENEW_DAYS {
                Finding::new("certificate", &shown, State::Warn, seen)
                    .wanted(format!("{RENEW_DAYS} days"))
                    .next("renew it; a running server takes it by itself")
            } else {
                Finding::new("certificate", &shown, State::Ok, seen)
            });
        }
    }
    for log in &settings.logs {
        let Ok(config) = Config::read(&log.dir.join("log.toml")) else { continue };
        let origin = config.origin().to_string();
        let host = match &log.host {
            Some(host) => host.to_string(),
            None => origin.split('/').next().unwrap_or_default().to_owned(),
        };
        findings.push(match names(&files.cert, &host) {
            Ok(true) => Finding::new("certificate-name", origin, State::Ok, format!("names {host}")),
            Ok(false) => {
                Finding::new("certificate-name", origin, State::Warn, format!("does not name {host}"))
                    .wanted("a certificate for the host in the log's origin")
                    .next("clients that take the origin for an address will refuse it")
            }
            Err(error) => Finding::new("certificate-name", origin, State::Unknown, error),
        });
    }
}

/// How long the certificate is still valid; `None` if it is not valid now.
fn until_end(path: &Path) -> Result<Option<Duration>, Box<dyn Error>> {
    let chain = Certificate::load_pem_chain(&std::fs::read(path)?)?;
    let first = chain.first().ok_or("no certificate")?;
    let validity = first.tbs_certificate().validity();
    let now = SystemTime::now();
    let begun = validity.not_before.to_system_time() <= now;
    Ok(validity.not_after.to_system_time().duration_since(now).ok().filter(|_| begun))
}

fn names(path: &Path, host: &str) -> Result<bool, Box<dyn Error>> {
    let first = CertificateDer::from_pem_file(path)?;
    let parsed = ParsedCertificate::try_from(&first)?;
    Ok(verify_server_name(&parsed, &ServerName::try_from(host)?).is_ok())
}
