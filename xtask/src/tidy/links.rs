//! Links between pages lead somewhere.

use std::path::Path;

use super::Page;

/// Relative links in markdown whose file, or whose heading in that file, is not there.
pub(super) fn broken(pages: &[Page], root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    // What a stranger's text makes of a page is a case, and leads nowhere on purpose.
    let is_page =
        |page: &&Page| page.path.ends_with(".md") && !page.path.starts_with("testdata/bom/hostile/");
    for page in pages.iter().filter(is_page) {
        for (number, target) in targets(&page.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.path.clone() } else { beside(&page.path, file) };
            if !root.join(&path).exists() {
                complaints.push(format!("{}:{number}: {target} leads nowhere", page.path));
            } else if !heading.is_empty()
                && !pages
                    .iter()
                    .any(|other| other.path == path && headings(&other.text).any(|slug| slug == heading))
            {
                complaints.push(format!("{}:{number}: {path} has no heading #{heading}", page.path));
            }
        }
    }
    complaints
}

/// Numbered targets of `](target)` outside fenced blocks.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for piece in line.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                found.push((index + 1, target));
            }
        }
    }
    found
}

/// A path relative to the page, with `..` resolved, from the root.
fn beside(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Headings as links name them: lower case, spaces as hyphens, other punctuation gone.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
                _ => None,
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_missing_file_or_heading_is_refused_and_a_good_one_is_not() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("spec")).expect("made");
        std::fs::write(root.path().join("spec/entry.md"), "").expect("written");
        let entry = Page::new("spec/entry.md", "# Entry\n## A pure function\n");
        let index = Page::new(
            "spec/README.md",
            "[a](entry.md) [b](gone.md)\n[c](entry.md#a-pure-function) [d](entry.md#format)\n\
             [e](https://example.org/x)\n```\n[f](gone.md)\n```\n[g](../spec/entry.md)\n",
        );
        assert_eq!(
            broken(&[entry, index], root.path()),
            [
                "spec/README.md:1: gone.md leads nowhere",
                "spec/README.md:2: spec/entry.md has no heading #format"
            ]
        );
    }
}
