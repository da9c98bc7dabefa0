//! The last value under each name: W&B writes configuration and summary as a sequence of changes.

use std::collections::BTreeMap;

use crate::excerpt::excerpt;
use crate::imported::Imported;
use crate::json::Json;
use crate::wandb::python_json;
use crate::wandb::wire::{Message, WireError};
use crate::{MAX_TEXT_BYTES, WarningReason};

/// Most names that are held, and most that they spread into.
const MAX_NAMES: usize = 1 << 16;
/// Most bytes of names and values that are held.
const MAX_BYTES: usize = 64 << 20;
/// What W&B keeps for itself among the values of the user.
const INTERNAL: [&str; 4] = ["_runtime", "_step", "_timestamp", "_wandb"];

/// A value as JSON, where it was written, and in which step of the run.
#[derive(Clone, Debug)]
struct Last {
    json: String,
    step: Option<i64>,
    at: String,
}

/// Values by name; the name of a nested one has several parts.
#[derive(Debug, Default)]
pub(super) struct Values {
    held: BTreeMap<Vec<String>, Last>,
    bytes: usize,
    is_full: bool,
}

/// A value that is no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) text: String,
    pub(super) step: Option<i64>,
    pub(super) at: String,
}

impl Values {
    /// Takes in changes: `update` 1, `remove` 2, each with `key` 1 or `nested_key` 2, and `value_json` 16.
    pub(super) fn change(
        &mut self,
        record: Message<'_>,
        at: &str,
        out: &mut Imported,
    ) -> Result<(), WireError> {
        for item in record.messages(1) {
            let item = item?;
            self.set(name_of(item)?, item.text(16)?.unwrap_or_default(), None, at, out);
        }
        for item in record.messages(2) {
            self.remove(&name_of(item?)?);
        }
        Ok(())
    }

    /// Takes in a step of the history: `item` 1, each with a value in one of several types, and `step` 2 with `num` 1.
    pub(super) fn log(&mut self, record: Message<'_>, at: &str, out: &mut Imported) -> Result<(), WireError> {
        let step = record.message(2)?.map(|step| step.signed(1)).transpose()?;
        // Protobuf leaves out zero.
        let step = step.map(Option::unwrap_or_default);
        for item in record.messages(1) {
            let item = item?;
            if let Some(json) = logged_json(item)? {
                self.set(name_of(item)?, &json, step, at, out);
            }
        }
        Ok(())
    }

    /// Puts a value in place of the one with this name, and of all below it.
    fn set(&mut self, name: Vec<String>, json: &str, step: Option<i64>, at: &str, out: &mut Imported) {
        self.remove(&name);
        let bytes = size(&name, json.len(), at.len());
        if self.held.len() >= MAX_NAMES || self.bytes.saturating_add(bytes) > MAX_BYTES {
            if !self.is_full {
                let text = format!("more than {MAX_NAMES} names or {MAX_BYTES} bytes of values");
                out.warn(WarningReason::TooLarge, at, &text);
            }
            self.is_full = true;
            return;
        }
        self.bytes += bytes;
        self.held.insert(name, Last { json: json.to_owned(), step, at: at.to_owned() });
    }

    fn remove(&mut self, name: &[String]) {
        let below = self.held.range(name.to_vec()..).map(|(held, _)| held);
        let below: Vec<_> = below.take_while(|held| held.starts_with(name)).cloned().collect();
        for held in below {
            if let Some(last) = self.held.remove(&held) {
                self.bytes = self.bytes.saturating_sub(size(&held, last.json.len(), last.at.len()));
            }
        }
    }

    /// All values that are no objects, by name with dots. What is W&B's own is left out.
    pub(super) fn leaves(&self, out: &mut Imported) -> BTreeMap<String, Leaf> {
        let mut leaves = Leaves::default();
        for (name, last) in &self.held {
            if name.first().is_some_and(|first| INTERNAL.contains(&first.as_str())) {
                continue;
            }
            let name = name.join(".");
            match python_json::parse(last.json.as_bytes()) {
                Ok(json) => leaves.spread(&name, &json, last.step, &last.at, out),
                Err(error) => {
                    let text = format!("value of {:?}: {error}", excerpt(&name));
                    out.warn(WarningReason::Malformed, &last.at, &text);
                }
            }
        }
        leaves.found
    }
}

/// The leaves of an object that somebody else wrote whole, by name with dots.
pub(super) fn leaves_of(json: &Json, at: &str, out: &mut Imported) -> BTreeMap<String, Leaf> {
    let mut leaves = Leaves::default();
    for (name, value) in json.object().into_iter().flatten() {
        if !INTERNAL.contains(&name.as_str()) {
            leaves.spread(name, value, None, at, out);
        }
    }
    leaves.found
}

/// Gathers leaves: objects spread into their members, and short texts in deep objects could become many long names.
#[derive(Debug, Default)]
struct Leaves {
    found: BTreeMap<String, Leaf>,
    is_full: bool,
}

