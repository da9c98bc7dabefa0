//! What MLflow records, the same in both stores, and the facts it becomes.

use crate::excerpt::excerpt;
use crate::imported::{About, Imported};
use crate::json::{self, Json};
use crate::{Topic, WarningReason};

/// Why the digest of a dataset is not to be believed.
const WEAK: &str = "is MD5 over a sample, cut short: it stands for no bytes";

/// A row of `runs`, a `meta.yaml` of a run.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) experiment: Option<String>,
    pub(super) status: Option<String>,
    pub(super) lifecycle: Option<String>,
    pub(super) user: Option<String>,
    pub(super) source_type: Option<String>,
    pub(super) source_name: Option<String>,
    pub(super) entry_point: Option<String>,
    pub(super) artifact_uri: Option<String>,
    pub(super) started_ms: Option<String>,
    pub(super) ended_ms: Option<String>,
}

impl Run {
    /// States what is there; MLflow leaves an empty text where it has nothing.
    pub(super) fn state(&self, out: &mut Imported, at: &str) {
        let about = About { topic: Topic::Run, name: "", at };
        out.text(about, "run-id", &self.id);
        text(out, about, "name", self.name.as_deref());
        text(out, about, "experiment", self.experiment.as_deref());
        text(out, about, "status", self.status.as_deref().map(run_status));
        text(out, about, "lifecycle", self.lifecycle.as_deref());
        text(out, about, "entry-point", self.entry_point.as_deref());
        // The database has UNKNOWN for every run; what started it is in a tag.
        let source_type = self.source_type.as_deref().map(source_type).filter(|kind| *kind != "UNKNOWN");
        text(out, about, "source-type", source_type);
        personal(out, about, "user", self.user.as_deref());
        personal(out, about, "program", self.source_name.as_deref());
        personal(out, about, "artifact-uri", self.artifact_uri.as_deref());
        time(out, about, "started", self.started_ms.as_deref());
        time(out, about, "finished", self.ended_ms.as_deref());
    }

    /// States a tag. What MLflow keeps twice, as a column and as a tag, is stated once.
    pub(super) fn state_tag(&self, out: &mut Imported, key: &str, value: &str, at: &str) {
        if !is_key(out, key, at) {
            return;
        }
        let run = About { topic: Topic::Run, name: "", at };
        let code = About { topic: Topic::Code, ..run };
        match key {
            "mlflow.runName" if is_new(out, run, "name", self.name.as_deref(), value) => {
                out.text(run, "name", value);
            }
            "mlflow.user" if is_new(out, run, "user", self.user.as_deref(), value) => {
                out.personal(run, "user", value);
            }
            "mlflow.source.name" if is_new(out, run, "program", self.source_name.as_deref(), value) => {
                out.personal(run, "program", value);
            }
            "mlflow.source.type" => {
                if self.source_type.as_deref().map(source_type) != Some(value) {
                    out.text(run, "source-type", value);
                }
            }
            // What the guards above found to be known already.
            "mlflow.runName" | "mlflow.user" | "mlflow.source.name" => {}
            // JSON about the logged models, which are read where they are kept.
            "mlflow.log-model.history" => {}
            "mlflow.source.git.commit" => out.commit(code, "commit", value),
            "mlflow.source.git.branch" | "mlflow.gitBranchName" => out.text(code, "branch", value),
            "mlflow.source.git.repoURL" | "mlflow.gitRepoURL" => out.address(code, "uri", value),
            "mlflow.note.content" => out.text(run, "description", value),
            "mlflow.parentRunId" => out.text(run, "parent-run", value),
            "mlflow.project.entryPoint" => out.text(run, "entry-point", value),
            "mlflow.docker.image.uri" => out.text(run, "image", value),
            "mlflow.docker.image.id" => out.text(run, "image-id", value),
            // What the platform adds names notebooks, jobs and workspaces of people.
            _ if key.starts_with("mlflow.") => out.personal(About { name: key, ..run }, "tag", value),
            _ => out.text(About { name: key, ..run }, "tag", value),
        }
    }
}

