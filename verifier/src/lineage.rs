//! What a model was made from, and what that was made from: verified statements joined by digest.
//!
//! Follows spec/lineage.md. A [`Lineage`] is a graph. A [`Node`] is a model or a dataset, known by its digest; a [`Link`] leads
//! from what was made to one thing it was made from, and is a verified statement's word. Statements come from the model's own
//! bundle file and from others ([`Evidence`]), and each is verified as one about the model would be.
//!
//! Whatever is not known is a [`Fault`] at its place in the graph: nothing is left out because it is missing, private, too deep
//! or too much. What a fault amounts to is for a rule of the trust file to say, but for two things that count without one: an
//! ancestor that is withdrawn with all that was made from it, and a graph too large to look through.
//!
//! The walk is breadth first, in the order of the statements, without recursion, and within [`MAX_DEPTH`], [`MAX_NODES`] and
//! [`MAX_LINKS`].
//!
//! In scope: models, adapters and datasets. Out of scope: other inputs, which have no lineage of their own; whether an input is
//! what it is called.

mod against;
mod alias;
mod demand;
mod evidence;
mod fault;
mod node;
mod pool;
mod walk;

use std::sync::Arc;

pub use self::evidence::{
    Evidence, EvidenceError, MAX_EVIDENCE_BYTES, MAX_EVIDENCE_FILES, MAX_FOLDER_ENTRIES,
};
pub use self::fault::Fault;
pub use self::node::{Account, Link, Node, State, Withdrawal};
pub(crate) use self::pool::Pool;
use crate::failure::Failure;
use crate::place::Place;

/// Most links between the model and an ancestor.
pub const MAX_DEPTH: usize = 64;

/// Most models and datasets of one lineage, the model among them.
pub const MAX_NODES: usize = 4096;

/// Most links of one lineage.
pub const MAX_LINKS: usize = 1 << 16;

/// Everything that is known of where a model comes from.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    nodes: Vec<Node>,
    links: Vec<Link>,
    set_aside: Vec<SetAside>,
}

/// A statement of the evidence that was not used, and why.
#[derive(Clone, Debug)]
pub struct SetAside {
    place: Place,
    failure: Arc<Failure>,
}

impl SetAside {
    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Why it was not used.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl Lineage {
    /// The models and datasets, the model first, then by the number of links that lead there.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The links, those of one node together.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The links from the node of that number to what it was made from.
    #[must_use]
    pub fn links_of(&self, node: usize) -> &[Link] {
        self.nodes.get(node).and_then(|node| self.links.get(node.links())).unwrap_or_default()
    }

    /// Statements that are about something in the graph, or cannot be read, and were not used.
    #[must_use]
    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// What a link leads to.
    #[must_use]
    pub fn parent(&self, link: &Link) -> Option<&Node> {
        self.nodes.get(link.parent()?)
    }

    /// How well it is known what a link leads to.
    #[must_use]
    pub fn state(&self, link: &Link) -> State {
        match self.parent(link) {
            Some(node) if node.is_withdrawn() => State::Withdrawn,
            _ if self.fault(link).is_some() => State::Broken,
            Some(node) if node.anchor().is_some() => State::Anchored,
            _ => State::Verified,
        }
    }

    /// What is wrong with a link, or with what it leads to.
    #[must_use]
    pub fn fault<'a>(&'a self, link: &'a Link) -> Option<&'a Fault> {
        link.fault().or_else(|| self.parent(link)?.fault())
    }

    /// How many links are in that state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.links.iter().filter(|link| self.state(link) == state).count()
    }

    /// What a node is called: by the first statement about it, else by its digest.
    pub(crate) fn label(&self, node: usize) -> String {
        self.nodes.get(node).map(Node::label).unwrap_or_default()
    }

    /// A link in words.
    pub(crate) fn words(&self, link: &Link) -> String {
        let digest = link.digest().map(|digest| format!(" {digest}")).unwrap_or_default();
        format!("{} {}{digest} of {}", link.role(), link.name(), self.label(link.child()))
    }
}
