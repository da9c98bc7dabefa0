use std::fmt::Write as _;

use crate::finding::excerpt;
use crate::report::Report;

/// Files that are allowed are listed up to this many.
const MOST_ALLOWED: usize = 100;

/// One row for each file, one below it for each finding; then templates, what was not looked at, and the verdict.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut allowed = 0;
    for file in report.files() {
        let verdict = if file.is_allowed() { "allowed" } else { "refused" };
        allowed += usize::from(file.is_allowed());
        if file.is_allowed() && allowed > MOST_ALLOWED {
            continue;
        }
        // A text that is written into memory takes every write.
        let _ = writeln!(text, "{verdict}  {:13}  {}", file.format(), excerpt(file.path()));
        for finding in file.findings() {
            let _ = writeln!(text, "         {}  {}: {}", finding.reason(), finding.place(), finding.what());
        }
        if file.omitted() > 0 {
            let _ = writeln!(text, "         and {} findings more", file.omitted());
        }
    }
    if allowed > MOST_ALLOWED {
        let _ = writeln!(text, "allowed  {} files more", allowed - MOST_ALLOWED);
    }
    for template in report.templates() {
        let (digest, place, bytes) = (template.digest(), template.place(), template.bytes());
        let _ = writeln!(text, "template {digest}  {place}: {}, {bytes} bytes", template.key());
    }
    for left in report.not_evaluated() {
        let _ = writeln!(text, "not evaluated: {}", left.words());
    }
    let refused = report.files().len() - allowed;
    let verdict = if report.is_allowed() { "allowed" } else { "refused" };
    let exceptions = report.rules().exceptions().join(", ");
    let exceptions = if exceptions.is_empty() { String::new() } else { format!(", allowing {exceptions}") };
    let _ = writeln!(
        text,
        "{verdict} by {}{exceptions}: {allowed} files allowed, {refused} refused",
        report.rules().id()
    );
    text
}
