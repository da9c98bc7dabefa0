//! A JSON tree in which a value may carry what proves it, so that the place of each proof is found by walking and never typed.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use crate::bill::Bill;
use crate::value::{Grade, Value};

/// A JSON value. Members stay in the order in which they were put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Text(String),
    Number(u64),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
    Proven(Box<Self>, Cite),
}

/// What holds a value up: which proof of the bill, how well, and where it stands there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cite {
    pub(crate) proof: usize,
    pub(crate) grade: Grade,
    pub(crate) at: String,
}

impl Json {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The value's text, with its proof if it has one.
    pub(crate) fn of(value: &Value) -> Self {
        Self::as_proven_by(value, value.text())
    }

    /// Another text that follows from the value, such as a digest without the name of its algorithm.
    pub(crate) fn as_proven_by(value: &Value, text: impl Into<String>) -> Self {
        let text = Self::text(text);
        match value.proof() {
            Some(proof) => {
                let cite = Cite { proof, grade: value.grade(), at: value.at().to_owned() };
                Self::Proven(Box::new(text), cite)
            }
            None => text,
        }
    }

    /// A list, unless it is empty.
    pub(crate) fn list(items: Vec<Self>) -> Option<Self> {
        (!items.is_empty()).then_some(Self::List(items))
    }

    /// An object of those members that are there; `None` if none is.
    pub(crate) fn object(members: impl IntoIterator<Item = (&'static str, Option<Self>)>) -> Option<Self> {
        let members: Vec<_> =
            members.into_iter().filter_map(|(name, member)| Some((name, member?))).collect();
        (!members.is_empty()).then_some(Self::Object(members))
    }

    /// Where everything stands that has a proof, as JSON pointers (RFC 6901), by what proves it.
    pub(crate) fn cited(&self) -> BTreeMap<Cite, Vec<String>> {
        let mut found = BTreeMap::new();
        self.walk(&mut String::new(), &mut found);
        found
    }

    fn walk(&self, pointer: &mut String, found: &mut BTreeMap<Cite, Vec<String>>) {
        let here = pointer.len();
        match self {
            Self::Text(_) | Self::Number(_) => {}
            Self::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{place}"));
                    item.walk(pointer, found);
                    pointer.truncate(here);
                }
            }
            Self::Object(members) => {
                for (name, member) in members {
                    // No name of ours has a `~` or `/` but those of JSON-LD, which are not cited by pointer.
                    pointer.push('/');
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    member.walk(pointer, found);
                    pointer.truncate(here);
                }
            }
            Self::Proven(inner, cite) => {
                found.entry(cite.clone()).or_default().push(pointer.clone());
                inner.walk(pointer, found);
            }
        }
    }

    /// The document in ASCII, indented, with a final LF. What lies beyond ASCII is inside of strings, where an escape means the
    /// same and cannot steer the terminal it may be printed on.
    #[expect(
        clippy::expect_used,
        reason = "texts, integers, lists and objects of them always have a JSON form"
    )]
    pub(crate) fn to_document(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("no map with keys other than strings");
        let mut ascii = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            if matches!(c, ' '..='~' | '\n') {
                ascii.push(c);
            } else {
                ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
        ascii.push('\n');
        ascii
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, member)| object.serialize_entry(name, member))?;
                object.end()
            }
            Self::Proven(inner, _) => inner.serialize(serializer),
        }
    }
}

/// The note of a citation: grade, place, and the way to the log entry.
pub(crate) fn note(bill: &Bill, cite: &Cite) -> Option<String> {
    let proof = bill.proofs().get(cite.proof)?;
    Some(format!("{}, {}; {}", cite.grade, cite.at, proof.citation()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(text: &str, at: &str) -> Json {
        let cite = Cite { proof: 0, grade: Grade::Verified, at: at.to_owned() };
        Json::Proven(Box::new(Json::text(text)), cite)
    }

    #[test]
    fn what_is_proven_is_found_where_it_stands() {
        let tree = Json::Object(vec![
            ("a~/", Json::List(vec![Json::Number(1), proven("x", "one")])),
            ("b", proven("y", "one")),
            ("c", proven("z", "two")),
        ]);
        let found: Vec<Vec<String>> = tree.cited().into_values().collect();
        assert_eq!(found, [vec!["/a~0~1/1".to_owned(), "/b".to_owned()], vec!["/c".to_owned()]]);
    }

    #[test]
    fn text_from_outside_is_escaped_and_means_the_same() {
        let seen = "a\u{9b}31m\u{202e}b\u{7f}\u{e9}\u{1f600}\"\\";
        let text = Json::List(vec![Json::text(seen)]).to_document();
        assert!(text.chars().all(|c| matches!(c, ' '..='~' | '\n')), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), [seen]);
    }

    #[test]
    fn members_stay_in_order_and_absent_ones_are_left_out() {
        let object = Json::object([("b", Some(Json::Number(1))), ("c", None), ("a", Some(Json::Number(2)))]);
        assert_eq!(object.expect("members").to_document(), "{\n  \"b\": 1,\n  \"a\": 2\n}\n");
        assert_eq!(Json::object([("c", None)]), None);
        assert_eq!(Json::list(Vec::new()), None);
    }
}
