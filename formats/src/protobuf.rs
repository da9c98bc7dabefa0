//! Protocol buffers as they lie in a file: fields in order, without knowing what they mean.
//!
//! Follows the encoding page of protobuf.dev. Groups are refused, no format read here has any; a varint is at most ten bytes.

use crate::finding::Fault;
use crate::reason::Reason;
use crate::stream::{Step, Stop, Stream};

/// Most fields of one file.
const MAX_FIELDS: u64 = 1 << 24;

/// A field's payload; of bytes the length, which are still to be read or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Varint(u64),
    Fixed32,
    Fixed64,
    Bytes(u64),
}

/// Reads fields, of which a file has a bounded number.
pub(crate) struct Fields {
    left: u64,
    reason: Reason,
}

impl Fields {
    /// `reason` is that of bytes that are no fields.
    pub(crate) const fn new(reason: Reason) -> Self {
        Self { left: MAX_FIELDS, reason }
    }

    fn refuse<T>(&self, at: u64, what: &str) -> Step<T> {
        Err(Stop::Fault(Fault::new(self.reason, Some(at), what)))
    }

    /// Number and payload of the next field of the message that ends at `end`; `None` at its end.
    pub(crate) fn next(&mut self, stream: &mut Stream<'_>, end: u64) -> Step<Option<(u64, Payload)>> {
        let at = stream.position();
        if at == end {
            return Ok(None);
        }
        let Some(left) = self.left.checked_sub(1) else {
            return self.refuse(at, "more than 16777216 fields");
        };
        self.left = left;
        let tag = self.varint(stream)?;
        let (number, wire_type) = (tag >> 3, tag & 7);
        let payload = match wire_type {
            0 => Payload::Varint(self.varint(stream)?),
            1 => Payload::Fixed64,
            2 => Payload::Bytes(self.varint(stream)?),
            5 => Payload::Fixed32,
            _ => return self.refuse(at, "field of a type that is none"),
        };
        let behind = match payload {
            Payload::Varint(_) => Some(stream.position()),
            Payload::Fixed32 => stream.position().checked_add(4),
            Payload::Fixed64 => stream.position().checked_add(8),
            Payload::Bytes(len) => stream.position().checked_add(len),
        };
        if !(1..1 << 29).contains(&number) || behind.is_none_or(|behind| behind > end) {
            return self.refuse(at, "field that runs over the end of its message");
        }
        Ok(Some((number, payload)))
    }

    fn varint(&self, stream: &mut Stream<'_>) -> Step<u64> {
        let at = stream.position();
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = stream.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        self.refuse(at, "number of more than 64 bits")
    }

    /// Leaves a payload out.
    pub(crate) fn skip(stream: &mut Stream<'_>, payload: Payload) -> Step<()> {
        stream.skip(match payload {
            Payload::Varint(_) => 0,
            Payload::Fixed32 => 4,
            Payload::Fixed64 => 8,
            Payload::Bytes(len) => len,
        })
    }

    /// A text of `len` bytes that follows, at most `most`.
    pub(crate) fn text(&self, stream: &mut Stream<'_>, len: u64, most: u64) -> Step<String> {
        let at = stream.position();
        if len > most {
            return self.refuse(at, "text that is too long");
        }
        match String::from_utf8(stream.bytes(len)?) {
            Ok(text) => Ok(text),
            Err(_) => self.refuse(at, "text that is not UTF-8"),
        }
    }
}
