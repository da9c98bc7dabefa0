//! Signed verdicts, from the command line to what other verifiers are shown.

use serde_json::{Value, json};

use crate::log::TestLog;
use crate::{Desk, sign};

const VERIFIER: &str = "https://gate.example.org/";

fn attest<'a>(log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["verify", "model", "--trust", "trust.toml", "--attest", "--verifier", VERIFIER];
    args.extend(["--key", "key.pem", "--log", log.url()]);
    args.extend(more);
    args
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

fn signed_model() -> (Desk, TestLog) {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &[]));
    (desk, log)
}

#[test]
fn a_verdict_that_is_verified_is_signed_and_logged_and_decides_nothing_for_others() {
    let (desk, log) = signed_model();
    let provenance =
        parsed(&desk.succeed(&["inspect", "model", "--json"]))["content"][0]["statement"]["digest"].clone();
    let out = desk.succeed(&attest(&log, &[]));
    assert!(out.contains("VERIFIED\n") && out.contains("  verifier   https://gate.example.org/"), "{out}");
    assert!(out.contains("  not checked withdrawals\n"), "{out}");
    assert_eq!(log.len(), 4);

    let statement = parsed(&desk.succeed(&["inspect", "model", "--json"]))["content"][1]["statement"].clone();
    let rules = std::fs::read(desk.path("trust.toml")).expect("readable");
    let verdict = &statement["verdict"];
    assert_eq!((&statement["kind"], &verdict["result"]), (&"verdict".into(), &"passed".into()));
    assert_eq!(verdict["inputs"], json!([provenance]));
    assert_eq!(verdict["policy"], attest::digest::Sha256Digest::of(&rules).to_string());
    assert_eq!(verdict["resource_uri"], "pkg:generic/acme/churn@1");

    let seen = parsed(&desk.succeed(&["verify", "model", "--trust", "trust.toml", "--json"]));
    assert_eq!(seen["custody"][0]["kind"], "verdict");
    assert_eq!(seen["custody"][0]["statement_digest"], statement["digest"]);
    // A second verdict goes by the first one too: it was there to be read.
    let second = parsed(&desk.succeed(&attest(&log, &["--json"])));
    let inputs = second["statement"]["verdict"]["inputs"].as_array().expect("a list").clone();
    assert!(inputs.contains(&provenance) && inputs.contains(&statement["digest"]), "{inputs:?}");
}

#[test]
fn of_a_model_that_is_not_verified_nothing_is_signed() {
    let (desk, log) = signed_model();
    desk.write("model/config.json", "{ }");
    let before = desk.contents();
    let output = desk.run(&attest(&log, &["--json"]));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(parsed(&String::from_utf8_lossy(&output.stdout))["reason"], "file-changed");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was signed"));
    assert_eq!((desk.contents(), log.len()), (before, 3));
}

#[test]
fn a_dry_run_shows_the_verdict_and_a_pending_one_asks_no_log() {
    let (desk, log) = signed_model();
    let (before, requests) = (desk.contents(), log.requests());
    let out = desk.succeed(&attest(&log, &["--dry-run"]));
    assert!(
        out.contains("  kind       verdict\n") && out.contains("\"verificationResult\":\"PASSED\""),
        "{out}"
    );
    assert_eq!((desk.contents(), log.requests()), (before, requests));
    let mut pending = attest(&log, &["--pending", "--out", "verdicts.tallymark.jsonl"]);
    pending.retain(|word| *word != "--log" && *word != log.url());
    let out = desk.succeed(&pending);
    assert!(out.contains("  logged     not yet\n"), "{out}");
    assert_eq!(log.requests(), requests);
    assert_eq!(desk.bundles("verdicts.tallymark.jsonl").lines().len(), 1);
}

#[test]
fn a_pack_takes_no_verdict_and_a_file_beside_it_does() {
    let (desk, log) = signed_model();
    desk.succeed(&["pack", "model", "--out", "churn.pack", "--trust", "trust.toml"]);
    let mut args = attest(&log, &[]);
    args[1] = "churn.pack";
    desk.refuse(&args, 2, "out-missing");
    args.extend(["--out", "verdicts.tallymark.jsonl"]);
    desk.succeed(&args);
    assert_eq!(desk.bundles("verdicts.tallymark.jsonl").lines().len(), 1);
}

#[test]
fn a_verdict_about_another_time_or_by_nobody_is_wrong_use() {
    let (desk, log) = signed_model();
    let output = desk.run(&attest(&log, &["--at", "2027-01-01T00:00:00Z"]));
    assert_eq!(output.status.code(), Some(2));
    let mut args = attest(&log, &[]);
    args.retain(|word| *word != "--verifier" && *word != VERIFIER);
    assert_eq!(desk.run(&args).status.code(), Some(2));
    assert_eq!(log.len(), 3);
}
