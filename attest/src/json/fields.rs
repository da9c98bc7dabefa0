//! Taking a document apart: each step says which type and which keys it wants, and an error says where it stood.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::excerpt::excerpt;

/// A value and the place where it stands.
#[derive(Clone, Debug)]
pub struct Located<'a> {
    value: &'a Value,
    path: JsonPath,
}

impl<'a> Located<'a> {
    /// The document itself, at `$`.
    #[must_use]
    pub fn root(value: &'a Value) -> Self {
        Self { value, path: JsonPath("$".to_owned()) }
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

    /// The value's type.
    #[must_use]
    pub fn json_type(&self) -> JsonType {
        match self.value {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(number) if number.is_u64() => JsonType::Unsigned,
            Value::Number(_) => JsonType::Integer,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn wrong(&self, wanted: JsonType) -> FieldError {
        FieldError::WrongType { path: self.path.clone(), seen: self.json_type(), wanted }
    }

    /// Takes a string.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn string(&self) -> Result<&'a str, FieldError> {
        self.value.as_str().ok_or_else(|| self.wrong(JsonType::String))
    }

    /// Takes an integer from 0 to 2^53.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn unsigned(&self) -> Result<u64, FieldError> {
        self.value.as_u64().ok_or_else(|| self.wrong(JsonType::Unsigned))
    }

    /// Takes an integer from -2^53 to 2^53.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn integer(&self) -> Result<i64, FieldError> {
        self.value.as_i64().ok_or_else(|| self.wrong(JsonType::Integer))
    }

    /// Takes `true` or `false`.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn boolean(&self) -> Result<bool, FieldError> {
        self.value.as_bool().ok_or_else(|| self.wrong(JsonType::Boolean))
    }

    /// Takes a string that is a `T`; `error` says that it is none, and where it stands.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything but a string, else what `error` makes of the text's own error.
    pub fn parsed<T: FromStr, E: From<FieldError>>(
        &self,
        error: impl FnOnce(JsonPath, T::Err) -> E,
    ) -> Result<T, E> {
        self.parsed_by(T::from_str, error)
    }

    /// The same for a text with a reader of its own.
    ///
    /// # Errors
    /// As [`Located::parsed`].
    pub fn parsed_by<T, S, E: From<FieldError>>(
        &self,
        read: impl FnOnce(&str) -> Result<T, S>,
        error: impl FnOnce(JsonPath, S) -> E,
    ) -> Result<T, E> {
        read(self.string()?).map_err(|source| error(self.path.clone(), source))
    }

    /// Takes a string that is one of a few words; `error` gets the place and at most 64 characters of any other.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything but a string, else what `error` makes of it.
    pub fn word<T, E: From<FieldError>>(
        &self,
        known: impl FnOnce(&str) -> Option<T>,
        error: impl FnOnce(JsonPath, String) -> E,
    ) -> Result<T, E> {
        let seen = self.string()?;
        known(seen).ok_or_else(|| error(self.path.clone(), excerpt(seen)))
    }

    /// Takes an array, as its items in order.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn array(&self) -> Result<Vec<Self>, FieldError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong(JsonType::Array))?;
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, value)| Self { value, path: self.path.item(index) })
            .collect())
    }

    /// Takes an object that may hold keys the caller does not know.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else.
    pub fn object(&self) -> Result<Fields<'a>, FieldError> {
        let map = self.value.as_object().ok_or_else(|| self.wrong(JsonType::Object))?;
        Ok(Fields { map, path: self.path.clone() })
    }

    /// Takes an object that may hold the keys `known` and no others.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for anything else, [`FieldError::UnknownKey`] for the first other key.
    pub fn closed_object(&self, known: &[&str]) -> Result<Fields<'a>, FieldError> {
        let fields = self.object()?;
        match fields.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(FieldError::UnknownKey { path: fields.path, key: excerpt(key) }),
            None => Ok(fields),
        }
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
        self.optional(key)
            .ok_or_else(|| FieldError::MissingKey { path: self.path.clone(), key: key.to_owned() })
    }

    /// Takes the field `key` if there is one; `null` counts as present.
    #[must_use]
    pub fn optional(&self, key: &str) -> Option<Located<'a>> {
        self.map.get(key).map(|value| Located { value, path: self.path.field(key) })
    }

    /// All fields, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Located<'a>)> {
        self.map.iter().map(|(key, value)| (key.as_str(), Located { value, path: self.path.field(key) }))
    }
}

/// A place in a document, written like `$.subject[0].digest["odd key"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(String);

