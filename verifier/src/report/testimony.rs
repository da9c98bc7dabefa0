//! What else was said about the model, one row each: what, until when, by whom, where it is logged.

use attest::digest::Sha256Digest;
use attest::event::{Act, Event, EventLabel, EventPolicy};
use attest::statement::Predicate;
use attest::verdict::Summary;
use serde::Serialize;

use super::words::plain;
use crate::custody::Testimony;

/// Label and words for people.
pub(super) fn row(testimony: &Testimony) -> (&'static str, String) {
    let (label, mut words) = match testimony.statement().predicate() {
        Predicate::Event(event) => (event.kind().as_str(), of_event(event)),
        Predicate::Evaluation(evaluation) => {
            let count = evaluation.metrics().len();
            let noun = if count == 1 { "metric" } else { "metrics" };
            ("evaluation", vec![evaluation.outcome().to_string(), format!("{count} {noun}")])
        }
        Predicate::Verdict(verdict) => ("verdict", of_verdict(verdict)),
        _ => ("statement", vec![testimony.statement().kind().to_string()]),
    };
    let logged = testimony.logged();
    let key = logged.signed().key().key_id();
    words.push(format!("by key {}..", key.to_string().get(..16).unwrap_or_default()));
    words.push(format!("{} entry {}", plain(logged.origin().as_str()), logged.position().index()));
    (label, words.join("  "))
}

fn of_event(event: &Event) -> Vec<String> {
    let mut words = match event.act() {
        Act::Approve { stage, .. } | Act::Reject { stage } => {
            vec![stage.as_ref().map_or("everything", EventLabel::as_str).to_owned()]
        }
        Act::Promote { stage, .. } => vec![stage.to_string()],
        Act::Transfer { receiver } => vec![format!("to key {receiver}")],
        Act::Deploy { environment } => vec![environment.to_string()],
        Act::Supersede { successor } => vec![format!("by {successor}")],
        Act::Revoke { scope, reason } => vec![reason.to_string(), scope.to_string()],
        Act::Reinstate { previous } => vec![format!("undoes {previous}")],
        Act::Alias(alias) => alias.identities().iter().map(ToString::to_string).collect(),
        Act::Waive(waiver) => {
            let codes: Vec<&str> = waiver.findings().iter().map(EventLabel::as_str).collect();
            let file = waiver.file().map_or("every file".to_owned(), |content| format!("file {content}"));
            vec![waiver.reason().to_string(), codes.join(", "), format!("in {file}")]
        }
    };
    words.extend(event.effective_from().map(|time| format!("from {time}")));
    words.extend(event.act().expires().map(|time| format!("until {time}")));
    words.extend(event.actor_role().map(|role| format!("as {role}")));
    words.extend(event.text().map(plain));
    words
}

/// What another verifier found is shown and decides nothing: whether it went by rules of ours nobody knows.
fn of_verdict(verdict: &Summary) -> Vec<String> {
    let mut words = vec![format!("passed {} at {}", plain(verdict.verifier().id().as_str()), verdict.time())];
    words.extend(verdict.stage().map(|stage| format!("for {stage}")));
    words
}

/// One row for programs. Which members are there depends on the kind and on nothing else.
#[derive(Serialize)]
pub(super) struct TestimonyRow {
    line: usize,
    /// The file of the evidence; absent for the model's own bundle file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    kind: String,
    statement_digest: String,
    version: String,
    key_id: String,
    log: String,
    log_index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<EvaluationRow>,
}

#[derive(Serialize)]
struct EventRow {
    kind: &'static str,
    adverse: bool,
    stage: Option<String>,
    environment: Option<String>,
    receiver: Option<String>,
    successor: Option<String>,
    scope: Option<&'static str>,
    reason_code: Option<String>,
    previous: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    also: Option<Vec<String>>,
    actor_role: Option<String>,
    effective_from: Option<String>,
    expires: Option<String>,
    evidence: Vec<String>,
    policy: Option<String>,
    text: Option<String>,
}

#[derive(Serialize)]
struct EvaluationRow {
    result: &'static str,
    results_digest: String,
    metrics: usize,
}

impl TestimonyRow {
    pub(super) fn of(testimony: &Testimony) -> Self {
        let (statement, logged) = (testimony.statement(), testimony.logged());
        let evaluation = match statement.predicate() {
            Predicate::Evaluation(evaluation) => Some(EvaluationRow {
                result: evaluation.outcome().as_str(),
                results_digest: evaluation.results().digest().to_string(),
                metrics: evaluation.metrics().len(),
            }),
            _ => None,
        };
        Self {
            line: testimony.place().line(),
            file: testimony.place().file().map(str::to_owned),
            kind: statement.kind().to_string(),
            statement_digest: statement.digest().to_string(),
            version: statement.version().to_string(),
            key_id: logged.signed().key().key_id().to_string(),
            log: logged.origin().to_string(),
            log_index: logged.position().index(),
            event: statement.event().map(EventRow::of),
            evaluation,
        }
    }
}

impl EventRow {
    fn of(event: &Event) -> Self {
        let label = |label: &EventLabel| Some(label.to_string());
        let row = Self {
            kind: event.kind().as_str(),
            adverse: event.kind().is_adverse(),
            stage: None,
            environment: None,
            receiver: None,
            successor: None,
            scope: None,
            reason_code: None,
            previous: None,
            file: None,
            findings: None,
            also: None,
            actor_role: event.actor_role().and_then(label),
            effective_from: event.effective_from().map(|time| time.to_string()),
            expires: event.act().expires().map(|time| time.to_string()),
            evidence: event.evidence().iter().map(Sha256Digest::to_string).collect(),
            policy: event.policy().map(policy_digest),
            text: event.text().map(str::to_owned),
        };
        match event.act() {
            Act::Approve { stage, .. } | Act::Reject { stage } => {
                Self { stage: stage.as_ref().and_then(label), ..row }
            }
            Act::Promote { stage, .. } => Self { stage: label(stage), ..row },
            Act::Transfer { receiver } => Self { receiver: Some(receiver.to_string()), ..row },
            Act::Deploy { environment } => Self { environment: label(environment), ..row },
            Act::Supersede { successor } => Self { successor: Some(successor.to_string()), ..row },
            Act::Revoke { scope, reason } => {
                Self { scope: Some(scope.as_str()), reason_code: label(reason), ..row }
            }
            Act::Reinstate { previous } => Self { previous: Some(previous.to_string()), ..row },
            Act::Alias(alias) => {
                Self { also: Some(alias.identities().iter().map(ToString::to_string).collect()), ..row }
            }
            Act::Waive(waiver) => Self {
                file: waiver.file().map(|content| content.to_string()),
                findings: Some(waiver.findings().iter().map(EventLabel::to_string).collect()),
                reason_code: label(waiver.reason()),
                ..row
            },
        }
    }
}

/// The digest of the rules, or what stands in its place.
fn policy_digest(policy: &EventPolicy) -> String {
    policy.digest().map_or_else(|| policy.named_digest(), |digest| digest.to_string())
}
