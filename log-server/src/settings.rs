//! How a server runs: one TOML file, every key of it also a flag and an environment variable.
//!
//! ```toml
//! [listen]
//! read = "0.0.0.0:8080"          # --listen-read, TALLYMARK_LOG_LISTEN_READ
//!
//! [[log]]
//! dir = "/var/lib/tallymark-log/2026"
//! ```
//!
//! A flag wins over a variable, a variable over the file, the file over the default. Nothing that is misspelt is
//! passed over: an unknown key is an error with its line. `log-server/tallymark-log.toml` documents every key; the
//! test below compares it with the keys, flags, variables and defaults in this module.
//!
//! In scope: reading and checking, before anything is opened. Out of scope: what a log *is*, which its directory
//! says ([`crate::config`]) and no setting can change.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::admission::gate::Rates;
use crate::admission::rate::Rate;
use crate::admission::writes::Writes;
use crate::care::Care;
use crate::client::Proxies;
use crate::disk::{Amount, Mark, Marks};
use crate::feeder::Tempo;
use crate::listener::Endpoint;
use crate::scrub::Pace;
use crate::serve::Limits;
use crate::settings::quantity::{Count, Span};
use crate::site::{Host, SiteError, SitePath};
use crate::status::Cadence;
use crate::tls::TlsFiles;

pub mod quantity;

/// The documented sample: every key, with its default or an example.
pub const SAMPLE: &str = include_str!("../tallymark-log.toml");
/// Address of the first listener unless another is named.
pub const DEFAULT_READ: &str = "127.0.0.1:8080";
/// Entries that may wait in one log unless its settings say otherwise.
pub const DEFAULT_QUEUE: usize = 1024;
/// What one address may send unless its settings say otherwise: ten times what a busy registry releases.
const DEFAULT_RATE_ADDRESS: &str = "100/s:500";
/// Far above a file with a thousand logs.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What a file, or the flags and variables, say; `None` where they say nothing.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Keys {
    /// Where the server listens.
    #[command(flatten)]
    pub listen: ListenKeys,
    /// The certificate.
    #[command(flatten)]
    pub tls: TlsKeys,
    /// Bounds.
    #[command(flatten)]
    pub limits: LimitKeys,
    /// Who may say on whose behalf it asks.
    #[command(flatten)]
    pub proxy: ProxyKeys,
    /// Free space.
    #[command(flatten)]
    pub disk: DiskKeys,
    /// Reading everything again.
    #[command(flatten)]
    pub scrub: ScrubKeys,
    /// Signing what was said about things.
    #[command(flatten)]
    pub status: StatusKeys,
    /// How witnesses are asked.
    #[command(flatten)]
    pub witness: WitnessKeys,
    /// What the server says on standard error.
    #[command(flatten)]
    pub lines: LineKeys,
    /// The logs, each a table `[[log]]`.
    #[arg(skip)]
    pub log: Vec<LogKeys>,
}

/// `[listen]`. What is not served on an address is 404 there.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ListenKeys {
    /// Address and port, or unix:PATH; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(
        long = "listen-read",
        visible_alias = "listen",
        env = "TALLYMARK_LOG_LISTEN_READ",
        value_name = "ADDR"
    )]
    pub read: Option<Endpoint>,
    /// Takes entries here and not on the address for reading.
    #[arg(long = "listen-write", env = "TALLYMARK_LOG_LISTEN_WRITE", value_name = "ADDR")]
    pub write: Option<Endpoint>,
    /// Serves administration here; without it there is none over HTTP.
    #[arg(long = "listen-admin", env = "TALLYMARK_LOG_LISTEN_ADMIN", value_name = "ADDR")]
    pub admin: Option<Endpoint>,
}

