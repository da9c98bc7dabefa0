//! E-mail by SMTP (RFC 5321): each alert, and that one is over. Heartbeats are not mailed.
//!
//! ```text
//! smtps://mail.example.org       TLS from the first byte, port 465
//! starttls://mail.example.org    TLS by STARTTLS (RFC 3207), port 587; without it nothing is sent
//! smtp://127.0.0.1:25            no TLS; this machine only
//! ```
//!
//! A message that is sent again has the same Message-ID.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, Message, SmtpTransport, Transport as _};
use reqwest::Url;
use thiserror::Error;

use super::SinkError;
use crate::alert::{Alert, Kind};
use crate::disk::{self, DiskError};

/// Time for each answer of the server.
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_PASSWORD_BYTES: u64 = 4096;

/// A server, and who writes to whom.
pub struct MailSink {
    transport: SmtpTransport,
    from: Address,
    to: Vec<Address>,
}

impl std::fmt::Debug for MailSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the transport, which holds the password.
        f.debug_struct("MailSink").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// Why mail cannot be sent at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MailError {
    /// Not an address.
    #[error("{text:?} is no mail address like security@example.org")]
    Address {
        /// What stands there.
        text: String,
    },
    /// The password cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file with the password is not there.
    #[error("{}: not there; wanted the password in its first line", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Nobody to write to.
    #[error("mail_to has no address")]
    Nobody,
    /// No TLS where it is wanted.
    #[error(
        "{url:?} is no mail server; wanted smtps://HOST, starttls://HOST, or smtp:// and an address of this machine"
    )]
    Server {
        /// What stands there.
        url: String,
    },
    /// Certificates, as a rule.
    #[error("cannot set up mail: {cause}")]
    Setup {
        /// What the client said.
        cause: String,
    },
}

/// How mail is sent, as configured.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the configuration")]
pub struct MailSettings<'a> {
    /// The server's address.
    pub server: &'a str,
    /// Who writes.
    pub from: &'a str,
    /// To whom.
    pub to: &'a [String],
    /// Who logs in, and the file with the password.
    pub login: Option<(&'a str, &'a Path)>,
}

impl MailSink {
    /// Reads the settings and the password. Nothing is sent yet.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn new(settings: &MailSettings<'_>) -> Result<Self, MailError> {
        // Another provider can only be there if this ran before, and then it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let address = |text: &String| text.parse().map_err(|_| MailError::Address { text: text.clone() });
        let from = address(&settings.from.to_owned())?;
        let to = settings.to.iter().map(address).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(MailError::Nobody);
        }
        let mut transport = transport(settings.server)?.timeout(Some(TIMEOUT));
        if let Some((user, path)) = settings.login {
            let missing = || MailError::Missing { path: path.to_owned() };
            let bytes = disk::read(path, MAX_PASSWORD_BYTES)?.ok_or_else(missing)?;
            let text = String::from_utf8_lossy(&bytes);
            let password = text.lines().next().unwrap_or_default();
            transport = transport.credentials(Credentials::new(user.to_owned(), password.to_owned()));
        }
        Ok(Self { transport: transport.build(), from, to })
    }

    pub(super) fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        if alert.kind == Kind::Heartbeat {
            return Ok(());
        }
        let failed = |cause: String| SinkError::Mail { cause };
        let part = if alert.kind == Kind::Resolved { "resolved" } else { "alert" };
        let mut message = Message::builder()
            .from(Mailbox::new(Some("tallymark-monitor".to_owned()), self.from.clone()))
            .subject(format!("[tallymark] {}", alert.subject()))
            .message_id(Some(format!("<{}.{part}@{}>", alert.id, self.from.domain())))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(Mailbox::new(None, to.clone()));
        }
        let message = message.body(alert.text()).map_err(|error| failed(error.to_string()))?;
        self.transport.send(&message).map(drop).map_err(|error| failed(error.to_string()))
    }
}

fn transport(text: &str) -> Result<lettre::transport::smtp::SmtpTransportBuilder, MailError> {
    // The address may hold a password, which must not be repeated.
    let bad = || MailError::Server { url: text.rsplit('@').next().unwrap_or_default().to_owned() };
    let setup = |error: lettre::transport::smtp::Error| MailError::Setup { cause: error.to_string() };
    let url: Url = text.parse().map_err(|_| bad())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let host = url.host_str().filter(|_| is_plain && matches!(url.path(), "" | "/")).ok_or_else(bad)?;
    let builder = match url.scheme() {
        "smtps" => SmtpTransport::relay(host).map_err(setup)?,
        "starttls" => SmtpTransport::starttls_relay(host).map_err(setup)?,
        "smtp" => {
            let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
            if !(host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())) {
                return Err(bad());
            }
            SmtpTransport::builder_dangerous(host.trim_matches(['[', ']']))
        }
        _ => return Err(bad()),
    };
    Ok(match url.port() {
        Some(port) => builder.port(port),
        None => builder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(server: &str, to: &[&str]) -> Result<MailSink, MailError> {
        let to: Vec<String> = to.iter().map(|&to| to.to_owned()).collect();
        MailSink::new(&MailSettings { server, from: "monitor@example.org", to: &to, login: None })
    }

    #[test]
    fn mail_leaves_this_machine_with_tls_only() {
        let to = ["security@example.org"];
        for server in
            ["smtps://mail.example.org", "starttls://mail.example.org:2525", "smtp://127.0.0.1:2525"]
        {
            assert!(new(server, &to).is_ok(), "{server}");
        }
        for server in ["smtp://mail.example.org", "smtps://u:secret@mail.example.org", "http://x", "mail", ""]
        {
            let refused = new(server, &to).unwrap_err();
            assert!(matches!(refused, MailError::Server { .. }), "{server}");
            assert!(!refused.to_string().contains("secret"));
        }
        assert!(matches!(new("smtps://mail.example.org", &[]), Err(MailError::Nobody)));
        assert!(matches!(new("smtps://mail.example.org", &["x"]), Err(MailError::Address { .. })));
    }
}
