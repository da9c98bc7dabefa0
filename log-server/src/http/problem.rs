//! The one map from what went wrong to what HTTP says (RFC 9457 problem documents).
//!
//! ```json
//! {"type":"https://tallymark.dev/problem/body-too-large","title":"the body is too large","status":413,
//!  "detail":"9000 bytes, at most 8192 are taken","code":"body-too-large"}
//! ```
//!
//! Programs branch on `code`, which is stable; `detail` is for people. The table is in `spec/log-api.md`.

use std::error::Error;
use std::fmt::Write as _;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tlog::checkpoint::CheckpointError;

use crate::admission::denial::Denial;
use crate::admission::{ENTRY_MEDIA_TYPE, Refusal, TYPE_BASE};
use crate::gate::Closed;
use crate::http::answer::{JSON_MEDIA_TYPE, PROOF_MEDIA_TYPE};
use crate::http::fault::FaultId;
use crate::http::retry_after::RetryAfter;
use crate::http::search::QuestionError;
use crate::proof::ProveError;
use crate::sequencer::QueueError;
use crate::status::BoardError;
use crate::storage::StorageError;

/// Media type of a problem document.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// The longest a client is told to wait for the clock.
const MAX_CLOCK_WAIT_SECONDS: u32 = 60;

/// The code of a problem, left on its answer for whoever counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemCode(pub(crate) &'static str);

/// Everything a request can be refused with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The body broke off or was not HTTP.
    BodyBroken,
    /// The body did not arrive in time.
    BodyTimeout {
        /// Seconds it had.
        limit_seconds: u64,
    },
    /// The body is larger than the route takes.
    BodyTooLarge {
        /// `Content-Length`, or `None` for a chunked body that was cut off at the limit.
        size_bytes: Option<u64>,
        /// What is taken.
        limit_bytes: usize,
    },
    /// The writer has not come round for three publish intervals. Told by readiness only.
    CheckpointStale {
        /// For how long.
        seconds: u64,
    },
    /// The log's own checkpoint does not parse: a fault of the program.
    Checkpoint(CheckpointError),
    /// The body has a content coding.
    ContentEncoded,
    /// Not from this submitter, or not by this key.
    Denied(Denial),
    /// Not an entry, or not one this log takes.
    Entry(Refusal),
    /// The program panicked behind the request.
    Fault {
        /// What the log line about it carries too.
        id: FaultId,
    },
    /// The term index has not reached the published tree, or is being made again.
    IndexBehind {
        /// Entries it has.
        indexed: u64,
        /// Entries that are published.
        size: u64,
    },
    /// The server's own proof failed: damaged tiles, or a fault of the program.
    Internal(ProveError),
    /// The content type is not that of an entry.
    MediaType,
    /// The route does not take this method.
    MethodNotAllowed {
        /// The methods it takes.
        allow: &'static str,
    },
    /// Neither form of answer was accepted.
    NotAcceptable,
    /// No such resource, or not published.
    NotFound,
    /// A quorum of witnesses is asked for, and has not confirmed it.
    NotCosigned,
    /// Served elsewhere: the server is going down.
    NotReady,
    /// The query is no question.
    Question(QuestionError),
    /// The queue is full, or the sequencer has ended.
    Queue(QueueError),
    /// The request took too long inside the server.
    RequestTimeout {
        /// Seconds it had.
        limit_seconds: u64,
    },
    /// There is no status yet, or it has too much to show.
    Status(BoardError),
    /// Storage could not be read.
    Storage(StorageError),
    /// The request target is too long.
    TargetTooLong,
    /// A thread of the server ended before its work was done.
    WorkerLost,
}

/// One row of the table: code, status, title.
type Row = (&'static str, StatusCode, &'static str);

