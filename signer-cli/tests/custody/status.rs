//! A withdrawal that is left out of the bundle file: what `status`, `verify` and `pack` make of it.

use super::{event, json, verdict};
use crate::log::{Manner, TestLog};
use crate::{Desk, sign};

/// A signed model in a log, and the arguments of `status`.
fn signed() -> (Desk, TestLog) {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &[]));
    (desk, log)
}

const FETCH: [&str; 4] = ["status", "model", "--trust", "trust.toml"];
const FILE: &str = "model/tallymark.jsonl";

fn lines(desk: &Desk) -> Vec<String> {
    let text = std::fs::read_to_string(desk.path(FILE)).expect("readable");
    text.lines().map(|line| format!("{line}\n")).collect()
}

fn online(desk: &Desk) -> serde_json::Value {
    let output = desk.run(&["verify", "model", "--trust", "trust.toml", "--online", "--json"]);
    json(&String::from_utf8_lossy(&output.stdout))
}

#[test]
fn a_revocation_that_is_left_out_is_noticed_by_the_snapshot_and_online() {
    let (desk, log) = signed();
    let before = lines(&desk);
    desk.succeed(&event("revoke", &log, &["--reason", "poisoned-data", "--scope", "this"]));
    let whole = lines(&desk);
    assert_eq!(verdict(&desk)["reason"], "revoked");

    // The attacker's file: as it was before.
    desk.write(FILE, &before.concat());
    assert_eq!(
        (&verdict(&desk)["verdict"], &verdict(&desk)["freshness"]),
        (&"verified".into(), &"offline-stale".into())
    );
    assert_eq!(online(&desk)["reason"], "status-withheld");

    let refused = desk.run(&FETCH);
    let err = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{err}");
    assert!(err.contains("entry 3 by key ") && err.contains("is not in the bundle file"), "{err}");
    let seen = verdict(&desk);
    assert_eq!((&seen["reason"], &seen["exit_code"]), (&"status-withheld".into(), &3.into()), "{seen}");
    assert_eq!((&seen["freshness"], &seen["status"][0]["events"]), (&"snapshot".into(), &1.into()));

    // With the line it is what it was.
    let snapshot = lines(&desk).pop().expect("a snapshot");
    desk.write(FILE, &(whole.concat() + &snapshot));
    assert_eq!(verdict(&desk)["reason"], "revoked");
}

#[test]
fn a_snapshot_is_kept_renewed_packed_and_shown() {
    let (desk, log) = signed();
    let out = desk.succeed(&FETCH);
    assert!(
        out.contains("  status     log.example.org/models\n") && out.contains("  event      none\n"),
        "{out}"
    );
    desk.succeed(&FETCH);
    assert_eq!(lines(&desk).len(), 2, "the older one is replaced");
    let seen = verdict(&desk);
    assert_eq!((&seen["verdict"], &seen["freshness"]), (&"verified".into(), &"snapshot".into()), "{seen}");
    assert_eq!(
        (&online(&desk)["verdict"], &online(&desk)["freshness"]),
        (&"verified".into(), &"online".into())
    );
    let text = desk.succeed(&["verify", "model", "--trust", "trust.toml"]);
    assert!(text.contains("snapshot ") && text.contains("no event about it"), "{text}");
    assert!(text.contains("  withdrawals since the status was signed, and later versions\n"), "{text}");
    let shown = desk.succeed(&["inspect", "model"]);
    assert!(shown.contains(": 1 bundle\n") && shown.contains("\nline 2\n  status "), "{shown}");

    // Another line goes below it, and is no later than it for that.
    desk.succeed(&event("approve", &log, &[]));
    assert_eq!(verdict(&desk)["custody"][0]["line"], 3);
    desk.succeed(&["pack", "model", "--trust", "trust.toml", "--out", "model.tar"]);
    let packed = desk.succeed(&["verify", "model.tar", "--trust", "trust.toml", "--json"]);
    assert_eq!(json(&packed)["freshness"], "snapshot");
    let packed = desk.succeed(&["verify", "model.tar", "--trust", "trust.toml", "--online", "--json"]);
    assert_eq!(json(&packed)["freshness"], "online");
}

#[test]
fn a_rule_wants_a_status_that_is_young_enough() {
    let (desk, _log) = signed();
    let trust = std::fs::read_to_string(desk.path("trust.toml")).expect("readable");
    desk.write("trust.toml", &format!("{trust}[[require]]\nname = \"acme/*\"\nstatus-age = \"12h\"\n"));
    let seen = verdict(&desk);
    assert_eq!((&seen["reason"], &seen["exit_code"]), (&"status-missing".into(), &4.into()));
    assert_eq!(online(&desk)["verdict"], "verified");
    desk.succeed(&FETCH);
    assert_eq!(verdict(&desk)["verdict"], "verified");
    let at = ["verify", "model", "--trust", "trust.toml", "--at", "2036-01-01T00:00:00Z", "--json"];
    let later = json(&String::from_utf8_lossy(&desk.run(&at).stdout));
    assert_eq!((&later["reason"], &later["exit_code"]), (&"status-stale".into(), &4.into()));
}

#[test]
fn an_answer_that_does_not_hold_changes_no_file() {
    let (desk, log) = signed();
    let before = desk.contents();
    for (manner, exit, code) in [
        (Manner::ForeignCheckpoint, 1, "log-answer-not-verified"),
        (Manner::OtherEntry, 1, "log-answer-not-verified"),
        (Manner::Garbage, 1, "log-answer-malformed"),
        (Manner::Busy, 4, "log-busy"),
        (Manner::NotALog, 4, "not-a-log"),
    ] {
        log.behave(&[manner]);
        desk.refuse(&FETCH, exit, code);
        let args = ["verify", "model", "--trust", "trust.toml", "--online"];
        desk.refuse(&args, exit, code);
    }
    log.behave(&[Manner::Honest]);
    desk.succeed(&[&FETCH[..], &["--dry-run"]].concat());
    assert_eq!(desk.contents(), before);
    let base = ["status", "base", "--trust", "trust.toml"];
    desk.refuse(&base, 2, "bundle-missing");
}
