//! The one strict reader: decimals, base64, plain text, and the limits of every format in this crate.
//!
//! Two spellings of one value are two texts with two signatures for one meaning, so each value has exactly one spelling
//! here: no sign, no leading zero, no second base64 form.
//!
//! In scope: single values and the rule for a whole text. Out of scope: what the lines of a format mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::{Hash, LeafIndex, MAX_TREE_SIZE, TreeSize};
use thiserror::Error;

/// Largest note that is read, in bytes. 100 ML-DSA-44 signature lines would not fit; 16, which every reader of notes has
/// to accept, do so twice over.
pub const MAX_NOTE_BYTES: usize = 128 * 1024;

/// Most signature lines in a note. The note specification asks for 16 at least; Go's reader stops at 100.
pub const MAX_SIGNATURE_LINES: usize = 100;

/// Longest key name in bytes: the ML-DSA cosignature has one byte for its length (c2sp.org/tlog-cosignature).
pub const MAX_KEY_NAME_BYTES: usize = 255;

/// Longest origin in bytes, for the same reason as [`MAX_KEY_NAME_BYTES`].
pub const MAX_ORIGIN_BYTES: usize = 255;

/// Most hash lines in a proof, inclusion or consistency (c2sp.org/tlog-witness).
pub const MAX_PROOF_LINES: usize = 63;

/// Largest number that is read: the largest tree, and the largest timestamp, 2^63-1.
pub const MAX_DECIMAL: u64 = MAX_TREE_SIZE;

/// A value that is not spelled in its one accepted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// Not RFC 4648 §4 base64 with padding, or bits set behind the last byte, or a character outside of the alphabet.
    #[error("not canonical base64")]
    Base64,
    /// A byte below 0x20 other than the line feed.
    #[error("control byte {byte:#04x} at offset {offset}")]
    ControlByte {
        /// Where, counted from 0.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// A byte other than `0` to `9` in a number; a sign, for example.
    #[error("byte {byte:#04x} in a decimal number")]
    DecimalByte {
        /// The byte.
        byte: u8,
    },
    /// No digit at all where a number is wanted.
    #[error("empty decimal number")]
    DecimalEmpty,
    /// A number of two or more digits that starts with `0`.
    #[error("decimal number with a leading zero")]
    DecimalLeadingZero,
    /// A number above [`MAX_DECIMAL`].
    #[error("decimal number above {MAX_DECIMAL}")]
    DecimalTooLarge,
    /// Base64 of something that is not 32 bytes long, where a hash is wanted.
    #[error("hash of {seen} bytes, not 32")]
    HashLength {
        /// Bytes decoded.
        seen: usize,
    },
    /// The text does not end in a line feed, or is empty.
    #[error("last line does not end in a line feed")]
    NoFinalNewline,
    /// A byte sequence that is not UTF-8.
    #[error("not UTF-8 at offset {offset}")]
    NotUtf8 {
        /// Offset of the first byte that belongs to no character.
        offset: usize,
    },
}

/// Reads a decimal number: `0`, or digits that do not start with `0`, at most [`MAX_DECIMAL`].
///
/// # Errors
///
/// * [`TextError::DecimalEmpty`], [`TextError::DecimalByte`], [`TextError::DecimalLeadingZero`] for another spelling;
/// * [`TextError::DecimalTooLarge`] above [`MAX_DECIMAL`].
pub fn decimal(text: &str) -> Result<u64, TextError> {
    if text.is_empty() {
        return Err(TextError::DecimalEmpty);
    }
    if let Some(byte) = text.bytes().find(|byte| !byte.is_ascii_digit()) {
        return Err(TextError::DecimalByte { byte });
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(TextError::DecimalLeadingZero);
    }
    // Only digits are left, so the one way to fail is a number beyond u64.
    match text.parse::<u64>() {
        Ok(number) if number <= MAX_DECIMAL => Ok(number),
        _ => Err(TextError::DecimalTooLarge),
    }
}

