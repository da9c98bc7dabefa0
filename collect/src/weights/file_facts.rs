//! What is learned of one weights file: every fact carries the file's name.

use attest::provenance::Source;

use super::totals::Totals;
use crate::{Collected, Fact, Topic, Value, WarningReason};

/// Facts and warnings about one file, or about a set of shards under the name of its index.
#[derive(Debug)]
pub(crate) struct FileFacts {
    name: String,
    collected: Collected,
}

impl FileFacts {
    /// Nothing yet.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), collected: Collected::new(super::SOURCE) }
    }

    /// Gives up what was gathered.
    pub(crate) fn finish(self) -> Collected {
        self.collected
    }

    /// The file, and the place in it unless that is empty.
    fn at(&self, place: &str) -> String {
        if place.is_empty() { self.name.clone() } else { format!("{}: {place}", self.name) }
    }

    fn fact(&self, key: &'static str, value: Value, grade: Source, place: &str) -> Fact {
        Fact::new(Topic::Identity, self.name.clone(), key, value, grade, self.at(place))
    }

    /// What the bytes prove.
    pub(crate) fn observed(&mut self, key: &'static str, value: impl Into<String>, place: &str) {
        self.collected.push(self.fact(key, Value::Text(value.into()), Source::Observed, place));
    }

    /// What somebody wrote into the file.
    pub(crate) fn declared(&mut self, key: &'static str, value: impl Into<String>, place: &str) {
        self.collected.push(self.fact(key, Value::Text(value.into()), Source::Declared, place));
    }

    /// What somebody wrote into the file and may name people, paths or machines.
    pub(crate) fn personal(&mut self, key: &'static str, value: impl Into<String>, place: &str) {
        let fact = self.fact(key, Value::Text(value.into()), Source::Declared, place);
        self.collected.push(fact.personal());
    }

    /// A digest that was computed here, over bytes of the header.
    pub(crate) fn hashed(&mut self, key: &'static str, bytes: &[u8], place: &str) {
        let hex = attest::digest::Sha256Digest::of(bytes).to_string();
        let value = Value::Digest { algorithm: "sha256", hex };
        self.collected.push(self.fact(key, value, Source::Observed, place));
    }

    /// A fact about another thing that the file names: a base model, a dataset.
    pub(crate) fn about(&mut self, topic: Topic, about: &str, key: &'static str, value: &str, place: &str) {
        let value = Value::Text(value.to_owned());
        self.collected.push(Fact::new(topic, about, key, value, Source::Declared, self.at(place)));
    }

    /// Notes something that was left out.
    pub(crate) fn warn(&mut self, reason: WarningReason, place: &str, text: impl Into<String>) {
        let at = self.at(place);
        self.collected.warn(reason, &at, text);
    }

    /// Notes a small file that was read from end to end.
    pub(crate) fn note_file(&mut self, file: crate::ReadFile) {
        self.collected.note_file(file);
    }

    /// Number of tensors, of parameters, and of parameters by type.
    pub(crate) fn totals(&mut self, totals: &Totals) {
        self.observed("tensors", totals.tensors().to_string(), "");
        self.observed("parameters", totals.parameters().to_string(), "");
        for (dtype, elements) in totals.by_dtype() {
            self.observed("dtype", format!("{dtype}={elements}"), "");
        }
    }

    /// A key and a value of free text, of which nobody knows what they hold.
    pub(crate) fn metadata(&mut self, key: &str, value: &str, place: &str) {
        if key.contains('=') {
            let shown = crate::excerpt::excerpt(key);
            self.warn(
                WarningReason::Malformed,
                place,
                format!("metadata key {shown:?} holds an equals sign"),
            );
        } else {
            self.personal("metadata", format!("{key}={value}"), place);
        }
    }
}
