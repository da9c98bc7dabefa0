//! Bundle files about ancestors: those that are named, and those in folders that are.
//!
//! In a folder these are the files whose names end in `tallymark.jsonl`, and those of that name in the folders directly in it: a
//! folder of models. One that is no bundle file is not passed over, since what stands in it may count against the model.

use std::io;
use std::path::{Path, PathBuf};

use attest::bundle::{BundleFile, FILE_NAME, MAX_BUNDLE_FILE_BYTES};

use super::read_bounded;
use crate::failure::Failure;
use crate::lineage::{Evidence, EvidenceError, MAX_EVIDENCE_BYTES, MAX_EVIDENCE_FILES, MAX_FOLDER_ENTRIES};

/// Reads all of them, in the order of the paths and in a folder in that of the names.
pub(super) fn read(paths: &[PathBuf]) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::new();
    let (mut files, mut bytes) = (0, 0);
    for path in paths {
        for file in evidence_files(path)? {
            files += 1;
            if files > MAX_EVIDENCE_FILES {
                return Err(malformed(path, EvidenceError::TooMany));
            }
            let read = read_bounded(&file, MAX_BUNDLE_FILE_BYTES as u64);
            let read = read.map_err(|source| unreadable(&file, source))?;
            bytes += read.len();
            if bytes > MAX_EVIDENCE_BYTES {
                return Err(malformed(path, EvidenceError::TooLong));
            }
            let parsed = BundleFile::parse(&read).map_err(|source| malformed(&file, source.into()))?;
            evidence.add(&file.to_string_lossy(), parsed);
        }
    }
    Ok(evidence)
}

/// The bundle files that a path stands for: itself, or those in the folder.
///
/// # Errors
///
/// [`Failure::LineageUnreadable`], and [`Failure::LineageMalformed`] for a folder without one or with too much in it.
pub fn evidence_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.metadata().map_err(|source| unreadable(path, source))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for (number, entry) in path.read_dir().map_err(|source| unreadable(path, source))?.enumerate() {
        if number >= MAX_FOLDER_ENTRIES {
            return Err(malformed(path, EvidenceError::TooWide));
        }
        let entry = entry.map_err(|source| unreadable(path, source))?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        // What a program is just writing is called so.
        if name.starts_with('.') {
            continue;
        }
        let inside = entry.join(FILE_NAME);
        if name.ends_with(FILE_NAME) {
            files.push(entry.clone());
        } else if inside.symlink_metadata().is_ok() {
            files.push(inside);
        }
    }
    if files.is_empty() {
        return Err(malformed(path, EvidenceError::Nothing));
    }
    files.sort();
    Ok(files)
}

fn malformed(path: &Path, source: EvidenceError) -> Failure {
    Failure::LineageMalformed { path: path.to_owned(), source }
}

fn unreadable(path: &Path, source: io::Error) -> Failure {
    Failure::LineageUnreadable { path: path.to_owned(), source }
}
