//! The page and the code say the same.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use formats::{NotEvaluated, Reason};

/// The rows of the page's tables that begin with a code.
fn rows() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/formats.md");
    let page = fs::read_to_string(page).expect("the page");
    page.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
}

#[test]
fn every_reason_is_on_the_page_in_these_words() {
    let rows = rows();
    for reason in Reason::ALL {
        let row = format!("| `{reason}` | {} | {} |", reason.seen(), reason.advice());
        assert!(rows.contains(&row), "want on the page: {row}");
    }
    let is_reason = |row: &&String| row.matches(" | ").count() == 2 && row.ends_with(". |");
    assert_eq!(rows.iter().filter(is_reason).count(), Reason::ALL.len());
}

#[test]
fn everything_that_is_not_evaluated_is_on_the_page() {
    let rows = rows();
    for left in NotEvaluated::ALL {
        assert!(
            rows.iter().any(|row| row.starts_with(&format!("| `{}` | ", left.code()))),
            "{}",
            left.code()
        );
    }
}
