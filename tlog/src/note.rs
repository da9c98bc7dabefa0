//! Signed notes: a text, an empty line, and one line per signature (c2sp.org/signed-note v1.0.0).
//!
//! ```text
//! This is an example message.\n             text: what is signed, its last \n included
//! \n                                        the last empty line of the note
//! — example.com/foo Uw2QOkn8srV1yJGh…\n     1 to 100 signature lines, see crate::signature_line
//! ```
//!
//! The text may have empty lines of its own; the *last* one of the note divides. All of it is UTF-8 without control bytes
//! other than the line feed.
//!
//! In scope: taking a note apart, opening it with known keys, signing. Out of scope: what the text says, see
//! [`crate::checkpoint`].

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use thiserror::Error;

use crate::cosignature;
use crate::error::ErrorClass;
pub use crate::signature_line::{NoteSignature, SignatureLineError};
use crate::text::{MAX_NOTE_BYTES, MAX_SIGNATURE_LINES, TextError, plain};
use crate::vkey::{KeyAlgorithm, KeyId, KeyName, Vkey};

/// A note as received: it parsed, and nobody has verified a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The whole note. `bytes[..text_len]` is the text, `bytes[text_len]` the line feed that divides.
    bytes: String,
    text_len: usize,
    signatures: Vec<NoteSignature>,
}

/// Bytes that are no note.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// No empty line, so nothing divides text from signatures.
    #[error("note has no empty line before its signatures")]
    NoEmptyLine,
    /// Nothing follows the last empty line.
    #[error("note has no signature")]
    NoSignature,
    /// A line below the text is no signature line.
    #[error("signature line {line} is refused")]
    Signature {
        /// The line, counted from 1 below the empty line.
        line: usize,
        /// Why.
        source: SignatureLineError,
    },
    /// Not plain text, or cut short.
    #[error("note is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// The text to be signed is empty, or does not end in a line feed.
    #[error("note text does not end in a line feed")]
    TextUnterminated,
    /// More than [`MAX_NOTE_BYTES`].
    #[error("note of {seen} bytes is above {MAX_NOTE_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// More than [`MAX_SIGNATURE_LINES`].
    #[error("note has {seen} signature lines, above {MAX_SIGNATURE_LINES}")]
    TooManySignatures {
        /// The number of lines.
        seen: usize,
    },
}

/// Why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Two of the known keys share name and id, so a line does not say which of them signed. Either somebody made a key
    /// to collide, or one key was given twice.
    #[error("two known keys share the name {name} and the id {key_id}")]
    AmbiguousKey {
        /// The name of both.
        name: KeyName,
        /// The id of both.
        key_id: KeyId,
    },
    /// A line carries name and id of a known key, and its signature does not fit. The whole note is refused.
    #[error("signature of {name} ({key_id}) does not fit the text")]
    BadSignature {
        /// The name of the known key.
        name: KeyName,
        /// The id of the known key.
        key_id: KeyId,
    },
    /// No line is by a known key.
    #[error("none of {signatures} signatures is by a known key")]
    NoKnownKey {
        /// The number of signature lines.
        signatures: usize,
    },
}

impl OpenError {
    /// Sorts the refusal.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::BadSignature { .. } => ErrorClass::Mismatch,
            Self::AmbiguousKey { .. } | Self::NoKnownKey { .. } => ErrorClass::Untrusted,
        }
    }
}

