//! What is asked over HTTP, and what is answered. The whole table is in spec/witness.md.
//!
//! | request | answer |
//! |---|---|
//! | `POST PREFIX/add-checkpoint` | cosignature lines |
//! | `POST PREFIX/sign-subtree` | the cosignature line of a subtree, if there is an ML-DSA-44 key |
//! | `GET PREFIX/ORIGIN-HASH/checkpoint` | the latest checkpoint of a log, with its signatures and cosignatures |
//! | `GET /healthz`, `/readyz` | `ok` |
//! | `GET /metrics` | on the administration address only |
//!
//! A refusal is one line of text: a code, a colon, and words. Nothing in it comes from the machine's inside.
//!
//! In scope: from a request to an answer. Out of scope: connections, which are [`crate::serve`]'s.

mod answer;
mod body;
mod cosigning;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::{Method, Request as HttpRequest, StatusCode};
use tlog::witness::AddCheckpointResponse;
#[cfg(feature = "ml-dsa")]
use tlog::witness::SignSubtreeRequest;
#[cfg(feature = "ml-dsa")]
use tokio::sync::Semaphore;

pub(crate) use answer::Answer;
pub(crate) use cosigning::Keeper;

use crate::cosigner::Cosigner;
use crate::decision::Refusal;
use crate::logs::Logs;
use crate::metrics::{self, Metrics};
use crate::origin_hash::OriginHash;
use crate::recorder::{Desk, NotTaken, Outcome};
use crate::request::{Request, RequestError};

/// What all requests share.
#[derive(Debug)]
pub struct House {
    /// The keys.
    pub(crate) cosigner: Arc<Cosigner>,
    /// Whoever holds the key, if that is somebody else.
    pub(crate) keeper: Keeper,
    /// The logs, as the lists stand now.
    pub(crate) logs: RwLock<Arc<Logs>>,
    /// The way to the record.
    pub(crate) desk: Desk,
    pub(crate) metrics: Metrics,
    /// Path in front of everything but the probes.
    pub(crate) prefix: String,
    pub(crate) body_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) ready: AtomicBool,
    /// One subtree at a time: each costs a signature and anybody may ask, so they may never hold more than one core.
    #[cfg(feature = "ml-dsa")]
    pub(crate) subtrees: Semaphore,
}

/// Which of the two addresses a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Public,
    Admin,
}

/// What a path means. The names are labels of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    AddCheckpoint,
    Checkpoint(OriginHash),
    Healthz,
    Metrics,
    Other,
    Readyz,
    SignSubtree,
}

impl Route {
    const fn label(self) -> &'static str {
        match self {
            Self::AddCheckpoint => "add-checkpoint",
            Self::Checkpoint(_) => "checkpoint",
            Self::Healthz => "healthz",
            Self::Metrics => "metrics",
            Self::Other => "other",
            Self::Readyz => "readyz",
            Self::SignSubtree => "sign-subtree",
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::AddCheckpoint | Self::SignSubtree => "POST",
            _ => "GET, HEAD",
        }
    }
}

