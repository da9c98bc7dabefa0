//! YAML into types that are known beforehand, every scalar a text.
//!
//! YAML guesses: `0e1234` is zero, `no` is false, `1_000` is a number, and each library guesses differently. A field that
//! is a `String` is never guessed at, so the types here have no other scalars, and [`tree`] finds out first what stands
//! where and then reads each scalar as a text. Strict beyond that: UTF-8, one document, no key twice, no merge keys,
//! bounded depth and count, few aliases.
//!
//! In scope: bytes to types. Out of scope: what the fields mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::json::Json;

/// Deepest nesting. PyYAML writes an MLmodel seven levels deep.
const MAX_DEPTH: usize = 32;
/// Most values, keys included.
const MAX_NODES: usize = 1 << 18;
/// Most aliases: PyYAML writes one where an object stands twice.
const MAX_ALIASES: usize = 64;

/// Why a text is not YAML as we take it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("not UTF-8")]
    NotUtf8,
    #[error("not YAML as we take it: {0}")]
    Syntax(Box<serde_saphyr::Error>),
}

/// Reads one document. `T` has no scalar but `String`.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, YamlError> {
    let text = core::str::from_utf8(bytes).map_err(|_| YamlError::NotUtf8)?;
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| YamlError::Syntax(Box::new(error)))
}

/// Reads one document of any shape. What looks like a number is a [`Json::Number`], as it is written; whether it is meant as one,
/// nobody knows.
pub(crate) fn tree(bytes: &[u8]) -> Result<Json, YamlError> {
    let shape: Shape = parse(bytes)?;
    let text = core::str::from_utf8(bytes).map_err(|_| YamlError::NotUtf8)?;
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        Shaped(&shape).deserialize(deserializer)
    })
    .map_err(|error| YamlError::Syntax(Box::new(error)))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_documents: 1,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        // Where only the shape is asked for, a hex id that looks like a number beyond all numbers is no fault.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    }
}

/// What stands where, without any value.
enum Shape {
    Null,
    Bool,
    Number,
    Text,
    Sequence(Vec<Self>),
    Mapping(Vec<Self>),
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadShape)
    }
}

struct ReadShape;

impl<'de> Visitor<'de> for ReadShape {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Bool)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Text)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        Shape::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut shapes = Vec::new();
        while let Some(shape) = seq.next_element()? {
            shapes.push(shape);
        }
        Ok(Shape::Sequence(shapes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shapes = Vec::new();
        while map.next_key::<String>()?.is_some() {
            shapes.push(map.next_value()?);
        }
        Ok(Shape::Mapping(shapes))
    }
}

/// Reads values of which the shape is known.
struct Shaped<'a>(&'a Shape);

impl<'de> DeserializeSeed<'de> for Shaped<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        match self.0 {
            Shape::Null => IgnoredAny::deserialize(deserializer).map(|_| Json::Null),
            Shape::Number => String::deserialize(deserializer).map(Json::Number),
            Shape::Text => String::deserialize(deserializer).map(Json::Text),
            // YAML 1.1 has `no` and `off` too, and a text that says so stays a text.
            Shape::Bool => String::deserialize(deserializer).map(|text| match text.as_str() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                _ => Json::Text(text),
            }),
            Shape::Sequence(shapes) => deserializer.deserialize_seq(ReadShaped(shapes)),
            Shape::Mapping(shapes) => deserializer.deserialize_map(ReadShaped(shapes)),
        }
    }
}

struct ReadShaped<'a>(&'a [Shape]);

impl<'de> Visitor<'de> for ReadShaped<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what stood here when it was looked at first")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        for shape in self.0 {
            elements.extend(seq.next_element_seed(Shaped(shape))?);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = BTreeMap::new();
        for shape in self.0 {
            if let Some(key) = map.next_key::<String>()? {
                members.insert(key, map.next_value_seed(Shaped(shape))?);
            }
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Ids {
        id: Option<String>,
    }

    /// Ids that PyYAML prints without quotes, and words that some readers take for something else.
    const TEXTS: [&str; 9] = [
        "0e12345678901234567890123456789012",
        "12345678e90123456789012345678901",
        "00000000000000000000000000000001",
        "no",
        "0x1f",
        "1_000",
        "2026-11-27",
        "1.10",
        "true",
    ];

    #[test]
    fn a_text_is_never_guessed_at() {
        for text in TEXTS {
            let ids: Ids = parse(format!("id: {text}\n").as_bytes()).expect("YAML");
            assert_eq!(ids.id.as_deref(), Some(text));
            let read = tree(format!("a: [{text}, {{b: {text}}}]\n").as_bytes()).expect("YAML");
            let array = read.get("a").and_then(Json::array).expect("an array");
            assert_eq!(array[0].scalar().as_deref(), Some(text));
            assert_eq!(array[1].get("b").and_then(Json::scalar).as_deref(), Some(text));
        }
        for empty in ["id:\n", "id: null\n", "id: ~\n", "other: {a: 0e999999999999}\n"] {
            let ids: Ids = parse(empty.as_bytes()).expect("YAML");
            assert_eq!(ids.id, None, "{empty}");
        }
        assert_eq!(tree(b"a: null\n").expect("YAML").get("a"), Some(&Json::Null));
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        let cases: [&[u8]; 6] = [
            b"id: a\nid: b\n",
            b"id: a\n---\nid: b\n",
            b"a: &a {id: b}\n<<: *a\n",
            b"id: \xff\n",
            b"id: [\n",
            b"id: {a: b}\n",
        ];
        for text in cases {
            assert!(parse::<Ids>(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn depth_and_aliases_are_bounded() {
        let nested = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
        assert!(tree(nested(MAX_DEPTH - 2).as_bytes()).is_ok());
        assert!(tree(nested(MAX_DEPTH + 2).as_bytes()).is_err());
        assert!(tree(nested(1 << 16).as_bytes()).is_err());
        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for level in 1..40 {
            bomb += &format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
        }
        assert!(tree(bomb.as_bytes()).is_err());
    }
}
