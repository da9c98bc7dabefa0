//! JSON as other tools write it: with fractions, which are kept as they are written.
//!
//! `attest::json` reads what is signed and refuses every fraction. Trackers and model configurations are full of them,
//! so this reader takes numbers as text. In everything else it is as strict: UTF-8, no key twice, bounded depth and count,
//! nothing after the value. Python's `NaN` and `Infinity` are no JSON and are refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Deepest nesting.
pub(crate) const MAX_DEPTH: usize = 64;
/// Most values in one document, keys not counted.
pub(crate) const MAX_VALUES: usize = 1 << 20;

/// A value; a number is its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// Why a text is not JSON as we take it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("more than {MAX_VALUES} values")]
    TooMany,
}

/// Reads one document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let raw: &RawValue = serde_json::from_slice(bytes)?;
    let mut left = MAX_VALUES;
    read(raw, MAX_DEPTH, &mut left)
}

fn read(raw: &RawValue, depth: usize, left: &mut usize) -> Result<Json, JsonError> {
    *left = left.checked_sub(1).ok_or(JsonError::TooMany)?;
    let text = raw.get();
    let deeper = || depth.checked_sub(1).ok_or(JsonError::TooDeep);
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let (Members(members), depth) = (serde_json::from_str(text)?, deeper()?);
            let mut object = BTreeMap::new();
            for (key, value) in members {
                object.insert(key, read(value, depth, left)?);
            }
            Json::Object(object)
        }
        Some(b'[') => {
            let (Elements(elements), depth) = (serde_json::from_str(text)?, deeper()?);
            let elements = elements.into_iter().map(|element| read(element, depth, left));
            Json::Array(elements.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::Text(serde_json::from_str(text)?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(text.to_owned()),
    })
}

/// The members of an object, none of them twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The elements of an array.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: BTreeMap<String, &'de RawValue> = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if members.contains_key(&key) {
                        return Err(A::Error::custom("a key twice in one object"));
                    }
                    members.insert(key, value);
                }
                Ok(Members(members.into_iter().collect()))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Read)
    }
}

impl Json {
    /// The member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(key),
            _ => None,
        }
    }

    /// A string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An array.
    pub(crate) fn array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// An object.
    pub(crate) fn object(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// A string, a number as it is written, `true` or `false`; `None` for the rest.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text.clone()),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_they_are_written() {
        let read =
            parse(br#" {"lr": 0.00010, "n": 18446744073709551617, "e": 1E+400, "t": [true, null, "x"]} "#);
        let read = read.expect("JSON");
        assert_eq!(read.get("lr").and_then(Json::scalar).as_deref(), Some("0.00010"));
        assert_eq!(read.get("n").and_then(Json::scalar).as_deref(), Some("18446744073709551617"));
        assert_eq!(read.get("e").and_then(Json::scalar).as_deref(), Some("1E+400"));
        let array = read.get("t").and_then(Json::array).expect("an array");
        assert_eq!(array, [Json::Bool(true), Json::Null, Json::Text("x".to_owned())]);
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[{"b":{"a":1,"\u0061":2}}]"#,
            "{} {}",
            "NaN",
            r#"{"a":NaN}"#,
            "",
            "\u{feff}{}",
            "[1,]",
            "01",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(matches!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep)));
        assert!(parse(nested(1 << 20).as_bytes()).is_err());
        let many = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(parse(many(MAX_VALUES - 1).as_bytes()).is_ok());
        assert!(matches!(parse(many(MAX_VALUES).as_bytes()), Err(JsonError::TooMany)));
    }
}
