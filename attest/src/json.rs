//! The one strict reader of JSON.
//!
//! RFC 8259 leaves open what a reader does with duplicate keys, with deep nesting and with numbers beyond a double;
//! two readers that choose differently can be made to see two documents in the same signed bytes. This one leaves
//! nothing open, and refuses.

use serde_json::{Map, Value};

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 64;

/// Largest magnitude of an integer, 2^53: beyond it a reader that uses doubles sees another number.
pub const MAX_INTEGER: u64 = 1 << 53;

/// Most values in one document.
pub const MAX_VALUES: usize = 1 << 20;

/// Reads one JSON document of at most `max_bytes` bytes.
///
/// # Errors
/// See [`JsonError`].
pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    let _ = (bytes, max_bytes);
    todo!()
}

/// Why bytes are not a JSON document we accept. Lines count from 1, columns and offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text starts with U+FEFF.
    #[error("byte order mark before the JSON text")]
    ByteOrderMark,
    /// A key twice in one object.
    #[error("key {key:?} twice in one object, again at offset {offset}")]
    DuplicateKey {
        /// The key, with its escapes resolved.
        key: String,
        /// Where the second one ends, in bytes from the start.
        offset: usize,
    },
    /// A number with a fraction or an exponent, or minus zero.
    #[error("number with fraction, exponent or sign of zero at offset {offset}, want an integer")]
    Float {
        /// Where it ends, in bytes from the start.
        offset: usize,
    },
    /// An integer beyond ±2^53.
    #[error("integer beyond 2^53 at offset {offset}")]
    IntegerOutOfRange {
        /// Where it ends, in bytes from the start.
        offset: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at offset {offset}")]
    NotUtf8 {
        /// The first byte that does not fit.
        offset: usize,
    },
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 where the line ends too early.
        column: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than 64 levels at offset {offset}")]
    TooDeep {
        /// Where the level too many begins, in bytes from the start.
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
        /// Where it begins, in bytes from the start.
        offset: usize,
    },
}

/// A value and where it stands: the typed, strict way to take a document apart.
#[derive(Clone, Debug)]
pub struct Located<'a> {
    value: &'a Value,
    path: JsonPath,
}

impl<'a> Located<'a> {
    /// The document itself, at `$`.
    #[must_use]
    pub fn root(value: &'a Value) -> Self {
        let _ = value;
        todo!()
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &'a Value {
        self.value
    }

    /// Where it stands.
    #[must_use]
    pub const fn path(&self) -> &JsonPath {
        &self.path
    }

    /// Takes a string.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn string(&self) -> Result<&'a str, FieldError> {
        todo!()
    }

    /// Takes an integer that is not negative.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn unsigned(&self) -> Result<u64, FieldError> {
        todo!()
    }

    /// Takes an integer.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn integer(&self) -> Result<i64, FieldError> {
        todo!()
    }

    /// Takes `true` or `false`.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn boolean(&self) -> Result<bool, FieldError> {
        todo!()
    }

    /// Takes an array, as its items in order.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn array(&self) -> Result<Vec<Self>, FieldError> {
        todo!()
    }

    /// Takes an object whose keys the caller does not all know.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn object(&self) -> Result<Fields<'a>, FieldError> {
        todo!()
    }

    /// Takes an object that may hold the keys `known` and no others.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else, [`FieldError::UnknownKey`] for the first other key.
    pub fn closed_object(&self, known: &[&str]) -> Result<Fields<'a>, FieldError> {
        let _ = known;
        todo!()
    }
}

/// The fields of an object.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: JsonPath,
}

impl<'a> Fields<'a> {
    /// Where the object stands.
    #[must_use]
    pub const fn path(&self) -> &JsonPath {
        &self.path
    }

    /// Takes the field `key`; `null` counts as present.
    ///
    /// # Errors
    /// [`FieldError::MissingKey`] if there is none.
    pub fn required(&self, key: &str) -> Result<Located<'a>, FieldError> {
        let _ = key;
        todo!()
    }

    /// Takes the field `key` if there is one; `null` counts as present.
    #[must_use]
    pub fn optional(&self, key: &str) -> Option<Located<'a>> {
        let _ = key;
        todo!()
    }

    /// All fields, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Located<'a>)> {
        self.map.iter().map(|(key, value)| (key.as_str(), Located { value, path: self.path.clone() }))
    }
}

/// A place in a JSON document, written like `$.subject[0].digest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(String);

impl core::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The types of JSON, with the integers told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonType {
    /// `[...]`
    Array,
    /// `true` or `false`
    Boolean,
    /// Any integer.
    Integer,
    /// `null`
    Null,
    /// `{...}`
    Object,
    /// `"..."`
    String,
    /// An integer from 0.
    Unsigned,
}

/// Why a well-formed document has not the fields we want.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// A key that must be there is not.
    #[error("no key {key:?} in {path}")]
    MissingKey {
        /// The object.
        path: JsonPath,
        /// The key.
        key: String,
    },
    /// A key that may not be there is.
    #[error("unknown key {key:?} in {path}")]
    UnknownKey {
        /// The object.
        path: JsonPath,
        /// The key.
        key: String,
    },
    /// A value of another type.
    #[error("{path} has type {seen:?}, want {wanted:?}")]
    WrongType {
        /// The value's place.
        path: JsonPath,
        /// Its type.
        seen: JsonType,
        /// The type wanted.
        wanted: JsonType,
    },
}
