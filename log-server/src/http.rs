//! The HTTP face of a log (`spec/log-api.md`): routes, and what every answer carries.
//!
//! In scope: paths, methods, headers. Out of scope: connections and their limits ([`crate::serve`]), errors to
//! statuses ([`problem`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use crate::admission::Admission;
use crate::config::{Config, Mode};
use crate::http::problem::Problem;
use crate::publisher::Publisher;
use crate::sequencer::Queue;
use crate::storage::Storage;

pub mod answer;
pub mod body;
pub mod problem;
mod read;
mod submit;

/// Longest request target, bytes. The longest tile path there is takes under 60.
pub const MAX_TARGET_BYTES: usize = 2048;
/// What `Access-Control-Allow-Headers` names.
const CORS_HEADERS: &str = "accept, content-type";
/// How long a browser may remember a preflight answer, seconds.
const PREFLIGHT_SECONDS: &str = "86400";

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) admission: Admission,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) queue: Queue,
    /// One permit per signature being verified: the number of processors.
    pub(crate) verifiers: Semaphore,
    /// How long a body may take to arrive.
    pub(crate) body_timeout: Duration,
    /// False once the server is on its way down.
    pub(crate) ready: AtomicBool,
}

impl App {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

/// The routes of one log.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mode = app.config.mode();
    let mut router = Router::new()
        .route("/checkpoint", get(read::checkpoint))
        .route("/tile/{*path}", get(read::tile))
        .route("/healthz", get(read::healthz))
        .route("/readyz", get(read::readyz))
        .route("/api/v1/log", get(read::log))
        .route("/api/v1/entries", post(submit::entry));
    if mode == Mode::Conformance {
        router = router.route("/add", post(submit::add));
    }
    router.fallback(not_found).layer(middleware::from_fn_with_state(Arc::clone(&app), frame)).with_state(app)
}

async fn not_found() -> Problem {
    Problem::NotFound
}

/// Wraps every request: target length, preflight, and what all answers carry.
async fn frame(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let methods = match request.uri().path() {
        "/api/v1/entries" => "POST, OPTIONS",
        "/add" if app.config.mode() == Mode::Conformance => "POST, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    };
    let too_long =
        request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES);
    let mut response = if too_long {
        Problem::TargetTooLong.into_response()
    } else if request.method() == Method::OPTIONS {
        preflight(methods)
    } else {
        next.run(request).await
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = Problem::MethodNotAllowed { allow: methods }.into_response();
    }
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn preflight(methods: &'static str) -> Response {
    let headers = [
        (header::ALLOW, methods),
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, CORS_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
