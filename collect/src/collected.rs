//! What one source gave: facts, warnings, and the files they were read from.

use core::fmt;

use attest::digest::Sha256Digest;

use crate::excerpt::{excerpt, one_line};
use crate::fact::{MAX_TEXT_BYTES, Value};
use crate::{Fact, Warning, WarningReason};

/// Most facts of one source: as many as a statement takes. An environment of two thousand packages has some six thousand.
pub const MAX_FACTS: usize = attest::provenance::MAX_FACTS;
/// Most warnings that are kept; the last one then says that there were more.
pub const MAX_WARNINGS: usize = 1000;
/// Where the one stands that says that there are more.
const LAST_WARNING: usize = MAX_WARNINGS - 1;
/// Most characters of a warning: an error of a library may quote a whole file.
const MAX_WARNING_CHARS: usize = 400;
/// Most characters of a place: a file and a key in it.
pub(crate) const MAX_PLACE_CHARS: usize = 1024;

/// A file that facts were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// As the user would name it: below the directory that was given.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256Digest,
}

impl ReadFile {
    /// Its name, below the directory that was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest of the bytes that were read.
    #[must_use]
    pub const fn sha256(&self) -> Sha256Digest {
        self.sha256
    }
}

/// What one source gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    source: &'static str,
    facts: Vec<Fact>,
    warnings: Vec<Warning>,
    files: Vec<ReadFile>,
    /// Whether a fact was one too many: said once, or the others would leave no room for other warnings.
    is_full: bool,
}

/// A source was not read in full, and the caller demanded that it is.
#[derive(Debug, thiserror::Error)]
#[error("{source_name} was not read in full: {first}")]
pub struct IncompleteError {
    source_name: &'static str,
    first: String,
}

impl Collected {
    /// Nothing yet, of the source with this name: `dvc`, `mlflow`, `weights`.
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, facts: Vec::new(), warnings: Vec::new(), files: Vec::new(), is_full: false }
    }

    /// Adds a fact; one that no statement can hold, or one too many, becomes a warning.
    pub(crate) fn push(&mut self, fact: Fact) {
        let value = match fact.value() {
            Value::Text(text) => text,
            Value::Digest { hex, .. } => hex,
        };
        let texts = [fact.about(), value, fact.at()];
        if texts.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
            let text = format!("{} is longer than {MAX_TEXT_BYTES} bytes", named(&fact));
            self.warn(WarningReason::TooLarge, fact.at(), text);
        } else if texts.iter().any(|text| text.chars().any(char::is_control)) {
            self.warn(
                WarningReason::Malformed,
                fact.at(),
                format!("{} has a control character", named(&fact)),
            );
        } else if self.facts.len() >= MAX_FACTS {
            if !std::mem::replace(&mut self.is_full, true) {
                let text = format!("more than {MAX_FACTS} facts, the rest is left out");
                self.warn(WarningReason::TooLarge, fact.at(), text);
            }
        } else {
            self.facts.push(fact);
        }
    }

    /// Adds a warning. `at` and `text` may hold what a stranger wrote.
    pub(crate) fn warn(&mut self, reason: WarningReason, at: &str, text: impl Into<String>) {
        match self.warnings.len() {
            0..LAST_WARNING => {
                let (at, text) = (one_line(at, MAX_PLACE_CHARS), one_line(&text.into(), MAX_WARNING_CHARS));
                self.warnings.push(Warning::new(reason, at, text));
            }
            LAST_WARNING => {
                let text = format!("more than {LAST_WARNING} warnings, the rest is not shown");
                self.warnings.push(Warning::new(WarningReason::TooLarge, self.source, text));
            }
            _ => {}
        }
    }

    /// Notes a file that was read, whatever its name does to a terminal.
    pub(crate) fn note_file(&mut self, file: ReadFile) {
        self.files.push(ReadFile { name: one_line(&file.name, MAX_PLACE_CHARS), ..file });
    }

    /// Takes over what another part of the same source gave.
    pub(crate) fn absorb(&mut self, other: Self) {
        other.facts.into_iter().for_each(|fact| self.push(fact));
        for warning in other.warnings {
            self.warn(warning.reason(), warning.at(), warning.text());
        }
        self.files.extend(other.files);
        self.is_full |= other.is_full;
    }

    /// The source: `dvc`, `mlflow`, `weights`.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// What it says, in the order it was read.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// What could not be taken.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The files it was read from.
    #[must_use]
    pub fn files(&self) -> &[ReadFile] {
        &self.files
    }

    /// Itself, if nothing was left out.
    ///
    /// # Errors
    /// [`IncompleteError`] with the first warning.
    pub fn require_whole(self) -> Result<Self, IncompleteError> {
        match self.warnings.first() {
            None => Ok(self),
            Some(first) => Err(IncompleteError { source_name: self.source, first: first.to_string() }),
        }
    }
}

