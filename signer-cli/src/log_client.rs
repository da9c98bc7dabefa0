//! HTTP to a log: one entry out, one answer back.
//!
//! Bounded in every direction: 5 seconds to connect, one time limit for all attempts together, an answer of at
//! most [`MAX_ANSWER_BYTES`], no redirects. An entry may be sent again without harm, since the log answers a
//! duplicate with the first one's place; so whatever may pass is tried again, a few times, with growing pauses.
//!
//! In scope: carrying bytes. Out of scope: whether the answer is true ([`crate::submit`]).

use std::io::Read as _;
use std::time::{Duration, Instant};

use attest::bundle::MAX_LOG_ENTRY_BYTES;
use attest::status::MAX_SNAPSHOT_BYTES;
use attest::types::ENTRY_MEDIA_TYPE;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use crate::log_token::LogToken;
use crate::message::warn_waiting;

/// Largest answer read, in bytes: the longest that parses.
pub(crate) const MAX_ANSWER_BYTES: u64 = MAX_LOG_ENTRY_BYTES as u64;
/// Largest page of a search read, in bytes: 100 of the longest entries with the longest proofs.
const MAX_PAGE_BYTES: u64 = 2 * 1024 * 1024;
/// Longest wait for a connection: a host that takes longer is as good as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses between attempts; so one attempt more than there are pauses. A log that restarts is back within these.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(1500)];
/// Longest pause a log may ask for with `Retry-After`.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Below the log's address: where entries go.
const ENTRIES: &str = "api/v1/entries";
/// Likewise: where it says what was said about a digest.
const STATUS: &str = "status";

/// A log at an address.
#[derive(Debug)]
pub(crate) struct LogClient {
    client: Client,
    entries: Url,
    shown: String,
    limit: Duration,
    until_cosigned: bool,
    token: Option<LogToken>,
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlFault {
    #[error("a password or user name in it")]
    Credentials,
    #[error("no http:// or https:// in front")]
    Scheme,
    #[error("a query or fragment in it")]
    Query,
    #[error("not a URL")]
    Syntax,
}

/// Why the log has not taken the entry, as far as we know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// A token goes only where nobody else can read it.
    #[error("a token would go unencrypted to {url}")]
    TokenInClear { url: String },
    /// The log wants a token, or another one, or one for other names.
    #[error("the log at {url} does not take entries from us: {status} {code}{}", detail(words))]
    NotAdmitted { url: String, status: u16, code: String, words: String },
    /// More than any honest answer.
    #[error("the log at {url} answered more than {limit} bytes")]
    AnswerTooLarge { url: String, limit: u64 },
    /// The HTTP client could not be set up: certificates, as a rule.
    #[error("cannot set up a connection: {}", innermost(cause))]
    Setup { cause: reqwest::Error },
    /// The log says it is busy or broken, and still did after all attempts.
    #[error("the log at {url} answered {status} to {attempts} attempts{}", detail(words))]
    Busy { url: String, status: u16, attempts: usize, words: String },
    /// The log does not want this entry.
    #[error("the log at {url} refused the entry with {status} {code}{}", detail(words))]
    Refused { url: String, status: u16, code: String, words: String },
    /// The log's time was up.
    #[error("the log at {url} did not answer within {seconds} s")]
    TimedOut { url: String, seconds: u64 },
    /// Something answers there which is no log.
    #[error("{url} answered {status}, want 200 or 201 from a log")]
    Unexpected { url: String, status: u16 },
    /// No connection, or it broke.
    #[error("no answer from the log at {url} after {attempts} attempts: {}", innermost(cause))]
    Unreachable { url: String, attempts: usize, cause: reqwest::Error },
    /// Not an address of a log.
    #[error("log address {url:?} has {fault}")]
    Url { url: String, fault: UrlFault },
}

/// The cause at the bottom: "connection refused" says more than "error sending request".
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn detail(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// How one attempt ended if not with an answer.
enum Attempt {
    /// May go better next time, after this pause if the log named one.
    Again(LogError, Option<Duration>),
    /// Will not.
    Over(LogError),
}

/// The part of RFC 9457's problem that we show.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    detail: String,
    title: String,
}

impl LogClient {
    /// Makes a client for the log whose entries go below `url`. `limit` is for all attempts together.
    ///
    /// # Errors
    /// [`LogError::Url`] for an address that is not one, [`LogError::Setup`] if there is no way to speak HTTP.
    pub(crate) fn new(url: &str, limit: Duration) -> Result<Self, LogError> {
        let entries =
            entries_url(url).map_err(|fault| LogError::Url { url: without_credentials(url), fault })?;
        // Another provider can only be there if this ran before, and then it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .user_agent(concat!("tallymark/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        if entries.scheme() == "http" {
            // No TLS, no certificates: a machine without a certificate store can still reach its own log.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&entries) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|cause| LogError::Setup { cause })?;
        Ok(Self { client, entries, shown: url.to_owned(), limit, token: None, until_cosigned: false })
    }

