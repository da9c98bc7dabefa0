//! Reading a request body: a limit on its bytes, a deadline for all of it, no coding but chunks.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::{Request, StatusCode, header};
use tlog::witness::MAX_BODY_BYTES;

use super::Answer;

/// Reads a whole body. A `Content-Length` above the limit is refused before a byte is read; a chunked body is cut off when it
/// passes the limit. Memory is taken as bytes arrive, never ahead of them.
pub(super) async fn read<B>(request: Request<B>, timeout: Duration) -> Result<Vec<u8>, Answer>
where
    B: Body + Unpin,
    B::Data: AsRef<[u8]>,
{
    let headers = request.headers();
    let is_coded = headers.contains_key(header::CONTENT_ENCODING)
        || headers
            .get_all(header::TRANSFER_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if is_coded {
        let words = "the body has a coding, none wanted";
        return Err(Answer::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoded", words));
    }
    let stated =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|size| size > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(timeout, frames(request.into_body())).await {
        Ok(read) => read,
        Err(_) => Err(Answer::refused(StatusCode::REQUEST_TIMEOUT, "body-timeout", "the body took too long")),
    }
}

async fn frames<B>(mut body: B) -> Result<Vec<u8>, Answer>
where
    B: Body + Unpin,
    B::Data: AsRef<[u8]>,
{
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Answer::refused(
                StatusCode::BAD_REQUEST,
                "body-broken",
                "the body ended before its end",
            ));
        };
        let Ok(data) = frame.into_data() else { continue };
        if data.as_ref().len() > MAX_BODY_BYTES - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(data.as_ref());
    }
    Ok(bytes)
}

fn too_large() -> Answer {
    let words = format!("the body is above {MAX_BODY_BYTES} bytes");
    Answer::refused(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", &words)
}
