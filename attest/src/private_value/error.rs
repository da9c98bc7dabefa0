use crate::digest::DigestError;
use crate::json::{FieldError, JsonError};

/// Why something is not an opening.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// A salt that is not 32 bytes as 64 lower-case hex digits.
    #[error("salt is none")]
    BadSalt {
        /// Why.
        #[source]
        source: DigestError,
    },
    /// A value that no statement could have: it is empty, too long, or has a control character.
    #[error("value of {len} bytes, want 1 to {max} that are printable", max = super::MAX_VALUE_BYTES)]
    BadValue {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A member is missing, unknown or of another type.
    #[error("opening has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// Not JSON as we read it.
    #[error("not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// The operating system has no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// Not written as we write it, so that there would be two files of the same openings.
    #[error("not in its one form")]
    NotCanonical,
}

/// Why a file is none of openings. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningsError {
    /// A line that is no opening.
    #[error("line {line} is no opening")]
    Line {
        /// Which.
        line: usize,
        /// Why.
        #[source]
        source: OpeningError,
    },
    /// The last line does not end in LF: something was cut off.
    #[error("the last line does not end")]
    NoEnd,
    /// One opening twice.
    #[error("line {line} stands there twice")]
    Repeated {
        /// The second of them.
        line: usize,
    },
    /// A file that is too long.
    #[error("{len} bytes, want at most {max}", max = super::MAX_OPENINGS_BYTES)]
    TooLarge {
        /// The length seen, in bytes.
        len: usize,
    },
    /// More openings than all texts of a statement.
    #[error("more than {max} openings", max = super::MAX_OPENINGS)]
    TooMany,
}
