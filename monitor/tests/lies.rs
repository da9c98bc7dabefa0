//! Each lie of a log is told by a reason of its own.

use serde_json::Value;
use tlog::tile::{BundleIndex, TilePath};

use crate::log::{Log, ORIGIN, width};
use crate::mint::{Said, said};
use crate::support::{Asked, Desk, one_of_two};

fn entries(range: std::ops::Range<u32>) -> impl Iterator<Item = Vec<u8>> {
    range.map(|number| said("other/model", &number.to_string(), 9).entry())
}

/// A log of so many entries that a monitor has read.
fn read(count: u32, asked: &Asked<'_>) -> (Log, Desk) {
    let mut log = Log::new();
    log.append(entries(0..count));
    let desk = Desk::new(&log, asked);
    assert_eq!(desk.reasons(), (0, vec![]));
    (log, desk)
}

#[test]
fn a_log_that_only_grows_is_silent() {
    let (mut log, desk) = read(3, &Asked::default());
    for end in [4, 255, 256, 257, 600, 1100] {
        log.append(entries(log.entries.len() as u32..end));
        assert_eq!(desk.reasons(), (0, vec![]), "{end}");
    }
    assert_eq!(desk.reasons(), (0, vec![]));
    let status = desk.call(&["status", desk.dir().to_str().unwrap()]);
    assert!(String::from_utf8(status.stdout).unwrap().contains("1100 entries read"));
}

#[test]
fn an_empty_log_that_gets_its_first_entry_is_silent() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked::default());
    assert_eq!(desk.reasons(), (0, vec![]));
    log.append(entries(0..1));
    assert_eq!(desk.reasons(), (0, vec![]));
}

/// The evidence that an alert names proves what it says, and says so under the policy.
fn evidence_holds(desk: &Desk, alert: &Value) {
    let file = desk.dir().join(alert["evidence"].as_str().unwrap());
    let policy = desk.home.path().join("policy");
    let (file, policy) = (file.to_str().unwrap(), policy.to_str().unwrap());
    let held = desk.call(&["check-evidence", file, "--policy", policy]);
    assert!(held.status.success(), "{}", String::from_utf8_lossy(&held.stderr));
    assert!(String::from_utf8(held.stdout).unwrap().starts_with(&format!("FORK of {ORIGIN}\n")));
    let mut bytes = std::fs::read(file).unwrap();
    let at = bytes.len() - 5;
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
    assert_eq!(desk.call(&["check-evidence", file]).status.code(), Some(1));
}

#[test]
fn the_example_of_the_page_proves_a_fork_alone() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/monitor/fork");
    let held = crate::support::program().args(["check-evidence", file]).output().unwrap();
    assert!(held.status.success(), "{}", String::from_utf8_lossy(&held.stderr));
    let evidence = monitor::evidence::Evidence::parse(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(evidence.to_bytes(), std::fs::read(file).unwrap());
}

#[test]
fn a_second_history_of_the_same_size_is_a_fork_with_evidence() {
    let (mut log, desk) = read(5, &Asked::default());
    log.entries[2] = b"rewritten".to_vec();
    log.publish();
    let (output, alerts) = desk.once();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(alerts[0]["reasons"], serde_json::json!(["fork"]));
    evidence_holds(&desk, &alerts[0]);
    // It stays so, and is told once.
    assert_eq!(desk.reasons(), (1, vec![]));
}

#[test]
fn a_longer_second_history_is_a_fork_with_evidence() {
    let (mut log, desk) = read(300, &Asked::default());
    log.entries[7] = b"rewritten".to_vec();
    log.append(entries(300..700));
    let (output, alerts) = desk.once();
    assert_eq!((output.status.code(), alerts.len()), (Some(1), 1));
    assert_eq!(alerts[0]["reasons"], serde_json::json!(["fork"]));
    evidence_holds(&desk, &alerts[0]);
}

