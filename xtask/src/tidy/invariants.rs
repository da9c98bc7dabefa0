//! Every guard that `spec/invariants.md` names is in the code, and every test that is to fail without it exists.
//!
//! A row is `` | `id` | what | `file` `item` | `file` `test` | `` and may name several of each. The page has all fifteen
//! invariants, and an id stands there once.

use std::collections::BTreeSet;

use super::Page;

const TABLE: &str = "spec/invariants.md";
const INVARIANTS: usize = 15;

/// Rows whose code or test is not there.
pub(super) fn without_guard(pages: &[Page]) -> Vec<String> {
    let Some(table) = pages.iter().find(|page| page.path == TABLE) else {
        return vec![format!("{TABLE} is not there")];
    };
    let mut complaints = Vec::new();
    for number in 1..=INVARIANTS {
        if !table.text.lines().any(|line| line.starts_with(&format!("## I{number} "))) {
            complaints.push(format!("{TABLE}: no heading for I{number}"));
        }
    }
    let mut ids = BTreeSet::new();
    for (number, line) in (1..).zip(table.text.lines()) {
        let Some(row) = line.strip_prefix("| `") else { continue };
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [id, _, code, tests] = cells[..] else {
            complaints.push(format!("{TABLE}:{number}: a guard has an id, words, its code and its tests"));
            continue;
        };
        if !ids.insert(id) {
            complaints.push(format!("{TABLE}:{number}: `{} is there twice", id));
        }
        for (cell, before) in
            [(code, &["fn ", "struct ", "enum ", "trait ", "const "][..]), (tests, &["fn "][..])]
        {
            complaints.extend(missing(pages, cell, before).map(|what| format!("{TABLE}:{number}: {what}")));
        }
    }
    if ids.is_empty() {
        complaints.push(format!("{TABLE} has no guard"));
    }
    complaints
}

/// What a cell of alternating files and names mentions and nobody finds.
fn missing<'a>(pages: &'a [Page], cell: &'a str, before: &'a [&str]) -> impl Iterator<Item = String> {
    let words: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    let mut file: Option<&Page> = None;
    let mut complaints = Vec::new();
    let mut named = false;
    for word in words {
        if word.contains('/') {
            file = pages.iter().find(|page| page.path == word);
            if file.is_none() {
                complaints.push(format!("{word} is not there"));
            }
        } else {
            named = true;
            let holds = |page: &Page| before.iter().any(|kind| defines(&page.text, kind, word));
            if file.is_some_and(|page| !holds(page)) {
                complaints.push(format!("{word} is not in {}", file.map_or("", |page| &page.path)));
            }
        }
    }
    if !named {
        complaints.push("a cell names nothing".to_owned());
    }
    complaints.into_iter()
}

/// Whether the text defines something of this very name.
fn defines(text: &str, kind: &str, name: &str) -> bool {
    text.match_indices(&format!("{kind}{name}")).any(|(at, found)| {
        !text[at + found.len()..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(row: &str) -> Vec<String> {
        let headings: String = (1..=INVARIANTS).map(|number| format!("## I{number} Name\n")).collect();
        let table = Page::new(TABLE, &format!("{headings}{row}\n"));
        let code = Page::new("a/src/x.rs", "pub fn guard() {}\nfn guarded_well() {}\n");
        without_guard(&[table, code])
    }

    #[test]
    fn a_row_whose_code_and_tests_exist_is_fine() {
        let row = "| `x` | words | `a/src/x.rs` `guard` | `a/src/x.rs` `guarded_well` `guard` |";
        assert_eq!(checked(row), [""; 0]);
    }

    #[test]
    fn code_or_tests_that_are_gone_are_noticed() {
        let at = format!("{TABLE}:16");
        assert_eq!(
            checked("| `x` | words | `a/src/x.rs` `guards` | `a/src/x.rs` `guarded` |"),
            [format!("{at}: guards is not in a/src/x.rs"), format!("{at}: guarded is not in a/src/x.rs")]
        );
        assert_eq!(
            checked("| `x` | words | `a/src/y.rs` `guard` | `a/src/x.rs` `guard` |"),
            [format!("{at}: a/src/y.rs is not there")]
        );
        assert_eq!(
            checked("| `x` | words | nothing | `a/src/x.rs` `guard` |"),
            [format!("{at}: a cell names nothing")]
        );
    }

    #[test]
    fn a_missing_invariant_is_noticed() {
        let row = "| `x` | words | `a/src/x.rs` `guard` | `a/src/x.rs` `guard` |";
        let table = Page::new(TABLE, &format!("## I1 Name\n{row}\n"));
        let code = Page::new("a/src/x.rs", "fn guard() {}");
        assert_eq!(without_guard(&[table, code]).len(), INVARIANTS - 1);
    }
}
