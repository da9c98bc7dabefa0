use crate::digest::Sha256Digest;
use crate::utc_time::UtcTime;

use super::{EventError, EventLabel};

/// Most codes of findings that a waiver names: more than the gate has.
pub const MAX_FINDINGS: usize = 128;

/// What of the format gate's findings is let pass, where, why and until when.
///
/// It is about bytes: one file of the tree by its content, or the tree as it is. A pattern over paths would cover a file that nobody
/// has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    file: Option<Sha256Digest>,
    findings: Vec<EventLabel>,
    reason: EventLabel,
    expires: UtcTime,
}

impl Waiver {
    /// Lets these findings pass, by their codes, sorted and once each. Codes are labels: one that a reader does not know lets nothing
    /// pass there.
    ///
    /// # Errors
    /// [`EventError::NoFindings`], [`EventError::TooManyFindings`].
    pub fn new(
        mut findings: Vec<EventLabel>,
        reason: EventLabel,
        expires: UtcTime,
    ) -> Result<Self, EventError> {
        findings.sort_unstable();
        findings.dedup();
        match findings.len() {
            0 => Err(EventError::NoFindings),
            1..=MAX_FINDINGS => Ok(Self { file: None, findings, reason, expires }),
            seen => Err(EventError::TooManyFindings { seen }),
        }
    }

    /// Only in the file with this content.
    #[must_use]
    pub fn in_file(self, content: Sha256Digest) -> Self {
        Self { file: Some(content), ..self }
    }

    /// The content of the one file it is for; for every file of the tree if there is none.
    #[must_use]
    pub const fn file(&self) -> Option<Sha256Digest> {
        self.file
    }

    /// Codes of the findings, ascending; at least one.
    #[must_use]
    pub fn findings(&self) -> &[EventLabel] {
        &self.findings
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &EventLabel {
        &self.reason
    }

    /// Until when. There is no waiver for ever: somebody has to look again.
    #[must_use]
    pub const fn expires(&self) -> UtcTime {
        self.expires
    }
}
