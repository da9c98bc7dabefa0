//! The read side: checkpoint, tiles, entry bundles, and what the log says about itself.
//!
//! Nothing beyond the published size is ever shown, whatever storage holds already. A resource that is not
//! there is 404 and nothing else, because clients fall back from a partial tile to the full one only then.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tlog::entry_bundle::push_entry;
use tlog::tile::{TileCoord, TilePath, TileWidth};

use crate::config::Mode;
use crate::http::App;
use crate::http::problem::Problem;
use crate::storage::{Storage, StorageError};

/// Hashes in a full tile, entries in a full bundle.
const TILE_HASHES: u64 = 256;
const HASH_BYTES: usize = 32;
const IMMUTABLE: &str = "public, max-age=604800, immutable";
const OCTETS: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) async fn checkpoint(State(app): State<Arc<App>>) -> Response {
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-cache")];
    (headers, app.publisher.current().checkpoint().to_vec()).into_response()
}

pub(super) async fn tile(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    // The raw path, never percent-decoded: each tile has exactly one spelling.
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let path = TilePath::parse(path).map_err(|_| Problem::NotFound)?;
    let size = app.publisher.current().head().size().get();
    let storage = Arc::clone(&app.storage);
    let read = tokio::task::spawn_blocking(move || match path {
        TilePath::Tile { coord, width } => hashes(storage.as_ref(), size, coord, width),
        TilePath::Entries { index, width } => bundle(storage.as_ref(), size, index.get(), width),
        _ => Err(Problem::NotFound),
    });
    let bytes = read.await.map_err(|_| Problem::WorkerLost)??;
    Ok(([(header::CONTENT_TYPE, OCTETS), (header::CACHE_CONTROL, IMMUTABLE)], bytes).into_response())
}

fn hashes(storage: &dyn Storage, size: u64, coord: TileCoord, width: TileWidth) -> Result<Vec<u8>, Problem> {
    // Level `l` holds one hash per complete subtree of 256^l leaves.
    let in_level = size.checked_shr(8 * u32::from(coord.level())).unwrap_or(0);
    require_published(in_level, coord.index(), width)?;
    let stored = storage.tile(coord).map_err(Problem::Storage)?;
    let mut bytes = stored.unwrap_or_default();
    let wanted = usize::from(width.get()) * HASH_BYTES;
    if bytes.len() < wanted {
        // Published but not there: damage, never "not found".
        let len = bytes.len();
        return Err(Problem::Storage(StorageError::BadRecord { table: crate::storage::Table::Tile, len }));
    }
    bytes.truncate(wanted);
    Ok(bytes)
}

fn bundle(storage: &dyn Storage, size: u64, index: u64, width: TileWidth) -> Result<Vec<u8>, Problem> {
    require_published(size, index, width)?;
    let start = index * TILE_HASHES;
    let mut bytes = Vec::new();
    let mut pushed = Ok(());
    let walked = storage.entries(start..start + u64::from(width.get()), &mut |_, entry| {
        if pushed.is_ok() {
            pushed = push_entry(&mut bytes, entry);
        }
    });
    walked.map_err(Problem::Storage)?;
    match pushed {
        Ok(()) => Ok(bytes),
        Err(_) => {
            let table = crate::storage::Table::Entry;
            Err(Problem::Storage(StorageError::BadRecord { table, len: bytes.len() }))
        }
    }
}

/// A tile is published if the level holds all `width` hashes from its start.
fn require_published(in_level: u64, index: u64, width: TileWidth) -> Result<(), Problem> {
    let end = index.checked_mul(TILE_HASHES).and_then(|start| start.checked_add(u64::from(width.get())));
    if end.is_some_and(|end| end <= in_level) { Ok(()) } else { Err(Problem::NotFound) }
}

/// The process runs.
pub(super) async fn healthz() -> Response {
    ([(header::CONTENT_TYPE, TEXT)], "ok\n").into_response()
}

/// The log takes entries.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    if app.is_ready() { Ok(([(header::CONTENT_TYPE, TEXT)], "ready\n").into_response()) } else { Err(Problem::NotReady) }
}

#[derive(Serialize)]
struct About {
    origin: String,
    vkey: String,
    policy: String,
    conformance: bool,
}

/// What the log says it is. A client must not take its trust from here.
pub(super) async fn log(State(app): State<Arc<App>>) -> Response {
    let about = About {
        origin: app.config.origin().to_string(),
        vkey: app.config.vkey().to_string(),
        policy: app.config.policy_line(),
        conformance: app.config.mode() == Mode::Conformance,
    };
    // Strings and a bool always serialise.
    let body = serde_json::to_vec(&about).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(in_level: u64, index: u64, width: u16) -> bool {
        require_published(in_level, index, TileWidth::new(width).unwrap()).is_ok()
    }

    #[test]
    fn every_width_up_to_the_published_one_is_served_and_no_more() {
        assert!(published(3, 0, 1) && published(3, 0, 3));
        assert!(!published(3, 0, 4) && !published(3, 0, 256) && !published(3, 1, 1));
        assert!(published(256, 0, 256) && published(256, 0, 255));
        assert!(!published(256, 1, 1));
        assert!(published(257, 1, 1) && !published(257, 1, 2));
        assert!(!published(0, 0, 1));
    }

    #[test]
    fn a_coordinate_that_overflows_is_not_published() {
        assert!(!published(u64::MAX, u64::MAX, 256));
        assert!(!published(u64::MAX, u64::MAX / 256, 256));
    }
}
