use attest::name_pattern::PatternError;
use thiserror::Error;

use super::MAX_WATCHES;

/// Why a watch cannot be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchError {
    /// None or several of the four.
    #[error("watch {number} has {seen} of name, key, digest and input, wanted one")]
    Which {
        /// Which watch, counted from 1.
        number: usize,
        /// How many of them.
        seen: usize,
    },
    /// A salt, which is never shown, that is none.
    #[error(
        "watch {number}: the salt is none; wanted 64 lower-case hex digits, as `tallymark inspect` shows it"
    )]
    Salt {
        /// Which watch, counted from 1.
        number: usize,
    },
    /// A salt beside a pattern: commitments are to whole names.
    #[error("watch {number}: a salt goes with one name, and {text:?} is a pattern")]
    SaltWithPattern {
        /// Which watch, counted from 1.
        number: usize,
        /// The pattern.
        text: String,
    },
    /// A salt beside a key, which no entry hides.
    #[error("watch {number} has a salt, which goes with a name, digest or input")]
    SaltWithKey {
        /// Which watch, counted from 1.
        number: usize,
    },
    /// Something that goes with a name only.
    #[error("watch {number} has no name, and keys, every and lookalikes go with one")]
    WithoutName {
        /// Which watch, counted from 1.
        number: usize,
    },
    /// Not a pattern.
    #[error("watch {number}: name {text:?} is no pattern over names")]
    Name {
        /// Which watch, counted from 1.
        number: usize,
        /// What stands there.
        text: String,
        /// Why.
        source: PatternError,
    },
    /// Not a key.
    #[error(
        "watch {number}: {text:?} is no key; wanted its SubjectPublicKeyInfo in base64, or its key id in 64 hex digits"
    )]
    Key {
        /// Which watch, counted from 1.
        number: usize,
        /// What stands there.
        text: String,
    },
    /// Not a digest.
    #[error("watch {number}: {text:?} is no digest; wanted 64 lower-case hex digits, or 40 for a git commit")]
    Digest {
        /// Which watch, counted from 1.
        number: usize,
        /// What stands there.
        text: String,
    },
    /// Too many.
    #[error("{seen} watches, at most {MAX_WATCHES} are taken")]
    TooMany {
        /// How many.
        seen: usize,
    },
}
