//! Who is told: a file of JSON lines, an Atom feed, a command, a webhook, e-mail.
//!
//! A message is delivered if the file is on disk, if the command ends with 0, if the webhook answers 2xx, if the mail
//! server takes it. Until then it is not, and
//! is tried again ([`outbox`](crate::outbox)).

mod command;
mod feed;
mod file;
mod mail;
mod webhook;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::alert::Alert;
use crate::disk::DiskError;

pub use command::CommandSink;
pub use feed::FeedSink;
pub use file::FileSink;
pub use mail::{MailError, MailSettings, MailSink};
pub use webhook::{SecretError, WebhookSink, signature};

/// Somebody who is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sink {
    /// A program.
    Command(CommandSink),
    /// An Atom feed.
    Feed(FeedSink),
    /// A file, or standard output.
    File(FileSink),
    /// E-mail.
    Mail(MailSink),
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
    /// The mail server did not take it.
    #[error("mail was not sent: {cause}")]
    Mail {
        /// What the server or the client said.
        cause: String,
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
            Self::Feed(_) => "feed",
            Self::File(_) => "file",
            Self::Mail(_) => "mail",
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
            Self::Feed(feed) => feed.deliver(alert),
            Self::File(file) => file.deliver(alert),
            Self::Mail(mail) => mail.deliver(alert),
            Self::Webhook(webhook) => webhook.deliver(alert),
        }
    }
}
