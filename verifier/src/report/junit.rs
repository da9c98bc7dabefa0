//! Verdicts as JUnit XML, the form that test dashboards read.

use std::fmt::{self, Write as _};

use super::Common;
use super::place::{Weight, observations};
use super::words::plain;
use crate::load::Verdict;
use crate::reason::Class;

/// Writes one suite with a case for each model: `failure` for what is false or refused, `error` for what could not be decided or
/// read. No times: a verdict has none.
#[must_use]
pub fn junit(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = write_suite(&mut text, verdicts);
    text
}

fn write_suite(text: &mut String, verdicts: &[Verdict]) -> fmt::Result {
    let count = |wanted| verdicts.iter().filter(|verdict| kind(verdict) == Some(wanted)).count();
    let (failures, errors, tests) = (count("failure"), count("error"), verdicts.len());
    writeln!(text, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(text, r#"<testsuites tests="{tests}" failures="{failures}" errors="{errors}">"#)?;
    writeln!(
        text,
        r#"  <testsuite name="tallymark gate" tests="{tests}" failures="{failures}" errors="{errors}">"#
    )?;
    for verdict in verdicts {
        let model = escaped(&plain(&verdict.model().to_string_lossy()));
        write!(text, r#"    <testcase classname="tallymark" name="{model}""#)?;
        write_case(text, verdict)?;
    }
    writeln!(text, "  </testsuite>\n</testsuites>")
}

fn write_case(text: &mut String, verdict: &Verdict) -> fmt::Result {
    let observations = observations(verdict);
    if observations.is_empty() {
        return writeln!(text, "/>");
    }
    writeln!(text, ">")?;
    if let (Some(kind), Some(refusal)) = (kind(verdict), Common::of(verdict).refusal) {
        let (reason, first) = (refusal.reason(), observations.first().map_or("", |found| &found.message));
        writeln!(text, r#"      <{kind} type="{reason}" message="{}">"#, escaped(first))?;
        for found in observations.iter().filter(|found| found.weight == Weight::Error) {
            writeln!(text, "{}: {}", found.reason, escaped(&found.message))?;
        }
        writeln!(text, "{}</{kind}>", escaped(reason.remedy()))?;
    }
    for found in observations.iter().filter(|found| found.weight == Weight::Warning) {
        let message = escaped(&found.message);
        writeln!(text, "      <system-err>only warned: {}: {message}</system-err>", found.reason)?;
    }
    writeln!(text, "    </testcase>")
}

/// The element for a model that is not verified.
fn kind(verdict: &Verdict) -> Option<&'static str> {
    Some(match Common::of(verdict).refusal?.class() {
        Class::VerifiedFalse | Class::Refused => "failure",
        Class::Undecidable | Class::Io => "error",
    })
}

/// Printable ASCII as XML text or an attribute in double quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        assert_eq!(escaped(r#"a"/><b>&amp;"#), "a&quot;/&gt;&lt;b&gt;&amp;amp;");
    }
}
