//! `tallymark verify --partial`: a directory in which not every file is.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// A copy of the model of a case, and what is trusted.
struct Download(tempfile::TempDir);

impl Download {
    fn of(case: &str) -> Self {
        let download = Self(tempfile::tempdir().unwrap());
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle").join(case);
        copy(&case.join("model"), &download.path("churn"));
        fs::copy(case.join("trust.toml"), download.path("tallymark.toml")).unwrap();
        download
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path("churn").join(name)).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
        command.current_dir(self.0.path()).env_clear().args(["verify", "churn"]).args(words);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Exit code, verdict, reason, and what is missing.
    fn judged(&self) -> (i32, Value, Value, Value) {
        let output = self.command(&["--partial", "--json"]).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_ne!(said["verdict"], "verified");
        let missing = said["contents"]["missing"].clone();
        (output.status.code().unwrap(), said["verdict"].clone(), said["reason"].clone(), missing)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.path().is_dir() {
            copy(&file.path(), &to.join(file.file_name()));
        } else {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

const WEIGHTS: &str = "model.safetensors";

#[test]
fn what_is_here_is_held_against_what_was_signed_and_the_rest_is_listed() {
    let download = Download::of("accept/plain");
    download.remove(WEIGHTS);
    assert_eq!(download.judged(), (0, "partial".into(), Value::Null, json!([WEIGHTS])));
    let output = download.command(&["--partial"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("2 of 3 files are here, as they were signed"), "{text}");
    assert!(text.contains("  PARTIAL\n  not here  model.safetensors\n"), "{text}");
    assert!(!text.contains("VERIFIED"), "{text}");
    // Who does not ask for a part gets none.
    assert_eq!(download.command(&[]).output().unwrap().status.code(), Some(1));
}

#[test]
fn a_single_file_is_whole_or_it_is_not() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/single-file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
    command.current_dir(case).env_clear();
    command.args(["verify", "churn.safetensors", "--partial", "--json", "--trust", "trust.toml"]);
    let said: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(said["verdict"], "verified");
}

#[test]
fn a_whole_model_is_a_part_of_which_nothing_is_missing() {
    assert_eq!(Download::of("accept/plain").judged(), (0, "partial".into(), Value::Null, json!([])));
}

#[test]
fn a_file_that_changed_or_that_nobody_signed_is_refused_and_a_missing_one_is_not_named_for_it() {
    let download = Download::of("accept/plain");
    download.remove(WEIGHTS);
    let config = download.path("churn/config.json");
    let good = fs::read(&config).unwrap();
    fs::write(&config, "{}").unwrap();
    let (code, _, reason, _) = download.judged();
    assert_eq!((code, reason), (1, "file-changed".into()));
    fs::write(&config, good).unwrap();
    fs::write(download.path("churn/modeling.py"), "import os").unwrap();
    let (code, _, reason, _) = download.judged();
    assert_eq!((code, reason), (1, "file-unexpected".into()));
}

#[test]
fn nothing_is_no_part_and_a_tree_digest_alone_says_nothing_of_one() {
    let download = Download::of("accept/plain");
    for name in [WEIGHTS, "config.json", "tokenizer/vocab.txt"] {
        download.remove(name);
    }
    assert_eq!(download.judged().0, 1);
    let download = Download::of("accept/without-file-subjects");
    download.remove(WEIGHTS);
    let (code, _, reason, _) = download.judged();
    assert_eq!((code, reason), (1, "subject-mismatch".into()));
}

#[test]
fn all_other_demands_are_those_of_a_whole_model() {
    for (case, wanted) in [
        ("reject/stranger", "signer-unexpected"),
        ("reject/signature-altered", "signature-invalid"),
        ("reject/revoked", "revoked"),
        ("reject/pending", "not-logged"),
    ] {
        let (code, _, reason, _) = Download::of(case).judged();
        assert!(code != 0 && reason == wanted, "{case}: {code} {reason}");
    }
    let download = Download::of("accept/plain");
    fs::rename(download.path("tallymark.toml"), download.path("churn/tallymark.toml")).unwrap();
    let output =
        download.command(&["--partial", "--json", "--trust", "churn/tallymark.toml"]).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["reason"], "trust-inside-model");
}
