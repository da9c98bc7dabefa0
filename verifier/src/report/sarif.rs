//! Verdicts as SARIF 2.1.0 (OASIS), for code scanning.

use serde_json::{Value, json};

use super::json::written;
use super::place::{Observation, observations, uri};
use super::{Common, overall};
use crate::load::Verdict;
use crate::reason::Reason;

/// Most results of one run, as GitHub's code scanning takes them; how many more there are is a notification.
const MAX_RESULTS: usize = 5000;

/// Writes one run over all models: a rule for each reason, a result for each observation. A verified model has no result; that it was
/// judged stands in the run's properties, with what was not checked.
#[must_use]
pub fn sarif(verdicts: &[Verdict]) -> String {
    let found: Vec<Observation> = verdicts.iter().flat_map(observations).collect();
    let mut notifications = Vec::new();
    if let Some(more @ 1..) = found.len().checked_sub(MAX_RESULTS) {
        notifications
            .push(json!({ "level": "error", "message": { "text": format!("{more} results more") } }));
    }
    let models: Vec<Value> = verdicts.iter().map(model).collect();
    written(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tallymark",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": Reason::ALL.iter().map(|reason| rule(*reason)).collect::<Vec<_>>(),
            } },
            "invocations": [{
                "executionSuccessful": true,
                "exitCode": overall(verdicts),
                "toolExecutionNotifications": notifications,
            }],
            "results": found.iter().take(MAX_RESULTS).map(result).collect::<Vec<_>>(),
            "properties": { "models": models },
        }],
    }))
}

fn rule(reason: Reason) -> Value {
    json!({
        "id": reason.code(),
        "shortDescription": { "text": reason.seen() },
        "help": { "text": reason.remedy() },
        "defaultConfiguration": { "level": "error" },
        "properties": { "class": reason.class().code(), "step": reason.step().code() },
    })
}

fn result(found: &Observation) -> Value {
    json!({
        "ruleId": found.reason.code(),
        "ruleIndex": Reason::ALL.iter().position(|reason| *reason == found.reason),
        "level": found.weight.code(),
        "message": { "text": found.message },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&found.path) } } }],
    })
}

fn model(verdict: &Verdict) -> Value {
    let common = Common::of(verdict);
    json!({
        "model": verdict.model().to_string_lossy(),
        "verdict": common.verdict_code(),
        "notChecked": common.not_checked().map(|(code, _)| code).collect::<Vec<_>>(),
    })
}
