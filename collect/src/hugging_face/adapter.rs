//! `adapter_config.json`: what peft made an adapter from. Its `revision` is often absent: then the base is a name and no more.

use super::named;
use crate::json::Json;
use crate::notes::Notes;
use crate::{Topic, WarningReason};

/// Notes an adapter.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let Some(config) = notes.json(bytes) else { return };
    if config.object().is_none() {
        return notes.warn(WarningReason::Malformed, "", "want an object");
    }
    let base = config.get("base_model_name_or_path").and_then(Json::scalar);
    if let Some(base) = base.filter(|base| !base.is_empty()) {
        let mut subject = named(Topic::BaseModel, &base, "base_model_name_or_path", notes);
        subject.text("relation", "adapter").member("revision", &config, "revision");
    }
    let mut subject = notes.subject(Topic::Identity, "", "");
    subject.member("adapter", &config, "peft_type").member("task", &config, "task_type");
    notes.subject(Topic::Package, "peft", "").member("version", &config, "peft_version");
}
