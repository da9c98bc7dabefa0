//! SHA-256 of a log's origin: how a log is named in paths (c2sp.org/tlog-witness, "Monitor Retrieval Mechanism").

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use tlog::checkpoint::Origin;

/// The hash of an origin. Shown as 64 lower-case hex digits, the one text that is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginHash([u8; 32]);

impl OriginHash {
    /// Hashes an origin.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        Self(Sha256::digest(origin.as_str()).into())
    }
}

/// Not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 64 lower-case hex digits")]
pub struct OriginHashError;

impl FromStr for OriginHash {
    type Err = OriginHashError;

    fn from_str(text: &str) -> Result<Self, OriginHashError> {
        if text.len() != 64 {
            return Err(OriginHashError);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |digit: u8| match digit {
                b'0'..=b'9' => Ok(digit - b'0'),
                b'a'..=b'f' => Ok(digit - b'a' + 10),
                _ => Err(OriginHashError),
            };
            let [high, low] = digits else { return Err(OriginHashError) };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for OriginHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OriginHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OriginHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_is_read() {
        // printf 'log.example.org/models' | sha256sum
        let text = OriginHash::of(&"log.example.org/models".parse().unwrap()).to_string();
        assert_eq!(text.parse::<OriginHash>().unwrap().to_string(), text);
        for refused in
            ["", &text[1..], &text.to_uppercase(), &format!("{text}0"), &text.replace(&text[..1], "é")]
        {
            assert_eq!(refused.parse::<OriginHash>(), Err(OriginHashError), "{refused}");
        }
    }
}
