//! Where a memory is kept: one file, changed by one process at a time, and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::read_bounded;
use crate::failure::Failure;
use crate::memory::{MAX_MEMORY_BYTES, Memory};

/// Name of the file below `tallymark` in the user's state directory.
const FILE_NAME: &str = "seen.json";

/// Where the caller wants to remember.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "somewhere, nowhere, or as the trust file says")]
pub enum MemoryPlace {
    /// In the user's state directory if the trust file says `remember = true`, else nowhere.
    #[default]
    AsTrusted,
    /// In that file.
    At(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// The file below `$XDG_STATE_HOME`, else `~/.local/state`.
pub(super) fn users_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".local").join("state"));
    Some(absolute("XDG_STATE_HOME").or_else(home)?.join("tallymark").join(FILE_NAME))
}

/// Reads it; one that is not there has nothing in it.
pub(super) fn read(path: &Path) -> Result<Memory, Failure> {
    match read_bounded(path, MAX_MEMORY_BYTES as u64) {
        Ok(bytes) => Memory::parse(&bytes)
            .map_err(|source| Failure::MemoryMalformed { path: path.to_owned(), source: Box::new(source) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Memory::new()),
        Err(source) => Err(Failure::MemoryUnreadable { path: path.to_owned(), source }),
    }
}

/// Replaces the memory by what `change` makes of it, while nobody else does. What `change` refuses leaves the file as it was,
/// and so does a disk that is full.
pub(super) fn update<E>(
    path: &Path,
    change: impl FnOnce(&Memory) -> Result<Memory, E>,
) -> Result<(), UpdateError<E>> {
    let unwritten = |source| UpdateError::Failed(Failure::MemoryUnwritten { path: path.to_owned(), source });
    make_folder(path).map_err(unwritten)?;
    // The file itself is replaced, so a lock on it would be a lock on what is gone.
    let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
        .open(beside(path, ".lock"))
        .map_err(unwritten)?;
    lock.lock().map_err(unwritten)?;
    let before = read(path).map_err(UpdateError::Failed)?;
    let after = change(&before).map_err(UpdateError::Refused)?;
    if after == before && path.exists() {
        return Ok(());
    }
    replace(path, &after.to_bytes()).map_err(unwritten)
}

/// Why a memory was not updated.
#[derive(Debug)]
pub(super) enum UpdateError<E> {
    /// The file cannot be read or written.
    Failed(Failure),
    /// Whoever asked does not want it any more.
    Refused(E),
}

fn make_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Which models somebody uses is nobody else's business.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Whoever reads meanwhile, or after a crash, finds the old bytes or the new ones.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    let write = || {
        // What a crash left behind may be anybody's; whoever holds the lock begins anew.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().create_new(true).write(true)).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    };
    write().inspect_err(|_| drop(fs::remove_file(&new)))
}
