//! The allow-list: which keys may sign entries under which names.
//!
//! ```toml
//! version = 1
//! others = "refuse"                 # names that no publisher covers; or "any"
//!
//! [[publisher]]
//! name = "acme/*"                   # a pattern as in a trust file
//! keys = ["MCowBQYDK2VwAyEA..."]    # SPKI, base64
//! private = true                    # these keys may add entries that show no name; false unless said
//! ```
//!
//! The publishers are read from top to bottom and the first whose pattern covers the name decides, whatever stands
//! below it: so an exception goes above its rule. The blocks have the form of a trust file's (spec/verification.md), so
//! that what a consumer demands can be what a log demands.
//!
//! No pattern covers a private entry, and `others` does not speak of it either: it may be of a name that a publisher has. It is
//! taken from a key that is allowed to, and then under whatever name.
//!
//! In scope: the file and the question. Out of scope: whether the key signed ([`crate::admission`] asks that next).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;
use attest::key::{KeyError, PublicKey};
use attest::model_name::ModelName;
use attest::name_pattern::{NamePattern, PatternError};
use serde::Deserialize;
use thiserror::Error;

/// Largest file: some thousand publishers.
pub const MAX_PUBLISHERS_BYTES: usize = 1 << 20;
/// The one version there is.
const VERSION: u32 = 1;

/// Who may sign what.
#[derive(Debug, Clone)]
pub struct Publishers {
    others: Others,
    publishers: Vec<Publisher>,
}

#[derive(Debug, Clone)]
struct Publisher {
    pattern: NamePattern,
    keys: Vec<Sha256Digest>,
    private: bool,
}

/// What becomes of names that no publisher covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Others {
    Any,
    Refuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    others: Others,
    #[serde(default)]
    publisher: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    name: String,
    keys: Vec<String>,
    #[serde(default)]
    private: bool,
}

