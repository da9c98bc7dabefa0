use core::fmt;
use core::str::FromStr;

/// The id of a git object: 20 bytes (SHA-1) or 32 (SHA-256), written as lower-case hex digits.
///
/// It finds the object; it does not prove it, since SHA-1 can be made to collide.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitId(Vec<u8>);

impl GitId {
    /// Lends the 20 or 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why a text is not the id of a git object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitIdError {
    /// A character that is not `0-9` or `a-f`.
    #[error("character {found:?} at offset {offset} of a git id, want a lower-case hex digit")]
    BadDigit {
        /// The character seen.
        found: char,
        /// Its byte offset in the text.
        offset: usize,
    },
    /// Neither 40 nor 64 characters.
    #[error("git id of {len} characters, want 40 or 64")]
    BadLength {
        /// The length seen, in bytes.
        len: usize,
    },
}

impl FromStr for GitId {
    type Err = GitIdError;

    /// Reads 40 or 64 lower-case hex digits; an abbreviated id is none.
    ///
    /// # Errors
    /// [`GitIdError::BadLength`] for any other length, [`GitIdError::BadDigit`] for any other character.
    fn from_str(text: &str) -> Result<Self, GitIdError> {
        if !matches!(text.len(), 40 | 64) {
            return Err(GitIdError::BadLength { len: text.len() });
        }
        let mut digits = Vec::with_capacity(text.len());
        for (offset, found) in text.char_indices() {
            match found {
                '0'..='9' | 'a'..='f' => digits.push(found.to_digit(16).unwrap_or_default() as u8),
                _ => return Err(GitIdError::BadDigit { found, offset }),
            }
        }
        let (pairs, _) = digits.as_chunks::<2>();
        Ok(Self(pairs.iter().map(|[high, low]| (high << 4) | low).collect()))
    }
}

impl fmt::Display for GitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_are_read_and_written_back() {
        for text in ["0123456789abcdef0123456789abcdef01234567".to_owned(), "fe".repeat(32)] {
            let id: GitId = text.parse().expect("lower-case hex of a known length");
            assert_eq!(id.to_string(), text);
            assert_eq!(id.as_bytes().len() * 2, text.len());
        }
    }

    #[test]
    fn parse_refuses_other_spellings() {
        let bad_length = |len| GitIdError::BadLength { len };
        let cases = [
            (String::new(), bad_length(0)),
            ("8c7d0f3".to_owned(), bad_length(7)),
            ("a".repeat(41), bad_length(41)),
            ("A".repeat(40), GitIdError::BadDigit { found: 'A', offset: 0 }),
            (format!("{}g", "0".repeat(63)), GitIdError::BadDigit { found: 'g', offset: 63 }),
            ("é".repeat(20), GitIdError::BadDigit { found: 'é', offset: 0 }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<GitId>(), Err(reason), "{text:?}");
        }
    }
}
