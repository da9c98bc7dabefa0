use serde_json::{Value, json};

use crate::finding::{Finding, Place};
use crate::report::{FileReport, Report, Template};

fn place(place: &Place) -> Value {
    let mut value = json!({ "file": place.file() });
    if let Some(fields) = value.as_object_mut() {
        if !place.members().is_empty() {
            fields.insert("members".to_owned(), place.members().into());
        }
        if let Some(offset) = place.offset() {
            fields.insert("offset".to_owned(), offset.to_string().into());
        }
    }
    value
}

fn finding(finding: &Finding) -> Value {
    json!({ "reason": finding.reason().code(), "what": finding.what(), "place": place(finding.place()) })
}

fn template(template: &Template) -> Value {
    json!({
        "key": template.key(),
        "sha256": template.digest().to_string(),
        "bytes": template.bytes().to_string(),
        "place": place(template.place()),
    })
}

fn file(file: &FileReport) -> Value {
    json!({
        "path": file.path(),
        "bytes": file.size().to_string(),
        "format": file.format().as_str(),
        "result": if file.is_allowed() { "allowed" } else { "refused" },
        "findings": file.findings().iter().map(finding).collect::<Vec<_>>(),
        "omitted": file.omitted(),
    })
}

/// The report as JSON; its members are in spec/formats.md. Sizes and offsets are decimal strings, as they may exceed 2^53.
#[must_use]
pub fn json(report: &Report) -> Value {
    json!({
        "schema_version": 1,
        "rules": report.rules().id(),
        "exceptions": report.rules().exceptions(),
        "result": if report.is_allowed() { "allowed" } else { "refused" },
        "files": report.files().iter().map(file).collect::<Vec<_>>(),
        "templates": report.templates().map(template).collect::<Vec<_>>(),
        "not_evaluated": report.not_evaluated().map(crate::NotEvaluated::code).collect::<Vec<_>>(),
    })
}
