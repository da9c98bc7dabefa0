use core::fmt;
use core::str::FromStr;

/// A stage, a role, an environment, a reason: `[a-z0-9][a-z0-9._-]*`, at most [`EventLabel::MAX_BYTES`] bytes.
///
/// Whoever demands one compares it whole. So it is narrow, and has no room for a sentence or a person's address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventLabel(String);

impl EventLabel {
    /// Longest label, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventLabelError {
    /// A character outside the alphabet, or one that may not come first.
    #[error("character {found:?} at offset {offset} of a label, want a-z, 0-9 and, not first, . _ -")]
    BadCharacter {
        /// The character seen.
        found: char,
        /// Its byte offset in the text.
        offset: usize,
    },
    /// Nothing at all.
    #[error("empty label")]
    Empty,
    /// Longer than a label may be.
    #[error("label of {len} bytes, want at most {max}", max = EventLabel::MAX_BYTES)]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
}

impl FromStr for EventLabel {
    type Err = EventLabelError;

    /// Reads a label.
    ///
    /// # Errors
    /// Each variant of [`EventLabelError`] is one rule.
    fn from_str(text: &str) -> Result<Self, EventLabelError> {
        if text.is_empty() {
            return Err(EventLabelError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(EventLabelError::TooLong { len: text.len() });
        }
        let allowed = |(offset, c): &(usize, char)| {
            matches!(c, 'a'..='z' | '0'..='9') || (*offset > 0 && matches!(c, '.' | '_' | '-'))
        };
        match text.char_indices().find(|item| !allowed(item)) {
            Some((offset, found)) => Err(EventLabelError::BadCharacter { found, offset }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for EventLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_narrow() {
        let long = "a".repeat(EventLabel::MAX_BYTES);
        for text in ["production", "eu-west.1_a", "0", &long] {
            assert_eq!(text.parse::<EventLabel>().map(|label| label.to_string()), Ok(text.to_owned()));
        }
        let bad = |found, offset| EventLabelError::BadCharacter { found, offset };
        let cases = [
            (String::new(), EventLabelError::Empty),
            ("Production".to_owned(), bad('P', 0)),
            ("-a".to_owned(), bad('-', 0)),
            ("a b".to_owned(), bad(' ', 1)),
            ("a@b".to_owned(), bad('@', 1)),
            (format!("{long}a"), EventLabelError::TooLong { len: 65 }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<EventLabel>(), Err(reason), "{text:?}");
        }
    }
}
