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
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::ops::Range;
use std::path::{Path, PathBuf};

use attest::inert::is_inert;

/// What is known of one path without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    size: u64,
    /// Zero where the system has none.
    inode: u64,
    /// Of the last change of content, then of the inode: apart from their nanoseconds, since a snapshot may hold a million.
    seconds: (i64, i64),
    nanoseconds: (u32, u32),
}

/// All that is no directory in one directory. A data set may have a million files, so none has a path of its own.
#[derive(Debug, Default)]
struct Folder {
    /// The names in order, each a component of this path, which leads nowhere.
    names: PathBuf,
    /// Where their looks are among all looks.
    looks: Range<usize>,
}

/// Everything below one root at one time.
#[derive(Debug)]
pub(crate) struct Snapshot {
    root: PathBuf,
    /// By path; a root that is a file lies in its parent.
    folders: BTreeMap<PathBuf, Folder>,
    /// Of all files, in one piece: lists that grow side by side would leave as much in holes.
    looks: Vec<Look>,
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
        let (mut folders, mut looks) = (BTreeMap::new(), Vec::new());
        let mut names = PathBuf::new();
        visit(root, |directory, files| {
            let first = looks.len();
            names.clear();
            for file in files {
                let (name, look) = file?;
                names.push(name);
                looks.push(look);
            }
            // A copy is as long as it has to be.
            folders.insert(directory.to_owned(), Folder { names: names.clone(), looks: first..looks.len() });
            Ok(())
        })?;
        Ok(Self { root: root.to_owned(), folders, looks })
    }

    /// The files of a folder, in order of their names.
    fn files<'a>(&'a self, folder: &'a Folder) -> impl Iterator<Item = (&'a OsStr, Look)> {
        let looks = self.looks.get(folder.looks.clone()).unwrap_or_default();
        folder.names.iter().zip(looks.iter().copied())
    }

    /// All bytes that a scan will at most read.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.looks.iter().fold(0, |sum, look| sum.saturating_add(look.size))
    }

    /// Looks again and compares, each file as it is seen: nothing is held twice.
    ///
    /// # Errors
    /// [`SnapshotError::Changed`] with the first path that went, else with the first that came or differs; [`SnapshotError::Io`].
    pub(crate) fn refuse_change(&self) -> Result<(), SnapshotError> {
        let (mut gone, mut differs) = (None, None);
        let none = Folder::default();
        let mut unseen: BTreeMap<&Path, &Folder> =
            self.folders.iter().map(|(path, folder)| (path.as_path(), folder)).collect();
        visit(&self.root, |directory, files| {
            let mut before = self.files(unseen.remove(directory).unwrap_or(&none)).peekable();
            for file in files {
                let (name, look) = file?;
                while let Some((went, _)) = before.next_if(|(before, _)| *before < name) {
                    note_first(&mut gone, directory.join(went));
                }
                let was = before.next_if(|(before, _)| *before == name);
                if was.is_none_or(|(_, was)| was != look) {
                    note_first(&mut differs, directory.join(name));
                }
            }
            before.for_each(|(went, _)| note_first(&mut gone, directory.join(went)));
            Ok(())
        })?;
        for (directory, folder) in unseen {
            self.files(folder).for_each(|(went, _)| note_first(&mut gone, directory.join(went)));
        }
        gone.or(differs).map_or(Ok(()), |path| Err(SnapshotError::Changed { path }))
    }
}

/// Keeps the path that sorts first.
fn note_first(first: &mut Option<PathBuf>, path: PathBuf) {
    if first.as_ref().is_none_or(|first| path < *first) {
        *first = Some(path);
    }
}

/// The files of one directory, in order of their names.
type Files<'a> = &'a mut dyn Iterator<Item = Result<(OsString, Look), SnapshotError>>;

