use core::fmt;

/// What kind of event it is (spec/event.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the predicate's version")]
pub enum EventKind {
    /// May be used.
    Approve,
    /// May not be used.
    Reject,
    /// Has come to a stage.
    Promote,
    /// Was handed to somebody.
    Transfer,
    /// Was put to work.
    Deploy,
    /// Another model takes its place.
    Supersede,
    /// Is withdrawn.
    Revoke,
    /// An earlier event no longer holds.
    Reinstate,
    /// May be used although the format gate finds something.
    Waive,
    /// Is known by another digest too.
    Alias,
}

impl EventKind {
    /// All kinds, in the order of the specification.
    pub const ALL: [Self; 10] = [
        Self::Approve,
        Self::Reject,
        Self::Promote,
        Self::Transfer,
        Self::Deploy,
        Self::Supersede,
        Self::Revoke,
        Self::Reinstate,
        Self::Waive,
        Self::Alias,
    ];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Promote => "promote",
            Self::Transfer => "transfer",
            Self::Deploy => "deploy",
            Self::Supersede => "supersede",
            Self::Revoke => "revoke",
            Self::Reinstate => "reinstate",
            Self::Waive => "waive",
            Self::Alias => "alias",
        }
    }

    /// The kind of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether the event speaks against using the model: a reader who sees one must be told.
    #[must_use]
    pub const fn is_adverse(self) -> bool {
        matches!(self, Self::Reject | Self::Supersede | Self::Revoke)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a revocation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the predicate's version")]
pub enum Scope {
    /// This model.
    This,
    /// This model and what was made from it.
    ThisAndDescendants,
}

impl Scope {
    /// Both.
    pub const ALL: [Self; 2] = [Self::This, Self::ThisAndDescendants];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::ThisAndDescendants => "this-and-descendants",
        }
    }

    /// The scope of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_kind_and_scope() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.as_str()), Some(kind));
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
        }
        assert_eq!((EventKind::from_name("Approve"), Scope::from_name("descendants")), (None, None));
    }
}
