//! A webhook: each message is posted as JSON, signed with a secret that both sides have.
//!
//! ```text
//! POST …
//! content-type: application/json
//! tallymark-delivery: <id of the message>
//! tallymark-signature: t=1764230400,sha256=<HMAC-SHA256(secret, "1764230400." ‖ body) in hex>
//! ```
//!
//! The time is part of what is signed, so that a receiver can refuse what somebody recorded and sends again. A receiver drops a
//! delivery whose id it has had.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::blocking::Client;
use reqwest::{StatusCode, Url};
use sha2::Sha256;
use thiserror::Error;

use super::SinkError;
use crate::alert::{Alert, now};
use crate::disk::{self, DiskError};
use crate::source::{SourceError, client};

/// How often one message is posted before it waits for the next time.
const ATTEMPTS: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(5);
/// The first pause; each is four times the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Shorter secrets can be guessed.
const MIN_SECRET_BYTES: usize = 16;
const MAX_SECRET_BYTES: u64 = 4096;

/// An address and the secret.
pub struct WebhookSink {
    client: Client,
    url: Url,
    secret: Vec<u8>,
}

impl std::fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the secret nor the address, which may hold a token.
        f.write_str("WebhookSink")
    }
}

/// Why a webhook cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not there.
    #[error("{}: not there; wanted a secret of at least {MIN_SECRET_BYTES} bytes in its first line", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The address is none, or the client cannot be set up.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Too little to be a secret.
    #[error("{}: a secret of {seen} bytes, wanted at least {MIN_SECRET_BYTES}", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// How many bytes.
        seen: usize,
    },
}

impl WebhookSink {
    /// A webhook whose secret is the first line of a file.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new(url: &str, secret_file: &Path) -> Result<Self, SecretError> {
        // The address may hold a password or a token, which must not be repeated.
        let shown = url.split('?').next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let bad = || SourceError::Url { url: shown.to_owned() };
        let url: Url = url.parse().map_err(|_| bad())?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return Err(bad().into());
        }
        let path = || secret_file.to_owned();
        let bytes = disk::read(secret_file, MAX_SECRET_BYTES)?
            .ok_or_else(|| SecretError::Missing { path: path() })?;
        let secret = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end().to_vec();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretError::Short { path: path(), seen: secret.len() });
        }
        let client = client(&url).map_err(|cause| SourceError::Setup { cause: cause.to_string() })?;
        Ok(Self { client, url, secret })
    }

    pub(super) fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        let body = alert.to_json();
        let mut pause = FIRST_PAUSE;
        let mut attempts = 1;
        loop {
            let error = match self.post(alert, &body) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // Asking again changes nothing about a request that is refused as it is.
            let is_final = matches!(error, SinkError::Answer { status: 400..=499 })
                && !matches!(error, SinkError::Answer { status: 408 | 429 });
            if is_final || attempts == ATTEMPTS {
                return Err(error);
            }
            std::thread::sleep(pause);
            pause *= 4;
            attempts += 1;
        }
    }

    fn post(&self, alert: &Alert, body: &str) -> Result<(), SinkError> {
        let time = now();
        let request = self.client.post(self.url.clone()).timeout(TIMEOUT);
        let request = request
            .header("content-type", "application/json")
            .header("tallymark-delivery", &alert.id)
            .header("tallymark-signature", format!("t={time},sha256={}", signature(&self.secret, time, body)))
            .body(body.to_owned());
        match request.send() {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(SinkError::Answer { status: StatusCode::as_u16(&answer.status()) }),
            // Without the address, which may hold a token.
            Err(error) => Err(SinkError::Unreachable { cause: error.without_url().to_string() }),
        }
    }
}

/// HMAC-SHA256 over the time, a full stop and the body, in hex.
#[must_use]
pub fn signature(secret: &[u8], time: u64, body: &str) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_says() {
        // printf '1764230400.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(
            signature(b"0123456789abcdef", 1_764_230_400, "{\"a\":1}"),
            "f0883603f73e0f2f8581e05a37c577ee381374dc3b9ca4ef8c7583169b356d79"
        );
    }

    #[test]
    fn a_secret_is_long_enough_and_a_webhook_has_an_address() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        let new = |url| WebhookSink::new(url, &file);
        assert!(matches!(new("http://127.0.0.1:1/"), Err(SecretError::Missing { .. })));
        std::fs::write(&file, "short\n").unwrap();
        assert!(matches!(new("http://127.0.0.1:1/"), Err(SecretError::Short { seen: 5, .. })));
        std::fs::write(&file, "0123456789abcdef\nmore").unwrap();
        assert_eq!(new("http://127.0.0.1:1/").unwrap().secret, b"0123456789abcdef");
        assert!(matches!(new("mailto:x"), Err(SecretError::Source(_))));
        let refused = new("ftp://user:hidden@example.org/?token=hidden").unwrap_err();
        assert!(!refused.to_string().contains("hidden"), "{refused}");
    }
}