impl House {
    /// Answers one request.
    pub(crate) async fn answer<B>(&self, side: Side, request: HttpRequest<B>) -> hyper::Response<Full<Bytes>>
    where
        B: Body + Unpin,
        B::Data: AsRef<[u8]>,
    {
        let started = Instant::now();
        let route = self.route(side, request.uri().path());
        let is_head = request.method() == Method::HEAD;
        let answer = match tokio::time::timeout(self.request_timeout, self.at(route, request)).await {
            Ok(answer) => answer,
            // What is written stays written; the log asks again.
            Err(_) => {
                Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "too-slow", "no answer in time").after(1)
            }
        };
        self.metrics.answered(route.label(), answer.code(), answer.status().as_u16(), started.elapsed());
        answer.into_response(is_head)
    }

    fn route(&self, side: Side, path: &str) -> Route {
        match (path, side) {
            ("/healthz", _) => return Route::Healthz,
            ("/readyz", _) => return Route::Readyz,
            ("/metrics", Side::Admin) => return Route::Metrics,
            (_, Side::Admin) => return Route::Other,
            (_, Side::Public) => {}
        }
        let Some(path) = path.strip_prefix(self.prefix.as_str()).and_then(|path| path.strip_prefix('/'))
        else {
            return Route::Other;
        };
        match path {
            "add-checkpoint" => Route::AddCheckpoint,
            #[cfg(feature = "ml-dsa")]
            "sign-subtree" if self.cosigner.ml_dsa_vkey().is_some() => Route::SignSubtree,
            _ => match path.strip_suffix("/checkpoint").map(str::parse) {
                Some(Ok(hash)) => Route::Checkpoint(hash),
                _ => Route::Other,
            },
        }
    }

    async fn at<B>(&self, route: Route, request: HttpRequest<B>) -> Answer
    where
        B: Body + Unpin,
        B::Data: AsRef<[u8]>,
    {
        let is_post = request.method() == Method::POST;
        let wants_post = matches!(route, Route::AddCheckpoint | Route::SignSubtree);
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        if route != Route::Other && (is_post != wants_post || !is_post && !is_get) {
            let words = format!("{} wanted", route.method());
            return Answer::refused(StatusCode::METHOD_NOT_ALLOWED, "method", &words).allow(route.method());
        }
        match route {
            Route::AddCheckpoint => match body::read(request, self.body_timeout).await {
                Ok(body) => self.add_checkpoint(&body).await,
                Err(answer) => answer,
            },
            #[cfg(feature = "ml-dsa")]
            Route::SignSubtree => match body::read(request, self.body_timeout).await {
                Ok(body) => match self.subtrees.acquire().await {
                    Ok(_turn) => self.sign_subtree(&body),
                    Err(_) => {
                        Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "stopped", "the witness stops")
                            .after(5)
                    }
                },
                Err(answer) => answer,
            },
            Route::Checkpoint(hash) => self.checkpoint(&hash).await,
            Route::Healthz => Answer::text("ok", "ok\n".to_owned()),
            Route::Readyz if self.ready.load(Ordering::Acquire) => Answer::text("ok", "ok\n".to_owned()),
            Route::Readyz => {
                Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "going down").after(1)
            }
            Route::Metrics => {
                self.metrics.logs(self.logs().len());
                self.metrics.cosigned(self.desk.cosigned_logs());
                match self.metrics.page() {
                    Ok(page) => Answer::of("ok", metrics::MEDIA_TYPE, page),
                    Err(_) => Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "fault", "no page"),
                }
            }
            _ => Answer::refused(StatusCode::NOT_FOUND, "no-such-path", "nothing is served here"),
        }
    }

    /// The logs as the lists stand now.
    pub(crate) fn logs(&self) -> Arc<Logs> {
        Arc::clone(&self.logs.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn add_checkpoint(&self, body: &[u8]) -> Answer {
        let request = match Request::verify(body, &self.logs()) {
            Ok(request) => request,
            Err(error) => return self.refused(&error),
        };
        match self.desk.record(request).await {
            Ok(Outcome::Cosign(durable)) => match self.cosign(&durable).await.map(AddCheckpointResponse::new)
            {
                Ok(Ok(response)) => Answer::text("cosigned", lines(&response.to_bytes())),
                Ok(Err(_)) => Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "fault", "no cosignature"),
                Err(answer) => answer,
            },
            Ok(Outcome::Refused(refusal)) => of_refusal(&refusal),
            Ok(Outcome::OverQuota { wait }) => {
                let words = "the log asks more often than it may";
                Answer::refused(StatusCode::TOO_MANY_REQUESTS, "over-quota", words).after(wait.as_secs() + 1)
            }
            Ok(Outcome::ClockBehind { seconds }) => {
                let words =
                    format!("the clock of this witness stands {seconds} s before its last cosignature");
                Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "clock-behind", &words)
                    .after(seconds.min(3600))
            }
            Err(NotTaken::Busy) => {
                Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests wait").after(1)
            }
            Err(NotTaken::Stopped) => {
                Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "stopped", "the witness stops").after(5)
            }
        }
    }

    fn refused(&self, error: &RequestError) -> Answer {
        let words = error.to_string();
        match error {
            RequestError::UnknownOrigin => Answer::refused(StatusCode::NOT_FOUND, "unknown-origin", &words),
            RequestError::NotSigned { .. } => Answer::refused(StatusCode::FORBIDDEN, "not-signed", &words),
            RequestError::OldAboveNew => Answer::refused(StatusCode::BAD_REQUEST, "old-above-new", &words),
            RequestError::EmptyTreeRoot { origin, old } => {
                let latest = self.desk.latest(&OriginHash::of(origin));
                let latest = latest.map_or(merkle::TreeSize::ZERO, |durable| durable.latest().head().size());
                if *old == latest {
                    Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, "empty-tree-root", &words)
                } else {
                    Answer::latest_size(latest)
                }
            }
            _ => Answer::refused(StatusCode::BAD_REQUEST, "malformed", &words),
        }
    }

    #[cfg(feature = "ml-dsa")]
    fn sign_subtree(&self, body: &[u8]) -> Answer {
        let request = match SignSubtreeRequest::parse(body) {
            Ok(request) => request,
            Err(error) => return Answer::refused(StatusCode::BAD_REQUEST, "malformed", &error.to_string()),
        };
        let checkpoint = request.checkpoint();
        let (origin, head) = (checkpoint.unverified().origin(), checkpoint.unverified().head());
        // A log that left the lists keeps what was cosigned.
        let is_known =
            self.logs().get(origin).is_some() || self.desk.latest(&OriginHash::of(origin)).is_some();
        if !is_known {
            return Answer::refused(StatusCode::NOT_FOUND, "unknown-origin", "unknown origin");
        }
        if !self.cosigner.has_cosigned(checkpoint) {
            let words = "the checkpoint has no good cosignature of this witness";
            return Answer::refused(StatusCode::FORBIDDEN, "not-cosigned", words);
        }
        let verified =
            merkle::subtree::verify_consistency(request.proof(), request.subtree(), request.hash(), head);
        if let Err(error) = verified {
            return Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, "proof", &error.to_string());
        }
        match self.cosigner.cosign_subtree(origin, request.subtree(), request.hash()) {
            Some(line) => Answer::text("cosigned", format!("{line}\n")),
            None => Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "fault", "no cosignature"),
        }
    }

    async fn checkpoint(&self, hash: &OriginHash) -> Answer {
        let Some(durable) = self.desk.latest(hash) else {
            let words = "no checkpoint of that log was cosigned";
            return Answer::refused(StatusCode::NOT_FOUND, "not-cosigned", words);
        };
        let cosignatures = match self.cosign(&durable).await {
            Ok(cosignatures) => cosignatures,
            Err(answer) => return answer,
        };
        match durable.latest().checkpoint().with_signatures(&cosignatures) {
            Ok(cosigned) => Answer::text("ok", lines(cosigned.as_bytes())),
            Err(_) => Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "fault", "no checkpoint"),
        }
    }
}

fn of_refusal(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::OldSize { latest, .. } => Answer::latest_size(*latest),
        refusal if refusal.is_fork() => {
            Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, "fork", &refusal.to_string())
        }
        refusal => Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, "proof", &refusal.to_string()),
    }
}

/// Notes are UTF-8, so nothing is lost.
fn lines(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
