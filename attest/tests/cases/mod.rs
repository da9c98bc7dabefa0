//! Reads the folders of `testdata`: no case is named in code, and a folder without a case fails.

#![expect(clippy::panic, clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// One file of a folder.
pub(crate) struct Case {
    /// Its name, for the message of a failing test.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
}

/// A folder below `testdata`.
pub(crate) fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(path)
}

/// The files of a folder, sorted by name; at least one.
pub(crate) fn files(path: &str) -> Vec<Case> {
    let cases: Vec<Case> = entries(&folder(path))
        .into_iter()
        .map(|path| Case { name: file_name(&path), bytes: fs::read(&path).expect("a case is readable") })
        .collect();
    assert!(!cases.is_empty(), "{path} holds no case");
    cases
}

/// The folders of a folder, sorted by name; at least one.
pub(crate) fn folders(path: &str) -> Vec<String> {
    let names: Vec<String> = entries(&folder(path)).iter().map(|path| file_name(path)).collect();
    assert!(!names.is_empty(), "{path} holds no folder");
    names
}

/// Goes through `reject/REASON/CASE`: every file is refused, and for the reason that its folder names.
pub(crate) fn every_case_is_refused<T, E: Error>(path: &str, read: impl Fn(&[u8]) -> Result<T, E>) {
    for reason in folders(path) {
        for case in files(&format!("{path}/{reason}")) {
            match read(&case.bytes) {
                Ok(_) => panic!("{path}/{reason}/{} is accepted", case.name),
                Err(error) => assert_reason(&error, &reason, &case.name),
            }
        }
    }
}

/// The variants of an error and its sources, joined by dots, begin with `reason`.
fn assert_reason(error: &dyn Error, reason: &str, case: &str) {
    let mut variants = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let debug = format!("{error:?}");
        variants.push(debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned());
        next = error.source();
    }
    let seen = variants.join(".");
    assert!(
        format!("{seen}.").starts_with(&format!("{reason}.")),
        "{case}: {seen}, want {reason}: {error:?}"
    );
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> =
        listing.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("a listed path has a name").to_string_lossy().into_owned()
}
