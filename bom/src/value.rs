//! A value of a field, its grade, and what proves it.

use std::fmt;

use attest::provenance::Source;

/// How well a value is known.
///
/// The order is that of strength, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/bom.md")]
pub enum Grade {
    /// The verifier found it so, or the signer saw it and a signed and logged statement says so.
    Verified,
    /// A tool recorded it, and a signed and logged statement repeats that.
    Imported,
    /// A text or a person says it; or the statement was not verified.
    Declared,
}

impl Grade {
    /// All grades, strongest first.
    pub const ALL: [Self; 3] = [Self::Verified, Self::Imported, Self::Declared];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Imported => "imported",
            Self::Declared => "declared",
        }
    }
}

impl From<Source> for Grade {
    fn from(source: Source) -> Self {
        match source {
            Source::Observed => Self::Verified,
            Source::Imported => Self::Imported,
            Source::Declared => Self::Declared,
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value of a field.
///
/// The order is that of the bill: by thing, property, text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    about: String,
    key: String,
    text: String,
    grade: Grade,
    at: String,
    proof: Option<usize>,
}

impl Value {
    /// `key` of the thing called `about` is `text`. `at` is the place in the source; `proof` a place in
    /// [`crate::Bill::proofs`].
    pub(crate) fn new(
        about: impl Into<String>,
        key: impl Into<String>,
        text: impl Into<String>,
        grade: Grade,
        at: impl Into<String>,
        proof: Option<usize>,
    ) -> Self {
        Self { about: about.into(), key: key.into(), text: text.into(), grade, at: at.into(), proof }
    }

    /// The name of the dataset, package or parameter it is about; empty if there is only one such thing.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Which property of it: `sha256`, `uri`, `version`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it is, in the words of its source.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How well it is known.
    #[must_use]
    pub const fn grade(&self) -> Grade {
        self.grade
    }

    /// Where it stands: a member of the statement, or a file and a place in it.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Which of the bill's proofs holds it up; `None` if nothing was verified.
    #[must_use]
    pub const fn proof(&self) -> Option<usize> {
        self.proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_stronger_than_what_was_told() {
        assert!(Grade::ALL.is_sorted());
        assert_eq!(Source::ALL.map(Grade::from), Grade::ALL);
    }
}
