//! How a digest was made.
//!
//! Follows spec/entry.md. Out of scope: making one ([`crate::tree`], [`crate::digest`]).

use core::fmt;

/// How a digest was made; its number in the log entry and its name in annotations (spec/entry.md).
///
/// A file's SHA-256 and a tree digest are both 32 bytes: the form is what tells them apart, so it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the entry's version")]
pub enum Form {
    /// 1: [`crate::tree::TreeDigest`], 32 bytes.
    ModelTree,
    /// 2: SHA-256 of one file's content, 32 bytes.
    File,
    /// 3: id of a git commit, 20 bytes (SHA-1) or 32 (SHA-256).
    GitCommit,
    /// 4: root of an OpenSSF model signing v1.0 manifest, 32 bytes.
    OmsRoot,
}

impl Form {
    /// All forms, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::ModelTree, Self::File, Self::GitCommit, Self::OmsRoot];

    /// The number in the entry, 1 to 4.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::ModelTree => 1,
            Self::File => 2,
            Self::GitCommit => 3,
            Self::OmsRoot => 4,
        }
    }

    /// The form with that number, if there is one.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.code() == code)
    }

    /// Whether a digest of this form may have `len` bytes.
    #[must_use]
    pub const fn allows_len(self, len: usize) -> bool {
        match self {
            Self::ModelTree | Self::File | Self::OmsRoot => len == 32,
            Self::GitCommit => len == 20 || len == 32,
        }
    }

    /// The name, as annotations spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModelTree => "model-tree/v1",
            Self::File => "file",
            Self::GitCommit => "git-commit",
            Self::OmsRoot => "oms-v1-root",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_form() {
        for (number, form) in (1..).zip(Form::ALL) {
            assert_eq!(form.code(), number);
            assert_eq!(Form::from_code(number), Some(form));
        }
        assert_eq!((Form::from_code(0), Form::from_code(5)), (None, None));
    }

    #[test]
    fn only_a_git_commit_may_have_20_bytes() {
        for form in Form::ALL {
            let lens: Vec<usize> = (0..=64).filter(|len| form.allows_len(*len)).collect();
            let want: &[usize] = if form == Form::GitCommit { &[20, 32] } else { &[32] };
            assert_eq!(lens, want, "{form}");
        }
    }
}
