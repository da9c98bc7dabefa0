//! A memory cgroup around one process, version 1 or 2 of the interface (cgroups(7)).
//!
//! ```text
//! v2   /sys/fs/cgroup/NAME/{memory.max, memory.swap.max, cgroup.procs}
//! v1   /sys/fs/cgroup/memory/NAME/{memory.limit_in_bytes, cgroup.procs}
//! ```
//!
//! Needs root as a rule. A process that goes beyond its limit is ended by the kernel, which a test sees as a log that
//! ended by itself.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Where version 1 and version 2 are mounted as a rule, and what their limit is called.
const KINDS: [(&str, &str, &str); 2] = [
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "version 1"),
    ("/sys/fs/cgroup", "memory.max", "version 2"),
];

/// The cgroup. Dropping it removes the directory, if its process has ended.
#[derive(Debug)]
pub struct Cage {
    dir: PathBuf,
    kind: &'static str,
}

impl Cage {
    /// Puts a process into a new cgroup of its own that may have so many bytes of memory.
    ///
    /// # Errors
    /// There is no such interface here, or it is not ours to use.
    pub fn around(process: u32, bytes: u64) -> Result<Self> {
        for (root, limit, kind) in KINDS {
            if Path::new(root).join("cgroup.procs").is_file() {
                let cage = Self { dir: Path::new(root).join(format!("tallymark-torture-{process}")), kind };
                fs::create_dir(&cage.dir).with_context(|| format!("cannot make {}", cage.dir.display()))?;
                cage.write(limit, bytes)?;
                cage.write("cgroup.procs", u64::from(process))?;
                return Ok(cage);
            }
        }
        bail!("no memory cgroups below /sys/fs/cgroup")
    }

    fn write(&self, file: &str, number: u64) -> Result<()> {
        let path = self.dir.join(file);
        fs::write(&path, number.to_string()).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // Stays behind, empty, if the process still runs: nothing of ours is in it.
        let _ = fs::remove_dir(&self.dir);
    }
}

impl fmt::Display for Cage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}
