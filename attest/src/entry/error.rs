use core::fmt;

use crate::digest::Sha256Digest;
use crate::key::{Algorithm, KeyError, SignatureError};
use crate::model_name::NameError;

/// Why some bytes are not an entry, or an entry is not vouched for by its own key.
///
/// [`EntryError::AlgorithmMismatch`], [`EntryError::KeyIdMismatch`] and [`EntryError::Signature`] come from
/// [`super::Entry::verify`], [`EntryError::WrongSigner`] comes from [`super::Entry::sign`]; all others say that the
/// bytes are malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// A digest whose length its form does not have.
    #[error("digest of {len} bytes in {place}, want the length of its form")]
    DigestLength {
        /// Which part.
        place: EntryPlace,
        /// The length seen, in bytes.
        len: usize,
    },
    /// A map key that was there before.
    #[error("key {key} twice in {place}")]
    DuplicateKey {
        /// Which map.
        place: EntryPlace,
        /// The key.
        key: i128,
    },
    /// An array, map or string of indefinite length; deterministic CBOR has none (RFC 8949 §4.2.1).
    #[error("indefinite length in {place}, want a definite one")]
    IndefiniteLength {
        /// Which part.
        place: EntryPlace,
    },
    /// The key is not one we can read.
    #[error("key of the entry does not parse")]
    Key {
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A known map key where another belongs: one is missing, or the order is not ascending.
    #[error("key {seen} in {place}, want key {want} here")]
    MisplacedKey {
        /// Which map.
        place: EntryPlace,
        /// The key seen.
        seen: i128,
        /// The key that belongs there.
        want: i128,
    },
    /// The map ends before this key.
    #[error("no key {key} in {place}")]
    MissingKey {
        /// Which map.
        place: EntryPlace,
        /// The key.
        key: i128,
    },
    /// Name or version label outside its alphabet or length.
    #[error("{place} of the entry does not parse")]
    Name {
        /// Which of the two.
        place: EntryPlace,
        /// Why.
        #[source]
        source: NameError,
    },
    /// Right in content, but written otherwise than deterministic CBOR writes it.
    #[error("entry is not in deterministic encoding, first at offset {offset}")]
    NotCanonical {
        /// Offset of the first byte that differs from our own encoding.
        offset: usize,
    },
    /// Elements of an array that do not ascend; equal ones included.
    #[error("element {index} of {place} is not greater than the one before, want ascending encodings")]
    NotSorted {
        /// Which array.
        place: EntryPlace,
        /// Index of the element, from 0.
        index: usize,
    },
    /// Bytes after the end.
    #[error("{len} bytes after the end of {place}")]
    TrailingBytes {
        /// Which part.
        place: EntryPlace,
        /// How many bytes.
        len: usize,
    },
    /// More bytes than an entry may have.
    #[error("entry of {len} bytes, want at most {max}", max = super::MAX_ENTRY_BYTES)]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
    /// The bytes end inside this part, or are no CBOR there.
    #[error("{place} is cut short")]
    Truncated {
        /// Which part.
        place: EntryPlace,
    },
    /// An algorithm, form, role, kind or version with a number we do not know.
    #[error("unknown {place} {seen}")]
    UnknownCode {
        /// Which part.
        place: EntryPlace,
        /// The number seen.
        seen: i128,
    },
    /// A map key that the format does not have.
    #[error("unknown key {key} in {place}")]
    UnknownKey {
        /// Which map.
        place: EntryPlace,
        /// The key.
        key: i128,
    },
    /// Something in the unprotected header, which nobody signs.
    #[error("{len} members in the unprotected header, want none")]
    UnprotectedHeader {
        /// How many members.
        len: u64,
    },
    /// A number of elements, or of bytes, that this part does not have.
    #[error("length {seen} of {place}, want {min} to {max}")]
    WrongLength {
        /// Which part.
        place: EntryPlace,
        /// The length seen, in elements of an array or bytes of a string.
        seen: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// Another CBOR tag than 18, COSE_Sign1.
    #[error("tag {seen}, want {want}", want = super::COSE_SIGN1_TAG)]
    WrongTag {
        /// The tag seen.
        seen: u64,
    },
    /// Another CBOR type than the format has there.
    #[error("{place} has another CBOR type than the format gives it")]
    WrongType {
        /// Which part.
        place: EntryPlace,
    },
    /// The signing key offered is not the key that the payload names.
    #[error("signing key {seen}, want the payload's key {want}")]
    WrongSigner {
        /// Key id of the signing key.
        seen: Sha256Digest,
        /// Key id of the payload's key.
        want: Sha256Digest,
    },
    /// The protected header says one algorithm, the key is of another.
    #[error("algorithm {seen} in the header, want {want} as the key has it")]
    AlgorithmMismatch {
        /// The header's algorithm.
        seen: Algorithm,
        /// The key's algorithm.
        want: Algorithm,
    },
    /// The protected header names another key than the payload holds.
    #[error("key id {seen} in the header, want {want} as the key has it")]
    KeyIdMismatch {
        /// The header's key id.
        seen: Sha256Digest,
        /// SHA-256 of the payload's key.
        want: Sha256Digest,
    },
    /// The signature is not one of this key over these bytes.
    #[error("signature of the entry does not verify")]
    Signature {
        /// Why.
        #[source]
        source: SignatureError,
    },
}

/// A part of an entry, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryPlace {
    /// `alg` in the protected header.
    Algorithm,
    /// The form of a digest.
    Form,
    /// The role of an input.
    Role,
    /// One `[role, form, digest]`.
    Input,
    /// The array of inputs.
    Inputs,
    /// The key, as SPKI.
    Key,
    /// `kid` in the protected header.
    KeyId,
    /// The kind of statement.
    Kind,
    /// The tagged array of four.
    Message,
    /// The model's name.
    Name,
    /// The payload map.
    Payload,
    /// The protected header.
    Protected,
    /// The signature.
    Signature,
    /// The statement digest.
    Statement,
    /// One `[form, digest]`.
    Subject,
    /// The array of subjects.
    Subjects,
    /// The unprotected header.
    Unprotected,
    /// The version of the payload format.
    Version,
    /// The model's version label.
    VersionLabel,
}

impl fmt::Display for EntryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "algorithm",
            Self::Form => "form",
            Self::Role => "role",
            Self::Input => "input",
            Self::Inputs => "inputs",
            Self::Key => "key",
            Self::KeyId => "key id",
            Self::Kind => "kind",
            Self::Message => "message",
            Self::Name => "name",
            Self::Payload => "payload",
            Self::Protected => "protected header",
            Self::Signature => "signature",
            Self::Statement => "statement digest",
            Self::Subject => "subject",
            Self::Subjects => "subjects",
            Self::Unprotected => "unprotected header",
            Self::Version => "payload version",
            Self::VersionLabel => "version label",
        })
    }
}
