//! The one strict reader of JSON (RFC 8259, and I-JSON's limits, RFC 7493).
//!
//! RFC 8259 leaves open what a reader does with duplicate keys, with deep nesting and with numbers beyond a double.
//! Two readers that choose differently can be shown two documents in the same signed bytes, so this one leaves nothing
//! open: it refuses.
//!
//! In scope: text to values ([`parse`]), and taking values apart by type and key ([`Located`]). Out of scope: writing.
//! Nothing that was read is ever written again; what is hashed and signed is the text as received.
//!
//! ```
//! let document = attest::json::parse(br#"{"size": 5}"#, 64)?;
//! let fields = attest::json::Located::root(&document).closed_object(&["size"])?;
//! assert_eq!(fields.required("size")?.unsigned()?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fields;

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::excerpt::excerpt;

pub use self::fields::{FieldError, Fields, JsonPath, JsonType, Located};

/// Deepest nesting of arrays and objects; `[[]]` is 2 deep. Our own documents need 7.
pub const MAX_DEPTH: usize = 64;

/// Largest magnitude of an integer, 2^53: beyond it a reader that uses doubles sees another number (RFC 7493 section 2.2).
pub const MAX_INTEGER: u64 = 1 << 53;

/// Most values in one document, keys not counted; bounds memory, since `[0,0,...]` grows sixteenfold when read.
pub const MAX_VALUES: usize = 1 << 20;

/// UTF-8 of U+FEFF.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads one JSON document of at most `max_bytes` bytes.
///
/// # Errors
/// One variant of [`JsonError`] for each rule. A document that breaks several is refused for the first it breaks in
/// reading order; size, byte order mark and UTF-8 come before all others.
pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    read(bytes, max_bytes, Numbers::Integers)
}

/// Reads like [`parse`], and takes a double without a fraction, `500.0`, as the integer it is.
///
/// For documents of others alone: what protobuf holds in a `Struct` it writes as doubles.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_whole_doubles(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    read(bytes, max_bytes, Numbers::WholeDoubles)
}

/// Which spellings of numbers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    Integers,
    WholeDoubles,
}

fn read(bytes: &[u8], max_bytes: usize, numbers: Numbers) -> Result<Value, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLarge { len: bytes.len(), max: max_bytes });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(JsonError::ByteOrderMark);
    }
    let text = str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;

    let record = RefCell::new(Record { values: 0, fault: None });
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value =
        Reader { depth: 0, numbers, record: &record }.deserialize(&mut deserializer).map_err(|error| {
            let offset = offset_of(bytes, &error);
            match record.take().fault {
                None => JsonError::Syntax { line: error.line(), column: error.column() },
                Some(Fault::DuplicateKey(key)) => JsonError::DuplicateKey { key: excerpt(&key), offset },
                Some(Fault::IntegerOutOfRange) => JsonError::IntegerOutOfRange { offset },
                Some(Fault::NotAnInteger) if is_plain_integer(bytes.get(..offset).unwrap_or(bytes)) => {
                    JsonError::IntegerOutOfRange { offset }
                }
                Some(Fault::NotAnInteger) => JsonError::Float { offset },
                Some(Fault::TooDeep) => JsonError::TooDeep { offset },
                Some(Fault::TooManyValues) => JsonError::TooManyValues,
            }
        })?;
    // serde_json points behind the first byte that is too many.
    deserializer
        .end()
        .map_err(|error| JsonError::TrailingData { offset: offset_of(bytes, &error).saturating_sub(1) })?;
    Ok(value)
}

/// A double from 0 to 2^53 without fraction or sign, as the integer it is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within these bounds a double holds every integer exactly"
)]
fn whole(value: f64) -> Option<u64> {
    let fits = value.is_sign_positive() && value.fract() == 0.0 && value <= 9_007_199_254_740_992.0;
    fits.then_some(value as u64)
}

/// How many bytes were consumed when the error was found.
fn offset_of(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let line_start: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    line_start + error.column()
}

