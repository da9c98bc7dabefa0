//! The whole loop with the real program against a small real log: keys, hashing, signing, submitting,
//! verifying; and a log that is down, slow or lying, after each of which the model's directory is as it was.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot set its scene fails by panicking")]

mod bom;
mod custody;
mod lineages;
mod log;
mod private_entry;
mod readme;
mod verdicts;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use attest::bundle::{BundleFile, LogEntry};
use serde_json::Value;

use crate::log::{Manner, TestLog};

/// A directory with a model, its inputs, a key, and nothing of the caller's environment.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        desk.write("model/config.json", "{}\n");
        desk.write("model/weights/a.safetensors", "not really weights");
        desk.write("data/x.csv", "x,y\n1,2\n");
        desk.write("base/base.bin", "base");
        desk.succeed(&["keygen", "--key", "key.pem", "--unencrypted", "--name", "acme/*"]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("inside the desk")).expect("mkdir");
        std::fs::write(path, text).expect("write");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
        command.current_dir(self.dir.path()).args(args).env_clear().stdin(std::process::Stdio::null());
        command.env("HOME", self.path("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    #[track_caller]
    fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?} exited {:?}: {err}", output.status.code());
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs with `--json`, expects this exit status and code, and gives the words of the error.
    #[track_caller]
    fn refuse(&self, args: &[&str], exit: i32, code: &str) -> String {
        let mut args = args.to_vec();
        args.push("--json");
        let output = self.run(&args);
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{args:?}: {out}{err}"));
        assert_eq!(value["error"]["code"], code, "{args:?}: {err}");
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {err}");
        assert_eq!(value["error"]["exit"], exit);
        assert!(err.contains("hint: "), "an error without a next step: {err}");
        err
    }

    /// Every path below the desk with its bytes.
    fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in dir.read_dir().expect("readable") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let bytes = std::fs::read(&path).expect("readable");
                    found.push((path, bytes));
                }
            }
        }
        found.sort();
        found
    }

    fn bundles(&self, name: &str) -> BundleFile {
        BundleFile::parse(&std::fs::read(self.path(name)).expect("a bundle file")).expect("well formed")
    }

    /// Writes a trust file for this log and the desk's key.
    fn trust(&self, log: &TestLog) {
        let spki = std::fs::read_to_string(self.path("key.pem.pub")).expect("a public key");
        let key = attest::key::PublicKey::from_pem(&spki).expect("a public key").to_base64();
        let policy = format!("log {} {}\\nquorum none\\n", log.vkey(), log.url());
        let publisher = format!("[[publisher]]\nname = \"acme/*\"\nkeys = [\"{key}\"]\n");
        self.write("trust.toml", &format!("version = 1\npolicy = \"{policy}\"\n{publisher}"));
    }
}

/// The arguments of an ordinary signature.
fn sign<'a>(log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    sign_with("key.pem", log, more)
}

fn sign_with<'a>(key: &'a str, log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    let mut args =
        vec!["sign", "model", "--as", "acme/churn:1", "--data", "train=data", "--base", "bert=base"];
    args.extend(["--key", key, "--log", log.url(), "--log-key", log.vkey()]);
    args.extend(more);
    args
}

fn is_logged(entry: Option<&LogEntry>) -> bool {
    entry.is_some_and(|entry| entry.proof().is_some())
}

#[test]
fn signed_and_logged_model_verifies_and_a_changed_one_does_not() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    let out = desk.succeed(&sign(&log, &["--json"]));
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&value["status"], &value["log"]["index"]), (&"logged".into(), &2.into()));
    assert_eq!(log.len(), 3);
    let file = desk.bundles("model/tallymark.jsonl");
    let [bundle] = file.bundles().collect::<Vec<_>>().try_into().expect("one line");
    assert_eq!(bundle.log_entry().expect("logged").entry_bytes(), log.entry(2));

    let verify = ["verify", "model", "--trust", "trust.toml", "--name", "acme/churn"];
    desk.succeed(&verify);
    desk.write("model/config.json", "{ }");
    let output = desk.run(&verify);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn what_keygen_prints_makes_a_trust_file_with_which_the_model_verifies() {
    let (desk, log) = (Desk::new(), TestLog::start());
    std::fs::remove_file(desk.path("key.pem")).expect("remove");
    std::fs::remove_file(desk.path("key.pem.pub")).expect("remove");
    let snippet = desk.succeed(&["keygen", "--key", "key.pem", "--unencrypted", "--name", "acme/**"]);
    let policy = format!("log {}\\nquorum none\\n", log.vkey());
    desk.write("tallymark.toml", &format!("version = 1\npolicy = \"{policy}\"\n{snippet}"));
    // The trust file is found in the working directory, for signing too.
    desk.succeed(&["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--log", log.url()]);
    desk.succeed(&["verify", "model"]);
}

