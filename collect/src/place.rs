//! Walking a directory that somebody else filled: every name is a stranger's, and no link is followed.
//!
//! Nothing is opened but regular files, and only names that a listing gave, or constants, are joined to a path, so that no
//! name can lead out. Whoever can write to the directory while it is read can make the reading wrong, and that is all.
//! Whatever is not read is a warning.

use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use crate::excerpt::excerpt;
use crate::imported::Imported;
use crate::{ReadFile, WarningReason, hashing, reading};

/// Most entries of one directory, and most files below one. An experiment of some years has tens of thousands of runs.
pub(crate) const MAX_ENTRIES: usize = 100_000;
/// Most directories on the way to a file.
const MAX_DEPTH: usize = 16;

/// A path, and what reports call it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    path: PathBuf,
    shown: String,
}

/// What a listing gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
}

impl Place {
    /// The place that the user named.
    pub(crate) fn new(path: &Path, shown: &str) -> Self {
        Self { path: path.to_owned(), shown: shown.to_owned() }
    }

    /// What has this name in it. The name comes from a listing, or is a constant.
    pub(crate) fn join(&self, name: &str) -> Self {
        let shown = if self.shown.is_empty() { name.to_owned() } else { format!("{}/{name}", self.shown) };
        Self { path: self.path.join(name), shown }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What reports call it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether anything is there, be it only a link to nowhere.
    pub(crate) fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    /// The text of a file.
    pub(crate) fn text(&self, limit: u64, out: &mut Imported) -> Option<String> {
        let text = String::from_utf8(self.bytes(limit, out)?).ok();
        if text.is_none() {
            out.warn(WarningReason::Malformed, &self.shown, "not UTF-8");
        }
        text
    }

    /// The bytes of a file, which is noted.
    pub(crate) fn bytes(&self, limit: u64, out: &mut Imported) -> Option<Vec<u8>> {
        if self.is_link(out) {
            return None;
        }
        let reading = reading::read(&self.path, &self.shown, limit);
        let reading = reading.map_err(|error| out.warn(error.reason(), &self.shown, &error.words())).ok()?;
        out.note_file(reading.file);
        Some(reading.bytes)
    }

    /// Hashes a file without keeping it, and notes it.
    pub(crate) fn hash(&self, limit: u64, out: &mut Imported) -> Option<ReadFile> {
        if self.is_link(out) {
            return None;
        }
        let file = hashing::hash_file(&self.path, &self.shown, limit);
        let file = file.map_err(|error| out.warn(error.reason(), &self.shown, &error.words())).ok()?;
        out.note_file(file.clone());
        Some(file)
    }

    fn is_link(&self, out: &mut Imported) -> bool {
        let is_link = fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.is_symlink());
        if is_link {
            out.warn(WarningReason::Escape, &self.shown, "a link; none is followed");
        }
        is_link
    }

    /// The files below a directory, each with the names that lead to it joined by `/`, sorted.
    pub(crate) fn files(&self, out: &mut Imported) -> Vec<(String, Self)> {
        let mut files = Vec::new();
        let mut to_list = vec![(String::new(), 0, self.clone())];
        while let Some((prefix, depth, directory)) = to_list.pop() {
            if depth >= MAX_DEPTH {
                let text = format!("nested deeper than {MAX_DEPTH} directories");
                out.warn(WarningReason::TooLarge, &directory.shown, &text);
                continue;
            }
            for (name, kind, entry) in directory.list(out) {
                let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                match kind {
                    Kind::Directory => to_list.push((name, depth + 1, entry)),
                    Kind::File => files.push((name, entry)),
                }
            }
            if files.len() > MAX_ENTRIES {
                files.truncate(MAX_ENTRIES);
                out.warn(WarningReason::TooLarge, &self.shown, &format!("more than {MAX_ENTRIES} files"));
                break;
            }
        }
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        files
    }

    /// The directories in a directory, sorted by name.
    pub(crate) fn directories(&self, out: &mut Imported) -> Vec<(String, Self)> {
        let entries = self.list(out).into_iter();
        entries.filter_map(|(name, kind, entry)| (kind == Kind::Directory).then_some((name, entry))).collect()
    }

    /// What is in a directory, sorted by name. A directory that is not there is empty.
    fn list(&self, out: &mut Imported) -> Vec<(String, Kind, Self)> {
        let Ok(metadata) = fs::symlink_metadata(&self.path) else {
            return Vec::new();
        };
        if metadata.is_symlink() {
            out.warn(WarningReason::Escape, &self.shown, "a link; none is followed");
            return Vec::new();
        }
        let mut listed = Vec::new();
        let listing = fs::read_dir(&self.path).and_then(|entries| {
            for entry in entries {
                let entry = entry?;
                let (name, file_type) = (entry.file_name(), entry.file_type()?);
                if listed.len() >= MAX_ENTRIES {
                    out.warn(
                        WarningReason::TooLarge,
                        &self.shown,
                        &format!("more than {MAX_ENTRIES} entries"),
                    );
                    break;
                }
                match name.to_str() {
                    Some(name) => listed.extend(self.entry(name, file_type, out)),
                    None => {
                        let text = format!("name {:?} is not UTF-8", excerpt(&name.to_string_lossy()));
                        out.warn(WarningReason::Malformed, &self.shown, &text);
                    }
                }
            }
            io::Result::Ok(())
        });
        if let Err(error) = listing {
            out.warn(WarningReason::Unreadable, &self.shown, &format!("cannot be listed: {error}"));
        }
        listed.sort_unstable_by(|(a, ..), (b, ..)| a.cmp(b));
        listed
    }

    /// An entry of a listing that may be opened.
    fn entry(&self, name: &str, file_type: FileType, out: &mut Imported) -> Option<(String, Kind, Self)> {
        let entry = self.join(name);
        if file_type.is_dir() {
            return Some((name.to_owned(), Kind::Directory, entry));
        }
        if file_type.is_file() {
            return Some((name.to_owned(), Kind::File, entry));
        }
        if file_type.is_symlink() {
            out.warn(WarningReason::Escape, &entry.shown, "a link; none is followed");
        } else {
            out.warn(WarningReason::Malformed, &entry.shown, "neither a file nor a directory");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_walk_gives_files_and_says_what_it_passed_by() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        fs::create_dir_all(path.join("b/c")).expect("directories");
        for name in ["b/c/d", "a", "b/e"] {
            fs::write(path.join(name), name).expect("write");
        }
        symlink("/etc", path.join("f")).expect("a link");
        symlink(path.join("a"), path.join("g")).expect("a link");
        let mut out = Imported::new("test");
        let names: Vec<_> = Place::new(path, "x").files(&mut out).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b/c/d", "b/e"]);
        assert!(Place::new(&path.join("f"), "f").files(&mut out).is_empty());
        assert!(Place::new(&path.join("none"), "none").files(&mut out).is_empty());
        assert_eq!(Place::new(&path.join("g"), "g").bytes(10, &mut out), None);
        let collected = out.finish();
        let warnings: Vec<_> =
            collected.warnings().iter().map(|warning| (warning.reason(), warning.at())).collect();
        let escape = WarningReason::Escape;
        let expected = [(escape, "x/f"), (escape, "x/g"), (escape, "f"), (escape, "g")];
        assert_eq!(warnings.len(), expected.len());
        assert!(expected.iter().all(|warning| warnings.contains(warning)));
    }
}
