//! Who may add what. The one module that knows what an entry means: below it there are only bytes and hashes.
//!
//! A log in service takes signed entries (`spec/entry.md`): deterministic CBOR, at most 8,192 bytes, signed by
//! the key they carry. It does not ask whose key that is, nor what the statement says. A log made for
//! conformance tests takes raw bytes as well.
//!
//! Beside that a log may ask who submits and how often: [`gate`] has the questions in their order.
//!
//! In scope: media type, size, form, signature, tokens, publishers, rates. Out of scope: duplicates and order
//! ([`crate::sequencer`]).

use std::cell::RefCell;

use attest::entry::{Entry, EntryError, EntryPayload};
use attest::key::KeyCache;
pub use attest::types::{ENTRY_KIND, ENTRY_KIND_VERSION, ENTRY_MEDIA_TYPE, TYPE_BASE};
use merkle::LeafHash;
use thiserror::Error;
use tlog::entry_bundle::MAX_ENTRY_BYTES;

use crate::admission::denial::Denial;
use crate::config::Mode;

pub mod buckets;
pub mod denial;
pub mod gate;
pub mod mentions;
pub mod publishers;
pub mod rate;
pub mod rules;
pub mod terms;
pub mod token;
pub mod token_file;
mod token_use;
pub mod writes;

/// The one parameter that RFC 9052 §2 registers for it, with the one value that fits.
const COSE_TYPE: &str = "cose-type=cose-sign1";
/// Largest signed entry, bytes.
pub const MAX_SIGNED_BYTES: usize = attest::entry::MAX_ENTRY_BYTES;
/// Largest raw entry, bytes: what the 16-bit length in an entry bundle can state.
pub const MAX_RAW_BYTES: usize = MAX_ENTRY_BYTES;

thread_local! {
    /// Publishers' keys that this thread has read before.
    static KEYS: RefCell<KeyCache> = RefCell::default();
}

/// Reads an entry with the keys that this thread has read before.
fn parsed(bytes: &[u8]) -> Result<Entry, EntryError> {
    KEYS.with_borrow_mut(|keys| Entry::parse_with(bytes, keys))
}

/// Bytes that may become an entry. Made only here.
#[derive(Debug)]
pub struct Candidate {
    leaf: LeafHash,
    bytes: Vec<u8>,
}

impl Candidate {
    /// `SHA-256(0x00 ‖ bytes)`.
    #[must_use]
    pub fn leaf(&self) -> &LeafHash {
        &self.leaf
    }

    /// The entry as submitted.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Leaf hash and entry.
    #[must_use]
    pub fn into_parts(self) -> (LeafHash, Vec<u8>) {
        (self.leaf, self.bytes)
    }
}

/// The door of one log.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    mode: Mode,
}

impl Admission {
    /// The door of a log of this mode.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { mode }
    }

    /// Takes a signed entry: strict form, at most [`MAX_SIGNED_BYTES`], good signature.
    ///
    /// Costs one signature verification, so it does not belong on a thread that serves sockets.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`] or [`Refusal::SignatureInvalid`].
    pub fn admit_signed(self, bytes: Vec<u8>) -> Result<Candidate, Refusal> {
        self.admit_signed_if(bytes, |_| Ok(()))
    }

    /// Takes a signed entry that `may` be taken, which is asked before the signature is verified.
    ///
    /// # Errors
    /// As [`Admission::admit_signed`], and [`Refusal::Denied`].
    pub(crate) fn admit_signed_if(
        self,
        bytes: Vec<u8>,
        may: impl FnOnce(&EntryPayload) -> Result<(), Denial>,
    ) -> Result<Candidate, Refusal> {
        if bytes.len() > MAX_SIGNED_BYTES {
            return Err(Refusal::TooLarge { size_bytes: bytes.len(), limit_bytes: MAX_SIGNED_BYTES });
        }
        let entry = parsed(&bytes).map_err(|source| Refusal::Malformed { source })?;
        may(entry.payload()).map_err(Refusal::Denied)?;
        entry.verify().map_err(|source| Refusal::SignatureInvalid { source })?;
        Ok(Candidate { leaf: LeafHash::of(&bytes), bytes })
    }

    /// Takes any bytes, on a log made for conformance tests.
    ///
    /// # Errors
    /// [`Refusal::RawNotTaken`] on a log in service, [`Refusal::TooLarge`].
    pub fn admit_raw(self, bytes: Vec<u8>) -> Result<Candidate, Refusal> {
        if self.mode != Mode::Conformance {
            return Err(Refusal::RawNotTaken);
        }
        if bytes.len() > MAX_RAW_BYTES {
            return Err(Refusal::TooLarge { size_bytes: bytes.len(), limit_bytes: MAX_RAW_BYTES });
        }
        Ok(Candidate { leaf: LeafHash::of(&bytes), bytes })
    }
}

