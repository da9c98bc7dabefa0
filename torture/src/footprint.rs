//! What a running process costs: memory, descriptors, and the disk below a directory. Read from `/proc`, never asked of
//! the process itself.

use std::path::Path;

use anyhow::{Context as _, Result};

/// One look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Footprint {
    /// Resident memory, KiB.
    pub rss_kib: u64,
    /// Most resident memory since the process began or since [`forget_peak`], KiB.
    pub peak_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

impl Footprint {
    /// Of the process with this id.
    ///
    /// # Errors
    /// It has gone, or is not ours to look at.
    pub fn of(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/status");
        let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("no {name} in {path}"))
        };
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64;
        Ok(Self { rss_kib: field("VmRSS:")?, peak_kib: field("VmHWM:")?, descriptors })
    }
}

/// Starts counting a process's peak of memory anew.
///
/// # Errors
/// The kernel does not let us.
pub fn forget_peak(process: u32) -> Result<()> {
    let path = format!("/proc/{process}/clear_refs");
    std::fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// Bytes of all files below a directory, as the file system has them allocated. What vanishes meanwhile is not counted.
#[must_use]
pub fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(items) = std::fs::read_dir(dir) else { return 0 };
    let sizes = items.filter_map(Result::ok).map(|item| match item.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&item.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_process_rises_with_what_it_holds_and_is_forgotten_on_demand() {
        let own = std::process::id();
        forget_peak(own).unwrap();
        let before = Footprint::of(own).unwrap();
        let held = vec![1_u8; 64 << 20];
        assert_eq!(held.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 64 << 20);
        drop(held);
        let after = Footprint::of(own).unwrap();
        assert!(after.peak_kib >= before.rss_kib + 50_000, "{before:?} {after:?}");
        forget_peak(own).unwrap();
        assert!(Footprint::of(own).unwrap().peak_kib < after.peak_kib);
    }

    #[test]
    fn the_disk_below_a_directory_counts_files_in_folders() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), vec![7; 100_000]).unwrap();
        assert!(disk_bytes(dir.path()) >= 100_000);
    }
}