/// `[tls]`: both or none. With both, every TCP address speaks TLS and nothing else.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TlsKeys {
    /// PEM file of the certificate and those that lead to its authority; taken anew when it changes.
    #[arg(long = "tls-cert", env = "TALLYMARK_LOG_TLS_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// PEM file of its private key.
    #[arg(long = "tls-key", env = "TALLYMARK_LOG_TLS_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// `[limits]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LimitKeys {
    /// Connections open at the same time; more are closed at once [default: 512].
    #[arg(long, env = "TALLYMARK_LOG_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<Count>,
    /// The same for one IPv4 address or IPv6 /64; listed proxies and unix sockets are not counted [default: 32].
    #[arg(long, env = "TALLYMARK_LOG_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub max_connections_per_address: Option<Count>,
    /// Most bytes of a request head, at least 8192 [default: 16384].
    #[arg(long, env = "TALLYMARK_LOG_MAX_HEAD_BYTES", value_name = "N")]
    pub max_head_bytes: Option<Count>,
    /// Most lines of a request head [default: 64].
    #[arg(long, env = "TALLYMARK_LOG_MAX_HEAD_LINES", value_name = "N")]
    pub max_head_lines: Option<Count>,
    /// Time for a TLS handshake [default: 5s].
    #[arg(long, env = "TALLYMARK_LOG_HANDSHAKE_TIMEOUT", value_name = "TIME")]
    pub handshake_timeout: Option<Span>,
    /// Time for a request head, and idle between requests [default: 10s].
    #[arg(long, env = "TALLYMARK_LOG_HEAD_TIMEOUT", value_name = "TIME")]
    pub head_timeout: Option<Span>,
    /// Time for a body [default: 10s].
    #[arg(long, env = "TALLYMARK_LOG_BODY_TIMEOUT", value_name = "TIME")]
    pub body_timeout: Option<Span>,
    /// Time from the end of a head to the beginning of the answer [default: 30s].
    #[arg(long, env = "TALLYMARK_LOG_REQUEST_TIMEOUT", value_name = "TIME")]
    pub request_timeout: Option<Span>,
    /// Time in which a reader must take something of an answer [default: 30s].
    #[arg(long, env = "TALLYMARK_LOG_WRITE_TIMEOUT", value_name = "TIME")]
    pub write_timeout: Option<Span>,
    /// Age at which a connection is closed after its current answer [default: 15m].
    #[arg(long, env = "TALLYMARK_LOG_CONNECTION_AGE", value_name = "TIME")]
    pub connection_age: Option<Span>,
    /// Time for requests under way once the server is told to end [default: 25s].
    #[arg(long, env = "TALLYMARK_LOG_DRAIN_TIMEOUT", value_name = "TIME")]
    pub drain_timeout: Option<Span>,
}

/// `[proxy]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ProxyKeys {
    /// Networks whose X-Forwarded-For is believed, such as 10.0.0.0/8, or unix [default: none].
    #[arg(
        long = "proxy-trusted",
        env = "TALLYMARK_LOG_PROXY_TRUSTED",
        value_name = "NET",
        value_delimiter = ','
    )]
    pub trusted: Option<Vec<String>>,
}

/// `[disk]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct DiskKeys {
    /// Free space below which a line is written [default: 15%,16GiB, the lesser of both].
    #[arg(long = "disk-warn", env = "TALLYMARK_LOG_DISK_WARN", value_name = "SPACE")]
    pub warn: Option<Mark>,
    /// Free space below which no entries are taken [default: 10%,8GiB].
    #[arg(long = "disk-read-only", env = "TALLYMARK_LOG_DISK_READ_ONLY", value_name = "SPACE")]
    pub read_only: Option<Mark>,
    /// Free space below which the ballast is given up [default: 5%,4GiB].
    #[arg(long = "disk-stop", env = "TALLYMARK_LOG_DISK_STOP", value_name = "SPACE")]
    pub stop: Option<Mark>,
    /// Space kept in each log's directory for a full disk; 0 for none [default: 256MiB].
    #[arg(long = "disk-ballast", env = "TALLYMARK_LOG_DISK_BALLAST", value_name = "BYTES")]
    pub ballast: Option<Amount>,
    /// Between two looks [default: 1s].
    #[arg(id = "disk-pause", long = "disk-pause", env = "TALLYMARK_LOG_DISK_PAUSE", value_name = "TIME")]
    pub pause: Option<Span>,
}

/// `[scrub]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ScrubKeys {
    /// Bytes of entries read again each second; 0 for no scrub [default: 4MiB].
    #[arg(long = "scrub-rate", env = "TALLYMARK_LOG_SCRUB_RATE", value_name = "BYTES")]
    pub rate: Option<Amount>,
    /// Rest after everything was read [default: 10m].
    #[arg(id = "scrub-pause", long = "scrub-pause", env = "TALLYMARK_LOG_SCRUB_PAUSE", value_name = "TIME")]
    pub pause: Option<Span>,
}

