use std::fmt;

/// What a refusal means to a program: the four ways of not being verified.
///
/// Usage errors are not in this set: the verifier was not asked a question yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/verification.md; callers branch on it alone")]
pub enum Class {
    /// Something was checked and is false: bytes, a signature, a proof, a format.
    VerifiedFalse,
    /// Nothing is false, but the caller's requirements are not met.
    Refused,
    /// Could not be decided either way. Never read as a pass.
    Undecidable,
    /// A file could not be read.
    Io,
}

impl Class {
    /// Every class, in the order of the exit codes.
    pub const ALL: [Self; 4] = [Self::VerifiedFalse, Self::Refused, Self::Undecidable, Self::Io];

    /// The exit code of a program: 1, 3, 4 or 5. Zero is "verified" and two is "wrong use".
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::VerifiedFalse => 1,
            Self::Refused => 3,
            Self::Undecidable => 4,
            Self::Io => 5,
        }
    }

    /// The word used in `--json` and in `spec/reasons.md`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::VerifiedFalse => "verified-false",
            Self::Refused => "refused",
            Self::Undecidable => "undecidable",
            Self::Io => "io",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_ends_with_zero_or_with_the_code_for_wrong_use() {
        for class in Class::ALL {
            assert!(!matches!(class.exit_code(), 0 | 2), "{class}");
        }
    }
}