#[test]
fn a_shorter_second_history_is_a_fork_with_evidence() {
    let (log, desk) = read(300, &Asked::default());
    let mut other: Vec<Vec<u8>> = log.entries[..20].to_vec();
    other[3] = b"rewritten".to_vec();
    log.set("checkpoint", log.checkpoint(&other));
    let (output, alerts) = desk.once();
    assert_eq!((output.status.code(), alerts.len()), (Some(1), 1));
    assert_eq!(alerts[0]["reasons"], serde_json::json!(["fork"]));
    evidence_holds(&desk, &alerts[0]);
}

#[test]
fn a_second_history_at_another_address_is_a_split_view_with_evidence() {
    for extra in [0, 3] {
        let mut log = Log::new();
        log.append(entries(0..40));
        let mut twin = log.twin();
        twin.entries[12] = b"for you alone".to_vec();
        twin.append(entries(40..40 + extra));
        let desk = Desk::new(&log, &Asked { log: &format!("also = [{:?}]", twin.url), ..Asked::default() });
        let (output, alerts) = desk.once();
        assert_eq!((output.status.code(), alerts.len()), (Some(1), 1), "{extra}");
        assert_eq!(alerts[0]["reasons"], serde_json::json!(["split-view"]));
        evidence_holds(&desk, &alerts[0]);
    }
}

#[test]
fn an_older_or_newer_state_at_another_address_is_no_split() {
    let mut log = Log::new();
    log.append(entries(0..40));
    let mut twin = log.twin();
    let desk = Desk::new(&log, &Asked { log: &format!("also = [{:?}]", twin.url), ..Asked::default() });
    log.append(entries(40..300));
    assert_eq!(desk.reasons(), (0, vec![]));
    twin.append(entries(40..310));
    assert_eq!(desk.reasons(), (0, vec![]));
}

#[test]
fn what_others_are_shown_and_this_address_is_not_is_withheld() {
    let mut log = Log::new();
    log.append(entries(0..40));
    let mut twin = log.twin();
    twin.append(entries(40..50));
    let asked =
        Asked { log: &format!("also = [{:?}]", twin.url), keys: "patience = \"100ms\"", ..Asked::default() };
    let desk = Desk::new(&log, &asked);
    let _running = desk.start();
    desk.wait_for(|alert| alert["reasons"] == serde_json::json!(["checkpoint-withheld"]));
    log.append(entries(40..60));
    desk.wait_for(|alert| alert["kind"] == "resolved");
}

#[test]
fn an_older_checkpoint_whose_successors_are_served_is_replayed() {
    let (mut log, desk) = read(10, &Asked::default());
    let old = log.get("checkpoint");
    log.append(entries(10..300));
    assert_eq!(desk.reasons(), (0, vec![]));
    let new = log.get("checkpoint");
    log.set("checkpoint", old);
    assert_eq!(desk.reasons(), (1, vec!["checkpoint-replayed".to_owned()]));
    log.set("checkpoint", new);
    assert_eq!(desk.reasons(), (0, vec!["resolved checkpoint-replayed".to_owned()]));
}

#[test]
fn an_older_checkpoint_whose_successors_are_gone_is_a_roll_back() {
    let (log, desk) = read(300, &Asked::default());
    let kept = log.entries[..10].to_vec();
    log.files.lock().unwrap().clear();
    let mut rolled = Log { entries: kept, ..log };
    rolled.publish();
    assert_eq!(desk.reasons(), (1, vec!["tree-rolled-back".to_owned()]));
}

#[test]
fn a_swapped_bundle_is_told_with_its_first_entry() {
    let mut log = Log::new();
    log.append(entries(0..600));
    let path =
        |index| TilePath::Entries { index: BundleIndex::new(index).unwrap(), width: width(256) }.to_string();
    let (first, second) = (log.get(&path(0)), log.get(&path(1)));
    log.set(&path(0), second);
    log.set(&path(1), first);
    let desk = Desk::new(&log, &Asked::default());
    let (_, alerts) = desk.once();
    assert_eq!(alerts[0]["reasons"], serde_json::json!(["bundle-differs"]));
    assert!(alerts[0]["detail"].as_str().unwrap().starts_with("entry 0 "));
}

