//! `[alerts]`: who is told, and how.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use crate::sink::{CommandSink, FeedSink, FileSink, MailSettings, MailSink, Sink, WebhookSink};

/// `[alerts]`: at least one of file, feed, command, webhook and mail.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AlertKeys {
    /// File for JSON lines; - is standard output.
    #[arg(
        id = "alerts-file",
        long = "alerts-file",
        env = "TALLYMARK_MONITOR_ALERTS_FILE",
        value_name = "FILE"
    )]
    pub file: Option<PathBuf>,
    /// Program that is started for each message, and its arguments, separated by commas.
    #[arg(
        id = "alerts-command",
        long = "alerts-command",
        env = "TALLYMARK_MONITOR_ALERTS_COMMAND",
        value_name = "PROGRAM",
        value_delimiter = ','
    )]
    pub command: Option<Vec<String>>,
    /// Address to which each message is posted.
    #[arg(
        id = "alerts-webhook",
        long = "alerts-webhook",
        env = "TALLYMARK_MONITOR_ALERTS_WEBHOOK",
        value_name = "URL"
    )]
    pub webhook: Option<String>,
    /// File whose first line is the secret that signs them.
    #[arg(
        id = "alerts-webhook-secret-file",
        long = "alerts-webhook-secret-file",
        env = "TALLYMARK_MONITOR_ALERTS_WEBHOOK_SECRET_FILE",
        value_name = "FILE"
    )]
    pub webhook_secret_file: Option<PathBuf>,
    /// File for an Atom feed of the newest messages.
    #[arg(
        id = "alerts-feed",
        long = "alerts-feed",
        env = "TALLYMARK_MONITOR_ALERTS_FEED",
        value_name = "FILE"
    )]
    pub feed: Option<PathBuf>,
    /// Mail server: smtps://HOST, starttls://HOST, or smtp://127.0.0.1.
    #[arg(
        id = "alerts-mail-server",
        long = "alerts-mail-server",
        env = "TALLYMARK_MONITOR_ALERTS_MAIL_SERVER",
        value_name = "URL"
    )]
    pub mail_server: Option<String>,
    /// Address that writes.
    #[arg(
        id = "alerts-mail-from",
        long = "alerts-mail-from",
        env = "TALLYMARK_MONITOR_ALERTS_MAIL_FROM",
        value_name = "ADDRESS"
    )]
    pub mail_from: Option<String>,
    /// Addresses that are written to, separated by commas.
    #[arg(
        id = "alerts-mail-to",
        long = "alerts-mail-to",
        env = "TALLYMARK_MONITOR_ALERTS_MAIL_TO",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub mail_to: Option<Vec<String>>,
    /// Who logs in at the mail server [default: nobody].
    #[arg(
        id = "alerts-mail-user",
        long = "alerts-mail-user",
        env = "TALLYMARK_MONITOR_ALERTS_MAIL_USER",
        value_name = "NAME"
    )]
    pub mail_user: Option<String>,
    /// File whose first line is the password.
    #[arg(
        id = "alerts-mail-password-file",
        long = "alerts-mail-password-file",
        env = "TALLYMARK_MONITOR_ALERTS_MAIL_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub mail_password_file: Option<PathBuf>,
}

impl AlertKeys {
    /// These, and where they say nothing the others.
    pub(super) fn or(self, lower: Self) -> Self {
        Self {
            file: self.file.or(lower.file),
            command: self.command.or(lower.command),
            webhook: self.webhook.or(lower.webhook),
            webhook_secret_file: self.webhook_secret_file.or(lower.webhook_secret_file),
            feed: self.feed.or(lower.feed),
            mail_server: self.mail_server.or(lower.mail_server),
            mail_from: self.mail_from.or(lower.mail_from),
            mail_to: self.mail_to.or(lower.mail_to),
            mail_user: self.mail_user.or(lower.mail_user),
            mail_password_file: self.mail_password_file.or(lower.mail_password_file),
        }
    }

    /// Everybody who is told, checked.
    pub(super) fn sinks(self) -> Result<Vec<Sink>, ConfigError> {
        let mut sinks = Vec::new();
        // Those that cannot fail for long go first.
        sinks.extend(self.file.map(|path| Sink::File(FileSink::new(path))));
        sinks.extend(self.feed.map(|path| Sink::Feed(FeedSink::new(path))));
        sinks.extend(self.command.and_then(CommandSink::new).map(Sink::Command));
        let missing = |what| move || ConfigError::Missing { what };
        if let Some(url) = self.webhook {
            let secret = self.webhook_secret_file.ok_or_else(missing("alerts.webhook_secret_file"))?;
            sinks.push(Sink::Webhook(WebhookSink::new(&url, &secret)?));
        }
        if let Some(server) = self.mail_server {
            let from = self.mail_from.ok_or_else(missing("alerts.mail_from"))?;
            let to = self.mail_to.ok_or_else(missing("alerts.mail_to"))?;
            let password = match &self.mail_user {
                Some(user) => {
                    let file = self.mail_password_file.as_deref();
                    Some((user.as_str(), file.ok_or_else(missing("alerts.mail_password_file"))?))
                }
                None => None,
            };
            let settings = MailSettings { server: &server, from: &from, to: &to, login: password };
            sinks.push(Sink::Mail(MailSink::new(&settings)?));
        }
        if sinks.is_empty() { Err(ConfigError::NobodyTold) } else { Ok(sinks) }
    }
}
