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

#[test]
fn digests_are_believed_from_a_cache_only_if_asked_and_the_verdict_says_how_many() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    // A large file that nobody has touched for longer than a moment; signed is a copy of it.
    let program = env!("CARGO_BIN_EXE_tallymark");
    std::fs::create_dir(desk.path("copy")).expect("mkdir");
    std::fs::copy(program, desk.path("copy/tallymark")).expect("copy");
    let mut args = sign(&log, &[]);
    (args[1], args[3]) = ("copy/tallymark", "acme/tool:1");
    desk.succeed(&args);
    let verify = ["verify", program, "--bundle", "copy/tallymark.tallymark.jsonl", "--trust", "trust.toml"];
    let cached = [&verify[..], &["--trust-cache", "cache/hashes"]].concat();
    let told = |args: &[&str]| {
        let seen = parsed(&desk.succeed(&[args, &["--json"]].concat()));
        let left = seen["not_checked"].as_array().expect("a list").contains(&"cached-digests".into());
        (seen["contents"]["cached"].clone(), left)
    };
    assert_eq!(told(&cached), (0.into(), false));
    assert_eq!(told(&cached), (1.into(), true));
    assert_eq!(told(&verify), (Value::Null, false));
    let out = desk.succeed(&cached);
    assert!(out.contains("all as signed; 1 by the cache of digests, not read"), "{out}");

    desk.write("cache/hashes", "no cache");
    let output = desk.run(&[&cached[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(parsed(&String::from_utf8_lossy(&output.stdout))["reason"], "cache-unusable");
}

/// A pickle in the desk's model, and a trust file with a rule about formats and with `key` as another person who may do this.
fn guarded(may: &str) -> (Desk, TestLog) {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    std::fs::remove_file(desk.path("model/weights/a.safetensors")).expect("remove");
    desk.write("model/model.pkl", "cos\nsystem\n(S'echo'\ntR.");
    let key = desk.succeed(&["keygen", "--key", "ann.pem", "--unencrypted", "--name", "acme/*"]);
    let trust = std::fs::read_to_string(desk.path("trust.toml")).expect("readable");
    let rule = "[[require]]\nname = \"acme/*\"\nformats = \"strict\"\n";
    desk.write("trust.toml", &format!("{trust}{key}{may}\n{rule}"));
    desk.succeed(&sign(&log, &[]));
    (desk, log)
}

#[test]
fn a_waiver_lets_one_file_pass_and_the_verdict_lists_it() {
    let (desk, log) = guarded("may = [\"waive\"]");
    let verify = ["verify", "model", "--trust", "trust.toml", "--at", "2026-11-28T00:00:00Z", "--json"];
    let seen = |status: i32| {
        let output = desk.run(&verify);
        assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stdout));
        parsed(&String::from_utf8_lossy(&output.stdout))
    };
    assert_eq!(seen(3)["reason"], "format-refused");
    let mut waive = vec!["waive", "model", "--as", "acme/churn:1", "--key", "ann.pem", "--log", log.url()];
    waive.extend(["--log-key", log.vkey(), "--file", "model/model.pkl", "--reason", "reviewed"]);
    waive.extend(["--finding", "pickle", "--expires", "2027-02-27T12:00:00Z"]);
    let out = desk.succeed(&[&waive[..], &["--finding", "pickle-global", "--dry-run"]].concat());
    assert!(
        out.contains("event waive") && out.contains("\"findings\":[\"pickle\",\"pickle-global\"]"),
        "{out}"
    );
    // One of two findings is not enough, and the second waiver makes it so.
    desk.succeed(&waive);
    assert_eq!(seen(3)["reason"], "format-refused");
    let at = waive.iter().position(|word| *word == "pickle").expect("a finding");
    waive[at] = "pickle-global";
    desk.succeed(&waive);
    let verdict = seen(0);
    let waived = verdict["waived"].as_array().expect("a list");
    let told: Vec<_> = waived.iter().map(|one| (&one["path"], &one["findings"], &one["until"])).collect();
    let (path, until) = (&"model.pkl".into(), &"2027-02-27T12:00:00Z".into());
    assert_eq!(told, [(path, &json!(["pickle"]), until), (path, &json!(["pickle-global"]), until)]);
    let text = desk.succeed(&verify[..6]);
    assert!(
        text.contains("  waived         model.pkl  pickle  until 2027-02-27T12:00:00Z  by key "),
        "{text}"
    );

    let mut late = verify;
    late[5] = "2027-02-28T00:00:00Z";
    let output = desk.run(&late);
    assert_eq!(parsed(&String::from_utf8_lossy(&output.stdout))["reason"], "waiver-expired");
}

#[test]
fn a_key_that_may_sign_everything_may_not_waive() {
    let (desk, log) = guarded("");
    let mut waive = vec!["waive", "model", "--as", "acme/churn:1", "--key", "ann.pem", "--log", log.url()];
    waive.extend(["--log-key", log.vkey(), "--reason", "reviewed", "--expires", "2027-02-27T12:00:00Z"]);
    desk.succeed(&[&waive[..], &["--finding", "pickle", "--finding", "pickle-global"]].concat());
    let output = desk.run(&["verify", "model", "--trust", "trust.toml", "--json"]);
    let seen = parsed(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(
        (&seen["reason"], &seen["notes"][0]["reason"]),
        (&"format-refused".into(), &"signer-unexpected".into())
    );
    let misspelt = [&waive[..], &["--finding", "pickel"]].concat();
    assert_eq!(desk.run(&misspelt).status.code(), Some(2));
}
