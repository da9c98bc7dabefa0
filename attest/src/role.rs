//! As what an input went into a model.
//!
//! Follows spec/entry.md and spec/statement.md. Out of scope: what the input is ([`crate::form`]) and where it came from.

use core::fmt;

/// As what something went into a model; its number in the log entry and its name in statements (spec/entry.md).
///
/// The order is that of the numbers, and dependencies are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the entry's version")]
pub enum Role {
    /// 1: the source code that ran.
    Code,
    /// 2: data it read.
    Dataset,
    /// 3: a model it started from, or learned from.
    BaseModel,
    /// 4: an adapter that was merged in or trained further.
    Adapter,
    /// 5: a tokenizer.
    Tokenizer,
    /// 6: a configuration file.
    Config,
    /// 7: a lock file: the packages that were asked for.
    EnvironmentLock,
    /// 8: the packages that were there.
    EnvironmentInstalled,
    /// 9: the container image.
    Container,
}

impl Role {
    /// All roles, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Code,
        Self::Dataset,
        Self::BaseModel,
        Self::Adapter,
        Self::Tokenizer,
        Self::Config,
        Self::EnvironmentLock,
        Self::EnvironmentInstalled,
        Self::Container,
    ];

    /// The number in the entry, 1 to 9.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Code => 1,
            Self::Dataset => 2,
            Self::BaseModel => 3,
            Self::Adapter => 4,
            Self::Tokenizer => 5,
            Self::Config => 6,
            Self::EnvironmentLock => 7,
            Self::EnvironmentInstalled => 8,
            Self::Container => 9,
        }
    }

    /// The role with that number, if there is one.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Dataset => "dataset",
            Self::BaseModel => "base-model",
            Self::Adapter => "adapter",
            Self::Tokenizer => "tokenizer",
            Self::Config => "config",
            Self::EnvironmentLock => "environment-lock",
            Self::EnvironmentInstalled => "environment-installed",
            Self::Container => "container",
        }
    }

    /// The role of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_their_role() {
        for (number, role) in (1..).zip(Role::ALL) {
            assert_eq!(role.code(), number);
            assert_eq!(Role::from_code(number), Some(role));
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        assert_eq!((Role::from_code(0), Role::from_code(10), Role::from_name("Code")), (None, None, None));
    }

    /// Dependencies are sorted by role, so the order is part of the format.
    #[test]
    fn roles_are_ordered_by_their_numbers() {
        assert!(Role::ALL.is_sorted());
    }
}
