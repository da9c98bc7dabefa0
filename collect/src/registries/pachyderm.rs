//! Pachyderm: see [`super::pachyderm()`].

use crate::json::Json;
use crate::notes::{Notes, is_hex};
use crate::{Topic, WarningReason};

/// Notes a commit.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let bytes = bytes.trim_ascii();
    if let Some(id) = std::str::from_utf8(bytes).ok().filter(|id| is_hex(id, 32)) {
        notes.subject(Topic::Data, "", "").text("revision", id);
        return;
    }
    if bytes.first() != Some(&b'{') {
        return notes.warn(WarningReason::Malformed, "", "neither 32 hex digits nor JSON");
    }
    let Some(info) = notes.json(bytes) else { return };
    let nothing = Json::Null;
    let commit = info.get("commit").unwrap_or(&nothing);
    let id = commit.get("id").and_then(Json::text).unwrap_or_default();
    if !is_hex(id, 32) {
        return notes.warn(WarningReason::Malformed, "commit.id", "no 32 hex digits");
    }
    // Older versions name the repository in the branch only.
    let branch = commit.get("branch").unwrap_or(&nothing);
    let repository = commit.get("repo").or_else(|| branch.get("repo")).unwrap_or(&nothing);
    let about = repository_name(repository);
    let parent = either(&info, "parent_commit", "parentCommit").and_then(|parent| parent.get("id"));
    let details = info.get("details").unwrap_or(&nothing);
    let mut subject = notes.subject(Topic::Data, about, "");
    subject.text("revision", id).member("branch", branch, "name").member("description", &info, "description");
    subject.member("started", &info, "started").member("finished", &info, "finished");
    if let Some(origin) = info.get("origin") {
        subject.member("origin", origin, "kind");
    }
    for (key, value) in [("parent", parent), ("bytes", either(details, "size_bytes", "sizeBytes"))] {
        if let Some(text) = value.and_then(Json::scalar) {
            subject.text(key, text);
        }
    }
}

/// `project/repo`.
fn repository_name(repository: &Json) -> String {
    let project = repository.get("project").and_then(|project| project.get("name"));
    let parts = [project, repository.get("name")];
    let parts: Vec<String> =
        parts.into_iter().flatten().filter_map(Json::scalar).filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// A member by either of the two names that protobuf gives it in JSON.
fn either<'j>(object: &'j Json, original: &str, camel: &str) -> Option<&'j Json> {
    object.get(original).or_else(|| object.get(camel))
}
