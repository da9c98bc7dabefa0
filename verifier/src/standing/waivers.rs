//! What somebody let pass of what the format gate finds (spec/event.md, "Waivers").

use attest::digest::Sha256Digest;
use attest::event::{Act, Waiver};
use attest::utc_time::UtcTime;
use formats::Reason;

use super::Standing;
use crate::requirements::Person;

/// The waivers about one tree by those who may sign one. What counts is decided here, what they are held against in
/// [`gate`](crate::gate).
#[derive(Debug, Default)]
pub(crate) struct Waivers<'a>(Vec<Given<'a>>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    pub(crate) waiver: &'a Waiver,
    pub(crate) by: Person,
    pub(crate) statement: Sha256Digest,
    pub(crate) holds: Holds,
}

/// Whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Now,
    /// It did, until it expired.
    NoMore(UtcTime),
    /// It is by whoever made the model: nobody waives his own.
    ByMaker,
}

impl<'a> Waivers<'a> {
    pub(super) fn of(standing: &Standing<'a>) -> Self {
        let maker = standing.maker();
        let given = standing.said.events().filter_map(|(testimony, event)| {
            let Act::Waive(waiver) = event.act() else { return None };
            if standing.said.is_taken_back(testimony) {
                return None;
            }
            let (by, until) = (standing.said.person(testimony), waiver.expires());
            let holds = if by == maker {
                Holds::ByMaker
            } else if standing.now.is_some_and(|now| until <= now) {
                Holds::NoMore(until)
            } else if standing.said.speaks_for(event) {
                Holds::Now
            } else {
                // It has not begun, or nobody knows what time it is.
                return None;
            };
            Some(Given { waiver, by, statement: testimony.statement().digest(), holds })
        });
        Self(given.collect())
    }

    /// Those that are for a file of that content.
    pub(crate) fn about(&self, content: Option<Sha256Digest>) -> Vec<&Given<'a>> {
        let fits = |given: &&Given<'_>| given.waiver.file().is_none_or(|file| Some(file) == content);
        self.0.iter().filter(fits).collect()
    }
}

impl Given<'_> {
    /// Whether it names that finding.
    pub(crate) fn names(&self, reason: Reason) -> bool {
        self.waiver.findings().iter().any(|code| code.as_str() == reason.code())
    }
}