/// States a parameter.
pub(super) fn state_param(out: &mut Imported, key: &str, value: &str, at: &str) {
    if is_key(out, key, at) {
        out.text(About { topic: Topic::Parameter, name: key, at }, "value", value);
    }
}

/// States the last value of a metric.
pub(super) fn state_metric(out: &mut Imported, key: &str, value: &str, step: Option<&str>, at: &str) {
    if is_key(out, key, at) {
        let about = About { topic: Topic::Metric, name: key, at };
        out.text(about, "value", value);
        text(out, about, "step", step);
    }
}

/// Whether MLflow would take this as the key of a parameter, metric or tag: a relative path that does not climb, for the file
/// store makes a file of it. One that it would not take was put there by something else.
fn is_key(out: &mut Imported, key: &str, at: &str) -> bool {
    let is_key = key.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_key {
        let text = format!("key {:?}, want a relative path without . and ..", excerpt(key));
        out.warn(WarningReason::Malformed, at, &text);
    }
    is_key
}

/// A dataset that went into a run.
#[derive(Debug, Default)]
pub(super) struct Dataset {
    pub(super) name: String,
    pub(super) digest: Option<String>,
    pub(super) source_type: Option<String>,
    /// JSON whose members depend on the type.
    pub(super) source: Option<String>,
    /// JSON with the number of rows.
    pub(super) profile: Option<String>,
    /// `training`, `evaluation`: what it was used for.
    pub(super) context: Option<String>,
}

impl Dataset {
    /// States datasets, each with where it was found, in an order that does not depend on how the store names them.
    pub(super) fn state_all(mut found: Vec<(Self, String)>, out: &mut Imported) {
        found.sort_by(|(a, _), (b, _)| (&a.name, &a.digest).cmp(&(&b.name, &b.digest)));
        let mut known = Vec::new();
        for (dataset, at) in found {
            dataset.state(out, &mut known, &at);
        }
    }

    /// States it under its name, or under name and digest if `known` has that name already: MLflow tells them apart so.
    fn state(&self, out: &mut Imported, known: &mut Vec<String>, at: &str) {
        let digest = self.digest.as_deref().unwrap_or_default();
        let name = match known.contains(&self.name) {
            true => format!("{}@{digest}", self.name),
            false => self.name.clone(),
        };
        let about = About { topic: Topic::Data, name: &name, at };
        if !digest.is_empty() {
            out.weak_digest(about, digest, WEAK);
        }
        text(out, about, "source-type", self.source_type.as_deref());
        text(out, about, "context", self.context.as_deref());
        if let Some(source) = object(out, about, "source", self.source.as_deref()) {
            let address = ["uri", "url", "path"].iter().find_map(|key| source.get(key).and_then(Json::text));
            if let Some(address) = address {
                out.address(about, "uri", address);
            }
            text(out, about, "revision", source.get("revision").and_then(Json::text));
        }
        if let Some(profile) = object(out, about, "profile", self.profile.as_deref()) {
            text(out, about, "rows", profile.get("num_rows").and_then(Json::scalar).as_deref());
        }
        known.push(name);
    }
}

/// A JSON object in a column.
fn object(out: &mut Imported, about: About<'_>, column: &str, text: Option<&str>) -> Option<Json> {
    let text = text.filter(|text| !text.is_empty() && *text != "null")?;
    match json::parse(text.as_bytes()) {
        Ok(json @ Json::Object(_)) => Some(json),
        // A source may be a plain text; then it is one that we know nothing of.
        Ok(_) => None,
        Err(error) => {
            out.warn(WarningReason::Malformed, about.at, &format!("{column} of a dataset: {error}"));
            None
        }
    }
}

/// A model that was logged by a run, or that a run started from.
#[derive(Debug, Default)]
pub(super) struct LoggedModel {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) artifact_uri: Option<String>,
    pub(super) created_ms: Option<String>,
}

