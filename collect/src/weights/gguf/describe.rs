//! The pairs of a header as facts.

use super::{Header, Value, file_type};
use crate::Topic;
use crate::weights::file_facts::FileFacts;

/// Keys below `general.` and the facts they become.
const GENERAL: [(&str, &str); 20] = [
    ("basename", "basename"),
    ("description", "description"),
    ("doi", "doi"),
    ("finetune", "finetune"),
    ("license", "license"),
    ("license.link", "license-uri"),
    ("license.name", "license-name"),
    ("name", "name"),
    ("organization", "organization"),
    ("quantization_version", "quantization-version"),
    ("repo_url", "repository-uri"),
    ("size_label", "size-label"),
    ("source.doi", "source-doi"),
    ("source.repo_url", "source-repository-uri"),
    ("source.url", "source-uri"),
    ("source.uuid", "source-uuid"),
    ("type", "type"),
    ("url", "uri"),
    ("uuid", "uuid"),
    ("version", "version"),
];

/// Keys below `general.base_model.N.` and `general.dataset.N.`. The author is left out: a person, and not of this model.
const ANCESTOR: [(&str, &str); 8] = [
    ("description", "description"),
    ("doi", "doi"),
    ("name", "name"),
    ("organization", "organization"),
    ("repo_url", "repository-uri"),
    ("url", "uri"),
    ("uuid", "uuid"),
    ("version", "version"),
];

const GENERAL_PREFIX: &str = "general.";
const BASE_MODEL_PREFIX: &str = "general.base_model.";
const DATASET_PREFIX: &str = "general.dataset.";
/// One template, or one of several that have names; not the list of those names, which is no text.
const TEMPLATE_PREFIX: &str = "tokenizer.chat_template";

pub(super) fn describe(header: &Header, facts: &mut FileFacts) {
    facts.observed("format", "gguf", "");
    facts.observed("format-version", header.version.to_string(), "");
    facts.totals(&header.totals);
    for (key, value) in &header.values {
        if key.starts_with(BASE_MODEL_PREFIX) {
            ancestor(header, Topic::BaseModel, BASE_MODEL_PREFIX, key, facts);
        } else if key.starts_with(DATASET_PREFIX) {
            ancestor(header, Topic::Data, DATASET_PREFIX, key, facts);
        } else if let Some(key_below) = key.strip_prefix(GENERAL_PREFIX) {
            general(key, key_below, value, facts);
        } else if key.starts_with(TEMPLATE_PREFIX)
            && let Value::Text(template) = value
        {
            facts.hashed("chat-template", template.as_bytes(), key);
        }
    }
    shard(header, facts);
}

fn general(key: &str, key_below: &str, value: &Value, facts: &mut FileFacts) {
    match (key_below, value) {
        ("alignment", _) => {}
        ("architecture", Value::Text(architecture)) => {
            facts.observed("architecture", architecture.as_str(), key)
        }
        ("author", Value::Text(author)) => facts.personal("author", author.as_str(), key),
        ("quantized_by", Value::Text(author)) => facts.personal("quantized-by", author.as_str(), key),
        ("file_type", Value::U32(number)) => {
            let name = file_type::name(*number).map_or_else(|| number.to_string(), str::to_owned);
            facts.declared("quantization", name, key);
        }
        ("tags", Value::Texts(tags)) => tags.iter().for_each(|tag| facts.declared("tag", tag.as_str(), key)),
        ("languages", Value::Texts(languages)) => {
            languages.iter().for_each(|language| facts.declared("language", language.as_str(), key));
        }
        ("datasets", Value::Texts(names)) => {
            names.iter().for_each(|name| facts.about(Topic::Data, name, "name", name, key));
        }
        _ => {
            let Some(text) = value.scalar() else { return };
            match GENERAL.iter().find(|(known, _)| *known == key_below) {
                Some((_, fact)) => facts.declared(fact, text, key),
                None => facts.metadata(key, &text, key),
            }
        }
    }
}

/// A property of a base model or a dataset: `general.base_model.0.version` of the one that `general.base_model.0.name` names,
/// or of number 0 if nothing names it.
fn ancestor(header: &Header, topic: Topic, prefix: &str, key: &str, facts: &mut FileFacts) {
    let Some((index, property)) = key.strip_prefix(prefix).and_then(|rest| rest.split_once('.')) else {
        return; // the count
    };
    let Some((_, fact)) = ANCESTOR.iter().find(|(known, _)| *known == property) else { return };
    let text = |key: &str| header.values.get(key).and_then(Value::scalar);
    let name = text(&format!("{prefix}{index}.name")).unwrap_or_else(|| index.to_owned());
    if let Some(value) = text(key) {
        facts.about(topic, &name, fact, &value, key);
    }
}

/// Which file of a split model this is, counted from 1.
fn shard(header: &Header, facts: &mut FileFacts) {
    let number =
        |key| header.values.get(key).and_then(Value::scalar).and_then(|text| text.parse::<u32>().ok());
    if let (Some(index), Some(count)) = (number("split.no"), number("split.count")) {
        facts.observed("shard", format!("{} of {count}", u64::from(index) + 1), "split.no");
    }
}
