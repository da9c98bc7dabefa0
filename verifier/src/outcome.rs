//! Three values a step can end with, and the nine steps' values together.

use std::fmt;

use crate::reason::Step;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "three values, closed by spec/verification.md")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It was looked at and does not hold.
    Fail,
    /// It was not looked at, or there was nothing to look at it with. Never a pass.
    Unknown,
}

impl Outcome {
    /// The word used in `--json`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The outcome of every step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes([Outcome; Step::ALL.len()]);

impl Outcomes {
    pub(crate) const fn unknown() -> Self {
        Self([Outcome::Unknown; Step::ALL.len()])
    }

    pub(crate) const fn all_pass() -> Self {
        Self([Outcome::Pass; Step::ALL.len()])
    }

    /// Records that the step holds, unless it already failed for another reason.
    pub(crate) fn pass(&mut self, step: Step) {
        let slot = &mut self.0[step as usize];
        if *slot == Outcome::Unknown {
            *slot = Outcome::Pass;
        }
    }

    /// Records that the step does not hold. Nothing takes that back.
    pub(crate) const fn fail(&mut self, step: Step) {
        self.0[step as usize] = Outcome::Fail;
    }

    /// Takes back that the step holds: it was not looked at.
    pub(crate) const fn leave_open(&mut self, step: Step) {
        self.0[step as usize] = Outcome::Unknown;
    }

    /// How that step ended.
    #[must_use]
    pub const fn of(&self, step: Step) -> Outcome {
        self.0[step as usize]
    }

    /// The steps with their outcomes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Step, Outcome)> {
        Step::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_stays_failed() {
        let mut outcomes = Outcomes::unknown();
        outcomes.fail(Step::Inclusion);
        outcomes.pass(Step::Inclusion);
        assert_eq!(outcomes.of(Step::Inclusion), Outcome::Fail);
    }

    #[test]
    fn a_step_that_nobody_looked_at_is_unknown() {
        assert!(Outcomes::unknown().iter().all(|(_, outcome)| outcome == Outcome::Unknown));
    }
}
