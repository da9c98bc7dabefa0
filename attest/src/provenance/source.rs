use core::fmt;

/// How the signer knows an input (spec/statement.md): from best to weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the build type's version")]
pub enum Source {
    /// The signer hashed it.
    Observed,
    /// A tracker recorded it.
    Imported,
    /// A text says so.
    Declared,
}

impl Source {
    /// All sources, best first.
    pub const ALL: [Self; 3] = [Self::Observed, Self::Imported, Self::Declared];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Imported => "imported",
            Self::Declared => "declared",
        }
    }

    /// The source of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
