//! What a verdict says.

use attest::digest::Sha256Digest;
use attest::event::EventLabel;
use attest::verdict::Summary;
use serde_json::{Value, json};

use super::predicate::Rows;

/// Rows for people.
pub(super) fn verdict_rows(verdict: &Summary) -> Rows {
    let verifier = verdict.verifier();
    let mut rows = vec![
        ("result", format!("passed at {}", verdict.time())),
        ("verifier", format!("{}, tallymark {}", verifier.id(), verifier.version())),
        ("resource", verdict.resource().to_string()),
    ];
    rows.extend(verdict.stage().map(|stage| ("stage", stage.to_string())));
    rows.push(("rules", verdict.policy().digest().to_string()));
    rows.push(("rules at", verdict.policy().uri().to_string()));
    rows.extend(verdict.inputs().iter().map(|digest| ("went by", digest.to_string())));
    rows.extend(verdict.warned().iter().map(|code| ("warned", code.to_string())));
    rows.extend(verdict.not_checked().iter().map(|code| ("not checked", code.to_string())));
    rows
}

/// The same for programs.
pub(super) fn verdict_json(verdict: &Summary) -> Value {
    let codes = |codes: &[EventLabel]| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "result": "passed",
        "verifier": verdict.verifier().id().as_str(),
        "verifier_version": verdict.verifier().version().as_str(),
        "time": verdict.time().to_string(),
        "resource_uri": verdict.resource().as_str(),
        "policy": verdict.policy().digest().to_string(),
        "policy_uri": verdict.policy().uri().as_str(),
        "inputs": verdict.inputs().iter().map(Sha256Digest::to_string).collect::<Vec<_>>(),
        "stage": verdict.stage().map(EventLabel::as_str),
        "warned": codes(verdict.warned()),
        "not_checked": codes(verdict.not_checked()),
    })
}
