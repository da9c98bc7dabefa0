//! `dvc.yaml`: what a person declared. Commands, dependencies and parameters of stages are taken from `dvc.lock`, where DVC
//! recorded what it ran; from here come artefacts, the files that hold metrics, and where a stage works.
//!
//! ```yaml
//! stages:
//!   train:
//!     wdir: model
//!     cmd: python train.py
//!     metrics:
//!     - metrics.json:
//!         cache: false
//! metrics:
//! - evaluation.json
//! artifacts:
//!   churn:
//!     path: model/churn.bin
//!     type: model
//!     desc: Who will leave
//!     labels: [tabular]
//! ```

use super::record::working_directory;
use crate::folder::join;
use crate::json::Json;
use crate::notes::{Notes, member_place};
use crate::{Topic, WarningReason};

/// Notes the artefacts.
pub(super) fn note_artifacts(document: &Json, directory: &str, notes: &mut Notes<'_>) {
    for (name, artifact) in notes.members(document.get("artifacts"), "artifacts") {
        let at = member_place("artifacts", name);
        let kind = artifact.get("type").and_then(Json::scalar);
        let topic = if kind.as_deref() == Some("dataset") { Topic::Data } else { Topic::Identity };
        let path = artifact.get("path").and_then(Json::scalar).and_then(|path| join(directory, &path));
        match path {
            Some(path) => drop(notes.subject(topic, name, &at).text("path", path)),
            None => notes.warn(WarningReason::Escape, &at, "no path below the directory that was given"),
        }
        notes.subject(topic, name, &at).member("type", artifact, "type").member(
            "description",
            artifact,
            "desc",
        );
        for label in notes.texts(artifact.get("labels"), &member_place(&at, "labels")) {
            notes.subject(topic, name, &at).text("label", label);
        }
    }
}

/// The files that hold metrics, relative to the root, each once.
pub(super) fn metric_files(document: &Json, directory: &str, notes: &mut Notes<'_>) -> Vec<String> {
    let mut files = Vec::new();
    metrics_of(document.get("metrics"), directory, "metrics", &mut files, notes);
    for (name, stage) in notes.members(document.get("stages"), "stages") {
        let at = member_place("stages", name);
        if stage.get("metrics").is_some()
            && let Some(directory) = working_directory(directory, stage, &at, notes)
        {
            metrics_of(stage.get("metrics"), &directory, &member_place(&at, "metrics"), &mut files, notes);
        }
    }
    files.sort();
    files.dedup();
    files
}

/// An element of `metrics` is a name, or a map from names to flags.
fn metrics_of(
    list: Option<&Json>,
    directory: &str,
    at: &str,
    files: &mut Vec<String>,
    notes: &mut Notes<'_>,
) {
    for (index, element) in notes.elements(list, at).iter().enumerate() {
        let names = match element {
            Json::Object(members) => members.keys().cloned().collect(),
            other => other.scalar().into_iter().collect::<Vec<_>>(),
        };
        for name in names {
            match join(directory, &name) {
                // A name made by a template is that of no file.
                _ if name.contains("${") => {
                    notes.warn(
                        WarningReason::NotRead,
                        &format!("{at}[{index}]"),
                        "a name made by a template",
                    );
                }
                Some(name) => files.push(name),
                None => {
                    let text = "leads out of the directory that was given";
                    notes.warn(WarningReason::Escape, &format!("{at}[{index}]"), text);
                }
            }
        }
    }
}

/// Warns of stages that were declared and never run: what they would have said is missing.
pub(super) fn note_unrun(document: &Json, locked: &[&str], notes: &mut Notes<'_>) {
    for (name, stage) in notes.members(document.get("stages"), "stages") {
        // One of several stages made from one declaration is locked as `name@item`.
        let is_many = stage.get("foreach").is_some() || stage.get("matrix").is_some();
        let is_item =
            |locked: &&&str| locked.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('@'));
        let is_run =
            locked.contains(&name.as_str()) || (is_many && locked.iter().any(|locked| is_item(&locked)));
        if !is_run {
            notes.warn(
                WarningReason::Absent,
                &member_place("stages", name),
                "a stage that dvc.lock does not have",
            );
        }
    }
}

/// What `dvc.yaml` says of the stage that `dvc.lock` calls `name`.
pub(super) fn definition<'j>(document: &'j Json, name: &str) -> Option<&'j Json> {
    let stages = document.get("stages")?;
    let declared = stages.get(name).or_else(|| stages.get(name.split_once('@')?.0))?;
    // What is done for each item stands below.
    Some(declared.get("do").unwrap_or(declared))
}
