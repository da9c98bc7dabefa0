//! A program that is started for each message: the text on standard input, the parts in the environment.
//!
//! What a log says goes into variables and never into arguments or a shell; names and versions have no byte that a shell minds.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::SinkError;
use crate::alert::{Alert, Kind};

/// A command that takes longer is ended, and has not been told.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// A program and its arguments.
#[derive(Debug)]
pub struct CommandSink {
    program: PathBuf,
    args: Vec<String>,
}

impl CommandSink {
    /// A command; `None` without a program.
    #[must_use]
    pub fn new(words: Vec<String>) -> Option<Self> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty())?;
        Some(Self { program: program.into(), args: words.collect() })
    }

    pub(super) fn deliver(&self, alert: &Alert, dir: &Path) -> Result<(), SinkError> {
        let run = |source| SinkError::Run { program: self.program.clone(), source };
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::null());
        for (name, value) in variables(alert, dir) {
            command.env(name, value);
        }
        let mut child = command.spawn().map_err(run)?;
        if let Some(mut input) = child.stdin.take() {
            // A program that does not read its input may still do its work. The text fits into a pipe, so this does not wait.
            let _ = input.write_all(alert.text().as_bytes());
        }
        let status = wait(&mut child).map_err(run)?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.ended(status.to_string())),
            None => Err(self.ended(format!("nothing after {} s", PATIENCE.as_secs()))),
        }
    }

    fn ended(&self, status: String) -> SinkError {
        SinkError::Ended { program: self.program.display().to_string(), status }
    }
}

fn wait(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    }
}

fn variables(alert: &Alert, dir: &Path) -> Vec<(&'static str, String)> {
    let kind = match alert.kind {
        Kind::Alert => "alert",
        Kind::Heartbeat => "heartbeat",
        Kind::Resolved => "resolved",
    };
    let mut variables = vec![
        ("TALLYMARK_ALERT_KIND", kind.to_owned()),
        ("TALLYMARK_ALERT_ID", alert.id.clone()),
        ("TALLYMARK_ALERT_AT", alert.at.clone()),
        ("TALLYMARK_ALERT_LOG", alert.log.clone()),
        ("TALLYMARK_ALERT_REASONS", alert.codes().join(",")),
        ("TALLYMARK_ALERT_WATCHED", alert.watched.join(",")),
        ("TALLYMARK_ALERT_EXPECTED", alert.expected.join(",")),
        ("TALLYMARK_ALERT_DETAIL", alert.detail.clone().unwrap_or_default().replace('\0', "")),
        ("TALLYMARK_ALERT_JSON", alert.to_json()),
    ];
    if let Some(evidence) = &alert.evidence {
        variables.push(("TALLYMARK_ALERT_EVIDENCE", dir.join(evidence).display().to_string()));
    }
    if let Some(entry) = &alert.entry {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        variables.extend([
            ("TALLYMARK_ALERT_INDEX", entry.index.to_string()),
            ("TALLYMARK_ALERT_LEAF", entry.leaf.clone()),
            ("TALLYMARK_ALERT_STATEMENT_KIND", text(&entry.kind)),
            ("TALLYMARK_ALERT_NAME", text(&entry.name)),
            ("TALLYMARK_ALERT_VERSION", text(&entry.version)),
            ("TALLYMARK_ALERT_KEY", text(&entry.key)),
            ("TALLYMARK_ALERT_STATEMENT", text(&entry.statement)),
        ]);
    }
    variables
}