#[test]
fn address_of_the_log_is_taken_from_the_policy() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.succeed(&["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--trust", "trust.toml"]);
    assert_eq!(log.len(), 3);
}

#[test]
fn encrypted_p256_key_signs_a_single_file() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.write("passphrase", "correct horse\n");
    let key = ["--key", "p256.pem", "--passphrase-file", "passphrase"];
    desk.succeed(&[&["keygen", "--algorithm", "p256"][..], &key].concat());
    let pem = std::fs::read_to_string(desk.path("p256.pem")).expect("a key");
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let args = [
        "sign",
        "model/weights/a.safetensors",
        "--as",
        "acme/a:1",
        "--log",
        log.url(),
        "--log-key",
        log.vkey(),
    ];
    desk.succeed(&[&args[..], &key].concat());
    let file = desk.bundles("model/weights/a.safetensors.tallymark.jsonl");
    assert!(file.bundles().all(|bundle| is_logged(bundle.log_entry())));

    desk.write("passphrase", "wrong\n");
    desk.refuse(&[&args[..], &key].concat(), 3, "key-unusable");
    desk.refuse(&[&args[..], &["--key", "p256.pem"]].concat(), 2, "no-passphrase");
}

#[test]
fn signing_again_does_nothing_and_asks_no_log() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &[]));
    let (before, requests) = (desk.contents(), log.requests());
    let out = desk.succeed(&sign(&log, &["--json"]));
    assert!(out.contains("\"status\":\"already-logged\""), "{out}");
    assert_eq!((desk.contents(), log.requests()), (before, requests));
}

#[test]
fn line_that_only_looks_like_ours_is_not_taken_for_it() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let bundles = desk.path("model/tallymark.jsonl");
    let logged = sign(&log, &[]);
    let unlogged: Vec<&str> = logged[..logged.len() - 4].iter().copied().chain(["--pending"]).collect();
    for (part, first, again, status) in [
        ("\"sig\":\"", &unlogged, &unlogged, "pending"),
        ("\"sig\":\"", &unlogged, &logged, "logged"),
        ("\"hashes\":[\"", &logged, &logged, "logged"),
    ] {
        desk.succeed(first);
        // The first character of the base64 of the signature, or of the log's proof.
        let mut text = std::fs::read_to_string(&bundles).expect("readable");
        let place = text.find(part).expect("written") + part.len();
        let other = if text[place..].starts_with('A') { "B" } else { "A" };
        text.replace_range(place..=place, other);
        std::fs::write(&bundles, &text).expect("write");

        let out = desk.succeed(&[&again[..], &["--json"]].concat());
        assert!(out.contains(&format!("\"status\":\"{status}\"")), "{out}");
        let both = std::fs::read_to_string(&bundles).expect("readable");
        assert!(both.starts_with(&text), "the line that was there was touched");
        assert_eq!(desk.bundles("model/tallymark.jsonl").lines().len(), 2);
        std::fs::remove_file(&bundles).expect("remove");
    }
}

#[test]
fn model_without_a_file_is_not_signed() {
    let desk = Desk::new();
    desk.write("nothing/.git/config", "");
    let before = desk.contents();
    desk.refuse(
        &["sign", "nothing", "--as", "acme/churn:1", "--key", "key.pem", "--pending"],
        2,
        "model-empty",
    );
    assert_eq!(desk.contents(), before);
}

#[test]
fn name_of_a_file_cannot_move_the_cursor_in_a_dry_run() {
    let desk = Desk::new();
    desk.write("model/a\u{9b}31m\u{202e}b", "x");
    let out = desk.succeed(&["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--dry-run"]);
    assert!(!out.contains(['\u{9b}', '\u{202e}']), "{out}");
}

#[test]
fn lost_bundle_is_made_again_from_the_same_entry() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &[]));
    let before = std::fs::read(desk.path("model/tallymark.jsonl")).expect("readable");
    std::fs::remove_file(desk.path("model/tallymark.jsonl")).expect("remove");
    desk.succeed(&sign(&log, &[]));
    assert_eq!(log.len(), 3, "the log saw a duplicate");
    assert_eq!(std::fs::read(desk.path("model/tallymark.jsonl")).expect("readable"), before);
}

#[test]
fn second_signer_adds_a_line_and_leaves_the_first() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &[]));
    let first = std::fs::read(desk.path("model/tallymark.jsonl")).expect("readable");
    desk.succeed(&["keygen", "--key", "other.pem", "--unencrypted"]);
    desk.succeed(&sign_with("other.pem", &log, &[]));
    let both = std::fs::read(desk.path("model/tallymark.jsonl")).expect("readable");
    assert!(both.starts_with(&first));
    assert_eq!(desk.bundles("model/tallymark.jsonl").lines().len(), 2);
}