impl JsonPath {
    fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// A key that is not a plain word is quoted and escaped, so that it cannot imitate a path or drive a terminal.
    fn field(&self, key: &str) -> Self {
        let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        Self(if plain { format!("{}.{key}", self.0) } else { format!("{}[{key:?}]", self.0) })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The types of JSON, the integers that are not negative told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 8259 section 3 names the types of JSON, and there are no others"
)]
pub enum JsonType {
    /// `[...]`
    Array,
    /// `true` or `false`
    Boolean,
    /// An integer; as a seen type, one below 0.
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

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "an array",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Null => "null",
            Self::Object => "an object",
            Self::String => "a string",
            Self::Unsigned => "an integer from 0",
        })
    }
}

/// Why a document that is JSON has not the fields it should have.
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
        /// The key, at most 64 characters of it.
        key: String,
    },
    /// A value of another type.
    #[error("{path} is {seen}, want {wanted}")]
    WrongType {
        /// The value's place.
        path: JsonPath,
        /// Its type.
        seen: JsonType,
        /// The type wanted.
        wanted: JsonType,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a":[1,-1,true,null,"x",{}],"odd key":{"":{"new\nline":0}},"under_score":"y"}"#;

    fn document() -> Value {
        crate::json::parse(TEXT.as_bytes(), TEXT.len()).expect("a document")
    }

    /// The items of `$.a`, one of each type.
    fn items(document: &Value) -> Vec<Located<'_>> {
        Located::root(document)
            .object()
            .expect("an object")
            .required("a")
            .expect("a")
            .array()
            .expect("an array")
    }

    #[test]
    fn each_type_is_taken_as_itself_and_refused_as_any_other() {
        type Take = (JsonType, fn(&Located<'_>) -> Option<FieldError>);
        let takes: [Take; 6] = [
            (JsonType::Unsigned, |value| value.unsigned().err()),
            (JsonType::Integer, |value| value.integer().err()),
            (JsonType::Boolean, |value| value.boolean().err()),
            (JsonType::String, |value| value.string().err()),
            (JsonType::Object, |value| value.object().err()),
            (JsonType::Array, |value| value.array().err()),
        ];
        let document = document();
        let mut values = items(&document);
        values.push(Located::root(&document).object().expect("an object").required("a").expect("a"));
        for value in &values {
            let seen = value.json_type();
            for (wanted, take) in takes {
                let fits = seen == wanted || (seen == JsonType::Unsigned && wanted == JsonType::Integer);
                let path = value.path().clone();
                let wrong = (!fits).then_some(FieldError::WrongType { path, seen, wanted });
                assert_eq!(take(value), wrong, "{value:?}");
            }
        }
        assert_eq!((values[0].unsigned(), values[1].integer()), (Ok(1), Ok(-1)));
        assert_eq!((values[2].boolean(), values[4].string()), (Ok(true), Ok("x")));
    }

    #[test]
    fn errors_say_where_and_escape_odd_keys() {
        let document = document();
        let root = Located::root(&document).object().expect("an object");
        assert_eq!(items(&document)[3].string().unwrap_err().to_string(), "$.a[3] is null, want a string");
        let odd = root.required("odd key").expect("a key").object().expect("an object");
        let empty = odd.required("").expect("a key").object().expect("an object");
        assert_eq!(
            empty.required("new\nline").expect("a key").path().to_string(),
            r#"$["odd key"][""]["new\nline"]"#
        );
        assert_eq!(root.required("under_score").expect("a key").path().to_string(), "$.under_score");
        assert_eq!(empty.required("gone").unwrap_err().to_string(), r#"no key "gone" in $["odd key"][""]"#);
        assert!(empty.optional("gone").is_none());
    }

    #[test]
    fn closed_object_refuses_any_other_key() {
        let document = document();
        let root = Located::root(&document);
        let fields =
            root.closed_object(&["under_score", "a", "odd key", "may be absent"]).expect("all keys known");
        let keys: Vec<(&str, String)> =
            fields.iter().map(|(key, value)| (key, value.path().to_string())).collect();
        let wanted = [("a", "$.a"), ("odd key", r#"$["odd key"]"#), ("under_score", "$.under_score")];
        assert_eq!(keys, wanted.map(|(key, path)| (key, path.to_owned())));
        let error = root.closed_object(&["a", "under_score"]).unwrap_err();
        assert_eq!(error.to_string(), r#"unknown key "odd key" in $"#);
        let long = serde_json::json!({ "k".repeat(65): 0 });
        let error = Located::root(&long).closed_object(&[]).unwrap_err();
        assert_eq!(error.to_string(), format!("unknown key {:?} in $", "k".repeat(64)));
        assert!(matches!(items(&document)[0].closed_object(&[]), Err(FieldError::WrongType { .. })));
    }
}
