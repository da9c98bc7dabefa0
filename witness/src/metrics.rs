//! What the process counts about itself, for Prometheus (OpenMetrics text).
//!
//! Every label value comes from a fixed set of this program; nothing a client sends becomes one, and no origin does: there may be
//! tens of thousands of logs.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Media type of the page (OpenMetrics 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of what takes from half a millisecond to ten seconds, seconds.
const SECONDS: [f64; 13] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Bounds of the changes that share a sync.
const CHANGES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAnswer {
    route: &'static str,
    code: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

/// The families of a process. Cheap to clone; all clones count into the same page.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    registry: Registry,
    answers: Family<OfAnswer, Counter>,
    requests: Family<OfRoute, Histogram, fn() -> Histogram>,
    connections: Gauge,
    refused: Family<OfReason, Counter>,
    forks: Counter,
    syncs: Histogram,
    changes: Histogram,
    record: Gauge,
    logs: Gauge,
    cosigned: Gauge,
    list_failures: Counter,
    resident: Gauge,
}

impl Metrics {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tallymark_witness");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of this program", version);
        let started: Gauge = Gauge::default();
        started
            .set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed()));
        let help = "POSIX time at which the process started";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, started);
        let (resident, connections, record, logs, cosigned) =
            <(Gauge, Gauge, Gauge, Gauge, Gauge)>::default();
        let help = "Resident memory of the process";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, resident.clone());
        registry.register("connections", "Open connections", connections.clone());
        registry.register_with_unit("record", "Size of the record", Unit::Bytes, record.clone());
        registry.register("logs", "Logs that may ask for cosignatures", logs.clone());
        registry.register("cosigned_logs", "Logs of which a checkpoint was cosigned", cosigned.clone());
        let (forks, list_failures) = <(Counter, Counter)>::default();
        registry.register("forks", "Requests in which a log had signed two trees of one size", forks.clone());
        let help = "Times that a list of logs could not be read again";
        registry.register("list_failures", help, list_failures.clone());
        let (answers, refused) = <(Family<OfAnswer, Counter>, Family<OfReason, Counter>)>::default();
        registry.register("answers", "Answers by route, code and status", answers.clone());
        registry.register("connections_refused", "Connections closed at accept", refused.clone());
        let requests: Family<OfRoute, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let help = "From the end of a request's head to its answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, requests.clone());
        let (syncs, changes) = (Histogram::new(SECONDS), Histogram::new(CHANGES));
        registry.register_with_unit("record_append", "Writing and syncing", Unit::Seconds, syncs.clone());
        registry.register("record_changes", "Changes that shared a sync", changes.clone());
        Self(Arc::new(Shared {
            registry,
            answers,
            requests,
            connections,
            refused,
            forks,
            syncs,
            changes,
            record,
            logs,
            cosigned,
            list_failures,
            resident,
        }))
    }

    pub(crate) fn answered(&self, route: &'static str, code: &'static str, status: u16, took: Duration) {
        self.0.answers.get_or_create(&OfAnswer { route, code, status }).inc();
        self.0.requests.get_or_create(&OfRoute { route }).observe(took.as_secs_f64());
    }

    /// A connection was accepted; it counts as open until the value is dropped.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.0.connections.inc();
        OpenConnection(self.0.connections.clone())
    }

    pub(crate) fn connection_refused(&self, reason: &'static str) {
        self.0.refused.get_or_create(&OfReason { reason }).inc();
    }

    pub(crate) fn fork(&self) {
        self.0.forks.inc();
    }

    pub(crate) fn synced(&self, changes: usize, took: Duration, size_bytes: u64) {
        self.0.syncs.observe(took.as_secs_f64());
        self.0.changes.observe(changes as f64);
        self.recorded(size_bytes);
    }

    pub(crate) fn recorded(&self, size_bytes: u64) {
        self.0.record.set(size_bytes.cast_signed());
    }

    pub(crate) fn logs(&self, known: usize) {
        self.0.logs.set(known as i64);
    }

    pub(crate) fn cosigned(&self, logs: usize) {
        self.0.cosigned.set(logs as i64);
    }

    pub(crate) fn list_failed(&self) {
        self.0.list_failures.inc();
    }

    /// The page as it stands.
    ///
    /// # Errors
    /// If it cannot be written to memory.
    pub fn page(&self) -> Result<String, std::fmt::Error> {
        if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes)
        {
            self.0.resident.set(bytes);
        }
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &self.0.registry)?;
        Ok(page)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// One counted connection.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
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
    fn the_page_counts_and_ends() {
        let metrics = Metrics::new();
        metrics.answered("add-checkpoint", "cosigned", 200, Duration::from_millis(3));
        metrics.fork();
        let open = metrics.connection();
        let page = metrics.page().unwrap();
        for line in [
            "tallymark_witness_answers_total{route=\"add-checkpoint\",code=\"cosigned\",status=\"200\"} 1",
            "tallymark_witness_forks_total 1",
            "tallymark_witness_connections 1",
            "# EOF",
        ] {
            assert!(page.lines().any(|seen| seen == line), "{line} in\n{page}");
        }
        drop(open);
        assert!(metrics.page().unwrap().contains("tallymark_witness_connections 0\n"));
    }
}
