//! The page: one file without scripts, pictures or links to elsewhere. Everything that a log says is escaped.

use std::fmt::Write as _;

use super::{Listed, LogReport, Message, Report};
use crate::alert::Kind;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
h1,h2{line-height:1.2}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;\
border-bottom:1px solid #d0d7de}code,pre{font:13px/1.4 ui-monospace,monospace;word-break:break-all}.bad{color:#9a1c1c;font-weight:600}\
.well{color:#1a6b2f;font-weight:600}";

/// Writes the page.
pub(super) fn page(report: &Report) -> String {
    let mut page = String::new();
    let (name, from, to) = (escaped(&report.name), report.from.get(), report.to.get());
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}, {from} to {to}</title>\
         <style>{STYLE}</style></head><body>\n<h1>What was signed under {name}</h1>\n\
         <p>From {from} to before {to}, as of {}. The entries are proven by the logs; times, gaps and alerts are what the monitor \
         noted.</p>\n",
        report.made.get()
    );
    if report.unread_lines > 0 {
        let _ = writeln!(
            page,
            "<p class=\"bad\">{} lines of the monitor's journal could not be read.</p>",
            report.unread_lines
        );
    }
    for log in &report.logs {
        of_log(&mut page, log);
    }
    page.push_str("</body></html>\n");
    page
}

fn of_log(page: &mut String, log: &LogReport) {
    let count = log.entries.len();
    let _ = write!(
        page,
        "<h2>{}</h2>\n<p>Entries {} to before {} of the log were read; {count} are under the name.</p>\n",
        escaped(&log.origin),
        log.first,
        log.end
    );
    if log.gaps.is_empty() {
        page.push_str("<p class=\"well\">The log was watched all the time.</p>\n");
    }
    for gap in &log.gaps {
        let (from, to) = (gap.from.get(), gap.to.get());
        let _ = writeln!(page, "<p class=\"bad\">Nobody looked from {from} to {to}.</p>");
    }
    table(page, &["entry", "seen by", "name", "kind", "key", "statement"], log.entries.iter().map(entry));
    if !log.unreadable.is_empty() {
        page.push_str("<h3>Entries that nobody can read</h3>\n");
        let rows = log.unreadable.iter();
        table(
            page,
            &["entry", "leaf hash", "why"],
            rows.map(|one| {
                vec![
                    one.index.to_string(),
                    format!("<code>{}</code>", escaped(&one.leaf)),
                    one.reason.title().to_owned(),
                ]
            }),
        );
    }
    page.push_str("<h3>What was told</h3>\n");
    if log.told.is_empty() {
        page.push_str("<p>Nothing.</p>\n");
    }
    table(page, &["when", "what", "entry", "alert", "dealt with"], log.told.iter().map(message));
    page.push_str("<h3>The log's own word</h3>\n");
    for key in &log.keys {
        let _ = writeln!(page, "<p>Key <code>{}</code></p>", escaped(key));
    }
    let _ = writeln!(page, "<pre>{}</pre>", escaped(&log.checkpoint));
}

fn entry(listed: &Listed) -> Vec<String> {
    let facts = &listed.entry;
    let text = |value: &Option<String>| escaped(value.as_deref().unwrap_or_default());
    let code = |value: &Option<String>| format!("<code>{}</code>", text(value));
    vec![
        facts.index.to_string(),
        listed.seen_by.map_or_else(|| "unknown".to_owned(), |at| at.get().to_string()),
        format!("{}:{}", text(&facts.name), text(&facts.version)),
        text(&facts.kind),
        code(&facts.key),
        code(&facts.statement),
    ]
}

fn message(message: &Message) -> Vec<String> {
    let titles: Vec<&str> = message.told.reasons.iter().map(|reason| reason.title()).collect();
    let over = if message.told.kind == Kind::Resolved { "Over: " } else { "" };
    vec![
        message.at.get().to_string(),
        format!("{over}{}", titles.join(" ")),
        message.told.index.map_or_else(String::new, |index| index.to_string()),
        format!("<code>{}</code>", escaped(&message.told.id)),
        message.acknowledged.as_deref().map_or_else(
            || "no".to_owned(),
            |remark| {
                let remark = escaped(remark);
                if remark.is_empty() { "yes".to_owned() } else { format!("yes: {remark}") }
            },
        ),
    ]
}

/// A table, unless it has no rows. Cells are HTML.
fn table(page: &mut String, head: &[&str], rows: impl ExactSizeIterator<Item = Vec<String>>) {
    if rows.len() == 0 {
        return;
    }
    page.push_str("<table><thead><tr>");
    head.iter().for_each(|name| page.push_str(&format!("<th>{name}</th>")));
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        page.push_str("<tr>");
        row.iter().for_each(|cell| page.push_str(&format!("<td>{cell}</td>")));
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table>\n");
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What would turn the text around, or hide it.
            '\n' => escaped.push('\n'),
            other
                if other.is_control()
                    || matches!(other, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                escaped.push('\u{fffd}');
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_wrote_becomes_a_tag() {
        assert_eq!(escaped("<a b=\"c\">'&\u{202e}"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\u{fffd}");
    }
}
