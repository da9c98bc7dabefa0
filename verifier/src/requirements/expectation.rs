//! What the caller asks about, beside the files: which name, which version, for which stage, as of when.

use attest::event::EventLabel;
use attest::model_name::{ModelName, VersionLabel};
use attest::statement::Statement;
use attest::utc_time::UtcTime;

use crate::failure::Failure;

/// What the caller expects the statement to be about, and what the model is for. Every part is optional; the empty
/// expectation is met by every name that a publisher may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    name: Option<ModelName>,
    version: Option<VersionLabel>,
    stage: Option<EventLabel>,
    now: Option<UtcTime>,
}

impl Expectation {
    /// Expects that name and that version, as far as they are given.
    #[must_use]
    pub const fn new(name: Option<ModelName>, version: Option<VersionLabel>) -> Self {
        Self { name, version, stage: None, now: None }
    }

    /// The model is to be used at that stage. Without one, what is demanded for any stage is demanded.
    #[must_use]
    pub fn at_stage(self, stage: Option<EventLabel>) -> Self {
        Self { stage, ..self }
    }

    /// What time it is. Without it nothing that has an end still holds, and nothing has a known age.
    #[must_use]
    pub fn as_of(self, now: UtcTime) -> Self {
        Self { now: Some(now), ..self }
    }

    /// The name the statement must have.
    #[must_use]
    pub const fn name(&self) -> Option<&ModelName> {
        self.name.as_ref()
    }

    /// The version label the statement must have.
    #[must_use]
    pub const fn version(&self) -> Option<&VersionLabel> {
        self.version.as_ref()
    }

    /// The stage at which the model is to be used.
    #[must_use]
    pub const fn stage(&self) -> Option<&EventLabel> {
        self.stage.as_ref()
    }

    /// What time it is.
    #[must_use]
    pub const fn now(&self) -> Option<UtcTime> {
        self.now
    }

    /// Step 8: the statement is about what the caller asked for.
    pub(crate) fn check(&self, statement: &Statement) -> Result<(), Failure> {
        let (name, version) = (statement.name(), statement.version());
        if let Some(expected) = self.name.as_ref().filter(|expected| *expected != name) {
            return Err(Failure::NameUnexpected { expected: expected.clone(), found: name.clone() });
        }
        if let Some(expected) = self.version.as_ref().filter(|expected| *expected != version) {
            return Err(Failure::VersionUnexpected { expected: expected.clone(), found: version.clone() });
        }
        Ok(())
    }
}
