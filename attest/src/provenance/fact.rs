use core::fmt;

use super::{ProvenanceError, Source};

/// Longest text of a fact: of what it is about, of its value, and of where it was found. In bytes.
pub const MAX_FACT_TEXT_BYTES: usize = 4096;

/// Most facts of one statement. Two thousand installed packages are some six thousand.
pub const MAX_FACTS: usize = 1 << 14;

/// What a fact is about: where it stands in a bill of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the build type's version")]
pub enum Topic {
    /// The model itself: licence, architecture, number of parameters.
    Identity,
    /// A dataset; [`Fact::about`] is its name.
    Data,
    /// The source code.
    Code,
    /// A model that this one was made from; [`Fact::about`] is its name.
    BaseModel,
    /// A hyperparameter; [`Fact::about`] is its name.
    Parameter,
    /// A measured quality; [`Fact::about`] is its name.
    Metric,
    /// A package of the environment; [`Fact::about`] is its name.
    Package,
    /// What the run ran on.
    Hardware,
    /// The run: command, times, state, tool.
    Run,
    /// A document: card, datasheet, Croissant.
    Document,
    /// Who did or decided something.
    Custody,
}

impl Topic {
    /// All topics, in the order in which statements list them.
    pub const ALL: [Self; 11] = [
        Self::Identity,
        Self::Data,
        Self::Code,
        Self::BaseModel,
        Self::Parameter,
        Self::Metric,
        Self::Package,
        Self::Hardware,
        Self::Run,
        Self::Document,
        Self::Custody,
    ];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Data => "data",
            Self::Code => "code",
            Self::BaseModel => "base-model",
            Self::Parameter => "parameter",
            Self::Metric => "metric",
            Self::Package => "package",
            Self::Hardware => "hardware",
            Self::Run => "run",
            Self::Document => "document",
            Self::Custody => "custody",
        }
    }

    /// The topic of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is known of how a model was made, and is no input with a digest: an element of our
/// `internalParameters.facts`.
///
/// ```json
/// {"topic":"parameter","about":"lr","key":"value","value":"0.001","source":"imported","at":"dvc.lock"}
/// ```
///
/// Facts of a statement ascend by these members in this order, and none is there twice. No text has a control
/// character, so that none can write over a reader's screen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    topic: Topic,
    about: String,
    key: String,
    value: String,
    source: Source,
    at: String,
}

impl Fact {
    /// States that `key` of the thing called `about`, empty if there is only one, is `value`; `at` is the file and the
    /// place where it was found.
    ///
    /// # Errors
    /// [`ProvenanceError::BadFact`] if a text is longer than [`MAX_FACT_TEXT_BYTES`] or has a control character, or if
    /// `key` is not 1 to 64 bytes of `[a-z0-9-]`.
    pub fn new(
        topic: Topic,
        about: String,
        key: String,
        value: String,
        source: Source,
        at: String,
    ) -> Result<Self, ProvenanceError> {
        let is_key = (1..=64).contains(&key.len())
            && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_key {
            return Err(ProvenanceError::BadFact { what: "key", text: crate::excerpt::excerpt(&key) });
        }
        for (what, text) in [("about", &about), ("value", &value), ("at", &at)] {
            if text.len() > MAX_FACT_TEXT_BYTES || text.chars().any(char::is_control) {
                return Err(ProvenanceError::BadFact { what, text: crate::excerpt::excerpt(text) });
            }
        }
        Ok(Self { topic, about, key, value, source, at })
    }

    /// Where it stands in a bill of materials.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        self.topic
    }

    /// The name of the dataset, parameter, metric, package or base model; empty where there is only one.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Which property: `version`, `uri`, `value`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it is, in the words of whoever said it: `0.001` stays `0.001`.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How the signer knows.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// File and place.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(about: &str, key: &str, value: &str, at: &str) -> Result<Fact, ProvenanceError> {
        let [about, key, value, at] = [about, key, value, at].map(str::to_owned);
        Fact::new(Topic::Parameter, about, key, value, Source::Imported, at)
    }

    #[test]
    fn texts_are_bounded_and_cannot_write_over_a_screen() {
        let long = "a".repeat(MAX_FACT_TEXT_BYTES);
        assert!(fact(&long, "value", &long, &long).is_ok());
        assert!(fact("", "value", "", "").is_ok());
        let longer = "a".repeat(MAX_FACT_TEXT_BYTES + 1);
        let bad =
            |what, text: &str| Err(ProvenanceError::BadFact { what, text: crate::excerpt::excerpt(text) });
        assert_eq!(fact(&longer, "value", "", ""), bad("about", &longer));
        assert_eq!(fact("", "value", &longer, ""), bad("value", &longer));
        assert_eq!(fact("", "value", "", &longer), bad("at", &longer));
        assert_eq!(fact("", "value", "a\u{1b}[2J", ""), bad("value", "a\u{1b}[2J"));
        assert_eq!(fact("", "value", "a\u{85}", ""), bad("value", "a\u{85}"));
        for key in ["", "Value", "a b", &"a".repeat(65)] {
            assert_eq!(fact("", key, "", ""), bad("key", key));
        }
    }

    #[test]
    fn names_lead_back_to_their_topic() {
        for topic in Topic::ALL {
            assert_eq!(Topic::from_name(topic.as_str()), Some(topic));
        }
        assert!(Topic::ALL.is_sorted());
        assert_eq!(Topic::from_name("Identity"), None);
    }
}
