use core::cmp::Ordering;
use core::fmt;

use crate::excerpt::excerpt;

use super::{EvaluationError, Number};

/// Longest text of a metric, in bytes.
pub const MAX_METRIC_TEXT_BYTES: usize = 256;

/// How a value has to stand to its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "two numbers stand to each other in no other way")]
pub enum Comparator {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

impl Comparator {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Below, Self::AtMost, Self::Equal, Self::AtLeast, Self::Above];

    /// The sign, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }

    /// The comparator of that sign, if there is one.
    #[must_use]
    pub fn from_name(sign: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparator| comparator.as_str() == sign)
    }

    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::AtLeast => order.is_ge(),
            Self::Above => order.is_gt(),
        }
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold {
    comparator: Comparator,
    number: Number,
}

impl Threshold {
    /// At least that, below that, and so on.
    #[must_use]
    pub const fn new(comparator: Comparator, number: Number) -> Self {
        Self { comparator, number }
    }

    /// How the value has to stand to the number.
    #[must_use]
    pub const fn comparator(&self) -> Comparator {
        self.comparator
    }

    /// The number.
    #[must_use]
    pub const fn number(&self) -> &Number {
        &self.number
    }
}

/// One measured number: an element of the `metrics` of an evaluation.
///
/// ```json
/// {"data":"hellaswag","name":"acc,none","split":"validation","value":"0.5137","stderr":"0.0050",
///  "comparator":">=","threshold":"0.5"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    data: String,
    name: String,
    split: Option<String>,
    value: Number,
    stderr: Option<Number>,
    threshold: Option<Threshold>,
}

impl Metric {
    /// States that the metric of that name was measured on `data`, empty if that is not known, with that value.
    ///
    /// # Errors
    /// [`EvaluationError::BadText`] if a text is longer than [`MAX_METRIC_TEXT_BYTES`] or has a control character, or if
    /// the name is empty.
    pub fn new(data: String, name: String, value: Number) -> Result<Self, EvaluationError> {
        refuse_text("data", &data, 0)?;
        refuse_text("name", &name, 1)?;
        Ok(Self { data, name, split: None, value, stderr: None, threshold: None })
    }

    /// Says that it was measured on other data.
    ///
    /// # Errors
    /// [`EvaluationError::BadText`], as [`Metric::new`].
    pub fn with_data(self, data: String) -> Result<Self, EvaluationError> {
        refuse_text("data", &data, 0)?;
        Ok(Self { data, ..self })
    }

    /// Adds which part of the data it was.
    ///
    /// # Errors
    /// [`EvaluationError::BadText`], as of a name.
    pub fn with_split(self, split: String) -> Result<Self, EvaluationError> {
        refuse_text("split", &split, 1)?;
        Ok(Self { split: Some(split), ..self })
    }

    /// Adds the standard error.
    #[must_use]
    pub fn with_stderr(self, stderr: Number) -> Self {
        Self { stderr: Some(stderr), ..self }
    }

    /// Adds what it must be.
    #[must_use]
    pub fn with_threshold(self, threshold: Threshold) -> Self {
        Self { threshold: Some(threshold), ..self }
    }

    /// On what data; empty if that is not known.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.data
    }

    /// What was measured, in the words of the tool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// On which part of the data.
    #[must_use]
    pub fn split(&self) -> Option<&str> {
        self.split.as_deref()
    }

    /// What came out.
    #[must_use]
    pub const fn value(&self) -> &Number {
        &self.value
    }

    /// Its standard error.
    #[must_use]
    pub const fn stderr(&self) -> Option<&Number> {
        self.stderr.as_ref()
    }

    /// What it must be.
    #[must_use]
    pub const fn threshold(&self) -> Option<&Threshold> {
        self.threshold.as_ref()
    }

    /// Whether it is what it must be, if anything was demanded.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let threshold = self.threshold.as_ref()?;
        Some(threshold.comparator.holds(self.value.compare(&threshold.number)))
    }

    /// What makes it another metric than the others.
    pub(super) fn place(&self) -> (&str, &str, Option<&str>) {
        (&self.data, &self.name, self.split())
    }

    /// The name of the test that its threshold is, for in-toto's lists.
    pub(super) fn test(&self) -> String {
        let words = [self.data(), self.split().unwrap_or_default(), self.name()];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Refuses a text that could not be shown, or is shorter than `min_bytes`.
pub(super) fn refuse_text(what: &'static str, text: &str, min_bytes: usize) -> Result<(), EvaluationError> {
    if !(min_bytes..=MAX_METRIC_TEXT_BYTES).contains(&text.len()) || text.chars().any(char::is_control) {
        return Err(EvaluationError::BadText { what, text: excerpt(text) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_met_or_missed_by_value_not_by_text() {
        let number = |text: &str| text.parse::<Number>().expect("a number");
        let is_met = |value: &str, sign: &str, threshold: &str| {
            let comparator = Comparator::from_name(sign).expect("a comparator");
            let metric = Metric::new(String::new(), "acc".to_owned(), number(value)).expect("a metric");
            metric.with_threshold(Threshold::new(comparator, number(threshold))).is_met()
        };
        for (value, below, equal) in [("0.9", true, false), ("1.0", false, true), ("10", false, false)] {
            assert_eq!(is_met(value, "<", "1"), Some(below));
            assert_eq!(is_met(value, "<=", "1"), Some(below || equal));
            assert_eq!(is_met(value, "=", "1"), Some(equal));
            assert_eq!(is_met(value, ">=", "1"), Some(!below));
            assert_eq!(is_met(value, ">", "1"), Some(!below && !equal));
        }
        assert_eq!(Comparator::from_name("=="), None);
    }
}
