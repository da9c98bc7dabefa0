//! Where something lies, as a tool wrote it down, without what is secret in it.
//!
//! In scope: taking passwords, tokens and signatures out of a URL, and telling a public place from one that names somebody's
//! machine. Out of scope: whether anything is there, and [`attest::provenance::SourceUri`], which refuses what this mends.

use crate::Privacy;

/// A URL, a path or a name, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    text: String,
    privacy: Privacy,
    had_secrets: bool,
}

/// Schemes of places that anybody can look at; the rest are buckets, shares and machines of somebody.
const PUBLIC_SCHEMES: [&str; 5] = ["https", "http", "git+https", "git", "hf"];

impl Location {
    /// Reads what a tool wrote. User information, query and fragment of a URL are taken out: each may be a secret, and a
    /// query that is none (`?download=true`) finds nothing that the path does not.
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim();
        if let Some((scheme, rest)) = split_scheme(text) {
            return Self::of_url(scheme, rest);
        }
        if let Some(place) = without_user(text) {
            return Self { text: place.to_owned(), privacy: Privacy::Personal, had_secrets: false };
        }
        let privacy = if is_of_this_machine(text) { Privacy::Personal } else { Privacy::Public };
        Self { text: text.to_owned(), privacy, had_secrets: false }
    }

    fn of_url(scheme: &str, rest: &str) -> Self {
        let whole = rest;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let scheme = scheme.to_ascii_lowercase();
        let is_public = PUBLIC_SCHEMES.contains(&scheme.as_str()) && !host.is_empty();
        let privacy = if is_public { Privacy::Public } else { Privacy::Personal };
        let had_secrets = host.len() < authority.len() || rest.len() < whole.len();
        Self { text: format!("{scheme}://{host}{path}"), privacy, had_secrets }
    }

    /// The text, without secrets.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether something was taken out that may have been a secret.
    pub(crate) const fn had_secrets(&self) -> bool {
        self.had_secrets
    }

    /// Gives up the text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Whether it may be published without being asked for.
    pub(crate) const fn privacy(&self) -> Privacy {
        self.privacy
    }
}

/// Scheme and rest of a URL with an authority.
pub(crate) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

/// `host:path` of `user@host:path`, as ssh and git take it.
fn without_user(text: &str) -> Option<&str> {
    let (user, place) = text.split_once('@')?;
    let (host, _) = place.split_once(':')?;
    (!user.contains([':', '/']) && !host.contains('/')).then_some(place)
}

/// Whether a path is absolute, of a home directory, or climbs: then it tells how somebody's disk is laid out.
fn is_of_this_machine(text: &str) -> bool {
    let is_drive = matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    is_drive || text.starts_with(['/', '~', '\\']) || text.split(['/', '\\']).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_a_url() {
        for (text, want) in [
            ("https://alice:s3cret@data.example.org/x", "https://data.example.org/x"),
            ("https://tok@en@data.example.org/x", "https://data.example.org/x"),
            ("https://host/a@b", "https://host/a@b"),
            ("https://token@host", "https://host"),
            ("https://a@b@host?x", "https://host"),
            ("/home/me@work", "/home/me@work"),
            ("https://data.example.org/x?X-Amz-Signature=abc#frag", "https://data.example.org/x"),
            ("HTTPS://data.example.org?sig=1", "https://data.example.org"),
            ("ssh://alice@data.example.org:22/x", "ssh://data.example.org:22/x"),
            ("git@git.example.org:ml/churn.git", "git.example.org:ml/churn.git"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
        ] {
            assert_eq!(Location::of(text).as_str(), want, "{text}");
        }
    }

    #[test]
    fn places_on_somebody_s_machine_are_personal() {
        for (text, privacy) in [
            ("https://example.org/x", Privacy::Public),
            ("acme/churn", Privacy::Public),
            ("data/train.csv", Privacy::Public),
            ("s3://bucket/x", Privacy::Personal),
            ("ssh://example.org/x", Privacy::Personal),
            ("file:///home/alice/x", Privacy::Personal),
            ("https:///x", Privacy::Personal),
            ("alice@example.org:x", Privacy::Personal),
            ("/home/alice/x", Privacy::Personal),
            ("~/x", Privacy::Personal),
            ("../x", Privacy::Personal),
            ("C:\\Users\\alice", Privacy::Personal),
            ("file:///srv/wheels", Privacy::Personal),
            ("/srv/x", Privacy::Personal),
            ("https://pypi.org/simple", Privacy::Public),
            ("git+https://example.org/a@b", Privacy::Public),
            ("vendor/a.whl", Privacy::Public),
            (".", Privacy::Public),
            ("https://example.org/a?b=c@d", Privacy::Public),
        ] {
            assert_eq!(Location::of(text).privacy(), privacy, "{text}");
        }
    }
}
