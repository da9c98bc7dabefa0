//! Which tree another digest means, by what somebody said who may say so.

use attest::digest::Sha256Digest;
use attest::event::{Act, Identity};
use attest::utc_time::UtcTime;

use super::{Fault, Pool};
use crate::custody::Testimony;
use crate::standing::InForce;

/// A tree, and the statement that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) tree: Sha256Digest,
    pub(super) statement: Sha256Digest,
}

impl Pool<'_> {
    /// What an identity means, by all aliases that verify and hold; `None` if nobody says.
    ///
    /// # Errors
    /// [`Fault::Disagrees`] if two of them mean different trees: then nobody knows.
    pub(super) fn meaning(&self, of: &Identity, now: Option<UtcTime>) -> Result<Option<Meaning>, Fault> {
        let mut found: Option<(Meaning, &Testimony)> = None;
        for line in self.aliases(of) {
            let Ok(testimony) = line.open(self.requirements()) else { continue };
            if !self.holds(testimony, of, now) {
                continue;
            }
            let statement = testimony.statement();
            let meaning = Meaning { tree: statement.tree_digest().digest(), statement: statement.digest() };
            match found {
                Some((before, first)) if before.tree != meaning.tree => {
                    let (first, second) = (first.place().clone(), testimony.place().clone());
                    return Err(Fault::Disagrees { first, second });
                }
                Some(_) => {}
                None => found = Some((meaning, testimony)),
            }
        }
        Ok(found.map(|(meaning, _)| meaning))
    }

    /// Whether the alias names it, has begun, and nobody took it back.
    fn holds(&self, alias: &Testimony, of: &Identity, now: Option<UtcTime>) -> bool {
        let Some(event) = alias.statement().event() else { return false };
        let Act::Alias(names) = event.act() else { return false };
        let lines = self.about(alias.statement().tree_digest().digest());
        let said = lines.filter(|line| line.is_testimony());
        let said = said.filter_map(|line| line.open(self.requirements()).ok()).collect();
        let said = InForce::of(said, self.requirements(), now);
        names.identities().contains(of) && said.speaks_for(event) && !said.is_taken_back(alias)
    }
}