/// A line for each file, fact and warning.
impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ReadFile { name, bytes, sha256 } in &self.files {
            writeln!(f, "file {name} of {bytes} bytes, sha256:{sha256}")?;
        }
        self.facts.iter().try_for_each(|fact| writeln!(f, "{fact}"))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning {warning}"))
    }
}

/// What a warning calls a fact: its key, and the name of what has it, if that has one.
fn named(fact: &Fact) -> String {
    match fact.about() {
        "" => fact.key().to_owned(),
        about => format!("{} of {:?}", fact.key(), excerpt(about)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::provenance::{Source, Topic};

    fn fact(about: &str, value: &str, at: &str) -> Fact {
        Fact::new(Topic::Parameter, about, "value", Value::Text(value.to_owned()), Source::Imported, at)
    }

    #[test]
    fn more_facts_than_a_statement_takes_are_one_warning() {
        let mut collected = Collected::new("test");
        for number in 0..MAX_FACTS + 10 {
            collected.push(fact(&number.to_string(), "1", "f"));
        }
        assert_eq!(collected.facts().len(), attest::provenance::MAX_FACTS);
        let reasons: Vec<_> = collected.warnings().iter().map(Warning::reason).collect();
        assert_eq!(reasons, [WarningReason::TooLarge]);
        assert!(collected.require_whole().is_err());
    }

    #[test]
    fn the_last_of_too_many_warnings_says_that_there_are_more() {
        let mut collected = Collected::new("test");
        for number in 0..MAX_WARNINGS + 10 {
            collected.warn(WarningReason::TooLarge, "f", number.to_string());
        }
        assert_eq!(collected.warnings().len(), MAX_WARNINGS);
        let last = collected.warnings().last().map(ToString::to_string).unwrap_or_default();
        assert!(last.contains("more than 999 warnings"), "{last}");
    }

    #[test]
    fn what_is_collected_can_be_stated() {
        let (long, longer) = ("a".repeat(MAX_TEXT_BYTES), "a".repeat(MAX_TEXT_BYTES + 1));
        let mut collected = Collected::new("test");
        collected.push(fact("lr", "0.10", "f"));
        collected.push(fact(&long, &long, &long));
        let hex = "ab".repeat(32);
        let digest = Value::Digest { algorithm: "sha256", hex: hex.clone() };
        collected.push(Fact::new(Topic::Data, "", "digest", digest, Source::Observed, ""));
        assert!(collected.warnings().is_empty());
        let stated: Vec<_> =
            collected.facts().iter().map(|fact| fact.to_statement().expect("a fact")).collect();
        let of_facts: Vec<_> = stated.iter().map(|fact| (fact.about(), fact.value())).collect();
        let digest = format!("sha256:{hex}");
        assert_eq!(of_facts, [("lr", "0.10"), (&long, &long), ("", &digest)]);
        for (about, value, at, reason) in [
            ("a\nb", "1", "f", WarningReason::Malformed),
            ("a", "red \u{1b}[31m", "f", WarningReason::Malformed),
            ("a", "two\n\tlines", "f", WarningReason::Malformed),
            ("a", "1", "f\u{85}", WarningReason::Malformed),
            (&longer, "1", "f", WarningReason::TooLarge),
            ("a", &longer, "f", WarningReason::TooLarge),
            ("a", "1", &longer, WarningReason::TooLarge),
        ] {
            let fact = fact(about, value, at);
            assert!(fact.to_statement().is_err(), "{about:?} {value:?} {at:?}");
            let mut collected = Collected::new("test");
            collected.push(fact);
            assert!(collected.facts().is_empty());
            let warning = collected.warnings().first().expect("a warning");
            assert_eq!(warning.reason(), reason);
            assert!(!warning.to_string().chars().any(char::is_control), "{warning}");
        }
    }
}
