//! The bill as one HTML page for an auditor: no script, nothing fetched, readable on paper and in the dark.
//!
//! Every text from outside is escaped and stands in an element's content, never in an attribute that means something; addresses
//! are texts and no links, since nobody vouches for where they lead. A content security policy forbids the rest.

mod lineage;

use std::fmt::Write as _;

use crate::bill::{Bill, Standing};
use crate::check::{Shares, why_missing};
use crate::field::{Field, Section};
use crate::profile::{Profile, Status};
use crate::shown::shown;
use crate::value::Value;
use crate::{TOOL_NAME, TOOL_VERSION};

const STYLE: &str = include_str!("html/style.css");
/// More rows of one field than this are folded away; on paper they are all there.
const MAX_ROWS: usize = 12;

/// Writes the page.
#[must_use]
pub fn document(bill: &Bill) -> String {
    let title = escaped(&format!("{}:{}", bill.name(), bill.version()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>AI bill of materials: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, bill, &title);
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(page, "<section id=\"lineage\">\n<h2>Lineage</h2>\n{}</section>", lineage::svg(bill));
    for section in Section::ALL {
        self::section(&mut page, bill, section);
    }
    proofs(&mut page, bill);
    for profile in Profile::ALL {
        self::profile(&mut page, bill, profile);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String, bill: &Bill, title: &str) {
    let shares = Shares::of(bill);
    let time = bill.time().map_or_else(|| "at no given time".to_owned(), |time| time.to_string());
    let _ = writeln!(page, "<header>\n<p class=\"kicker\">AI bill of materials</p>\n<h1>{title}</h1>");
    let _ = match bill.standing() {
        Standing::Verified => writeln!(
            page,
            "<p class=\"standing\">Written from verified statements. This page is a view and signed by nobody: what counts are \
             the <a href=\"#proofs\">statements and log entries</a> that it cites.</p>"
        ),
        Standing::Unverified => writeln!(
            page,
            "<p class=\"alarm\">UNVERIFIED. Nothing in this bill was proven. Every value is what somebody wrote.</p>"
        ),
    };
    let _ =
        writeln!(page, "<p class=\"digest\">sha256:{} <span>model-tree/v1</span></p>", bill.tree_digest());
    share_bar(page, shares);
    let _ = writeln!(
        page,
        "<p class=\"small\">Made {time} by {TOOL_NAME} {TOOL_VERSION}. <span class=\"grade verified\">verified</span> \
        found by the verifier, or seen by the signer; <span class=\"grade imported\">imported</span> recorded by a tool; \
        <span class=\"grade declared\">declared</span> said by a text or a person; <span class=\"grade missing\">missing</span> said by nobody.</p>\n</header>"
    );
}

fn share_bar(page: &mut String, shares: Shares) {
    let _ = write!(page, "<p class=\"shares\">");
    for (word, count) in shares.columns() {
        let _ = write!(
            page,
            "<span class=\"share {word}\" style=\"flex-grow:{count}\"><b>{count}</b> {word}</span>"
        );
    }
    let _ = writeln!(page, "</p>");
}

fn section(page: &mut String, bill: &Bill, section: Section) {
    let _ = writeln!(page, "<section>\n<h2>{}</h2>\n<table>", section.title());
    let _ =
        writeln!(page, "<thead><tr><th>Field</th><th>Value</th><th>Known</th><th>Where</th></tr></thead>");
    for field in section.fields() {
        self::field(page, bill, field);
    }
    let _ = writeln!(page, "</table>\n</section>");
}

fn field(page: &mut String, bill: &Bill, field: Field) {
    let values = bill.values(field);
    let why = why_missing(bill, field);
    let _ = writeln!(page, "<tbody>");
    let mut label = format!("<th scope=\"rowgroup\">{}</th>", field.label());
    for value in values.iter().take(MAX_ROWS) {
        row(page, &label, value);
        "<th></th>".clone_into(&mut label);
    }
    if let Some(why) = why {
        let class = if bill.counts(field) { "missing" } else { "absent" };
        let word = if bill.counts(field) { "missing" } else { "none" };
        let _ = writeln!(
            page,
            "<tr class=\"gap\">{label}<td>{}</td><td><span class=\"grade {class}\">{word}</span></td><td></td></tr>",
            escaped(&why)
        );
    }
    let _ = writeln!(page, "</tbody>");
    if let Some(rest) = values.get(MAX_ROWS..).filter(|rest| !rest.is_empty()) {
        let _ = writeln!(
            page,
            "<tbody><tr><th></th><td colspan=\"3\"><details><summary>{} more</summary>\n<table>",
            rest.len()
        );
        rest.iter().for_each(|value| row(page, "<th></th>", value));
        let _ = writeln!(page, "</table></details></td></tr></tbody>");
    }
}

fn row(page: &mut String, label: &str, value: &Value) {
    let about =
        if value.about().is_empty() { String::new() } else { format!("<b>{}</b> ", escaped(value.about())) };
    let proof = value
        .proof()
        .map(|place| format!(" <a href=\"#proof-{0}\">[{0}]</a>", place + 1))
        .unwrap_or_default();
    let _ = writeln!(
        page,
        "<tr>{label}<td>{about}<i>{}</i> <bdi>{}</bdi></td><td><span class=\"grade {grade}\">{grade}</span></td><td class=\"at\">{}{proof}</td></tr>",
        escaped(value.key()),
        escaped(value.text()),
        escaped(value.at()),
        grade = value.grade(),
    );
}

fn proofs(page: &mut String, bill: &Bill) {
    if bill.proofs().is_empty() {
        return;
    }
    let _ = writeln!(page, "<section id=\"proofs\">\n<h2>Proofs</h2>\n<ol>");
    for (place, proof) in bill.proofs().iter().enumerate() {
        let _ = writeln!(
            page,
            "<li id=\"proof-{}\"><b>{} statement</b> <code>sha256:{}</code><dl>",
            place + 1,
            proof.kind(),
            proof.statement()
        );
        let mut term = |name: &str, text: String| {
            let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(&text));
        };
        term(
            "signed by",
            format!("{} key sha256:{}, admitted for {}", proof.algorithm(), proof.key_id(), proof.pattern()),
        );
        term("log", format!("{}, entry {}", proof.origin(), proof.index()));
        term("leaf hash", proof.leaf().to_string());
        term("tree", format!("{} entries, root {}", proof.tree_size(), proof.root()));
        for (witness, time) in proof.cosignatures() {
            term("cosigned", format!("by {witness} at {time}"));
        }
        let _ = writeln!(page, "</dl></li>");
    }
    let _ = writeln!(page, "</ol>\n</section>");
}

fn profile(page: &mut String, bill: &Bill, profile: Profile) {
    let known = profile.elements().iter().filter(|element| element.status(bill) == Status::Known).count();
    let _ = writeln!(
        page,
        "<section>\n<details>\n<summary><h2>{}</h2> {known} of {} elements known</summary>\n<table>\n<thead><tr><th>Place</th><th>Element</th><th>Status</th><th>Why</th></tr></thead>\n<tbody>",
        profile.title(),
        profile.elements().len()
    );
    for element in profile.elements() {
        let (class, status) = match element.status(bill) {
            Status::Known => ("verified", Status::Known),
            Status::InPart => ("declared", Status::InPart),
            Status::Unknown => ("missing", Status::Unknown),
        };
        let reasons: Vec<String> = element.reasons(bill).iter().map(|reason| escaped(reason)).collect();
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td><span class=\"grade {class}\">{}</span></td><td>{}</td></tr>",
            element.place(),
            element.words(),
            status.as_str(),
            reasons.join("<br>")
        );
    }
    let _ = writeln!(page, "</tbody>\n</table>\n</details>\n</section>");
}

/// A text from outside, as content of an element.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in shown(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_opens_no_tag_and_leaves_no_attribute() {
        assert_eq!(escaped("<script>\"'&\u{202e}"), "&lt;script&gt;&quot;&#39;&amp;\\u{202e}");
    }

    #[test]
    fn style_fetches_nothing() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
    }
}
