//! Who may sign what under which names, and for how long: one `[[publisher]]` of the trust file.

use attest::digest::Sha256Digest;
use attest::event::EventLabel;
use attest::key::PublicKey;
use attest::model_name::ModelName;
use attest::name_pattern::{NamePattern, PatternError};
use attest::statement::StatementKind;
use attest::utc_time::UtcTime;
use serde::Deserialize;
use tlog::checkpoint::Origin;
use tlog::policy::{Policy, Quorum};
use tlog::vkey::KeyName;
use toml::Spanned;

use super::error::RequirementsError;
use super::label::Label;
use super::right::Right;

/// A name pattern and the keys that may sign under it.
#[derive(Clone, Debug)]
pub struct Publisher {
    pattern: NamePattern,
    keys: Vec<PublicKey>,
    person: Option<EventLabel>,
    roles: Vec<EventLabel>,
    may: Option<Vec<Right>>,
    term: Option<Term>,
    logged_before: Option<UtcTime>,
    line: usize,
    is_pin: bool,
}

/// Whoever stands behind a key: two keys of one person are one approval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Person {
    /// The trust file says who.
    Named(EventLabel),
    /// It does not, so the key is a person of its own.
    Key(Sha256Digest),
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(label) => label.fmt(f),
            Self::Key(key_id) => write!(f, "key {key_id}"),
        }
    }
}

/// Entries of one log among which a key counts: a key that was lost counts no more from some entry on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    log: KeyName,
    from: u64,
    until: Option<u64>,
}

impl Term {
    fn covers(&self, log: &Origin, index: u64) -> bool {
        self.log.as_str() == log.as_str()
            && index >= self.from
            && self.until.is_none_or(|until| index < until)
    }
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entries from {}", self.from)?;
        self.until.map_or(Ok(()), |until| write!(f, " until {until}"))?;
        write!(f, " of {}", self.log)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PublisherTable {
    pub(super) name: Spanned<String>,
    keys: Vec<String>,
    person: Option<Label>,
    #[serde(default)]
    roles: Vec<Label>,
    may: Option<Vec<Right>>,
    log: Option<String>,
    from_index: Option<u64>,
    until_index: Option<u64>,
    logged_before: Option<String>,
}

impl Publisher {
    pub(super) fn read(
        table: PublisherTable,
        line: usize,
        policy: &Policy,
    ) -> Result<Self, RequirementsError> {
        let term = table.term(line, policy)?;
        let logged_before = table.logged_before(line, policy)?;
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
        let roles = table.roles.into_iter().map(Label::into_inner).collect();
        let person = table.person.map(Label::into_inner);
        Ok(Self { pattern, keys, person, roles, may: table.may, term, logged_before, line, is_pin: false })
    }

    /// The key that signed that name first.
    pub(super) fn pinned(name: &ModelName, key: &PublicKey) -> Result<Self, PatternError> {
        let (pattern, keys) = (name.as_str().parse()?, vec![key.clone()]);
        let may = Some(vec![Right::Statement(StatementKind::Provenance)]);
        Ok(Self {
            pattern,
            keys,
            person: None,
            roles: Vec::new(),
            may,
            term: None,
            logged_before: None,
            line: 0,
            is_pin: true,
        })
    }

    /// Whether nobody said so, and the key signed the name first.
    #[must_use]
    pub const fn is_pin(&self) -> bool {
        self.is_pin
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

    /// Whose keys these are, if the file says so.
    #[must_use]
    pub const fn person(&self) -> Option<&EventLabel> {
        self.person.as_ref()
    }

    /// The roles of whoever has these keys: the caller's word, not the signer's.
    #[must_use]
    pub fn roles(&self) -> &[EventLabel] {
        &self.roles
    }

    /// What they may sign; everything but what [must be named](Right::must_be_named) if the file says nothing.
    #[must_use]
    pub fn may(&self) -> Option<&[Right]> {
        self.may.as_deref()
    }

    /// The entries among which they count; all if the file says nothing.
    #[must_use]
    pub const fn term(&self) -> Option<&Term> {
        self.term.as_ref()
    }

    /// By when the quorum of witnesses must have seen what they signed, if the file says so.
    #[must_use]
    pub const fn logged_before(&self) -> Option<UtcTime> {
        self.logged_before
    }

    /// The line of the trust file with its name, from 1; 0 for a pin.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Whether this key may sign this under this name.
    pub(super) fn admits(&self, name: &ModelName, key: &PublicKey, right: Right) -> bool {
        self.lets_sign(name, right) && self.keys.contains(key)
    }

    /// Whether some key may sign this under this name.
    pub(super) fn lets_sign(&self, name: &ModelName, right: Right) -> bool {
        let may = self.may.as_ref();
        self.pattern.matches(name) && may.map_or(!right.must_be_named(), |may| may.contains(&right))
    }

    /// Whether the keys count at that place of a log, which the quorum had seen by `seen`. A time that nobody knows is not before any.
    pub(crate) fn counts_at(&self, log: &Origin, index: u64, seen: Option<UtcTime>) -> bool {
        let is_early = self.logged_before.is_none_or(|end| seen.is_some_and(|seen| seen < end));
        self.may_count_at(log, index) && is_early
    }

    /// Whether the keys can count at that place of a log, if witnesses saw it in time. For what is only told of, and would be a no.
    pub(crate) fn may_count_at(&self, log: &Origin, index: u64) -> bool {
        self.term.as_ref().is_none_or(|term| term.covers(log, index))
    }

    /// Where the keys count, in words; `None` if everywhere.
    pub(crate) fn where_it_counts(&self) -> Option<String> {
        let before = self.logged_before.map(|end| format!("what witnesses saw before {end}"));
        let parts: Vec<String> = self.term.iter().map(ToString::to_string).chain(before).collect();
        if parts.is_empty() { None } else { Some(parts.join(", ")) }
    }
}

impl PublisherTable {
    /// A time that a log alone says is nobody's.
    fn logged_before(&self, line: usize, policy: &Policy) -> Result<Option<UtcTime>, RequirementsError> {
        let Some(text) = &self.logged_before else { return Ok(None) };
        let time = text.parse().map_err(|_| RequirementsError::Time { line, seen: text.clone() })?;
        match policy.quorum() {
            Quorum::Of(_) => Ok(Some(time)),
            Quorum::None => Err(RequirementsError::NoWitness { line }),
        }
    }

    /// An index means something in one log alone.
    fn term(&self, line: usize, policy: &Policy) -> Result<Option<Term>, RequirementsError> {
        if self.from_index.is_none() && self.until_index.is_none() && self.log.is_none() {
            return Ok(None);
        }
        let (from, until) = (self.from_index.unwrap_or(0), self.until_index);
        let mut logs: Vec<&KeyName> = policy.logs().iter().map(|log| log.vkey().name()).collect();
        logs.retain(|name| self.log.as_ref().is_none_or(|log| log == name.as_str()));
        // A log that has two keys in the policy is one log.
        logs.sort_unstable_by_key(|name| name.as_str());
        logs.dedup_by_key(|name| name.as_str());
        let [log] = logs.as_slice() else {
            return Err(RequirementsError::IndexLog { line, log: self.log.clone() });
        };
        match until {
            Some(until) if until <= from => Err(RequirementsError::Indexes { line, from, until }),
            _ => Ok(Some(Term { log: (*log).clone(), from, until })),
        }
    }
}
