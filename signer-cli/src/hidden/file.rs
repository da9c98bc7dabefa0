//! The file of openings: where it lies, who may read it, and how it is written.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use attest::private_value::{MAX_OPENINGS_BYTES, Openings};

use super::HiddenError;
use crate::key_file::sync_parent;

/// Where the openings of a model lie if nobody says: beside it and never in it, for a directory is copied whole.
pub(crate) fn place(model: &Path) -> PathBuf {
    const SUFFIX: &str = ".openings.jsonl";
    let named = |name: &std::ffi::OsStr| {
        let mut name = OsString::from(name);
        name.push(SUFFIX);
        name
    };
    match (model.file_name(), model.canonicalize()) {
        (Some(name), _) => model.with_file_name(named(name)),
        (None, Ok(resolved)) => resolved.with_file_name(named(resolved.file_name().unwrap_or_default())),
        (None, Err(_)) => model.join(SUFFIX),
    }
}

/// Whether the file would be copied with the model.
pub(super) fn lies_inside(path: &Path, model: &Path) -> bool {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (parent.canonicalize(), model.canonicalize()) {
        (Ok(parent), Ok(model)) => model.is_dir() && parent.starts_with(model),
        // A model that is still to be made, as that of a run.
        _ => path.starts_with(model),
    }
}

/// Reads a file of openings that only its owner may read; `None` if there is none.
///
/// # Errors
/// [`HiddenError`], but for those about values.
pub(super) fn read(path: &Path) -> Result<Option<Openings>, HiddenError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(HiddenError::Io { act: "look at", path: path.to_owned(), source }),
        Ok(metadata) if !metadata.is_file() => {
            return Err(HiddenError::NotAFile { path: path.to_owned() });
        }
        Ok(metadata) => refuse_loose(path, &metadata)?,
    }
    read_shared(path).map(Some)
}

/// Reads a file of openings that somebody handed over.
///
/// # Errors
/// [`HiddenError::Io`], [`HiddenError::Malformed`].
pub(crate) fn read_shared(path: &Path) -> Result<Openings, HiddenError> {
    let io = |act| move |source| HiddenError::Io { act, path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io("open"))?;
    file.take(MAX_OPENINGS_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io("read"))?;
    Openings::parse(&bytes).map_err(|source| HiddenError::Malformed { path: path.to_owned(), source })
}

#[cfg(unix)]
fn refuse_loose(path: &Path, metadata: &std::fs::Metadata) -> Result<(), HiddenError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(HiddenError::Loose { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_loose(_: &Path, _: &std::fs::Metadata) -> Result<(), HiddenError> {
    Ok(())
}

/// Whole or not at all: a new file, synced, renamed over the old one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), HiddenError> {
    let io = |act| move |source| HiddenError::Io { act, path: path.to_owned(), source };
    let mut name = OsString::from(format!(".{}.", std::process::id()));
    name.push(path.file_name().unwrap_or_default());
    let new = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new).map_err(io("create a file beside"))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("write"));
    let done = written.and_then(|()| std::fs::rename(&new, path).map_err(io("replace")));
    if done.is_err() {
        drop(std::fs::remove_file(&new));
    }
    done?;
    sync_parent(path).map_err(io("sync the directory of"))
}