impl Leaves {
    /// Gives the leaves of a value. An array is a leaf: the text of it.
    fn spread(&mut self, name: &str, json: &Json, step: Option<i64>, at: &str, out: &mut Imported) {
        if name.len() > MAX_TEXT_BYTES || self.found.len() >= MAX_NAMES {
            if !self.is_full {
                let text =
                    format!("a name of more than {MAX_TEXT_BYTES} bytes, or more than {MAX_NAMES} names");
                out.warn(WarningReason::TooLarge, at, &text);
            }
            self.is_full = true;
            return;
        }
        let text = match json {
            Json::Object(members) => {
                for (key, value) in members {
                    self.spread(&format!("{name}.{key}"), value, step, at, out);
                }
                return;
            }
            // A text stands for itself, without quotes.
            Json::Text(text) => text.clone(),
            other => text_of(other),
        };
        self.found.insert(name.to_owned(), Leaf { text, step, at: at.to_owned() });
    }
}

fn size(name: &[String], json: usize, at: usize) -> usize {
    name.iter().map(String::len).fold(json.saturating_add(at), usize::saturating_add)
}

/// `nested_key` 2 if it is there, or else `key` 1.
fn name_of(item: Message<'_>) -> Result<Vec<String>, WireError> {
    let nested = item.texts(2)?;
    let parts = if nested.is_empty() { vec![item.text(1)?.unwrap_or_default()] } else { nested };
    Ok(parts.into_iter().map(str::to_owned).collect())
}

/// The value of an item of the history as JSON; `None` if there is nothing to say.
fn logged_json(item: Message<'_>) -> Result<Option<String>, WireError> {
    if let Some(json) = item.text(16)?.or(item.text(8)?) {
        return Ok(Some(json.to_owned()));
    }
    if let Some(text) = item.text(7)? {
        return Ok(Some(quoted(text)));
    }
    if let Some(number) = item.double(6)? {
        return Ok(Some(format!("{number:?}")));
    }
    if let Some(number) = item.zigzag(5)? {
        return Ok(Some(number.to_string()));
    }
    Ok(item.number(4)?.map(|truth| (truth != 0).to_string()))
}

/// A value as JSON, numbers as they were written.
fn text_of(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(truth) => truth.to_string(),
        Json::Number(text) => text.clone(),
        Json::Text(text) => quoted(text),
        Json::Array(elements) => {
            format!("[{}]", elements.iter().map(text_of).collect::<Vec<_>>().join(","))
        }
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{}:{}", quoted(key), text_of(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    fn texts(values: &Values) -> Vec<(String, String)> {
        let mut out = Imported::new("test");
        values.leaves(&mut out).into_iter().map(|(name, leaf)| (name, leaf.text)).collect()
    }

    #[test]
    fn a_value_takes_the_place_of_what_was_below_its_name() {
        let mut out = Imported::new("test");
        let mut values = Values::default();
        for (path, json) in [
            ("a", "1"),
            ("a/b", "2"),
            ("ab", "3"),
            ("a", r#"{"c": 0.10, "d": {"e": [1, "x", null, {"f": true}]}}"#),
            ("_wandb/x", "4"),
            ("z", "NaN"),
        ] {
            values.set(name(path), json, None, "here", &mut out);
        }
        let expected = [("a.c", "0.10"), ("a.d.e", r#"[1,"x",null,{"f":true}]"#), ("ab", "3"), ("z", "NaN")];
        assert_eq!(texts(&values), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        values.remove(&name("a"));
        values.remove(&name("z"));
        assert_eq!(texts(&values), [("ab".to_owned(), "3".to_owned())]);
        let held = size(&name("ab"), 1, 4) + size(&name("_wandb/x"), 1, 4);
        assert_eq!(values.bytes, held);
    }

    #[test]
    fn names_and_bytes_are_bounded() {
        let mut out = Imported::new("test");
        let mut values = Values::default();
        for number in 0..MAX_NAMES + 10 {
            values.set(name(&number.to_string()), "1", None, "", &mut out);
        }
        assert_eq!(values.held.len(), MAX_NAMES);
        let long = "1".repeat(MAX_BYTES);
        values.set(name("0"), &long, None, "", &mut out);
        let collected = out.finish();
        assert_eq!(collected.warnings().len(), 1, "said once");
        assert_eq!(collected.warnings()[0].reason(), WarningReason::TooLarge);
    }

    #[test]
    fn long_names_do_not_spread() {
        let mut out = Imported::new("test");
        let mut values = Values::default();
        let json = format!("{{{:?}: {{\"a\": 1, \"b\": 2}}, \"c\": 3}}", "x".repeat(MAX_TEXT_BYTES));
        values.set(name("a"), &json, None, "", &mut out);
        let leaves: Vec<_> = values.leaves(&mut out).into_keys().collect();
        assert_eq!(leaves, ["a.c"]);
        assert_eq!(out.finish().warnings().len(), 1, "said once");
    }
}
