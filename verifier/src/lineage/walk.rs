//! The walk that makes a lineage. Breadth first and in the order of the statements, so that the same evidence gives the same
//! graph; each thing is looked at once, however many ways lead there.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use attest::digest::Sha256Digest;
use attest::event::{Act, EventKind, Identity};
use attest::provenance::{Fact, GitId, Input, InputDigest, Provenance, Relation, Source, Topic};
use attest::role::Role;
use attest::statement::Predicate;
use attest::status::Mention;
use attest::utc_time::UtcTime;
use tlog::checkpoint::Origin;

use super::{
    Account, Fault, Lineage, Link, MAX_DEPTH, MAX_LINKS, MAX_NODES, Node, Pool, SetAside, Withdrawal,
};
use crate::custody::Testimony;
use crate::failure::Failure;
use crate::place::Place;
use crate::requirements::Right;
use crate::standing::InForce;
use crate::status::{self, Thing};

/// The inputs that have a lineage of their own.
pub(super) const ROLES: [Role; 3] = [Role::Dataset, Role::BaseModel, Role::Adapter];

/// What a statement says that something was made from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    role: Role,
    name: String,
    /// As it is shown.
    digest: Option<String>,
    /// As it is looked up.
    key: Option<Sha256Digest>,
    /// What somebody may have said that it means, if nothing is known of it by its own digest.
    identity: Option<Identity>,
    source: Source,
}

impl Wanted {
    fn of(input: &Input) -> Self {
        let (role, source) = (input.role(), input.source());
        let (name, digest) = (input.name().to_string(), Some(input.digest().to_string()));
        let identity = match input.digest() {
            InputDigest::File { digest, .. } => Some(Identity::File(*digest)),
            _ => None,
        };
        Self { role, name, digest, key: input.digest().sha256(), identity, source }
    }

    /// One that is named and no more, but perhaps for a commit.
    fn named(role: Role, name: String, commit: Option<GitId>) -> Self {
        let digest = commit.as_ref().map(|commit| format!("gitCommit:{commit}"));
        let identity = commit.map(Identity::HfCommit);
        Self { role, name, digest, key: None, identity, source: Source::Declared }
    }
}

struct Walk<'a, 'p> {
    pool: &'a Pool<'p>,
    now: Option<UtcTime>,
    graph: Lineage,
    known: HashMap<Sha256Digest, usize>,
    queue: VecDeque<(usize, Vec<Wanted>)>,
}

impl Lineage {
    /// Walks from what has that tree digest to everything that it comes from.
    pub(crate) fn of(root: Sha256Digest, pool: &Pool<'_>, now: Option<UtcTime>) -> Self {
        let (graph, known, queue) = (Self::default(), HashMap::new(), VecDeque::new());
        let mut walk = Walk { pool, now, graph, known, queue };
        walk.graph.set_aside.extend_from_slice(pool.unread());
        walk.enter(root, 0);
        while let Some((node, wanted)) = walk.queue.pop_front() {
            walk.expand(node, wanted);
        }
        let mut graph = walk.graph;
        graph.mark_cycles();
        graph
    }
}