impl Problem {
    fn row(&self) -> Row {
        match self {
            Self::BodyBroken => ("body-broken", StatusCode::BAD_REQUEST, "the body broke off"),
            Self::BodyTimeout { .. } => {
                ("body-timeout", StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
            }
            Self::BodyTooLarge { .. } | Self::Entry(Refusal::TooLarge { .. }) => {
                ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
            }
            Self::CheckpointStale { .. } => {
                ("checkpoint-stale", StatusCode::SERVICE_UNAVAILABLE, "the writer no longer comes round")
            }
            Self::ContentEncoded => {
                ("content-encoded", StatusCode::UNSUPPORTED_MEDIA_TYPE, "content codings are not taken")
            }
            Self::Denied(denial) | Self::Entry(Refusal::Denied(denial)) => denial_row(denial),
            Self::Entry(Refusal::Malformed { .. }) => {
                ("entry-malformed", StatusCode::BAD_REQUEST, "the body is not a log entry")
            }
            Self::Entry(Refusal::SignatureInvalid { .. }) => (
                "entry-signature-invalid",
                StatusCode::BAD_REQUEST,
                "the signature of the entry does not verify",
            ),
            Self::Fault { .. } => {
                ("fault", StatusCode::INTERNAL_SERVER_ERROR, "the log met a fault of its own")
            }
            Self::Checkpoint(_) | Self::Internal(_) => {
                ("internal", StatusCode::INTERNAL_SERVER_ERROR, "the log could not prove its own answer")
            }
            Self::IndexBehind { .. } => {
                ("index-behind", StatusCode::SERVICE_UNAVAILABLE, "the search index is being made")
            }
            Self::MediaType => {
                ("media-type-unsupported", StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body has another type")
            }
            Self::MethodNotAllowed { .. } => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "the method is not taken here")
            }
            Self::NotAcceptable => {
                ("not-acceptable", StatusCode::NOT_ACCEPTABLE, "no accepted form of answer exists")
            }
            Self::NotFound | Self::Entry(Refusal::RawNotTaken) => {
                ("not-found", StatusCode::NOT_FOUND, "no such resource is published")
            }
            Self::NotCosigned => {
                ("not-cosigned", StatusCode::SERVICE_UNAVAILABLE, "the witnesses have not confirmed it yet")
            }
            Self::NotReady => ("not-ready", StatusCode::SERVICE_UNAVAILABLE, "the server is going down"),
            Self::Queue(QueueError::Closed(Closed::Damaged)) => {
                ("damaged", StatusCode::SERVICE_UNAVAILABLE, "the log was found damaged and signs nothing")
            }
            Self::Queue(QueueError::Closed(Closed::DiskFull)) => {
                ("disk-full", StatusCode::INSUFFICIENT_STORAGE, "the disk of the log is nearly full")
            }
            Self::Queue(QueueError::Closed(Closed::Frozen)) => {
                ("frozen", StatusCode::GONE, "the log is frozen and takes nothing new")
            }
            Self::Queue(QueueError::Closed(Closed::ReadOnly)) => {
                ("read-only", StatusCode::INSUFFICIENT_STORAGE, "the log is open for reading only")
            }
            Self::Queue(QueueError::Closed(Closed::Restored)) => {
                ("restored", StatusCode::SERVICE_UNAVAILABLE, "the log was restored and not yet released")
            }
            Self::Queue(QueueError::Closed(Closed::WitnessAhead)) => (
                "witness-ahead",
                StatusCode::SERVICE_UNAVAILABLE,
                "a witness has confirmed more than the log has",
            ),
            Self::Queue(QueueError::ClockBehind(_)) => (
                "clock-behind",
                StatusCode::SERVICE_UNAVAILABLE,
                "the log's clock stands before its last signed time",
            ),
            Self::Question(_) => {
                ("query-invalid", StatusCode::BAD_REQUEST, "the query is none that this log answers")
            }
            Self::Queue(QueueError::Full { .. } | QueueError::BulkFull) => {
                ("queue-full", StatusCode::SERVICE_UNAVAILABLE, "too many entries are waiting")
            }
            Self::Queue(QueueError::Stopped) | Self::WorkerLost => {
                ("outcome-unknown", StatusCode::SERVICE_UNAVAILABLE, "the entry may or may not be in the log")
            }
            Self::RequestTimeout { .. } => {
                ("request-timeout", StatusCode::SERVICE_UNAVAILABLE, "the log was too slow to answer")
            }
            Self::Status(BoardError::Nothing { .. }) => {
                ("status-behind", StatusCode::SERVICE_UNAVAILABLE, "no status was signed yet")
            }
            Self::Status(_) => {
                ("mentions-too-many", StatusCode::UNPROCESSABLE_ENTITY, "this was mentioned too often")
            }
            Self::Storage(_) => {
                ("storage-failed", StatusCode::INTERNAL_SERVER_ERROR, "the log could not be read")
            }
            Self::TargetTooLong => {
                ("target-too-long", StatusCode::URI_TOO_LONG, "the request target is too long")
            }
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::BodyTimeout { limit_seconds } => Some(format!("the whole body has {limit_seconds} s")),
            Self::BodyTooLarge { size_bytes: Some(size), limit_bytes } => {
                Some(format!("{size} bytes, at most {limit_bytes} are taken"))
            }
            Self::BodyTooLarge { size_bytes: None, limit_bytes } => {
                Some(format!("more than {limit_bytes} bytes, at most {limit_bytes} are taken"))
            }
            Self::CheckpointStale { seconds } => {
                Some(format!("its last sign of life is {seconds} s old; what is published is served"))
            }
            Self::Denied(denial) => Some(denial.to_string()),
            Self::Entry(refusal) => Some(with_sources(refusal)),
            Self::Fault { id } => Some(format!("the log's own lines name it {id}")),
            Self::IndexBehind { indexed, size } => Some(format!("{indexed} of {size} entries can be found")),
            Self::MediaType => Some(format!("an entry is sent as {ENTRY_MEDIA_TYPE}")),
            Self::MethodNotAllowed { allow } => Some(format!("taken here: {allow}")),
            Self::NotAcceptable => Some(format!("answers come as {JSON_MEDIA_TYPE} or {PROOF_MEDIA_TYPE}")),
            Self::Queue(QueueError::ClockBehind(behind)) => Some(behind.to_string()),
            Self::Question(error) => Some(error.to_string()),
            Self::NotCosigned => Some(
                "an entry that was submitted is in the log; ask again, or submit the same bytes again"
                    .to_owned(),
            ),
            Self::Queue(QueueError::Closed(closed)) => Some(closed.to_string()),
            Self::Queue(QueueError::Full { capacity }) => Some(format!("all {capacity} places are taken")),
            Self::Queue(QueueError::BulkFull) => Some("the places for bulk submissions are taken".to_owned()),
            Self::Queue(QueueError::Stopped) | Self::WorkerLost => Some(
                "submit the same bytes again: if the entry is in the log, the answer is its index".to_owned(),
            ),
            Self::RequestTimeout { limit_seconds } => Some(format!(
                "no answer within {limit_seconds} s; a submitted entry may be in the log: submit the same bytes again"
            )),
            Self::Status(error) => Some(error.to_string()),
            // What broke inside is for the server's own log, not for strangers.
            Self::BodyBroken
            | Self::Checkpoint(_)
            | Self::ContentEncoded
            | Self::Internal(_)
            | Self::NotFound
            | Self::NotReady
            | Self::Storage(_)
            | Self::TargetTooLong => None,
        }
    }

