//! Nobody goes back unnoticed: what was verified is remembered, by one process at a time, and held against what comes later.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[expect(dead_code, reason = "the world of the cases, of which these tests use a part")]
#[path = "../examples/vectors/world.rs"]
mod world;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use verifier::{Memory, Reason};
use world::{File, INDEX, Log, bundle, entry, line, plain_trust, publisher, statement, weights};

/// A folder with models, each with its bundle file, and the trust file.
struct Desk {
    dir: tempfile::TempDir,
}

/// Entries of the log, as many as there are: a later state of the log has more.
fn log(labels: &[&str]) -> Log {
    let key = publisher();
    Log::holding(&labels.iter().map(|label| entry(&made(label), &key)).collect::<Vec<_>>())
}

fn model(label: &str) -> Vec<File> {
    vec![(
        "model.safetensors",
        weights(label.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))),
    )]
}

fn made(label: &str) -> Vec<u8> {
    statement(label, &model(label), vec![])
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(desk.path("trust.toml"), plain_trust()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts the model of `label` there, as it was published when the log held these.
    fn publish(&self, folder: &str, label: &str, log_holds: &[&str]) {
        let index = log_holds.iter().position(|one| *one == label).unwrap();
        let answer = log(log_holds).answer(INDEX + u64::try_from(index).unwrap());
        self.put(folder, label, &line(&bundle(&made(label), &publisher(), answer)));
    }

    fn put(&self, folder: &str, label: &str, bundle: &str) {
        let folder = self.path(folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (path, bytes) in model(label) {
            std::fs::write(folder.join(path), bytes).unwrap();
        }
        std::fs::write(folder.join("tallymark.jsonl"), bundle).unwrap();
    }

    fn command(&self, model: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
        command.current_dir(self.dir.path()).args([model, "--trust", "trust.toml", "--json"]).args(more);
        command.env_clear().env("HOME", self.path("home")).stdin(Stdio::null());
        command
    }

    fn verify(&self, model: &str, more: &[&str]) -> (Option<i32>, String) {
        answer(&self.command(model, more).output().unwrap())
    }

    /// As [`Self::verify`], remembering in `seen.json`.
    fn remember(&self, model: &str) -> (Option<i32>, String) {
        self.verify(model, &["--state", "seen.json"])
    }

    fn seen(&self) -> Vec<u8> {
        std::fs::read(self.path("seen.json")).unwrap()
    }
}

/// Exit status, and the reason if there is one.
fn answer(output: &Output) -> (Option<i32>, String) {
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.status.code(), report["reason"].as_str().unwrap_or_default().to_owned())
}

fn verified() -> (Option<i32>, String) {
    (Some(0), String::new())
}

fn refused(reason: Reason) -> (Option<i32>, String) {
    (Some(i32::from(reason.exit_code())), reason.to_string())
}

const OLD: &str = "acme/churn:1";
const NEW: &str = "acme/churn:2";

/// The old release and the new one, both as the log showed them when it held both.
fn two_releases() -> Desk {
    let desk = Desk::new();
    desk.publish("old", OLD, &[OLD, NEW]);
    desk.publish("new", NEW, &[OLD, NEW]);
    desk
}

#[test]
fn the_example_of_the_page_is_what_is_remembered_of_the_plain_model() {
    let (desk, testdata) =
        (Desk::new(), std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata"));
    let model = testdata.join("bundle/accept/plain/model");
    assert_eq!(desk.remember(model.to_str().unwrap()), verified());
    assert_eq!(desk.seen(), std::fs::read(testdata.join("memory/seen.json")).unwrap());
}

#[test]
fn a_release_before_one_that_was_verified_is_refused_and_changes_no_state() {
    let desk = two_releases();
    assert_eq!(desk.remember("old"), verified());
    assert_eq!(desk.remember("new"), verified());
    let seen = desk.seen();
    assert_eq!(desk.remember("old"), refused(Reason::ReleaseOlder));
    assert_eq!(desk.seen(), seen);
    // Verified again, the later one is what it was.
    assert_eq!(desk.remember("new"), verified());
    assert_eq!(desk.seen(), seen);
}

/// As it usually comes: the old bundle file is from before the new release.
#[test]
fn of_an_older_release_in_an_older_bundle_file_the_release_is_named() {
    let desk = Desk::new();
    desk.publish("old", OLD, &[OLD]);
    desk.publish("new", NEW, &[OLD, NEW]);
    assert_eq!(desk.remember("new"), verified());
    assert_eq!(desk.remember("old"), refused(Reason::ReleaseOlder));
}

#[test]
fn a_release_whose_version_is_named_may_be_older_and_takes_nothing_back() {
    let desk = two_releases();
    assert_eq!(desk.remember("new"), verified());
    let seen = desk.seen();
    assert_eq!(desk.verify("old", &["--state", "seen.json", "--version", "1"]), verified());
    assert_eq!(desk.seen(), seen);
    assert_eq!(desk.remember("old"), refused(Reason::ReleaseOlder));
}

#[test]
fn without_a_state_nothing_is_remembered() {
    let desk = two_releases();
    for model in ["new", "old"] {
        assert_eq!(desk.verify(model, &[]), verified());
    }
    assert!(!desk.path("home").exists());
}

#[test]
fn a_trust_file_that_wants_to_remember_does_so_in_the_users_state() {
    let desk = two_releases();
    std::fs::write(desk.path("trust.toml"), format!("remember = true\n{}", plain_trust())).unwrap();
    assert_eq!(desk.verify("new", &[]), verified());
    let file = desk.path("home/.local/state/tallymark/seen.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(file.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(desk.verify("old", &[]), refused(Reason::ReleaseOlder));
    assert_eq!(desk.verify("old", &["--no-state"]), verified());
    let mut homeless = desk.command("new", &[]);
    assert_eq!(answer(&homeless.env_remove("HOME").output().unwrap()), refused(Reason::MemoryUnreadable));
}

#[test]
fn a_bundle_file_older_than_the_last_one_of_that_name_is_not_decided() {
    let desk = two_releases();
    assert_eq!(desk.remember("new"), verified());
    // The log held both when the first file was made, and one more when this one was.
    desk.publish("later", NEW, &[OLD, NEW, "acme/other:1"]);
    assert_eq!(desk.remember("later"), verified());
    let seen = desk.seen();
    assert_eq!(desk.remember("new"), refused(Reason::CheckpointOlder));
    assert_eq!(desk.seen(), seen);
    // Of another name no later state was seen.
    desk.publish("other", "acme/first:1", &["acme/first:1"]);
    assert_eq!(desk.remember("other"), verified());
}

#[test]
fn a_log_that_signed_two_trees_of_one_size_is_found_out() {
    let desk = Desk::new();
    desk.publish("one", "acme/one:1", &["acme/one:1", "acme/two:1"]);
    desk.publish("two", "acme/two:1", &["acme/another:1", "acme/two:1"]);
    assert_eq!(desk.remember("one"), verified());
    let seen = desk.seen();
    assert_eq!(desk.remember("two"), refused(Reason::LogForked));
    assert_eq!(desk.seen(), seen);
}

#[test]
fn a_refusal_for_any_reason_leaves_the_state_as_it_was() {
    let desk = two_releases();
    desk.put("changed", NEW, &std::fs::read_to_string(desk.path("new/tallymark.jsonl")).unwrap());
    std::fs::write(desk.path("changed/model.safetensors"), "other bytes").unwrap();
    assert_eq!(desk.remember("changed").0, Some(1));
    assert!(!desk.path("seen.json").exists());
    assert_eq!(desk.remember("old"), verified());
    let seen = desk.seen();
    assert_eq!(desk.remember("changed").0, Some(1));
    assert_eq!(desk.seen(), seen);
}

#[test]
fn a_state_that_cannot_be_read_is_never_a_yes() {
    let desk = two_releases();
    assert_eq!(desk.remember("new"), verified());
    let seen = desk.seen();
    let half = &seen[..seen.len() / 2];
    for bytes in [half, b"", b"{}\n", b"{\"version\":1,\"logs\":[],\"releases\":[]}"] {
        std::fs::write(desk.path("seen.json"), bytes).unwrap();
        assert_eq!(desk.remember("new"), refused(Reason::MemoryUnreadable));
        assert_eq!(desk.seen(), bytes);
    }
    std::fs::remove_file(desk.path("seen.json")).unwrap();
    std::fs::create_dir(desk.path("seen.json")).unwrap();
    assert_eq!(desk.remember("new"), refused(Reason::MemoryUnreadable));
}

#[test]
fn on_a_full_disk_the_state_stays_and_the_answer_is_not_yes() {
    let desk = two_releases();
    assert_eq!(desk.remember("old"), verified());
    let seen = desk.seen();
    // No file may grow, and the program is told so and not killed for it.
    let full = |command: &Command| {
        let mut full = Command::new("sh");
        full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]).arg(command.get_program());
        full.args(command.get_args()).current_dir(desk.dir.path()).env_clear();
        answer(&full.output().unwrap())
    };
    let command = desk.command("new", &["--state", "seen.json"]);
    assert_eq!(full(&command), refused(Reason::MemoryUnwritten));
    assert_eq!(desk.seen(), seen);
    assert!(!desk.path("seen.json.new").exists());
    // What needs no writing needs no room.
    assert_eq!(full(&desk.command("old", &["--state", "seen.json"])), verified());
}

#[test]
fn what_a_crash_left_behind_is_no_obstacle() {
    let desk = two_releases();
    std::fs::write(desk.path("seen.json.new"), "half").unwrap();
    assert_eq!(desk.remember("old"), verified());
    assert!(Memory::parse(&desk.seen()).is_ok());
    assert!(!desk.path("seen.json.new").exists());
}

#[test]
fn many_processes_at_once_forget_nothing() {
    let desk = Desk::new();
    let labels: Vec<String> = (0..16).map(|n| format!("acme/m{n}:1")).collect();
    let holds: Vec<&str> = labels.iter().map(String::as_str).collect();
    for (n, label) in holds.iter().enumerate() {
        desk.publish(&format!("m{n}"), label, &holds);
    }
    let start = |n: usize| {
        let mut command = desk.command(&format!("m{n}"), &["--state", "seen.json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..holds.len()).map(start).collect();
    for child in running {
        assert_eq!(answer(&child.wait_with_output().unwrap()), verified());
    }
    let memory = Memory::parse(&desk.seen()).unwrap();
    for n in 0..holds.len() {
        let name = format!("acme/m{n}").parse().unwrap();
        let release = memory.release(&name, "log.example.org/models").expect("remembered");
        assert_eq!(release.index(), INDEX + u64::try_from(n).unwrap());
    }
}

#[test]
fn the_older_of_two_at_once_never_ends_as_the_newest() {
    let desk = two_releases();
    for _ in 0..8 {
        let start = |model: &str| {
            let mut command = desk.command(model, &["--state", "seen.json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let (old, new) = (start("old"), start("new"));
        let old = answer(&old.wait_with_output().unwrap());
        assert!(old == verified() || old == refused(Reason::ReleaseOlder), "{old:?}");
        assert_eq!(answer(&new.wait_with_output().unwrap()), verified());
        let memory = Memory::parse(&desk.seen()).unwrap();
        let release = memory.release(&"acme/churn".parse().unwrap(), "log.example.org/models").unwrap();
        assert_eq!(release.version().as_str(), "2");
        std::fs::remove_file(desk.path("seen.json")).unwrap();
    }
}
