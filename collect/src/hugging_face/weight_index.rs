//! `model.safetensors.index.json`: which file holds which tensor.
//!
//! ```json
//! {"metadata": {"total_size": 96}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
//! ```

use std::collections::BTreeSet;

use crate::json::Json;
use crate::notes::{Notes, member_place};
use crate::{Topic, WarningReason};

/// Notes an index, and gives the files that it names, sorted, each once.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) -> Vec<String> {
    let Some(index) = notes.json(bytes) else { return Vec::new() };
    if let Some(metadata) = index.get("metadata") {
        notes.subject(Topic::Identity, "", "metadata").member("weight-bytes", metadata, "total_size");
    }
    if index.get("weight_map").is_none() {
        notes.warn(WarningReason::Malformed, "", "no weight_map");
    }
    let mut files = BTreeSet::new();
    let mut tensors: usize = 0;
    for (tensor, file) in notes.members(index.get("weight_map"), "weight_map") {
        match file {
            Json::Text(file) => {
                tensors = tensors.saturating_add(1);
                files.insert(file.clone());
            }
            _ => {
                notes.warn(WarningReason::Malformed, &member_place("weight_map", tensor), "no name of a file")
            }
        }
    }
    if tensors > 0 {
        notes.subject(Topic::Identity, "", "weight_map").text("tensors", tensors.to_string());
    }
    for file in &files {
        notes.subject(Topic::Identity, "", "weight_map").text("weight-file", file);
    }
    files.into_iter().collect()
}