    /// When the same request may fare better.
    fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            // Somebody has to look into it first.
            Self::Queue(QueueError::Closed(Closed::Damaged | Closed::Restored | Closed::WitnessAhead)) => {
                Some(RetryAfter::between(60, 120))
            }
            Self::Queue(QueueError::ClockBehind(behind)) => {
                // A clock that is far off is not waited for: somebody will set it right.
                let seconds =
                    u32::try_from(behind.seconds).unwrap_or(u32::MAX).clamp(1, MAX_CLOCK_WAIT_SECONDS);
                Some(RetryAfter::between(seconds, seconds + 2))
            }
            Self::Queue(QueueError::Full { .. }) => Some(RetryAfter::between(1, 3)),
            // Those who can wait come back after those who cannot.
            Self::Queue(QueueError::BulkFull) => Some(RetryAfter::between(5, 15)),
            Self::Denied(Denial::OverRate { wait, .. }) => {
                // At least the whole of it, and half as long again at most.
                let wait = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
                Some(RetryAfter::between(wait, wait.saturating_add(wait.div_ceil(2))))
            }
            Self::Denied(Denial::RulesUnreadable) => Some(RetryAfter::between(5, 10)),
            Self::Queue(QueueError::Stopped)
            | Self::WorkerLost
            | Self::CheckpointStale { .. }
            | Self::NotCosigned
            | Self::NotReady
            | Self::IndexBehind { .. }
            | Self::RequestTimeout { .. }
            | Self::Status(BoardError::Nothing { .. }) => Some(RetryAfter::between(5, 10)),
            _ => None,
        }
    }
}

