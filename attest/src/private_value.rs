//! Values that a statement commits to without showing them.
//!
//! Follows spec/private-value.md. In scope: a [`Commitment`], the [`Opening`] that shows what is behind it, and the file of
//! openings that its owner keeps. Out of scope: which values are hidden (the program that signs), and that the statement
//! holds ([`crate::statement`], crate `verifier`).
//!
//! ```text
//! commitment = SHA-256( "private-value/v1\n" || salt, 32 bytes || value )
//! in a text    private:7d865e95...            in a digest set  {"private":"7d865e95..."}
//! one opening  {"salt":"5a5a...","value":"customers"} LF
//! ```
//!
//! Whoever guesses the value cannot confirm the guess: 32 random bytes are hashed with it.

mod error;
mod opening;

use core::fmt;

pub use self::error::{OpeningError, OpeningsError};
pub use self::opening::{MAX_OPENINGS, MAX_OPENINGS_BYTES, MAX_VALUE_BYTES, Opening, Openings, Salt};
use crate::digest::Sha256Digest;

/// What a text begins with that stands for a private value.
const PREFIX: &str = "private:";

/// Stands in a statement for a value that is not shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(Sha256Digest);

impl Commitment {
    /// Takes what a digest set has under `private`.
    #[must_use]
    pub const fn from_digest(digest: Sha256Digest) -> Self {
        Self(digest)
    }

    /// The 32 bytes. They are the digest of no file.
    #[must_use]
    pub const fn digest(self) -> Sha256Digest {
        self.0
    }

    /// The commitment that a text is: `private:` and 64 lower-case hex digits. Any other text is itself.
    #[must_use]
    pub fn in_text(text: &str) -> Option<Self> {
        text.strip_prefix(PREFIX)?.parse().ok().map(Self)
    }
}

/// Writes it as it stands in a text.
impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_is_told_from_other_texts() {
        let commitment = Commitment(Sha256Digest::of(b"x"));
        assert_eq!(Commitment::in_text(&commitment.to_string()), Some(commitment));
        let digest = Sha256Digest::of(b"x").to_string();
        for text in
            [digest.clone(), format!("Private:{digest}"), format!("private:{digest}0"), "private:".to_owned()]
        {
            assert_eq!(Commitment::in_text(&text), None, "{text}");
        }
    }
}
