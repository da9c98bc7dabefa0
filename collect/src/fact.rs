//! One thing that a source says, with how far it can be believed.

use core::fmt;

use attest::provenance::{self, ProvenanceError, Source, Topic};

/// Longest text of a fact, in bytes; a longer one is a warning, not half a fact.
pub const MAX_TEXT_BYTES: usize = provenance::MAX_FACT_TEXT_BYTES;

/// Whether a fact may go into a permanent, public record without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum Privacy {
    /// It may.
    Public,
    /// People, hosts, paths of home directories, arguments: dropped unless somebody allows it by name.
    Personal,
}

/// What a source says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Value {
    /// Text, at most [`MAX_TEXT_BYTES`] bytes. A number is text as the source wrote it: `0.001` stays `0.001`.
    Text(String),
    /// A digest that the source gives.
    Digest {
        /// As in-toto names it: `sha256`, `md5`, `gitCommit`, `gitTree`. Only `sha256` can ever satisfy a check.
        algorithm: &'static str,
        /// Lower-case hexadecimal.
        hex: String,
    },
}

impl Value {
    /// The text, or `algorithm:hex`.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Digest { algorithm, hex } => format!("{algorithm}:{hex}"),
        }
    }
}

/// One thing that a source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    topic: Topic,
    about: String,
    key: &'static str,
    value: Value,
    grade: Source,
    privacy: Privacy,
    at: String,
}

impl Fact {
    /// States a fact of `topic`: `key` of the thing called `about` (empty if there is only one such thing) is `value`.
    /// `at` is the file and the place in it.
    pub(crate) fn new(
        topic: Topic,
        about: impl Into<String>,
        key: &'static str,
        value: Value,
        grade: Source,
        at: impl Into<String>,
    ) -> Self {
        Self { topic, about: about.into(), key, value, grade, privacy: Privacy::Public, at: at.into() }
    }

    /// Marks it as something that is dropped unless allowed.
    #[must_use]
    pub(crate) fn personal(self) -> Self {
        Self { privacy: Privacy::Personal, ..self }
    }

    /// What it is about.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        self.topic
    }

    /// The name of the dataset, parameter, metric, package or base model; empty where there is only one.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Which property: `version`, `uri`, `digest`, `value`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// What the source says.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// How we know: hashed or measured here, recorded by a tool, or written by somebody.
    #[must_use]
    pub const fn grade(&self) -> Source {
        self.grade
    }

    /// Whether it may be published without being asked for.
    #[must_use]
    pub const fn privacy(&self) -> Privacy {
        self.privacy
    }

    /// File and place: `dvc.lock: stages.train.deps[0]`.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }

    /// The fact as statements have it, its value as text. Never an error for one of [`Collected::facts`](crate::Collected::facts).
    ///
    /// # Errors
    /// [`ProvenanceError::BadFact`].
    pub fn to_statement(&self) -> Result<provenance::Fact, ProvenanceError> {
        let (about, value, at) = (self.about.clone(), self.value.to_text(), self.at.clone());
        provenance::Fact::new(self.topic, about, self.key.to_owned(), value, self.grade, at)
    }
}

/// One line: `parameter "lr" value = "0.001", imported, dvc.lock: stages.train.params`.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let personal = if self.privacy == Privacy::Personal { ", personal" } else { "" };
        let (value, grade) = (self.value.to_text(), self.grade);
        write!(f, "{} {:?} {} = {value:?}, {grade}{personal}, {}", self.topic, self.about, self.key, self.at)
    }
}
