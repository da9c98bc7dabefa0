//! What the process counts about itself, for Prometheus (OpenMetrics text).
//!
//! Every label value comes from a fixed set: the origins of the logs served, the routes of [`Route`], the codes of
//! [`crate::http::problem`], statuses this program writes. Nothing a client sends becomes a label, so the page cannot
//! be made to grow (a log of another project was ended that way: GO-2026-5851).
//!
//! In scope: the registry and its families. Out of scope: who may read them ([`crate::http`] serves them on the
//! administration address only), what they mean to an operator (`docs/operating.md`).

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

mod process;
mod route;

pub use route::Route;

/// Media type of the page (OpenMetrics 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of what takes from half a millisecond to ten seconds, seconds.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 10.0];
/// Bounds of the entries in one step.
const ENTRIES: [f64; 9] = [1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// Parts of a step that are timed each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Duplicates found, indices given.
    Place,
    /// Tree, tiles and roots computed.
    Integrate,
    /// Written and synced.
    Store,
    /// Signed and remembered in the ledger.
    Sign,
}

impl EncodeLabelValue for Phase {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let name = match self {
            Self::Place => "place",
            Self::Integrate => "integrate",
            Self::Store => "store",
            Self::Sign => "sign",
        };
        name.encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLog {
    log: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPhase {
    log: Arc<str>,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNovelty {
    log: Arc<str>,
    novelty: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProblem {
    log: Arc<str>,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    log: Arc<str>,
    route: Route,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAnswer {
    log: Arc<str>,
    route: Route,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWitness {
    log: Arc<str>,
    witness: Arc<str>,
    outcome: &'static str,
}

type Histograms<S> = Family<S, Histogram, fn() -> Histogram>;
type Seconds = Gauge<f64, AtomicU64>;

/// The families of a process. Cheap to clone; all clones count into the same page.
#[derive(Debug, Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    process: process::Process,
    connections: Gauge,
    refused: Family<OfReason, Counter>,
    answers: Family<OfAnswer, Counter>,
    problems: Family<OfProblem, Counter>,
    requests: Histograms<OfRoute>,
    added: Family<OfNovelty, Counter>,
    size: Family<OfLog, Gauge>,
    age: Family<OfLog, Seconds>,
    ready: Family<OfLog, Gauge>,
    waiting: Family<OfLog, Gauge>,
    places: Family<OfLog, Gauge>,
    steps: Histograms<OfLog>,
    phases: Histograms<OfPhase>,
    signatures: Family<OfLog, Counter>,
    damaged: Family<OfLog, Gauge>,
    disk_free: Family<OfLog, Gauge>,
    disk_size: Family<OfLog, Gauge>,
    scrub_passes: Family<OfLog, Gauge>,
    scrub_position: Family<OfLog, Gauge>,
    indexed: Family<OfLog, Gauge>,
    mentions: Family<OfLog, Gauge>,
    status: Family<OfLog, Gauge>,
    witnesses: Family<OfWitness, Counter>,
    witness_ahead: Family<OfLog, Gauge>,
    cosigned_size: Family<OfLog, Gauge>,
    cosigned_age: Family<OfLog, Seconds>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn entries() -> Histogram {
    Histogram::new(ENTRIES)
}

impl Metrics {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tallymark_log");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of this program", build);
        let shared = Shared {
            process: process::Process::register(&mut registry),
            connections: Gauge::default(),
            refused: Family::default(),
            answers: Family::default(),
            problems: Family::default(),
            requests: Family::new_with_constructor(seconds),
            added: Family::default(),
            size: Family::default(),
            age: Family::default(),
            ready: Family::default(),
            waiting: Family::default(),
            places: Family::default(),
            steps: Family::new_with_constructor(entries),
            phases: Family::new_with_constructor(seconds),
            signatures: Family::default(),
            damaged: Family::default(),
            disk_free: Family::default(),
            disk_size: Family::default(),
            scrub_passes: Family::default(),
            scrub_position: Family::default(),
            indexed: Family::default(),
            mentions: Family::default(),
            status: Family::default(),
            witnesses: Family::default(),
            witness_ahead: Family::default(),
            cosigned_size: Family::default(),
            cosigned_age: Family::default(),
            registry,
        };
        Self { shared: Arc::new(shared.registered()) }
    }

    /// The handles of one log.
    #[must_use]
    pub fn of_log(&self, origin: &str) -> LogMetrics {
        LogMetrics { shared: Arc::clone(&self.shared), log: Arc::from(origin) }
    }

    /// A connection was accepted; it counts as open until the value is dropped.
    #[must_use]
    pub fn connection(&self) -> OpenConnection {
        self.shared.connections.inc();
        OpenConnection { connections: self.shared.connections.clone() }
    }

    /// A connection was closed at accept.
    pub fn connection_refused(&self, reason: &'static str) {
        self.shared.refused.get_or_create(&OfReason { reason }).inc();
    }

    /// The page as it stands.
    ///
    /// # Errors
    /// [`std::fmt::Error`], which writing to a string does not produce.
    pub fn page(&self) -> Result<String, std::fmt::Error> {
        self.shared.process.look();
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &self.shared.registry)?;
        Ok(page)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn registered(mut self) -> Self {
        let to = &mut self.registry;
        to.register("connections", "Open connections", self.connections.clone());
        to.register("connections_refused", "Connections closed at accept, by reason", self.refused.clone());
        to.register("http_answers", "Answers by route and status", self.answers.clone());
        to.register("http_problems", "Refused requests by problem code", self.problems.clone());
        let of_route = "From the end of a request's head to its answer, by route";
        to.register_with_unit("http_request", of_route, Unit::Seconds, self.requests.clone());
        to.register("entries", "Answered submissions, new or duplicate", self.added.clone());
        to.register("tree_size", "Entries in the published tree", self.size.clone());
        let age = "Time since the sequencer last confirmed the published checkpoint";
        to.register_with_unit("checkpoint_age", age, Unit::Seconds, self.age.clone());
        to.register("ready", "1 if the log takes entries", self.ready.clone());
        to.register("queue_waiting", "Entries between admission and answer", self.waiting.clone());
        to.register("queue_places", "Entries that may wait", self.places.clone());
        to.register("step_entries", "New entries in a step", self.steps.clone());
        to.register_with_unit("step", "Time of a step, by phase", Unit::Seconds, self.phases.clone());
        to.register("signatures", "Tree heads signed by this process", self.signatures.clone());
        to.register("damaged", "1 if stored data was found damaged", self.damaged.clone());
        let free = "Free space of the file system the log is on";
        to.register_with_unit("disk_free", free, Unit::Bytes, self.disk_free.clone());
        let size = "Size of the file system the log is on";
        to.register_with_unit("disk_size", size, Unit::Bytes, self.disk_size.clone());
        let passes = "Times that the scrub has read everything and found it whole since the start";
        to.register("scrub_passes", passes, self.scrub_passes.clone());
        let position = "Entries that the scrub has re-read in its present pass";
        to.register("scrub_position", position, self.scrub_position.clone());
        to.register("witness_answers", "Answers of witnesses, by what came of them", self.witnesses.clone());
        let ahead = "1 if a witness said that it has confirmed more than the log has";
        to.register("witness_ahead", ahead, self.witness_ahead.clone());
        let size = "Entries in the tree that the quorum of witnesses confirmed last";
        to.register("cosigned_size", size, self.cosigned_size.clone());
        let age =
            "Time since the quorum of witnesses last confirmed a checkpoint; since the start if it never did";
        to.register_with_unit("cosigned_age", age, Unit::Seconds, self.cosigned_age.clone());
        to.register("index_size", "Entries the search index covers", self.indexed.clone());
        to.register("mentions", "Mentions of digests by events in the status map", self.mentions.clone());
        let status = "When the newest status was signed, seconds since 1970";
        to.register_with_unit("status_time", status, Unit::Seconds, self.status.clone());
        self
    }
}

/// A connection that counts as open.
#[derive(Debug)]
pub struct OpenConnection {
    connections: Gauge,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

/// Where one log counts.
#[derive(Debug, Clone)]
pub struct LogMetrics {
    shared: Arc<Shared>,
    log: Arc<str>,
}

impl LogMetrics {
    fn of_log(&self) -> OfLog {
        OfLog { log: Arc::clone(&self.log) }
    }

    /// A request was answered.
    pub fn answered(&self, route: Route, status: u16, took: Duration) {
        let log = &self.log;
        self.shared.answers.get_or_create(&OfAnswer { log: Arc::clone(log), route, status }).inc();
        let of_route = OfRoute { log: Arc::clone(log), route };
        self.shared.requests.get_or_create(&of_route).observe(took.as_secs_f64());
    }

    /// A request was refused; `code` is a row of the problem table.
    pub fn refused(&self, code: &'static str) {
        self.shared.problems.get_or_create(&OfProblem { log: Arc::clone(&self.log), code }).inc();
    }

    /// Submissions were answered.
    pub fn added(&self, new: u64, duplicate: u64) {
        for (novelty, count) in [("new", new), ("duplicate", duplicate)] {
            self.shared.added.get_or_create(&OfNovelty { log: Arc::clone(&self.log), novelty }).inc_by(count);
        }
    }

    /// A step with new entries was published.
    pub fn stepped(&self, new: u64, size: u64) {
        self.shared.steps.get_or_create(&self.of_log()).observe(new as f64);
        self.size(size);
    }

    /// The published tree has this size.
    pub fn size(&self, size: u64) {
        self.shared.size.get_or_create(&self.of_log()).set(size.cast_signed());
    }

    /// A part of a step took this long.
    pub fn phase(&self, phase: Phase, took: Duration) {
        let of_phase = OfPhase { log: Arc::clone(&self.log), phase };
        self.shared.phases.get_or_create(&of_phase).observe(took.as_secs_f64());
    }

    /// A tree head was signed.
    pub fn signed(&self) {
        self.shared.signatures.get_or_create(&self.of_log()).inc();
    }

    /// How old the sequencer's last word is, and whether the log takes entries.
    pub fn health(&self, age: Duration, ready: bool) {
        self.shared.age.get_or_create(&self.of_log()).set(age.as_secs_f64());
        self.shared.ready.get_or_create(&self.of_log()).set(i64::from(ready));
    }

    /// Places of the queue that are taken, of how many.
    pub fn queue(&self, waiting: usize, places: usize) {
        self.shared.waiting.get_or_create(&self.of_log()).set(waiting as i64);
        self.shared.places.get_or_create(&self.of_log()).set(places as i64);
    }

    /// Whether stored data was found damaged.
    pub fn damaged(&self, damaged: bool) {
        self.shared.damaged.get_or_create(&self.of_log()).set(i64::from(damaged));
    }

    /// Free space and size of the file system the log is on, bytes.
    pub fn disk(&self, free_bytes: u64, size_bytes: u64) {
        self.shared.disk_free.get_or_create(&self.of_log()).set(free_bytes.cast_signed());
        self.shared.disk_size.get_or_create(&self.of_log()).set(size_bytes.cast_signed());
    }

    /// How often the scrub has been through, and how many entries it has re-read in this pass.
    pub fn scrubbed(&self, passes: u64, position: u64) {
        self.shared.scrub_passes.get_or_create(&self.of_log()).set(passes.cast_signed());
        self.shared.scrub_position.get_or_create(&self.of_log()).set(position.cast_signed());
    }

    /// The status map holds this many mentions.
    pub fn mentioned(&self, mentions: usize) {
        self.shared.mentions.get_or_create(&self.of_log()).set(mentions as i64);
    }

    /// A status with this time was signed.
    pub fn status_signed(&self, time: u64) {
        self.shared.status.get_or_create(&self.of_log()).set(time.cast_signed());
    }

    /// A witness was asked. Its name is the policy's, and the outcome one of [`crate::feeder::CourierError::code`].
    pub fn witness_answer(&self, witness: &Arc<str>, outcome: &'static str) {
        let of = OfWitness { log: Arc::clone(&self.log), witness: Arc::clone(witness), outcome };
        self.shared.witnesses.get_or_create(&of).inc();
    }

    /// A witness said that it has confirmed more than the log has.
    pub fn witness_ahead(&self) {
        self.shared.witness_ahead.get_or_create(&self.of_log()).set(1);
    }

    /// The quorum confirmed a tree of this size.
    pub fn cosigned_size(&self, size: u64) {
        self.shared.cosigned_size.get_or_create(&self.of_log()).set(size.cast_signed());
    }

    /// So long ago the quorum confirmed anything.
    pub fn cosigned_age(&self, age: Duration) {
        self.shared.cosigned_age.get_or_create(&self.of_log()).set(age.as_secs_f64());
    }

    /// The search index covers this many entries.
    pub fn indexed(&self, entries: u64) {
        self.shared.indexed.get_or_create(&self.of_log()).set(entries.cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_stands_on_the_page() {
        let metrics = Metrics::new();
        let log = metrics.of_log("log.test/1");
        log.answered(Route::Submit, 201, Duration::from_millis(3));
        log.added(2, 1);
        log.stepped(2, 7);
        log.phase(Phase::Store, Duration::from_micros(400));
        log.refused("queue-full");
        log.health(Duration::from_millis(1500), true);
        let open = metrics.connection();
        metrics.connection_refused("too-many");
        let page = metrics.page().unwrap();
        for line in [
            "tallymark_log_build_info{version=\"0.1.0\"} 1",
            "tallymark_log_connections 1",
            "tallymark_log_connections_refused_total{reason=\"too-many\"} 1",
            "tallymark_log_http_answers_total{log=\"log.test/1\",route=\"submit\",status=\"201\"} 1",
            "tallymark_log_http_request_seconds_bucket{le=\"0.005\",log=\"log.test/1\",route=\"submit\"} 1",
            "tallymark_log_http_problems_total{log=\"log.test/1\",code=\"queue-full\"} 1",
            "tallymark_log_entries_total{log=\"log.test/1\",novelty=\"new\"} 2",
            "tallymark_log_tree_size{log=\"log.test/1\"} 7",
            "tallymark_log_checkpoint_age_seconds{log=\"log.test/1\"} 1.5",
            "tallymark_log_ready{log=\"log.test/1\"} 1",
            "tallymark_log_step_seconds_bucket{le=\"0.0005\",log=\"log.test/1\",phase=\"store\"} 1",
        ] {
            assert!(page.lines().any(|seen| seen == line), "{line}\n{page}");
        }
        drop(open);
        assert!(metrics.page().unwrap().contains("\ntallymark_log_connections 0\n"));
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn the_process_shows_its_memory_and_files() {
        let page = Metrics::new().page().unwrap();
        let value = |name: &str| {
            let line =
                page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{page}"));
            line.trim().parse::<f64>().unwrap()
        };
        assert!(value("tallymark_log_process_resident_memory_bytes ") > 1e6);
        assert!(value("tallymark_log_process_open_files ") >= 3.0);
        assert!(value("tallymark_log_process_max_files ") > value("tallymark_log_process_open_files "));
    }
}
