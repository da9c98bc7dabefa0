//! The bundle file beside a model, and how a line gets into it: whole or not at all.
//!
//! A new file is written beside the old one, synced, renamed over it, and the directory is synced; a crash
//! leaves the old file or the new one. The new file is made *before* anything is sent to a log, so that what
//! becomes public can be kept. Its name ends in `.tallymark.jsonl`, which no scan counts as part of a model: if
//! we are killed, what stays behind does not make the model false. Meanwhile the directory is locked, so that
//! two signers do not lose each other's line.
//!
//! In scope: the disk. Out of scope: what a line is ([`attest::bundle`]).

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attest::bundle::{
    Bundle, BundleFile, BundleFileError as Fault, MAX_BUNDLE_FILE_BYTES, ModelShape, bundle_path_for,
};

use attest::status::Snapshot;

use crate::key_file::sync_parent;

/// How often to try for the lock while somebody else has it.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How often to try for a name that nobody has taken. Leftovers of killed processes with our process id are few.
const NAMES_TRIED: u32 = 100;

/// Why the bundle file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleFileError {
    /// Somebody else holds the lock.
    #[error("another process has been writing beside {path} for {seconds} s")]
    Busy { path: PathBuf, seconds: u64 },
    /// One line more would break a limit.
    #[error("{path} has no room for another line")]
    Full { path: PathBuf, source: Fault },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    /// What is there is no bundle file.
    #[error("{path} is not a bundle file")]
    Malformed { path: PathBuf, source: Fault },
    /// There is none.
    #[error("no bundle file at {path}")]
    Missing { path: PathBuf },
    /// A link or something else stands in its place.
    #[error("{path} is not a regular file")]
    NotAFile { path: PathBuf },
}

/// Where the bundles of the model at `model` lie.
pub(crate) fn place(model: &Path) -> PathBuf {
    // A relative name like `.` or `dir/..` has no name to put anything beside, and is a directory anyway.
    let shape = if model.is_dir() { ModelShape::Directory } else { ModelShape::SingleFile };
    bundle_path_for(model, shape)
}

/// Reads the bundle file at `path`; `None` if there is none.
///
/// # Errors
/// [`BundleFileError::NotAFile`], [`BundleFileError::Malformed`] or [`BundleFileError::Io`].
pub(crate) fn read(path: &Path) -> Result<Option<BundleFile>, BundleFileError> {
    let io = |act| move |source| BundleFileError::Io { act, path: path.to_owned(), source };
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("look at")(error)),
        Ok(metadata) if !metadata.is_file() => {
            return Err(BundleFileError::NotAFile { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io("open"))?;
    file.take(MAX_BUNDLE_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io("read"))?;
    let malformed = |source| BundleFileError::Malformed { path: path.to_owned(), source };
    BundleFile::parse(&bytes).map(Some).map_err(malformed)
}

/// A bundle file that nobody else is writing, and room on the disk for the next one.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    file: Option<BundleFile>,
    new: NewFile,
    /// The directory, locked until this is dropped. `None` where the file system knows no locks.
    _lock: Option<File>,
}

/// A file that goes away unless it is renamed.
#[derive(Debug)]
struct NewFile {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.renamed {
            // If it stays it is an empty file that nothing counts.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

impl Writer {
    #[cfg(test)]
    pub(crate) fn open(model: &Path, wait: Duration) -> Result<Self, BundleFileError> {
        Self::at(place(model), wait)
    }

    /// Locks the directory of the bundle file at `path`, reads what is there and makes the file that will replace it.
    ///
    /// # Errors
    /// [`BundleFileError::Busy`] if another process keeps the lock for longer than `wait`; else as for [`read`].
    pub(crate) fn at(path: PathBuf, wait: Duration) -> Result<Self, BundleFileError> {
        let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let lock = lock(parent, &path, wait)?;
        let file = read(&path)?;
        let new = create_beside(&path)?;
        Ok(Self { path, file, new, _lock: lock })
    }

    /// Where the bundle file is or will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it now.
    pub(crate) const fn file(&self) -> Option<&BundleFile> {
        self.file.as_ref()
    }

    /// Puts a bundle into line `index`, from 0, or below all others, and makes it last.
    ///
    /// # Errors
    /// [`BundleFileError::Full`] if a limit would be broken, [`BundleFileError::Io`] if the system refuses. In both cases
    /// the old file is as it was.
    pub(crate) fn write(mut self, index: Option<usize>, bundle: Bundle) -> Result<PathBuf, BundleFileError> {
        let file = match (self.file.take(), index) {
            (None, _) => BundleFile::of(bundle),
            (Some(file), None) => file.with(bundle),
            (Some(file), Some(index)) => file.replacing(index, bundle),
        };
        let file = file.map_err(|source| BundleFileError::Full { path: self.path.clone(), source })?;
        self.save(&file)?;
        Ok(self.path.clone())
    }

    /// Puts snapshots in, each in the place of the one before it, and makes it last. There is a file already.
    ///
    /// # Errors
    /// As [`Writer::write`], and [`BundleFileError::Missing`].
    pub(crate) fn write_snapshots(&mut self, snapshots: Vec<Snapshot>) -> Result<(), BundleFileError> {
        let path = || self.path.clone();
        let mut file = self.file.clone().ok_or_else(|| BundleFileError::Missing { path: path() })?;
        for snapshot in snapshots {
            file = file
                .with_snapshot(snapshot)
                .map_err(|source| BundleFileError::Full { path: path(), source })?;
        }
        self.save(&file)
    }