#[test]
fn a_hidden_entry_is_told_with_its_index() {
    let mut log = Log::new();
    log.append(entries(0..20));
    let mut cut = log.get(&log.last_bundle());
    let last = log.entries[19].len() + 2;
    cut.truncate(cut.len() - last);
    log.set(&log.last_bundle(), cut);
    let desk = Desk::new(&log, &Asked::default());
    let (output, alerts) = desk.once();
    assert_eq!((output.status.code(), alerts.len()), (Some(1), 1));
    assert_eq!(alerts[0]["reasons"], serde_json::json!(["entry-hidden"]));
    assert!(alerts[0]["detail"].as_str().unwrap().starts_with("entry 19 "));
    log.remove(&log.last_bundle());
    let desk = Desk::new(&log, &Asked::default());
    assert_eq!(desk.reasons(), (1, vec!["entry-hidden".to_owned()]));
}

#[test]
fn a_wrong_partial_tile_and_a_wrong_full_one_are_told() {
    for count in [20, 300] {
        let mut log = Log::new();
        log.append(entries(0..count));
        let full = "tile/0/000".to_owned();
        let paths = if count == 300 {
            vec![log.last_tile(), full, "tile/1/000.p/1".to_owned()]
        } else {
            vec![log.last_tile()]
        };
        for path in paths {
            let good = log.get(&path);
            let mut bad = good.clone();
            bad[3] ^= 1;
            log.set(&path, bad);
            assert_eq!(
                Desk::new(&log, &Asked::default()).reasons(),
                (1, vec!["tile-differs".to_owned()]),
                "{path}"
            );
            log.set(&path, good[..good.len() - 1].to_vec());
            assert_eq!(
                Desk::new(&log, &Asked::default()).reasons(),
                (1, vec!["tile-differs".to_owned()]),
                "{path}"
            );
            log.set(&path, good);
        }
    }
}

#[test]
fn a_forged_entry_and_one_that_is_none_are_told_and_reading_goes_on() {
    let mut log = Log::new();
    let mut forged = said("acme/churn", "1", 3).entry();
    *forged.last_mut().unwrap() ^= 1;
    log.append([forged, b"no entry".to_vec(), said("acme/churn", "2", 3).entry()]);
    let desk = Desk::new(&log, &Asked { watch: "[[watch]]\nname = \"acme/*\"", ..Asked::default() });
    let wanted = ["entry-signature-invalid", "entry-malformed", "name-watched"].map(str::to_owned).to_vec();
    assert_eq!(desk.reasons(), (3, wanted));
}

#[test]
fn a_log_whose_entries_are_other_things_is_read_for_its_hashes() {
    let mut log = Log::new();
    log.append((0..600_u32).map(|number| vec![number as u8; 40_000]));
    let desk = Desk::new(&log, &Asked { log: "entries = \"raw\"", ..Asked::default() });
    assert_eq!(desk.reasons(), (0, vec![]));
}

#[test]
fn a_checkpoint_by_another_key_and_one_that_is_none_are_told() {
    let (log, desk) = read(5, &Asked::default());
    let good = log.get("checkpoint");
    let mut bad = good.clone();
    let at = bad.len() - 10;
    bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
    log.set("checkpoint", bad);
    assert_eq!(desk.reasons(), (1, vec!["checkpoint-unsigned".to_owned()]));
    log.set("checkpoint", b"hello".to_vec());
    assert_eq!(desk.reasons(), (1, vec!["checkpoint-malformed".to_owned()]));
    log.set("checkpoint", good);
    let resolved =
        ["resolved checkpoint-malformed", "resolved checkpoint-unsigned"].map(str::to_owned).to_vec();
    assert_eq!(desk.reasons(), (0, resolved));
}

