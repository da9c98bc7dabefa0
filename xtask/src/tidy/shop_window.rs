//! What the README shows is there: its folders, its commands, its programs.

use std::path::Path;

use super::{Member, Page};
use crate::VERBS;

/// The command that runs all tests, in the README and in what CI starts.
const TEST_COMMAND: &str = "cargo xtask check";

/// How the folder table's head begins.
const TABLE: &str = "| folder |";

/// Differences between the front page and the house.
pub(super) fn differing(pages: &[Page], members: &[Member], root: &Path) -> Vec<String> {
    let Some(readme) = pages.iter().find(|page| page.path == "README.md") else {
        return vec!["README.md is not there".to_owned()];
    };
    let mut complaints = folders(readme, members, root);
    for page in pages.iter().filter(|page| page.path.ends_with(".md")) {
        complaints.extend(verbs(page));
    }
    complaints.extend(programs(readme, members));
    for place in ["README.md", ".ci/run"] {
        if !pages.iter().any(|page| page.path == place && page.text.contains(TEST_COMMAND)) {
            complaints.push(format!("{place} does not say `{TEST_COMMAND}`"));
        }
    }
    complaints
}

/// The folder table has a row for every member, and no row for what is not there.
fn folders(readme: &Page, members: &[Member], root: &Path) -> Vec<String> {
    let rows = folder_table(&readme.text);
    if rows.is_empty() {
        return vec![format!("README.md has no table that starts with `{TABLE}`")];
    }
    let missing = members.iter().map(|member| member.folder.to_string_lossy().into_owned());
    let missing = missing.filter(|folder| !rows.contains(&folder.as_str()));
    let mut complaints: Vec<String> =
        missing.map(|folder| format!("README.md: no row for the crate {folder}")).collect();
    let gone = rows.iter().filter(|row| !root.join(row).is_dir());
    complaints.extend(gone.map(|row| format!("README.md: {row}/ is not a folder")));
    complaints
}

/// First cells of the folder table; of a link, its text.
fn folder_table(text: &str) -> Vec<&str> {
    let table = text.lines().skip_while(|line| !line.starts_with(TABLE)).skip(2);
    table
        .map_while(|line| line.strip_prefix('|'))
        .filter_map(|row| row.split('|').next())
        .map(|cell| cell.trim().trim_start_matches('[').split(']').next().unwrap_or_default())
        .collect()
}

/// `cargo xtask VERB` names a verb.
fn verbs(page: &Page) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        for after in line.split("cargo xtask ").skip(1) {
            let verb = after.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            // `cargo xtask` followed by something else is prose about xtask.
            if !verb.is_empty() && verb != "help" && !VERBS.iter().any(|known| known.name == verb) {
                complaints.push(format!("{}:{}: `cargo xtask {verb}` is no verb", page.path, index + 1));
            }
        }
    }
    complaints
}

/// `tallymark-SOMETHING` is a program of the workspace.
fn programs(readme: &Page, members: &[Member]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in readme.text.lines().enumerate() {
        for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let known = || members.iter().any(|member| member.programs.iter().any(|program| program == word));
            if word.starts_with("tallymark-") && !known() {
                complaints.push(format!("README.md:{}: `{word}` is no program", index + 1));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(readme: &str) -> Vec<String> {
        let root = tempfile::tempdir().expect("a directory");
        for folder in ["merkle", "spec"] {
            std::fs::create_dir(root.path().join(folder)).expect("made");
        }
        let mut member = Member::new("merkle", &["sha2"]);
        member.programs.push("tallymark-verify".to_owned());
        let script = Page::new(".ci/run", "exec cargo xtask check\n");
        differing(&[Page::new("README.md", readme), script], &[member], root.path())
    }

    const GOOD: &str = "| folder | what |\n|---|---|\n| merkle | the tree |\n| [spec](spec/README.md) | the law |\n\ncargo xtask check\ntallymark-verify DIR\n";

    #[test]
    fn a_front_page_that_shows_what_is_there_is_accepted() {
        assert_eq!(complaints(GOOD), [""; 0]);
    }

    #[test]
    fn a_missing_row_and_a_row_for_nothing_are_refused() {
        assert_eq!(
            complaints(&GOOD.replace("merkle", "core")),
            ["README.md: no row for the crate merkle", "README.md: core/ is not a folder"]
        );
    }

    #[test]
    fn a_verb_or_a_program_that_does_not_exist_is_refused() {
        assert_eq!(
            complaints(&format!("{GOOD}cargo xtask sing\ntallymark-sing\n")),
            ["README.md:8: `cargo xtask sing` is no verb", "README.md:9: `tallymark-sing` is no program"]
        );
    }

    #[test]
    fn a_front_page_without_the_test_command_is_refused() {
        assert_eq!(
            complaints(&GOOD.replace("check", "demo")),
            ["README.md does not say `cargo xtask check`"]
        );
    }
}
