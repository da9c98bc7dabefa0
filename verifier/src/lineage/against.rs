//! What counts against a model without any rule.

use std::sync::Arc;

use super::{Lineage, Node};
use crate::failure::Failure;

impl Lineage {
    /// Ancestors that are withdrawn with all that was made from them, and limits beyond which others may be.
    pub(crate) fn against(&self) -> Vec<Failure> {
        let revoked = |node: &Node| {
            let ancestor = node.label();
            let mut withdrawals = node.withdrawals().iter().filter(|one| one.reaches_descendants());
            withdrawals.next().map(|withdrawal| Failure::AncestorRevoked {
                ancestor,
                by: withdrawal.by().to_owned(),
                reason: withdrawal.reason().clone(),
                statement: withdrawal.statement(),
            })
        };
        let mut against: Vec<Failure> = self.nodes.iter().filter_map(revoked).collect();
        let missing = self.nodes.iter().flat_map(|node| &node.missing);
        against.extend(missing.map(|failure| Failure::OfAncestor { source: Arc::clone(failure) }));
        let nodes = self.nodes.iter().filter_map(|node| Some((node.label(), node.fault()?)));
        let links = self.links.iter().filter_map(|link| Some((self.words(link), link.fault()?)));
        let limit = nodes.chain(links).find(|(_, fault)| fault.is_a_limit());
        // One is enough: a graph that is full has as many links that find no place.
        against.extend(limit.map(|(at, fault)| Failure::LineageBroken {
            at,
            fault: fault.clone(),
            line: None,
        }));
        against
    }
}
