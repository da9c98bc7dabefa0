//! A file that is kept from one verification to the next: changed by one process at a time, and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::contents::VerifiedModel;
use crate::failure::Failure;
use crate::refusal::Refusal;

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Which models somebody uses is nobody else's business.
    Owner,
    /// Whoever may read what lies beside it.
    Usual,
}

/// Why a file is not to be changed after all.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) cause: Failure,
    pub(super) also: Vec<Failure>,
}

impl From<Failure> for Box<Stop> {
    fn from(cause: Failure) -> Self {
        Self::new(Stop { cause, also: Vec::new() })
    }
}

/// Why a file was not changed.
#[derive(Debug)]
pub(super) enum KeptError {
    /// The system refused.
    Io(io::Error),
    /// Whoever asked does not want it any more.
    Stopped(Box<Stop>),
}

impl From<io::Error> for KeptError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Replaces the file by the bytes that `change` gives, if it gives any, while nobody else does. What `change` refuses leaves the
/// file as it was, and so does a disk that is full.
pub(super) fn update(
    path: &Path,
    readers: Readers,
    change: impl FnOnce() -> Result<Option<Vec<u8>>, Box<Stop>>,
) -> Result<(), KeptError> {
    make_folder(path, readers)?;
    // The file itself is replaced, so a lock on it would be a lock on what is gone.
    let folder = File::open(folder_of(path))?;
    folder.lock()?;
    let Some(bytes) = change().map_err(KeptError::Stopped)? else { return Ok(()) };
    replace(path, readers, &bytes)?;
    Ok(folder.sync_all()?)
}

/// The model, if the file was changed as was wanted.
pub(super) fn conclude(
    kept: Result<(), KeptError>,
    model: VerifiedModel,
    unwritten: impl FnOnce(io::Error) -> Failure,
) -> Result<VerifiedModel, Refusal> {
    match kept {
        Ok(()) => Ok(model),
        Err(KeptError::Io(source)) => Err(model.refused(unwritten(source), Vec::new())),
        Err(KeptError::Stopped(stop)) => Err(model.refused(stop.cause, stop.also)),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_folder(path: &Path, readers: Readers) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    builder.create(folder_of(path))
}

/// Whoever reads meanwhile, or after a crash, finds the old bytes or the new ones.
fn replace(path: &Path, readers: Readers, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let write = || {
        // What a crash left behind may be anybody's; whoever holds the lock begins anew.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        if readers == Readers::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&new)))
}
