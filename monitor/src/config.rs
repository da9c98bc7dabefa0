//! How a monitor runs: one TOML file, every scalar of it also a flag and an environment variable.
//!
//! A flag wins over a variable, a variable over the file, the file over the default. Nothing that is misspelt is passed over.
//! `monitor/tallymark-monitor.toml` documents every key.

mod alerts;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use alerts::AlertKeys;
use serde::Deserialize;
use thiserror::Error;
use tlog::checkpoint::{Origin, OriginError};
use tlog::policy::{Policy, PolicyError};

use crate::check::EntryKind;
use crate::disk::{self, DiskError};
use crate::place::{Place, read_policy};
use crate::round::{Shared, Watched};
use crate::seen::Demand;
use crate::sink::{MailError, SecretError, Sink};
use crate::source::{Source, SourceError};
use crate::span::Span;
use crate::views::{View, Views};
use crate::watch::{WatchError, WatchTable, Watchlist};

/// The documented sample: every key, with its default or an example.
pub const SAMPLE: &str = include_str!("../tallymark-monitor.toml");
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Most logs; each has a thread.
const MAX_LOGS: usize = 64;
/// More threads would hold more bundles than memory is promised for.
const MAX_THREADS: usize = 16;

/// What the file, or flags and variables, say; `None` where they say nothing.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Keys {
    /// Directory for the state, the lists and evidence.
    #[arg(long, env = "TALLYMARK_MONITOR_DIR", value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// C2SP policy file: logs with their addresses, witnesses, quorum.
    #[arg(long, env = "TALLYMARK_MONITOR_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Between two looks at a log [default: 1s].
    #[arg(long, env = "TALLYMARK_MONITOR_POLL", value_name = "TIME")]
    pub poll: Option<Span>,
    /// How long a log may be unreachable, or behind what others are shown, before somebody is told [default: 1m].
    #[arg(long, env = "TALLYMARK_MONITOR_PATIENCE", value_name = "TIME")]
    pub patience: Option<Span>,
    /// Between two looks at other addresses and at witnesses [default: 1m].
    #[arg(long, env = "TALLYMARK_MONITOR_VIEWS_EVERY", value_name = "TIME")]
    pub views_every: Option<Span>,
    /// Threads that check entries, for all logs together [default: one per processor, at most 16].
    #[arg(long, env = "TALLYMARK_MONITOR_THREADS", value_name = "N")]
    pub threads: Option<usize>,
    /// File for numbers in Prometheus's text form [default: none].
    #[arg(long, env = "TALLYMARK_MONITOR_METRICS", value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Between two heartbeats [default: 1h].
    #[arg(long, env = "TALLYMARK_MONITOR_HEARTBEAT", value_name = "TIME")]
    pub heartbeat: Option<Span>,
    /// Form of the lines on standard error: human or json [default: human].
    #[arg(long, env = "TALLYMARK_MONITOR_LINES", value_name = "FORM")]
    pub lines: Option<Lines>,
    /// Who is told.
    #[command(flatten)]
    pub alerts: AlertKeys,
    /// The logs; all of the policy that have an address, if there is none.
    #[arg(skip)]
    pub log: Vec<LogTable>,
    /// What is watched for.
    #[arg(skip)]
    pub watch: Vec<WatchTable>,
}

/// The forms of a line on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Lines {
    /// Time, level and words.
    #[default]
    Human,
    /// One JSON object.
    Json,
}

/// `[[log]]`: what the policy does not say of a log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogTable {
    /// Which log.
    pub origin: String,
    /// Where it is read, if not where the policy says.
    pub url: Option<String>,
    /// Other addresses at which it is shown.
    #[serde(default)]
    pub also: Vec<String>,
    /// What its entries are.
    pub entries: Option<EntryKind>,
    /// How old the youngest cosignature may be.
    pub checkpoint_age: Option<Span>,
}

/// Why a monitor cannot run like that.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A log whose age nobody confirms.
    #[error("log {origin} has a checkpoint_age, and the policy asks for no witness")]
    Ageless {
        /// Which log.
        origin: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Mail cannot be sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Something must be said.
    #[error("{what} is not set")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// Nobody is told.
    #[error("nobody is told: none of alerts.file, feed, command, webhook and mail_server is set")]
    NobodyTold,
    /// Nothing to watch.
    #[error("no log of the policy has an address")]
    NoLog,
    /// Not an origin.
    #[error("{text:?} is no origin")]
    Origin {
        /// What stands there.
        text: String,
        /// Why.
        source: OriginError,
    },
    /// Not a policy.
    #[error("{}: not a policy", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// The webhook cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An address cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Not TOML, or unknown or mistyped keys.
    #[error("{}: not a configuration", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where.
        source: toml::de::Error,
    },
    /// More logs than threads are made for.
    #[error("{seen} logs, at most {MAX_LOGS} are watched by one monitor")]
    TooManyLogs {
        /// How many.
        seen: usize,
    },
    /// A log that the policy does not have.
    #[error("log {origin} is not in the policy")]
    UnknownLog {
        /// Which.
        origin: String,
    },
    /// A watch that cannot be.
    #[error(transparent)]
    Watch(#[from] WatchError),
}

impl ConfigError {
    /// What the operator can do.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } | Self::NobodyTold | Self::Syntax { .. } | Self::Watch(_) => {
                Some("`tallymark-monitor sample-config` prints every key with what it does")
            }
            Self::NoLog => Some("put it behind the key in the policy: log VKEY https://log.example.org/"),
            _ => None,
        }
    }
}