/// `[status]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct StatusKeys {
    /// From one signed status of a log to the next [default: 60s].
    #[arg(
        id = "status-interval",
        long = "status-interval",
        env = "TALLYMARK_LOG_STATUS_INTERVAL",
        value_name = "TIME"
    )]
    pub interval: Option<Span>,
    /// Most mentions of digests by events, some 400 bytes of memory each; beyond them no status is signed [default: 1000000].
    #[arg(long = "status-max-mentions", env = "TALLYMARK_LOG_STATUS_MAX_MENTIONS", value_name = "N")]
    pub max_mentions: Option<Count>,
}

/// `[witness]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct WitnessKeys {
    /// Least time between two requests to a witness [default: 1s].
    #[arg(
        id = "witness-pause",
        long = "witness-pause",
        env = "TALLYMARK_LOG_WITNESS_PAUSE",
        value_name = "TIME"
    )]
    pub pause: Option<Span>,
    /// Time for its answer [default: 2s].
    #[arg(long = "witness-timeout", env = "TALLYMARK_LOG_WITNESS_TIMEOUT", value_name = "TIME")]
    pub timeout: Option<Span>,
    /// After so long what is confirmed is confirmed again [default: 5m].
    #[arg(long = "witness-refresh", env = "TALLYMARK_LOG_WITNESS_REFRESH", value_name = "TIME")]
    pub refresh: Option<Span>,
}

/// `[[log]]`. As flags these are about the only log there is.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LogKeys {
    /// Directory of the log.
    #[arg(env = "TALLYMARK_LOG_DIR")]
    pub dir: Option<PathBuf>,
    /// Path below which the log is served, such as /2026 [default: the root].
    #[arg(long, env = "TALLYMARK_LOG_PATH", value_name = "PATH")]
    pub path: Option<SitePath>,
    /// Host name by which clients must ask for the log [default: any].
    #[arg(long, env = "TALLYMARK_LOG_HOST", value_name = "NAME")]
    pub host: Option<Host>,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, env = "TALLYMARK_LOG_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Entries waiting at the same time; more are answered 503 [default: 1024].
    #[arg(long, env = "TALLYMARK_LOG_QUEUE", value_name = "N")]
    pub queue: Option<Count>,
    /// Whose entries are taken: open, token or off [default: open if only this machine can reach it, else token].
    #[arg(long, env = "TALLYMARK_LOG_WRITES", value_name = "WHO")]
    pub writes: Option<Writes>,
    /// File with the keys that may sign under each name [default: every key, every name].
    #[arg(long, env = "TALLYMARK_LOG_PUBLISHERS", value_name = "FILE")]
    pub publishers: Option<PathBuf>,
    /// C2SP policy file: which witnesses are asked, and how many must confirm what readers are shown [default: none].
    #[arg(long, env = "TALLYMARK_LOG_WITNESS_POLICY", value_name = "FILE")]
    pub witness_policy: Option<PathBuf>,
    /// Entries from one IPv4 address or IPv6 /64; this machine is not counted [default: 100/s:500].
    #[arg(long, env = "TALLYMARK_LOG_RATE_ADDRESS", value_name = "RATE")]
    pub rate_address: Option<Rate>,
    /// Entries signed by one key [default: unlimited].
    #[arg(long, env = "TALLYMARK_LOG_RATE_KEY", value_name = "RATE")]
    pub rate_key: Option<Rate>,
    /// Entries with one token [default: unlimited].
    #[arg(long, env = "TALLYMARK_LOG_RATE_TOKEN", value_name = "RATE")]
    pub rate_token: Option<Rate>,
    /// Entries to the log, whoever brings them [default: unlimited].
    #[arg(long, env = "TALLYMARK_LOG_RATE_LOG", value_name = "RATE")]
    pub rate_log: Option<Rate>,
}

/// `[lines]`.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LineKeys {
    /// Form of the lines on standard error: for people, or one JSON object each [default: human].
    #[arg(long = "lines-format", env = "TALLYMARK_LOG_LINES_FORMAT", value_name = "FORMAT")]
    pub format: Option<LineFormat>,
}

/// The forms of a line on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LineFormat {
    /// Time, level and words.
    #[default]
    Human,
    /// One JSON object.
    Json,
}

/// The first of two that says something, for each field; a field that is left out does not compile.
macro_rules! first_of {
    ($upper:expr, $lower:expr, $($field:ident),+ $(,)?) => {
        Self { $($field: $upper.$field.or($lower.$field)),+ }
    };
}

