//! What nobody needs to be told: entries that the owner made, and alerts that somebody has dealt with.
//!
//! Two files of lines, read again when they change. A line is hex and then whatever its writer wants to remember; lines that
//! begin with `#` and empty ones say nothing. A list that cannot be read is no reason to be silent: it ends the round.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;

use crate::disk::{self, DiskError};

/// Largest list: some hundred thousand entries.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Why a list cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListError {
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A line that does not begin with hex of the right length.
    #[error("{}: line {line} does not begin with {digits} lower-case hex digits", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which, counted from 1.
        line: usize,
        /// How many digits are wanted.
        digits: usize,
    },
}

/// One list.
#[derive(Debug)]
pub struct List {
    path: PathBuf,
    digits: usize,
    // As the file was when it was read.
    stamp: Option<(SystemTime, u64)>,
    items: HashSet<Box<[u8]>>,
}

impl List {
    /// Leaf hashes of entries that are expected.
    #[must_use]
    pub fn expected(dir: &Path) -> Self {
        Self::at(dir.join("expected"), 64)
    }

    /// Ids of alerts that are acknowledged.
    #[must_use]
    pub fn acknowledged(dir: &Path) -> Self {
        Self::at(dir.join("acknowledged"), 32)
    }

    fn at(path: PathBuf, digits: usize) -> Self {
        Self { path, digits, stamp: None, items: HashSet::new() }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the item is on it, in hex.
    #[must_use]
    pub fn has(&self, item: &str) -> bool {
        self.items.contains(item.as_bytes())
    }

    /// Reads it again if it has changed.
    ///
    /// # Errors
    /// [`ListError`]; the list is then as it was.
    pub fn refresh(&mut self) -> Result<(), ListError> {
        let stamp = self.path.metadata().ok().and_then(|file| Some((file.modified().ok()?, file.len())));
        if stamp == self.stamp {
            return Ok(());
        }
        let bytes = disk::read(&self.path, MAX_LIST_BYTES)?.unwrap_or_default();
        let mut items = HashSet::new();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let item = text.split(|byte| *byte == b' ').next().unwrap_or_default();
            if item.is_empty() || item.starts_with(b"#") {
                continue;
            }
            let is_hex = item.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !is_hex || item.len() != self.digits {
                return Err(ListError::Line { path: self.path.clone(), line, digits: self.digits });
            }
            items.insert(item.into());
        }
        (self.items, self.stamp) = (items, stamp);
        Ok(())
    }

    /// Adds items, each with a remark; those that are on it already are left out. Says how many are new.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn add(&mut self, items: &[(String, String)]) -> Result<usize, ListError> {
        self.refresh()?;
        let mut lines = String::new();
        let mut count = 0;
        for (item, remark) in items {
            if !self.has(item) && !lines.contains(item.as_str()) {
                lines.push_str(&format!("{item} {remark}\n"));
                count += 1;
            }
        }
        if count > 0 {
            disk::append_lines(&self.path, &lines)?;
        }
        Ok(count)
    }
}

/// The remarks of those who acknowledged alerts, by id.
///
/// # Errors
/// [`DiskError`].
pub fn remarks(dir: &Path) -> Result<BTreeMap<String, String>, DiskError> {
    let bytes = disk::read(List::acknowledged(dir).path(), MAX_LIST_BYTES)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let parted = text.lines().map(|line| line.split_once(' ').unwrap_or((line, "")));
    Ok(parted.map(|(id, remark)| (id.to_owned(), remark.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_again_when_it_changes_and_takes_an_item_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut list = List::acknowledged(dir.path());
        list.refresh().unwrap();
        let item = |digit: &str| (digit.repeat(32), "why".to_owned());
        assert_eq!(list.add(&[item("a"), item("b"), item("a")]).unwrap(), 2);
        assert_eq!(list.add(&[item("a")]).unwrap(), 0);
        let mut other = List::acknowledged(dir.path());
        assert!(!other.has(&"a".repeat(32)));
        other.refresh().unwrap();
        assert!(other.has(&"a".repeat(32)) && other.has(&"b".repeat(32)));
    }

    #[test]
    fn a_line_that_is_no_item_is_refused_by_its_number() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("acknowledged"), format!("# x\n\n{}\nabc\n", "a".repeat(32))).unwrap();
        let refused = List::acknowledged(dir.path()).refresh();
        assert!(matches!(refused, Err(ListError::Line { line: 4, digits: 32, .. })));
    }
}
