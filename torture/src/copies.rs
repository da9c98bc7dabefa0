//! Copies of a log at rest, file by file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What keeps room on the disk of a running log; a start makes it again, and copies of it would only take time.
const BALLAST: &str = "ballast";

/// Copies a directory with everything in it but ballast and sockets, which a killed server leaves. `to` must not exist.
///
/// # Errors
/// Something cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        if entry.file_name() == BALLAST {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Every file below a directory but ballast and sockets, sorted.
///
/// # Errors
/// Something cannot be listed.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else if entry.file_type()?.is_file() && entry.file_name() != BALLAST {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_a_killed_server_left_is_passed_by() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        std::fs::create_dir_all(from.join("db")).unwrap();
        std::fs::write(from.join("db/1"), "x").unwrap();
        std::fs::write(from.join(BALLAST), "x").unwrap();
        drop(std::os::unix::net::UnixListener::bind(from.join("control")).unwrap());
        let to = dir.path().join("to");
        copy(&from, &to).unwrap();
        assert_eq!(files(&to).unwrap(), [to.join("db/1")]);
        assert_eq!(files(&from).unwrap(), [from.join("db/1")]);
        assert!(!to.join("control").exists());
    }
}
