//! Noting what one file says: the name of the file and the grade of its facts are said once, for all of them.

use attest::provenance::Source;

use crate::json::{self, Json, JsonError};
use crate::location::Location;
use crate::{Collected, Fact, Privacy, Topic, Value, WarningReason, yaml};

/// What is being noted of one file.
pub(crate) struct Notes<'a> {
    collected: &'a mut Collected,
    file: &'a str,
    grade: Source,
}

/// What the next facts are about, and where in the file it stands.
pub(crate) struct Subject<'n, 'a> {
    notes: &'n mut Notes<'a>,
    topic: Topic,
    about: String,
    place: String,
    privacy: Privacy,
}

/// `file: place`, or the file alone.
fn at(file: &str, place: &str) -> String {
    if place.is_empty() { file.to_owned() } else { format!("{file}: {place}") }
}

impl<'a> Notes<'a> {
    /// Nothing noted yet of the file with this name.
    pub(crate) const fn new(collected: &'a mut Collected, file: &'a str, grade: Source) -> Self {
        Self { collected, file, grade }
    }

    /// Turns to a thing. An empty `place` is the file as a whole.
    pub(crate) fn subject(
        &mut self,
        topic: Topic,
        about: impl Into<String>,
        place: impl Into<String>,
    ) -> Subject<'_, 'a> {
        let (about, place) = (about.into(), place.into());
        Subject { notes: self, topic, about, place, privacy: Privacy::Public }
    }

    /// Says what is not taken.
    pub(crate) fn warn(&mut self, reason: WarningReason, place: &str, text: impl Into<String>) {
        self.collected.warn(reason, &at(self.file, place), text);
    }

    /// The file as JSON; what is none is a warning.
    pub(crate) fn json(&mut self, bytes: &[u8]) -> Option<Json> {
        let error = match json::parse(bytes) {
            Ok(document) => return Some(document),
            Err(error) => error,
        };
        let reason = match error {
            JsonError::Syntax(_) => WarningReason::Malformed,
            JsonError::TooDeep | JsonError::TooMany => WarningReason::TooLarge,
        };
        self.warn(reason, "", error.to_string());
        None
    }

    /// The file as YAML; what is none is a warning.
    pub(crate) fn yaml(&mut self, bytes: &[u8]) -> Option<Json> {
        match yaml::parse(bytes) {
            Ok(document) => Some(document),
            Err(error) => {
                self.warn(error.reason(), "", error.to_string());
                None
            }
        }
    }

    /// The members of an object; anything else is a warning and has none. Nothing at all has none either.
    pub(crate) fn members<'j>(
        &mut self,
        value: Option<&'j Json>,
        place: &str,
    ) -> impl Iterator<Item = (&'j String, &'j Json)> + use<'j> {
        let members = value.and_then(Json::object);
        self.warn_if_other(value, members.is_some(), place, "an object");
        members.into_iter().flatten()
    }

    /// The elements of an array; anything else is a warning and has none. Nothing at all has none either.
    pub(crate) fn elements<'j>(&mut self, value: Option<&'j Json>, place: &str) -> &'j [Json] {
        let elements = value.and_then(Json::array);
        self.warn_if_other(value, elements.is_some(), place, "an array");
        elements.unwrap_or_default()
    }

    /// A text, or the texts in an array of them: what YAML lets a person write either way.
    pub(crate) fn texts(&mut self, value: Option<&Json>, place: &str) -> Vec<String> {
        let alone = value.and_then(Json::scalar);
        if let Some(alone) = alone {
            return vec![alone];
        }
        let mut texts = Vec::new();
        for (index, element) in self.elements(value, place).iter().enumerate() {
            match element.scalar() {
                Some(text) => texts.push(text),
                None => self.warn(WarningReason::Malformed, &format!("{place}[{index}]"), "no text"),
            }
        }
        texts
    }

    fn warn_if_other(&mut self, value: Option<&Json>, is_wanted: bool, place: &str, wanted: &str) {
        if !is_wanted && !matches!(value, None | Some(Json::Null)) {
            self.warn(WarningReason::Malformed, place, format!("want {wanted}"));
        }
    }
}

impl Subject<'_, '_> {
    /// Marks all that is said from here on as personal.
    pub(crate) const fn personal(&mut self) -> &mut Self {
        self.privacy = Privacy::Personal;
        self
    }

    /// Notes a text. An empty one says nothing and is left out.
    pub(crate) fn text(&mut self, key: &'static str, text: impl Into<String>) -> &mut Self {
        let text = text.into();
        if !text.is_empty() {
            self.note(key, Value::Text(text), self.privacy);
        }
        self
    }

    /// Notes a digest that is already known to be lower-case hexadecimal.
    pub(crate) fn digest(&mut self, key: &'static str, algorithm: &'static str, hex: &str) -> &mut Self {
        self.note(key, Value::Digest { algorithm, hex: hex.to_owned() }, self.privacy);
        self
    }

    /// Notes where something lies, without the secrets in it; personal if it tells of a person's machine.
    pub(crate) fn location(&mut self, key: &'static str, text: &str) -> &mut Self {
        let location = Location::of(text);
        let privacy = self.privacy.max(location.privacy());
        if !location.as_str().is_empty() {
            self.note(key, Value::Text(location.into_text()), privacy);
        }
        self
    }

