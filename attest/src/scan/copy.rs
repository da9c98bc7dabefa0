//! A copy of a model's files that nobody else writes to: what a loader reads if the files may change after they were looked at.
//!
//! The copy is as believable as what was copied, which is not at all. It is hashed afterwards, in its own place, and it is that hash which says
//! what it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::disk;
use super::walk::{FoundFile, Limits, Rules, Walk};
use super::{Act, Progress, ScanError};

/// Bytes copied at once.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Copies the files that [`super::scan`] counts to `to`, which must not exist: a new directory for a directory, a new file for a single
/// file. Only the caller's user can enter the directories and write the files; times and permissions are not copied. Links of a Hugging Face
/// cache become the files they lead to.
///
/// # Errors
/// See [`ScanError`]; [`Act::Write`] with a path below `to` if there was no room for it. What was copied by then stays.
pub fn copy(root: &Path, to: &Path, progress: Progress<'_>) -> Result<(), ScanError> {
    let walk = Walk::of(root, Rules::of_tree(Limits::default()))?;
    let is_single = root.is_file();
    let total = walk.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.stamp.size()));
    let (mut done, mut buffer) = (0, vec![0; BUFFER_BYTES]);
    if !is_single {
        make_directory(to)?;
    }
    for file in &walk.files {
        let mut place = to.to_owned();
        if !is_single {
            let mut parts = file.path.components().peekable();
            while let Some(part) = parts.next() {
                place.push(part);
                // Parents are made as they are met: most files lie beside the one before.
                if parts.peek().is_some() && !place.is_dir() {
                    make_directory(&place)?;
                }
            }
        }
        copy_file(&walk, file, &place, &mut buffer, &mut |bytes| {
            done += bytes;
            progress(done, total);
        })?;
    }
    walk.recheck_directories()
}

fn copy_file(
    walk: &Walk,
    found: &FoundFile,
    to: &Path,
    buffer: &mut [u8],
    count: &mut dyn FnMut(u64),
) -> Result<(), ScanError> {
    let path = walk.on_disk(found);
    let changed = || ScanError::Changed { path: path.clone() };
    let mut from = disk::open(&path)?;
    let opened = disk::look_open(&from).map_err(disk::io(Act::Stat, &path))?;
    if !opened.is_file() || opened.stamp != found.stamp {
        return Err(changed());
    }
    let write = |source| ScanError::Io { act: Act::Write, path: to.to_owned(), source };
    let mut into = new_file(to).map_err(write)?;
    let mut left = found.stamp.size();
    loop {
        let read = match from.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(disk::read_error(&path, error)),
        };
        // Longer than it was: stop at once, or a file that grows as fast as it is read would never end.
        left = left.checked_sub(read as u64).ok_or_else(changed)?;
        into.write_all(buffer.get(..read).unwrap_or_default()).map_err(write)?;
        count(read as u64);
    }
    if left == 0 { Ok(()) } else { Err(changed()) }
}

fn make_directory(path: &Path) -> Result<(), ScanError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| ScanError::Io { act: Act::Write, path: path.to_owned(), source })
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
