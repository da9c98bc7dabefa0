//! What a key may sign under a name: a kind of statement, and of events each kind by itself.

use std::fmt;

use attest::event::EventKind;
use attest::statement::{Statement, StatementKind};
use serde::Deserialize;

/// One thing that a key may say. An approval and a revocation are said by different people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
#[expect(clippy::exhaustive_enums, reason = "every statement is an event or is not")]
pub enum Right {
    /// An event of that kind.
    Event(EventKind),
    /// A statement of that kind, which is not [`StatementKind::Event`].
    Statement(StatementKind),
}

impl Right {
    /// What it takes to sign that statement.
    #[must_use]
    pub fn to_sign(statement: &Statement) -> Self {
        statement.event().map_or(Self::Statement(statement.kind()), |event| Self::Event(event.kind()))
    }

    /// Whether a publisher may do it only if his `may` names it: somebody whom the trust file lets sign everything was not asked whether he
    /// may also open the gate, or say what other people's digests mean.
    #[must_use]
    pub const fn must_be_named(self) -> bool {
        matches!(self, Self::Event(EventKind::Waive | EventKind::Alias))
    }

    fn from_word(word: &str) -> Option<Self> {
        let is_word = |kind: &StatementKind| *kind != StatementKind::Event && kind.to_string() == word;
        let statement = StatementKind::ALL.into_iter().filter(|kind| kind.is_read()).find(is_word);
        statement.map(Self::Statement).or_else(|| EventKind::from_name(word).map(Self::Event))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(kind) => kind.fmt(f),
            Self::Statement(kind) => kind.fmt(f),
        }
    }
}

impl TryFrom<String> for Right {
    type Error = RightError;

    /// Reads the word of a trust file.
    ///
    /// # Errors
    /// [`RightError`] for any other.
    fn try_from(word: String) -> Result<Self, RightError> {
        Self::from_word(&word).ok_or(RightError { seen: word })
    }
}

/// Why a word names nothing that can be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{seen}` is nothing a key may sign, wanted provenance, dataset, scan, evaluation, verdict, or a kind of event such as approve or revoke"
)]
pub struct RightError {
    seen: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_kind_that_is_read_or_a_kind_of_event() {
        let right = |word: &str| Right::try_from(word.to_owned()).ok().map(|right| right.to_string());
        for word in [
            "provenance",
            "dataset",
            "scan",
            "evaluation",
            "verdict",
            "approve",
            "revoke",
            "reinstate",
            "waive",
            "alias",
        ] {
            assert_eq!(right(word).as_deref(), Some(word));
        }
        for word in ["event", "package", "Approve", "approval", ""] {
            assert_eq!(right(word), None, "{word}");
        }
    }

    #[test]
    fn what_opens_the_gate_or_joins_digests_must_be_named() {
        let kinds = EventKind::ALL.into_iter().map(Right::Event);
        let rights = kinds.chain(StatementKind::ALL.into_iter().map(Right::Statement));
        let named: Vec<String> =
            rights.filter(|right| right.must_be_named()).map(|right| right.to_string()).collect();
        assert_eq!(named, ["waive", "alias"]);
    }
}