impl Note {
    /// Takes a note apart. See the module for the format.
    ///
    /// # Errors
    ///
    /// * [`NoteError::TooLong`], [`NoteError::TooManySignatures`] above the limits;
    /// * [`NoteError::Text`] if the note is not plain text or its last line is cut short;
    /// * [`NoteError::NoEmptyLine`], [`NoteError::NoSignature`] if a part is missing;
    /// * [`NoteError::Signature`] at the first line that is no signature line.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { seen: bytes.len() });
        }
        let note = plain(bytes)?;
        let (text, below) = note.rsplit_once("\n\n").ok_or(NoteError::NoEmptyLine)?;
        if below.is_empty() {
            return Err(NoteError::NoSignature);
        }
        let below = below.strip_suffix('\n').ok_or(TextError::NoFinalNewline)?;
        let seen = below.split('\n').count();
        if seen > MAX_SIGNATURE_LINES {
            return Err(NoteError::TooManySignatures { seen });
        }
        let signatures = below
            .split('\n')
            .zip(1..)
            .map(|(text, line)| text.parse().map_err(|source| NoteError::Signature { line, source }))
            .collect::<Result<_, _>>()?;
        // The text keeps the first of the two line feeds, and the second divides.
        Ok(Self { bytes: note.to_owned(), text_len: text.len() + 1, signatures })
    }

    /// Puts a text and its signatures together. The signatures are not verified.
    ///
    /// # Errors
    ///
    /// As [`Note::parse`], and [`NoteError::TextUnterminated`] if the text does not end in a line feed.
    pub fn new(text: &str, signatures: &[NoteSignature]) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::TextUnterminated);
        }
        let mut note = format!("{text}\n");
        for signature in signatures {
            note.push_str(&signature.to_string());
            note.push('\n');
        }
        Self::parse(note.as_bytes())
    }

    /// The same note with more signature lines below those it has.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooLong`], [`NoteError::TooManySignatures`] if the limits are passed.
    pub fn with_signatures(&self, more: &[NoteSignature]) -> Result<Self, NoteError> {
        Self::new(self.text(), &[self.signatures(), more].concat())
    }

    /// The text that is signed, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        self.bytes.split_at(self.text_len).0
    }

    /// The signature lines in their order: at least one, at most [`MAX_SIGNATURE_LINES`].
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The note exactly as it was parsed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// The note exactly as it was parsed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.clone().into_bytes()
    }

    /// Verifies every line that is by one of `keys`, and returns the positions in `keys` of those that signed: at least
    /// one, ascending, each once. Lines by other keys are passed over, even if they share a name or an id.
    ///
    /// A cosignature key verifies a cosignature, see [`cosignature::verify`], which also tells its time.
    ///
    /// # Errors
    ///
    /// * [`OpenError::AmbiguousKey`] if two of `keys` share name and id;
    /// * [`OpenError::BadSignature`] if any line by a known key does not verify;
    /// * [`OpenError::NoKnownKey`] if there is no line by a known key.
    pub fn open(&self, keys: &[&Vkey]) -> Result<Vec<usize>, OpenError> {
        for (position, key) in keys.iter().enumerate() {
            let same = |other: &&&Vkey| other.name() == key.name() && other.key_id() == key.key_id();
            if keys.iter().skip(position + 1).find(same).is_some() {
                return Err(OpenError::AmbiguousKey { name: key.name().clone(), key_id: key.key_id() });
            }
        }
        let mut signed = Vec::new();
        for (position, key) in keys.iter().enumerate() {
            let mut by_key = self.signatures.iter().filter(|line| line.is_by(key)).peekable();
            if by_key.peek().is_some() {
                by_key.try_for_each(|line| self.verify(key, line))?;
                signed.push(position);
            }
        }
        if signed.is_empty() {
            return Err(OpenError::NoKnownKey { signatures: self.signatures.len() });
        }
        Ok(signed)
    }

    fn verify(&self, key: &Vkey, line: &NoteSignature) -> Result<(), OpenError> {
        let bad = || OpenError::BadSignature { name: key.name().clone(), key_id: key.key_id() };
        match key.algorithm() {
            KeyAlgorithm::Ed25519 => {
                let signature = line.payload().try_into().map_err(|_| bad())?;
                key.verify(self.text().as_bytes(), signature).map_err(|_| bad())
            }
            KeyAlgorithm::CosignatureEd25519 => {
                cosignature::verify(key, line, self.text()).map(drop).map_err(|_| bad())
            }
        }
    }
}

/// A private key with its name: signs note texts with Ed25519 (algorithm 0x01).
pub struct NoteSigner {
    key: SigningKey,
    vkey: Vkey,
}

impl NoteSigner {
    /// Names a private key.
    #[must_use]
    pub fn ed25519(name: KeyName, key: SigningKey) -> Self {
        let vkey = Vkey::of_key(name, KeyAlgorithm::Ed25519, key.verifying_key());
        Self { key, vkey }
    }

    /// The public side of the key, for those who open what this signs.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// Signs a note text. Give the same text, with its last line feed, to [`Note::new`].
    #[must_use]
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature::new(&self.vkey, self.key.sign(text.as_bytes()).to_bytes().to_vec())
    }
}

/// Shows the public side only.
impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteSigner").field("vkey", &self.vkey).finish_non_exhaustive()
    }
}