    fn save(&mut self, file: &BundleFile) -> Result<(), BundleFileError> {
        let path = self.path.clone();
        let io = |act| move |source| BundleFileError::Io { act, path, source };
        let new = &mut self.new;
        if let Ok(old) = self.path.symlink_metadata() {
            new.file.set_permissions(old.permissions()).map_err(io.clone()("keep the permissions of"))?;
        }
        new.file
            .write_all(&file.to_bytes())
            .and_then(|()| new.file.sync_all())
            .map_err(io.clone()("write the new"))?;
        std::fs::rename(&new.path, &self.path).map_err(io.clone()("replace"))?;
        new.renamed = true;
        sync_parent(&self.path).map_err(io("sync the directory of"))
    }
}

fn lock(parent: &Path, path: &Path, wait: Duration) -> Result<Option<File>, BundleFileError> {
    let io = |act| move |source| BundleFileError::Io { act, path: parent.to_owned(), source };
    let directory = File::open(parent).map_err(io("open"))?;
    let start = Instant::now();
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::WouldBlock) if start.elapsed() < wait => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(BundleFileError::Busy { path: path.to_owned(), seconds: wait.as_secs() });
            }
            // Some network file systems have no locks. Two signers at once are rare; a model nobody can sign is
            // worse.
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Creates `.PID-N.NAME`, where NAME ends in `tallymark.jsonl`.
fn create_beside(path: &Path) -> Result<NewFile, BundleFileError> {
    let io = |source| BundleFileError::Io { act: "create a file beside", path: path.to_owned(), source };
    for number in 0..NAMES_TRIED {
        let mut name = OsString::from(format!(".{}-{number}.", std::process::id()));
        name.push(path.file_name().unwrap_or_default());
        let new = path.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&new) {
            Ok(file) => return Ok(NewFile { path: new, file, renamed: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io(error)),
        }
    }
    Err(io(ErrorKind::AlreadyExists.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use attest::digest::Sha256Digest;
    use attest::dsse::Envelope;
    use attest::inert::is_inert;

    use super::*;

    const WAIT: Duration = Duration::from_millis(100);

    fn bundle(payload: &str) -> Bundle {
        let envelope = Envelope::new(payload.as_bytes().to_vec(), vec![1; 64]).expect("an envelope");
        Bundle::new(envelope, Sha256Digest::of(b"key"), None)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = dir.read_dir().expect("readable").map(|entry| entry.expect("readable").file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn lines_are_added_and_replaced_and_the_others_stay() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for payload in ["one", "two", "three"] {
            let writer = Writer::open(dir.path(), WAIT).expect("a writer");
            writer.write(None, bundle(payload)).expect("written");
        }
        let path = place(dir.path());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("chmod");
        Writer::open(dir.path(), WAIT).expect("a writer").write(Some(1), bundle("2")).expect("written");
        let file = read(&path).expect("readable").expect("there");
        let payloads: Vec<_> = file.bundles().map(|bundle| bundle.envelope().payload().to_vec()).collect();
        assert_eq!(payloads, [b"one".to_vec(), b"2".to_vec(), b"three".to_vec()]);
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(names(dir.path()), ["tallymark.jsonl"]);
    }

    #[test]
    fn bundle_of_a_single_file_lies_beside_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let model = dir.path().join("m.gguf");
        std::fs::write(&model, "x").expect("write");
        Writer::open(&model, WAIT).expect("a writer").write(None, bundle("one")).expect("written");
        assert_eq!(names(dir.path()), ["m.gguf", "m.gguf.tallymark.jsonl"]);
    }

    #[test]
    fn writer_that_is_dropped_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let writer = Writer::open(dir.path(), WAIT).expect("a writer");
        let [during] = names(dir.path()).try_into().expect("one file");
        assert!(is_inert(&during.parse().expect("a path")), "{during} would count as part of the model");
        drop(writer);
        assert_eq!(names(dir.path()), [] as [&str; 0]);
    }

    #[test]
    fn second_writer_waits_and_then_gives_up() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let first = Writer::open(dir.path(), WAIT).expect("a writer");
        let refused = Writer::open(dir.path(), WAIT).expect_err("locked");
        assert!(matches!(refused, BundleFileError::Busy { .. }), "{refused}");
        drop(first);
        Writer::open(dir.path(), WAIT).expect("free again");
    }

    #[test]
    fn what_is_not_a_bundle_file_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = place(dir.path());
        for text in ["", "{}\n", "x"] {
            std::fs::write(&path, text).expect("write");
            let refused = Writer::open(dir.path(), WAIT).expect_err("malformed");
            assert!(matches!(refused, BundleFileError::Malformed { .. }), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).expect("readable"), text);
        }
        std::fs::remove_file(&path).expect("remove");
        let elsewhere = tempfile::tempdir().expect("a temporary directory");
        let target = elsewhere.path().join("target");
        std::os::unix::fs::symlink(&target, &path).expect("symlink");
        let refused = Writer::open(dir.path(), WAIT).expect_err("a link");
        assert!(matches!(refused, BundleFileError::NotAFile { .. }), "{refused}");
        assert!(!target.exists());
    }
}
