//! What the files of a model looked like, without reading them: to know the bytes to hash beforehand, and to
//! notice a change before the signature leaves the house.
//!
//! Hashing large models takes minutes. The scan itself notices a file that changes under its hands; this one
//! notices a file that changes, comes or goes after it was hashed. Size, modification time, change time and
//! inode are compared: who can forge those can also wait until we are done.
//!
//! In scope: metadata. Out of scope: which files count, and hashing ([`attest::scan`]): a snapshot
//! holds everything but the paths that every scan leaves out.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use attest::inert::is_inert;

/// What is known of one path without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    size: u64,
    modified: Option<std::time::SystemTime>,
    /// Inode and change time, in seconds and nanoseconds; zero where the system has none.
    identity: (u64, i64, i64),
}

/// Everything below one root at one time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    root: PathBuf,
    files: BTreeMap<PathBuf, Look>,
}

/// Why there is no snapshot, or what it found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// Not the file it was.
    #[error("{path} changed while it was being signed")]
    Changed { path: PathBuf },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
}

impl Snapshot {
    /// Looks at everything below `root`. Directories are entered, links are not; a link's target is looked at,
    /// since that is what a scan would hash if it accepts the link at all.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub(crate) fn take(root: &Path) -> Result<Self, SnapshotError> {
        let mut files = BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(path) = open.pop() {
            let io =
                |act| move |path: &Path, source| SnapshotError::Io { act, path: path.to_owned(), source };
            let own = path.symlink_metadata().map_err(|source| io("look at")(&path, source))?;
            // The root may be a link: the caller named it.
            let is_dir = own.is_dir() || (path == root && path.is_dir());
            if is_dir {
                for entry in path.read_dir().map_err(|source| io("list")(&path, source))? {
                    let entry = entry.map_err(|source| io("list")(&path, source))?.path();
                    if !is_left_out(root, &entry) {
                        open.push(entry);
                    }
                }
            } else {
                let seen = if own.is_symlink() { path.metadata().unwrap_or(own) } else { own };
                files.insert(path, look(&seen));
            }
        }
        Ok(Self { root: root.to_owned(), files })
    }

    /// All bytes that a scan will at most read.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.files.values().fold(0, |sum, look| sum.saturating_add(look.size))
    }

    /// Looks again and compares.
    ///
    /// # Errors
    /// [`SnapshotError::Changed`] with the first path that differs, came or went; [`SnapshotError::Io`].
    pub(crate) fn refuse_change(&self) -> Result<(), SnapshotError> {
        let now = Self::take(&self.root)?;
        let gone = self.files.keys().find(|path| !now.files.contains_key(*path));
        let differs = now.files.iter().find(|(path, look)| self.files.get(*path) != Some(look));
        match gone.or(differs.map(|(path, _)| path)) {
            Some(path) => Err(SnapshotError::Changed { path: path.clone() }),
            None => Ok(()),
        }
    }
}

/// Whether a scan leaves this path out: what git does below `.git` is no change of the model.
fn is_left_out(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).ok().and_then(Path::to_str);
    below.and_then(|below| below.parse().ok()).is_some_and(|path| is_inert(&path))
}

fn look(metadata: &Metadata) -> Look {
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let identity = (0, 0, 0);
    let size = if metadata.is_file() { metadata.len() } else { 0 };
    Look { size, modified: metadata.modified().ok(), identity }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("sub")).expect("mkdir");
        std::fs::write(dir.path().join("a"), "alpha").expect("write");
        std::fs::write(dir.path().join("sub/b"), "be").expect("write");
        dir
    }

    fn changed(before: &Snapshot) -> PathBuf {
        match before.refuse_change().expect_err("it changed") {
            SnapshotError::Changed { path } => path,
            other @ SnapshotError::Io { .. } => panic!("{other}"),
        }
    }

    #[test]
    fn untouched_model_is_accepted_and_its_bytes_are_counted() {
        let dir = model();
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        assert_eq!(snapshot.total_bytes(), 7);
        snapshot.refuse_change().expect("nothing changed");
    }

    #[test]
    fn file_rewritten_with_as_many_bytes_is_noticed() {
        let dir = model();
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        let path = dir.path().join("sub/b");
        let before = path.metadata().and_then(|seen| seen.modified()).expect("a time");
        std::fs::write(&path, "BE").expect("write");
        // Even with the time put back: the change time cannot be.
        let file = std::fs::File::options().write(true).open(&path).expect("open");
        file.set_modified(before).expect("set the time");
        assert_eq!(changed(&snapshot), path);
    }

    #[test]
    fn file_that_came_or_went_is_noticed() {
        let dir = model();
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        std::fs::write(dir.path().join("sub/new"), "").expect("write");
        assert_eq!(changed(&snapshot), dir.path().join("sub/new"));
        std::fs::remove_file(dir.path().join("sub/new")).expect("remove");
        std::fs::remove_file(dir.path().join("a")).expect("remove");
        assert_eq!(changed(&snapshot), dir.path().join("a"));
    }

    #[test]
    fn what_a_scan_leaves_out_may_change() {
        let dir = model();
        std::fs::create_dir(dir.path().join(".git")).expect("mkdir");
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        for path in [".git/index", "tallymark.jsonl", "sub/.DS_Store"] {
            std::fs::write(dir.path().join(path), "x").expect("write");
        }
        snapshot.refuse_change().expect("nothing of the model changed");
    }

    #[test]
    fn link_cycle_ends() {
        let dir = model();
        std::os::unix::fs::symlink("..", dir.path().join("sub/up")).expect("symlink");
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        snapshot.refuse_change().expect("nothing changed");
    }
}
