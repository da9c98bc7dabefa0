//! Reading a request body: a limit on its bytes, a deadline for all of it, no coding but chunks.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;

use crate::http::problem::Problem;

/// Reads a whole body.
///
/// A `Content-Length` above the limit is refused before a byte is read; a chunked body is cut off when it
/// passes the limit. Memory is taken as bytes arrive, never ahead of them.
///
/// # Errors
/// [`Problem::ContentEncoded`], [`Problem::BodyTooLarge`], [`Problem::BodyTimeout`], [`Problem::BodyBroken`].
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    limit_bytes: usize,
    timeout: Duration,
) -> Result<Vec<u8>, Problem> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::ContentEncoded);
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    // hyper takes the chunks apart and leaves any coding below them as it came.
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Problem::ContentEncoded);
    }
    let stated =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(size) = stated.filter(|size| *size > limit_bytes as u64) {
        return Err(Problem::BodyTooLarge { size_bytes: Some(size), limit_bytes });
    }
    match tokio::time::timeout(timeout, read_frames(body, limit_bytes)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::BodyTimeout { limit_seconds: timeout.as_secs() }),
    }
}

async fn read_frames(mut body: Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Problem::BodyBroken) };
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit_bytes - bytes.len() {
            return Err(Problem::BodyTooLarge { size_bytes: None, limit_bytes });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
