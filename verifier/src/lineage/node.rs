use std::ops::Range;

use attest::digest::Sha256Digest;
use attest::event::{EventLabel, Scope};
use attest::model_name::{ModelName, VersionLabel};
use attest::provenance::{Relation, Source};
use attest::role::Role;
use attest::statement::StatementKind;

use super::Fault;
use crate::custody::Testimony;
use crate::place::Place;

/// A model or a dataset.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) digest: Sha256Digest,
    pub(super) depth: usize,
    pub(super) accounts: Vec<Account>,
    pub(super) anchor: Option<usize>,
    pub(super) withdrawals: Vec<Withdrawal>,
    pub(super) missing: Vec<Missing>,
    pub(super) fault: Option<Fault>,
    pub(super) links: Range<usize>,
}

/// One verified statement about where a node came from.
#[derive(Clone, Debug)]
pub struct Account {
    place: Place,
    kind: StatementKind,
    name: ModelName,
    version: VersionLabel,
    relation: Option<Relation>,
    statement: Sha256Digest,
    key_id: Sha256Digest,
    log: String,
    index: u64,
}

/// A revocation of a node that is in force.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub(super) by: String,
    pub(super) reason: EventLabel,
    pub(super) scope: Scope,
    pub(super) statement: Sha256Digest,
}

/// What a status says against a node: an event that is not here, or that it is not true.
pub(super) type Missing = std::sync::Arc<crate::failure::Failure>;

/// That one thing was made from another.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) child: usize,
    pub(super) parent: Option<usize>,
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) digest: Option<String>,
    pub(super) source: Source,
    pub(super) alias: Option<Sha256Digest>,
    pub(super) fault: Option<Fault>,
}

/// How well it is known what a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/lineage.md")]
pub enum State {
    /// A verified statement says where that came from.
    Verified,
    /// The trust file vouches for it.
    Anchored,
    /// It is not, for the reason of its fault.
    Broken,
    /// It is withdrawn, with all that was made from it.
    Withdrawn,
}

impl State {
    /// All of them, best first.
    pub const ALL: [Self; 4] = [Self::Verified, Self::Anchored, Self::Broken, Self::Withdrawn];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Anchored => "anchored",
            Self::Broken => "broken",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Node {
    /// Its tree digest, or what an input gave in its place.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// How many links lead here from the model, by the shortest way.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The verified statements about it, in the order of the evidence.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The line of the trust file that vouches for it.
    #[must_use]
    pub const fn anchor(&self) -> Option<usize> {
        self.anchor
    }

    /// Its revocations that are in force.
    #[must_use]
    pub fn withdrawals(&self) -> &[Withdrawal] {
        &self.withdrawals
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Which links lead on from here.
    #[must_use]
    pub fn links(&self) -> Range<usize> {
        self.links.clone()
    }

    /// Whether it is withdrawn with all that was made from it. The model's own withdrawals are judged elsewhere.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawals.iter().any(Withdrawal::reaches_descendants)
    }

    /// What it is called: by the first statement about it, else by its digest.
    #[must_use]
    pub fn label(&self) -> String {
        match self.accounts.first() {
            Some(account) => format!("{}:{}", account.name, account.version),
            None => format!("sha256:{}", self.digest),
        }
    }
}

impl Account {
    pub(super) fn of(place: &Place, testimony: &Testimony) -> Self {
        let (statement, logged) = (testimony.statement(), testimony.logged());
        Self {
            place: place.clone(),
            kind: statement.kind(),
            name: statement.name().clone(),
            version: statement.version().clone(),
            relation: statement.provenance().map(attest::provenance::Provenance::relation),
            statement: statement.digest(),
            key_id: logged.signed().key().key_id(),
            log: logged.origin().to_string(),
            index: logged.position().index(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// What kind of statement it is.
    #[must_use]
    pub const fn kind(&self) -> StatementKind {
        self.kind
    }

    /// What its signer calls the node.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        &self.name
    }

    /// Which version of it.
    #[must_use]
    pub const fn version(&self) -> &VersionLabel {
        &self.version
    }

    /// How the node came out of its inputs, if it is a provenance.
    #[must_use]
    pub const fn relation(&self) -> Option<Relation> {
        self.relation
    }

    /// The statement's digest.
    #[must_use]
    pub const fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// Whose key signed it.
    #[must_use]
    pub const fn key_id(&self) -> Sha256Digest {
        self.key_id
    }

    /// The log it is in.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Its index there.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }
}

impl Withdrawal {
    /// Who withdrew it.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &EventLabel {
        &self.reason
    }

    /// Digest of the statement that says so.
    #[must_use]
    pub const fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// Whether what was made from it is withdrawn too.
    #[must_use]
    pub fn reaches_descendants(&self) -> bool {
        self.scope == Scope::ThisAndDescendants
    }
}

impl Link {
    /// The number of the node that was made.
    #[must_use]
    pub const fn child(&self) -> usize {
        self.child
    }

    /// The number of the node it was made from, if it is in the graph.
    #[must_use]
    pub const fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// As what.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What the statement calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its digest or commitment as the statement has it; `None` if it has neither.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// How the signer knows.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Digest of the statement that says that its digest means the node it leads to; `None` if it is the node's own.
    #[must_use]
    pub const fn alias(&self) -> Option<Sha256Digest> {
        self.alias
    }

    /// What is wrong with the link itself.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }
}
