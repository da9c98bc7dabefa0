//! A directory that was given to us, and the files below it by name.
//!
//! In scope: reading a named file of it, bounded, and listing what is in it, without following a link. Out of scope: links
//! that a source makes itself, as a Hugging Face cache does; its module follows those.
//!
//! Whoever can write to the directory while it is read can put a link in the place of a directory between two steps. What he
//! gains is that a file of his choice is parsed by a strict reader of ours, whose refusal shows no content.

use std::path::{Path, PathBuf};

use crate::reading::read;
use crate::{Collected, WarningReason};

/// Most entries that are looked at below one directory. A data set of images has a million files.
const MAX_ENTRIES: usize = 1 << 21;
/// Deepest directory that is looked at.
const MAX_DEPTH: usize = 64;

/// A directory that was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder<'a> {
    root: &'a Path,
}

/// Whether it is worth a warning that a file is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A source need not have it.
    Optional,
    /// Another file of the source names it.
    Wanted,
}

/// What stands under a name, no link followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Absent,
    Directory,
    File,
    Link,
    Other,
}

impl<'a> Folder<'a> {
    /// The directory. It may itself be a link: the caller named it.
    pub(crate) const fn new(root: &'a Path) -> Self {
        Self { root }
    }

    /// Where a name leads. Only for names that [`join`] made.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.to_owned() } else { self.root.join(name) }
    }

    /// What stands under a name. Below a link or a file there is nothing.
    pub(crate) fn kind(&self, name: &str) -> Kind {
        let is_reached =
            ancestors(name).all(|ancestor| kind_of(&self.root.join(ancestor)) == Kind::Directory);
        match is_reached {
            // The root is what the caller named, link or not.
            true if name.is_empty() => kind_at_end(self.root),
            true => kind_of(&self.root.join(name)),
            false => Kind::Absent,
        }
    }

    /// Reads a file and notes that it was read. What is in the way becomes a warning.
    pub(crate) fn read(
        &self,
        name: &str,
        limit: u64,
        presence: Presence,
        collected: &mut Collected,
    ) -> Option<Vec<u8>> {
        for ancestor in ancestors(name) {
            if kind_of(&self.root.join(ancestor)) == Kind::Link {
                collected.warn(
                    WarningReason::Escape,
                    name,
                    format!("{ancestor} is a link, which is not followed"),
                );
                return None;
            }
        }
        if presence == Presence::Optional && self.kind(name) == Kind::Absent {
            return None;
        }
        read_at(&self.path(name), name, limit, collected)
    }

    /// The names of all files below `start` whose last component is `wanted`, sorted. `skip` says of a directory whether to stay out of
    /// it.
    pub(crate) fn files(
        &self,
        start: &str,
        wanted: impl Fn(&str) -> bool,
        skip: impl Fn(&str) -> bool,
        collected: &mut Collected,
    ) -> Vec<String> {
        let mut walk = Walk {
            folder: *self,
            wanted: &wanted,
            skip: &skip,
            left: MAX_ENTRIES,
            found: Vec::new(),
            collected,
        };
        walk.directory(start, MAX_DEPTH);
        let mut found = walk.found;
        found.sort();
        found
    }
}

/// One pass over the directories below one.
struct Walk<'w, 'a> {
    folder: Folder<'a>,
    wanted: &'w dyn Fn(&str) -> bool,
    skip: &'w dyn Fn(&str) -> bool,
    /// How many entries may still be looked at.
    left: usize,
    found: Vec<String>,
    collected: &'w mut Collected,
}

impl Walk<'_, '_> {
    fn directory(&mut self, name: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return self.warn(WarningReason::TooLarge, name, format!("deeper than {MAX_DEPTH} directories"));
        };
        let entries = match std::fs::read_dir(self.folder.path(name)) {
            Ok(entries) => entries,
            Err(error) => {
                return self.warn(WarningReason::Unreadable, name, format!("cannot be listed: {error}"));
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(name, &entry, depth),
                Err(error) => {
                    self.warn(WarningReason::Unreadable, name, format!("cannot be listed: {error}"))
                }
            }
            if self.left == 0 {
                return;
            }
        }
    }

    fn entry(&mut self, parent: &str, entry: &std::fs::DirEntry, depth: usize) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return self.warn(WarningReason::TooLarge, parent, format!("more than {MAX_ENTRIES} entries"));
        }
        let Ok(kind) = entry.file_type() else {
            return self.warn(WarningReason::Unreadable, parent, "the kind of an entry is not told");
        };
        // No tool we read writes a name that is not UTF-8.
        let file_name = entry.file_name();
        let Some(last) = file_name.to_str() else { return };
        let name = child(parent, last);
        if kind.is_dir() {
            if !(self.skip)(&name) {
                self.directory(&name, depth);
            }
        } else if (self.wanted)(last) {
            self.found.push(name);
        }
    }

    fn warn(&mut self, reason: WarningReason, name: &str, text: impl Into<String>) {
        self.collected.warn(reason, name, text);
    }
}