#[test]
fn pending_line_is_completed_without_a_key() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let pending = ["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--pending"];
    let out = desk.succeed(&[&pending[..], &["--json"]].concat());
    assert!(out.contains("\"status\":\"pending\""), "{out}");
    assert!(!is_logged(
        desk.bundles("model/tallymark.jsonl").bundles().next().expect("a bundle").log_entry()
    ));
    let out = desk.succeed(&[&pending[..], &["--json"]].concat());
    assert!(out.contains("\"status\":\"already-pending\""), "{out}");
    assert_eq!(log.requests(), 0);

    std::fs::remove_file(desk.path("key.pem")).expect("remove");
    let submit = ["submit", "model", "--log", log.url(), "--log-key", log.vkey()];
    desk.succeed(&submit);
    let file = desk.bundles("model/tallymark.jsonl");
    assert_eq!(file.lines().len(), 1);
    assert!(is_logged(file.bundles().next().expect("a bundle").log_entry()));
    desk.refuse(&submit, 2, "nothing-pending");
}

#[test]
fn signing_what_is_pending_completes_its_line() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let same = ["sign", "model", "--as", "acme/churn:1", "--key", "key.pem"];
    desk.succeed(&[&same[..], &["--pending"]].concat());
    desk.succeed(&[&same[..], &["--log", log.url(), "--log-key", log.vkey()]].concat());
    let file = desk.bundles("model/tallymark.jsonl");
    assert_eq!(file.lines().len(), 1);
    assert!(is_logged(file.bundles().next().expect("a bundle").log_entry()));
}

#[test]
fn submit_refuses_a_model_that_changed_and_sends_nothing() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--pending"]);
    desk.write("model/config.json", "changed");
    let before = desk.contents();
    desk.refuse(&["submit", "model", "--log", log.url(), "--log-key", log.vkey()], 1, "model-changed");
    assert_eq!((desk.contents(), log.requests()), (before, 0));
}

#[test]
fn pending_line_with_another_entry_is_not_sent() {
    let (desk, log) = (Desk::new(), TestLog::start());
    for name in ["acme/one:1", "acme/two:1"] {
        desk.succeed(&["sign", "model", "--as", name, "--key", "key.pem", "--pending"]);
    }
    let file = desk.bundles("model/tallymark.jsonl");
    let [one, two] = file.bundles().cloned().collect::<Vec<_>>().try_into().expect("two lines");
    let mixed = one.with_log_entry(two.log_entry().expect("pending").clone());
    let file = BundleFile::of(mixed).expect("a file");
    std::fs::write(desk.path("model/tallymark.jsonl"), file.to_bytes()).expect("write");
    let before = desk.contents();
    let submit = ["submit", "model", "--log", log.url(), "--log-key", log.vkey()];
    desk.refuse(&submit, 1, "pending-unsound");
    assert_eq!((desk.contents(), log.requests()), (before, 0));
}

#[test]
fn every_pending_line_is_completed_and_one_that_fails_leaves_the_others_done() {
    let (desk, log) = (Desk::new(), TestLog::start());
    for name in ["acme/one:1", "acme/two:1"] {
        desk.succeed(&["sign", "model", "--as", name, "--key", "key.pem", "--pending"]);
    }
    log.behave(&[Manner::Honest, Manner::Garbage]);
    let submit = ["submit", "model", "--log", log.url(), "--log-key", log.vkey()];
    let output = desk.run(&submit);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("acme/one:1"));
    let done = |desk: &Desk| -> Vec<bool> {
        desk.bundles("model/tallymark.jsonl").bundles().map(|bundle| is_logged(bundle.log_entry())).collect()
    };
    assert_eq!(done(&desk), [true, false]);
    log.behave(&[Manner::Honest]);
    desk.succeed(&submit);
    assert_eq!(done(&desk), [true, true]);
}

#[test]
fn every_lie_of_a_log_is_refused_and_nothing_is_written() {
    let cases = [
        (Manner::Garbage, 1, "log-answer-malformed"),
        (Manner::OtherEntry, 1, "log-answer-other-entry"),
        (Manner::OtherProof, 1, "log-answer-not-verified"),
        (Manner::ForeignCheckpoint, 1, "log-answer-malformed"),
        (Manner::OtherTree, 1, "log-answer-not-verified"),
        (Manner::OtherIndex, 1, "log-answer-not-verified"),
        (Manner::Oversized, 1, "log-answer-too-large"),
        (Manner::Refusing, 3, "log-refused"),
        (Manner::NotALog, 4, "not-a-log"),
        (Manner::Redirecting, 4, "not-a-log"),
    ];
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&["sign", "model", "--as", "acme/first:1", "--key", "key.pem", "--pending"]);
    let before = desk.contents();
    for (manner, exit, code) in cases {
        log.behave(&[manner]);
        let words = desk.refuse(&sign(&log, &[]), exit, code);
        assert!(!words.contains('\x1b'), "{manner:?}: the log moved the cursor: {words}");
        assert!(!words.contains("\nhint: run this"), "{manner:?}: the log gave a hint: {words}");
        assert!(desk.contents() == before, "{manner:?} left something behind");
        let submit = ["submit", "model", "--log", log.url(), "--log-key", log.vkey()];
        desk.refuse(&submit, exit, code);
        assert!(desk.contents() == before, "{manner:?} changed the pending line");
    }
}

