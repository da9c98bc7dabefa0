//! `config.json`: what the transformers library builds a model from.
//!
//! `auto_map` names classes that are not in the library but in files of this repository, or of another one (`org/name--file.Class`):
//! a loader that is told to trust them runs them.

use crate::json::Json;
use crate::notes::{Notes, member_place};
use crate::{Topic, WarningReason};

/// Notes a configuration.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let Some(config) = notes.json(bytes) else { return };
    if config.object().is_none() {
        return notes.warn(WarningReason::Malformed, "", "want an object");
    }
    for architecture in notes.texts(config.get("architectures"), "architectures") {
        notes.subject(Topic::Identity, "", "architectures").text("architecture", architecture);
    }
    let mut subject = notes.subject(Topic::Identity, "", "");
    subject.member("model-type", &config, "model_type");
    // The older name of the same thing; both in one file is a file that was written by two versions.
    let dtype = if config.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
    subject.member("dtype", &config, dtype).location_member("loaded-from", &config, "_name_or_path");
    notes.subject(Topic::Package, "transformers", "").member("version", &config, "transformers_version");
    note_quantization(&config, notes);
    note_remote_code(&config, notes);
}

fn note_quantization(config: &Json, notes: &mut Notes<'_>) {
    let Some(quantization) = config.get("quantization_config") else { return };
    let mut subject = notes.subject(Topic::Identity, "", "quantization_config");
    match quantization {
        Json::Object(_) => drop(subject.member("quantization", quantization, "quant_method")),
        Json::Null => {}
        _ => notes.warn(WarningReason::Malformed, "quantization_config", "want an object"),
    }
}

/// A class is one name, or a list with `null` for what there is none of.
fn note_remote_code(config: &Json, notes: &mut Notes<'_>) {
    for (class, code) in notes.members(config.get("auto_map"), "auto_map") {
        let at = member_place("auto_map", class);
        let names = match code {
            Json::Array(names) => names.iter().filter(|name| **name != Json::Null).cloned().collect(),
            other => vec![other.clone()],
        };
        for name in notes.texts(Some(&Json::Array(names)), &at) {
            notes.subject(Topic::Identity, class, &at).text("remote-code", name);
        }
    }
}
