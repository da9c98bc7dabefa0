//! What of all that was said about one model or dataset holds now. Asked about the model, and about each of its ancestors.

use attest::event::{Act, Event};
use attest::utc_time::UtcTime;

use crate::custody::Testimony;
use crate::requirements::{Person, Requirements};

/// Statements about one tree, and the time.
#[derive(Debug)]
pub(crate) struct InForce<'a> {
    testimonies: Vec<&'a Testimony>,
    requirements: &'a Requirements,
    now: Option<UtcTime>,
}

impl<'a> InForce<'a> {
    /// Takes those that concern what is asked about, and no others.
    pub(crate) const fn of(
        testimonies: Vec<&'a Testimony>,
        requirements: &'a Requirements,
        now: Option<UtcTime>,
    ) -> Self {
        Self { testimonies, requirements, now }
    }

    pub(crate) fn testimonies(&self) -> &[&'a Testimony] {
        &self.testimonies
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = (&'a Testimony, &'a Event)> {
        self.testimonies.iter().filter_map(|one| Some((*one, one.statement().event()?)))
    }

    pub(crate) fn person(&self, testimony: &Testimony) -> Person {
        self.requirements.person(testimony.logged().signed().key())
    }

    /// Whether something adverse holds: not if it will hold later only, nor if it was undone.
    pub(crate) fn speaks_against(&self, testimony: &Testimony, event: &Event) -> bool {
        let later = matches!((event.effective_from(), self.now), (Some(from), Some(now)) if now < from);
        !later && !self.is_undone(testimony)
    }

    /// Whether something favourable holds.
    pub(crate) fn speaks_for(&self, event: &Event) -> bool {
        let begun = event.effective_from().is_none_or(|from| self.now.is_some_and(|now| from <= now));
        let open = event.act().expires().is_none_or(|end| self.now.is_some_and(|now| now < end));
        begun && open
    }

    /// Whether somebody said that something favourable no longer holds. Anybody who may reinstate can, its signer too, and wherever he
    /// said it: it speaks against the model.
    pub(crate) fn is_taken_back(&self, given: &Testimony) -> bool {
        let digest = given.statement().digest();
        self.events().any(|(_, event)| {
            let names_it = matches!(event.act(), Act::Reinstate { previous } if *previous == digest);
            let later = matches!((event.effective_from(), self.now), (Some(from), Some(now)) if now < from);
            names_it && !later
        })
    }

    fn is_undone(&self, withdrawn: &Testimony) -> bool {
        let (digest, person) = (withdrawn.statement().digest(), self.person(withdrawn));
        let (log, index) = (withdrawn.logged().origin(), withdrawn.logged().position().index());
        self.events().any(|(by, event)| {
            let names_it = matches!(event.act(), Act::Reinstate { previous } if *previous == digest);
            let lies_behind = by.logged().origin() == log && by.logged().position().index() > index;
            names_it && lies_behind && self.person(by) != person && self.speaks_for(event)
        })
    }
}