/// Reads the file at a path that is already known to be allowed, notes it under `name`, and turns what is in the way into a warning.
///
/// The words leave out the path itself: it may name somebody's home.
pub(crate) fn read_at(path: &Path, name: &str, limit: u64, collected: &mut Collected) -> Option<Vec<u8>> {
    match read(path, name, limit) {
        Ok(reading) => {
            collected.note_file(reading.file);
            Some(reading.bytes)
        }
        Err(error) => {
            collected.warn(error.reason(), name, error.words());
            None
        }
    }
}

/// The name of an entry of a directory; the root is the empty name.
pub(crate) fn child(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// The directory that a name lies in, and the last component.
pub(crate) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

/// Follows a relative path from a directory below the root, `.` and `..` as they are written; `None` if it leads out of the root,
/// is absolute, or is no path that a [`attest::model_path::ModelPath`] could be. The root itself is the empty name.
pub(crate) fn join(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains(['\0', '\\']) {
        return None;
    }
    let mut components: Vec<&str> = directory.split('/').filter(|component| !component.is_empty()).collect();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()?),
            name => components.push(name),
        }
    }
    Some(components.join("/"))
}

/// The directories that a name lies in, outermost first, without the root.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(slash, _)| name.get(..slash))
}

/// What stands at a path, no link followed at its end.
fn kind_of(path: &Path) -> Kind {
    std::fs::symlink_metadata(path).map_or(Kind::Absent, |metadata| kind_from(metadata.file_type()))
}

/// What stands at the end of a path, links followed.
fn kind_at_end(path: &Path) -> Kind {
    std::fs::metadata(path).map_or(Kind::Absent, |metadata| kind_from(metadata.file_type()))
}

fn kind_from(kind: std::fs::FileType) -> Kind {
    match kind {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_file() => Kind::File,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_that_leads_out_is_none() {
        assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join("a", "..").as_deref(), Some(""));
        assert_eq!(join("", "x//y/").as_deref(), Some("x/y"));
        for path in ["../..", "b/../../..", "/etc/passwd", "a\\b", "a\0b"] {
            assert_eq!(join("a", path), None, "{path:?}");
        }
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let outside = tempfile::tempdir().expect("another");
        std::fs::write(outside.path().join("x"), "secret").expect("write");
        symlink(outside.path(), dir.path().join("link")).expect("a link");
        let folder = Folder::new(dir.path());
        let mut collected = Collected::new("test");
        assert_eq!(folder.read("link/x", 10, Presence::Wanted, &mut collected), None);
        assert_eq!(folder.read("link", 10, Presence::Wanted, &mut collected), None);
        assert_eq!(folder.read("gone/x", 10, Presence::Optional, &mut collected), None);
        assert_eq!(folder.read("gone", 10, Presence::Wanted, &mut collected), None);
        let reasons: Vec<_> = collected.warnings().iter().map(crate::Warning::reason).collect();
        assert_eq!(reasons, [WarningReason::Escape, WarningReason::Malformed, WarningReason::Absent]);
        assert_eq!(folder.kind("link/x"), Kind::Absent);
        assert!(folder.files("", |name| name == "x", |_| false, &mut collected).is_empty());
    }

    #[test]
    fn a_root_that_is_a_link_was_named_by_the_caller() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("real")).expect("a directory");
        std::fs::write(dir.path().join("real/x"), "abc").expect("write");
        symlink("real", dir.path().join("root")).expect("a link");
        let root = dir.path().join("root");
        let folder = Folder::new(&root);
        let mut collected = Collected::new("test");
        assert_eq!(folder.kind(""), Kind::Directory);
        assert_eq!(folder.files("", |name| name == "x", |_| false, &mut collected), ["x"]);
        assert_eq!(
            folder.read("x", 10, Presence::Wanted, &mut collected).as_deref(),
            Some(b"abc".as_slice())
        );
    }
}
