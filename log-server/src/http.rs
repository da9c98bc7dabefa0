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
pub mod fault;
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
    pub(crate) verifiers: Arc<Semaphore>,
    /// One permit per request that reads storage.
    pub(crate) readers: Arc<Semaphore>,
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

/// Wraps every request: target length, preflight, panics, and what all answers carry.
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
        fault::caught(next.run(request)).await.unwrap_or_else(Problem::into_response)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::opening::OpenLog;
    use crate::storage::memory::MemoryStorage;
    use http_body_util::BodyExt as _;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use tlog::checkpoint::CheckpointSigner;

    #[test]
    fn a_panic_in_a_handler_is_a_500_that_says_nothing_but_an_id() {
        let dir = tempfile::tempdir().unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let signer = CheckpointSigner::ed25519("log.test/1".parse().unwrap(), key.clone()).unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), signer.vkey(), 0).unwrap();
        let config = Config::new(signer.vkey().clone(), Mode::Service);
        let log = OpenLog::assemble(config, key, Arc::new(MemoryStorage::new()), ledger).unwrap();
        let service = log.into_service(1);
        let app = Arc::new(App {
            admission: Admission::new(Mode::Service),
            config: service.config,
            publisher: service.publisher,
            storage: service.storage,
            queue: service.queue,
            verifiers: Arc::new(Semaphore::new(1)),
            readers: Arc::new(Semaphore::new(1)),
            body_timeout: Duration::from_secs(1),
            ready: AtomicBool::new(true),
        });
        let router = Router::new()
            .route("/", get(async || -> StatusCode { panic!("secret") }))
            .layer(middleware::from_fn_with_state(app, frame));
        let request = Request::new(axum::body::Body::empty());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(TowerToHyperService::new(router).call(request)).unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let body = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["code"], "fault");
        let id = document["detail"].as_str().unwrap().rsplit(' ').next().unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(!document.to_string().contains("secret"));
    }
}
