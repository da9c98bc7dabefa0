//! A lineage for programs: all nodes and all links, with what is wrong at each.

use serde::Serialize;

use super::json::written;
use super::words::cause;
use crate::lineage::{Account, Fault, Lineage, Link, Node, State};

/// A lineage as one JSON object. Nodes are numbered in their order, and node 0 is the model.
#[derive(Serialize)]
pub(super) struct LineageRow {
    verified: usize,
    anchored: usize,
    broken: usize,
    withdrawn: usize,
    nodes: Vec<NodeRow>,
    links: Vec<LinkRow>,
    set_aside: Vec<SetAsideRow>,
}

#[derive(Serialize)]
struct NodeRow {
    digest: String,
    depth: usize,
    /// Line of the trust file that vouches for it.
    anchor: Option<usize>,
    statements: Vec<AccountRow>,
    revocations: Vec<WithdrawalRow>,
    fault: Option<FaultRow>,
}

#[derive(Serialize)]
struct AccountRow {
    kind: String,
    name: String,
    version: String,
    relation: Option<&'static str>,
    statement_digest: String,
    key_id: String,
    log: String,
    log_index: u64,
    /// Null for the model's own bundle file.
    file: Option<String>,
    line: usize,
}

#[derive(Serialize)]
struct WithdrawalRow {
    by: String,
    reason_code: String,
    descendants: bool,
    statement_digest: String,
}

#[derive(Serialize)]
struct LinkRow {
    child: usize,
    /// Null if nothing is known that it could lead to.
    parent: Option<usize>,
    role: &'static str,
    name: String,
    digest: Option<String>,
    source: &'static str,
    /// Digest of the statement that says what `digest` means; null if that is the parent's own.
    alias: Option<String>,
    state: &'static str,
    fault: Option<FaultRow>,
}

#[derive(Serialize)]
struct FaultRow {
    reason: &'static str,
    message: String,
}

#[derive(Serialize)]
struct SetAsideRow {
    file: Option<String>,
    line: usize,
    reason: &'static str,
    message: String,
}

/// Writes a lineage as one JSON object, indented, with a final LF: the member `lineage` of a verdict.
#[must_use]
pub fn lineage_json(lineage: &Lineage) -> String {
    written(&LineageRow::of(lineage))
}

impl LineageRow {
    pub(super) fn of(lineage: &Lineage) -> Self {
        Self {
            verified: lineage.count(State::Verified),
            anchored: lineage.count(State::Anchored),
            broken: lineage.count(State::Broken),
            withdrawn: lineage.count(State::Withdrawn),
            nodes: lineage.nodes().iter().map(NodeRow::of).collect(),
            links: lineage.links().iter().map(|link| LinkRow::of(lineage, link)).collect(),
            set_aside: lineage
                .set_aside()
                .iter()
                .map(|one| SetAsideRow {
                    file: one.place().file().map(str::to_owned),
                    line: one.place().line(),
                    reason: one.failure().reason().code(),
                    message: cause(one.failure()),
                })
                .collect(),
        }
    }
}

impl NodeRow {
    fn of(node: &Node) -> Self {
        Self {
            digest: node.digest().to_string(),
            depth: node.depth(),
            anchor: node.anchor(),
            statements: node.accounts().iter().map(AccountRow::of).collect(),
            revocations: node
                .withdrawals()
                .iter()
                .map(|one| WithdrawalRow {
                    by: one.by().to_owned(),
                    reason_code: one.reason().to_string(),
                    descendants: one.reaches_descendants(),
                    statement_digest: one.statement().to_string(),
                })
                .collect(),
            fault: node.fault().map(FaultRow::of),
        }
    }
}

impl AccountRow {
    fn of(account: &Account) -> Self {
        Self {
            kind: account.kind().to_string(),
            name: account.name().to_string(),
            version: account.version().to_string(),
            relation: account.relation().map(attest::provenance::Relation::as_str),
            statement_digest: account.statement().to_string(),
            key_id: account.key_id().to_string(),
            log: account.log().to_owned(),
            log_index: account.index(),
            file: account.place().file().map(str::to_owned),
            line: account.place().line(),
        }
    }
}

impl LinkRow {
    fn of(lineage: &Lineage, link: &Link) -> Self {
        Self {
            child: link.child(),
            parent: link.parent(),
            role: link.role().as_str(),
            name: link.name().to_owned(),
            digest: link.digest().map(str::to_owned),
            source: link.source().as_str(),
            alias: link.alias().map(|statement| statement.to_string()),
            state: lineage.state(link).as_str(),
            fault: lineage.fault(link).map(FaultRow::of),
        }
    }
}

impl FaultRow {
    fn of(fault: &Fault) -> Self {
        Self { reason: fault.reason().code(), message: cause(fault) }
    }
}