impl LoggedModel {
    /// States it: an output as the model itself, an input as what it was made from.
    pub(super) fn state(&self, out: &mut Imported, topic: Topic, at: &str) {
        let about = About { topic, name: &self.id, at };
        text(out, about, "name", self.name.as_deref());
        text(out, about, "status", self.status.as_deref().map(model_status));
        text(out, about, "model-type", self.kind.as_deref());
        time(out, about, "created", self.created_ms.as_deref());
        personal(out, about, "artifact-uri", self.artifact_uri.as_deref());
    }
}

/// A registered version of a model.
#[derive(Debug, Default)]
pub(super) struct Version {
    pub(super) model: String,
    pub(super) number: String,
    pub(super) status: Option<String>,
    pub(super) source: Option<String>,
    pub(super) stage: Option<String>,
    pub(super) user: Option<String>,
    pub(super) description: Option<String>,
    pub(super) created_ms: Option<String>,
    pub(super) aliases: Vec<String>,
    /// Key and value.
    pub(super) tags: Vec<(String, String)>,
}

impl Version {
    pub(super) fn state(&self, out: &mut Imported, at: &str) {
        let name = format!("{}/{}", self.model, self.number);
        let about = About { topic: Topic::Identity, name: &name, at };
        out.text(about, "name", &self.model);
        out.text(about, "version", &self.number);
        text(out, about, "status", self.status.as_deref());
        if let Some(source) = self.source.as_deref().filter(|source| !source.is_empty()) {
            out.address(about, "uri", source);
        }
        text(out, about, "description", self.description.as_deref());
        personal(out, about, "user", self.user.as_deref());
        time(out, about, "created", self.created_ms.as_deref());
        let custody = About { topic: Topic::Custody, ..about };
        // Stages gave way to aliases; without one, MLflow writes `None`.
        text(out, custody, "stage", self.stage.as_deref().filter(|stage| *stage != "None"));
        for alias in &self.aliases {
            out.text(custody, "alias", alias);
        }
        for (key, value) in &self.tags {
            out.text(custody, "tag", &format!("{key}={value}"));
        }
    }
}

/// States a text that is there and not empty.
pub(super) fn text(out: &mut Imported, about: About<'_>, key: &'static str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        out.text(about, key, value);
    }
}

fn personal(out: &mut Imported, about: About<'_>, key: &'static str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        out.personal(about, key, value);
    }
}

fn time(out: &mut Imported, about: About<'_>, key: &'static str, unix_ms: Option<&str>) {
    let Some(text) = unix_ms.filter(|text| !text.is_empty()) else {
        return;
    };
    match text.parse() {
        Ok(unix_ms) => out.time_ms(about, key, unix_ms),
        Err(_) => {
            let text = format!("{key} is {:?}, want milliseconds", excerpt(text));
            out.warn(WarningReason::Malformed, about.at, &text);
        }
    }
}

/// Whether a tag says what no column has said; if they differ, that is a warning.
fn is_new(out: &mut Imported, about: About<'_>, key: &str, known: Option<&str>, value: &str) -> bool {
    match known.filter(|known| !known.is_empty()) {
        None => true,
        Some(known) => {
            if known != value {
                let text = format!("{key} is {:?} here and {:?} elsewhere", excerpt(value), excerpt(known));
                out.warn(WarningReason::Disagreement, about.at, &text);
            }
            false
        }
    }
}

/// The word for a state of a run; the file store has its number (`RunStatus` of MLflow).
fn run_status(status: &str) -> &str {
    match status {
        "1" => "RUNNING",
        "2" => "SCHEDULED",
        "3" => "FINISHED",
        "4" => "FAILED",
        "5" => "KILLED",
        word => word,
    }
}

/// The word for what started a run (`SourceType` of MLflow).
fn source_type(kind: &str) -> &str {
    match kind {
        "1" => "NOTEBOOK",
        "2" => "JOB",
        "3" => "PROJECT",
        "4" => "LOCAL",
        "1000" => "UNKNOWN",
        word => word,
    }
}

/// The word for a state of a logged model (`LoggedModelStatus` of MLflow).
fn model_status(status: &str) -> &str {
    match status {
        "1" => "PENDING",
        "2" => "READY",
        "3" => "FAILED",
        word => word,
    }
}
