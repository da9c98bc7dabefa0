//! Verdicts for a job of GitHub Actions: commands that annotate files, and a summary in Markdown.

use std::fmt::{self, Write as _};

use super::Common;
use super::place::observations;
use super::words::plain;
use crate::load::Verdict;

/// Annotations of one kind that GitHub shows for one step.
const MAX_ANNOTATIONS: usize = 10;

/// Writes a workflow command, `::error file=...`, for each observation; the last one says how many more there are.
#[must_use]
pub fn github(verdicts: &[Verdict]) -> String {
    let found: Vec<_> = verdicts.iter().flat_map(observations).collect();
    let shown = if found.len() > MAX_ANNOTATIONS { MAX_ANNOTATIONS - 1 } else { found.len() };
    let mut text = String::new();
    // Writing to a String cannot fail.
    for found in found.iter().take(shown) {
        let (weight, path) = (found.weight.code(), property(&found.path));
        let (title, words) =
            (found.reason.code(), data(&format!("{}\n{}", found.message, found.reason.remedy())));
        let _: fmt::Result = writeln!(text, "::{weight} file={path},title=tallymark {title}::{words}");
    }
    if let Some(more @ 1..) = found.len().checked_sub(shown) {
        let _: fmt::Result =
            writeln!(text, "::error title=tallymark::{more} findings more, see the report in another format");
    }
    text
}

/// Writes a table for `$GITHUB_STEP_SUMMARY`, a row for each model.
#[must_use]
pub fn markdown(verdicts: &[Verdict]) -> String {
    let verified = verdicts.iter().filter(|verdict| verdict.result().is_ok()).count();
    let mut text = format!("### tallymark: {verified} of {} models verified\n\n", verdicts.len());
    text.push_str("| model | verdict | reason | what to do |\n|---|---|---|---|\n");
    for verdict in verdicts {
        let common = Common::of(verdict);
        let model = cell(&plain(&verdict.model().to_string_lossy()));
        let (reason, remedy) = common.refusal.map_or((String::new(), ""), |refusal| {
            (format!("`{}`", refusal.reason()), refusal.reason().remedy())
        });
        // Writing to a String cannot fail.
        let _: fmt::Result =
            writeln!(text, "| {model} | {} | {reason} | {} |", common.verdict_code(), cell(remedy));
    }
    text
}

/// The text of a command: one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Printable ASCII as text of a cell: nothing in it is Markdown or HTML.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                cell.push('\\');
                cell.push(c);
            }
            '@' => cell.push_str("&#64;"),
            c => cell.push(c),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_neither_end_its_command_nor_begin_another() {
        assert_eq!(property("a,b:c\n::warning::x%"), "a%2Cb%3Ac%0A%3A%3Awarning%3A%3Ax%25");
    }

    #[test]
    fn a_cell_is_text_and_nothing_else() {
        assert_eq!(cell("a|b <img> [x](y) @you"), r"a\|b &lt;img&gt; \[x\](y) &#64;you");
    }
}
