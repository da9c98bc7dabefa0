//! The HTTP face of a log (`spec/log-api.md`): routes, and what every answer carries.
//!
//! In scope: paths, methods, headers. Out of scope: connections and their limits ([`crate::serve`]), errors to
//! statuses ([`problem`]).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;

use crate::admission::gate::Gate;
use crate::client::Client;
use crate::config::{Config, Mode};
use crate::gate::Closed;
use crate::http::problem::Problem;
use crate::http::search::Search;
use crate::http::workers::Workers;
use crate::listener::Roles;
use crate::metrics::LogMetrics;
use crate::publisher::Publisher;
use crate::sequencer::Queue;
use crate::status::Board;
use crate::storage::Storage;

pub mod answer;
mod authorization;
pub mod body;
pub(crate) mod door;
pub mod fault;
mod inclusion;
pub mod problem;
mod read;
pub mod retry_after;
pub mod search;
mod status;
mod submit;
pub(crate) mod workers;

/// Longest request target, bytes. The longest tile path there is takes under 60.
pub const MAX_TARGET_BYTES: usize = 2048;
/// What `Access-Control-Allow-Headers` names.
const CORS_HEADERS: &str = "accept, authorization, content-type";
/// How long a browser may remember a preflight answer, seconds.
const PREFLIGHT_SECONDS: &str = "86400";

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) gate: Arc<Gate>,
    /// Places in the queue that bulk submissions may take.
    pub(crate) bulk: Semaphore,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) queue: Queue,
    /// Finds entries; `None` on a log made for conformance tests, whose entries mean nothing.
    pub(crate) search: Option<Search>,
    /// What was said about everything; `None` as above, and where no status is signed.
    pub(crate) status: Option<Arc<Board>>,
    pub(crate) metrics: LogMetrics,
    /// Where the log lies, to look at the disk it is on; `None` for a log in memory.
    pub(crate) dir: Option<PathBuf>,
    /// As many threads as processors, for signatures.
    pub(crate) verifiers: Arc<Workers>,
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

    /// Whether entries are taken now, and if not, why.
    fn require_ready(&self) -> Result<(), Problem> {
        if !self.is_ready() {
            return Err(Problem::NotReady);
        }
        match self.queue.gate().check() {
            // A frozen log is ready for what it is for: to be read.
            Ok(()) | Err(Closed::Frozen) => {}
            Err(closed) => return Err(Problem::Queue(closed.into())),
        }
        let pulse = self.queue.pulse();
        if !pulse.is_steady() {
            return Err(Problem::CheckpointStale { seconds: pulse.age().as_secs() });
        }
        // A log that cannot write now is better asked later; it goes on serving what it has.
        self.queue.time().now().map(|_| ()).map_err(|behind| Problem::Queue(behind.into()))
    }
}

/// Where the entries of a log are, to be posted and to be found.
const ENTRIES: &str = "/api/v1/entries";

/// What answers the requests for one log, or for none.
#[derive(Debug)]
pub(crate) struct Routes {
    router: TowerToHyperService<Router>,
    taken: Taken,
    /// Whose entries are taken here.
    entries: Option<Arc<App>>,
}

impl Routes {
    /// The routes of one log, as far as they are served to these roles.
    pub(crate) fn of_log(app: Arc<App>, roles: Roles) -> Self {
        let mode = app.config.mode();
        let mut router =
            Router::new().route("/healthz", get(read::healthz)).route("/readyz", get(read::readyz));
        if roles.read {
            router = router
                .route("/checkpoint", get(read::checkpoint))
                .route("/tile/{*path}", get(read::tile))
                .route("/status", get(status::note))
                .route("/status/{digest}", get(status::snapshot))
                .route("/api/v1/log", get(read::log))
                .route("/api/v1/openapi.yaml", get(read::openapi))
                .route(ENTRIES, get(search::entries))
                .route("/api/v1/proof", get(inclusion::proof));
        }
        if roles.write {
            router = router.route(ENTRIES, post(submit::entry));
            if mode == Mode::Conformance {
                router = router.route("/add", post(submit::add));
            }
        }
        let taken = Taken { roles, raw: roles.write && mode == Mode::Conformance };
        let entries = roles.write.then(|| Arc::clone(&app));
        Self { entries, ..Self::new(router.with_state(app), taken) }
    }

    /// The routes of the server itself.
    pub(crate) fn of_house(router: Router) -> Self {
        Self::new(router, Taken::default())
    }

    fn new(router: Router, taken: Taken) -> Self {
        Self { router: TowerToHyperService::new(router.fallback(not_found)), taken, entries: None }
    }

    /// Answers a request of this client.
    pub(crate) async fn answer(&self, client: Client, request: Request) -> Response {
        frame(self.taken, request, async |mut request: Request| match &self.entries {
            // By far the most frequent on a busy log; finding its route costs more than reading it.
            Some(app) if request.method() == Method::POST && request.uri().path() == ENTRIES => {
                let (parts, body) = request.into_parts();
                let (app, client) = (State(Arc::clone(app)), Extension(client));
                submit::entry(app, client, parts.headers, parts.uri, body).await.into_response()
            }
            _ => {
                request.extensions_mut().insert(client);
                // The router cannot fail.
                self.router.call(request).await.into_response()
            }
        })
        .await
    }
}

/// What a router takes, as `Allow` says it.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    roles: Roles,
    raw: bool,
}

impl Taken {
    fn methods(self, path: &str) -> &'static str {
        match path {
            ENTRIES => match (self.roles.read, self.roles.write) {
                (true, true) => "GET, HEAD, POST, OPTIONS",
                (false, true) => "POST, OPTIONS",
                _ => "GET, HEAD, OPTIONS",
            },
            "/add" if self.raw => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

async fn not_found() -> Problem {
    Problem::NotFound
}

/// Wraps every request: target length, preflight, panics, and what all answers carry.
async fn frame(taken: Taken, request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    let methods = taken.methods(request.uri().path());
    let too_long =
        request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES);
    let mut response = if too_long {
        Problem::TargetTooLong.into_response()
    } else if request.method() == Method::OPTIONS {
        preflight(methods)
    } else {
        fault::caught(answer(request)).await.unwrap_or_else(Problem::into_response)
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = Problem::MethodNotAllowed { allow: methods }.into_response();
    }
    dress(response)
}

/// What every answer carries.
fn dress(mut response: Response) -> Response {
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
    use http_body_util::BodyExt as _;

    #[test]
    fn a_panic_in_a_handler_is_a_500_that_says_nothing_but_an_id() {
        let routes =
            Routes::of_house(Router::new().route("/", get(async || -> StatusCode { panic!("secret") })));
        let request = Request::new(axum::body::Body::empty());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(routes.answer(Client::Local, request));
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
