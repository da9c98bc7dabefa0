//! Statements other than a provenance, from the command line to what a verifier shows.

mod datasets;
mod status;

use serde_json::Value;

use crate::log::TestLog;
use crate::{Desk, sign};

/// The arguments of an event about the desk's model.
fn event<'a>(verb: &'a str, log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![verb, "model", "--as", "acme/churn:1", "--key", "key.pem"];
    args.extend(["--log", log.url(), "--log-key", log.vkey()]);
    args.extend(more);
    args
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

/// What `verify --json` says, whatever its exit status.
fn verdict(desk: &Desk) -> Value {
    let output = desk.run(&["verify", "model", "--trust", "trust.toml", "--json"]);
    json(&String::from_utf8_lossy(&output.stdout))
}

#[test]
fn events_are_logged_and_shown_beside_a_verdict_that_they_do_not_change() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &[]));
    let provenance = verdict(&desk)["log"]["index"].clone();
    let evidence = json(&desk.succeed(&["inspect", "model", "--json"]))["content"][0]["statement"]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    desk.write("rules.md", "two people look at it\n");
    let more = ["--stage", "production", "--role", "risk", "--expires", "2027-05-21T12:00:00Z"];
    let more = [&more[..], &["--evidence", &evidence, "--policy", "rules.md"]].concat();
    let out = desk.succeed(&event("approve", &log, &more));
    assert!(out.contains("  event      approve\n  stage      production\n"), "{out}");
    assert_eq!(
        (&verdict(&desk)["verdict"], &verdict(&desk)["log"]["index"]),
        (&"verified".into(), &provenance)
    );
    let more = ["--reason", "poisoned-data", "--scope", "this-and-descendants"];
    desk.succeed(&event("revoke", &log, &more));

    let seen = verdict(&desk);
    assert_eq!((&seen["reason"], &seen["exit_code"]), (&"revoked".into(), &3.into()));
    assert_eq!(&seen["log"]["index"], &provenance);
    let [approval, revocation] = seen["custody"].as_array().expect("a list").as_slice() else {
        panic!("{seen}")
    };
    assert_eq!((&approval["line"], &approval["log_index"]), (&2.into(), &3.into()));
    assert_eq!(approval["event"]["evidence"], serde_json::json!([evidence]));
    assert_eq!(
        (&approval["event"]["kind"], &approval["event"]["adverse"]),
        (&"approve".into(), &false.into())
    );
    assert_eq!(revocation["event"]["reason_code"], "poisoned-data");
    assert_eq!(revocation["event"]["adverse"], true);
    let refused = desk.run(&["verify", "model", "--trust", "trust.toml"]);
    let text = String::from_utf8_lossy(&refused.stdout);
    assert!(text.contains("  revoke         poisoned-data  this-and-descendants  by key "), "{text}");
    assert!(!text.contains("AGAINST IT"), "the refusal names it already: {text}");
}

#[test]
fn an_event_alone_makes_no_model_signed() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&event("approve", &log, &[]));
    let seen = verdict(&desk);
    assert_eq!((&seen["reason"], &seen["exit_code"]), (&"provenance-missing".into(), &3.into()));
    assert_eq!(seen["custody"], serde_json::json!([]));
}

#[test]
fn an_event_of_an_untrusted_key_or_another_tree_is_a_note_and_nothing_more() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &[]));
    desk.succeed(&["keygen", "--key", "other.pem", "--unencrypted"]);
    let mut args = event("reject", &log, &[]);
    args[5] = "other.pem";
    desk.succeed(&args);
    let mut args = event("reject", &log, &["--out", "model/tallymark.jsonl"]);
    args[1] = "base";
    desk.succeed(&args);
    let mut args = event("approve", &log, &[]);
    args[3] = "acme/other:1";
    desk.succeed(&args);
    let seen = verdict(&desk);
    assert_eq!((&seen["verdict"], &seen["custody"]), (&"verified".into(), &serde_json::json!([])));
    let notes: Vec<_> =
        seen["notes"].as_array().expect("a list").iter().map(|note| &note["reason"]).collect();
    assert_eq!(notes, ["signer-unexpected", "subject-mismatch", "name-unexpected"]);
}

#[test]
fn every_kind_of_event_is_shown_before_it_is_signed() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let digest = "5a".repeat(32);
    let named = format!("sha256:{digest}");
    let kinds: [(&str, &[&str]); 8] = [
        ("approve", &[]),
        ("reject", &["--stage", "production"]),
        ("promote", &["--stage", "staging"]),
        ("transfer", &["--to", "key.pem.pub"]),
        ("deploy", &["--environment", "eu-west-1"]),
        ("supersede", &["--by", "base"]),
        ("revoke", &["--reason", "defect", "--scope", "this"]),
        ("reinstate", &["--event", &named]),
    ];
    let before = desk.contents();
    for (kind, more) in kinds {
        let out = desk.succeed(&event(kind, &log, &[more, &["--dry-run"]].concat()));
        assert!(
            out.contains("  kind       event\n") && out.contains(&format!("{{\"kind\":\"{kind}\"")),
            "{out}"
        );
        assert!(out.contains("what would be public:\n  log "), "{out}");
    }
    assert_eq!(desk.contents(), before);
    assert_eq!(log.len(), 2);
}

