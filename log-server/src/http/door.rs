//! From a connection to a log: who asks, which of the logs is meant, and how long it may take.
//!
//! What belongs to the server and not to a log is answered here: the probes, the list of logs at `/` where no log has
//! that place, and administration on the addresses that serve it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::client::{Client, Proxies};
use crate::disk::Space;
use crate::gate::Closed;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::{self, App, Routes};
use crate::listener::Roles;
use crate::metrics::{self, LogMetrics, Metrics, Route};
use crate::site::{Host, SitePath};

/// A log in service and where it is found.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) host: Option<Host>,
    pub(crate) path: SitePath,
    pub(crate) app: Arc<App>,
}

/// The routes of one log, and where its answers are counted.
#[derive(Debug)]
struct Room {
    host: Option<Host>,
    path: SitePath,
    routes: Routes,
    metrics: LogMetrics,
}

/// What answers the requests of one listener.
#[derive(Debug)]
pub(crate) struct Door {
    logs: Vec<Room>,
    house: Routes,
    roles: Roles,
    proxies: Proxies,
    request_timeout: Duration,
}

impl Door {
    pub(crate) fn new(
        served: &Arc<[Served]>,
        metrics: &Metrics,
        roles: Roles,
        proxies: Proxies,
        request_timeout: Duration,
    ) -> Self {
        let log = |served: &Served| Room {
            host: served.host.clone(),
            path: served.path.clone(),
            routes: Routes::of_log(Arc::clone(&served.app), roles),
            metrics: served.app.metrics.clone(),
        };
        Self {
            logs: served.iter().map(log).collect(),
            house: house(Arc::clone(served), metrics.clone(), roles),
            roles,
            proxies,
            request_timeout,
        }
    }

    /// Answers one request of a connection from `peer`.
    pub(crate) async fn answer(&self, peer: Client, mut request: Request) -> Response {
        let client = self.proxies.client(peer, request.headers());
        let (started, writes) = (Instant::now(), request.method() == Method::POST);
        let log = self.log_for(&mut request);
        let counted = log.map(|log| (&log.metrics, Route::of(request.uri().path(), writes)));
        let answering = async {
            match log {
                Some(log) => log.routes.answer(client, request).await,
                None => self.house.answer(client, request).await,
            }
        };
        let response = match tokio::time::timeout(self.request_timeout, answering).await {
            Ok(response) => response,
            Err(_) => {
                let limit_seconds = self.request_timeout.as_secs();
                http::dress(Problem::RequestTimeout { limit_seconds }.into_response())
            }
        };
        if let Some((metrics, route)) = counted {
            metrics.answered(route, response.status().as_u16(), started.elapsed());
            if let Some(ProblemCode(code)) = response.extensions().get() {
                metrics.refused(code);
            }
        }
        response
    }

    /// The log that a request is for; its path is below that log's then.
    fn log_for(&self, request: &mut Request) -> Option<&Room> {
        if self.is_of_house(request.uri().path()) {
            return None;
        }
        // The name in the request line wins over the one in the header (RFC 9112 §3.2.2).
        let named = request.uri().authority().map(|authority| authority.as_str());
        let named = named.or_else(|| request.headers().get(header::HOST)?.to_str().ok()).unwrap_or_default();
        let at_host = |host: &Option<Host>| host.as_ref().is_none_or(|host| host.is_named_by(named));
        let found = |log: &&Room| at_host(&log.host) && log.path.strip(request.uri().path()).is_some();
        let log = self.logs.iter().find(found)?;
        if log.path.is_root() {
            return Some(log);
        }
        let whole = request.uri().path_and_query()?.as_str();
        let below = PathAndQuery::try_from(log.path.strip(whole)?).ok()?;
        *request.uri_mut() = Uri::from(below);
        Some(log)
    }

    fn is_of_house(&self, path: &str) -> bool {
        let is_of_admin = |path: &str| path == "/metrics" || path.starts_with("/admin/");
        matches!(path, "/healthz" | "/readyz") || self.roles.admin && is_of_admin(path)
    }
}

/// What is the server's own.
fn house(served: Arc<[Served]>, metrics: Metrics, roles: Roles) -> Routes {
    let mut router = Router::new()
        .route("/", get(logs))
        .route("/healthz", get(http::read::healthz))
        .route("/readyz", get(readyz));
    // A request for no log comes here on every address, so what is for the operator must not be there at all.
    if roles.admin {
        let counted = Arc::clone(&served);
        router = router.route("/metrics", get(async move || page(&counted, &metrics)));
    }
    Routes::of_house(router.with_state(served))
}

/// The vkeys of all logs and where they are, one a line. Like [`http::read::log`] nothing to take trust from.
async fn logs(State(served): State<Arc<[Served]>>) -> Response {
    let host = |served: &Served| served.host.as_ref().map(|host| format!("//{host}")).unwrap_or_default();
    let line = |served: &Served| format!("{}{}/ {}\n", host(served), served.path, served.app.config.vkey());
    let text: String = served.iter().map(line).collect();
    let headers = [(header::CONTENT_TYPE, http::read::TEXT), (header::CACHE_CONTROL, "no-cache")];
    (headers, text).into_response()
}

/// The metrics of the process, with what only a look tells.
fn page(served: &[Served], metrics: &Metrics) -> Result<Response, Problem> {
    for Served { app, .. } in served {
        app.metrics.health(app.queue.pulse().age(), app.require_ready().is_ok());
        if let Some(search) = &app.search {
            app.metrics.indexed(search.index.indexed());
        }
        let (gate, scrubbed) = (app.queue.gate(), app.queue.gate().scrubbed());
        app.metrics.damaged(gate.check() == Err(Closed::Damaged));
        app.metrics.scrubbed(scrubbed.passes(), scrubbed.at());
        if let Some(space) = app.dir.as_deref().and_then(|dir| Space::of(dir).ok()) {
            app.metrics.disk(space.free, space.total);
        }
        let (waiting, places) = app.queue.occupancy();
        app.metrics.queue(waiting, places);
    }
    let page = metrics.page().map_err(|_| Problem::WorkerLost)?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], page).into_response())
}

/// Ready if every log is.
async fn readyz(State(served): State<Arc<[Served]>>) -> Result<Response, Problem> {
    served.iter().try_for_each(|served| served.app.require_ready()).map(|()| http::read::ready())
}
