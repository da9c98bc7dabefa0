//! The files of a log over HTTP.
//!
//! Bounded in every direction: 5 s to connect, 30 s an answer, [`ATTEMPTS`] attempts, no redirects, no proxy to an own
//! machine, and never more bytes than such a file can have.

use std::io::Read as _;
use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use super::{SourceError, TileSource, within};

/// How often one file is asked for.
pub const ATTEMPTS: usize = 4;
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause between two attempts; each is four times the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A log at an address.
#[derive(Debug)]
pub struct HttpSource {
    client: Client,
    /// With a slash at the end.
    base: Url,
}

/// How one attempt ended.
enum Attempt {
    Over(Result<Option<Vec<u8>>, SourceError>),
    Again(SourceError),
}

impl HttpSource {
    /// A client for the log below `url`. Must not be called or dropped on a thread of an async runtime.
    ///
    /// # Errors
    /// [`SourceError::Url`], [`SourceError::Setup`].
    pub fn new(url: &str) -> Result<Self, SourceError> {
        // The address may hold a password, which must not be repeated.
        let shown = url.rsplit('@').next().unwrap_or_default();
        let bad = || SourceError::Url { url: shown.to_owned() };
        let mut base: Url = url.parse().map_err(|_| bad())?;
        let plain = base.username().is_empty() && base.password().is_none();
        let web = ["http", "https"].contains(&base.scheme()) && base.has_host();
        if !plain || !web || base.query().is_some() || base.fragment().is_some() {
            return Err(bad());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // Another provider can only be there if this ran before, and then it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .user_agent(concat!("tallymark-log/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT);
        if base.scheme() == "http" {
            // No TLS, no certificates: a machine without a certificate store can still read its own log.
            builder = builder.tls_certs_only([]);
        }
        if base
            .host_str()
            .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
        {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|cause| SourceError::Setup { cause: cause.to_string() })?;
        Ok(Self { client, base })
    }

    fn attempt(&self, url: &Url, name: &str, limit_bytes: usize, attempts: usize) -> Attempt {
        let unreachable = |cause: &dyn std::error::Error| {
            let mut cause = cause;
            while let Some(next) = cause.source() {
                cause = next;
            }
            Attempt::Again(SourceError::Unreachable {
                url: url.to_string(),
                attempts,
                cause: cause.to_string(),
            })
        };
        let response = match self.client.get(url.clone()).send() {
            Ok(response) => response,
            Err(error) => return unreachable(&error),
        };
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Attempt::Over(Ok(None)),
            status => {
                let error = SourceError::Answer { url: url.to_string(), status: status.as_u16() };
                let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                return if again { Attempt::Again(error) } else { Attempt::Over(Err(error)) };
            }
        }
        let mut bytes = Vec::new();
        match response.take(limit_bytes as u64 + 1).read_to_end(&mut bytes) {
            Ok(_) => Attempt::Over(within(bytes, name, limit_bytes).map(Some)),
            Err(error) => unreachable(&error),
        }
    }
}

impl TileSource for HttpSource {
    fn read(&self, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
        let url = self.base.join(name).map_err(|_| SourceError::Url { url: name.to_owned() })?;
        let mut pause = FIRST_PAUSE;
        let mut attempts = 1;
        loop {
            match self.attempt(&url, name, limit_bytes, attempts) {
                Attempt::Over(answer) => return answer,
                Attempt::Again(error) if attempts == ATTEMPTS => return Err(error),
                Attempt::Again(_) => {}
            }
            std::thread::sleep(pause);
            pause *= 4;
            attempts += 1;
        }
    }
}
