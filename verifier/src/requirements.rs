//! What the caller demands: which log policy counts, which keys may sign what under which names, and what must have been
//! said about a model before it is used. Step 8 of the procedure.
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
//! [[require]]
//! name = "acme/*"
//! approvals = 2
//! ```
//!
//! In scope: its format, and the question whether a key may sign a name. Out of scope: where the file lies, which is
//! [`load`](crate::load); what the policy's lines mean, which is [`tlog::policy`]; whether a rule is kept, which is
//! [`standing`](crate::standing).

mod error;
mod expectation;
mod formats_demand;
mod label;
mod lineage_demand;
mod publisher;
mod right;
mod rule;

use std::collections::HashMap;

use attest::bundle::BundleFile;
use attest::digest::Sha256Digest;
use attest::event::EventLabel;
use attest::key::PublicKey;
use attest::model_name::ModelName;
use attest::statement::StatementKind;
use attest::utc_time::UtcTime;
use serde::Deserialize;
use tlog::cosignature::Cosignature;
use tlog::policy::Policy;
use toml::Spanned;

pub use self::error::RequirementsError;
pub use self::expectation::Expectation;
pub use self::formats_demand::FormatsDemand;
use self::label::Label;
use self::lineage_demand::AnchorTable;
pub use self::lineage_demand::LineageDemand;
use self::publisher::PublisherTable;
pub use self::publisher::{Person, Publisher, Term};
pub use self::right::{Right, RightError};
use self::rule::RuleTable;
pub use self::rule::{Mode, Rule};
use crate::facts::Position;
use crate::failure::Failure;
use crate::pins::Pins;
use crate::planted;
use crate::reason::Step;
use crate::signature::read_provenance;
use tlog::checkpoint::Origin;

/// Largest trust file, in bytes: some thousand publishers. A bound, so that a wrong path does not fill the memory.
pub const MAX_TRUST_BYTES: usize = 1 << 20;