#[test]
fn search_prints_what_is_proven_page_after_page() {
    let (desk, log) = (Desk::new(), TestLog::start());
    for (name, data) in
        [("acme/churn:1", "a"), ("acme/other:1", "b"), ("acme/churn:2", "c"), ("acme/churn:3", "d")]
    {
        desk.write("model/config.json", data);
        desk.succeed(&[
            "sign",
            "model",
            "--as",
            name,
            "--key",
            "key.pem",
            "--log",
            log.url(),
            "--log-key",
            log.vkey(),
        ]);
        std::fs::remove_file(desk.path("model/tallymark.jsonl")).expect("a bundle");
    }
    let ask = ["search", "name=acme/churn", "--log", log.url(), "--log-key", log.vkey()];
    let out = desk.succeed(&ask);
    let heads: Vec<_> = out.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(heads, ["#5 acme/churn:3", "#4 acme/churn:2", "#2 acme/churn:1"], "{out}");
    let out = desk.succeed(&[&ask[..], &["--limit", "1", "--json"]].concat());
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!((&value["entries"][0]["index"], &value["verified"]), (&Value::from(5), &Value::from(true)));
    assert!(value["complete"].is_null(), "nobody can say that it is complete");
    assert_eq!(value["more"], true);
    let all = desk.succeed(&[&ask[..], &["--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&all).expect("JSON")["more"], false);
    assert_eq!(desk.succeed(&["search", "name=acme/none", "--log", log.url(), "--log-key", log.vkey()]), "");
}

#[test]
fn every_lie_about_a_search_is_refused() {
    let (desk, log) = (Desk::new(), TestLog::start());
    for (name, data) in [("acme/other:1", "b"), ("acme/churn:1", "a"), ("acme/churn:2", "c")] {
        desk.write("model/config.json", data);
        desk.succeed(&[
            "sign",
            "model",
            "--as",
            name,
            "--key",
            "key.pem",
            "--log",
            log.url(),
            "--log-key",
            log.vkey(),
        ]);
        std::fs::remove_file(desk.path("model/tallymark.jsonl")).expect("a bundle");
    }
    let ask = ["search", "name=acme/churn", "--log", log.url(), "--log-key", log.vkey()];
    for (manner, exit, code) in [
        (Manner::Garbage, 1, "log-answer-malformed"),
        (Manner::OtherEntry, 1, "log-answer-not-verified"),
        (Manner::OtherProof, 1, "log-answer-not-verified"),
        (Manner::OtherIndex, 1, "log-answer-not-verified"),
        (Manner::OtherTree, 1, "log-answer-not-verified"),
        (Manner::ForeignCheckpoint, 1, "log-answer-not-verified"),
        (Manner::Refusing, 3, "log-refused"),
        (Manner::NotALog, 4, "not-a-log"),
    ] {
        log.behave(&[manner]);
        desk.refuse(&ask, exit, code);
    }
    log.behave(&[Manner::Honest]);
    let (url, foreign) = (log.url().to_owned(), log.foreign_vkey());
    desk.refuse(
        &["search", "name=acme/churn", "--log", &url, "--log-key", &foreign],
        1,
        "log-answer-not-verified",
    );
}

#[test]
fn answer_signed_by_another_key_than_the_one_named_is_refused() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let before = desk.contents();
    let foreign = log.foreign_vkey();
    let args = [
        "sign",
        "model",
        "--as",
        "acme/churn:1",
        "--key",
        "key.pem",
        "--log",
        log.url(),
        "--log-key",
        &foreign,
    ];
    let words = desk.refuse(&args, 1, "log-answer-not-verified");
    assert!(words.contains("checkpoint-signature-invalid"), "{words}");
    assert_eq!(desk.contents(), before);
}

#[test]
fn log_that_is_down_is_named_and_nothing_is_written() {
    let (desk, log) = (Desk::new(), TestLog::start());
    // A port that was free a moment ago: bound, looked at and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let before = desk.contents();
    let args =
        ["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--log", &url, "--log-key", log.vkey()];
    let words = desk.refuse(&args, 4, "log-unreachable");
    assert!(words.contains(&url) && words.contains("--pending"), "{words}");
    assert_eq!(desk.contents(), before);
}

#[test]
fn log_that_never_answers_is_given_up_in_time() {
    let (desk, log) = (Desk::new(), TestLog::start());
    log.behave(&[Manner::Silent]);
    let (before, start) = (desk.contents(), std::time::Instant::now());
    desk.refuse(&sign(&log, &["--timeout", "1"]), 4, "log-timed-out");
    assert!(start.elapsed() < std::time::Duration::from_millis(2500), "{:?}", start.elapsed());
    assert_eq!(desk.contents(), before);
}

#[test]
fn busy_or_broken_off_log_is_asked_again_a_few_times() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let before = desk.contents();
    log.behave(&[Manner::Busy]);
    desk.refuse(&sign(&log, &[]), 4, "log-busy");
    assert_eq!(log.requests(), 4);
    assert_eq!(desk.contents(), before);
    log.behave(&[Manner::Busy, Manner::Cut, Manner::Honest]);
    desk.succeed(&sign(&log, &[]));
    assert_eq!((log.requests(), log.len()), (7, 3));
}

#[test]
fn log_that_asks_for_a_moment_gets_it_and_one_that_asks_for_an_hour_does_not() {
    let (desk, log) = (Desk::new(), TestLog::start());
    log.behave(&[Manner::MuchLater]);
    let start = std::time::Instant::now();
    desk.refuse(&sign(&log, &[]), 4, "log-busy");
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
    assert_eq!(log.requests(), 1);
    log.behave(&[Manner::Later, Manner::Honest]);
    desk.succeed(&sign(&log, &[]));
    assert_eq!(log.requests(), 3);
}

#[test]
fn guarded_log_is_shown_the_token_from_a_file_and_refusals_have_a_next_step() {
    let (desk, log) = (Desk::new(), TestLog::start());
    log.behave(&[Manner::Guarded]);
    desk.refuse(&sign(&log, &[]), 3, "log-not-admitted");
    desk.write("token", &format!("{}\n", log::TOKEN));
    log.behave(&[Manner::OtherPublishers]);
    desk.refuse(&sign(&log, &["--token-file", "token"]), 3, "log-not-admitted");
    desk.write("unfit", "two words\n");
    desk.refuse(&sign(&log, &["--token-file", "unfit"]), 2, "token-unfit");
    log.behave(&[Manner::Guarded]);
    desk.succeed(&sign(&log, &["--token-file", "token"]));
}

#[test]
fn token_never_leaves_the_machine_unencrypted() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.write("token", &format!("{}\n", log::TOKEN));
    let mut args = sign(&log, &["--token-file", "token"]);
    let at = args.iter().position(|arg| arg.starts_with("http://")).expect("an address");
    args[at] = "http://192.0.2.1:9";
    desk.refuse(&args, 2, "token-in-clear");
}

