//! The bill as Markdown, for reviews and repositories.
//!
//! Every text from outside stands in a code span, in which Markdown, links and HTML are only characters; what would hide or
//! reorder text is written as an escape (`crate::shown`).

use std::fmt::Write as _;

use crate::bill::{Bill, Standing};
use crate::check::{Shares, why_missing};
use crate::field::{Field, Section};
use crate::profile::Profile;
use crate::shown::shown;
use crate::value::Value;
use crate::{TOOL_NAME, TOOL_VERSION};

/// Writes the bill.
#[must_use]
pub fn document(bill: &Bill) -> String {
    let mut text = String::new();
    head(&mut text, bill);
    for section in Section::ALL {
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "\n## {}\n\n| field | value | known | where |\n|---|---|---|---|",
            section.title()
        );
        for field in section.fields() {
            rows(&mut text, bill, field);
        }
    }
    proofs(&mut text, bill);
    for profile in Profile::ALL {
        let _ = writeln!(
            text,
            "\n## {}\n\n| place | element | status | why |\n|---|---|---|---|",
            profile.title()
        );
        for element in profile.elements() {
            let reasons: Vec<String> = element.reasons(bill).iter().map(|reason| plain(reason)).collect();
            let status = element.status(bill).as_str();
            let _ = writeln!(
                text,
                "| {} | {} | {status} | {} |",
                element.place(),
                element.words(),
                reasons.join("; ")
            );
        }
    }
    text
}

fn head(text: &mut String, bill: &Bill) {
    let _ = writeln!(
        text,
        "# AI bill of materials of {}\n",
        span(&format!("{}:{}", bill.name(), bill.version()))
    );
    let _ = writeln!(
        text,
        "{}\n",
        match bill.standing() {
            Standing::Verified =>
                "Written from verified statements. A view: what counts are the statements, listed at the end.",
            Standing::Unverified =>
                "**UNVERIFIED. Nothing in this bill was proven; every value is only declared.**",
        }
    );
    let shares = Shares::of(bill);
    let time = bill.time().map_or_else(|| "no time given".to_owned(), |time| time.to_string());
    let _ = writeln!(text, "- model digest: `sha256:{}` (`model-tree/v1`)", bill.tree_digest());
    let _ = writeln!(text, "- verified: {} of {} fields", shares.verified(), shares.total());
    let _ = writeln!(text, "- made: {time}, by {TOOL_NAME} {TOOL_VERSION}");
}

fn rows(text: &mut String, bill: &Bill, field: Field) {
    for value in bill.values(field) {
        let proof = value.proof().map(|place| format!(" [{}]", place + 1)).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {}{proof} |",
            field.label(),
            labelled(value),
            value.grade(),
            span(value.at())
        );
    }
    if let Some(why) = why_missing(bill, field) {
        let _ = writeln!(text, "| {} | | missing | {} |", field.label(), plain(&why));
    }
}

fn labelled(value: &Value) -> String {
    let about = if value.about().is_empty() { String::new() } else { format!("{} ", span(value.about())) };
    format!("{about}{}: {}", plain(value.key()), span(value.text()))
}

fn proofs(text: &mut String, bill: &Bill) {
    if bill.proofs().is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## Proofs\n");
    for (place, proof) in bill.proofs().iter().enumerate() {
        let _ = writeln!(text, "{}. {} statement `sha256:{}`", place + 1, proof.kind(), proof.statement());
        let _ = writeln!(
            text,
            "   - signed by key `sha256:{}`, admitted for {}",
            proof.key_id(),
            span(proof.pattern())
        );
        let _ = writeln!(
            text,
            "   - log {}, entry {}, leaf `{}`",
            span(proof.origin()),
            proof.index(),
            proof.leaf()
        );
        let _ = writeln!(text, "   - tree of {}, root {}", proof.tree_size(), span(proof.root()));
        for (witness, time) in proof.cosignatures() {
            let _ = writeln!(text, "   - cosigned by {} at {time}", span(witness));
        }
    }
}

/// A text in a code span that it cannot leave: fenced with more backticks than it has in a row.
fn span(text: &str) -> String {
    let text = shown(text);
    if text.trim().is_empty() {
        return if text.is_empty() {
            "(empty)".to_owned()
        } else {
            format!("({} blanks)", text.chars().count())
        };
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    // In a table a bar ends the cell even inside of a span, unless it is escaped.
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Words of ours that may have words from outside in them: everything that Markdown takes for more than a letter is escaped.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in shown(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '-' | '(' | ')' | '%' | '/' | '\'') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_span() {
        assert_eq!(span("a`b``c"), "```a`b``c```");
        assert_eq!(span("`"), "`` ` ``");
        assert_eq!(span("a|b"), "`a\\|b`");
        assert_eq!(span("\u{202e}x"), "`\\u{202e}x`");
        assert_eq!((span(""), span("  ")), ("(empty)".to_owned(), "(2 blanks)".to_owned()));
    }

    #[test]
    fn words_make_no_link_no_tag_and_no_cell() {
        assert_eq!(plain("<b>|[x](http://a.b)"), "\\<b\\>\\|\\[x\\](http\\://a\\.b)");
    }
}
