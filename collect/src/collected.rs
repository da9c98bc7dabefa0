//! What one source gave: facts, warnings, and the files they were read from.

use attest::digest::Sha256Digest;

use crate::fact::{MAX_TEXT_BYTES, Value};
use crate::{Fact, Warning, WarningReason};

/// Most facts of one source. An environment of two thousand packages has some six thousand.
pub const MAX_FACTS: usize = 1 << 16;
/// Most warnings that are kept; the last one then says that there were more.
pub const MAX_WARNINGS: usize = 1000;

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
        Self { source, facts: Vec::new(), warnings: Vec::new(), files: Vec::new() }
    }

    /// Adds a fact; one that is too long, or one too many, becomes a warning.
    pub(crate) fn push(&mut self, fact: Fact) {
        let too_long = matches!(fact.value(), Value::Text(text) if text.len() > MAX_TEXT_BYTES);
        if too_long || fact.about().len() > MAX_TEXT_BYTES {
            let text = format!("{} is longer than {MAX_TEXT_BYTES} bytes", fact.key());
            self.warn(WarningReason::TooLarge, fact.at(), text);
        } else if self.facts.len() >= MAX_FACTS {
            self.warn(WarningReason::TooLarge, fact.at(), format!("more than {MAX_FACTS} facts"));
        } else {
            self.facts.push(fact);
        }
    }

    /// Adds a warning.
    pub(crate) fn warn(&mut self, reason: WarningReason, at: &str, text: impl Into<String>) {
        match self.warnings.len() {
            0..MAX_WARNINGS => self.warnings.push(Warning::new(reason, at, text)),
            MAX_WARNINGS => {
                let text = format!("more than {MAX_WARNINGS} warnings, the rest is not shown");
                self.warnings.push(Warning::new(WarningReason::TooLarge, self.source, text));
            }
            _ => {}
        }
    }

    /// Notes a file that was read.
    pub(crate) fn note_file(&mut self, file: ReadFile) {
        self.files.push(file);
    }

    /// Takes over what another part of the same source gave.
    pub(crate) fn absorb(&mut self, other: Self) {
        other.facts.into_iter().for_each(|fact| self.push(fact));
        for warning in other.warnings {
            self.warn(warning.reason(), warning.at(), warning.text());
        }
        self.files.extend(other.files);
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