#[test]
fn what_a_run_opened_is_listed_and_an_input_that_it_never_opened_is_told() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let script = "cat data/x.csv > out/weights.bin; cat 'quoted \"é\".txt' >> out/weights.bin; rm scratch";
    desk.write("quoted \"é\".txt", "odd");
    desk.write("scratch", "");
    let script = format!("cat < scratch; {script}");
    let mut run =
        vec!["run", "--out", "out", "--as", "acme/churn:1", "--data", "train=data", "--base", "bert=base"];
    // A trust file must not lie in the model, whose directory is not there yet.
    desk.trust(&log);
    run.extend(["--read-set", "read.jsonl", "--key", "key.pem", "--log", log.url(), "--trust", "trust.toml"]);
    run.extend(["--", "sh", "-c", &script]);
    let blind = desk.command(&run).env("PATH", desk.path("nowhere")).output().expect("starts");
    assert_eq!(blind.status.code(), Some(2), "{blind:?}");
    assert!(String::from_utf8_lossy(&blind.stderr).contains("strace cannot be started"), "{blind:?}");
    let mut keyless = run.clone();
    keyless[run.iter().position(|word| *word == "key.pem").expect("a key")] = "no.pem";
    assert_eq!(desk.run(&keyless).status.code(), Some(2));
    assert!(!desk.path("out").exists());
    if Command::new("strace").arg("--version").output().is_err() {
        println!("skipped: no strace");
        return;
    }
    let output = desk.run(&run);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("the program opened no file of base-model bert"), "{told}");
    assert!(!told.contains("no file of dataset"), "{told}");

    let list = std::fs::read_to_string(desk.path("read.jsonl")).expect("a list");
    let files: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let file = |name: &str| {
        let path = desk.path(name).canonicalize().unwrap_or_else(|_| desk.path(name));
        files.iter().find(|file| file["path"] == path.to_str().expect("text")).cloned()
    };
    let digest = attest::digest::Sha256Digest::of(b"x,y\n1,2\n").to_string();
    assert_eq!(file("data/x.csv").expect("opened")["sha256"], digest);
    assert_eq!(file("quoted \"é\".txt").expect("opened")["bytes"], 3);
    assert_eq!(file("scratch").expect("opened")["gone"], true);
    assert!(file("base/base.bin").is_none() && file("out/weights.bin").is_none(), "{list}");
    let shown = desk.bundles("out/tallymark.jsonl");
    let bundle = shown.bundles().next().expect("a line");
    let statement = attest::statement::Statement::parse(bundle.envelope().payload()).expect("a statement");
    let run = statement.provenance().expect("provenance").run();
    let listed = run.byproducts().iter().find(|one| one.name().as_str() == "read-set").expect("listed");
    assert_eq!(listed.digest(), attest::digest::Sha256Digest::of(list.as_bytes()));
    let opened = |about: &str| {
        let fact = run.facts().iter().find(|fact| fact.about() == about && fact.key() == "files-opened");
        fact.map(|fact| fact.value().to_owned()).expect("a fact")
    };
    assert_eq!((opened("train").as_str(), opened("bert").as_str()), ("1 of 1", "0 of 1"));
}