    /// The same client with a token to show when it submits.
    ///
    /// # Errors
    /// [`LogError::TokenInClear`] if the address is neither https nor this machine.
    pub(crate) fn with_token(self, token: Option<LogToken>) -> Result<Self, LogError> {
        if token.is_some() && self.entries.scheme() != "https" && !is_loopback(&self.entries) {
            return Err(LogError::TokenInClear { url: self.shown });
        }
        Ok(Self { token, ..self })
    }

    /// The same client, whose submissions are answered once the log's witnesses have confirmed them: what a policy with a quorum
    /// demands of the answer.
    pub(crate) fn until_cosigned(self) -> Self {
        Self { until_cosigned: true, ..self }
    }

    /// The address as given.
    pub(crate) fn url(&self) -> &str {
        &self.shown
    }

    /// Sends an entry and gives the body of the answer 200 or 201: bytes that nobody has looked at yet.
    ///
    /// # Errors
    /// Any [`LogError`]. After [`LogError::TimedOut`] and [`LogError::Unreachable`] the entry may be in the log all the
    /// same; sending it again finds out.
    pub(crate) fn send(&self, entry: &[u8]) -> Result<Vec<u8>, LogError> {
        self.ask(&|| {
            let mut url = self.entries.clone();
            if self.until_cosigned {
                url.set_query(Some("until=cosigned"));
            }
            let mut request = self.client.post(url).header(CONTENT_TYPE, ENTRY_MEDIA_TYPE);
            if let Some(shown) = self.token.as_ref().and_then(LogToken::header) {
                request = request.header(AUTHORIZATION, shown);
            }
            (request.body(entry.to_vec()), MAX_ANSWER_BYTES)
        })
    }

    /// Asks for entries and gives the body of the answer: bytes that nobody has looked at yet.
    ///
    /// # Errors
    /// Any [`LogError`].
    pub(crate) fn search(&self, query: &[(&str, String)]) -> Result<Vec<u8>, LogError> {
        let mut url = self.entries.clone();
        url.query_pairs_mut().extend_pairs(query);
        self.ask(&|| (self.client.get(url.clone()), MAX_PAGE_BYTES))
    }

    /// Asks what was said about a digest, in hex, and gives the body of the answer: bytes that nobody has looked at yet.
    ///
    /// # Errors
    /// Any [`LogError`].
    pub(crate) fn status(&self, digest: &str) -> Result<Vec<u8>, LogError> {
        let mut url = self.entries.clone();
        let root = url.path().strip_suffix(ENTRIES).unwrap_or("/");
        let path = format!("{root}{STATUS}/{digest}");
        url.set_path(&path);
        self.ask(&|| (self.client.get(url.clone()), MAX_SNAPSHOT_BYTES as u64 + 1))
    }

    /// Sends a request until it is answered, or time or patience is up.
    fn ask(&self, request: &dyn Fn() -> (RequestBuilder, u64)) -> Result<Vec<u8>, LogError> {
        let deadline = Instant::now() + self.limit;
        let mut pauses = PAUSES.iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            let (error, asked) = match self.attempt(request(), left, attempts) {
                Ok(body) => return Ok(body),
                Err(Attempt::Over(error)) => return Err(error),
                Err(Attempt::Again(error, asked)) => (error, asked),
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            let pause = asked.unwrap_or(*pause).max(*pause);
            // Coming back earlier than asked would only be refused again.
            if pause > MAX_PAUSE || Instant::now() + pause >= deadline {
                return Err(error);
            }
            if asked.is_some() {
                warn_waiting(&error.to_string(), pause);
            }
            std::thread::sleep(pause);
        }
    }

