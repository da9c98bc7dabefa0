//! YAML as other tools and people write it, read as the value that JSON has, with every scalar as the text that stands there.
//!
//! YAML guesses: `12e45`, the beginning of many a digest, is a number to one reader and a text to another, and `no`, the language of
//! Norway, is a truth value to a third. So nothing is guessed here: a scalar is its text, and only an absent one, `null` or `~`
//! is nothing. The crate `serde-saphyr` guesses as soon as it is asked for a value of any kind, and does not when it is asked for a
//! text. So a document is read twice: once for its shape, with all that was guessed thrown away, and once for its texts, along
//! that shape.
//!
//! Three doors lead in. [`parse`] gives texts alone. [`by_looks`] says besides which of them look like a number or a truth value, for a
//! reader to which 5 and "5" are two things. [`typed`] reads into types that are known beforehand and have no scalar but `String`.
//!
//! Refused, since two readers may read it differently: a key twice, merge keys (`<<`), a second document, what is not UTF-8.
//! Bounded: bytes, depth, nodes, and what aliases unfold to.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

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

/// Reads one document, every scalar of it a [`Json::Text`]. An empty one is [`Json::Null`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, YamlError> {
    read(bytes, Looks::Ignored)
}

/// Reads one document. What looks like a number is a [`Json::Number`], as it is written, and `true` and `false` are [`Json::Bool`];
/// whether they are meant so, nobody knows.
pub(crate) fn by_looks(bytes: &[u8]) -> Result<Json, YamlError> {
    read(bytes, Looks::Kept)
}

/// Reads one document. `T` has no scalar but `String`.
pub(crate) fn typed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, YamlError> {
    serde_saphyr::from_str_with_options(text_of(bytes)?, options()).map_err(YamlError::of)
}

fn read(bytes: &[u8], looks: Looks) -> Result<Json, YamlError> {
    let text = text_of(bytes)?;
    let shape: Shape = serde_saphyr::from_str_with_options(text, options()).map_err(YamlError::of)?;
    let along_it = |yaml: serde_saphyr::Deserializer<'_, '_>| Along(&shape, looks).deserialize(yaml);
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), along_it).map_err(YamlError::of)
}

fn text_of(bytes: &[u8]) -> Result<&str, YamlError> {
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_TEXT_FILE_BYTES) {
        return Err(YamlError::TooLarge { bytes: bytes.len() });
    }
    let not_utf8 = |error: std::str::Utf8Error| YamlError::NotUtf8 { offset: error.valid_up_to() };
    std::str::from_utf8(bytes).map_err(not_utf8)
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
        // Where only the shape is asked for, an id that looks like a number beyond all numbers is no fault.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
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

/// What becomes of what the parser guessed from the looks of a scalar.
#[derive(Clone, Copy)]
enum Looks {
    Ignored,
    Kept,
}

/// What a node is, without what it says.
enum Shape {
    Nothing,
    Truth,
    Number,
    Text,
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
                Ok(Shape::Truth)
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
struct Along<'s>(&'s Shape, Looks);

impl<'de> DeserializeSeed<'de> for Along<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        match self.0 {
            Shape::Nothing => deserializer.deserialize_unit(IgnoredAny).map(|_| Json::Null),
            Shape::Truth | Shape::Number | Shape::Text => {
                let text = String::deserialize(deserializer)?;
                Ok(match (self.1, self.0, text.as_str()) {
                    (Looks::Kept, Shape::Number, _) => Json::Number(text),
                    // `no` and `off` are truth values to YAML 1.1, and texts here.
                    (Looks::Kept, Shape::Truth, "true") => Json::Bool(true),
                    (Looks::Kept, Shape::Truth, "false") => Json::Bool(false),
                    _ => Json::Text(text),
                })
            }
            Shape::List(shapes) => deserializer.deserialize_seq(AlongList(shapes, self.1)),
            Shape::Map(shapes) => deserializer.deserialize_map(AlongMap(shapes, self.1)),
        }
    }
}

struct AlongList<'s>(&'s [Shape], Looks);

impl<'de> Visitor<'de> for AlongList<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of the first reading")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut elements = Vec::with_capacity(self.0.len());
        for shape in self.0 {
            let element = seq.next_element_seed(Along(shape, self.1))?;
            elements.push(
                element.ok_or_else(|| A::Error::custom("a list that is shorter at the second reading"))?,
            );
        }
        Ok(Json::Array(elements))
    }
}

struct AlongMap<'s>(&'s [Shape], Looks);

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
            let value = map.next_value_seed(Along(shape, self.1))?;
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
            let ids: Ids = typed(format!("id: {text}\n").as_bytes()).expect("YAML");
            assert_eq!(ids.id.as_deref(), Some(text));
            let read = by_looks(format!("a: [{text}, {{b: {text}}}]\n").as_bytes()).expect("YAML");
            let array = read.get("a").and_then(Json::array).expect("an array");
            assert_eq!(array[0].scalar().as_deref(), Some(text));
            assert_eq!(array[1].get("b").and_then(Json::scalar).as_deref(), Some(text));
        }
        for empty in ["id:\n", "id: null\n", "id: ~\n", "other: {a: 0e999999999999}\n"] {
            let ids: Ids = typed(empty.as_bytes()).expect("YAML");
            assert_eq!(ids.id, None, "{empty}");
        }
        assert_eq!(by_looks(b"a: null\n").expect("YAML").get("a"), Some(&Json::Null));
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused_of_known_types() {
        let cases: [&[u8]; 6] = [
            b"id: a\nid: b\n",
            b"id: a\n---\nid: b\n",
            b"a: &a {id: b}\n<<: *a\n",
            b"id: \xff\n",
            b"id: [\n",
            b"id: {a: b}\n",
        ];
        for text in cases {
            assert!(typed::<Ids>(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn depth_and_aliases_are_bounded_by_looks_too() {
        let nested = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
        assert!(by_looks(nested(MAX_DEPTH - 2).as_bytes()).is_ok());
        assert!(by_looks(nested(MAX_DEPTH + 2).as_bytes()).is_err());
        assert!(by_looks(nested(1 << 16).as_bytes()).is_err());
        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for level in 1..40 {
            bomb += &format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
        }
        assert!(by_looks(bomb.as_bytes()).is_err());
    }

    #[test]
    fn numbers_and_truth_values_are_told_by_their_looks_alone() {
        let read = by_looks(b"[5, '5', true, no, 1e999, \"x\"]").expect("YAML");
        let text = |text: &str| Json::Text(text.to_owned());
        let number = Json::Number("5".to_owned());
        let want = [number, text("5"), Json::Bool(true), text("no"), text("1e999"), text("x")];
        assert_eq!(read.array(), Some(want.as_slice()));
        assert_eq!(parse(b"[5]").expect("YAML").array(), Some([text("5")].as_slice()));
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
