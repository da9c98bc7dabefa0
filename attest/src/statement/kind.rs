use core::fmt;

use crate::types;

/// What a statement is about; its number in the log entry (spec/entry.md).
///
/// Closed: an eighth kind is a new version of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the entry's version")]
pub enum StatementKind {
    /// 1: what a model was made from.
    Provenance,
    /// 2: what a dataset consists of.
    Dataset,
    /// 3: what a scan of file formats found.
    Scan,
    /// 4: how a model did in an evaluation.
    Evaluation,
    /// 5: approval, promotion, transfer, revocation and the like.
    Event,
    /// 6: a package signature for other people's tools.
    Package,
    /// 7: what a verifier or a gate concluded.
    Verdict,
}

impl StatementKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Provenance,
        Self::Dataset,
        Self::Scan,
        Self::Evaluation,
        Self::Event,
        Self::Package,
        Self::Verdict,
    ];

    /// The number in the entry, 1 to 7.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Provenance => 1,
            Self::Dataset => 2,
            Self::Scan => 3,
            Self::Evaluation => 4,
            Self::Event => 5,
            Self::Package => 6,
            Self::Verdict => 7,
        }
    }

    /// The kind with that number, if there is one.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The in-toto predicate type that stands for this kind.
    #[must_use]
    pub const fn predicate_type(self) -> &'static str {
        match self {
            Self::Provenance => types::SLSA_PROVENANCE_V1,
            Self::Dataset => types::DATASET_V1,
            Self::Scan => types::SCAN_V1,
            Self::Evaluation => types::TEST_RESULT_V0_1,
            Self::Event => types::EVENT_V1,
            Self::Package => types::MODEL_SIGNATURE_V1_0,
            Self::Verdict => types::SLSA_VERDICT_V1,
        }
    }

    /// Whether statements of this kind are read here.
    #[must_use]
    pub const fn is_read(self) -> bool {
        !matches!(self, Self::Package)
    }

    /// The kind with that predicate type, compared whole, if there is one.
    #[must_use]
    pub fn from_predicate_type(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.predicate_type() == uri)
    }
}

impl fmt::Display for StatementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provenance => "provenance",
            Self::Dataset => "dataset",
            Self::Scan => "scan",
            Self::Evaluation => "evaluation",
            Self::Event => "event",
            Self::Package => "package",
            Self::Verdict => "verdict",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_predicate_types_lead_back_to_their_kind() {
        for (number, kind) in (1..).zip(StatementKind::ALL) {
            assert_eq!(kind.code(), number);
            assert_eq!(StatementKind::from_code(number), Some(kind));
            assert_eq!(StatementKind::from_predicate_type(kind.predicate_type()), Some(kind));
        }
        assert_eq!((StatementKind::from_code(0), StatementKind::from_code(8)), (None, None));
        assert_eq!(StatementKind::from_predicate_type("https://slsa.dev/provenance/v1.1"), None);
    }
}