impl ListenKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, read, write, admin)
    }
}

impl TlsKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, cert, key)
    }

    fn files(self) -> Result<Option<TlsFiles>, SettingsError> {
        match (self.cert, self.key) {
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
            (None, None) => Ok(None),
            _ => Err(SettingsError::HalfTls),
        }
    }
}

impl LimitKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(
            self,
            lower,
            max_connections,
            max_connections_per_address,
            max_head_bytes,
            max_head_lines,
            handshake_timeout,
            head_timeout,
            body_timeout,
            request_timeout,
            write_timeout,
            connection_age,
            drain_timeout,
        )
    }

    fn limits(&self) -> Limits {
        let standard = Limits::STANDARD;
        let count = |given: Option<Count>, default| given.map_or(default, Count::get);
        let time = |given: Option<Span>, default| given.map_or(default, Span::get);
        Limits {
            connections: count(self.max_connections, standard.connections),
            connections_per_address: count(
                self.max_connections_per_address,
                standard.connections_per_address,
            ),
            head_bytes: count(self.max_head_bytes, standard.head_bytes),
            head_lines: count(self.max_head_lines, standard.head_lines),
            handshake_timeout: time(self.handshake_timeout, standard.handshake_timeout),
            head_timeout: time(self.head_timeout, standard.head_timeout),
            body_timeout: time(self.body_timeout, standard.body_timeout),
            request_timeout: time(self.request_timeout, standard.request_timeout),
            write_timeout: time(self.write_timeout, standard.write_timeout),
            connection_age: time(self.connection_age, standard.connection_age),
            drain_timeout: time(self.drain_timeout, standard.drain_timeout),
        }
    }
}

impl DiskKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, warn, read_only, stop, ballast, pause)
    }

    fn marks(&self) -> Marks {
        let standard = Marks::STANDARD;
        Marks {
            warn: self.warn.unwrap_or(standard.warn),
            read_only: self.read_only.unwrap_or(standard.read_only),
            stop: self.stop.unwrap_or(standard.stop),
            ballast_bytes: self.ballast.map_or(standard.ballast_bytes, Amount::get),
            pause: self.pause.map_or(standard.pause, Span::get),
        }
    }
}

impl ScrubKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, rate, pause)
    }
}

impl StatusKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, interval, max_mentions)
    }

    fn cadence(&self) -> Cadence {
        let standard = Cadence::STANDARD;
        Cadence {
            interval: self.interval.map_or(standard.interval, Span::get),
            max_mentions: self.max_mentions.map_or(standard.max_mentions, Count::get),
        }
    }
}

impl WitnessKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, pause, timeout, refresh)
    }

    fn tempo(&self) -> Tempo {
        let standard = Tempo::STANDARD;
        Tempo {
            pause: self.pause.map_or(standard.pause, Span::get),
            timeout: self.timeout.map_or(standard.timeout, Span::get),
            refresh: self.refresh.map_or(standard.refresh, Span::get),
        }
    }
}

impl ProxyKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, trusted)
    }
}

impl LineKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(self, lower, format)
    }
}

impl LogKeys {
    fn or(self, lower: Self) -> Self {
        first_of!(
            self,
            lower,
            dir,
            path,
            host,
            passphrase_file,
            queue,
            writes,
            publishers,
            witness_policy,
            rate_address,
            rate_key,
            rate_token,
            rate_log,
        )
    }

    fn is_empty(&self) -> bool {
        let Self { dir, path, host, passphrase_file, queue, writes, publishers, witness_policy, .. } = self;
        let Self { rate_address, rate_key, rate_token, rate_log, .. } = self;
        let rates = [rate_address, rate_key, rate_token, rate_log];
        (dir.is_none() && path.is_none() && host.is_none() && passphrase_file.is_none() && queue.is_none())
            && (writes.is_none()
                && publishers.is_none()
                && witness_policy.is_none()
                && rates.iter().all(|rate| rate.is_none()))
    }

