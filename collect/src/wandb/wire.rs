//! Protobuf's wire format, as far as a reader of a few fields needs it.
//!
//! ```text
//! field   varint of (number << 3 | type), then by type
//!   0     varint: seven bits a byte, lowest first, the top bit set on all but the last
//!   1     8 bytes, little-endian
//!   2     varint of the length, then so many bytes: a text or a message
//!   5     4 bytes, little-endian
//! ```
//!
//! Follows the encoding guide of Protocol Buffers. Stricter where parsers differ: a field that is to be there once and is there
//! twice is refused, whereas protobuf takes the last or merges them; groups (types 3 and 4) are refused; a text is UTF-8.

use crate::WarningReason;

/// Most bytes of a varint of 64 bits.
const MAX_VARINT_BYTES: usize = 10;

/// Why a record is not the message it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("field {number} is there twice")]
    Duplicate { number: u32 },
    #[error("the message ends inside a field")]
    Truncated,
    #[error("field {number} has wire type {found}, want {wanted}")]
    Type { number: u32, found: u8, wanted: u8 },
    #[error("text of field {number} is not UTF-8")]
    NotUtf8 { number: u32 },
    #[error("a number of more than 64 bits")]
    Varint,
    #[error("field with number {number} and wire type {found}")]
    Tag { number: u64, found: u8 },
}

impl WireError {
    pub(super) const fn reason(self) -> WarningReason {
        WarningReason::Malformed
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

impl Value<'_> {
    const fn wire_type(self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Fixed32 => 5,
        }
    }
}

/// A message of which every field was seen to be whole; messages in it were not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = split_field(rest)?.2;
        }
        Ok(Self(bytes))
    }

    /// A text that is there once at most; protobuf leaves out an empty one.
    pub(super) fn text(self, number: u32) -> Result<Option<&'a str>, WireError> {
        self.once(number)?.map(|value| text(number, value)).transpose()
    }

    /// All texts with a number.
    pub(super) fn texts(self, number: u32) -> Result<Vec<&'a str>, WireError> {
        self.values(number).map(|value| text(number, value)).collect()
    }

    /// A message that is there once at most.
    pub(super) fn message(self, number: u32) -> Result<Option<Self>, WireError> {
        self.once(number)?.map(|value| bytes(number, value).and_then(Self::parse)).transpose()
    }

    /// All messages with a number, each of them parsed when it is reached.
    pub(super) fn messages(self, number: u32) -> impl Iterator<Item = Result<Self, WireError>> {
        self.values(number).map(move |value| bytes(number, value).and_then(Self::parse))
    }

    /// A number without sign, or a truth; protobuf leaves out zero.
    pub(super) fn number(self, number: u32) -> Result<Option<u64>, WireError> {
        self.once(number)?
            .map(|value| match value {
                Value::Varint(value) => Ok(value),
                other => Err(WireError::Type { number, found: other.wire_type(), wanted: 0 }),
            })
            .transpose()
    }

    /// A number with a sign, of type int32 or int64: two's complement in 64 bits.
    pub(super) fn signed(self, number: u32) -> Result<Option<i64>, WireError> {
        Ok(self.number(number)?.map(u64::cast_signed))
    }

    /// A number with a sign, of type sint64: its lowest bit is the sign.
    pub(super) fn zigzag(self, number: u32) -> Result<Option<i64>, WireError> {
        Ok(self.number(number)?.map(|value| (value >> 1).cast_signed() ^ -(value & 1).cast_signed()))
    }

    /// A number of type double.
    pub(super) fn double(self, number: u32) -> Result<Option<f64>, WireError> {
        self.once(number)?
            .map(|value| match value {
                Value::Fixed64(value) => Ok(f64::from_le_bytes(value)),
                other => Err(WireError::Type { number, found: other.wire_type(), wanted: 1 }),
            })
            .transpose()
    }

    fn once(self, number: u32) -> Result<Option<Value<'a>>, WireError> {
        let mut values = self.values(number);
        let first = values.next();
        if values.next().is_some() { Err(WireError::Duplicate { number }) } else { Ok(first) }
    }

    fn values(self, wanted: u32) -> impl Iterator<Item = Value<'a>> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            while !rest.is_empty() {
                // All fields were whole when the message was parsed.
                let (number, value, after) = split_field(rest).ok()?;
                rest = after;
                if number == wanted {
                    return Some(value);
                }
            }
            None
        })
    }
}

fn bytes(number: u32, value: Value<'_>) -> Result<&[u8], WireError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(WireError::Type { number, found: other.wire_type(), wanted: 2 }),
    }
}

fn text(number: u32, value: Value<'_>) -> Result<&str, WireError> {
    core::str::from_utf8(bytes(number, value)?).map_err(|_| WireError::NotUtf8 { number })
}

