use std::fmt;

/// The numbered steps of `spec/verification.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/verification.md, which numbers the steps")]
pub enum Step {
    /// 1: the bundle file and the trust file are there and well formed.
    Read,
    /// 2: the payload is a statement of a kind we know.
    Statement,
    /// 3: the signature over the payload verifies.
    Signature,
    /// 4: the log entry is the one this statement and key produce.
    Entry,
    /// 5: the entry is in the tree that the checkpoint names.
    Inclusion,
    /// 6: the checkpoint is signed by a log of the policy.
    Checkpoint,
    /// 7: enough witnesses of the policy saw that checkpoint.
    Witnesses,
    /// 8: this key may sign this name, and it is the name the caller asked for.
    Requirements,
    /// 9: the files are the ones the statement is about.
    Contents,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Statement,
        Self::Signature,
        Self::Entry,
        Self::Inclusion,
        Self::Checkpoint,
        Self::Witnesses,
        Self::Requirements,
        Self::Contents,
    ];

    /// The number in `spec/verification.md`, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Statement => 2,
            Self::Signature => 3,
            Self::Entry => 4,
            Self::Inclusion => 5,
            Self::Checkpoint => 6,
            Self::Witnesses => 7,
            Self::Requirements => 8,
            Self::Contents => 9,
        }
    }

    /// The word for it in reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Statement => "statement",
            Self::Signature => "signature",
            Self::Entry => "entry",
            Self::Inclusion => "inclusion",
            Self::Checkpoint => "checkpoint",
            Self::Witnesses => "witnesses",
            Self::Requirements => "requirements",
            Self::Contents => "contents",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_from_one_without_a_gap() {
        let numbers: Vec<u8> = Step::ALL.iter().map(|step| step.number()).collect();
        assert_eq!(numbers, (1..=9).collect::<Vec<u8>>());
    }
}