/// Whether `consumed` ends with an integer that has only digits and a sign, and is not minus zero.
///
/// serde_json hands integers beyond 64 bits over as doubles; only the text tells them from `1e30`.
fn is_plain_integer(consumed: &[u8]) -> bool {
    let is_number_byte = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let start = consumed.iter().rposition(|byte| !is_number_byte(byte)).map_or(0, |before| before + 1);
    let number = consumed.get(start..).unwrap_or_default();
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    digits.iter().all(u8::is_ascii_digit) && digits != b"0"
}

/// Why bytes are not a JSON document we accept. Offsets are in bytes from the start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text begins with U+FEFF.
    #[error("byte order mark before the JSON text")]
    ByteOrderMark,
    /// A key twice in one object.
    #[error("key {key:?} twice in one object, again before offset {offset}")]
    DuplicateKey {
        /// The key, its escapes resolved; at most 64 characters of it.
        key: String,
        /// Where the second one ends.
        offset: usize,
    },
    /// A number with a fraction or an exponent, or minus zero.
    #[error("number with a fraction, an exponent or a signed zero before offset {offset}, want an integer")]
    Float {
        /// Where it ends.
        offset: usize,
    },
    /// An integer beyond [`MAX_INTEGER`] on either side.
    #[error("integer beyond 2^53 before offset {offset}")]
    IntegerOutOfRange {
        /// Where it ends.
        offset: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at offset {offset}")]
    NotUtf8 {
        /// The first byte that does not fit.
        offset: usize,
    },
    /// Not JSON; also a number that is no double, `1e999`.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// Bytes read of that line.
        column: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than 64 levels at offset {offset}")]
    TooDeep {
        /// Just behind the bracket that opens the level too many.
        offset: usize,
    },
    /// More bytes than the caller allows.
    #[error("{len} bytes of JSON, want at most {max}")]
    TooLarge {
        /// The length seen, in bytes.
        len: usize,
        /// The most allowed, in bytes.
        max: usize,
    },
    /// More values than [`MAX_VALUES`].
    #[error("more than 1048576 values in one JSON document")]
    TooManyValues,
    /// Something other than white space after the document.
    #[error("data after the JSON document at offset {offset}")]
    TrailingData {
        /// Its first byte.
        offset: usize,
    },
}

/// What the reader notes on the side, because [`serde_json::Error`] carries nothing but text.
#[derive(Default)]
struct Record {
    values: usize,
    fault: Option<Fault>,
}

enum Fault {
    DuplicateKey(String),
    IntegerOutOfRange,
    NotAnInteger,
    TooDeep,
    TooManyValues,
}

/// Reads one value at some depth.
#[derive(Clone, Copy)]
struct Reader<'r> {
    depth: usize,
    numbers: Numbers,
    record: &'r RefCell<Record>,
}

impl Reader<'_> {
    /// Notes the fault and stops the parser, which adds the position.
    fn refuse<T, E: serde::de::Error>(self, fault: Fault) -> Result<T, E> {
        self.record.borrow_mut().fault = Some(fault);
        Err(E::custom("refused"))
    }

    /// The reader for what an array or object at this depth holds.
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return self.refuse(Fault::TooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values = {
            let mut record = self.record.borrow_mut();
            record.values += 1;
            record.values
        };
        if values > MAX_VALUES {
            return self.refuse(Fault::TooManyValues);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return self.refuse(Fault::IntegerOutOfRange);
        }
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return self.refuse(Fault::IntegerOutOfRange);
        }
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        match whole(value) {
            Some(value) if self.numbers == Numbers::WholeDoubles => Ok(value.into()),
            _ => self.refuse(Fault::NotAnInteger),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let reader = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(reader)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let reader = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return self.refuse(Fault::DuplicateKey(key));
            }
            let value = entries.next_value_seed(reader)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_doubles_are_taken_where_they_are_asked_for_and_no_others() {
        let read = |text: &str| parse_with_whole_doubles(text.as_bytes(), text.len());
        for (text, value) in
            [("500.0", 500), ("1e3", 1000), ("0.0", 0), ("7", 7), ("9007199254740992.0", 1_u64 << 53)]
        {
            assert_eq!(read(text), Ok(value.into()), "{text}");
        }
        for text in ["0.5", "-0.0", "-1.0", "9007199254740994.0", "1e300", "1e999", "-0"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(matches!(parse(b"500.0", 5), Err(JsonError::Float { .. })));
    }
}
