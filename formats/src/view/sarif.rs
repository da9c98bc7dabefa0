use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::reason::Reason;
use crate::report::Report;

/// Most results of one run, as code scanning takes them; how many more there are is a notification.
const MAX_RESULTS: usize = 5000;
/// Everything but letters, digits and what a path may show as it is, RFC 3986 section 3.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The report as SARIF 2.1.0: one rule for each reason, one result for each finding. What was not looked at is in the run's
/// properties, and a result says in which member of an archive it is.
#[must_use]
pub fn sarif(report: &Report, version: &str) -> Value {
    let rules: Vec<Value> = Reason::ALL.iter().map(|reason| rule(*reason)).collect();
    let all = report.findings().count();
    let results: Vec<Value> = report.findings().take(MAX_RESULTS).map(result).collect();
    let mut notifications = Vec::new();
    let omitted = all.saturating_sub(MAX_RESULTS) as u64
        + report.files().iter().map(crate::FileReport::omitted).sum::<u64>();
    if omitted > 0 {
        notifications
            .push(json!({ "level": "error", "message": { "text": format!("{omitted} findings more") } }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tallymark",
                "version": version,
                "informationUri": "https://tallymark.dev/",
                "rules": rules,
            } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
            "properties": {
                "rules": report.rules().id(),
                "exceptions": report.rules().exceptions(),
                "result": if report.is_allowed() { "allowed" } else { "refused" },
                "notEvaluated": report.not_evaluated().map(crate::NotEvaluated::code).collect::<Vec<_>>(),
            },
        }],
    })
}

fn rule(reason: Reason) -> Value {
    json!({
        "id": reason.code(),
        "shortDescription": { "text": reason.seen() },
        "help": { "text": reason.advice() },
        "defaultConfiguration": { "level": "error" },
    })
}

fn result(finding: &Finding) -> Value {
    let place = finding.place();
    let mut physical = json!({ "artifactLocation": { "uri": uri(place.file()) } });
    // A byte of a member is no byte of the file.
    if let (true, Some(offset), Some(fields)) =
        (place.members().is_empty(), place.offset(), physical.as_object_mut())
    {
        fields.insert("region".to_owned(), json!({ "byteOffset": offset, "byteLength": 0 }));
    }
    let index = Reason::ALL.iter().position(|reason| *reason == finding.reason());
    json!({
        "ruleId": finding.reason().code(),
        "ruleIndex": index,
        "level": "error",
        "message": { "text": format!("{place}: {}", finding.what()) },
        "locations": [{ "physicalLocation": physical }],
    })
}

/// A relative path as a URI reference.
fn uri(path: &str) -> String {
    utf8_percent_encode(path, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri_reference() {
        assert_eq!(uri("a b/c:d%é.bin"), "a%20b/c%3Ad%25%C3%A9.bin");
    }
}
