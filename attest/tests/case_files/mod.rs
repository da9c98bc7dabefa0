//! Folders of cases whose file names are `NAME` or `REASON.NAME`: every file is a case, an empty folder is a failure.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// The files of a folder under `testdata`, sorted; panics if there are none.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    files
}

/// The file's whole name.
pub(crate) fn name(case: &Path) -> &str {
    case.file_name().unwrap().to_str().unwrap()
}

/// What a file of a `reject` folder expects: its name up to the first full stop.
pub(crate) fn expected_reason(case: &Path) -> &str {
    name(case).split('.').next().unwrap()
}

/// A variant's name in kebab case.
pub(crate) fn reason(error: &impl Debug) -> String {
    let debug = format!("{error:?}");
    let mut kebab = String::new();
    for character in debug.chars().take_while(char::is_ascii_alphanumeric) {
        if character.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(character.to_ascii_lowercase());
    }
    kebab
}
