//! The example on a page is a file: `<!-- example: testdata/note/x.txt -->`, then a fenced block with its content.
//!
//! Text is shown as it is; other bytes as lower-case hex, 32 bytes a line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Page;

const MARK: &str = "<!-- example: ";

/// One citation: the file, the line of the opening fence (counted from 0), and the lines inside the fences.
struct Citation<'a> {
    file: &'a str,
    fence: usize,
    body: Vec<&'a str>,
}

/// Citations whose block is not what the file holds.
pub(super) fn differing(pages: &[Page], root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for page in markdown(pages) {
        for citation in citations(page) {
            match citation {
                Err(complaint) => complaints.push(complaint),
                Ok(citation) => complaints.extend(complaint(page, &citation, root)),
            }
        }
    }
    complaints
}

fn complaint(page: &Page, citation: &Citation<'_>, root: &Path) -> Option<String> {
    let line = citation.fence + 1;
    match shown(&root.join(citation.file)) {
        Err(error) => Some(format!("{}:{line}: {error:#}", page.path)),
        Ok(wanted) if wanted.lines().ne(citation.body.iter().copied()) => {
            Some(format!("{}:{line}: the block is not what {} holds", page.path, citation.file))
        }
        Ok(_) => None,
    }
}

/// The page with every block replaced by what its file holds; nothing if it already is so.
pub(super) fn written(page: &Page, root: &Path) -> Result<Option<String>> {
    if !page.path.ends_with(".md") {
        return Ok(None);
    }
    let mut lines: Vec<String> = page.text.lines().map(str::to_owned).collect();
    // From the last to the first, so that line numbers stay true.
    for citation in citations(page).into_iter().rev() {
        let citation = citation.map_err(anyhow::Error::msg)?;
        let body = shown(&root.join(citation.file))?;
        let start = citation.fence + 1;
        lines.splice(start..start + citation.body.len(), body.lines().map(str::to_owned));
    }
    let text = lines.join("\n") + "\n";
    Ok((text != page.text).then_some(text))
}

fn markdown(pages: &[Page]) -> impl Iterator<Item = &Page> {
    pages.iter().filter(|page| page.path.ends_with(".md"))
}

fn citations(page: &Page) -> Vec<Result<Citation<'_>, String>> {
    let lines: Vec<&str> = page.text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(file) = line.trim().strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        let fence = index + 1;
        if !lines.get(fence).is_some_and(|line| line.starts_with("```")) {
            found.push(Err(format!("{}:{}: no fenced block follows the example", page.path, index + 1)));
            continue;
        }
        let inside = lines.get(fence + 1..).unwrap_or_default();
        let body = inside.iter().copied().take_while(|line| !line.starts_with("```")).collect();
        found.push(Ok(Citation { file, fence, body }));
    }
    found
}

/// The file as a page shows it.
fn shown(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read the example {}", path.display()))?;
    let printable = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    Ok(match String::from_utf8(bytes) {
        Ok(text) if printable(&text) => text,
        Ok(text) => hex(text.as_bytes()),
        Err(error) => hex(error.as_bytes()),
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for row in bytes.chunks(32) {
        for byte in row {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with(name: &str, bytes: &[u8]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        fs::write(root.path().join(name), bytes).expect("written");
        root
    }

    #[test]
    fn a_block_that_is_not_its_file_is_refused() {
        let root = root_with("x.txt", b"one\ntwo\n");
        let page = Page::new("spec/x.md", "<!-- example: x.txt -->\n```\none\nthree\n```\n");
        assert_eq!(differing(&[page], root.path()), ["spec/x.md:2: the block is not what x.txt holds"]);
    }

    #[test]
    fn a_citation_of_nothing_or_without_a_block_is_refused() {
        let root = root_with("x.txt", b"");
        let missing = Page::new("a.md", "<!-- example: y.txt -->\n```\n```\n");
        let bare = Page::new("b.md", "<!-- example: x.txt -->\ntext\n");
        let found = differing(&[missing, bare], root.path());
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a.md:2: cannot read the example"), "{}", found[0]);
        assert_eq!(found[1], "b.md:1: no fenced block follows the example");
    }

    #[test]
    fn bytes_are_shown_as_hex_of_32_a_line_and_writing_fills_an_empty_block() {
        let root = root_with("x.bin", &[0xab; 33]);
        let page = Page::new("x.md", "# X\n<!-- example: x.bin -->\n```\n```\nafter\n");
        let text = written(&page, root.path()).expect("readable").expect("changed");
        assert_eq!(text, format!("# X\n<!-- example: x.bin -->\n```\n{}\nab\n```\nafter\n", "ab".repeat(32)));
        let page = Page::new("x.md", &text);
        assert_eq!(differing(&[Page::new("x.md", &text)], root.path()), [""; 0]);
        assert_eq!(written(&page, root.path()).expect("readable"), None);
    }
}