/// Whether a `Content-Type` names a signed entry. Type and parameter are compared without regard to case (RFC
/// 9110 §8.3.1); no parameter but RFC 9052's own is taken.
#[must_use]
pub fn is_entry_media_type(content_type: &str) -> bool {
    let (essence, parameter) = match content_type.split_once(';') {
        Some((essence, parameter)) => (essence, Some(parameter)),
        None => (content_type, None),
    };
    essence.trim().eq_ignore_ascii_case(ENTRY_MEDIA_TYPE)
        && parameter.is_none_or(|given| given.trim().replace('"', "").eq_ignore_ascii_case(COSE_TYPE))
}

/// Why bytes were not admitted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An entry, but not from this submitter or not by this key.
    #[error(transparent)]
    Denied(Denial),
    /// Not an entry of the form in `spec/entry.md`.
    #[error("not a log entry")]
    Malformed {
        /// Where the form breaks.
        source: EntryError,
    },
    /// Raw bytes were sent to a log in service.
    #[error("this log takes signed entries only")]
    RawNotTaken,
    /// A well-formed entry whose signature is not by the key it carries.
    #[error("the signature of the entry does not verify")]
    SignatureInvalid {
        /// What the check said.
        source: EntryError,
    },
    /// Too many bytes.
    #[error("{size_bytes} bytes, at most {limit_bytes} are taken")]
    TooLarge {
        /// What was sent.
        size_bytes: usize,
        /// What is taken.
        limit_bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_service_takes_no_raw_bytes() {
        let refused = Admission::new(Mode::Service).admit_raw(b"leaf".to_vec());
        assert!(matches!(refused, Err(Refusal::RawNotTaken)));
    }

    #[test]
    fn a_conformance_log_takes_raw_bytes_up_to_the_limit_of_a_bundle() {
        let door = Admission::new(Mode::Conformance);
        assert_eq!(door.admit_raw(b"leaf".to_vec()).unwrap().leaf(), &LeafHash::of(b"leaf"));
        assert_eq!(door.admit_raw(vec![1; 65_535]).unwrap().bytes().len(), 65_535);
        let refused = door.admit_raw(vec![1; 65_536]);
        assert!(matches!(refused, Err(Refusal::TooLarge { size_bytes: 65_536, limit_bytes: 65_535 })));
    }

    #[test]
    fn an_entry_over_the_limit_is_refused_before_it_is_parsed() {
        let refused = Admission::new(Mode::Service).admit_signed(vec![0; 8193]);
        assert!(matches!(refused, Err(Refusal::TooLarge { size_bytes: 8193, limit_bytes: 8192 })));
    }

    #[test]
    fn bytes_that_are_no_entry_are_malformed() {
        for bytes in [&b""[..], b"\xd2", b"hello", &[0xff; 64]] {
            let refused = Admission::new(Mode::Service).admit_signed(bytes.to_vec());
            assert!(matches!(refused, Err(Refusal::Malformed { .. })));
        }
    }

    #[test]
    fn the_media_type_is_cose_and_nothing_else() {
        for taken in [
            "application/cose",
            "Application/COSE",
            "application/cose; cose-type=\"cose-sign1\"",
            "application/cose;cose-type=cose-sign1",
        ] {
            assert!(is_entry_media_type(taken), "{taken}");
        }
        for refused in [
            "",
            "application/cbor",
            "application/cose-key",
            "application/cose; charset=utf-8",
            "application/cose; cose-type=\"cose-mac\"",
            "text/plain, application/cose",
        ] {
            assert!(!is_entry_media_type(refused), "{refused}");
        }
    }
}
