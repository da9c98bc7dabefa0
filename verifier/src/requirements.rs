//! What the caller demands: which log policy counts, and which keys may sign which names. Step 8 of the procedure.
//!
//! The trust file, `tallymark.toml` (spec/verification.md, "The trust file"):
//!
//! ```toml
//! version = 1
//! policy = """
//! log example.org/log+1234abcd+AQ...
//! quorum none
//! """
//! [[publisher]]
//! name = "acme/*"
//! keys = ["MCowBQYDK2VwAyEA..."]
//! ```
//!
//! In scope: its format, and the question whether a key may sign a name. Out of scope: where the file lies, which is
//! [`load`](crate::load), and what the policy's lines mean, which is [`tlog::policy`].

use attest::digest::Sha256Digest;
use attest::key::{KeyError, PublicKey};
use attest::model_name::{ModelName, VersionLabel};
use attest::statement::Statement;
use serde::Deserialize;
use tlog::policy::{Policy, PolicyError};
use toml::Spanned;

use crate::failure::Failure;
use attest::name_pattern::{NamePattern, PatternError};

/// Largest trust file, in bytes: some thousand publishers. A bound, so that a wrong path does not fill the memory.
pub const MAX_TRUST_BYTES: usize = 1 << 20;

/// What the caller demands of a signer and of a log. There is no empty one, and so none that lets everything pass.
#[derive(Clone, Debug)]
pub struct Requirements {
    policy: Policy,
    publishers: Vec<Publisher>,
}

/// A name pattern and the keys that may sign under it: one `[[publisher]]` of the trust file.
#[derive(Clone, Debug)]
pub struct Publisher {
    pattern: NamePattern,
    keys: Vec<PublicKey>,
    line: usize,
}

/// What the caller expects the statement to be about. Both parts are optional, and the empty expectation is met by
/// every name that a publisher may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    name: Option<ModelName>,
    version: Option<VersionLabel>,
}