#[test]
fn a_checkpoint_that_nobody_confirmed_lately_is_stale() {
    let mut log = Log::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    log.confirmed = vec![(2, now - 600)];
    log.append(entries(0..5));
    let policy = one_of_two();
    let asked = |age| Asked { policy: &policy, log: age, ..Asked::default() };
    assert_eq!(Desk::new(&log, &asked("checkpoint_age = \"1h\"")).reasons(), (0, vec![]));
    let desk = Desk::new(&log, &asked("checkpoint_age = \"5m\""));
    assert_eq!(desk.reasons(), (4, vec!["checkpoint-stale".to_owned()]));
    log.confirmed = vec![(2, now)];
    log.publish();
    assert_eq!(desk.reasons(), (0, vec!["resolved checkpoint-stale".to_owned()]));
}

#[test]
fn a_log_that_too_few_or_false_witnesses_confirm_is_told_and_still_read() {
    let mut log = Log::new();
    log.append([said("acme/churn", "1", 3).entry()]);
    let policy = one_of_two();
    let asked = Asked { policy: &policy, watch: "[[watch]]\nname = \"acme/*\"", ..Asked::default() };
    let desk = Desk::new(&log, &asked);
    let wanted = ["name-watched", "cosignatures-insufficient"].map(str::to_owned).to_vec();
    assert_eq!(desk.reasons().1, wanted);
    log.confirmed = vec![(3, 1_700_000_000)];
    log.publish();
    let mut forged = String::from_utf8(log.get("checkpoint")).unwrap();
    let at = forged.len() - 20;
    let letter = if forged.as_bytes()[at] == b'A' { "B" } else { "A" };
    forged.replace_range(at..=at, letter);
    log.set("checkpoint", forged.into_bytes());
    let wanted = ["cosignature-invalid", "resolved cosignatures-insufficient"].map(str::to_owned).to_vec();
    assert_eq!(desk.reasons(), (1, wanted));
}

#[test]
fn a_log_that_does_not_answer_is_told_after_a_while_and_again_when_it_is_back() {
    let (log, desk) = read(5, &Asked { keys: "patience = \"100ms\"", ..Asked::default() });
    log.status.store(503, std::sync::atomic::Ordering::SeqCst);
    let _running = desk.start();
    desk.wait_for(|alert| alert["reasons"] == serde_json::json!(["log-unreachable"]));
    log.status.store(0, std::sync::atomic::Ordering::SeqCst);
    desk.wait_for(|alert| alert["kind"] == "resolved");
}

#[test]
fn a_log_that_has_dropped_its_old_partial_tiles_is_gone_on_with() {
    let mut log = Log::new();
    log.append(entries(0..300));
    let desk = Desk::new(&log, &Asked::default());
    assert_eq!(desk.reasons(), (0, vec![]));
    let partial: Vec<String> =
        log.files.lock().unwrap().keys().filter(|path| path.contains(".p/")).cloned().collect();
    log.append(entries(300..600));
    partial.iter().for_each(|path| {
        log.files.lock().unwrap().remove(path);
    });
    // What the new tree itself needs is there again.
    log.publish();
    assert_eq!(desk.reasons(), (0, vec![]));
}

#[test]
fn what_an_entry_says_does_not_break_what_is_told() {
    let mut log = Log::new();
    let long = format!("acme/{}", "x".repeat(123));
    log.append([Said { kind: 5, ..said(&long, &"9".repeat(64), 3) }.entry()]);
    let desk = Desk::new(&log, &Asked { watch: "[[watch]]\nname = \"acme/*\"", ..Asked::default() });
    assert_eq!(desk.reasons(), (3, vec!["name-watched+event-watched".to_owned()]));
    assert_eq!(desk.alerts()[0]["entry"]["name"], long);
}
