//! YAML as other tools and people write it, read as the value that JSON has, with every scalar as the text that stands there.
//!
//! YAML guesses: `12e45`, the beginning of many a digest, is a number to one reader and a text to another, and `no`, the language of
//! Norway, is a truth value to a third. So nothing is guessed here: a scalar is its text, and only an absent one, `null` or `~`
//! is nothing. The crate `serde-saphyr` guesses as soon as it is asked for a value of any kind, and does not when it is asked for a
//! text. So a document is read twice: once for its shape, with all that was guessed thrown away, and once for its texts, along
//! that shape.
//!
//! Refused, since two readers may read it differently: a key twice, merge keys (`<<`), a second document, what is not UTF-8.
//! Bounded: bytes, depth, nodes, and what aliases unfold to.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::WarningReason;
use crate::json::Json;
use crate::reading::MAX_TEXT_FILE_BYTES;

/// Deepest nesting, as in JSON.
const MAX_DEPTH: usize = crate::json::MAX_DEPTH;
/// Most nodes, keys among them.
const MAX_NODES: usize = 1 << 18;
/// Most anchors, and most aliases. A person may write a few; no tool writes any.
const MAX_ALIASES: usize = 1000;
/// Most nodes that aliases unfold to.
const MAX_UNFOLDED: usize = 1 << 16;

/// Why a text is not YAML as we take it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("{bytes} bytes, want at most {MAX_TEXT_FILE_BYTES}")]
    TooLarge { bytes: usize },
    #[error("not UTF-8 at byte {offset}")]
    NotUtf8 { offset: usize },
    #[error("deeper, or with more nodes or aliases, than is read: {0}")]
    OverBudget(Box<serde_saphyr::Error>),
    #[error("not YAML: {0}")]
    Syntax(Box<serde_saphyr::Error>),
}

impl YamlError {
    /// The reason of the warning that stands for it.
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::TooLarge { .. } | Self::OverBudget(_) => WarningReason::TooLarge,
            Self::NotUtf8 { .. } | Self::Syntax(_) => WarningReason::Malformed,
        }
    }

    fn of(error: serde_saphyr::Error) -> Self {
        if is_over_budget(&error) { Self::OverBudget(Box::new(error)) } else { Self::Syntax(Box::new(error)) }
    }
}

/// Reads one document. An empty one is [`Json::Null`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, YamlError> {
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_TEXT_FILE_BYTES) {
        return Err(YamlError::TooLarge { bytes: bytes.len() });
    }
    let not_utf8 = |error: std::str::Utf8Error| YamlError::NotUtf8 { offset: error.valid_up_to() };
    let text = std::str::from_utf8(bytes).map_err(not_utf8)?;
    let shape: Shape = serde_saphyr::from_str_with_options(text, options()).map_err(YamlError::of)?;
    let along_it = |yaml: serde_saphyr::Deserializer<'_, '_>| Along(&shape).deserialize(yaml);
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), along_it).map_err(YamlError::of)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 2,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_UNFOLDED },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        // A guess that is thrown away may as well be infinite.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        // An error tells line and column; the text itself may hold a secret.
        with_snippet: false,
    }
}

/// Whether a limit stopped the parser, rather than the grammar.
fn is_over_budget(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => is_over_budget(error),
        Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::Budget { .. } => true,
        _ => false,
    }
}

/// What a node is, without what it says.
enum Shape {
    Nothing,
    Scalar,
    List(Vec<Self>),
    /// In the order of the document.
    Map(Vec<Self>),
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("YAML")
            }

            fn visit_unit<E>(self) -> Result<Shape, E> {
                Ok(Shape::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
                Ok(Shape::Scalar)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
                Ok(Shape::Scalar)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
                Ok(Shape::Scalar)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape::Scalar)
            }

            fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
                Ok(Shape::Scalar)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let mut shapes = Vec::new();
                while let Some(shape) = seq.next_element()? {
                    shapes.push(shape);
                }
                Ok(Shape::List(shapes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                let mut shapes = Vec::new();
                while let Some((_, shape)) = map.next_entry::<String, Shape>()? {
                    shapes.push(shape);
                }
                Ok(Shape::Map(shapes))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Reads the texts of a node whose shape is known.
struct Along<'s>(&'s Shape);

impl<'de> DeserializeSeed<'de> for Along<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        match self.0 {
            Shape::Nothing => deserializer.deserialize_unit(IgnoredAny).map(|_| Json::Null),
            Shape::Scalar => String::deserialize(deserializer).map(Json::Text),
            Shape::List(shapes) => deserializer.deserialize_seq(AlongList(shapes)),
            Shape::Map(shapes) => deserializer.deserialize_map(AlongMap(shapes)),
        }
    }
}

struct AlongList<'s>(&'s [Shape]);

impl<'de> Visitor<'de> for AlongList<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of the first reading")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut elements = Vec::with_capacity(self.0.len());
        for shape in self.0 {
            let element = seq.next_element_seed(Along(shape))?;
            elements.push(
                element.ok_or_else(|| A::Error::custom("a list that is shorter at the second reading"))?,
            );
        }
        Ok(Json::Array(elements))
    }
}

struct AlongMap<'s>(&'s [Shape]);