/// 401 says: show who you are, or somebody else; 403: it is known who you are, and the answer is no.
fn denial_row(denial: &Denial) -> Row {
    match denial {
        Denial::OverRate { .. } => {
            ("rate-limited", StatusCode::TOO_MANY_REQUESTS, "too many entries in too short a time")
        }
        Denial::Private(_) => {
            ("private-not-allowed", StatusCode::FORBIDDEN, "the key may not add private entries to this log")
        }
        Denial::Publisher(_) => {
            ("publisher-not-allowed", StatusCode::FORBIDDEN, "the key may not sign this name in this log")
        }
        Denial::RulesUnreadable => {
            ("rules-unreadable", StatusCode::SERVICE_UNAVAILABLE, "the log cannot say whose entries it takes")
        }
        Denial::Scope { .. } => ("token-scope", StatusCode::FORBIDDEN, "the token is for other names"),
        Denial::TokenExpired { .. } => ("token-expired", StatusCode::UNAUTHORIZED, "the token has expired"),
        Denial::TokenInvalid => {
            ("token-invalid", StatusCode::UNAUTHORIZED, "the token is not one of this log")
        }
        Denial::TokenMissing => {
            ("token-missing", StatusCode::UNAUTHORIZED, "this log takes entries with a token")
        }
        Denial::WritesOff => ("writes-off", StatusCode::FORBIDDEN, "this log takes no entries"),
    }
}

/// `WWW-Authenticate` (RFC 6750 §3): no error code where nothing was shown.
fn challenge(denial: &Denial) -> Option<&'static str> {
    match denial {
        Denial::TokenMissing => Some("Bearer"),
        Denial::TokenInvalid => Some("Bearer error=\"invalid_token\""),
        Denial::TokenExpired { .. } => {
            Some("Bearer error=\"invalid_token\", error_description=\"the token has expired\"")
        }
        Denial::Scope { .. } => Some("Bearer error=\"insufficient_scope\""),
        Denial::OverRate { .. }
        | Denial::Private(_)
        | Denial::Publisher(_)
        | Denial::RulesUnreadable
        | Denial::WritesOff => None,
    }
}