/// Reads a tree size; spelled as [`decimal`] says.
///
/// # Errors
///
/// As [`decimal`].
pub fn tree_size(text: &str) -> Result<TreeSize, TextError> {
    TreeSize::new(decimal(text)?).map_err(|_| TextError::DecimalTooLarge)
}

/// Reads a leaf index; spelled as [`decimal`] says, and below 2^63-1, the index that no leaf can have.
///
/// # Errors
///
/// As [`decimal`].
pub fn leaf_index(text: &str) -> Result<LeafIndex, TextError> {
    LeafIndex::new(decimal(text)?).map_err(|_| TextError::DecimalTooLarge)
}

/// Decodes base64: RFC 4648 §4, standard alphabet, padded, no white space, bits behind the last byte zero. The empty text
/// is the empty value.
///
/// # Errors
///
/// [`TextError::Base64`] for any other spelling.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, TextError> {
    STANDARD.decode(text).map_err(|_| TextError::Base64)
}

/// Encodes bytes in the one form that [`decode_base64`] accepts.
#[must_use]
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads a hash: base64 of exactly 32 bytes, 44 characters.
///
/// # Errors
///
/// * [`TextError::Base64`] as [`decode_base64`];
/// * [`TextError::HashLength`] for another number of bytes.
pub fn hash(text: &str) -> Result<Hash, TextError> {
    let bytes = decode_base64(text)?;
    Hash::from_slice(&bytes).ok_or(TextError::HashLength { seen: bytes.len() })
}

/// Takes bytes as plain text: UTF-8 without any byte below 0x20 except the line feed 0x0A (c2sp.org/signed-note).
///
/// # Errors
///
/// * [`TextError::NotUtf8`] at the first byte that belongs to no character;
/// * [`TextError::ControlByte`] at the first control byte; a carriage return is one.
pub fn plain(bytes: &[u8]) -> Result<&str, TextError> {
    let text = str::from_utf8(bytes).map_err(|error| TextError::NotUtf8 { offset: error.valid_up_to() })?;
    match bytes.iter().enumerate().find(|&(_, &byte)| byte < 0x20 && byte != b'\n') {
        Some((offset, &byte)) => Err(TextError::ControlByte { offset, byte }),
        None => Ok(text),
    }
}

/// Splits a text into its lines, each without its line feed. The text must end in one.
///
/// # Errors
///
/// [`TextError::NoFinalNewline`] if it does not, or is empty.
pub fn lines(text: &str) -> Result<impl Iterator<Item = &str>, TextError> {
    Ok(text.strip_suffix('\n').ok_or(TextError::NoFinalNewline)?.split('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_tree_size_is_no_leaf_index() {
        assert_eq!(tree_size("9223372036854775807").map(TreeSize::get), Ok(MAX_DECIMAL));
        assert_eq!(tree_size("9223372036854775808"), Err(TextError::DecimalTooLarge));
        assert_eq!(leaf_index("9223372036854775806").map(LeafIndex::get), Ok(MAX_DECIMAL - 1));
        assert_eq!(leaf_index("9223372036854775807"), Err(TextError::DecimalTooLarge));
    }

    #[test]
    fn plain_text_ends_at_0x20() {
        assert_eq!(plain(b"a\x1f"), Err(TextError::ControlByte { offset: 1, byte: 0x1f }));
        assert_eq!(plain(b"a \x7f\n"), Ok("a \x7f\n"));
        assert_eq!(plain(b"ab\xff"), Err(TextError::NotUtf8 { offset: 2 }));
    }

    #[test]
    fn a_line_is_what_a_line_feed_ends() {
        let read = |text| lines(text).map(Iterator::collect::<Vec<_>>);
        assert_eq!(read("a\n\nb\n"), Ok(vec!["a", "", "b"]));
        assert_eq!(read("\n"), Ok(vec![""]));
        assert_eq!(read(""), Err(TextError::NoFinalNewline));
        assert_eq!(read("a\nb"), Err(TextError::NoFinalNewline));
    }
}
