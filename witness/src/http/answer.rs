//! An answer before it becomes bytes: status, code for the metrics, a short text.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use merkle::TreeSize;
use tlog::witness::WitnessedSize;

const TEXT: &str = "text/plain; charset=utf-8";

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    code: &'static str,
    media_type: &'static str,
    text: String,
    retry_after: Option<u64>,
    allow: Option<&'static str>,
}

impl Answer {
    /// 200 with a text of this kind.
    pub(crate) const fn of(code: &'static str, media_type: &'static str, text: String) -> Self {
        Self { status: StatusCode::OK, code, media_type, text, retry_after: None, allow: None }
    }

    /// 200 with plain text.
    pub(crate) const fn text(code: &'static str, text: String) -> Self {
        Self::of(code, TEXT, text)
    }

    /// A refusal.
    pub(crate) fn refused(status: StatusCode, code: &'static str, words: &str) -> Self {
        Self { status, ..Self::text(code, format!("{code}: {words}\n")) }
    }

    /// 409 with the size that was cosigned last.
    pub(crate) fn latest_size(size: TreeSize) -> Self {
        let text = WitnessedSize::new(size).to_string();
        Self { status: StatusCode::CONFLICT, ..Self::of("old-size", WitnessedSize::MEDIA_TYPE, text) }
    }

    /// To be asked again after so many seconds.
    pub(crate) const fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Which methods are allowed.
    pub(crate) const fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer; without its body, but with its length, to a HEAD.
    pub(crate) fn into_response(self, is_head: bool) -> Response<Full<Bytes>> {
        let length = self.text.len();
        let body = if is_head { Bytes::new() } else { Bytes::from(self.text) };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        // A cosigned checkpoint is only good as the newest; nothing here is for a cache.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}