#[derive(Serialize)]
struct Document {
    r#type: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    code: &'static str,
    /// Whose rate it is, with `rate-limited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    limited: Option<&'static str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match &self {
            Self::Internal(error) => tracing::error!(error = with_sources(error), "own proof failed"),
            Self::Checkpoint(error) => tracing::error!(error = with_sources(error), "own checkpoint failed"),
            Self::Storage(error) => tracing::error!(error = with_sources(error), "storage could not be read"),
            _ => {}
        }
        let (code, status, title) = self.row();
        let r#type = format!("{TYPE_BASE}problem/{code}");
        let limited = match &self {
            Self::Denied(Denial::OverRate { who, .. }) => Some(who.kind()),
            _ => None,
        };
        let document =
            Document { r#type, title, status: status.as_u16(), detail: self.detail(), code, limited };
        // Strings and a number always serialise; an empty body would still carry the status.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let headers = [(header::CONTENT_TYPE, PROBLEM_MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        response.extensions_mut().insert(ProblemCode(code));
        if let Some(after) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, after.value());
        }
        if let Self::Denied(denial) = &self
            && let Some(challenge) = challenge(denial)
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// An error and everything below it, on one line.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use crate::admission::denial::Limited;
    use crate::admission::mentions::MentionsError;
    use crate::admission::publishers::{PrivateNotAllowed, PublisherNotAllowed};
    use crate::admission::token::TokenDigest;
    use crate::clock::Behind;
    use crate::config::Mode;
    use merkle::LeafIndex;
    use std::time::Duration;

    /// One of each; the compiler insists on a row for every variant in [`Problem::row`].
    fn all() -> Vec<Problem> {
        let door = Admission::new(Mode::Service);
        let malformed = door.admit_signed(b"no entry".to_vec()).unwrap_err();
        let Refusal::Malformed { source: unsigned } = door.admit_signed(Vec::new()).unwrap_err() else {
            panic!("an empty body is malformed")
        };
        let index = LeafIndex::new(1).unwrap().get();
        let token = TokenDigest::of("token").id();
        let not_allowed = PublisherNotAllowed {
            name: "acme/churn".into(),
            key: "00".into(),
            pattern: Some("acme/*".into()),
        };
        let over = Denial::OverRate {
            who: Limited::Address,
            rate: "50/s:200".parse().unwrap(),
            wait: Duration::from_millis(1500),
        };
        vec![
            Problem::Denied(over),
            Problem::Denied(Denial::Private(PrivateNotAllowed { key: "00".into() })),
            Problem::Denied(Denial::Publisher(not_allowed)),
            Problem::Denied(Denial::RulesUnreadable),
            Problem::Denied(Denial::Scope { token: token.clone(), name: "acme/churn".to_owned() }),
            Problem::Denied(Denial::TokenExpired { token }),
            Problem::Denied(Denial::TokenInvalid),
            Problem::Denied(Denial::TokenMissing),
            Problem::Denied(Denial::WritesOff),
            Problem::Queue(QueueError::BulkFull),
            Problem::BodyBroken,
            Problem::BodyTimeout { limit_seconds: 10 },
            Problem::CheckpointStale { seconds: 4 },
            Problem::BodyTooLarge { size_bytes: Some(9000), limit_bytes: 8192 },
            Problem::BodyTooLarge { size_bytes: None, limit_bytes: 8192 },
            Problem::ContentEncoded,
            Problem::Entry(malformed),
            Problem::Entry(Refusal::SignatureInvalid { source: unsigned }),
            Problem::Entry(Refusal::RawNotTaken),
            Problem::Entry(Refusal::TooLarge { size_bytes: 9000, limit_bytes: 8192 }),
            Problem::Fault { id: FaultId::new() },
            Problem::IndexBehind { indexed: 1, size: 2 },
            Problem::Internal(ProveError::Build { index, size: 1 }),
            Problem::MediaType,
            Problem::MethodNotAllowed { allow: "GET" },
            Problem::NotAcceptable,
            Problem::NotFound,
            Problem::NotReady,
            Problem::Queue(QueueError::ClockBehind(Behind { seconds: 3 })),
            Problem::Question(QuestionError::Nothing),
            Problem::Queue(QueueError::Closed(Closed::Damaged)),
            Problem::Queue(QueueError::Closed(Closed::WitnessAhead)),
            Problem::NotCosigned,
            Problem::Queue(QueueError::Closed(Closed::DiskFull)),
            Problem::Queue(QueueError::Closed(Closed::Frozen)),
            Problem::Queue(QueueError::Closed(Closed::ReadOnly)),
            Problem::Queue(QueueError::Closed(Closed::Restored)),
            Problem::Queue(QueueError::Full { capacity: 1 }),
            Problem::Queue(QueueError::Stopped),
            Problem::RequestTimeout { limit_seconds: 30 },
            Problem::Status(BoardError::Nothing { size: 3 }),
            Problem::Status(BoardError::Mentions(MentionsError::TooMany { seen: 2000 })),
            Problem::Storage(StorageError::MissingHead),
            Problem::TargetTooLong,
            Problem::WorkerLost,
        ]
    }

    #[test]
    fn the_page_has_every_code_with_its_status_and_no_other() {
        let page =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/log-api.md")).unwrap();
        let (_, table) = page.split_once("| code | status | when |").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let mut on_page: Vec<_> = rows.map(|(code, rest)| (code.to_owned(), rest[..3].to_owned())).collect();
        let row = |problem: &Problem| (problem.row().0.to_owned(), problem.row().1.as_str().to_owned());
        let mut in_code: Vec<_> = all().iter().map(row).collect();
        on_page.sort();
        in_code.sort();
        in_code.dedup();
        assert_eq!(in_code, on_page);
    }

    #[test]
    fn what_broke_inside_is_not_told_to_strangers() {
        let source = std::io::Error::other("/secret/path").into();
        let storage = StorageError::Engine { act: crate::storage::Act::Read, source };
        assert_eq!(Problem::Storage(storage).detail(), None);
        assert_eq!(Problem::Internal(ProveError::Build { index: 1, size: 1 }).detail(), None);
    }

    #[test]
    fn only_refusals_for_now_say_when_to_come_back() {
        for problem in all() {
            let status = problem.row().1;
            let is_for_now =
                matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(problem.retry_after().is_some(), is_for_now, "{problem:?}");
        }
    }

    #[test]
    fn a_401_has_a_challenge_and_a_429_says_whose_rate_it_is_and_waits_at_least_as_long_as_it_takes() {
        for problem in all() {
            let status = problem.row().1;
            let response = problem.into_response();
            let has = |name| response.headers().contains_key(name);
            assert!(status != StatusCode::UNAUTHORIZED || has(header::WWW_AUTHENTICATE));
            if status == StatusCode::TOO_MANY_REQUESTS {
                let after: u32 = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
                assert!((2..=3).contains(&after), "{after}");
            }
        }
    }
}