impl<'de> Visitor<'de> for AlongMap<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the map of the first reading")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = BTreeMap::new();
        let mut shapes = self.0.iter();
        while let Some(key) = map.next_key::<String>()? {
            let shape = shapes
                .next()
                .ok_or_else(|| A::Error::custom("a map that is longer at the second reading"))?;
            let value = map.next_value_seed(Along(shape))?;
            // `1` and `"1"` are two keys to the parser, and one to us.
            if members.insert(key, value).is_some() {
                return Err(A::Error::custom("a key twice in one map"));
            }
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<(String, String)> {
        crate::notes::flat("", &parse(text.as_bytes()).expect(text))
    }

    fn reason(text: &str) -> WarningReason {
        parse(text.as_bytes()).expect_err(text).reason()
    }

    #[test]
    fn scalars_are_what_stands_there() {
        for text in [
            "12e45",
            "0e12345678901234567890123456789012",
            "1e999",
            ".inf",
            "-.INF",
            ".nan",
            "0x1F",
            "0o17",
            "017",
            "1_000",
            "no",
            "on",
            "y",
            "True",
            "2024-01-01",
            "12:30:45",
            "0.10",
            "1.",
            "+5",
            "-0",
        ] {
            assert_eq!(flat(&format!("k: {text}")), [("k".to_owned(), text.to_owned())], "{text}");
            assert_eq!(flat(&format!("k: '{text}'")), [("k".to_owned(), text.to_owned())], "{text}");
            assert_eq!(flat(&format!("[{text}]")), [("0".to_owned(), text.to_owned())], "{text}");
            assert_eq!(flat(&format!("{text}: k")), [(text.to_owned(), "k".to_owned())], "{text}");
        }
    }

    #[test]
    fn nothing_is_nothing_unless_it_is_quoted() {
        let read = parse(b"[null, ~, , 'null', \"\", Null]").err();
        assert!(read.is_some(), "an empty entry of a flow list");
        let read = parse(b"- null\n- ~\n-\n- 'null'\n- ''\n- NULL\n").expect("YAML");
        let text = |text: &str| Json::Text(text.to_owned());
        let want = [Json::Null, Json::Null, Json::Null, text("null"), text(""), Json::Null];
        assert_eq!(read.array(), Some(want.as_slice()));
        assert_eq!(parse(b"").expect("nothing"), Json::Null);
        assert_eq!(parse(b"# a comment\n").expect("nothing"), Json::Null);
    }

    #[test]
    fn all_styles_of_text_are_read() {
        let read =
            flat("a: |\n  one\n  two\nb: >-\n  one\n  two\nc: \"\\u00e4\\n\"\nd: 'it''s'\ne: {f: [g, 1]}\n");
        let read: Vec<_> = read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let want = [
            ("a", "one\ntwo\n"),
            ("b", "one two"),
            ("c", "\u{e4}\n"),
            ("d", "it's"),
            ("e.f.0", "g"),
            ("e.f.1", "1"),
        ];
        assert_eq!(read, want);
    }

    #[test]
    fn an_alias_is_what_it_stands_for() {
        let read = flat("a: &x [1, 2]\nb: *x\n");
        assert_eq!(read.len(), 4);
        assert_eq!(read.last(), Some(&("b.1".to_owned(), "2".to_owned())));
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for text in [
            "a: 1\na: 2\n",
            "b: {a: 1, a: 2}\n",
            "a: 1\n'a': 2\n",
            "1: a\n'1': b\n",
            "a: {<<: {b: 1}}\n",
            "a: 1\n---\nb: 2\n",
            "null: 1\n",
            "? [a]\n: 1\n",
            "a: !!python/object:os.system x\n",
            "a: !x y\n",
            "a: *b\n",
            "a: [1",
            "a: 'x",
            "a: b: c",
        ] {
            assert_eq!(reason(text), WarningReason::Malformed, "{text}");
        }
        assert_eq!(parse(b"a: \xff\n").expect_err("no text").reason(), WarningReason::Malformed);
        assert_eq!(parse(b"\xff\xfea\0:\0").expect_err("UTF-16").reason(), WarningReason::Malformed);
    }

    #[test]
    fn depth_and_number_and_aliases_are_bounded() {
        let block =
            |depth: usize| (0..depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
        assert!(parse(block(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(reason(&block(MAX_DEPTH + 1)), WarningReason::TooLarge);
        assert_eq!(reason(&block(5000)), WarningReason::TooLarge);
        assert!(parse(format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)).as_bytes()).is_ok());
        assert!(parse("[".repeat(1 << 20).as_bytes()).is_err());
        assert_eq!(reason(&"- 1\n".repeat(MAX_NODES)), WarningReason::TooLarge);
        let bomb = (0..9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
            let next = level + 1;
            let aliases = vec![format!("*a{level}"); 10].join(", ");
            format!("{text}a{next}: &a{next} [{aliases}]\n")
        });
        assert_eq!(reason(&bomb), WarningReason::TooLarge);
        let large = format!("a: {}", "x".repeat(17 << 20));
        assert_eq!(reason(&large), WarningReason::TooLarge);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-b0-1:\\-\\[\\]{}'\"&*!<>|#?,~\\.e \n\t%@]{0,60}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn a_text_in_quotes_is_read_as_it_is(text in "\\PC{0,20}") {
            let quoted = format!("k: '{}'", text.replace('\'', "''"));
            proptest::prop_assert_eq!(flat(&quoted), [("k".to_owned(), text)]);
        }
    }
}
