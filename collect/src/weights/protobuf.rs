//! Protocol buffers as they lie in a file: fields, one after the other, without knowing what they mean.
//!
//! Follows the encoding page of protobuf.dev.
//!
//! ```text
//! field   varint (number << 3 | wire type) | payload
//! 0 varint    at most ten bytes of seven bits, low ones first
//! 1 fixed64   eight bytes
//! 2 bytes     varint length | bytes: a text, a message, packed numbers
//! 5 fixed32   four bytes
//! ```
//! Groups (3, 4) are refused: no format read here has any. Nothing is read ahead, and what is skipped is never held in memory.

use std::io::{Read, Seek};

use super::stream::{Stream, StreamError};
use crate::WarningReason;

/// Most fields of one file. A model of ten thousand nodes has some hundred thousand.
const MAX_FIELDS: u64 = 1 << 24;

/// The payload of a field; bytes are still to be read or skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Varint(u64),
    Fixed64,
    Fixed32,
    Bytes(u64),
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("varint at byte {at} does not fit 64 bits")]
    LongVarint { at: u64 },
    #[error(
        "field at byte {at} has number {number} and wire type {wire_type}, want 1 to 536870911 and 0, 1, 2 or 5"
    )]
    BadTag { at: u64, number: u64, wire_type: u64 },
    #[error("field at byte {at} runs past the end of its message at byte {end}")]
    PastEnd { at: u64, end: u64 },
    #[error("text at byte {at} is not UTF-8")]
    NotUtf8 { at: u64 },
    #[error("text at byte {at} has {len} bytes, want at most {limit}")]
    LongText { at: u64, len: u64, limit: u64 },
    #[error("more than {MAX_FIELDS} fields")]
    TooMany,
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl WireError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::LongText { .. } | Self::TooMany => WarningReason::TooLarge,
            Self::Stream(error) => error.reason(),
            _ => WarningReason::Malformed,
        }
    }
}

/// Reads fields.
#[derive(Debug)]
pub(crate) struct Fields<R> {
    stream: Stream<R>,
    fields_left: u64,
}

impl<R: Read + Seek> Fields<R> {
    /// Stands at the first field of the file.
    pub(crate) const fn new(stream: Stream<R>) -> Self {
        Self { stream, fields_left: MAX_FIELDS }
    }

    /// Where the file ends.
    pub(crate) const fn end(&self) -> u64 {
        self.stream.len()
    }

    /// Where a message of `len` bytes ends that begins here; its length was held against its parent's.
    pub(crate) const fn end_of(&self, len: u64) -> u64 {
        self.stream.position().saturating_add(len)
    }

    /// Number and payload of the next field of the message that ends at `end`; `None` at its end.
    pub(crate) fn next(&mut self, end: u64) -> Result<Option<(u64, Payload)>, WireError> {
        let at = self.stream.position();
        if at == end {
            return Ok(None);
        }
        self.fields_left = self.fields_left.checked_sub(1).ok_or(WireError::TooMany)?;
        let tag = self.varint(end)?;
        let (number, wire_type) = (tag >> 3, tag & 7);
        let payload = match wire_type {
            0 => Payload::Varint(self.varint(end)?),
            1 => Payload::Fixed64,
            2 => Payload::Bytes(self.varint(end)?),
            5 => Payload::Fixed32,
            _ => return Err(WireError::BadTag { at, number, wire_type }),
        };
        if !(1..1 << 29).contains(&number) {
            return Err(WireError::BadTag { at, number, wire_type });
        }
        let left = end.saturating_sub(self.stream.position());
        if payload.len() > left {
            return Err(WireError::PastEnd { at, end });
        }
        Ok(Some((number, payload)))
    }

    /// A number of seven bits to the byte, all of it before `end`.
    pub(crate) fn varint(&mut self, end: u64) -> Result<u64, WireError> {
        let at = self.stream.position();
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if self.stream.position() >= end {
                return Err(WireError::PastEnd { at, end });
            }
            let byte = self.stream.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(WireError::LongVarint { at });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::LongVarint { at })
    }

    /// Leaves out a payload.
    pub(crate) fn skip(&mut self, payload: Payload) -> Result<(), WireError> {
        Ok(self.stream.skip(payload.len())?)
    }

    /// The `len` bytes that follow, as text of at most `limit` bytes.
    pub(crate) fn text(&mut self, len: u64, limit: u64) -> Result<String, WireError> {
        let at = self.stream.position();
        if len > limit {
            return Err(WireError::LongText { at, len, limit });
        }
        String::from_utf8(self.stream.bytes(len)?).map_err(|_| WireError::NotUtf8 { at })
    }
}

impl Payload {
    /// Bytes that are still in the file.
    const fn len(self) -> u64 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64 => 8,
            Self::Fixed32 => 4,
            Self::Bytes(len) => len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn next(bytes: &[u8]) -> Result<Option<(u64, Payload)>, WireError> {
        let mut fields = Fields::new(Stream::new(Cursor::new(bytes)).expect("a stream"));
        let end = fields.end();
        fields.next(end)
    }

    #[test]
    fn fields_are_read_as_the_encoding_page_shows_them() {
        assert_eq!(next(b"\x08\x96\x01").expect("150"), Some((1, Payload::Varint(150))));
        assert_eq!(next(b"\x12\x07testing").expect("a text"), Some((2, Payload::Bytes(7))));
        assert_eq!(next(b"").expect("an end"), None);
        let minus_one = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(next(minus_one).expect("-1"), Some((1, Payload::Varint(u64::MAX))));
    }

    #[test]
    fn what_is_no_field_is_refused() {
        assert!(matches!(next(b"\x08"), Err(WireError::PastEnd { .. })));
        assert!(matches!(next(b"\x08\x80"), Err(WireError::PastEnd { .. })));
        assert!(matches!(
            next(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
            Err(WireError::LongVarint { at: 1 })
        ));
        assert!(matches!(next(&[0x80; 11]), Err(WireError::LongVarint { at: 0 })));
        assert!(matches!(next(b"\x12\x08testing"), Err(WireError::PastEnd { at: 0, end: 9 })));
        assert!(matches!(next(b"\x00\x01"), Err(WireError::BadTag { number: 0, .. })));
        assert!(matches!(next(b"\x0b\x0c"), Err(WireError::BadTag { wire_type: 3, .. })));
        assert!(matches!(next(b"\x0d\x00\x00\x00"), Err(WireError::PastEnd { .. })));
    }
}
