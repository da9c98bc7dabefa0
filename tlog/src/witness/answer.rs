//! What a witness answers.

use std::fmt;
use std::str::FromStr;

use merkle::TreeSize;
use thiserror::Error;

use super::MAX_BODY_BYTES;
use crate::signature_line::{NoteSignature, SignatureLineError};
use crate::text::{MAX_SIGNATURE_LINES, TextError, lines, plain, tree_size};

/// The body of a 200 answer: one signature line or more, as received. Verify each with [`crate::cosignature::verify`]
/// before keeping it, and pass over those of unknown keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpointResponse {
    signatures: Vec<NoteSignature>,
}

/// Bytes that are no answer to add-checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddCheckpointResponseError {
    /// There is no signature line at all.
    #[error("answer has no signature line")]
    Empty,
    /// A line is no signature line.
    #[error("line {line} of the answer is refused")]
    Signature {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        source: SignatureLineError,
    },
    /// Not plain text, or cut short.
    #[error("answer is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// More than [`MAX_BODY_BYTES`].
    #[error("answer of {seen} bytes is above {MAX_BODY_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// More than [`MAX_SIGNATURE_LINES`].
    #[error("answer has {seen} signature lines, above {MAX_SIGNATURE_LINES}")]
    TooManySignatures {
        /// The number of lines.
        seen: usize,
    },
}

impl AddCheckpointResponse {
    /// Puts an answer together.
    ///
    /// # Errors
    ///
    /// [`AddCheckpointResponseError::Empty`], [`AddCheckpointResponseError::TooManySignatures`],
    /// [`AddCheckpointResponseError::TooLong`] unless the lines are 1 to [`MAX_SIGNATURE_LINES`] and fit.
    pub fn new(signatures: Vec<NoteSignature>) -> Result<Self, AddCheckpointResponseError> {
        if signatures.is_empty() {
            return Err(AddCheckpointResponseError::Empty);
        }
        Self::parse(&Self { signatures }.to_bytes())
    }

    /// Takes an answer apart.
    ///
    /// # Errors
    ///
    /// * [`AddCheckpointResponseError::Empty`], [`AddCheckpointResponseError::TooLong`],
    ///   [`AddCheckpointResponseError::TooManySignatures`] if there is nothing or too much;
    /// * [`AddCheckpointResponseError::Text`] if it is not plain text that ends in a line feed;
    /// * [`AddCheckpointResponseError::Signature`] at the first line that is no signature line.
    pub fn parse(bytes: &[u8]) -> Result<Self, AddCheckpointResponseError> {
        if bytes.is_empty() {
            return Err(AddCheckpointResponseError::Empty);
        }
        if bytes.len() > MAX_BODY_BYTES {
            return Err(AddCheckpointResponseError::TooLong { seen: bytes.len() });
        }
        let text = plain(bytes)?;
        let seen = lines(text)?.count();
        if seen > MAX_SIGNATURE_LINES {
            return Err(AddCheckpointResponseError::TooManySignatures { seen });
        }
        let signatures = lines(text)?
            .zip(1..)
            .map(|(text, line)| {
                text.parse().map_err(|source| AddCheckpointResponseError::Signature { line, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { signatures })
    }

    /// The signature lines, at least one.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Writes the answer, each line with its line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.signatures.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }
}

/// The body of a 409 answer: the size of the tree that the witness cosigned last, `<decimal>\n`.
///
/// A log that holds fewer leaves than this has lost data, and must stop signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessedSize(TreeSize);

impl WitnessedSize {
    /// `Content-Type` of the answer.
    pub const MEDIA_TYPE: &str = "text/x.tlog.size";

    /// Takes a size for an answer.
    #[must_use]
    pub const fn new(size: TreeSize) -> Self {
        Self(size)
    }

    /// The size.
    #[must_use]
    pub const fn get(self) -> TreeSize {
        self.0
    }
}

impl FromStr for WitnessedSize {
    type Err = TextError;

    fn from_str(body: &str) -> Result<Self, TextError> {
        tree_size(body.strip_suffix('\n').ok_or(TextError::NoFinalNewline)?).map(Self)
    }
}

/// Writes the body with its line feed.
impl fmt::Display for WitnessedSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}
