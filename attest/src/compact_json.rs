//! The one writer of JSON: compact, members in the order in which their structure declares them.

use serde::Serialize;

use crate::digest::Sha256Digest;

/// Writes a value of structures, strings and integers under string keys.
#[expect(clippy::expect_used, reason = "a vector takes every write, and no key or value refuses to be JSON")]
pub(crate) fn to_vec(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and integers under string keys are JSON")
}

/// A digest set of SHA-256 and nothing else.
#[derive(Serialize)]
pub(crate) struct Sha256Json {
    sha256: String,
}

impl Sha256Json {
    pub(crate) fn of(digest: Sha256Digest) -> Self {
        Self { sha256: digest.to_string() }
    }
}
