//! One log among several in a process: under which host and below which path it is found.
//!
//! A request belongs to at most one log, and it is settled here that it can be no other: paths are compared as they
//! came, never decoded or folded, and two logs whose paths lie below one another are refused at start.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use serde::Deserialize;
use thiserror::Error;

use crate::admission::gate::Gate;
use crate::feeder::Witnesses;
use crate::opening::OpenLog;
use crate::settings::DEFAULT_QUEUE;
use crate::status::Cadence;

/// Longest path, so that it and the longest tile path fit a request target many times over.
const MAX_PATH_BYTES: usize = 200;
/// First segments that belong to the server and not to a log.
const RESERVED: [&str; 4] = ["admin", "healthz", "metrics", "readyz"];

/// An open log and where it is served.
#[derive(Debug)]
#[non_exhaustive]
pub struct Site {
    /// The log.
    pub log: OpenLog,
    /// Below which path.
    pub path: SitePath,
    /// Under which host name; any if `None`.
    pub host: Option<Host>,
    /// Entries between admission and answer.
    pub queue: usize,
    /// Who may add to it.
    pub gate: Gate,
    /// How often its status is signed; never if `None`.
    pub status: Option<Cadence>,
    /// Whom to ask for confirmation; nobody if `None`.
    pub witnesses: Option<Witnesses>,
}

impl Site {
    /// A log at the root, under any name, with a queue of the usual length, that takes entries from anybody.
    #[must_use]
    pub fn new(log: OpenLog) -> Self {
        let gate = Gate::open(log.config().mode());
        Self {
            log,
            path: SitePath::default(),
            host: None,
            queue: DEFAULT_QUEUE,
            gate,
            status: Some(Cadence::STANDARD),
            witnesses: None,
        }
    }
}

/// The path a log is below: empty for the root, else `/a/b` without a slash at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SitePath(String);

impl SitePath {
    /// As it stands in front of every path of the log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is in front of every path.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The rest of a path below this one, beginning with a slash.
    #[must_use]
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.0.as_str()).filter(|rest| rest.starts_with('/'))
    }

    fn is_at_or_above(&self, other: &Self) -> bool {
        self == other || self.strip(&other.0).is_some() || self.is_root()
    }
}

impl FromStr for SitePath {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        let bad = || SiteError::Path { text: text.to_owned() };
        if text.is_empty() || text == "/" {
            return Ok(Self::default());
        }
        let segments = text.strip_prefix('/').ok_or_else(bad)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_segment = |segment: &str| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_plain)
        };
        let first = segments.split('/').next().unwrap_or_default();
        if text.len() > MAX_PATH_BYTES || !segments.split('/').all(is_segment) || RESERVED.contains(&first) {
            return Err(bad());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for SitePath {
    type Error = SiteError;

    fn try_from(text: String) -> Result<Self, SiteError> {
        text.parse()
    }
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host name or address as in a `Host` line, without a port, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Host(String);

impl Host {
    /// Whether a request for this authority is for this host. Case and port do not matter.
    #[must_use]
    pub fn is_named_by(&self, authority: &str) -> bool {
        // An IPv6 address is in brackets, so the last colon outside of them begins a port.
        let name = match authority.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => authority,
        };
        name.eq_ignore_ascii_case(&self.0)
    }
}

impl FromStr for Host {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        let bad = || SiteError::Host { text: text.to_owned() };
        // Read as the authority of a URL, which settles what a host is.
        let uri: Uri = format!("http://{text}/").parse().map_err(|_| bad())?;
        let same = uri.host() == Some(text) && uri.authority().is_some_and(|whole| whole.as_str() == text);
        if !same || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(bad());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Host {
    type Error = SiteError;

    fn try_from(text: String) -> Result<Self, SiteError> {
        text.parse()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses two logs of which one could answer for the other.
///
/// # Errors
/// [`SiteError::Overlap`] unless both have a host and the two differ, or neither path lies at or below the other.
pub fn require_apart(
    (host_a, path_a): (&Option<Host>, &SitePath),
    (host_b, path_b): (&Option<Host>, &SitePath),
) -> Result<(), SiteError> {
    let hosts_apart = matches!((host_a, host_b), (Some(a), Some(b)) if a != b);
    if hosts_apart || !(path_a.is_at_or_above(path_b) || path_b.is_at_or_above(path_a)) {
        return Ok(());
    }
    Err(SiteError::Overlap { first: path_a.to_string(), second: path_b.to_string() })
}

/// Why a log cannot be served there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SiteError {
    /// Not a host name.
    #[error("{text:?} is not a host: wanted a lower-case name or an address, without port")]
    Host {
        /// What was given.
        text: String,
    },
    /// One log at or below the path of another.
    #[error("two logs are at {first:?} and {second:?}, and a request could be for both")]
    Overlap {
        /// The path of one.
        first: String,
        /// The path of the other.
        second: String,
    },
    /// Not a path.
    #[error(
        "{text:?} is not a path for a log: wanted /a or /a/b of letters, digits, - . _, at most {MAX_PATH_BYTES} \
         bytes, and not one of the server's own (/admin, /healthz, /metrics, /readyz)"
    )]
    Path {
        /// What was given.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SitePath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_has_one_spelling() {
        assert_eq!(path("/").as_str(), "");
        assert_eq!(path("/2026").strip("/2026/checkpoint"), Some("/checkpoint"));
        for other in
            ["/2026", "/20260/checkpoint", "/%32026/checkpoint", "//2026/checkpoint", "/2025/checkpoint"]
        {
            assert_eq!(path("/2026").strip(other), None, "{other}");
        }
        for refused in
            ["2026", "/2026/", "//", "/a//b", "/.", "/a/..", "/a b", "/%61", "/é", "/metrics", "/admin/x"]
        {
            assert!(matches!(refused.parse::<SitePath>(), Err(SiteError::Path { .. })), "{refused:?}");
        }
    }

    #[test]
    fn a_host_is_compared_without_case_and_port() {
        let host: Host = "log.example.org".parse().unwrap();
        for named in ["log.example.org", "LOG.example.org", "log.example.org:8443", "log.example.org:"] {
            assert!(host.is_named_by(named), "{named}");
        }
        for other in ["", "example.org", "log.example.org.", "log.example.org:x", "a.log.example.org"] {
            assert!(!host.is_named_by(other), "{other}");
        }
        assert!("[::1]".parse::<Host>().unwrap().is_named_by("[::1]:80"));
        for refused in ["", "a:80", "A.example", "a/b", "u@a", "a b"] {
            assert!(matches!(refused.parse::<Host>(), Err(SiteError::Host { .. })), "{refused:?}");
        }
    }

    #[test]
    fn two_logs_must_be_apart_by_host_or_by_path() {
        let host = |text: &str| Some(text.parse::<Host>().unwrap());
        let apart = |a: (&Option<Host>, &str), b: (&Option<Host>, &str)| {
            require_apart((a.0, &path(a.1)), (b.0, &path(b.1))).is_ok()
                && require_apart((b.0, &path(b.1)), (a.0, &path(a.1))).is_ok()
        };
        assert!(apart((&None, "/a"), (&None, "/b")));
        assert!(apart((&None, "/a"), (&None, "/ab")));
        assert!(apart((&host("x"), "/a"), (&host("y"), "/a")));
        assert!(!apart((&None, "/a"), (&None, "/a")));
        assert!(!apart((&None, "/a"), (&None, "/a/b")));
        assert!(!apart((&None, ""), (&None, "/a")));
        assert!(!apart((&host("x"), ""), (&None, "/a")));
    }
}