/// Calls with every directory and its files, which the callee takes one by one, all of them: a directory among them is found on the
/// way.
fn visit(
    root: &Path,
    mut see: impl FnMut(&Path, Files<'_>) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    let own = look_at(root)?;
    // The root may be a link: the caller named it.
    if !own.is_dir() && !root.is_dir() {
        let (directory, name) = (root.parent().unwrap_or(root), root.file_name().unwrap_or_default());
        let file = (name.to_owned(), look(&followed(root, own)));
        return see(directory, &mut std::iter::once(Ok(file)));
    }
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let mut files = list(&directory)?.into_iter().filter_map(|name| {
            let path = directory.join(&name);
            if is_left_out(root, &path) {
                return None;
            }
            match look_at(&path) {
                Ok(own) if own.is_dir() => {
                    open.push(path);
                    None
                }
                seen => Some(seen.map(|own| (name, look(&followed(&path, own))))),
            }
        });
        see(&directory, &mut files)?;
    }
    Ok(())
}

fn look_at(path: &Path) -> Result<Metadata, SnapshotError> {
    let io = |source| SnapshotError::Io { act: "look at", path: path.to_owned(), source };
    path.symlink_metadata().map_err(io)
}

fn list(directory: &Path) -> Result<Vec<OsString>, SnapshotError> {
    let io = |source| SnapshotError::Io { act: "list", path: directory.to_owned(), source };
    let names =
        directory.read_dir().and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    let mut names: Vec<OsString> = names.map_err(io)?;
    names.sort_unstable();
    Ok(names)
}

/// What a link leads to; the link itself if it leads nowhere.
fn followed(path: &Path, own: Metadata) -> Metadata {
    if own.is_symlink() { path.metadata().unwrap_or(own) } else { own }
}

/// Whether a scan leaves this path out: what git does below `.git` is no change of the model.
fn is_left_out(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).ok().and_then(Path::to_str);
    below.and_then(|below| below.parse().ok()).is_some_and(|path| is_inert(&path))
}

fn look(metadata: &Metadata) -> Look {
    let size = if metadata.is_file() { metadata.len() } else { 0 };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let below_a_second = |nanoseconds: i64| u32::try_from(nanoseconds).unwrap_or(u32::MAX);
        Look {
            size,
            inode: metadata.ino(),
            seconds: (metadata.mtime(), metadata.ctime()),
            nanoseconds: (below_a_second(metadata.mtime_nsec()), below_a_second(metadata.ctime_nsec())),
        }
    }
    #[cfg(not(unix))]
    {
        let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
        let modified = metadata.modified().ok().and_then(since).unwrap_or_default();
        let seconds = i64::try_from(modified.as_secs()).unwrap_or(i64::MAX);
        Look { size, inode: 0, seconds: (seconds, 0), nanoseconds: (modified.subsec_nanos(), 0) }
    }
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
    fn of_many_changes_the_first_that_went_is_named_and_then_the_first_that_came() {
        let dir = model();
        for name in ["sub/c", "sub-1", "t"] {
            std::fs::write(dir.path().join(name), name).expect("write");
        }
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        for name in ["0", "new"] {
            std::fs::create_dir(dir.path().join(name)).expect("mkdir");
            std::fs::write(dir.path().join(name).join("file"), "").expect("write");
        }
        assert_eq!(changed(&snapshot), dir.path().join("0/file"));
        std::fs::remove_file(dir.path().join("t")).expect("remove");
        assert_eq!(changed(&snapshot), dir.path().join("t"));
        std::fs::remove_dir_all(dir.path().join("sub")).expect("remove");
        assert_eq!(changed(&snapshot), dir.path().join("sub/b"));
    }

    #[test]
    fn file_that_became_a_directory_is_noticed() {
        let dir = model();
        let snapshot = Snapshot::take(dir.path()).expect("readable");
        std::fs::remove_file(dir.path().join("a")).expect("remove");
        std::fs::create_dir(dir.path().join("a")).expect("mkdir");
        assert_eq!(changed(&snapshot), dir.path().join("a"));
    }

    #[test]
    fn model_that_is_one_file_is_looked_at() {
        let dir = model();
        let path = dir.path().join("sub/b");
        let snapshot = Snapshot::take(&path).expect("readable");
        assert_eq!(snapshot.total_bytes(), 2);
        snapshot.refuse_change().expect("nothing changed");
        std::fs::write(&path, "bee").expect("write");
        assert_eq!(changed(&snapshot), path);
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
