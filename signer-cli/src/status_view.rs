//! A status snapshot for people and programs, as it says itself; nothing here is verified.

use std::fmt::Write as _;

use attest::status::Snapshot;

use crate::message::one_line;

/// As lines, each indented by two.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let status = snapshot.status().unverified();
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    line("status", one_line(status.origin().as_str()));
    line("subject", snapshot.subject().to_string());
    line("time", verifier::report::utc(status.time()));
    line("tree size", status.head().size().to_string());
    for mention in snapshot.mentions() {
        line("event", format!("entry {} by key {}", mention.index(), mention.key_id()));
    }
    if snapshot.mentions().is_empty() {
        line("event", "none".to_owned());
    }
    text
}

/// As JSON.
pub(crate) fn json(snapshot: &Snapshot) -> serde_json::Value {
    let status = snapshot.status().unverified();
    let events: Vec<_> = snapshot
        .mentions()
        .iter()
        .map(|one| {
            serde_json::json!({
                "index": one.index().get(),
                "key_id": one.key_id().to_string(),
                "statement_digest": one.statement().to_string(),
            })
        })
        .collect();
    serde_json::json!({
        "status_of": status.origin().as_str(),
        "subject": snapshot.subject().to_string(),
        "time": status.time(),
        "tree_size": status.head().size().get(),
        "events": events,
    })
}
