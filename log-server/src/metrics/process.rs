//! The process as the kernel sees it (proc(5)), looked at when the page is asked for.

use std::fs;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::clock::{Clock as _, SystemClock};
use crate::descriptors;

/// Gauges about this process.
#[derive(Debug)]
pub(super) struct Process {
    resident: Gauge,
    open: Gauge,
    most: Gauge,
}

impl Process {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (resident, open, most) = (Gauge::default(), Gauge::default(), Gauge::default());
        let help = "Resident memory of the process";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, resident.clone());
        registry.register("process_open_files", "Open descriptors", open.clone());
        registry.register("process_max_files", "Descriptors the process may have", most.clone());
        let started: Gauge = Gauge::default();
        started.set(SystemClock::new().wall().as_secs().cast_signed());
        let help = "POSIX time at which the process started";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, started);
        Self { resident, open, most }
    }

    /// Brings the gauges up to date; what cannot be read keeps its last value.
    pub(super) fn look(&self) {
        if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes)
        {
            self.resident.set(bytes);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open.set(files.count() as i64);
        }
        if let Some(most) = descriptors::allowed() {
            self.most.set(most.cast_signed());
        }
    }
}

/// `VmRSS:      1234 kB` in the text of proc_pid_status(5).
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    1234 kB\n"), Some(1_263_616));
        assert_eq!(resident_bytes("Name:\tx\n"), None);
        assert_eq!(resident_bytes("VmRSS:\t9223372036854775807 kB\n"), None);
    }
}
