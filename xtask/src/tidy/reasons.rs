//! Every reason of `spec/reasons.md` is shown by a case.

use super::Page;

const TABLE: &str = "spec/reasons.md";

/// Reasons that neither a case under `testdata/bundle/reject` nor a test of the verifier names.
pub(super) fn without_case(pages: &[Page]) -> Vec<String> {
    let Some(table) = pages.iter().find(|page| page.path == TABLE) else {
        return vec![format!("{TABLE} is not there")];
    };
    let codes: Vec<&str> =
        table.text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    if codes.is_empty() {
        return vec![format!("{TABLE} has no row that starts with a code")];
    }
    let shows = |page: &&Page| {
        (page.path.starts_with("testdata/bundle/reject/") && page.path.ends_with("/case.toml"))
            || (page.path.starts_with("testdata/oms/") && page.path.ends_with("/case.toml"))
            || page.path.starts_with("verifier/tests/")
    };
    let cases: Vec<&Page> = pages.iter().filter(shows).collect();
    codes
        .iter()
        .filter(|code| !cases.iter().any(|case| names(&case.text, code) || names(&case.text, &variant(code))))
        .map(|code| format!("{TABLE}: no case shows `{code}`"))
        .collect()
}

/// The code as a test in Rust names it: `NotLogged` for `not-logged`.
fn variant(code: &str) -> String {
    code.split('-')
        .map(|word| {
            word.split_at_checked(1).map_or_else(String::new, |(first, rest)| first.to_uppercase() + rest)
        })
        .collect()
}

/// Whether the code stands there whole: `not-logged` is not in `file-not-logged-twice`.
fn names(text: &str, code: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_without_a_case_is_refused() {
        let table = Page::new(TABLE, "| code | |\n|---|---|\n| `not-logged` | x |\n| `no-trust` | x |\n");
        let case = Page::new("testdata/bundle/reject/pending/case.toml", "reason = \"not-logged\"\n");
        let near = Page::new("testdata/bundle/reject/other/case.toml", "reason = \"no-trust-at-all\"\n");
        assert_eq!(without_case(&[table, case, near]), ["spec/reasons.md: no case shows `no-trust`"]);
    }

    #[test]
    fn a_test_of_the_verifier_may_name_the_reason_by_its_variant() {
        let table = Page::new(TABLE, "| `paths-collide` | x |\n");
        let test = Page::new("verifier/tests/on_disk.rs", "assert_eq!(seen, Some(Reason::PathsCollide));\n");
        assert_eq!(without_case(&[table, test]), [""; 0]);
    }

    #[test]
    fn a_table_that_is_missing_or_empty_is_refused() {
        assert_eq!(without_case(&[]), ["spec/reasons.md is not there"]);
        assert_eq!(without_case(&[Page::new(TABLE, "# Reasons\n")]).len(), 1);
    }
}