/// Why a text is not a trust file. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementsError {
    /// A key that is not SubjectPublicKeyInfo in base64, or not one of the two algorithms.
    #[error("line {line}: key {number} of the publisher does not parse")]
    Key {
        /// Line of the publisher's name.
        line: usize,
        /// Which of its keys, from 1.
        number: usize,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A publisher without a key.
    #[error("line {line}: a publisher without keys, wanted at least one")]
    NoKeys {
        /// Line of the publisher's name.
        line: usize,
    },
    /// A policy that trusts no log: nothing could ever pass.
    #[error("line {line}: a policy without a log line, wanted at least one")]
    NoLogs {
        /// Line of the policy.
        line: usize,
    },
    /// No `[[publisher]]`: nothing could ever pass.
    #[error("no [[publisher]], wanted at least one")]
    NoPublishers,
    /// A name that is not a pattern.
    #[error("line {line}: publisher name does not parse")]
    Pattern {
        /// Line of the publisher's name.
        line: usize,
        /// What is wrong with it.
        source: PatternError,
    },
    /// The log policy is not one.
    #[error("line {line}: policy does not parse")]
    Policy {
        /// Line on which the policy's text begins.
        line: usize,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// More bytes than [`MAX_TRUST_BYTES`].
    #[error("{seen} bytes, wanted at most {MAX_TRUST_BYTES}")]
    TooLarge {
        /// How many there are.
        seen: usize,
    },
    /// Not TOML, or not these members: an unknown one is refused, since a misspelt demand would not be one.
    #[error("line {line}: {}", cause.message())]
    Toml {
        /// The line of the fault.
        line: usize,
        /// What is wrong there.
        cause: Box<toml::de::Error>,
    },
    /// Not UTF-8.
    #[error("byte {offset} is not UTF-8")]
    Utf8 {
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// A version of the format that this program does not know.
    #[error("line {line}: trust file version {seen}, wanted 1")]
    Version {
        /// Line of the number.
        line: usize,
        /// The number.
        seen: i64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    version: Spanned<i64>,
    policy: Spanned<String>,
    #[serde(default)]
    publisher: Vec<PublisherTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublisherTable {
    name: Spanned<String>,
    keys: Vec<String>,
}

impl Requirements {
    /// Reads a trust file.
    ///
    /// # Errors
    ///
    /// [`RequirementsError`] names what was seen and on which line. A file that trusts no log or no publisher is
    /// refused like a misspelt one ([`RequirementsError::NoLogs`], [`RequirementsError::NoPublishers`]).
    pub fn parse(bytes: &[u8]) -> Result<Self, RequirementsError> {
        if bytes.len() > MAX_TRUST_BYTES {
            return Err(RequirementsError::TooLarge { seen: bytes.len() });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| RequirementsError::Utf8 { offset: error.valid_up_to() })?;
        let line_feeds: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
        let line_at = |offset: usize| 1 + line_feeds.partition_point(|line_feed| *line_feed < offset);
        let file: TrustFile = toml::from_str(text).map_err(|cause| RequirementsError::Toml {
            line: line_at(cause.span().map_or(0, |span| span.start)),
            cause: Box::new(cause),
        })?;
        if *file.version.get_ref() != 1 {
            let line = line_at(file.version.span().start);
            return Err(RequirementsError::Version { line, seen: *file.version.get_ref() });
        }
        let line = line_at(file.policy.span().start);
        let policy: Policy =
            file.policy.get_ref().parse().map_err(|source| RequirementsError::Policy { line, source })?;
        if policy.logs().is_empty() {
            return Err(RequirementsError::NoLogs { line });
        }
        let publishers = file
            .publisher
            .iter()
            .map(|table| Publisher::read(table, line_at(table.name.span().start)))
            .collect::<Result<Vec<_>, _>>()?;
        if publishers.is_empty() {
            return Err(RequirementsError::NoPublishers);
        }
        Ok(Self { policy, publishers })
    }

    /// Which logs and witnesses count.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The publishers, in the order of the file.
    #[must_use]
    pub fn publishers(&self) -> &[Publisher] {
        &self.publishers
    }

    /// The trusted key with that id, whatever it may sign.
    #[must_use]
    pub fn key(&self, key_id: &Sha256Digest) -> Option<&PublicKey> {
        self.publishers.iter().flat_map(|publisher| &publisher.keys).find(|key| key.key_id() == *key_id)
    }

    /// The first publisher under which that key may sign that name.
    #[must_use]
    pub fn publisher_for(&self, name: &ModelName, key: &PublicKey) -> Option<&Publisher> {
        self.publishers.iter().find(|publisher| {
            publisher.pattern.matches(name) && publisher.keys.iter().any(|known| known == key)
        })
    }

    /// Step 8: the publisher under which that key may sign that name.
    pub(crate) fn admit(&self, name: &ModelName, key: &PublicKey) -> Result<&Publisher, Failure> {
        self.publisher_for(name, key).ok_or_else(|| self.unexpected(name, key.key_id()))
    }

    /// Says that the key with that id may not sign that name, and which may.
    pub(crate) fn unexpected(&self, name: &ModelName, key_id: Sha256Digest) -> Failure {
        let expected = self
            .publishers
            .iter()
            .filter(|publisher| publisher.pattern.matches(name))
            .flat_map(|publisher| publisher.keys.iter().map(PublicKey::key_id))
            .collect();
        Failure::SignerUnexpected { name: name.clone(), key_id, expected }
    }
}

impl Publisher {
    fn read(table: &PublisherTable, line: usize) -> Result<Self, RequirementsError> {
        let pattern =
            table.name.get_ref().parse().map_err(|source| RequirementsError::Pattern { line, source })?;
        let keys = table
            .keys
            .iter()
            .zip(1..)
            .map(|(text, number)| {
                PublicKey::from_base64(text).map_err(|source| RequirementsError::Key { line, number, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(RequirementsError::NoKeys { line });
        }
        Ok(Self { pattern, keys, line })
    }

    /// The names it may sign.
    #[must_use]
    pub const fn pattern(&self) -> &NamePattern {
        &self.pattern
    }

    /// Its keys; at least one.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The line of the trust file with its name, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

impl Expectation {
    /// Expects that name and that version, as far as they are given.
    #[must_use]
    pub const fn new(name: Option<ModelName>, version: Option<VersionLabel>) -> Self {
        Self { name, version }
    }

    /// The name the statement must have.
    #[must_use]
    pub const fn name(&self) -> Option<&ModelName> {
        self.name.as_ref()
    }

    /// The version label the statement must have.
    #[must_use]
    pub const fn version(&self) -> Option<&VersionLabel> {
        self.version.as_ref()
    }

    /// Step 8: the statement is about what the caller asked for.
    pub(crate) fn check(&self, statement: &Statement) -> Result<(), Failure> {
        let (name, version) = (statement.name(), statement.version());
        if let Some(expected) = self.name.as_ref().filter(|expected| *expected != name) {
            return Err(Failure::NameUnexpected { expected: expected.clone(), found: name.clone() });
        }
        if let Some(expected) = self.version.as_ref().filter(|expected| *expected != version) {
            return Err(Failure::VersionUnexpected { expected: expected.clone(), found: version.clone() });
        }
        Ok(())
    }
}
