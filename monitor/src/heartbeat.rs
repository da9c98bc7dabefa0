//! A message at intervals that says how far everything is, so that silence means that nobody watches.

use crate::alert::Alert;
use crate::outbox::Outbox;

/// Says how each log stands.
#[must_use]
pub fn heartbeat(outbox: &Outbox) -> Alert {
    let mut lines = Vec::new();
    let mut reasons = Vec::new();
    for (origin, log) in &outbox.state().logs {
        let size = outbox.standings().get(origin).map_or(log.next, |standing| standing.size);
        let codes: Vec<&str> = log.concerns.keys().map(|reason| reason.code()).collect();
        let is_well = if codes.is_empty() { "well".to_owned() } else { codes.join(", ") };
        lines.push(format!("{origin}: {} of {size} entries read, {is_well}\n", log.next));
        reasons.extend(log.concerns.keys().copied());
    }
    if !outbox.state().pending.is_empty() {
        lines.push(format!("{} messages wait for a receiver\n", outbox.state().pending.len()));
    }
    reasons.sort_unstable();
    reasons.dedup();
    Alert::heartbeat(lines.concat(), reasons)
}
