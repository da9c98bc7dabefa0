//! The status of the log, and what it has for one digest (`spec/status.md`).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use crate::admission::mentions::Subject;
use crate::http::App;
use crate::http::fault;
use crate::http::problem::Problem;
use crate::http::read::TEXT;

const JSON: &str = "application/json";

/// `GET /status`.
pub(super) async fn note(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let board = app.status.as_ref().ok_or(Problem::NotFound)?;
    let note = board.status().map_err(Problem::Status)?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-cache")], note).into_response())
}

/// `GET /status/<digest>`.
pub(super) async fn snapshot(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    // The raw path, never percent-decoded: a digest has one spelling.
    let digest = uri.path().strip_prefix("/status/").unwrap_or_default();
    let subject = Subject::from_hex(digest).ok_or(Problem::NotFound)?;
    let board = Arc::clone(app.status.as_ref().ok_or(Problem::NotFound)?);
    let shown = app.publisher.for_readers().map_err(|_| Problem::NotCosigned)?;
    let line = fault::on_thread(&app.readers, move || board.snapshot(subject, &shown)).await?;
    let mut line = line.map_err(Problem::Status)?;
    line.push(b'\n');
    Ok(([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "no-cache")], line).into_response())
}
