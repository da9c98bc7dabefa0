//! The card of a model or dataset: YAML between two lines `---` at the head of `README.md`.
//!
//! ```text
//! ---
//! license: apache-2.0
//! base_model: acme/base
//! datasets:
//! - acme/calls
//! model-index:
//! - name: churn
//!   results:
//!   - task: {type: tabular-classification}
//!     dataset: {name: Calls, type: acme/calls, split: test}
//!     metrics:
//!     - {type: accuracy, value: 0.91}
//! ---
//! # Churn
//! ```
//!
//! Names without revisions and without digests: what a person says. Prose below is not read. Evaluation results in files of their
//! own, `.eval_results/*.yaml`, are not looked for.

use super::{Whom, named};
use crate::json::Json;
use crate::notes::{Notes, flat, member_place};
use crate::{Topic, WarningReason};

/// Texts, or lists of them, that say what the model is.
const OF_MODEL: [(&str, &str); 8] = [
    ("license", "license"),
    ("license-name", "license_name"),
    ("language", "language"),
    ("library", "library_name"),
    ("task", "pipeline_tag"),
    ("task", "task_categories"),
    ("tag", "tags"),
    ("superseded-by", "new_version"),
];

/// Notes a card; one without YAML says nothing.
pub(super) fn note(bytes: &[u8], whom: Whom<'_>, notes: &mut Notes<'_>) {
    let front = match front_matter(bytes) {
        FrontMatter::Absent => return,
        FrontMatter::Endless => {
            return notes.warn(WarningReason::Malformed, "", "YAML that does not end with ---");
        }
        FrontMatter::Yaml(front) => front,
    };
    let Some(card) = notes.yaml(front) else { return };
    if card.object().is_none() {
        return notes.warn(WarningReason::Malformed, "", "the YAML is no map");
    }
    for (key, name) in OF_MODEL {
        for text in notes.texts(card.get(name), name) {
            notes.subject(whom.topic, whom.whole(), name).text(key, text);
        }
    }
    notes.subject(whom.topic, whom.whole(), "license_link").location_member(
        "license-uri",
        &card,
        "license_link",
    );
    for name in notes.texts(card.get("datasets"), "datasets") {
        let _ = named(Topic::Data, &name, "datasets", notes);
    }
    for name in notes.texts(card.get("source_datasets"), "source_datasets") {
        notes.subject(whom.topic, whom.whole(), "source_datasets").text("derived-from", name);
    }
    for name in notes.texts(card.get("base_model"), "base_model") {
        named(Topic::BaseModel, &name, "base_model", notes).member("relation", &card, "base_model_relation");
    }
    note_results(&card, notes);
}

/// What lies between two lines `---`.
#[derive(Debug, PartialEq, Eq)]
enum FrontMatter<'a> {
    Absent,
    Endless,
    Yaml(&'a [u8]),
}

/// Cuts the YAML out. Blank lines may stand before it, and a line may end in CRLF.
fn front_matter(bytes: &[u8]) -> FrontMatter<'_> {
    let mut start = None;
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let next = offset + line.len();
        let is_fence =
            line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line)) == b"---";
        match start {
            None if is_fence => start = Some(next),
            None if line.trim_ascii().is_empty() => {}
            None => return FrontMatter::Absent,
            Some(start) if is_fence => {
                return FrontMatter::Yaml(bytes.get(start..offset).unwrap_or_default());
            }
            Some(_) => {}
        }
        offset = next;
    }
    if start.is_some() { FrontMatter::Endless } else { FrontMatter::Absent }
}

fn note_results(card: &Json, notes: &mut Notes<'_>) {
    for (index, model) in notes.elements(card.get("model-index"), "model-index").iter().enumerate() {
        let at = format!("model-index[{index}].results");
        for (index, result) in notes.elements(model.get("results"), &at).iter().enumerate() {
            let at = format!("{at}[{index}]");
            let metrics_at = member_place(&at, "metrics");
            for (index, metric) in notes.elements(result.get("metrics"), &metrics_at).iter().enumerate() {
                note_metric(metric, result, &format!("{metrics_at}[{index}]"), notes);
            }
        }
    }
}

fn note_metric(metric: &Json, result: &Json, at: &str, notes: &mut Notes<'_>) {
    let nothing = Json::Null;
    let dataset = result.get("dataset").unwrap_or(&nothing);
    let task = result.get("task").unwrap_or(&nothing);
    let Some(kind) = metric.get("type").and_then(Json::scalar) else {
        return notes.warn(WarningReason::Malformed, at, "a metric without a type");
    };
    let Some(value) = metric.get("value") else {
        return notes.warn(WarningReason::Malformed, at, "a metric without a value");
    };
    let about = about(&kind, dataset);
    for (key, value) in flat("", value) {
        let about = if key.is_empty() { about.clone() } else { format!("{about}: {key}") };
        notes.subject(Topic::Metric, about, at).text("value", value);
    }
    let mut subject = notes.subject(Topic::Metric, about, at);
    subject.member("name", metric, "name").member("dataset", dataset, "type");
    subject.member("dataset-revision", dataset, "revision").member("task", task, "type");
    if let Some(source) = result.get("source") {
        subject.location_member("source", source, "url");
    }
}

/// `f1 (SQuAD v2, plain_text, test)`: one type is measured on several datasets.
fn about(kind: &str, dataset: &Json) -> String {
    let named = dataset.get("name").or_else(|| dataset.get("type"));
    let parts = [named, dataset.get("config"), dataset.get("split")];
    let parts: Vec<String> = parts.into_iter().flatten().filter_map(Json::scalar).collect();
    if parts.is_empty() { kind.to_owned() } else { format!("{kind} ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_stands_between_two_lines() {
        let cut = |text: &'static str| front_matter(text.as_bytes());
        assert_eq!(cut("---\na: 1\n---\n# x"), FrontMatter::Yaml(b"a: 1\n"));
        assert_eq!(cut("\n \n---\r\na: 1\r\n---"), FrontMatter::Yaml(b"a: 1\r\n"));
        assert_eq!(cut("---\n---\n"), FrontMatter::Yaml(b""));
        assert_eq!(cut("---\na: '---'\n ---\n---x\n---\n"), FrontMatter::Yaml(b"a: '---'\n ---\n---x\n"));
        for text in ["", "# x\n---\na: 1\n---\n", "--- \na: 1\n---\n", "\u{feff}---\na: 1\n---\n", "\n\n"] {
            assert_eq!(cut(text), FrontMatter::Absent, "{text:?}");
        }
        for text in ["---", "---\na: 1\n", "---\na: 1\n--- \n"] {
            assert_eq!(cut(text), FrontMatter::Endless, "{text:?}");
        }
    }
}
