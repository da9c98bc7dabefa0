//! Who is told: a file of JSON lines, a command, a webhook.
//!
//! A message is delivered if the file is on disk, if the command ends with 0, if the webhook answers 2xx. Until then it is not, and
//! is tried again ([`outbox`](crate::outbox)).

mod command;
mod file;
mod webhook;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::alert::Alert;
use crate::disk::DiskError;

pub use command::CommandSink;
pub use file::FileSink;
pub use webhook::{SecretError, WebhookSink, signature};

/// Somebody who is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sink {
    /// A program.
    Command(CommandSink),
    /// A file, or standard output.
    File(FileSink),
    /// An address.
    Webhook(WebhookSink),
}

/// Why a message was not delivered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// An answer that is none of success.
    #[error("webhook answered {status}, wanted 2xx")]
    Answer {
        /// The status.
        status: u16,
    },
    /// The file could not be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The command failed.
    #[error("{program} ended with {status}, wanted 0")]
    Ended {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
    },
    /// The command could not be started or waited for.
    #[error("could not run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Standard output is closed.
    #[error("could not write to standard output")]
    Stdout {
        /// What the system said.
        source: std::io::Error,
    },
    /// No answer.
    #[error("no answer from the webhook: {cause}")]
    Unreachable {
        /// What the client said.
        cause: String,
    },
}

impl Sink {
    /// What it is called in the state, in metrics and in log lines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Tells it.
    ///
    /// # Errors
    /// [`SinkError`] if it did not take it.
    pub fn deliver(&self, alert: &Alert, dir: &Path) -> Result<(), SinkError> {
        match self {
            Self::Command(command) => command.deliver(alert, dir),
            Self::File(file) => file.deliver(alert),
            Self::Webhook(webhook) => webhook.deliver(alert),
        }
    }
}
