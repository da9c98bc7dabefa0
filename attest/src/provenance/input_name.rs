use core::fmt;
use core::str::FromStr;

use crate::private_value::Commitment;

/// What the signer calls an input, `bert-base`: `[A-Za-z0-9][A-Za-z0-9._/@:+-]*`, at most
/// [`InputName::MAX_BYTES`] bytes.
///
/// A label, unique among the inputs of one role. Edges of a lineage are digests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputName(String);

impl InputName {
    /// Longest name, in bytes: a model's name, a colon, and a version label fit.
    pub const MAX_BYTES: usize = 256;

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The commitment that stands in its place, if the name is private.
    #[must_use]
    pub fn commitment(&self) -> Option<Commitment> {
        Commitment::in_text(&self.0)
    }
}

/// Stands in place of a name that is not shown.
impl From<Commitment> for InputName {
    fn from(commitment: Commitment) -> Self {
        Self(commitment.to_string())
    }
}

/// Why a text is not the name of an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputNameError {
    /// A character outside the alphabet, or one that may not come first.
    #[error("character {found:?} at offset {offset} of an input's name")]
    BadCharacter {
        /// The character seen.
        found: char,
        /// Its byte offset in the text.
        offset: usize,
    },
    /// Nothing at all.
    #[error("empty name of an input")]
    Empty,
    /// Longer than a name may be.
    #[error("input's name of {len} bytes, want at most {max}", max = InputName::MAX_BYTES)]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
}

impl FromStr for InputName {
    type Err = InputNameError;

    /// Reads a name.
    ///
    /// # Errors
    /// Each variant of [`InputNameError`] is one rule.
    fn from_str(text: &str) -> Result<Self, InputNameError> {
        if text.is_empty() {
            return Err(InputNameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InputNameError::TooLong { len: text.len() });
        }
        let allowed = |(offset, c): &(usize, char)| {
            c.is_ascii_alphanumeric() || (*offset > 0 && matches!(c, '.' | '_' | '/' | '@' | ':' | '+' | '-'))
        };
        match text.char_indices().find(|item| !allowed(item)) {
            Some((offset, found)) => Err(InputNameError::BadCharacter { found, offset }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for InputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_read_and_written_back() {
        let long = "a".repeat(InputName::MAX_BYTES);
        for text in ["bert-base", "configs/churn.yaml", "acme/churn:2025.1", "a+b@c_D", &long] {
            assert_eq!(text.parse::<InputName>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn private_name_is_a_name_that_is_told_from_others() {
        let commitment = Commitment::from_digest(crate::digest::Sha256Digest::of(b"x"));
        let name = InputName::from(commitment);
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        assert_eq!(name.commitment(), Some(commitment));
        assert_eq!("bert-base".parse::<InputName>().expect("a name").commitment(), None);
    }

    #[test]
    fn parse_refuses_other_texts() {
        let long = "a".repeat(InputName::MAX_BYTES + 1);
        let cases = [
            ("", InputNameError::Empty),
            ("-x", InputNameError::BadCharacter { found: '-', offset: 0 }),
            ("a b", InputNameError::BadCharacter { found: ' ', offset: 1 }),
            ("a=b", InputNameError::BadCharacter { found: '=', offset: 1 }),
            ("aé", InputNameError::BadCharacter { found: 'é', offset: 1 }),
            ("a\u{1b}[2J", InputNameError::BadCharacter { found: '\u{1b}', offset: 1 }),
            (long.as_str(), InputNameError::TooLong { len: 257 }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<InputName>(), Err(reason), "{text:?}");
        }
    }
}
