//! Git's answers, record by record: which files it knows, and which of them a tree digest has a place for.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use attest::model_path::ModelPath;

use super::{GitError, Unhashable};

/// Splits git's `-z` output, in which every record *ends* with NUL.
pub(super) fn records(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.strip_suffix(b"\0").into_iter().flat_map(|all| all.split(|byte| *byte == 0))
}

#[cfg(unix)]
pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// One line of `git ls-files -v --stage`: `TAG SP MODE SP OBJECT SP STAGE TAB PATH`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tracked {
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    /// Git was told not to compare this file with the work tree.
    pub(super) unwatched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Submodule,
    Symlink,
}

pub(super) fn read_tracked(record: &[u8]) -> Result<Tracked, GitError> {
    let malformed =
        || GitError::AnswerMalformed { act: "ls-files", want: "tag, mode, object, stage and path" };
    let tab = record.iter().position(|byte| *byte == b'\t').ok_or_else(malformed)?;
    let (head, path) = record.split_at_checked(tab).ok_or_else(malformed)?;
    let mut words = head.split(|byte| *byte == b' ');
    let (Some([tag]), Some(mode)) = (words.next(), words.next()) else {
        return Err(malformed());
    };
    let kind = match mode {
        b"100644" | b"100755" => Kind::File,
        b"120000" => Kind::Symlink,
        b"160000" => Kind::Submodule,
        _ => return Err(malformed()),
    };
    let path = path.get(1..).filter(|path| !path.is_empty()).ok_or_else(malformed)?.to_vec();
    Ok(Tracked { path, kind, unwatched: tag.is_ascii_lowercase() || *tag == b'S' })
}

pub(super) fn exists(root: &Path, path: &[u8]) -> bool {
    root.join(path_from(path.to_vec())).symlink_metadata().is_ok()
}

/// Joins tracked and untracked files to one list without what is no longer there.
pub(super) fn list_files(
    root: &Path,
    tracked: &[Tracked],
    untracked: &[u8],
) -> Result<Vec<ModelPath>, Unhashable> {
    let mut files = BTreeSet::new();
    let shown = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let mut push = |path: &[u8], on_disk: &std::fs::Metadata| {
        if on_disk.is_symlink() {
            return Err(Unhashable::Symlink { path: shown(path) });
        }
        let text = std::str::from_utf8(path).ok().and_then(|path| path.parse::<ModelPath>().ok());
        files.insert(text.ok_or_else(|| Unhashable::Name { path: shown(path) })?);
        Ok(())
    };
    for file in tracked {
        match (file.kind, root.join(path_from(file.path.clone())).symlink_metadata()) {
            (Kind::Submodule, _) => return Err(Unhashable::Submodule { path: shown(&file.path) }),
            (Kind::Symlink, _) => return Err(Unhashable::Symlink { path: shown(&file.path) }),
            // Deleted from the work tree: `status` says so, and there is nothing to hash.
            (Kind::File, Err(_)) => {}
            // A directory now stands where the file was; its contents are untracked files.
            (Kind::File, Ok(on_disk)) if on_disk.is_dir() => {}
            (Kind::File, Ok(on_disk)) => push(&file.path, &on_disk)?,
        }
    }
    for path in records(untracked) {
        // Git lists an untracked repository as one directory.
        if path.ends_with(b"/") {
            return Err(Unhashable::Submodule { path: shown(path) });
        }
        if let Ok(on_disk) = root.join(path_from(path.to_vec())).symlink_metadata() {
            push(path, &on_disk)?;
        }
    }
    Ok(files.into_iter().collect())
}
