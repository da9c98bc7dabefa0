//! Whose fault a refusal is.
//!
//! Each module has its own error enum, beside the code that produces it. Enums that mix causes sort their variants into
//! the classes below, so that a program can branch without knowing every variant.

/// What a refusal says about the bytes that were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The bytes are not in the format.
    Malformed,
    /// The bytes are signed by a trusted key, or belong to a trusted tree, and say something else than was claimed.
    Mismatch,
    /// The bytes are well-formed, but no trusted key, or too few of them, stand behind them.
    Untrusted,
}
