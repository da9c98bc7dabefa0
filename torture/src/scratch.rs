//! Where a run leaves its files: one directory a test, named by test and seed, removed when the test held and kept when
//! it did not.
//!
//! ```text
//! BASE/tallymark-torture/R1-seed7-pid4711/   one run of one test
//!   owner    held with flock(2) as long as the run lives
//!   outside  what the judges saw
//!   words    what the log said
//!   ...      the logs themselves, images, mounts
//! ```
//!
//! Before the first test, directories whose `owner` nobody holds are looked at: what a dead run left mounted is
//! unmounted. Only mounts below such a directory are touched, and nothing that a living run owns.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

const FOLDER: &str = "tallymark-torture";

/// The directory of one run of one test.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    // Held for its lock only.
    _owner: File,
}

impl Scratch {
    /// Makes the directory.
    ///
    /// # Errors
    /// It cannot be made or exists already.
    pub fn new(base: &Path, test: &str, seed: u64) -> Result<Self> {
        let path = base.join(FOLDER).join(format!("{test}-seed{seed}-pid{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let owner = File::create(path.join("owner")).context("cannot make the owner file")?;
        owner.try_lock().context("the new directory has an owner already")?;
        Ok(Self { path, _owner: owner })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// Something is mounted in it or it cannot be removed.
    pub fn remove(self) -> Result<()> {
        if let Some(mount) = mounts_below(&self.path)?.first() {
            bail!("{} is still mounted", mount.display());
        }
        std::fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// Unmounts what runs that are dead left mounted; the mount points.
///
/// # Errors
/// Something of theirs cannot be unmounted.
pub fn sweep(base: &Path) -> Result<Vec<PathBuf>> {
    let mut swept = Vec::new();
    let Ok(runs) = std::fs::read_dir(base.join(FOLDER)) else { return Ok(swept) };
    for run in runs.filter_map(Result::ok).map(|run| run.path()) {
        let Ok(owner) = File::open(run.join("owner")) else { continue };
        if let Err(TryLockError::WouldBlock) = owner.try_lock() {
            continue;
        }
        for mount in mounts_below(&run)? {
            unmount(&mount)?;
            swept.push(mount);
        }
    }
    Ok(swept)
}

/// Mount points below a directory, deepest first.
fn mounts_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let table = std::fs::read_to_string("/proc/self/mounts").context("cannot read the table of mounts")?;
    let mut mounts: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|point| PathBuf::from(point.replace(r"\040", " ")))
        .filter(|point| point.starts_with(dir))
        .collect();
    mounts.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    Ok(mounts)
}

/// Unmounts, lazily if somebody still holds a file in it. A loop device made by `mount -o loop` goes with it.
///
/// # Errors
/// Neither works.
pub fn unmount(point: &Path) -> Result<()> {
    for flags in [&[][..], &["-l"]] {
        let output = Command::new("umount").args(flags).arg(point).output().context("cannot start umount")?;
        if output.status.success() {
            return Ok(());
        }
    }
    bail!("cannot unmount {}", point.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_run_is_not_swept_and_a_removed_one_is_gone() {
        let base = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(base.path(), "R0", 1).unwrap();
        assert_eq!(sweep(base.path()).unwrap(), [""; 0].map(PathBuf::from));
        let path = scratch.path().to_owned();
        scratch.remove().unwrap();
        assert!(!path.exists());
    }
}