    fn attempt(
        &self,
        (request, limit): (RequestBuilder, u64),
        left: Duration,
        attempts: usize,
    ) -> Result<Vec<u8>, Attempt> {
        let request = request.timeout(left).header(ACCEPT, "application/json");
        let response = request.send().map_err(|e| self.failed(e, attempts))?;
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::CREATED => self.read_body(response, attempts, limit),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let asked = asked.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
                let (_, words) = self.read_problem(response, attempts);
                let (url, status) = (self.shown.clone(), status.as_u16());
                let words = match asked {
                    Some(asked) if words.is_empty() => format!("come back in {} s", asked.as_secs()),
                    Some(asked) => format!("{words}; come back in {} s", asked.as_secs()),
                    None => words,
                };
                Err(Attempt::Again(LogError::Busy { url, status, attempts, words }, asked))
            }
            _ => {
                let (code, words) = self.read_problem(response, attempts);
                let (url, status) = (self.shown.clone(), status.as_u16());
                Err(Attempt::Over(if code.is_empty() {
                    LogError::Unexpected { url, status }
                } else if matches!(status, 401 | 403) {
                    LogError::NotAdmitted { url, status, code, words }
                } else {
                    LogError::Refused { url, status, code, words }
                }))
            }
        }
    }

    fn failed(&self, source: reqwest::Error, attempts: usize) -> Attempt {
        let url = self.shown.clone();
        // A connection that times out after its own 5 seconds may come up later; all else has used up our time.
        if source.is_timeout() && !source.is_connect() {
            return Attempt::Over(LogError::TimedOut { url, seconds: self.limit.as_secs() });
        }
        Attempt::Again(LogError::Unreachable { url, attempts, cause: source.without_url() }, None)
    }

    fn read_body(&self, response: Response, attempts: usize, limit: u64) -> Result<Vec<u8>, Attempt> {
        let mut body = Vec::new();
        let read = response.take(limit + 1).read_to_end(&mut body);
        if body.len() as u64 > limit {
            let url = self.shown.clone();
            return Err(Attempt::Over(LogError::AnswerTooLarge { url, limit }));
        }
        match read.map_err(|error| error.downcast::<reqwest::Error>()) {
            Ok(_) => Ok(body),
            Err(Ok(source)) => Err(self.failed(source, attempts)),
            // The client reports its failures as its own; anything else means that its time was up.
            Err(Err(_)) => {
                let (url, seconds) = (self.shown.clone(), self.limit.as_secs());
                Err(Attempt::Over(LogError::TimedOut { url, seconds }))
            }
        }
    }

    /// The code and the words of a problem; empty if the answer is not one.
    fn read_problem(&self, response: Response, attempts: usize) -> (String, String) {
        let body = self.read_body(response, attempts, MAX_ANSWER_BYTES).unwrap_or_default();
        let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
        let words = if problem.detail.is_empty() { problem.title } else { problem.detail };
        (problem.code, words)
    }
}

/// The address to which entries go, from the log's.
fn entries_url(text: &str) -> Result<Url, UrlFault> {
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(_) => return Err(UrlFault::Scheme),
        Err(_) if !text.contains("://") => return Err(UrlFault::Scheme),
        Err(_) => return Err(UrlFault::Syntax),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlFault::Query);
    }
    let path = format!("{}/{ENTRIES}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// The address as it may be shown: errors end up in the logs of machines.
fn without_credentials(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://...@{host}"),
            None => text.to_owned(),
        },
        None => text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("...@{host}")),
    }
}

/// Whether it leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_below_the_address() {
        for (given, want) in [
            ("https://log.example.org", "https://log.example.org/api/v1/entries"),
            ("https://log.example.org/", "https://log.example.org/api/v1/entries"),
            ("http://127.0.0.1:8080/a/b/", "http://127.0.0.1:8080/a/b/api/v1/entries"),
        ] {
            assert_eq!(entries_url(given).expect("an address").as_str(), want);
        }
    }

    #[test]
    fn address_of_another_kind_is_refused_by_what_is_wrong() {
        for (given, fault) in [
            ("log.example.org", UrlFault::Scheme),
            ("", UrlFault::Scheme),
            ("ftp://log.example.org", UrlFault::Scheme),
            ("file:///etc/passwd", UrlFault::Scheme),
            ("https://", UrlFault::Syntax),
            ("https://user:pass@log.example.org", UrlFault::Credentials),
            ("https://log.example.org/?q=1", UrlFault::Query),
            ("https://log.example.org/#f", UrlFault::Query),
        ] {
            assert_eq!(entries_url(given).expect_err("no address"), fault, "{given}");
        }
    }

    #[test]
    fn password_in_an_address_is_never_shown() {
        for text in [
            "https://me:secret@log.example.org",
            "https://me:sec@ret@host",
            "me:secret@host",
            "ftp://me:secret@h",
        ] {
            let error = LogClient::new(text, Duration::from_secs(1)).expect_err("credentials").to_string();
            assert!(!error.contains("sec"), "{error}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_number() {
        for (url, want) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).expect("a URL")), want, "{url}");
        }
    }
}
