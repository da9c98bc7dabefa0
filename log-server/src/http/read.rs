//! The read side: checkpoint, tiles, entry bundles, and what the log says about itself.
//!
//! Nothing beyond the published size is ever shown, whatever storage holds already. A resource that is not
//! there is 404 and nothing else, because clients fall back from a partial tile to the full one only then.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use merkle::TreeSize;
use serde::Serialize;
use tlog::entry_bundle::push_entry;
use tlog::tile::{BundleIndex, TileCoord, TilePath, TileWidth};

use crate::config::Mode;
use crate::gate::Closed;
use crate::http::App;
use crate::http::fault;
use crate::http::problem::Problem;
use crate::storage::{Storage, StorageError, Table};

const IMMUTABLE: &str = "public, max-age=604800, immutable";
const OCTETS: &str = "application/octet-stream";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

pub(super) async fn checkpoint(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-cache")];
    let shown = app.publisher.for_readers().map_err(|_| Problem::NotCosigned)?;
    Ok((headers, shown.checkpoint().to_vec()).into_response())
}

pub(super) async fn tile(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    // The raw path, never percent-decoded: each tile has exactly one spelling.
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let path = TilePath::parse(path).map_err(|_| Problem::NotFound)?;
    let size = app.publisher.current().head().size();
    let storage = Arc::clone(&app.storage);
    let read = fault::on_thread(&app.readers, move || match path {
        TilePath::Tile { coord, width } => hashes(storage.as_ref(), size, coord, width),
        TilePath::Entries { index, width } => bundle(storage.as_ref(), size, index, width),
    });
    let bytes = read.await??;
    Ok(([(header::CONTENT_TYPE, OCTETS), (header::CACHE_CONTROL, IMMUTABLE)], bytes).into_response())
}

fn hashes(
    storage: &dyn Storage,
    size: TreeSize,
    coord: TileCoord,
    width: TileWidth,
) -> Result<Vec<u8>, Problem> {
    require_published(coord.width_in(size), width)?;
    let mut bytes = storage.tile(coord).map_err(Problem::Storage)?.unwrap_or_default();
    if bytes.len() < width.byte_len() {
        // Published but not there: damage, never "not found".
        return Err(Problem::Storage(StorageError::BadRecord { table: Table::Tile, len: bytes.len() }));
    }
    bytes.truncate(width.byte_len());
    Ok(bytes)
}

fn bundle(
    storage: &dyn Storage,
    size: TreeSize,
    index: BundleIndex,
    width: TileWidth,
) -> Result<Vec<u8>, Problem> {
    require_published(index.width_in(size), width)?;
    let start = index.first_leaf();
    let mut bytes = Vec::new();
    let mut too_long = None;
    let walked = storage.entries(start..start + u64::from(width.get()), &mut |_, entry| {
        if push_entry(&mut bytes, entry).is_err() {
            too_long = Some(entry.len());
        }
    });
    walked.map_err(Problem::Storage)?;
    match too_long {
        None => Ok(bytes),
        Some(len) => Err(Problem::Storage(StorageError::BadRecord { table: Table::Entry, len })),
    }
}

/// Any width up to the published one is served: a stored tile only ever grows at its end.
fn require_published(published: Option<TileWidth>, width: TileWidth) -> Result<(), Problem> {
    if published.is_some_and(|published| width <= published) { Ok(()) } else { Err(Problem::NotFound) }
}

/// The description of this interface for tools, as it stood when the program was built.
const OPENAPI: &str = include_str!("../../../spec/openapi.yaml");

/// The interface for tools (OpenAPI 3.1).
pub(super) async fn openapi() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/yaml"), (header::CACHE_CONTROL, "no-cache")];
    (headers, OPENAPI).into_response()
}

/// The process runs.
pub(super) async fn healthz() -> Response {
    ([(header::CONTENT_TYPE, TEXT)], "ok\n").into_response()
}

/// The log takes entries.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    app.require_ready().map(|()| ready())
}

pub(super) fn ready() -> Response {
    ([(header::CONTENT_TYPE, TEXT)], "ready\n").into_response()
}

#[derive(Serialize)]
struct About {
    origin: String,
    vkey: String,
    policy: String,
    conformance: bool,
    state: &'static str,
    scrub: Scrubbed,
}

/// How far everything has been read again since the start.
#[derive(Serialize)]
struct Scrubbed {
    passes: u64,
    at: u64,
    of: u64,
}

/// What the log says it is. A client must not take its trust from here.
pub(super) async fn log(State(app): State<Arc<App>>) -> Response {
    let about = About {
        origin: app.config.origin().to_string(),
        vkey: app.config.vkey().to_string(),
        policy: app.config.policy_line(),
        conformance: app.config.mode() == Mode::Conformance,
        scrub: {
            let scrubbed = app.queue.gate().scrubbed();
            Scrubbed { passes: scrubbed.passes(), at: scrubbed.at(), of: scrubbed.of() }
        },
        state: app.queue.gate().check().map_or_else(Closed::code, |()| "open"),
    };
    // Strings and a bool always serialise.
    let body = serde_json::to_vec(&about).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, body).into_response()
}
