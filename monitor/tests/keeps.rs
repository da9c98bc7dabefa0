//! What a watch leaves behind: reports that anybody can hold against the log, and a copy of the log.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::log::Log;
use crate::mint::{key_id, said};
use crate::support::{Asked, Desk, program};

fn said_on_error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A report about a pattern, from 2026 on, in JSON and as a page.
fn report(desk: &Desk, name: &str, to: &str) -> (Output, PathBuf) {
    let out = desk.home.path().join(format!("report-{}", name.replace(['/', '*'], "")));
    let mut call = program();
    call.arg("report").arg("--config").arg(&desk.config).args(["--from", "2026-01-01", "--to", to]);
    (call.args(["--name", name]).arg("--out").arg(&out).output().unwrap(), out)
}

fn json_of(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn check(desk: &Desk, report: &Value) -> Output {
    let path = desk.home.path().join("checked.json");
    std::fs::write(&path, report.to_string()).unwrap();
    let policy = desk.home.path().join("policy");
    program().arg("check-report").arg(path).arg("--policy").arg(policy).output().unwrap()
}

#[test]
fn a_report_says_what_was_signed_what_was_told_and_when_nobody_looked() {
    let mut log = Log::new();
    let watch = format!("[[watch]]\nname = \"acme/*\"\nkeys = [{:?}]\nlabel = \"our models\"\n", key_id(3));
    let desk = Desk::new(&log, &Asked { watch: &watch, ..Asked::default() });
    let other = |number: u32| said("other/model", &number.to_string(), 9).entry();
    log.append((0..300).map(other));
    log.append([said("acme/churn", "1", 3).entry(), said("acme/churn", "2", 6).entry(), b"none".to_vec()]);
    assert_eq!(desk.reasons(), (3, vec!["key-unexpected".to_owned(), "entry-malformed".to_owned()]));
    let id = desk.alerts()[0]["id"].as_str().unwrap().to_owned();
    let dir = desk.dir();
    assert!(desk.call(&["acknowledge", dir.to_str().unwrap(), &id, "--remark", "a <test>"]).status.success());
    // Nobody has looked at this one yet: it is not in the report.
    log.append([said("acme/churn", "3", 3).entry()]);

    let (made, out) = report(&desk, "acme/*", "2100-01-01");
    assert!(made.status.success(), "{}", said_on_error(&made));
    let whole = json_of(&out);
    let of_log = &whole["logs"][0];
    assert_eq!((&of_log["first"], &of_log["end"]), (&json!(0), &json!(303)));
    let entries = of_log["entries"].as_array().unwrap();
    let facts: Vec<_> =
        entries.iter().map(|entry| (&entry["index"], &entry["version"], &entry["key"])).collect();
    assert_eq!(
        facts,
        [(&json!(300), &json!("1"), &json!(key_id(3))), (&json!(301), &json!("2"), &json!(key_id(6)))]
    );
    assert!(entries.iter().all(|entry| entry["seen_by"].is_string()));
    assert_eq!(of_log["unreadable"][0]["index"], 302);
    assert_eq!(of_log["gaps"].as_array().unwrap().len(), 1, "from January to now: {}", of_log["gaps"]);
    let told = of_log["told"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["id"], &told[0]["index"]), (2, &json!(id), &json!(301)));
    assert_eq!(told[0]["acknowledged"], "a <test>");
    assert!(told[1].get("acknowledged").is_none());
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(
        page.contains("acme/churn:2")
            && page.contains("a &lt;test&gt;")
            && page.contains("Nobody looked from")
    );

    let holds = check(&desk, &whole);
    assert!(holds.status.success(), "{}", said_on_error(&holds));
    // A name that is not watched can be reported about too.
    let (made, out) = report(&desk, "other/**", "2100-01-01");
    assert!(made.status.success(), "{}", said_on_error(&made));
    assert_eq!(json_of(&out)["logs"][0]["entries"].as_array().unwrap().len(), 300);
}

#[test]
fn a_report_that_says_something_else_than_the_log_is_refused() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked { watch: "[[watch]]\nname = \"acme/*\"\n", ..Asked::default() });
    log.append((0..4).map(|number| said("acme/churn", &number.to_string(), 3).entry()));
    desk.once();
    let (made, out) = report(&desk, "acme/*", "2100-01-01");
    assert!(made.status.success(), "{}", said_on_error(&made));
    let good = json_of(&out);
    assert!(check(&desk, &good).status.success());
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad["logs"][0]);
        let output = check(&desk, &bad);
        assert_eq!(output.status.code(), Some(1), "{}", said_on_error(&output));
        said_on_error(&output)
    };
    let left_out = refused(&|log| drop(log["entries"].as_array_mut().unwrap().remove(2)));
    assert!(left_out.contains("first at entry 2"), "{left_out}");
    let added = refused(&|log| {
        let mut more = log["entries"][3].clone();
        more["index"] = json!(4);
        log["entries"].as_array_mut().unwrap().push(more);
    });
    assert!(added.contains("first at entry 4"), "{added}");
    let other = refused(&|log| log["entries"][1]["key"] = json!(key_id(6)));
    assert!(other.contains("first at entry 1"), "{other}");
    refused(&|log| log["end"] = json!(5));
    refused(&|log| log["checkpoint"] = json!("log.example.org/models\n"));
    let stranger = refused(&|log| log["told"] = json!([{ "at": "yesterday" }]));
    assert!(stranger.contains("no report of this form"), "{stranger}");
}