#[test]
fn an_event_about_a_digest_goes_to_a_file_of_its_own() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    let hashed = desk.succeed(&["hash", "model"]);
    let digest = hashed.split(' ').next().expect("a digest");
    let mut args = event("reject", &log, &[]);
    args[1] = digest;
    desk.refuse(&args, 2, "no-bundle-file");
    args.extend(["--out", "events.tallymark.jsonl"]);
    desk.succeed(&args);
    assert_eq!(desk.bundles("events.tallymark.jsonl").lines().len(), 1);
    // Whoever has the file can lay it beside the model.
    desk.succeed(&sign(&log, &[]));
    let lines = ["model/tallymark.jsonl", "events.tallymark.jsonl"]
        .map(|name| std::fs::read_to_string(desk.path(name)).expect("readable"));
    desk.write("model/tallymark.jsonl", &lines.concat());
    let seen = verdict(&desk);
    assert_eq!(
        (&seen["reason"], &seen["custody"][0]["event"]["kind"]),
        (&"rejected".into(), &"reject".into())
    );
}

#[test]
fn what_is_neither_path_nor_digest_is_refused() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let mut args = event("reject", &log, &[]);
    args[1] = "modell";
    desk.refuse(&args, 2, "neither-path-nor-digest");
    desk.refuse(&event("transfer", &log, &["--to", "data/x.csv"]), 2, "no-public-key");
    let text = "a".repeat(513);
    desk.refuse(&event("reject", &log, &["--text", &text]), 2, "event");
}

#[test]
fn a_pending_event_is_completed_later() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &[]));
    let args =
        ["promote", "model", "--as", "acme/churn:1", "--stage", "staging", "--key", "key.pem", "--pending"];
    desk.succeed(&args);
    assert_eq!(verdict(&desk)["notes"][0]["reason"], "not-logged");
    desk.succeed(&["submit", "model", "--log", log.url(), "--log-key", log.vkey()]);
    assert_eq!(verdict(&desk)["custody"][0]["event"]["kind"], "promote");
}

/// What the harness writes, as much of it as is read.
const HARNESS: &str = r#"{"results":{"arc_easy":{"alias":"arc_easy","acc,none":0.7600,"acc_stderr,none":0.0088,
    "acc_norm,none":0.71,"acc_norm_stderr,none":"N/A"}},"configs":{"arc_easy":{"task":"arc_easy","validation_split":
    "validation","test_split":"test"}},"versions":{"arc_easy":1.0},"lm_eval_version":"0.4.9"}"#;

#[test]
fn an_evaluation_keeps_the_text_of_its_numbers_and_says_what_it_was_tested_on() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&sign(&log, &[]));
    desk.write("results.json", HARNESS);
    let mut args = event("attest", &log, &["--data", "arc_easy=data", "--threshold", "acc,none>=0.760"]);
    args.splice(1..2, ["eval", "results.json", "--model", "model"]);
    let out = desk.succeed(&args);
    assert!(out.contains("arc_easy test acc,none = 0.7600 +- 0.0088, want >= 0.760: met"), "{out}");
    let seen = verdict(&desk);
    assert_eq!(seen["custody"][0]["evaluation"]["result"], "PASSED");
    let shown = json(&desk.succeed(&["inspect", "model", "--json"]))["content"][1]["statement"].clone();
    assert_eq!(shown["evaluation"]["tool"], "lm-evaluation-harness 0.4.9");
    assert_eq!(shown["inputs"][0]["role"], "dataset");
    assert_eq!(shown["evaluation"]["metrics"].as_array().expect("a list").len(), 2);

    desk.write("plain.json", "{\"auc\": 0.90999}\n");
    let mut args = event("attest", &log, &["--threshold", "auc>=0.91", "--result", "passed"]);
    args.splice(1..2, ["eval", "plain.json", "--model", "model"]);
    desk.refuse(&args, 3, "evaluation");
    args.truncate(args.len() - 2);
    assert!(desk.succeed(&args).contains("result     FAILED"));
    args.truncate(args.len() - 1);
    desk.refuse(&[&args[..], &["acc>=0.91"]].concat(), 2, "metric-unknown");
    desk.write("plain.json", "{\"auc\": NaN}\n");
    desk.refuse(&[&args[..], &["auc>=0.91"]].concat(), 3, "results-unread");
}

#[test]
fn a_transformed_model_has_its_parents_as_inputs_and_as_many_as_the_relation_wants() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.write("tuned/w.bin", "tuned");
    let transform = |relation: &'static str, more: &[&'static str]| {
        let mut args =
            vec!["attest", "transform", "--relation", relation, "--out", "model", "--as", "acme/churn:1"];
        args.extend(["--key", "key.pem", "--pending"]);
        args.extend(more);
        args
    };
    desk.refuse(&transform("merge", &["--parent", "base"]), 2, "parents");
    desk.refuse(&transform("quantize", &["--parent", "base", "--parent", "tuned"]), 2, "parents");
    desk.refuse(&transform("merge", &["--parent", "base", "--parent", "base=tuned"]), 2, "inputs");
    desk.succeed(&transform("merge", &["--parent", "base", "--parent", "other=tuned"]));
    let shown = json(&desk.succeed(&["inspect", "model", "--json"]))["content"][0]["statement"].clone();
    assert_eq!(shown["relation"], "merge");
    let inputs: Vec<_> =
        shown["inputs"].as_array().expect("a list").iter().map(|input| &input["name"]).collect();
    assert_eq!(inputs, ["base", "other"]);
}
