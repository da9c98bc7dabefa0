//! What a source has and we could not take: named, never swallowed.

use core::fmt;

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WarningReason {
    /// A file that belongs to the source is not there.
    Absent,
    /// A file is not what its name or its first bytes promise.
    Malformed,
    /// Larger, deeper or more than the bound.
    TooLarge,
    /// A version of the format that is not known here.
    UnknownVersion,
    /// Two places of one source say different things.
    Disagreement,
    /// A digest that cannot stand for bytes: cut off, of a sample, or of text with line ends changed.
    WeakDigest,
    /// A link that leads out of where it may lead.
    Escape,
    /// The operating system refused.
    Unreadable,
    /// It is there and was not looked at, on purpose: a pickle, an executable.
    NotRead,
}

impl WarningReason {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::UnknownVersion => "unknown-version",
            Self::Disagreement => "disagreement",
            Self::WeakDigest => "weak-digest",
            Self::Escape => "escape",
            Self::Unreadable => "unreadable",
            Self::NotRead => "not-read",
        }
    }
}

/// Something that was left out, where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    reason: WarningReason,
    at: String,
    text: String,
}

impl Warning {
    pub(crate) fn new(reason: WarningReason, at: impl Into<String>, text: impl Into<String>) -> Self {
        Self { reason, at: at.into(), text: text.into() }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> WarningReason {
        self.reason
    }

    /// File and place.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }

    /// What was seen and what was wanted.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.at, self.text, self.reason.code())
    }
}