#[test]
fn a_period_that_ends_before_it_begins_has_no_report() {
    let log = Log::new();
    let desk = Desk::new(&log, &Asked { watch: "[[watch]]\nname = \"acme/*\"\n", ..Asked::default() });
    let (made, _) = report(&desk, "acme/*", "2025-12-31T23:59:59Z");
    assert_eq!(made.status.code(), Some(2), "{}", said_on_error(&made));
    let (made, _) = report(&desk, "ACME", "2026-12-01");
    assert_eq!(made.status.code(), Some(2), "{}", said_on_error(&made));
}

fn mirror(desk: &Desk, out: &Path) -> Output {
    let policy = desk.home.path().join("policy");
    program().arg("mirror").arg(out).arg("--policy").arg(policy).output().unwrap()
}

fn entries(from: u32, to: u32) -> impl Iterator<Item = Vec<u8>> {
    (from..to).map(|number| said("other/model", &number.to_string(), 9).entry())
}

#[test]
fn a_mirror_goes_on_where_it_was_and_can_be_read_like_the_log() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked::default());
    let out = desk.home.path().join("mirror");
    let mut size = 0;
    for next in [0, 3, 3, 255, 256, 300, 1030] {
        log.append(entries(size, next));
        size = next;
        let output = mirror(&desk, &out);
        assert!(output.status.success(), "{next}: {}", said_on_error(&output));
        assert_eq!(std::fs::read(out.join("checkpoint")).unwrap(), log.get("checkpoint"));
        // Every file of the tree is the log's own, byte for byte.
        for path in [log.last_bundle(), log.last_tile()].iter().filter(|_| next > 0) {
            assert_eq!(std::fs::read(out.join(path)).unwrap(), log.get(path), "{path}");
        }
    }
    assert_eq!(std::fs::read(out.join("tile/1/000.p/4")).unwrap(), log.get("tile/1/000.p/4"));
    // The log is gone; the copy stands in for it.
    let url = format!("file://{}", out.display());
    let watch = "[[watch]]\nname = \"other/*\"\n";
    let reader = Desk::of(&Log::vkey().to_string(), &url, &Asked { watch, ..Asked::default() });
    let (code, told) = reader.reasons();
    assert_eq!((code, told.len()), (3, 1030));
}

#[test]
fn a_log_that_contradicts_the_copy_is_not_copied() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked::default());
    let out = desk.home.path().join("mirror");
    log.append(entries(0, 300));
    assert!(mirror(&desk, &out).status.success());
    let kept = std::fs::read(out.join("checkpoint")).unwrap();
    // An entry is not the one whose hash is in the tree.
    log.append(entries(300, 310));
    let (path, whole) = (log.last_bundle(), log.get(&log.last_bundle()));
    let mut bad = whole.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    log.set(&path, bad);
    let output = mirror(&desk, &out);
    assert_eq!(output.status.code(), Some(1));
    assert!(said_on_error(&output).contains("bundle-differs"), "{}", said_on_error(&output));
    assert_eq!(std::fs::read(out.join("checkpoint")).unwrap(), kept, "the copy says what it said before");
    log.set(&path, whole);
    // Another history.
    log.entries[7] = b"another".to_vec();
    log.publish();
    let output = mirror(&desk, &out);
    assert_eq!(output.status.code(), Some(1));
    let evidence = out.with_extension("fork");
    let proven = desk.call(&["check-evidence", evidence.to_str().unwrap()]);
    assert!(proven.status.success(), "{}", said_on_error(&proven));
    assert_eq!(std::fs::read(out.join("checkpoint")).unwrap(), kept);
}

#[test]
fn a_copy_that_somebody_changed_is_not_added_to() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked::default());
    let out = desk.home.path().join("mirror");
    log.append(entries(0, 300));
    assert!(mirror(&desk, &out).status.success());
    let tile = out.join("tile/0/001.p/44");
    let good = std::fs::read(&tile).unwrap();
    std::fs::write(&tile, vec![0; good.len()]).unwrap();
    log.append(entries(300, 310));
    let output = mirror(&desk, &out);
    assert_eq!(output.status.code(), Some(1));
    assert!(said_on_error(&output).contains("do not lead to the root"), "{}", said_on_error(&output));
    std::fs::write(&tile, good).unwrap();
    std::fs::write(out.join("tile/entries/001.p/54"), b"x").unwrap();
    let output = mirror(&desk, &out);
    assert!(said_on_error(&output).contains("with other bytes than the log's"), "{}", said_on_error(&output));
    assert_eq!(output.status.code(), Some(1));
}
