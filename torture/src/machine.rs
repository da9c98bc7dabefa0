//! What this machine can do, and how fast its disk is: printed beside every figure, because it decides most of them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// How many syncs are measured.
const SYNCS: usize = 200;
/// No longer than this is spent on them.
const SYNC_TIME: Duration = Duration::from_secs(3);

/// How long a small write takes until it is on disk.
#[derive(Debug, Clone, Copy)]
pub struct SyncTime {
    p50: Duration,
    p99: Duration,
}

impl SyncTime {
    /// Measures in a directory: 100 bytes appended, then `fdatasync`, up to 200 times.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn measure(dir: &Path) -> Result<Self> {
        let path = dir.join("sync-time");
        let mut file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let begun = Instant::now();
        let mut times = Vec::with_capacity(SYNCS);
        while times.len() < SYNCS && begun.elapsed() < SYNC_TIME {
            file.write_all(&[b'x'; 100])?;
            let started = Instant::now();
            file.sync_data()?;
            times.push(started.elapsed());
        }
        std::fs::remove_file(&path)?;
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default();
        Ok(Self { p50: at(50), p99: at(99) })
    }
}

impl std::fmt::Display for SyncTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(f, "fdatasync p50 {:.2} ms p99 {:.2} ms", ms(self.p50), ms(self.p99))
    }
}

/// The load average of the last minute, as the system says it.
#[must_use]
pub fn load_average() -> String {
    let all = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    all.split(' ').next().filter(|first| !first.is_empty()).unwrap_or("unknown").to_owned()
}

/// The program of this name in `PATH` or where administrators' programs lie.
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(system);
    places.find_map(|dir| Some(dir.join(name)).filter(|candidate| candidate.is_file()))
}

/// Which of these programs are not there, as a reason to skip.
#[must_use]
pub fn missing_tools(names: &[&str]) -> Option<String> {
    let missing: Vec<&str> = names.iter().copied().filter(|name| tool(name).is_none()).collect();
    (!missing.is_empty()).then(|| format!("no {} here", missing.join(", ")))
}
