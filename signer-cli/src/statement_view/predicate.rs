//! What a statement says that is no provenance: rows for people, members for programs.

use attest::dataset::{Dataset, Document};
use attest::digest::Sha256Digest;
use attest::evaluation::{Evaluation, Metric};
use attest::event::{Act, Event, EventLabel, EventPolicy};
use serde_json::{Value, json};

/// Most metrics that are shown to people; --json has them all.
const MAX_SHOWN: usize = 20;

/// Label and value of each line.
pub(crate) type Rows = Vec<(&'static str, String)>;

pub(super) fn event_rows(event: &Event) -> Rows {
    let mut rows = vec![("event", event.kind().to_string())];
    let mut row = |label, value: Option<String>| rows.extend(value.map(|value| (label, value)));
    let text = |label: &EventLabel| label.to_string();
    match event.act() {
        Act::Approve { stage, .. } | Act::Reject { stage } => {
            row("stage", Some(stage.as_ref().map_or_else(|| "everything".to_owned(), text)));
        }
        Act::Promote { stage, .. } => row("stage", Some(text(stage))),
        Act::Transfer { receiver } => row("to key", Some(receiver.to_string())),
        Act::Deploy { environment } => row("where", Some(text(environment))),
        Act::Supersede { successor } => row("successor", Some(successor.to_string())),
        Act::Revoke { scope, reason } => {
            row("reason", Some(text(reason)));
            row("scope", Some(scope.to_string()));
        }
        Act::Reinstate { previous } => row("undoes", Some(previous.to_string())),
        Act::Alias(alias) => {
            alias.identities().iter().for_each(|identity| row("also", Some(identity.to_string())));
        }
        Act::Waive(waiver) => {
            let file = waiver.file().map_or("every file".to_owned(), |content| content.to_string());
            row("file", Some(file));
            waiver.findings().iter().for_each(|code| row("lets pass", Some(text(code))));
            row("reason", Some(text(waiver.reason())));
        }
    }
    row("role", event.actor_role().map(text));
    row("from", event.effective_from().map(|time| time.to_string()));
    row("until", event.act().expires().map(|time| time.to_string()));
    event.evidence().iter().for_each(|digest| row("evidence", Some(digest.to_string())));
    row("policy", event.policy().map(policy_digest));
    row("text", event.text().map(str::to_owned));
    rows
}

pub(super) fn event_json(event: &Event) -> Value {
    let mut object = json!({
        "kind": event.kind().as_str(),
        "actor_role": event.actor_role().map(EventLabel::as_str),
        "effective_from": event.effective_from().map(|time| time.to_string()),
        "expires": event.act().expires().map(|time| time.to_string()),
        "evidence": event.evidence().iter().map(Sha256Digest::to_string).collect::<Vec<_>>(),
        "policy": event.policy().map(policy_digest),
        "text": event.text(),
    });
    let own = match event.act() {
        Act::Approve { stage, .. } | Act::Reject { stage } => {
            json!({ "stage": stage.as_ref().map(EventLabel::as_str) })
        }
        Act::Promote { stage, .. } => json!({ "stage": stage.as_str() }),
        Act::Transfer { receiver } => json!({ "receiver": receiver.to_string() }),
        Act::Deploy { environment } => json!({ "environment": environment.as_str() }),
        Act::Supersede { successor } => json!({ "successor": successor.to_string() }),
        Act::Revoke { scope, reason } => json!({ "scope": scope.as_str(), "reason_code": reason.as_str() }),
        Act::Reinstate { previous } => json!({ "previous": previous.to_string() }),
        Act::Alias(alias) => {
            json!({ "also": alias.identities().iter().map(ToString::to_string).collect::<Vec<_>>() })
        }
        Act::Waive(waiver) => json!({
            "file": waiver.file().map(|content| content.to_string()),
            "findings": waiver.findings().iter().map(EventLabel::as_str).collect::<Vec<_>>(),
            "reason_code": waiver.reason().as_str(),
        }),
    };
    if let (Value::Object(object), Value::Object(own)) = (&mut object, own) {
        object.extend(own);
    }
    object
}

pub(super) fn evaluation_rows(evaluation: &Evaluation) -> Rows {
    let results = evaluation.results();
    let mut rows = vec![("result", evaluation.outcome().to_string())];
    rows.push(("results", format!("{} {}", results.name(), results.digest())));
    rows.extend(results.tool().map(|tool| ("tool", tool.to_owned())));
    rows.extend(evaluation.url().map(|url| ("url", url.as_str().to_owned())));
    rows.extend(evaluation.metrics().iter().take(MAX_SHOWN).map(|metric| ("metric", metric_text(metric))));
    if let Some(more) = evaluation.metrics().len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        rows.push(("", format!("and {more} more; --json lists them all")));
    }
    rows
}

