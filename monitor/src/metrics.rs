//! Numbers for Prometheus, in a text file for the node exporter's textfile collector.
//!
//! The file is replaced as a whole. `tallymark_monitor_written_seconds` is the heartbeat: alarm if it is old.

use std::fmt::Write as _;

use crate::alert::now;
use crate::outbox::Outbox;

/// Writes the page.
#[must_use]
pub fn page(outbox: &Outbox) -> String {
    let mut page = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, u64)>| {
        // Writing to a string does not fail.
        let _ =
            writeln!(page, "# HELP tallymark_monitor_{name} {help}\n# TYPE tallymark_monitor_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(page, "tallymark_monitor_{name}{labels} {value}");
        }
    };
    let state = outbox.state();
    let logs = |value: &dyn Fn(&str) -> Option<u64>| -> Vec<(String, u64)> {
        let names = outbox.standings().keys();
        names.filter_map(|origin| Some((labels(&[("log", origin)]), value(origin)?))).collect()
    };
    let standing = |origin: &str| outbox.standings().get(origin);
    family("written_seconds", "gauge", "When this was written.", vec![(String::new(), now())]);
    let size = |origin: &str| standing(origin).map(|log| log.size);
    family("log_entries", "gauge", "Entries of the newest checkpoint.", logs(&size));
    let next = |origin: &str| state.logs.get(origin).map(|log| log.next);
    family("read_entries", "gauge", "Entries that were read.", logs(&next));
    let looked = |origin: &str| standing(origin)?.looked;
    family("looked_seconds", "gauge", "When a look at the log last came to its end.", logs(&looked));
    let confirmed = |origin: &str| standing(origin)?.confirmed;
    family("confirmed_seconds", "gauge", "When a witness last confirmed the log.", logs(&confirmed));
    let concerns = state.logs.iter().flat_map(|(origin, log)| {
        log.concerns.keys().map(move |reason| (labels(&[("log", origin), ("reason", reason.code())]), 1))
    });
    family("concern", "gauge", "What is wrong with a log now.", concerns.collect());
    let alerts = outbox.counts().alerts.iter();
    let alerts = alerts
        .map(|((origin, reason), count)| (labels(&[("log", origin), ("reason", reason.code())]), *count));
    family("messages_total", "counter", "Messages since the start.", alerts.collect());
    let failures = outbox.counts().failures.iter().map(|(sink, count)| (labels(&[("sink", sink)]), *count));
    family("delivery_failures_total", "counter", "Deliveries that failed.", failures.collect());
    let waiting = vec![(String::new(), state.pending.len() as u64)];
    family("waiting_messages", "gauge", "Messages that a receiver has not taken.", waiting);
    page
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
}