impl Publishers {
    /// Reads a file.
    ///
    /// # Errors
    /// [`PublishersError`]; [`PublishersError::Io`] also if there is no file.
    pub fn read(path: &Path) -> Result<Self, PublishersError> {
        let io = |source| PublishersError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(io)?;
        file.take(MAX_PUBLISHERS_BYTES as u64 + 1).read_to_string(&mut text).map_err(io)?;
        Self::parse(&text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`PublishersError`], every variant but [`PublishersError::Io`].
    pub fn parse(text: &str) -> Result<Self, PublishersError> {
        if text.len() > MAX_PUBLISHERS_BYTES {
            return Err(PublishersError::TooLong { limit_bytes: MAX_PUBLISHERS_BYTES });
        }
        let document: Document = toml::from_str(text).map_err(|source| PublishersError::Syntax { source })?;
        if document.version != VERSION {
            return Err(PublishersError::Version { seen: document.version });
        }
        let publisher = |(at, block): (usize, Block)| {
            let (number, name) = (at + 1, block.name);
            let pattern = name.parse().map_err(|source| PublishersError::Pattern {
                number,
                name: name.clone(),
                source,
            })?;
            if block.keys.is_empty() {
                return Err(PublishersError::NoKeys { number, name });
            }
            let key = |text: &String| Ok(PublicKey::from_base64(text)?.key_id());
            let keys = block.keys.iter().map(key).collect::<Result<_, KeyError>>();
            let keys = keys.map_err(|source| PublishersError::Key { number, name, source })?;
            Ok(Publisher { pattern, keys, private: block.private })
        };
        let publishers =
            document.publisher.into_iter().enumerate().map(publisher).collect::<Result<_, _>>()?;
        Ok(Self { others: document.others, publishers })
    }

    /// Whether this key may sign under this name.
    ///
    /// # Errors
    /// [`PublisherNotAllowed`].
    pub fn judge(&self, name: &ModelName, key: &Sha256Digest) -> Result<(), PublisherNotAllowed> {
        let first = self.publishers.iter().find(|publisher| publisher.pattern.matches(name));
        let allowed = match first {
            Some(publisher) => publisher.keys.contains(key),
            None => self.others == Others::Any,
        };
        if allowed {
            return Ok(());
        }
        let pattern = first.map(|publisher| publisher.pattern.to_string());
        Err(PublisherNotAllowed { name: name.to_string(), key: key.to_string(), pattern })
    }

    /// Whether this key may sign under a name that the log does not see.
    ///
    /// # Errors
    /// [`PrivateNotAllowed`].
    pub fn judge_private(&self, key: &Sha256Digest) -> Result<(), PrivateNotAllowed> {
        let may = |publisher: &Publisher| publisher.private && publisher.keys.contains(key);
        if self.publishers.iter().any(may) {
            return Ok(());
        }
        Err(PrivateNotAllowed { key: key.to_string() })
    }
}

/// The key may not sign without showing the name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("key {key} may not add private entries to this log: no publisher with this key has private = true")]
pub struct PrivateNotAllowed {
    /// The id of the key that signed the entry, in hex.
    pub key: String,
}

/// The key may not sign under the name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("key {key} may not sign {name} in this log: {}", reason(pattern.as_deref()))]
pub struct PublisherNotAllowed {
    /// The name in the entry.
    pub name: String,
    /// The id of the key that signed it, in hex.
    pub key: String,
    /// The pattern that covers the name; none does if `None`, and others are refused.
    pub pattern: Option<String>,
}

fn reason(pattern: Option<&str>) -> String {
    match pattern {
        Some(pattern) => format!("names {pattern} have other publishers"),
        None => "the name is not among those it takes".to_owned(),
    }
}

/// Why a text is not an allow-list. Blocks count from 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishersError {
    /// The file could not be read.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that is no public key.
    #[error("publisher {number} ({name}): not a public key")]
    Key {
        /// Which block.
        number: usize,
        /// Its pattern.
        name: String,
        /// What is wrong with the key.
        source: KeyError,
    },
    /// A block without keys, which would let nobody in and look like a rule.
    #[error("publisher {number} ({name}): no keys")]
    NoKeys {
        /// Which block.
        number: usize,
        /// Its pattern.
        name: String,
    },
    /// Something that is no pattern.
    #[error("publisher {number}: {name:?} is not a name pattern")]
    Pattern {
        /// Which block.
        number: usize,
        /// What stands there.
        name: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// Not TOML, or unknown, missing or mistyped keys.
    #[error("not a list of publishers")]
    Syntax {
        /// Where reading stopped.
        source: toml::de::Error,
    },
    /// Longer than any list.
    #[error("more than {limit_bytes} bytes")]
    TooLong {
        /// What is read.
        limit_bytes: usize,
    },
    /// Another version of the format.
    #[error("version {seen}, wanted {VERSION}")]
    Version {
        /// What stands there.
        seen: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=";
    const OTHER: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVQ9HEAPz35fD31Bqx5f2ch+xoft7j2+D0iRJimXIjiQTYJPXAS5QmnNxXL0LAKPMD/S1wBs/+hlqsfsycDa45g==";

    fn judge(list: &Publishers, name: &str, key: &str) -> Result<(), PublisherNotAllowed> {
        list.judge(&name.parse().unwrap(), &PublicKey::from_base64(key).unwrap().key_id())
    }

    fn list(others: &str, blocks: &[(&str, &str)]) -> Publishers {
        let mut text = format!("version = 1\nothers = \"{others}\"\n");
        for (name, key) in blocks {
            text += &format!("[[publisher]]\nname = \"{name}\"\nkeys = [\"{key}\"]\n");
        }
        Publishers::parse(&text).unwrap()
    }

    #[test]
    fn the_first_publisher_that_covers_the_name_decides() {
        let list = list("any", &[("acme/secret", OTHER), ("acme/*", ONE)]);
        judge(&list, "acme/churn", ONE).unwrap();
        judge(&list, "acme/secret", OTHER).unwrap();
        let refused = judge(&list, "acme/secret", ONE).unwrap_err();
        assert_eq!(refused.pattern.as_deref(), Some("acme/secret"));
        let refused = judge(&list, "acme/churn", OTHER).unwrap_err();
        assert_eq!(refused.pattern.as_deref(), Some("acme/*"));
        assert!(refused.to_string().contains("names acme/* have other publishers"), "{refused}");
        judge(&list, "acme/eu/churn", OTHER).unwrap();
        judge(&list, "acmes/churn", OTHER).unwrap();
    }

    #[test]
    fn the_example_of_the_page_is_read() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/admission/publishers.toml");
        let list = Publishers::read(Path::new(example)).unwrap();
        judge(&list, "acme/churn", ONE).unwrap();
        judge(&list, "acme/audited", ONE).unwrap_err();
        judge(&list, "zeta/x", OTHER).unwrap();
    }

    #[test]
    fn other_names_are_refused_where_the_list_says_so() {
        let list = list("refuse", &[("acme/churn", ONE)]);
        judge(&list, "acme/churn", ONE).unwrap();
        for name in ["acme/churn2", "acme", "zeta/x"] {
            assert_eq!(judge(&list, name, ONE).unwrap_err().pattern, None, "{name}");
        }
    }

    #[test]
    fn an_entry_without_a_name_is_for_keys_that_may_whatever_others_may() {
        let private =
            |list: &Publishers, key| list.judge_private(&PublicKey::from_base64(key).unwrap().key_id());
        for others in ["any", "refuse"] {
            let list = list(others, &[("acme/secret", OTHER), ("acme/*", ONE)]);
            private(&list, ONE).unwrap_err();
            private(&list, OTHER).unwrap_err();
            let text = format!(
                "version = 1\nothers = \"{others}\"\n[[publisher]]\nname = \"acme/a\"\nkeys = [\"{ONE}\"]\n\
                 [[publisher]]\nname = \"acme/*\"\nkeys = [\"{ONE}\"]\nprivate = true\n\
                 [[publisher]]\nname = \"zeta\"\nkeys = [\"{OTHER}\"]\nprivate = false\n"
            );
            let list = Publishers::parse(&text).unwrap();
            private(&list, ONE).unwrap();
            let refused = private(&list, OTHER).unwrap_err();
            assert!(refused.to_string().contains("private = true"), "{refused}");
        }
    }

    #[test]
    fn a_text_that_is_no_list_is_refused_by_what_is_wrong() {
        let block = format!("[[publisher]]\nname = \"acme/*\"\nkeys = [\"{ONE}\"]\n");
        let parse = |text: &str| Publishers::parse(text).unwrap_err();
        let head = "version = 1\nothers = \"any\"\n";
        Publishers::parse(&format!("{head}{block}")).unwrap();
        assert!(matches!(parse(""), PublishersError::Syntax { .. }));
        assert!(
            matches!(parse("version = 1\n"), PublishersError::Syntax { .. }),
            "others is never a default"
        );
        assert!(matches!(parse(&head.replace('1', "2")), PublishersError::Version { seen: 2 }));
        assert!(matches!(parse(&head.replace("any", "some")), PublishersError::Syntax { .. }));
        assert!(matches!(parse(&format!("{head}extra = 1\n")), PublishersError::Syntax { .. }));
        let with = |from: &str, to: &str| parse(&format!("{head}{}", block.replace(from, to)));
        assert!(matches!(with("acme/*", "Acme/*"), PublishersError::Pattern { number: 1, .. }));
        assert!(matches!(with(ONE, "AAAA"), PublishersError::Key { number: 1, .. }));
        assert!(matches!(with(&format!("\"{ONE}\""), ""), PublishersError::NoKeys { number: 1, .. }));
        assert!(matches!(with("keys =", "private = 1\nkeys ="), PublishersError::Syntax { .. }));
        assert!(matches!(parse(&" ".repeat((1 << 20) + 1)), PublishersError::TooLong { .. }));
    }

    #[test]
    fn a_key_that_every_message_verifies_under_is_no_publisher() {
        use base64::Engine as _;
        // SPKI of the Ed25519 point of order 1.
        let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x01];
        spki.resize(44, 0);
        let weak = base64::engine::general_purpose::STANDARD.encode(spki);
        let text =
            format!("version = 1\nothers = \"any\"\n[[publisher]]\nname = \"a\"\nkeys = [\"{weak}\"]\n");
        let refused = Publishers::parse(&text).unwrap_err();
        assert!(matches!(refused, PublishersError::Key { source: KeyError::SmallOrder, .. }), "{refused:?}");
    }
}
