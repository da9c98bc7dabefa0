//! KitOps: see [`super::kitfile()`].

use crate::folder::join;
use crate::json::Json;
use crate::notes::{Notes, Subject, flat, is_hex, member_place};
use crate::{Topic, WarningReason};

/// Lists of things that are packed, and what they are.
const LISTS: [(&str, Topic); 5] = [
    ("datasets", Topic::Data),
    ("code", Topic::Code),
    ("docs", Topic::Document),
    ("prompts", Topic::Document),
    ("mcpServers", Topic::Code),
];

/// Notes a Kitfile.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let Some(kit) = notes.yaml(bytes) else { return };
    let version = kit.get("manifestVersion").and_then(Json::scalar).unwrap_or_default();
    if version.trim_start_matches('v').split('.').next() != Some("1") {
        return notes.warn(WarningReason::UnknownVersion, "manifestVersion", "want 1");
    }
    note_package(&kit, notes);
    note_model(&kit, notes);
    for (list, topic) in LISTS {
        for (index, item) in notes.elements(kit.get(list), list).iter().enumerate() {
            let at = format!("{list}[{index}]");
            note_item(item, topic, &at, notes);
        }
    }
}

fn note_package(kit: &Json, notes: &mut Notes<'_>) {
    let nothing = Json::Null;
    let package = kit.get("package").unwrap_or(&nothing);
    let mut subject = notes.subject(Topic::Identity, "", "package");
    subject.member("name", package, "name").member("version", package, "version");
    subject.member("description", package, "description").member("license", package, "license");
    for author in notes.texts(package.get("authors"), "package.authors") {
        notes.subject(Topic::Custody, "", "package.authors").personal().text("author", author);
    }
}

fn note_model(kit: &Json, notes: &mut Notes<'_>) {
    let Some(model) = kit.get("model").filter(|model| **model != Json::Null) else { return };
    let name = model.get("name").and_then(Json::scalar).unwrap_or_default();
    let mut subject = notes.subject(Topic::Identity, &name, "model");
    subject.member("name", model, "name").member("version", model, "version");
    subject.member("description", model, "description").member("license", model, "license");
    subject.member("framework", model, "framework").member("format", model, "format");
    note_path(model, &mut subject);
    for (index, part) in notes.elements(model.get("parts"), "model.parts").iter().enumerate() {
        let mut subject = notes.subject(Topic::Identity, called(part), format!("model.parts[{index}]"));
        subject.member("type", part, "type").member("license", part, "license");
        note_path(part, &mut subject);
    }
    if let Some(parameters) = model.get("parameters").filter(|parameters| **parameters != Json::Null) {
        for (key, value) in flat("", parameters) {
            notes.subject(Topic::Parameter, key, "model.parameters").text("value", value);
        }
    }
}

fn note_item(item: &Json, topic: Topic, at: &str, notes: &mut Notes<'_>) {
    let name = called(item);
    let mut subject = notes.subject(topic, &name, at);
    subject.member("description", item, "description").member("license", item, "license");
    note_path(item, &mut subject);
    if item.get("remotePath").is_some() {
        notes.subject(topic, &name, at).personal().location_member("uri", item, "remotePath");
    }
    let Some(hash) = item.get("remoteHash").and_then(Json::scalar) else { return };
    let hex = hash.strip_prefix("sha256:").unwrap_or(&hash);
    if is_hex(hex, 64) {
        notes.subject(topic, &name, at).digest("digest", "sha256", hex);
    } else {
        notes.warn(WarningReason::WeakDigest, &member_place(at, "remoteHash"), "want 64 hex digits");
    }
}

/// What a thing is called: by its name, or else by its path.
fn called(item: &Json) -> String {
    ["name", "path"].iter().find_map(|name| item.get(name)?.scalar()).unwrap_or_default()
}

/// A path leads out of the directory of the Kitfile in no kit that KitOps packs.
fn note_path(item: &Json, subject: &mut Subject<'_, '_>) {
    let Some(path) = item.get("path").and_then(Json::scalar) else { return };
    if join("", &path).is_none() {
        subject.warn(WarningReason::Escape, "path", "leads out of the directory of the Kitfile");
    } else {
        subject.location("path", &path);
    }
}