    /// `only_here` says that nobody but this machine can reach the addresses that take entries.
    fn settings(self, only_here: bool) -> Result<LogSettings, SettingsError> {
        let rate_address = match self.rate_address {
            Some(rate) => rate,
            None => DEFAULT_RATE_ADDRESS.parse().map_err(|_| SettingsError::NoLog)?,
        };
        let rates = Rates {
            address: Some(rate_address),
            key: self.rate_key,
            log: self.rate_log,
            token: self.rate_token,
        };
        let writes = self.writes.unwrap_or(if only_here { Writes::Open } else { Writes::Token });
        Ok(LogSettings {
            writes,
            publishers: self.publishers,
            witness_policy: self.witness_policy,
            rates,
            dir: self.dir.ok_or(SettingsError::NoDir)?,
            path: self.path.unwrap_or_default(),
            host: self.host,
            passphrase_file: self.passphrase_file,
            queue: self.queue.map_or(DEFAULT_QUEUE, Count::get),
        })
    }
}

impl Keys {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SettingsError::Io`], [`SettingsError::Syntax`].
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let io = |source| SettingsError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        File::open(path).map_err(io)?.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(io)?;
        toml::from_str(&text).map_err(|source| SettingsError::Syntax { path: path.to_owned(), source })
    }

    /// Flags and variables over a file, with `log` for the keys of the only log.
    ///
    /// # Errors
    /// [`SettingsError::WhichLog`] if `log` says anything and the file has several logs.
    pub fn over(self, file: Self, log: LogKeys) -> Result<Self, SettingsError> {
        let mut logs = file.log;
        if !log.is_empty() {
            let below = match logs.len() {
                0 => LogKeys::default(),
                1 => logs.remove(0),
                count => return Err(SettingsError::WhichLog { count }),
            };
            logs.push(log.or(below));
        }
        Ok(Self {
            listen: self.listen.or(file.listen),
            tls: self.tls.or(file.tls),
            limits: self.limits.or(file.limits),
            proxy: self.proxy.or(file.proxy),
            disk: self.disk.or(file.disk),
            scrub: self.scrub.or(file.scrub),
            status: self.status.or(file.status),
            witness: self.witness.or(file.witness),
            lines: self.lines.or(file.lines),
            log: logs,
        })
    }

    /// Fills in the defaults and checks that it all fits together.
    ///
    /// # Errors
    /// [`SettingsError`], every variant but those of reading.
    pub fn settings(self) -> Result<Settings, SettingsError> {
        let read = match self.listen.read {
            Some(read) => read,
            None => DEFAULT_READ.parse().map_err(|_| SettingsError::NoLog)?,
        };
        let limits = self.limits.limits();
        if limits.head_bytes < MIN_HEAD_BYTES {
            return Err(SettingsError::HeadBytes { bytes: limits.head_bytes });
        }
        let proxies = Proxies::parse(&self.proxy.trusted.unwrap_or_default())?;
        let takes_entries = self.listen.write.as_ref().unwrap_or(&read);
        let only_here = takes_entries.is_local() && proxies == Proxies::none();
        let logs = self.log.into_iter().map(|log| log.settings(only_here)).collect::<Result<Vec<_>, _>>()?;
        if logs.is_empty() {
            return Err(SettingsError::NoLog);
        }
        for (at, log) in logs.iter().enumerate() {
            for other in &logs[..at] {
                if other.dir == log.dir {
                    return Err(SettingsError::SameDir { dir: log.dir.clone() });
                }
                crate::site::require_apart((&other.host, &other.path), (&log.host, &log.path))?;
            }
        }
        Ok(Settings {
            listen: Listen { read, write: self.listen.write, admin: self.listen.admin },
            tls: self.tls.files()?,
            limits,
            proxies,
            care: Care {
                disk: Some(self.disk.marks()),
                scrub: Pace {
                    bytes_per_second: self.scrub.rate.map_or(Pace::STANDARD.bytes_per_second, Amount::get),
                    rest: self.scrub.pause.map_or(Pace::STANDARD.rest, Span::get),
                },
            },
            status: self.status.cadence(),
            tempo: self.witness.tempo(),
            lines: self.lines.format.unwrap_or_default(),
            logs,
        })
    }
}

/// Below this hyper cannot read a head at all.
const MIN_HEAD_BYTES: usize = 8192;

/// How a server runs, complete and checked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where it listens.
    pub listen: Listen,
    /// What TCP addresses show; plain HTTP if `None`.
    pub tls: Option<TlsFiles>,
    /// Bounds on clients.
    pub limits: Limits,
    /// Whose word about clients counts.
    pub proxies: Proxies,
    /// How each log is looked after.
    pub care: Care,
    /// How often the status of each log is signed.
    pub status: Cadence,
    /// How witnesses are asked.
    pub tempo: Tempo,
    /// Form of the lines on standard error.
    pub lines: LineFormat,
    /// The logs; at least one.
    pub logs: Vec<LogSettings>,
}

/// Addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listen {
    /// For reading; for writing too unless that has its own.
    pub read: Endpoint,
    /// For writing.
    pub write: Option<Endpoint>,
    /// For administration.
    pub admin: Option<Endpoint>,
}

/// How one log is served.
#[derive(Debug)]
#[non_exhaustive]
pub struct LogSettings {
    /// Its directory.
    pub dir: PathBuf,
    /// Below which path.
    pub path: SitePath,
    /// Under which host name.
    pub host: Option<Host>,
    /// Where its passphrase is.
    pub passphrase_file: Option<PathBuf>,
    /// Entries between admission and answer.
    pub queue: usize,
    /// Whose entries are taken.
    pub writes: Writes,
    /// Where the allow-list is.
    pub publishers: Option<PathBuf>,
    /// Where the policy about witnesses is.
    pub witness_policy: Option<PathBuf>,
    /// How often entries are taken.
    pub rates: Rates,
}

/// Why a server cannot run like that.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A certificate without key, or a key without certificate.
    #[error("tls.cert and tls.key go together, one of them is set")]
    HalfTls,
    /// Heads of this size cannot be read.
    #[error("limits.max_head_bytes is {bytes}, at least {MIN_HEAD_BYTES} are wanted")]
    HeadBytes {
        /// What was given.
        bytes: usize,
    },
    /// The file could not be read.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A log without a directory.
    #[error("a log has no `dir`")]
    NoDir,
    /// No log to serve.
    #[error("no log is named")]
    NoLog,
    /// A trusted proxy that is no network.
    #[error("proxy.trusted has {text:?}, wanted a network such as 10.0.0.0/8, an address, or unix")]
    Proxy {
        /// What stands there.
        text: String,
    },
    /// One directory for two logs.
    #[error("{}: named by two logs", dir.display())]
    SameDir {
        /// The directory.
        dir: PathBuf,
    },
    /// Two logs where one could be taken for the other.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Not TOML, or unknown or mistyped keys.
    #[error("{}: not a configuration", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line and column.
        source: toml::de::Error,
    },
    /// Flags about one log beside a file with several.
    #[error("the file has {count} logs, and flags or variables about one")]
    WhichLog {
        /// Logs in the file.
        count: usize,
    },
}

impl SettingsError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoLog | Self::NoDir => {
                Some("give DIR, or --config FILE with a [[log]] table that has `dir`")
            }
            Self::Syntax { .. } => Some("`tallymark-log sample-config` prints every key with what it does"),
            Self::WhichLog { .. } => Some("put them into the [[log]] table they are about"),
            Self::Site(_) => Some("give each log its own `path` or `host`, none below another's"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_taken_from_anybody_only_where_nobody_else_gets_to() {
        let writes = |text: &str| {
            let keys: Keys = toml::from_str(&format!("{text}\n[[log]]\ndir = \"/x\"\n")).unwrap();
            keys.settings().unwrap().logs[0].writes
        };
        for here in
            ["", "[listen]\nread = \"[::1]:80\"", "[listen]\nread = \"0.0.0.0:80\"\nwrite = \"unix:/x\""]
        {
            assert_eq!(writes(here), Writes::Open, "{here}");
        }
        for reached in [
            "[listen]\nread = \"0.0.0.0:80\"",
            "[listen]\nread = \"[::]:80\"",
            "[listen]\nwrite = \"192.0.2.1:80\"",
            "[proxy]\ntrusted = [\"127.0.0.1\"]",
        ] {
            assert_eq!(writes(reached), Writes::Token, "{reached}");
        }
    }

    #[test]
    fn the_sample_says_the_defaults() {
        let sample: Keys = toml::from_str(SAMPLE).unwrap();
        let said = sample.settings().unwrap();
        let only = LogKeys { dir: Some("/var/lib/tallymark-log/log".into()), ..LogKeys::default() };
        let defaults = Keys { log: vec![only], ..Keys::default() }.settings().unwrap();
        assert_eq!(
            (said.listen, said.limits, said.proxies),
            (defaults.listen, defaults.limits, defaults.proxies)
        );
        assert_eq!(said.tls, None);
        assert_eq!(format!("{:?}", said.logs), format!("{:?}", defaults.logs));
    }
}