impl Walk<'_, '_> {
    /// Adds a node: what is said about it, and what it was made from to be looked at later.
    fn enter(&mut self, digest: Sha256Digest, depth: usize) -> usize {
        let number = self.graph.nodes.len();
        self.known.insert(digest, number);
        let pool = self.pool;
        let requirements = pool.requirements();
        // Nobody vouches for the model itself: it is what is asked about.
        let anchor = if depth == 0 { None } else { requirements.anchor(&digest) };
        let mut told: Vec<(&Place, &Testimony)> = Vec::new();
        let mut refused: Vec<(&Place, Arc<Failure>)> = Vec::new();
        for line in pool.about(digest).filter(|line| line.is_account()) {
            match line.open(requirements) {
                // Whoever signed the model first is believed about the model, not about what it was made from.
                Ok(testimony) if depth > 0 && testimony.logged().signed().publisher().is_pin() => {
                    refused.push((line.place(), Arc::new(only_pinned(testimony))));
                }
                // One statement may stand in several files.
                Ok(testimony) if told.iter().all(|(_, other)| !is_same(other, testimony)) => {
                    told.push((line.place(), testimony));
                }
                Ok(_) => {}
                Err(failure) => refused.push((line.place(), Arc::clone(failure))),
            }
        }
        let set_aside = |(place, failure): &(&Place, Arc<Failure>)| {
            let (place, failure) = ((*place).clone(), Arc::clone(failure));
            SetAside { place, failure }
        };
        // The lines of the model's own file have notes already.
        let foreign = refused.iter().filter(|(place, _)| place.file().is_some());
        self.graph.set_aside.extend(foreign.map(set_aside));
        let withdrawals = if depth == 0 { Vec::new() } else { self.withdrawals(digest, &told) };
        let missing = if depth == 0 { Vec::new() } else { self.missing(digest, &told) };
        let (fault, wanted) = if anchor.is_some() {
            (None, Vec::new())
        } else if told.is_empty() {
            // The one that came furthest, and of those the first.
            let furthest = refused.iter().rev().max_by_key(|(_, failure)| failure.reason().step());
            let unverified = furthest.map(|(place, failure)| {
                let (place, source) = ((*place).clone(), Arc::clone(failure));
                Fault::Unverified { place, source }
            });
            (Some(unverified.unwrap_or(Fault::Missing)), Vec::new())
        } else {
            (disagreement(&told).or_else(|| transform_missing(&told)), wanted(&told))
        };
        let accounts = told.iter().map(|(place, testimony)| Account::of(place, testimony)).collect();
        let links = 0..0;
        self.graph.nodes.push(Node { digest, depth, accounts, anchor, withdrawals, missing, fault, links });
        if depth == MAX_DEPTH && !wanted.is_empty() {
            self.spoil(number, Fault::TooDeep);
        } else {
            self.queue.push_back((number, wanted));
        }
        number
    }

    fn expand(&mut self, child: usize, wanted: Vec<Wanted>) {
        let (first, depth) = (self.graph.links.len(), self.graph.nodes.get(child).map_or(0, Node::depth));
        if wanted.len() > MAX_LINKS - first {
            return self.spoil(child, Fault::TooLarge);
        }
        for Wanted { role, name, digest, key, identity, source } in wanted {
            let (key, alias, doubt) = self.means(key, identity);
            let known = key.and_then(|key| self.known.get(&key).copied());
            let (parent, fault) = match (key, known) {
                _ if doubt.is_some() => (None, doubt),
                (None, _) => (None, Some(Fault::Unpinned)),
                (Some(_), Some(parent)) => (Some(parent), None),
                (Some(_), None) if self.graph.nodes.len() >= MAX_NODES => (None, Some(Fault::TooLarge)),
                (Some(key), None) => (Some(self.enter(key, depth + 1)), None),
            };
            let fault = fault.or_else(|| self.is_other_kind(parent, role).then_some(Fault::Missing));
            self.graph.links.push(Link { child, parent, role, name, digest, source, alias, fault });
        }
        let last = self.graph.links.len();
        if let Some(node) = self.graph.nodes.get_mut(child) {
            node.links = first..last;
        }
    }

    /// By what to look something up: its own digest if anything is said about that or somebody vouches for it, else what an alias says that
    /// it means, and the alias.
    fn means(
        &self,
        key: Option<Sha256Digest>,
        identity: Option<Identity>,
    ) -> (Option<Sha256Digest>, Option<Sha256Digest>, Option<Fault>) {
        let is_known = |key: &Sha256Digest| {
            self.known.contains_key(key)
                || self.pool.about(*key).next().is_some()
                || self.pool.requirements().anchor(key).is_some()
        };
        let Some(identity) = identity.filter(|_| !key.as_ref().is_some_and(is_known)) else {
            return (key, None, None);
        };
        match self.pool.meaning(&identity, self.now) {
            Ok(Some(meaning)) => (Some(meaning.tree), Some(meaning.statement), None),
            Ok(None) => (key, None, None),
            Err(fault) => (key, None, Some(fault)),
        }
    }

    /// Whether all that is said about a model is that it is a dataset.
    fn is_other_kind(&self, parent: Option<usize>, role: Role) -> bool {
        let Some(node) = parent.and_then(|parent| self.graph.nodes.get(parent)) else { return false };
        role != Role::Dataset
            && !node.accounts.is_empty()
            && node.accounts.iter().all(|account| account.relation().is_none())
    }

    fn spoil(&mut self, node: usize, fault: Fault) {
        if let Some(node) = self.graph.nodes.get_mut(node) {
            node.fault = Some(fault);
        }
    }

