//! What a rule demands of a lineage and is not there.

use std::collections::{BTreeSet, VecDeque};

use attest::role::Role;

use super::{Fault, Lineage, State};
use crate::failure::Failure;
use crate::requirements::LineageDemand;

impl Lineage {
    /// Follows the links of the roles that count, as far as the demand goes, and says of each what is not as demanded. `line` is
    /// the rule's.
    pub(crate) fn broken(&self, demand: &LineageDemand, line: usize) -> Vec<Failure> {
        let mut broken = Vec::new();
        let (mut seen, mut queue) = (BTreeSet::from([0_usize]), VecDeque::from([(0_usize, 0_usize)]));
        // The model's own statements may disagree.
        let root = self.nodes.first().and_then(|node| node.fault());
        broken.extend(root.and_then(|fault| self.broken_at(self.label(0), fault, line)));
        broken.extend(self.unfit_relation(0, demand, line));
        while let Some((node, depth)) = queue.pop_front() {
            if demand.depth().is_some_and(|limit| depth >= usize::from(limit)) {
                continue;
            }
            for link in self.links_of(node).iter().filter(|link| demand.roles().contains(&link.role())) {
                // A withdrawn ancestor is said without a rule too.
                if let Some(fault) = self.fault(link).filter(|_| self.state(link) != State::Withdrawn) {
                    broken.extend(self.broken_at(self.words(link), fault, line));
                }
                if !demand.accepts(link.source()) {
                    let (link, known) = (self.words(link), link.source());
                    broken.push(Failure::LineageSource { link, known, line });
                }
                let Some(parent) = link.parent() else { continue };
                if seen.insert(parent) {
                    if link.role() != Role::Dataset {
                        broken.extend(self.unfit_relation(parent, demand, line));
                    }
                    queue.push_back((parent, depth + 1));
                }
            }
        }
        broken
    }

    /// Limits are said without a rule.
    fn broken_at(&self, at: String, fault: &Fault, line: usize) -> Option<Failure> {
        let fault = (!fault.is_a_limit()).then(|| fault.clone())?;
        Some(Failure::LineageBroken { at, fault, line: Some(line) })
    }

    fn unfit_relation(&self, node: usize, demand: &LineageDemand, line: usize) -> Option<Failure> {
        let relations = self.nodes.get(node)?.accounts().iter().filter_map(super::Account::relation);
        let unfit = relations.into_iter().find(|relation| !demand.allows(*relation))?;
        Some(Failure::LineageRelation { of: self.label(node), relation: unfit, line })
    }
}