/// The first field of some bytes, and what follows it.
fn split_field(rest: &[u8]) -> Result<(u32, Value<'_>, &[u8]), WireError> {
    let (tag, rest) = split_varint(rest)?;
    let [low, ..] = tag.to_le_bytes();
    let (number, wire_type) = (tag >> 3, low & 7);
    let bad_tag = WireError::Tag { number, found: wire_type };
    // Field numbers have 29 bits, and zero is none.
    let number =
        u32::try_from(number).ok().filter(|number| matches!(number, 1..=0x1fff_ffff)).ok_or(bad_tag)?;
    let (value, rest) = match wire_type {
        0 => split_varint(rest).map(|(value, rest)| (Value::Varint(value), rest))?,
        1 => {
            let (value, rest) = rest.split_first_chunk().ok_or(WireError::Truncated)?;
            (Value::Fixed64(*value), rest)
        }
        2 => {
            let (length, rest) = split_varint(rest)?;
            let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
            let (value, rest) = rest.split_at_checked(length).ok_or(WireError::Truncated)?;
            (Value::Bytes(value), rest)
        }
        5 => {
            let (_, rest) = rest.split_first_chunk::<4>().ok_or(WireError::Truncated)?;
            (Value::Fixed32, rest)
        }
        _ => return Err(bad_tag),
    };
    Ok((number, value, rest))
}

/// The varint at the beginning of some bytes, and what follows it.
fn split_varint(bytes: &[u8]) -> Result<(u64, &[u8]), WireError> {
    let mut number: u64 = 0;
    let mut rest = bytes;
    for index in 0..MAX_VARINT_BYTES {
        let (byte, after) = rest.split_first().ok_or(WireError::Truncated)?;
        rest = after;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if index == MAX_VARINT_BYTES - 1 && *byte > 1 {
            return Err(WireError::Varint);
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number, rest));
        }
    }
    Err(WireError::Varint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding guide: 150 as field 1, "testing" as field 2, a message with the former as field 3.
    const EXAMPLES: &[u8] = &[
        0x08, 0x96, 0x01, // 1: 150
        0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g', // 2: "testing"
        0x1a, 0x03, 0x08, 0x96, 0x01, // 3: {1: 150}
    ];

    #[test]
    fn the_examples_of_the_guide_are_read() {
        let message = Message::parse(EXAMPLES).expect("a message");
        assert_eq!(message.number(1), Ok(Some(150)));
        assert_eq!(message.text(2), Ok(Some("testing")));
        let inner = message.message(3).expect("whole").expect("there");
        assert_eq!(inner.number(1), Ok(Some(150)));
        assert_eq!(message.text(4), Ok(None));
    }

    #[test]
    fn signs_are_read_in_both_ways() {
        let minus_two = [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Message::parse(&minus_two).and_then(|message| message.signed(1)), Ok(Some(-2)));
        for (zigzag, number) in [(0, 0), (1, -1), (2, 1), (3, -2), (0x7f, -64)] {
            let bytes = [0x08, zigzag];
            assert_eq!(Message::parse(&bytes).and_then(|message| message.zigzag(1)), Ok(Some(number)));
        }
        let one = [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        assert_eq!(Message::parse(&one).and_then(|message| message.double(1)), Ok(Some(1.0)));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let tag = |number, found| WireError::Tag { number, found };
        let cases: [(&[u8], WireError); 10] = [
            (&[0x08], WireError::Truncated),
            (&[0x08, 0x80], WireError::Truncated),
            (&[0x12, 0x02, b'a'], WireError::Truncated),
            (&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], WireError::Truncated),
            (&[0x09, 0, 0], WireError::Truncated),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], WireError::Varint),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], WireError::Varint),
            (&[0x00, 0x00], tag(0, 0)),
            (&[0x0b], tag(1, 3)),
            (&[0x0f], tag(1, 7)),
        ];
        for (bytes, error) in cases {
            assert_eq!(Message::parse(bytes).map(|_| ()), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_field_of_another_kind_or_there_twice_is_refused() {
        let twice = [EXAMPLES, EXAMPLES].concat();
        let message = Message::parse(&twice).expect("a message");
        assert_eq!(message.text(2), Err(WireError::Duplicate { number: 2 }));
        assert_eq!(message.texts(2), Ok(vec!["testing", "testing"]));
        let message = Message::parse(EXAMPLES).expect("a message");
        assert_eq!(message.text(1), Err(WireError::Type { number: 1, found: 0, wanted: 2 }));
        assert_eq!(message.number(2), Err(WireError::Type { number: 2, found: 2, wanted: 0 }));
        let message = Message::parse(&[0x0a, 1, 0xff]).expect("a message");
        assert_eq!(message.text(1), Err(WireError::NotUtf8 { number: 1 }));
    }
}