    /// Revocations in force. Where somebody told where the thing came from, a revocation counts as it would for a model of that
    /// name; where nobody did, whoever may revoke under any name speaks of these bytes.
    fn withdrawals(&self, digest: Sha256Digest, told: &[(&Place, &Testimony)]) -> Vec<Withdrawal> {
        let requirements = self.pool.requirements();
        let concerns = |one: &&Testimony| {
            let counts = |about: &Testimony| {
                one.concerns(about.statement(), about.logged().salt(), requirements).is_ok()
            };
            // Where nobody told, nobody's salt is known.
            (told.is_empty() && one.is_in_sight_of(None)) || told.iter().any(|(_, about)| counts(about))
        };
        let lines = self.pool.about(digest).filter(|line| line.is_testimony());
        let testimonies = lines.filter_map(|line| line.open(requirements).ok()).filter(concerns).collect();
        let said = InForce::of(testimonies, requirements, self.now);
        let revocation = |(testimony, event): (&Testimony, &attest::event::Event)| {
            let Act::Revoke { scope, reason } = event.act() else { return None };
            let (by, statement) = (said.person(testimony).to_string(), testimony.statement().digest());
            let withdrawal = Withdrawal { by, reason: reason.clone(), scope: *scope, statement };
            said.speaks_against(testimony, event).then_some(withdrawal)
        };
        said.events().filter_map(revocation).collect()
    }
}

impl Walk<'_, '_> {
    /// What the statuses at hand say against a thing: events that may be revocations, and are not here. Whose count is as for
    /// revocations that are.
    fn missing(&self, digest: Sha256Digest, told: &[(&Place, &Testimony)]) -> Vec<Arc<Failure>> {
        let requirements = self.pool.requirements();
        let said: Vec<&Testimony> = self
            .pool
            .about(digest)
            .filter(|line| line.is_testimony())
            .filter_map(|line| line.open(requirements).ok())
            .collect();
        let label = match told.first() {
            Some((_, first)) => format!("{}:{}", first.statement().name(), first.statement().version()),
            None => format!("sha256:{digest}"),
        };
        let counts = |log: &Origin, mention: &Mention, kind: Option<EventKind>| match told {
            [] => status::may_revoke(requirements, (log, mention, kind)),
            _ => told.iter().any(|(_, about)| {
                let name = about.statement().name();
                status::may_sign(requirements, &[EventKind::Revoke], name, (log, mention, kind))
            }),
        };
        let salts = told.iter().map(|(_, about)| about.logged().salt());
        let thing = salts.fold(Thing::new(digest, label), Thing::under);
        let (_, against) = status::weigh(&thing, self.pool, &said, self.now, counts);
        against.into_iter().map(Arc::new).collect()
    }
}

fn only_pinned(testimony: &Testimony) -> Failure {
    let (signed, statement) = (testimony.logged().signed(), testimony.statement());
    let (name, right) = (statement.name().clone(), Right::to_sign(statement));
    Failure::SignerUnexpected { name, key_id: signed.key().key_id(), right, expected: Vec::new() }
}

fn is_same(one: &Testimony, other: &Testimony) -> bool {
    let signer = |testimony: &Testimony| testimony.logged().signed().key().key_id();
    one.statement().digest() == other.statement().digest() && signer(one) == signer(other)
}

/// What all verified statements together say that a thing was made from, once each.
fn wanted(told: &[(&Place, &Testimony)]) -> Vec<Wanted> {
    let mut all = BTreeSet::new();
    for (_, testimony) in told {
        let inputs = testimony.statement().inputs().iter();
        all.extend(inputs.filter(|input| ROLES.contains(&input.role())).map(Wanted::of));
        if let Some(provenance) = testimony.statement().provenance() {
            all.extend(named_only(provenance));
        }
    }
    all.into_iter().collect()
}

