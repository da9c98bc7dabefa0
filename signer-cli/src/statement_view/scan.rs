//! What a statement about the formats of files says.

use attest::format_scan::{FormatScan, ScanPlace};
use serde_json::{Value, json};

use super::predicate::Rows;

/// Rows for people.
pub(super) fn scan_rows(scan: &FormatScan) -> Rows {
    let (name, version) = scan.scanner();
    let mut rows = vec![("result", format!("{} by {}, {name} {version}", scan.result(), scan.rules()))];
    rows.extend(scan.exceptions().iter().map(|exception| ("allowing", exception.clone())));
    rows.extend(scan.formats().iter().map(|(format, files)| ("format", format!("{format} {files}"))));
    for finding in scan.findings() {
        rows.push((
            "finding",
            format!("{} {}: {}", finding.reason(), place(finding.place()), finding.what()),
        ));
    }
    if scan.omitted() > 0 {
        rows.push(("findings", format!("{} more", scan.omitted())));
    }
    for template in scan.templates() {
        rows.push((
            "template",
            format!("{} {}: {}", template.digest(), place(template.place()), template.key()),
        ));
    }
    rows.extend(scan.not_evaluated().iter().map(|left| ("not evaluated", left.clone())));
    rows
}

/// The same for programs, the findings as reasons and files.
pub(super) fn scan_json(scan: &FormatScan) -> Value {
    let finding = |finding: &attest::format_scan::ScanFinding| json!({ "reason": finding.reason(), "place": place(finding.place()), "what": finding.what() });
    json!({
        "rules": scan.rules(),
        "exceptions": scan.exceptions(),
        "result": scan.result(),
        "findings": scan.findings().iter().map(finding).collect::<Vec<_>>(),
        "omitted_findings": scan.omitted(),
        "not_evaluated": scan.not_evaluated(),
    })
}

fn place(place: &ScanPlace) -> String {
    let mut text = place.file().to_string();
    place.members().iter().for_each(|member| text.extend([" > ", member]));
    if let Some(offset) = place.offset() {
        text.push_str(&format!(" @ {offset}"));
    }
    text
}