/// Runs `diff --json`, expects this exit status, and gives what differs, as `what name`.
#[track_caller]
fn differing(desk: &Desk, args: &[&str], exit: i32) -> Vec<String> {
    let output = desk.run(&[&["diff"], args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let list = value["differences"].as_array().expect("a list");
    list.iter().map(|one| format!("{} {}", one["what"], one["name"]).replace('"', "")).collect()
}

#[test]
fn each_input_that_was_changed_is_named_and_nothing_else() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(desk.path("code")).args(["-c", "user.name=n", "-c", "user.email=e@example.org"]);
        assert!(git.args(args).env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git").status.success());
    };
    desk.write("code/train.py", "train()\n");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    desk.succeed(&sign(&log, &["--code", "code"]));
    let all = ["model", "--data", "train=data", "--base", "bert=base", "--code", "code"];
    assert_eq!(differing(&desk, &all, 0), [""; 0]);
    let unseen = desk.run(&["diff", "model"]);
    assert!(String::from_utf8_lossy(&unseen.stderr).contains("not compared: dataset train"), "{unseen:?}");
    for (path, text, named) in [
        ("model/config.json", "{}", &["file config.json"][..]),
        ("model/new.py", "import os", &["file new.py"]),
        ("data/x.csv", "x,y\n1,3\n", &["dataset train"]),
        ("base/base.bin", "bass", &["base-model bert"]),
        ("code/train.py", "other()\n", &["code code", "work-tree code"]),
    ] {
        let before = std::fs::read_to_string(desk.path(path)).ok();
        desk.write(path, text);
        assert_eq!(differing(&desk, &all, 1), named, "{path}");
        match before {
            Some(before) => desk.write(path, &before),
            None => std::fs::remove_file(desk.path(path)).expect("remove"),
        }
    }
    desk.write("code/train.py", "other()\n");
    git(&["commit", "-qam", "two"]);
    assert_eq!(differing(&desk, &all, 1), ["code code", "commit code"]);
    desk.refuse(&["diff", "base"], 3, "no-provenance");
    desk.refuse(&["diff", "model", "--data", "other=data"], 2, "input-not-named");
}

#[test]
fn two_signed_models_are_compared_in_all_that_was_said_of_them() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &[]));
    desk.write("model2/config.json", "{}\n");
    desk.write("model2/weights/a.safetensors", "other weights");
    desk.write("data/x.csv", "x,y\n1,3\n");
    let second = ["sign", "model2", "--as", "acme/churn:2", "--data", "train=data", "--data", "more=base"];
    let to = ["--key", "key.pem", "--log", log.url(), "--log-key", log.vkey()];
    desk.succeed(&[&second[..], &to].concat());
    let named = [
        "version",
        "relation",
        "file weights/a.safetensors",
        "base-model bert",
        "dataset more",
        "dataset train",
    ];
    let seen = differing(&desk, &["model", "model2"], 1);
    assert_eq!(seen.iter().map(|name| name.trim_end()).collect::<Vec<_>>(), named);
    assert_eq!(differing(&desk, &["model", "model"], 0), [""; 0]);
    let text = String::from_utf8(desk.run(&["diff", "model", "model2"]).stdout).expect("text");
    assert!(text.starts_with("UNVERIFIED"), "{text}");
    assert!(text.contains("dataset more\n  first  not there\n  second "), "{text}");
}

