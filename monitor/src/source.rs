//! The files of a log, over HTTP or from a directory, as C2SP tlog-tiles names them. Nothing that comes from here is
//! believed.
//!
//! Bounded in every direction: 5 s to connect, 30 s an answer, [`ATTEMPTS`] attempts, no redirects, and never more bytes
//! than such a file can have.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use thiserror::Error;

/// How often one file is asked for.
pub const ATTEMPTS: usize = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause between two attempts; each is four times the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Files of one log, or of one witness.
#[derive(Debug)]
pub struct Source(Kind);

#[derive(Debug)]
enum Kind {
    Directory(PathBuf),
    Web { client: Client, base: Url },
}

/// Why a file could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A status that is neither 200 nor 404.
    #[error("{url} answered {status}, wanted 200 or 404")]
    Answer {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The client could not be set up: certificates, as a rule.
    #[error("cannot set up a connection: {cause}")]
    Setup {
        /// What the client said.
        cause: String,
    },
    /// More bytes than such a file can have.
    #[error("{name} has more than {limit_bytes} bytes")]
    TooLarge {
        /// The file.
        name: String,
        /// Most it can have.
        limit_bytes: usize,
    },
    /// No answer.
    #[error("no answer from {url}: {cause}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the client said the last time.
        cause: String,
    },
    /// Not an address.
    #[error(
        "{url:?} is no address of a log; wanted http://, https:// or file://, without user, query and fragment"
    )]
    Url {
        /// What was given.
        url: String,
    },
}

/// How one attempt ended.
enum Attempt {
    Over(Result<Option<Vec<u8>>, SourceError>),
    Again(SourceError),
}

impl Source {
    /// The source at an address: `file://` is a directory, all else HTTP.
    ///
    /// # Errors
    /// [`SourceError::Url`], [`SourceError::Setup`].
    pub fn at(url: &str) -> Result<Self, SourceError> {
        if let Some(path) = url.strip_prefix("file://") {
            return Ok(Self(Kind::Directory(PathBuf::from(path))));
        }
        // The address may hold a password, which must not be repeated.
        let bad = || SourceError::Url { url: url.rsplit('@').next().unwrap_or_default().to_owned() };
        let mut base: Url = url.parse().map_err(|_| bad())?;
        let plain = base.username().is_empty() && base.password().is_none();
        let web = ["http", "https"].contains(&base.scheme()) && base.has_host();
        if !plain || !web || base.query().is_some() || base.fragment().is_some() {
            return Err(bad());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = client(&base).map_err(|cause| SourceError::Setup { cause: cause.to_string() })?;
        Ok(Self(Kind::Web { client, base }))
    }

    /// All bytes under `name`, `None` if there is nothing under it.
    ///
    /// # Errors
    /// [`SourceError`]; [`SourceError::TooLarge`] if there are more than `limit_bytes`.
    pub fn read(&self, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
        match &self.0 {
            Kind::Directory(root) => read_file(&root.join(name), name, limit_bytes),
            Kind::Web { client, base } => {
                let url = base.join(name).map_err(|_| SourceError::Url { url: name.to_owned() })?;
                let mut pause = FIRST_PAUSE;
                let mut attempts = 1;
                loop {
                    match attempt(client, &url, name, limit_bytes) {
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
    }
}

/// A client for an address: no redirects; no proxy to an own machine; no certificates where there is no TLS, so that a machine without
/// a certificate store can read its own log.
pub(crate) fn client(url: &Url) -> Result<Client, reqwest::Error> {
    // Another provider can only be there if this ran before, and then it is the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = Client::builder()
        .user_agent(concat!("tallymark-monitor/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT);
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    if url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]") {
        builder = builder.no_proxy();
    }
    builder.build()
}

fn read_file(path: &std::path::Path, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|source| SourceError::Io { path: path.to_owned(), source })?,
    };
    let mut bytes = Vec::new();
    let read = file.take(limit_bytes as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    within(bytes, name, limit_bytes).map(Some)
}

fn attempt(client: &Client, url: &Url, name: &str, limit_bytes: usize) -> Attempt {
    let unreachable = |error: &dyn std::error::Error| {
        let mut cause = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        Attempt::Again(SourceError::Unreachable { url: url.to_string(), cause: cause.to_string() })
    };
    let response = match client.get(url.clone()).send() {
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

fn within(bytes: Vec<u8>, name: &str, limit_bytes: usize) -> Result<Vec<u8>, SourceError> {
    if bytes.len() > limit_bytes {
        return Err(SourceError::TooLarge { name: name.to_owned(), limit_bytes });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_and_a_password_is_not_repeated() {
        for url in [
            "",
            "log",
            "ftp://log.test",
            "http://u:secret@log.test/",
            "http://log.test/?a=b",
            "http://log.test/#x",
        ] {
            let refused = Source::at(url).map(|_| ()).unwrap_err();
            assert!(matches!(refused, SourceError::Url { .. }), "{url}");
            assert!(!refused.to_string().contains("secret"));
        }
        assert!(Source::at("http://127.0.0.1:1/log").is_ok());
    }

    #[test]
    fn a_file_has_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x"), [0; 10]).unwrap();
        let source = Source::at(&format!("file://{}", dir.path().display())).unwrap();
        assert_eq!(source.read("x", 10).unwrap().unwrap().len(), 10);
        assert!(matches!(source.read("x", 9), Err(SourceError::TooLarge { limit_bytes: 9, .. })));
        assert!(source.read("y", 9).unwrap().is_none());
    }
}