/// What the caller demands of a signer and of a log. There is no empty one, and so none that lets everything pass.
#[derive(Clone, Debug)]
pub struct Requirements {
    digest: Sha256Digest,
    policy: Policy,
    stage: Option<EventLabel>,
    publishers: Vec<Publisher>,
    persons: HashMap<Sha256Digest, EventLabel>,
    rules: Vec<Rule>,
    /// By digest: the line of the trust file that vouches for it.
    anchors: HashMap<Sha256Digest, usize>,
    remember: bool,
    trust_on_first_use: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    version: Spanned<i64>,
    policy: Spanned<String>,
    stage: Option<Label>,
    #[serde(default)]
    remember: bool,
    #[serde(default, rename = "trust-on-first-use")]
    trust_on_first_use: bool,
    #[serde(default)]
    publisher: Vec<PublisherTable>,
    #[serde(default)]
    require: Vec<RuleTable>,
    #[serde(default)]
    anchor: Vec<AnchorTable>,
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
        let read = |table: PublisherTable| {
            let line = line_at(table.name.span().start);
            Publisher::read(table, line, &policy)
        };
        let publishers = file.publisher.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if publishers.is_empty() && !file.trust_on_first_use {
            return Err(RequirementsError::NoPublishers);
        }
        let persons = persons(&publishers)?;
        let read = |table: RuleTable| {
            let line = line_at(table.name.span().start);
            Rule::read(table, line)
        };
        let rules = file.require.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let anchors =
            file.anchor.iter().map(|anchor| anchor.read(&line_at)).collect::<Result<HashMap<_, _>, _>>()?;
        let (stage, remember) = (file.stage.map(Label::into_inner), file.remember);
        let (digest, trust_on_first_use) = (Sha256Digest::of(bytes), file.trust_on_first_use);
        Ok(Self { digest, policy, stage, publishers, persons, rules, anchors, remember, trust_on_first_use })
    }

    /// SHA-256 of the trust file, by which others can tell what was demanded.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
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

    /// What models are for where this file is used, unless the caller says otherwise.
    #[must_use]
    pub const fn stage(&self) -> Option<&EventLabel> {
        self.stage.as_ref()
    }

    /// Whether what was verified is remembered, and held against what comes later.
    #[must_use]
    pub const fn remember(&self) -> bool {
        self.remember
    }

    /// Whether a name that no publisher covers is believed to the first key that signs it.
    #[must_use]
    pub const fn trust_on_first_use(&self) -> bool {
        self.trust_on_first_use
    }

    /// The requirements in which names that no publisher covers are believed to the keys they are pinned to, and those of the bundle
    /// file that are not pinned yet to the key of the first line about them. Without [`Self::trust_on_first_use`] they stay as they are.
    #[must_use]
    pub fn with_pins(mut self, pins: &Pins, bundle_file: &BundleFile) -> Self {
        if !self.trust_on_first_use {
            return self;
        }
        let right = Right::Statement(StatementKind::Provenance);
        let covered = |this: &Self, name: &ModelName| {
            this.publishers.iter().any(|publisher| publisher.lets_sign(name, right))
        };
        for bundle in bundle_file.bundles() {
            let Ok(statement) = read_provenance(bundle) else { continue };
            let name = statement.name();
            if covered(&self, name) {
                continue;
            }
            let entry = bundle.log_entry().and_then(|logged| logged.entry().ok());
            let signer = entry.map(|entry| entry.payload().key().clone());
            let first = signer.filter(|key| key.key_id() == bundle.hint());
            let key = pins.key(name).cloned().or(first);
            self.publishers.extend(key.and_then(|key| Publisher::pinned(name, &key).ok()));
        }
        self
    }

    /// The rules, in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The sets of rules by which the format gate is to look, once each.
    #[must_use]
    pub fn gate_rules(&self) -> Vec<formats::Rules> {
        let mut all: Vec<formats::Rules> = Vec::new();
        for demand in self.rules.iter().filter_map(Rule::formats) {
            if !all.contains(&demand.rules()) {
                all.push(demand.rules());
            }
        }
        all
    }

    /// The line of the trust file that vouches for what has that digest, whoever signed it.
    #[must_use]
    pub fn anchor(&self, digest: &Sha256Digest) -> Option<usize> {
        self.anchors.get(digest).copied()
    }

    /// The trusted key with that id, whatever it may sign.
    #[must_use]
    pub fn key(&self, key_id: &Sha256Digest) -> Option<&PublicKey> {
        self.publishers.iter().flat_map(Publisher::keys).find(|key| key.key_id() == *key_id)
    }

    /// Whoever has that key.
    #[must_use]
    pub fn person(&self, key: &PublicKey) -> Person {
        let key_id = key.key_id();
        self.persons.get(&key_id).map_or(Person::Key(key_id), |label| Person::Named(label.clone()))
    }

    /// The first publisher under which that key may sign that under that name.
    #[must_use]
    pub fn publisher_for(&self, name: &ModelName, key: &PublicKey, right: Right) -> Option<&Publisher> {
        self.publishers.iter().find(|publisher| publisher.admits(name, key, right))
    }

    /// The moment by which the quorum had seen a checkpoint, by the clocks of its witnesses.
    pub(crate) fn seen_by(&self, cosignatures: &[Cosignature]) -> Option<UtcTime> {
        UtcTime::from_unix_seconds(self.policy.cosigned_by(cosignatures)?.get())
    }

    pub(crate) fn publishers_for<'a>(
        &'a self,
        name: &'a ModelName,
        key: &'a PublicKey,
        right: Right,
    ) -> impl Iterator<Item = &'a Publisher> {
        self.publishers.iter().filter(move |publisher| publisher.admits(name, key, right))
    }

    /// Step 8: the publisher under which that key may sign that under that name.
    pub(crate) fn admit(
        &self,
        name: &ModelName,
        key: &PublicKey,
        right: Right,
    ) -> Result<&Publisher, Failure> {
        planted::reach(Step::Requirements);
        self.publisher_for(name, key, right).ok_or_else(|| self.unexpected(name, key.key_id(), right))
    }

    /// Step 8: as [`Self::admit`], and its keys count at that place of that log.
    pub(crate) fn admit_at(
        &self,
        name: &ModelName,
        key: &PublicKey,
        right: Right,
        log: &Origin,
        position: &Position,
        seen: Option<UtcTime>,
    ) -> Result<&Publisher, Failure> {
        let index = position.index();
        let admitting = || self.publishers.iter().filter(|publisher| publisher.admits(name, key, right));
        admitting().find(|publisher| publisher.counts_at(log, index, seen)).ok_or_else(|| {
            let terms = admitting().filter_map(Publisher::where_it_counts).collect();
            Failure::SignerOutOfTerm { key_id: key.key_id(), log: log.clone(), index, terms }
        })
    }

    /// Says that the key with that id may not sign that under that name, and which may.
    pub(crate) fn unexpected(&self, name: &ModelName, key_id: Sha256Digest, right: Right) -> Failure {
        let mut pins = self.publishers.iter().filter(|publisher| publisher.is_pin());
        let pinned = pins.find(|publisher| publisher.lets_sign(name, right));
        if let Some(pinned) = pinned.and_then(|publisher| publisher.keys().first()) {
            return Failure::SignerChanged { name: name.clone(), key_id, pinned: pinned.key_id() };
        }
        let expected = self
            .publishers
            .iter()
            .filter(|publisher| publisher.lets_sign(name, right))
            .flat_map(|publisher| publisher.keys().iter().map(PublicKey::key_id))
            .collect();
        Failure::SignerUnexpected { name: name.clone(), key_id, right, expected }
    }
}

/// Whose each key is, by key id. A key that belongs to two people would let one of them pass for the other.
fn persons(publishers: &[Publisher]) -> Result<HashMap<Sha256Digest, EventLabel>, RequirementsError> {
    let mut known: HashMap<Sha256Digest, (&EventLabel, usize)> = HashMap::new();
    for publisher in publishers {
        let Some(person) = publisher.person() else { continue };
        for (number, key) in (1..).zip(publisher.keys()) {
            let (other, first) = *known.entry(key.key_id()).or_insert((person, publisher.line()));
            if other != person {
                let (line, other) = (publisher.line(), other.to_string());
                return Err(RequirementsError::TwoPersons { line, number, other, first });
            }
        }
    }
    Ok(known.into_iter().map(|(key_id, (person, _))| (key_id, person.clone())).collect())
}