impl Keys {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError::Disk`], [`ConfigError::Missing`], [`ConfigError::Syntax`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes =
            disk::read(path, MAX_FILE_BYTES)?.ok_or(ConfigError::Missing { what: "the file of --config" })?;
        let text = String::from_utf8_lossy(&bytes);
        toml::from_str(&text).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })
    }

    /// These, and where they say nothing the others.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        Self {
            dir: self.dir.or(lower.dir),
            policy: self.policy.or(lower.policy),
            poll: self.poll.or(lower.poll),
            patience: self.patience.or(lower.patience),
            views_every: self.views_every.or(lower.views_every),
            threads: self.threads.or(lower.threads),
            metrics: self.metrics.or(lower.metrics),
            heartbeat: self.heartbeat.or(lower.heartbeat),
            lines: self.lines.or(lower.lines),
            alerts: self.alerts.or(lower.alerts),
            log: if self.log.is_empty() { lower.log } else { self.log },
            watch: if self.watch.is_empty() { lower.watch } else { self.watch },
        }
    }

    /// Everything, checked.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn settings(self) -> Result<Settings, ConfigError> {
        let dir = self.dir.ok_or(ConfigError::Missing { what: "dir" })?;
        let path = self.policy.ok_or(ConfigError::Missing { what: "policy" })?;
        let policy = read_policy(&path)?;
        let logs = logs(&policy, self.log)?;
        let time = |given: Option<Span>, seconds| given.map_or(Duration::from_secs(seconds), Span::get);
        let threads =
            self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Ok(Settings {
            dir,
            policy: Arc::new(policy),
            logs,
            watchlist: Watchlist::new(self.watch)?,
            sinks: self.alerts.sinks()?,
            poll: time(self.poll, 1),
            patience: time(self.patience, 60),
            views_every: time(self.views_every, 60),
            heartbeat: time(self.heartbeat, 3600),
            threads: threads.clamp(1, MAX_THREADS),
            metrics: self.metrics,
            lines: self.lines.unwrap_or_default(),
        })
    }
}

/// How a monitor runs, complete and checked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where the state is.
    pub dir: PathBuf,
    /// Logs and witnesses.
    pub policy: Arc<Policy>,
    /// Which logs are watched.
    pub logs: Vec<LogSettings>,
    /// What for.
    pub watchlist: Watchlist,
    /// Who is told.
    pub sinks: Vec<Sink>,
    /// Between two looks.
    pub poll: Duration,
    /// Before somebody is told that nothing can be seen.
    pub patience: Duration,
    /// Between two looks at what others are shown.
    pub views_every: Duration,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// Threads that check.
    pub threads: usize,
    /// File for numbers.
    pub metrics: Option<PathBuf>,
    /// Form of the lines on standard error.
    pub lines: Lines,
}

/// One log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogSettings {
    origin: Origin,
    url: String,
    also: Vec<String>,
    entries: EntryKind,
    checkpoint_age: Option<Duration>,
}

impl Settings {
    /// A log, ready to be looked at.
    ///
    /// # Errors
    /// [`ConfigError::Source`].
    pub fn watched<'a>(
        &self,
        log: &LogSettings,
        shared: Shared<'a>,
        patience: Duration,
    ) -> Result<Watched<'a>, ConfigError> {
        let mut views = Vec::new();
        for url in &log.also {
            views.push(View::log(url, Source::at(url)?));
        }
        for witness in self.policy.witnesses() {
            if let Some(url) = witness.url() {
                views.push(View::witness(&witness.name().to_string(), &log.origin, Source::at(url)?));
            }
        }
        let Place { demand, source } = self.place(log)?;
        let views = Views::new(views, self.views_every, self.patience);
        Ok(Watched::new(demand, source, log.entries, views, patience, shared))
    }

    /// A log, and where it is read.
    ///
    /// # Errors
    /// [`ConfigError::Source`].
    pub fn place(&self, log: &LogSettings) -> Result<Place, ConfigError> {
        let demand = Demand {
            origin: log.origin.clone(),
            policy: Arc::clone(&self.policy),
            max_age: log.checkpoint_age,
        };
        Ok(Place { demand, source: Source::at(&log.url)? })
    }
}

fn logs(policy: &Policy, tables: Vec<LogTable>) -> Result<Vec<LogSettings>, ConfigError> {
    let mut logs: Vec<LogSettings> = Vec::new();
    let url_of =
        |origin: &Origin| policy.logs_for_origin(origin).find_map(|log| log.url().map(str::to_owned));
    let tables = if tables.is_empty() {
        let all = policy.logs().iter().map(|log| LogTable {
            origin: log.vkey().name().to_string(),
            url: None,
            also: Vec::new(),
            entries: None,
            checkpoint_age: None,
        });
        all.collect()
    } else {
        tables
    };
    for table in tables {
        let LogTable { origin: text, url, also, entries, checkpoint_age } = table;
        let origin: Origin = match text.parse() {
            Ok(origin) => origin,
            Err(source) => return Err(ConfigError::Origin { text, source }),
        };
        if policy.log_for_origin(&origin).is_none() {
            return Err(ConfigError::UnknownLog { origin: text });
        }
        if checkpoint_age.is_some() && policy.witnesses().is_empty() {
            return Err(ConfigError::Ageless { origin: text });
        }
        let Some(url) = url.or_else(|| url_of(&origin)) else { continue };
        // Two keys of a log are two lines of the policy and one log.
        if logs.iter().any(|log| log.origin == origin) {
            continue;
        }
        let (entries, checkpoint_age) =
            (entries.unwrap_or(EntryKind::Tallymark), checkpoint_age.map(Span::get));
        logs.push(LogSettings { origin, url, also, entries, checkpoint_age });
    }
    match logs.len() {
        0 => Err(ConfigError::NoLog),
        seen if seen > MAX_LOGS => Err(ConfigError::TooManyLogs { seen }),
        _ => Ok(logs),
    }
}