/// What a provenance names or implies, and gives no digest of. Beside an input of the same role it is not known whether a name
/// is another's.
fn named_only(provenance: &Provenance) -> BTreeSet<Wanted> {
    let has = |role: Role| provenance.inputs().iter().any(|input| input.role() == role);
    let facts = |topic: Topic| {
        let of_topic = move |fact: &&Fact| fact.topic() == topic && !fact.about().is_empty();
        provenance.run().facts().iter().filter(of_topic)
    };
    let mut named = BTreeSet::new();
    for (topic, role) in [(Topic::Data, Role::Dataset), (Topic::BaseModel, Role::BaseModel)] {
        if !has(role) {
            let names: BTreeSet<&str> = facts(topic).map(Fact::about).collect();
            let commit = |name: &str| {
                let mut ids = facts(topic).filter(|fact| fact.about() == name).filter_map(commit_in);
                let first = ids.next()?;
                ids.all(|other| other == first).then_some(first)
            };
            named.extend(names.into_iter().map(|name| Wanted::named(role, name.to_owned(), commit(name))));
        }
    }
    let is_derived = provenance.relation() != Relation::Pretrain;
    let names_model = named.iter().any(|one| one.role == Role::BaseModel);
    if is_derived && !has(Role::BaseModel) && !has(Role::Adapter) && !names_model {
        named.insert(Wanted::named(Role::BaseModel, "that nobody names".to_owned(), None));
    }
    named
}

/// The commit that a fact pins a repository to. A branch or a tag pins nothing.
fn commit_in(fact: &Fact) -> Option<GitId> {
    let text = Some(fact.value()).filter(|_| fact.key() == "revision")?;
    text.strip_prefix("gitCommit:").unwrap_or(text).parse().ok()
}

/// Two provenances of one thing that differ in what it was made from, or two lists of a dataset's parents.
fn disagreement(told: &[(&Place, &Testimony)]) -> Option<Fault> {
    let story = |testimony: &Testimony| {
        let statement = testimony.statement();
        let inputs = statement.inputs().iter().filter(|input| ROLES.contains(&input.role()));
        let inputs: BTreeSet<_> = inputs.map(|input| (input.role(), input.digest().to_string())).collect();
        match statement.predicate() {
            Predicate::Provenance(_) => Some((true, inputs)),
            // A dataset statement need not say what it was made from.
            _ if inputs.is_empty() => None,
            _ => Some((false, inputs)),
        }
    };
    let mut stories = told.iter().filter_map(|(place, testimony)| Some((place, story(testimony)?)));
    let mut first: [Option<(&Place, BTreeSet<_>)>; 2] = [None, None];
    stories.find_map(|(place, (is_provenance, inputs))| match &mut first[usize::from(is_provenance)] {
        Some((before, other)) if *other != inputs => {
            Some(Fault::Disagrees { first: (*before).clone(), second: (*place).clone() })
        }
        Some(_) => None,
        empty => {
            *empty = Some((place, inputs));
            None
        }
    })
}

/// A dataset that names the statement about how it was made, where that is not among what was verified about it.
fn transform_missing(told: &[(&Place, &Testimony)]) -> Option<Fault> {
    let is_there = |digest: Sha256Digest| told.iter().any(|(_, one)| one.statement().digest() == digest);
    told.iter().find_map(|(_, testimony)| match testimony.statement().predicate() {
        Predicate::Dataset(dataset) => {
            let statement = dataset.transform().filter(|statement| !is_there(*statement))?;
            Some(Fault::TransformMissing { statement })
        }
        _ => None,
    })
}

/// Where a node stands while cycles are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    /// On the way from the model to where the search is.
    Open,
    Done,
}

impl Lineage {
    /// Marks each link that leads back to where the search came from. Every cycle has one.
    fn mark_cycles(&mut self) {
        let mut visits = vec![Visit::New; self.nodes.len()];
        // A node, and which of its links comes next.
        let mut way: Vec<(usize, usize)> = Vec::new();
        let begin = |node: usize, visits: &mut Vec<Visit>, nodes: &[Node]| {
            if let Some(visit) = visits.get_mut(node) {
                *visit = Visit::Open;
            }
            (node, nodes.get(node).map_or(0, |node| node.links.start))
        };
        if !self.nodes.is_empty() {
            way.push(begin(0, &mut visits, &self.nodes));
        }
        while let Some((node, next)) = way.last_mut() {
            let end = self.nodes.get(*node).map_or(0, |node| node.links.end);
            if *next >= end {
                if let Some(visit) = visits.get_mut(*node) {
                    *visit = Visit::Done;
                }
                way.pop();
                continue;
            }
            let number = *next;
            *next += 1;
            let Some(link) = self.links.get_mut(number) else { continue };
            let Some(parent) = link.parent else { continue };
            match visits.get(parent) {
                Some(Visit::Open) => link.fault = Some(Fault::Cycle),
                Some(Visit::New) => way.push(begin(parent, &mut visits, &self.nodes)),
                _ => {}
            }
        }
    }
}
