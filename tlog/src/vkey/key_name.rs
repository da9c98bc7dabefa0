//! The name of a key (c2sp.org/signed-note, "Format").

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::MAX_KEY_NAME_BYTES;

/// The name of a log's or a witness's key, such as `example.com/log42`.
///
/// 1 to 255 bytes of UTF-8 without white space (the Unicode property, not just ASCII), without `+` and without control
/// bytes (c2sp.org/signed-note, "Format").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A text that cannot name a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyNameError {
    /// A byte below 0x20; it would end the line, or be refused with the note.
    #[error("key name has a control byte at offset {offset}")]
    ControlByte {
        /// Where, in bytes from 0.
        offset: usize,
    },
    /// No byte at all.
    #[error("key name is empty")]
    Empty,
    /// A `+`, which separates the parts of a verifier key.
    #[error("key name has a plus sign at offset {offset}")]
    Plus {
        /// Where, in bytes from 0.
        offset: usize,
    },
    /// More than [`MAX_KEY_NAME_BYTES`].
    #[error("key name of {seen} bytes is above {MAX_KEY_NAME_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// A character with the Unicode property White_Space.
    #[error("key name has white space U+{:04X} at offset {offset}", u32::from(*seen))]
    WhiteSpace {
        /// Where, in bytes from 0.
        offset: usize,
        /// The character.
        seen: char,
    },
}

impl KeyName {
    /// Lends the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(name: &str) -> Result<Self, KeyNameError> {
        if name.is_empty() {
            return Err(KeyNameError::Empty);
        }
        if name.len() > MAX_KEY_NAME_BYTES {
            return Err(KeyNameError::TooLong { seen: name.len() });
        }
        for (offset, seen) in name.char_indices() {
            match seen {
                '+' => return Err(KeyNameError::Plus { offset }),
                seen if seen.is_whitespace() => return Err(KeyNameError::WhiteSpace { offset, seen }),
                '\0'..' ' => return Err(KeyNameError::ControlByte { offset }),
                _ => {}
            }
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
