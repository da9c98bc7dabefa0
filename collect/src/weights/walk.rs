//! The files of a model's directory.

use std::fs;
use std::path::{Path, PathBuf};

use attest::inert;
use attest::model_path::ModelPath;

use crate::excerpt::excerpt;
use crate::{Collected, WarningReason};

/// Most files and directories.
const MAX_FILES: usize = 100_000;
/// Most components of a path.
const MAX_DEPTH: usize = 64;

/// A regular file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Below the directory that was given.
    pub(super) name: String,
}

/// Lists the regular files below `root`, sorted by name, but for those that are no part of any model
/// ([`inert`]). Links are warnings and not followed.
pub(super) fn files(root: &Path, collected: &mut Collected) -> Vec<Found> {
    let mut walk = Walk { collected, found: Vec::new(), seen: 0 };
    walk.directory(root, "", MAX_DEPTH);
    let mut found = walk.found;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

struct Walk<'a> {
    collected: &'a mut Collected,
    found: Vec<Found>,
    seen: usize,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, name: &str, depth: usize) {
        let shown = if name.is_empty() { "." } else { name };
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                return self.collected.warn(
                    WarningReason::Unreadable,
                    shown,
                    format!("cannot be listed: {error}"),
                );
            }
        };
        let Some(depth) = depth.checked_sub(1) else {
            let text = format!("nested deeper than {MAX_DEPTH} levels");
            return self.collected.warn(WarningReason::TooLarge, shown, text);
        };
        for entry in entries {
            if self.seen >= MAX_FILES {
                let text = format!("more than {MAX_FILES} files and directories, the rest is not read");
                return self.collected.warn(WarningReason::TooLarge, shown, text);
            }
            self.seen += 1;
            match entry {
                Ok(entry) => self.entry(&entry, name, depth),
                Err(error) => {
                    self.collected.warn(
                        WarningReason::Unreadable,
                        shown,
                        format!("cannot be listed: {error}"),
                    );
                }
            }
        }
    }

    fn entry(&mut self, entry: &fs::DirEntry, parent: &str, depth: usize) {
        let file_name = entry.file_name();
        let shown = file_name.to_string_lossy();
        let name = if parent.is_empty() { shown.into_owned() } else { format!("{parent}/{shown}") };
        if file_name.to_str().is_none() {
            return self.collected.warn(
                WarningReason::Malformed,
                &excerpt(&name),
                "a name that is not UTF-8",
            );
        }
        if ModelPath::new(name.as_str()).is_ok_and(|path| inert::is_inert(&path)) {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => self.directory(&entry.path(), &name, depth),
            Ok(kind) if kind.is_file() => self.found.push(Found { path: entry.path(), name }),
            Ok(kind) if kind.is_symlink() => {
                self.collected.warn(WarningReason::NotRead, &name, "a symbolic link, which is not followed");
            }
            Ok(_) => self.collected.warn(WarningReason::Malformed, &name, "no regular file"),
            Err(error) => {
                self.collected.warn(WarningReason::Unreadable, &name, format!("cannot be read: {error}"));
            }
        }
    }
}
