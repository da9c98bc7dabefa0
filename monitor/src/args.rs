//! Arguments as they are written.

use std::path::PathBuf;

use attest::utc_time::{UtcTime, UtcTimeError};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use monitor::config::Keys;
use monitor::span::Span;

/// Reads every entry of transparency logs, and tells the owner of a name who signed in it.
///
/// Exit status of `watch --once`: 0 nothing to tell; 1 a log is not what it says it is; 3 an entry that is watched for; 4 a log
/// could not be seen; of every command: 1 checked and false; 2 wrong use; 5 something could not be read or written.
#[derive(Debug, Parser)]
#[command(name = "tallymark-monitor", version, propagate_version = true, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch until the end, or once. It may be killed at any moment and goes on where it was.
    #[command(
        after_help = "Example:\n  tallymark-monitor watch --config /etc/tallymark-monitor.toml --baseline"
    )]
    Watch(Box<Watch>),
    /// Say that the entries of bundles are one's own: they are not told.
    #[command(
        after_help = "Example:\n  tallymark-monitor expect /var/lib/tallymark-monitor churn/tallymark.jsonl"
    )]
    Expect(Expect),
    /// Say that alerts have been dealt with: they are not told again.
    #[command(after_help = "Example:\n  tallymark-monitor acknowledge /var/lib/tallymark-monitor \
        9f86d081884c7d659a2feaa0c55ad015")]
    Acknowledge(Acknowledge),
    /// Show how far each log was read and what is wrong, also while the monitor runs.
    #[command(after_help = "Example:\n  tallymark-monitor status /var/lib/tallymark-monitor --json")]
    Status(Status),
    /// Verify a file that says that a log signed two histories.
    #[command(after_help = "Example:\n  tallymark-monitor check-evidence \
        evidence/9f86d081884c7d659a2feaa0c55ad015.fork --policy policy")]
    CheckEvidence(CheckEvidence),
    /// Say what was signed under a name in a period, when nobody watched, and what was told: report.html and report.json.
    ///
    /// `tallymark sign` on the directory signs and logs it; `check-report` holds it against the log again.
    #[command(
        after_help = "Example:\n  tallymark-monitor report --config /etc/tallymark-monitor.toml --from 2026-11-01 \
        --to 2026-12-01 --name 'acme/*' --out november"
    )]
    Report(Box<Report>),
    /// Hold a report against the logs: whether exactly these entries are under the name.
    #[command(after_help = "Example:\n  tallymark-monitor check-report november/report.json --policy policy")]
    CheckReport(CheckReport),
    /// Bring a verified copy of a log up to date: files that any web server can hand out when the log is gone.
    #[command(after_help = "Example:\n  tallymark-monitor mirror /srv/mirror --policy policy --every 10s")]
    Mirror(Mirror),
    /// Print a configuration with every key and what it does.
    #[command(after_help = "Example:\n  tallymark-monitor sample-config > tallymark-monitor.toml")]
    SampleConfig,
    /// Print a completion script.
    #[command(after_help = "Example:\n  tallymark-monitor completions bash > tallymark-monitor.bash")]
    Completions(Completions),
    /// Write manual pages.
    #[command(after_help = "Example:\n  tallymark-monitor man ./man")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The configuration file.
    #[arg(long, env = "TALLYMARK_MONITOR_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Look once, to the end of what the logs show, and say by the exit status what was seen.
    #[arg(long)]
    pub(crate) once: bool,
    /// What a log has when it is first seen is learnt and not told.
    #[arg(long)]
    pub(crate) baseline: bool,
    /// First read again everything that was read before, and tell what is watched for now and was not told then: a watch that is new, or what
    /// --baseline learnt in silence.
    #[arg(long)]
    pub(crate) backfill: bool,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Args)]
pub(crate) struct Expect {
    /// The monitor's directory.
    pub(crate) dir: PathBuf,
    /// Bundle files, as `tallymark sign` writes them; also pending ones, before they are submitted.
    #[arg(required = true)]
    pub(crate) bundles: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Acknowledge {
    /// The monitor's directory.
    pub(crate) dir: PathBuf,
    /// Ids of alerts.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Why, for whoever reads the list.
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) remark: String,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The monitor's directory.
    pub(crate) dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckEvidence {
    /// The evidence file.
    pub(crate) file: PathBuf,
    /// Policy whose key the log must have.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The configuration file of the monitor.
    #[arg(long, env = "TALLYMARK_MONITOR_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the period begins: a day, or a time in UTC.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: UtcTime,
    /// Where it ends; what is seen at this time no longer belongs to it.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: UtcTime,
    /// Pattern over names.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) name: String,
    /// Directory to write to; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

/// `2026-11-27` or `2026-11-27T08:00:00Z`.
fn moment(text: &str) -> Result<UtcTime, UtcTimeError> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse())
}

#[derive(Debug, Args)]
pub(crate) struct CheckReport {
    /// The report in JSON.
    pub(crate) file: PathBuf,
    /// Policy with the logs' keys and addresses.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Mirror {
    /// Directory to write to; made if it does not exist.
    pub(crate) out: PathBuf,
    /// Policy with the log's key, its witnesses and their quorum.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// Which log, if the policy has several.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Option<String>,
    /// Where it is read, if not where the policy says.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Go on, and look again so often.
    #[arg(long, value_name = "TIME")]
    pub(crate) every: Option<Span>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Directory to write to.
    pub(crate) dir: PathBuf,
}
