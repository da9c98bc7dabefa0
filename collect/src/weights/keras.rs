//! The configuration of a Keras 3 file.
//!
//! Follows what keras 3.15 writes (`keras.src.saving.saving_lib`).
//!
//! ```text
//! metadata.json        {"keras_version": "3.15.1", "date_saved": "2026-11-27@08:00:00"}
//! config.json          {"module": "keras", "class_name": "Sequential", "registered_name": "Sequential",
//!                       "config": {"name": "net", "layers": [{"module": "keras.layers", "class_name": "Dense", ...}]}}
//! model.weights.h5     HDF5, or model.weights.npz                                                      not read
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `format` | file | `keras` |
//! | `producer` | file | `keras_version`, as `keras 3.15.1`, declared |
//! | `created` | file | `date_saved`, declared |
//! | `architecture` | file | the outermost `class_name` |
//! | `name` | file | `config.name` of it, declared |
//! | `layer` | file | class names in any `layers`, with their number: `Dense=2` |
//! | `code` | file | `lambda` if a class is `Lambda` or `__lambda__`: marshalled Python that runs when it is loaded |
//! | `custom-class` | file | classes whose module is not below `keras`, which Keras imports to load |
//!
//! Code and custom classes are warnings too. Bounds: 16 MiB for each JSON, 64 levels. In scope: the two JSON files. Out of
//! scope: the weights, which are HDF5; so there is no count of parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use super::archive::Open;
use super::file_facts::FileFacts;
use super::zip::Archive;
use crate::excerpt::excerpt;
use crate::json::{self, Json, JsonError};
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, WarningReason};

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";

/// Most different classes that are named.
const MAX_CLASSES: usize = 1000;

/// Whether the members are those of a Keras file.
pub(super) fn is_keras(archive: &Archive) -> bool {
    [CONFIG, METADATA].iter().all(|name| archive.member(name).is_some())
}

/// Describes a Keras file.
pub(super) fn describe<R: Read + Seek>(open: &mut Open<R>, facts: &mut FileFacts) {
    facts.observed("format", "keras", "");
    if let Some(text) = open.text(METADATA, MAX_TEXT_FILE_BYTES, facts) {
        metadata(&text, facts);
    }
    if let Some(text) = open.text(CONFIG, MAX_TEXT_FILE_BYTES, facts) {
        config(&text, facts);
    }
    for member in open.archive.files().filter(|member| ![CONFIG, METADATA].contains(&member.name.as_str())) {
        facts.warn(
            WarningReason::NotRead,
            &excerpt(&member.name),
            "weights or assets, of which nothing is read",
        );
    }
}

/// Reads a `config.json` that lies in no archive. For fuzzing, and for directories of unpacked models.
pub fn read_config(bytes: &[u8], name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    match str::from_utf8(bytes) {
        Ok(text) => config(text, &mut facts),
        Err(_) => facts.warn(WarningReason::Malformed, CONFIG, "not UTF-8"),
    }
    facts.finish()
}

fn parse(text: &str, place: &str, facts: &mut FileFacts) -> Option<Json> {
    match json::parse(text.as_bytes()) {
        Ok(json) => Some(json),
        Err(error) => {
            let too_large = matches!(error, JsonError::TooDeep | JsonError::TooMany);
            let reason = if too_large { WarningReason::TooLarge } else { WarningReason::Malformed };
            facts.warn(reason, place, error.to_string());
            None
        }
    }
}

fn metadata(text: &str, facts: &mut FileFacts) {
    let Some(json) = parse(text, METADATA, facts) else { return };
    match json.get("keras_version").and_then(Json::text) {
        Some(version) => facts.declared("producer", format!("keras {version}"), METADATA),
        None => facts.warn(WarningReason::Malformed, METADATA, "no text keras_version"),
    }
    if let Some(date) = json.get("date_saved").and_then(Json::text) {
        facts.declared("created", date, METADATA);
    }
}

fn config(text: &str, facts: &mut FileFacts) {
    let Some(json) = parse(text, CONFIG, facts) else { return };
    match json.get("class_name").and_then(Json::text) {
        Some(class) => facts.observed("architecture", class, CONFIG),
        None => facts.warn(WarningReason::Malformed, CONFIG, "no text class_name"),
    }
    let name = json.get("config").and_then(|config| config.get("name"));
    if let Some(name) = name.and_then(Json::text) {
        facts.declared("name", name, CONFIG);
    }
    let mut classes = Classes::default();
    classes.walk(&json, false);
    classes.describe(facts);
}

/// The classes that a configuration names.
#[derive(Default)]
struct Classes<'a> {
    layers: BTreeMap<&'a str, u64>,
    custom: BTreeSet<&'a str>,
    has_lambda: bool,
    is_cut: bool,
}

impl<'a> Classes<'a> {
    /// Walks a value, whose depth the reader of JSON has bounded.
    fn walk(&mut self, json: &'a Json, is_layer: bool) {
        if let Some(class) = json.get("class_name").and_then(Json::text) {
            self.take(json, class, is_layer);
        }
        match json {
            Json::Object(members) => {
                for (key, member) in members {
                    match member {
                        Json::Array(elements) if key == "layers" => {
                            elements.iter().for_each(|element| self.walk(element, true));
                        }
                        _ => self.walk(member, false),
                    }
                }
            }
            Json::Array(elements) => elements.iter().for_each(|element| self.walk(element, false)),
            _ => {}
        }
    }

    fn take(&mut self, json: &'a Json, class: &'a str, is_layer: bool) {
        self.has_lambda |= matches!(class, "Lambda" | "__lambda__");
        let module = json.get("module").and_then(Json::text);
        // Values that are no objects of Keras, such as tensors, have a module of their own or none.
        let is_custom = module.is_some_and(|module| module != "keras" && !module.starts_with("keras."))
            || json.get("registered_name").and_then(Json::text).is_some_and(|name| name.contains('>'));
        if self.layers.len() + self.custom.len() >= MAX_CLASSES {
            self.is_cut = true;
            return;
        }
        if is_layer {
            *self.layers.entry(class).or_default() += 1;
        }
        if is_custom {
            self.custom.insert(class);
        }
    }

    fn describe(&self, facts: &mut FileFacts) {
        for (class, count) in &self.layers {
            facts.observed("layer", format!("{class}={count}"), CONFIG);
        }
        if self.has_lambda {
            facts.observed("code", "lambda", CONFIG);
            facts.warn(WarningReason::NotRead, CONFIG, "a Lambda holds Python code, which is never read");
        }
        for class in &self.custom {
            facts.observed("custom-class", *class, CONFIG);
            let text = format!("class {:?} is not one of Keras", excerpt(class));
            facts.warn(WarningReason::NotRead, CONFIG, text);
        }
        if self.is_cut {
            facts.warn(WarningReason::TooLarge, CONFIG, format!("more than {MAX_CLASSES} classes"));
        }
    }
}