#[test]
fn digests_come_from_a_cache_only_if_asked_and_the_statement_says_how_many() {
    let desk = Desk::new();
    // A large file that nobody has touched for longer than a moment.
    let program = format!("program={}", env!("CARGO_BIN_EXE_tallymark"));
    let dry = ["sign", "model", "--as", "acme/churn:1", "--data", &program, "--key", "key.pem", "--dry-run"];
    let plain = desk.succeed(&dry);
    let cached = [&dry[..], &["--hash-cache", "cache/hashes"]].concat();
    let first = desk.succeed(&cached);
    let second = desk.succeed(&cached);
    assert_eq!(first, plain);
    assert!(second.contains("\"key\":\"digests-from-cache\",\"value\":\"1 of 1\""), "{second}");
    assert_eq!(desk.succeed(&dry), plain);

    let (_, path) = program.split_once('=').expect("name=path");
    let output = desk.run(&["hash", path, "--hash-cache", "cache/hashes"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of the digests"), "{output:?}");
    desk.write("cache/hashes", "no cache");
    let args = ["hash", "model", "--hash-cache", "cache/hashes"];
    desk.refuse(&args, 3, "hash-cache-damaged");
    std::fs::write(desk.path("cache/open"), "").expect("write");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(desk.path("cache/open"), open).expect("chmod");
    desk.refuse(&["hash", "model", "--hash-cache", "cache/open"], 3, "hash-cache-open-to-others");
    desk.refuse(&["hash", "model", "--hash-cache", "cache"], 3, "hash-cache-open-to-others");
}

#[test]
fn dry_run_shows_the_entry_and_the_statement_and_does_nothing() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let before = desk.contents();
    let args =
        ["sign", "model", "--as", "acme/churn:1", "--data", "train=data", "--key", "key.pem", "--dry-run"];
    // A dry run is the real command line with one word more.
    desk.succeed(&sign(&log, &["--dry-run"]));
    assert_eq!(log.requests(), 0);
    let text = desk.succeed(&args);
    for wanted in
        ["what would be public:", "name       acme/churn", "input      dataset", "\"relation\":\"pretrain\""]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let value: Value = serde_json::from_str(&desk.succeed(&[&args[..], &["--json"]].concat())).expect("JSON");
    assert_eq!(desk.contents(), before);

    // What it showed is what is then logged.
    let mut real = sign(&log, &[]);
    real.retain(|arg| !matches!(*arg, "--base" | "bert=base"));
    desk.succeed(&real);
    let entry = attest::entry::Entry::parse(&log.entry(2)).expect("an entry");
    assert_eq!(value["entry"]["statement_digest"], entry.payload().statement().to_string());
}

#[test]
fn model_and_input_inside_one_another_are_refused() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let before = desk.contents();
    let with = |more: [&str; 2]| {
        let args = ["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--pending"];
        [&args[..], &more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (more, code) in [
        (["--data", "x=model/weights"], "input-inside-model"),
        (["--data", "x=model"], "input-inside-model"),
        (["--data", "x=."], "model-inside-input"),
        (["--base", "x=model/../"], "model-inside-input"),
    ] {
        let args = with(more);
        desk.refuse(&args.iter().map(String::as_str).collect::<Vec<_>>(), 2, code);
    }
    assert_eq!((desk.contents(), log.requests()), (before, 0));
}

#[test]
fn code_is_bound_by_commit_and_tree_and_may_hold_an_ignored_model() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let git = |args: &[&str]| {
        let fixed = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-C", "."];
        let mut command = Command::new("git");
        command.current_dir(desk.dir.path()).args(fixed).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(command.output().expect("git").status.success(), "git {args:?}");
    };
    git(&["init", "-q", "."]);
    desk.write("train.py", "print()\n");
    desk.write(".gitignore", "*\n!train.py\n!.gitignore\n");
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    // What the caller's shell says to git is not what we ask it.
    let output =
        desk.command(&sign(&log, &["--code", "."])).env("GIT_DIR", "/nonexistent").output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    let code = out.lines().find(|line| line.contains("input      code")).expect("an input with role code");
    assert!(code.contains("sha256:"), "{code}");

    // Not ignored any more: the model's own files would be code.
    desk.write(".gitignore", "");
    desk.refuse(&sign(&log, &["--code", "."]), 2, "model-inside-code");
}

#[test]
fn key_that_others_may_read_signs_nothing() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let path = desk.path("key.pem");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("chmod");
    let words = desk.refuse(&sign(&log, &[]), 3, "key-readable-by-others");
    assert!(words.contains("chmod 600 key.pem"), "{words}");
    assert_eq!(log.requests(), 0);
}

#[test]
fn keygen_overwrites_nothing() {
    let desk = Desk::new();
    let before = desk.contents();
    desk.refuse(&["keygen", "--key", "key.pem", "--unencrypted"], 3, "key-exists");
    assert_eq!(desk.contents(), before);
}

