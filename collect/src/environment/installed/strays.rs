//! Files that Python would run and no installer recorded.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{MAX_FILES, Sheet};
use crate::WarningReason;
use crate::excerpt::excerpt;

/// Deepest nesting of directories.
const MAX_DEPTH: usize = 64;

/// Ends of names of files that Python imports, loads or obeys.
const SUFFIXES: [&str; 4] = [".py", ".so", ".pth", ".pyd"];

/// Warns of each such file below `site_packages` that is not `listed`.
pub(super) fn warn(site_packages: &Path, listed: &BTreeSet<String>, sheet: &mut Sheet) {
    let mut walk = Walk { listed, sheet, left: MAX_FILES };
    walk.directory(site_packages, "", MAX_DEPTH);
}

struct Walk<'a> {
    listed: &'a BTreeSet<String>,
    sheet: &'a mut Sheet,
    left: usize,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, parent: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            let text = format!("nested deeper than {MAX_DEPTH} levels");
            return self.sheet.warn(WarningReason::TooLarge, &excerpt(parent), text);
        };
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                let text = format!("cannot be listed: {error}");
                return self.sheet.warn(WarningReason::Unreadable, &excerpt(parent), text);
            }
        };
        // Sorted, so that two runs give the same list.
        let mut entries: Vec<_> = entries.flatten().take(self.left.saturating_add(1)).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Some(left) = self.left.checked_sub(1) else {
                let text = format!("more than {MAX_FILES} files, the rest is not looked at");
                return self.sheet.warn(WarningReason::TooLarge, &excerpt(parent), text);
            };
            self.left = left;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if parent.is_empty() { name } else { format!("{parent}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.directory(&entry.path(), &name, depth),
                Ok(kind) => self.file(&name, kind.is_symlink()),
                Err(error) => {
                    let text = format!("cannot be read: {error}");
                    self.sheet.warn(WarningReason::Unreadable, &excerpt(&name), text);
                }
            }
        }
    }

    fn file(&mut self, name: &str, is_link: bool) {
        // A link may lead to a whole package.
        let runs = is_link || SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        if runs && !self.listed.contains(name) {
            self.sheet.warn(
                WarningReason::Disagreement,
                &excerpt(name),
                "no record lists it, and Python may run it",
            );
        }
    }
}