fn metric_text(metric: &Metric) -> String {
    let mut words = vec![metric.data(), metric.split().unwrap_or_default(), metric.name()];
    words.retain(|word| !word.is_empty());
    let mut text = format!("{} = {}", words.join(" "), metric.value());
    if let Some(stderr) = metric.stderr() {
        text.push_str(&format!(" +- {stderr}"));
    }
    if let (Some(threshold), Some(met)) = (metric.threshold(), metric.is_met()) {
        let mark = if met { "met" } else { "MISSED" };
        text.push_str(&format!(", want {} {}: {mark}", threshold.comparator(), threshold.number()));
    }
    text
}

pub(super) fn evaluation_json(evaluation: &Evaluation) -> Value {
    let metric = |metric: &Metric| {
        json!({
            "data": metric.data(),
            "name": metric.name(),
            "split": metric.split(),
            "value": metric.value().as_str(),
            "stderr": metric.stderr().map(|stderr| stderr.as_str()),
            "comparator": metric.threshold().map(|threshold| threshold.comparator().as_str()),
            "threshold": metric.threshold().map(|threshold| threshold.number().as_str()),
            "met": metric.is_met(),
        })
    };
    json!({
        "result": evaluation.outcome().as_str(),
        "results_file": evaluation.results().name().as_str(),
        "results_digest": evaluation.results().digest().to_string(),
        "tool": evaluation.results().tool(),
        "url": evaluation.url().map(|url| url.as_str()),
        "metrics": evaluation.metrics().iter().map(metric).collect::<Vec<_>>(),
    })
}

pub(super) fn dataset_rows(dataset: &Dataset) -> Rows {
    let document = |document: &Document| format!("{} {}", document.media_type(), document.digest());
    let mut rows = Rows::new();
    let mut row = |label, value: Option<String>| rows.extend(value.map(|value| (label, value)));
    row("manifest", dataset.manifest().map(document));
    row("by content", dataset.by_content().map(|digest| digest.to_string()));
    for source in dataset.sources() {
        row("source", Some(source.uri().as_str().to_owned()));
    }
    row("transform", dataset.transform().map(|digest| digest.to_string()));
    row("personal", Some(dataset.personal_data().to_string()));
    row("collected", dataset.collection().map(|(start, end)| format!("{start} to {end}")));
    row("datasheet", dataset.datasheet().map(document));
    row("croissant", dataset.croissant().map(document));
    dataset.licences().iter().for_each(|licence| row("licence", Some(licence.clone())));
    rows
}

pub(super) fn dataset_json(dataset: &Dataset) -> Value {
    let document = |document: &Document| {
        json!({
            "media_type": document.media_type(),
            "digest": document.digest().to_string(),
            "bytes": document.bytes(),
        })
    };
    json!({
        "manifest": dataset.manifest().map(document),
        "by_content": dataset.by_content().map(|digest| digest.to_string()),
        "sources": dataset.sources().iter().map(|source| source.uri().as_str()).collect::<Vec<_>>(),
        "transform": dataset.transform().map(|digest| digest.to_string()),
        "personal_data": dataset.personal_data().as_str(),
        "collection": dataset
            .collection()
            .map(|(start, end)| json!({ "start": start.to_string(), "end": end.to_string() })),
        "datasheet": dataset.datasheet().map(document),
        "croissant": dataset.croissant().map(document),
        "licences": dataset.licences(),
    })
}

/// The digest of the rules, or what stands in its place.
fn policy_digest(policy: &EventPolicy) -> String {
    policy.digest().map_or_else(|| policy.named_digest(), |digest| digest.to_string())
}
