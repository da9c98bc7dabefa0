use core::fmt;
use core::str::FromStr;

use crate::private_value::Commitment;

/// Where an input can be found: printable ASCII with a scheme, at most [`SourceUri::MAX_BYTES`] bytes, without a
/// password.
///
/// A hint for people, as in-toto's `uri` is; identity is the digest. A branch or tag is appended after an `@`, as
/// SLSA has it: `git+https://git.example.org/ml/churn@refs/heads/main`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceUri(String);

impl SourceUri {
    /// Longest URI, in bytes: what browsers and proxies commonly still take.
    pub const MAX_BYTES: usize = 2048;

    /// A text that our own alphabets make a URI: a scheme, then names, labels, hex or base64url. A test of the caller reads it back.
    pub(crate) const fn of_plain(text: String) -> Self {
        Self(text)
    }

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Stands in place of a URI that is not shown: one with the scheme `private`.
impl From<Commitment> for SourceUri {
    fn from(commitment: Commitment) -> Self {
        Self(commitment.to_string())
    }
}

/// Why a text is not a [`SourceUri`]. The text itself is never repeated here: it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceUriError {
    /// A space, a control character, or not ASCII.
    #[error("character {found:?} at offset {offset} of a URI, want printable ASCII")]
    BadCharacter {
        /// The character seen.
        found: char,
        /// Its byte offset in the text.
        offset: usize,
    },
    /// User information other than a bare user name of an SSH URI: it is a password or a token, and a statement is
    /// made to be published.
    #[error("user information in a URI, want none")]
    Credentials,
    /// No scheme and colon at the beginning (RFC 3986 §3.1).
    #[error("no scheme in a URI")]
    NoScheme,
    /// Longer than a URI may be.
    #[error("URI of {len} bytes, want at most {max}", max = SourceUri::MAX_BYTES)]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
}

impl FromStr for SourceUri {
    type Err = SourceUriError;

    /// Reads a URI; of RFC 3986 only what the errors name.
    ///
    /// # Errors
    /// Each variant of [`SourceUriError`] is one rule.
    fn from_str(text: &str) -> Result<Self, SourceUriError> {
        if text.len() > Self::MAX_BYTES {
            return Err(SourceUriError::TooLong { len: text.len() });
        }
        if let Some((offset, found)) = text.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
            return Err(SourceUriError::BadCharacter { found, offset });
        }
        let (scheme, rest) = text.split_once(':').ok_or(SourceUriError::NoScheme)?;
        let scheme_is_well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        if !scheme_is_well_formed {
            return Err(SourceUriError::NoScheme);
        }
        let authority =
            rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or(rest));
        if let Some((user, _)) = authority.and_then(|authority| authority.rsplit_once('@')) {
            let is_ssh = scheme.eq_ignore_ascii_case("ssh") || scheme.eq_ignore_ascii_case("git+ssh");
            if !is_ssh || user.contains(':') {
                return Err(SourceUriError::Credentials);
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_uris_are_read_and_written_back() {
        for text in [
            "git+https://git.example.org/ml/churn@refs/heads/main",
            "git+ssh://git@git.example.org/ml/churn",
            "s3://company-data/v4/train",
            "pkg:oci/trainer?repository_url=registry.example.org/ml@sha256:00",
            "file:///data/train",
        ] {
            assert_eq!(text.parse::<SourceUri>().map(|uri| uri.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn private_uri_is_a_uri() {
        let commitment = Commitment::from_digest(crate::digest::Sha256Digest::of(b"x"));
        let uri = SourceUri::from(commitment);
        assert_eq!(uri.to_string().parse(), Ok(uri.clone()));
        assert_eq!(Commitment::in_text(uri.as_str()), Some(commitment));
    }

    #[test]
    fn parse_refuses_passwords_and_other_texts() {
        let long = format!("s3://{}", "a".repeat(SourceUri::MAX_BYTES));
        let cases = [
            ("", SourceUriError::NoScheme),
            ("data/train", SourceUriError::NoScheme),
            ("1a:b", SourceUriError::NoScheme),
            ("https://user:word@example.org/x", SourceUriError::Credentials),
            ("https://token@example.org", SourceUriError::Credentials),
            ("ssh://user:word@example.org", SourceUriError::Credentials),
            ("https://a@b@example.org?x", SourceUriError::Credentials),
            ("s3://a b", SourceUriError::BadCharacter { found: ' ', offset: 6 }),
            ("s3://é", SourceUriError::BadCharacter { found: 'é', offset: 5 }),
            (long.as_str(), SourceUriError::TooLong { len: long.len() }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<SourceUri>(), Err(reason), "{text:?}");
        }
    }
}
