//! A datasheet: a text with seven sections, in whatever form people write headings.
//!
//! ```text
//! # Motivation                 Markdown
//! Composition                  underlined
//! ===========
//! **Collection Process**       a line in bold
//! <h2>Uses</h2>                HTML
//! 3. Distribution              a numbered line of its own
//! \section{Maintenance}        LaTeX
//! ```
//!
//! A line is a heading of a section if nothing is left when its marks are taken off but the name of the section, or a name that
//! begins so. What stands below it is for people.

use crate::notes::Notes;
use crate::{Topic, WarningReason};

/// The sections, as reports call them, and the words that their headings begin with.
const SECTIONS: [(&str, &str); 7] = [
    ("motivation", "motivation"),
    ("composition", "composition"),
    ("collection", "collection"),
    ("preprocessing", "preprocessing"),
    ("uses", "uses"),
    ("distribution", "distribution"),
    ("maintenance", "maintenance"),
];
/// Longest heading. A longer line is a sentence.
const MAX_HEADING_CHARS: usize = 80;

/// Notes which sections the datasheet called `name` has and has not.
pub(super) fn note(bytes: &[u8], name: &str, notes: &mut Notes<'_>) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return notes.warn(WarningReason::NotRead, "", "not a text; its sections were not looked for");
    };
    let lines: Vec<&str> = text.lines().collect();
    for (section, word) in SECTIONS {
        let underlines = lines.iter().skip(1).copied().chain(std::iter::once(""));
        let is_there = lines.iter().zip(underlines).any(|(line, next)| is_heading(line, next, word));
        let key = if is_there { "section" } else { "missing-section" };
        notes.subject(Topic::Document, name, "").text(key, section);
    }
}

/// Whether a line, with the one below it, is a heading that begins with a word.
fn is_heading(line: &str, next: &str, word: &str) -> bool {
    let line = line.trim();
    if line.chars().count() > MAX_HEADING_CHARS {
        return false;
    }
    let is_underlined = next.trim().len() > 2
        && ["=", "-", "~"].iter().any(|mark| next.trim().trim_matches(|c| mark.contains(c)).is_empty());
    let bare = without_marks(line);
    let is_marked = bare.len() < line.len();
    // A line of prose may begin with the word; one of nothing else is a heading even without marks.
    let rest = bare.to_lowercase();
    let Some(rest) = rest.strip_prefix(word) else { return false };
    match rest.chars().next() {
        None => true,
        Some(c) if c.is_alphanumeric() => false,
        Some(_) => is_marked || is_underlined,
    }
}

/// Takes off what marks a heading: `#`, stars, tags, numbers, LaTeX.
fn without_marks(line: &str) -> &str {
    let line = line.strip_prefix('<').and_then(|line| Some(line.split_once('>')?.1)).unwrap_or(line);
    let line = line.rsplit_once("</").map_or(line, |(line, _)| line);
    let line = match line.strip_prefix('\\').and_then(|line| line.split_once('{')) {
        Some((_, line)) => line.trim_end_matches('}'),
        None => line,
    };
    let is_mark = |c: char| {
        c.is_whitespace() || c.is_ascii_digit() || matches!(c, '#' | '*' | '_' | '.' | ')' | '(' | ':')
    };
    let line = line.trim_matches(is_mark);
    // `II. Composition`, and not `Maintenance. Who`.
    match line.split_once(". ") {
        Some((numeral, rest)) if numeral.chars().all(|c| matches!(c, 'I' | 'V' | 'X')) => {
            rest.trim_matches(is_mark)
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_many_kinds_are_seen() {
        for line in [
            "# Motivation",
            "motivation",
            "## 1. Motivation ##",
            "**Motivation**",
            "__Motivation:__",
            "<h2 id=\"a\">Motivation</h2>",
            "3) MOTIVATION",
            "\\section{Motivation}",
            "II. Motivation",
            "### Motivation & Purpose",
            "Motivation:",
            "\u{a0}Motivation",
        ] {
            assert!(is_heading(line, "", "motivation"), "{line}");
        }
        assert!(is_heading("Collection Process", "------", "collection"));
        assert!(is_heading("# Preprocessing/cleaning/labeling", "", "preprocessing"));
    }

    #[test]
    fn prose_is_no_heading() {
        for line in [
            "",
            "#",
            "Motivation is what drives us",
            "# Motivations",
            "The motivation",
            "- see Motivation",
            "# No motivation",
            "# Motivation that goes on and on and on until nobody would ever call it a heading any more at all",
        ] {
            assert!(!is_heading(line, "", "motivation"), "{line}");
        }
        assert!(!is_heading("Motivation was lacking", "-", "motivation"));
    }
}