    /// Notes the member `name` of an object under `key`, if there is one and it is a text, a number or a truth value.
    pub(crate) fn member(&mut self, key: &'static str, object: &Json, name: &str) -> &mut Self {
        match self.scalar(object, name) {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    /// The same for a member that tells of a person.
    pub(crate) fn personal_member(&mut self, key: &'static str, object: &Json, name: &str) -> &mut Self {
        let before = std::mem::replace(&mut self.privacy, Privacy::Personal);
        self.member(key, object, name);
        self.privacy = before;
        self
    }

    /// The same for a member that says where something lies.
    pub(crate) fn location_member(&mut self, key: &'static str, object: &Json, name: &str) -> &mut Self {
        match self.scalar(object, name) {
            Some(text) => self.location(key, &text),
            None => self,
        }
    }

    /// Notes an id that finds a commit: a digest if it is whole, and a warning if it is cut off.
    pub(crate) fn commit(&mut self, key: &'static str, id: &str) -> &mut Self {
        if is_hex(id, 40) || is_hex(id, 64) {
            return self.digest(key, "gitCommit", id);
        }
        self.warn(WarningReason::WeakDigest, key, "no whole git commit id");
        self.text(key, id)
    }

    /// Says what is not taken, of the member `name`.
    pub(crate) fn warn(&mut self, reason: WarningReason, name: &str, text: impl Into<String>) {
        let place = member_place(&self.place, name);
        self.notes.warn(reason, &place, text);
    }

    /// The member as text; one that is no scalar is a warning.
    fn scalar(&mut self, object: &Json, name: &str) -> Option<String> {
        let value = object.get(name)?;
        let scalar = value.scalar();
        if scalar.is_none() && *value != Json::Null {
            self.warn(WarningReason::Malformed, name, "want a text or a number");
        }
        scalar
    }

    fn note(&mut self, key: &'static str, value: Value, privacy: Privacy) {
        let at = at(self.notes.file, &self.place);
        let fact = Fact::new(self.topic, self.about.as_str(), key, value, self.notes.grade, at);
        let fact = match privacy {
            Privacy::Public => fact,
            Privacy::Personal => fact.personal(),
        };
        self.notes.collected.push(fact);
    }
}

/// The place of a member of what stands at `place`.
pub(crate) fn member_place(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// Whether a text is `digits` lower-case hex digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The scalars in a value, each with the keys that lead to it: `train.lr`, `layers.0`.
///
/// The parsers bound the depth, so recursion is bounded too.
pub(crate) fn flat(prefix: &str, value: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    flatten(prefix, value, &mut found);
    found
}

fn flatten(prefix: &str, value: &Json, found: &mut Vec<(String, String)>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(key, value)| flatten(&member_place(prefix, key), value, found));
        }
        Json::Array(elements) if !elements.is_empty() => {
            for (index, element) in elements.iter().enumerate() {
                flatten(&member_place(prefix, &index.to_string()), element, found);
            }
        }
        // What is empty is a value too.
        Json::Object(_) => found.push((prefix.to_owned(), "{}".to_owned())),
        Json::Array(_) => found.push((prefix.to_owned(), "[]".to_owned())),
        scalar => found.push((prefix.to_owned(), scalar.scalar().unwrap_or_else(|| "null".to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn nested_values_are_named_by_their_keys() {
        let value =
            parse(br#"{"a": {"b": 0.10, "c": [1, "x"]}, "d": [], "e": null, "f": {}}"#).expect("JSON");
        let flat = flat("", &value);
        let flat: Vec<_> = flat.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let want = [("a.b", "0.10"), ("a.c.0", "1"), ("a.c.1", "x"), ("d", "[]"), ("e", "null"), ("f", "{}")];
        assert_eq!(flat, want);
    }

    #[test]
    fn a_member_of_another_kind_is_a_warning_and_an_empty_text_is_nothing() {
        let value = parse(br#"{"a": [1], "b": "", "c": 3, "d": null}"#).expect("JSON");
        let mut collected = Collected::new("test");
        let mut notes = Notes::new(&mut collected, "f", Source::Declared);
        let mut subject = notes.subject(Topic::Identity, "", "x");
        subject.member("a", &value, "a").member("b", &value, "b").member("c", &value, "c");
        subject.member("d", &value, "d").personal_member("p", &value, "c").member("e", &value, "e");
        let facts: Vec<_> = collected.facts().iter().map(|fact| (fact.key(), fact.privacy())).collect();
        assert_eq!(facts, [("c", Privacy::Public), ("p", Privacy::Personal)]);
        let warnings: Vec<_> = collected.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(warnings, ["f: x.a: want a text or a number [malformed]"]);
    }

    #[test]
    fn a_commit_id_that_is_cut_off_is_no_digest() {
        let mut collected = Collected::new("test");
        let mut notes = Notes::new(&mut collected, "f", Source::Imported);
        let whole = "0123456789abcdef0123456789abcdef01234567";
        notes.subject(Topic::Code, "", "").commit("commit", whole).commit("commit", "0123456");
        let values: Vec<_> = collected.facts().iter().map(|fact| fact.value().to_text()).collect();
        assert_eq!(values, [format!("gitCommit:{whole}"), "0123456".to_owned()]);
        assert_eq!(collected.warnings().first().map(crate::Warning::reason), Some(WarningReason::WeakDigest));
    }
}