#[test]
fn default_key_lies_in_the_data_directory_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    desk.succeed(&["keygen", "--unencrypted"]);
    let dir = desk.path("home/.local/share/tallymark");
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("key.pem"))), (0o700, 0o600));
}

#[test]
fn inspect_shows_each_kind_and_says_that_it_checked_nothing() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.succeed(&sign(&log, &[]));
    std::fs::write(desk.path("entry"), log.entry(2)).expect("write");
    let file = desk.bundles("model/tallymark.jsonl");
    let answer = file.bundles().next().expect("a bundle").log_entry().expect("logged");
    let proof = answer.proof().expect("logged");
    std::fs::write(desk.path("answer"), answer.to_json()).expect("write");
    std::fs::write(desk.path("checkpoint"), proof.checkpoint().as_bytes()).expect("write");
    std::fs::write(desk.path("proof"), proof.to_bytes()).expect("write");
    desk.write("vkey", &format!("{}\n", log.vkey()));
    for (path, kind) in [
        ("model", "bundles"),
        ("model/tallymark.jsonl", "bundles"),
        ("entry", "entry"),
        ("answer", "log-answer"),
        ("checkpoint", "checkpoint"),
        ("proof", "proof"),
        ("key.pem.pub", "public-key"),
        ("vkey", "vkey"),
    ] {
        let text = desk.succeed(&["inspect", path]);
        assert!(text.starts_with("UNVERIFIED"), "{path}: {text}");
        let value: Value = serde_json::from_str(&desk.succeed(&["inspect", path, "--json"])).expect("JSON");
        assert_eq!((&value["kind"], &value["verified"]), (&kind.into(), &false.into()), "{path}");
    }
    desk.refuse(&["inspect", "key.pem"], 3, "private-key");
    desk.refuse(&["inspect", "base"], 2, "bundle-missing");
    desk.refuse(&["inspect", "base/base.bin"], 2, "unknown-kind");
    desk.write("torn", "{\"mediaType\":");
    desk.refuse(&["inspect", "torn"], 1, "malformed");
}

#[test]
fn flag_wins_over_its_variable_and_a_variable_forbids_no_flag() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let mut command =
        desk.command(&["sign", "model", "--as", "acme/churn:1", "--key", "key.pem", "--pending"]);
    let output =
        command.env("TALLYMARK_LOG", log.url()).env("TALLYMARK_KEY", "none.pem").output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(log.requests(), 0);
}

#[test]
fn variable_does_not_undo_the_flag_that_excludes_it() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.write("passphrase", "correct horse\n");
    let run = |args: &[&str], variable: (&str, &str)| {
        let output = desk.command(args).env(variable.0, variable.1).output().expect("runs");
        assert!(output.status.success(), "{variable:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let keygen = ["keygen", "--key", "new.pem", "--passphrase-file", "passphrase"];
    run(&keygen, ("TALLYMARK_UNENCRYPTED", "true"));
    let pem = std::fs::read_to_string(desk.path("new.pem")).expect("a key");
    assert!(pem.contains("ENCRYPTED"), "a passphrase was given, and the key is in clear");

    let args = ["sign", "model", "--key", "key.pem", "--trust", "trust.toml"];
    let log_key = ("TALLYMARK_LOG_KEY", "nonsense");
    run(&[&args[..], &["--as", "acme/one:1"]].concat(), log_key);
    let pending = ("TALLYMARK_PENDING", "true");
    run(&[&args[..], &["--as", "acme/two:1", "--log", log.url()]].concat(), pending);
    assert_eq!(log.len(), 4);
    run(&["verify", "model", "--trust", "trust.toml", "--json"], ("TALLYMARK_QUIET", "true"));
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let desk = Desk::new();
    desk.succeed(&["man", "pages"]);
    let page = std::fs::read_to_string(desk.path("pages/tallymark-sign.1")).expect("a page");
    assert!(page.contains("tallymark\\-sign") && page.contains("\\-\\-pending"), "{page}");
    assert!(desk.path("pages/tallymark.1").exists());
}

#[test]
fn hash_is_the_digest_that_is_signed() {
    let (desk, log) = (Desk::new(), TestLog::start());
    let line = desk.succeed(&["hash", "model"]);
    let (digest, path) = line.trim_end().split_once("  ").expect("digest, two spaces, path");
    assert_eq!(path, "model");
    let value: Value = serde_json::from_str(&desk.succeed(&sign(&log, &["--json"]))).expect("JSON");
    assert_eq!(value["statement"]["tree_digest"], digest);
    // The bundle that now lies there is no part of the model.
    assert_eq!(desk.succeed(&["hash", "model"]), line);
}
