//! The command line of `tallymark-log`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use tlog::checkpoint::Origin;
use tlog::vkey::Vkey;

const AFTER_HELP: &str = "\
Exit status:
  0  done
  1  damage was found, or the log refuses to start
  2  wrong use
  5  something could not be read or written

Example:
  tallymark-log init ./log --origin log.example.org/2026
  tallymark-log serve ./log --listen 127.0.0.1:8080
  tallymark-log fsck ./log
  tallymark-log export ./log --to ./tiles";

/// A transparency log for signed statements about AI models.
#[derive(Debug, Parser)]
#[command(name = "tallymark-log", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new log: a key, an empty tree, a ledger.
    #[command(after_help = "\
Example:
  tallymark-log init ./log --origin log.example.org/2026
  tallymark-log init ./test-log --origin log.test/1 --unencrypted-key --json")]
    Init(Init),
    /// Serve a log over HTTP until SIGTERM or SIGINT.
    #[command(after_help = "\
Prints `listening on http://ADDR` on standard output once it takes requests, and log lines on standard error
(RUST_LOG sets how many). A second signal ends the process at once, which is safe.

Example:
  tallymark-log serve ./log --listen 127.0.0.1:8080 --passphrase-file ./passphrase")]
    Serve(Serve),
    /// Recompute a whole log from its entries and compare: a directory at rest, or any tlog-tiles log at a URL.
    #[command(after_help = "\
Reads every entry; changes nothing. Exit status 1 and a line for each finding if anything is damaged. With --url
every tile is read too, and the newest checkpoint must be signed by the key given; the log may be anybody's.

Example:
  tallymark-log fsck ./log --json
  tallymark-log fsck --url https://log.example.org/2026 --vkey \"$(cat log.vkey)\" --entries
  tallymark-log fsck --url file:///srv/export --vkey \"$(cat log.vkey)\"")]
    Fsck(Fsck),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Example:
  tallymark-log completions bash > /etc/bash_completion.d/tallymark-log")]
    Completions(Completions),
    /// Write manual pages, one for the program and one for each command.
    #[command(after_help = "\
Example:
  tallymark-log man /usr/local/share/man/man1")]
    Man(Man),
    /// Write a log as files in the POSIX tile layout that other tools read.
    #[command(after_help = "\
Takes a directory at rest, or with --url any running tlog-tiles log. Files that are there already must be equal; the
checkpoint is written last. Run it again to add what the log has grown by.

Example:
  tallymark-log export ./log --to ./tiles
  tallymark-log export --url https://log.example.org/2026 --vkey \"$(cat log.vkey)\" --to ./tiles")]
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Directory to make; may exist if it is empty.
    pub(crate) dir: PathBuf,
    /// The log's unique name: a URL without scheme. It can never change.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Origin,
    /// Take raw entries through POST /add too, for test tools of other logs. It can never change.
    #[arg(long)]
    pub(crate) conformance: bool,
    /// Keep the private key unencrypted: whoever reads the file can sign as the log.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) unencrypted_key: bool,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Directory for the pages; made if it is missing.
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Directory of the log.
    pub(crate) dir: PathBuf,
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Connections open at the same time; more are closed at once.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = at_least_one)]
    pub(crate) max_connections: usize,
    /// Entries waiting at the same time; more are answered 503.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = at_least_one)]
    pub(crate) queue: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// Directory of the log. The log must not be running.
    #[arg(required_unless_present = "url")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// With --url: check that each entry is a signed entry of ours, and its signature.
    #[arg(long, requires = "url")]
    pub(crate) entries: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A log that is read from outside.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Prefix under which the log has `checkpoint` and `tile/`: http://, https:// or file://.
    #[arg(long, value_name = "URL", conflicts_with = "dir", requires = "vkey")]
    pub(crate) url: Option<String>,
    /// The log's key, from where you trust it.
    #[arg(long, value_name = "VKEY", requires = "url")]
    pub(crate) vkey: Option<Vkey>,
    /// The log's origin, if its key is not called like it.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(crate) origin: Option<Origin>,
    /// Files read at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) threads: u8,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Directory of the log. The log must not be running.
    #[arg(required_unless_present = "url")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Directory to write to; made if it does not exist.
    #[arg(long, value_name = "OUT")]
    pub(crate) to: PathBuf,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A count between 1 and a million, which keeps it far below what a semaphore can hold.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("not a count between 1 and 1000000".to_owned()),
    }
}
