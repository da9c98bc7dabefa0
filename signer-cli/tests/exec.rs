//! `tallymark exec`: what a program gets to read, and when it is not started at all.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A model as it was signed, one byte more in another, and room for copies.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle");
        copy(&cases.join("accept/plain/model"), &bench.path("churn"));
        copy(&cases.join("reject/byte-appended/model"), &bench.path("changed"));
        fs::copy(cases.join("accept/plain/trust.toml"), bench.path("tallymark.toml")).unwrap();
        fs::create_dir(bench.path("room")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
        command.current_dir(self.0.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("TALLYMARK_COPY_IN", "room").arg("exec").args(words).stdin(Stdio::null());
        command
    }

    fn exec(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert_eq!(fs::read_dir(self.path("room")).unwrap().count(), 0, "a copy was left behind");
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
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

#[test]
fn the_program_reads_a_private_copy_whatever_is_written_to_the_model_meanwhile() {
    let bench = Bench::new();
    let before = fs::read_to_string(bench.path("churn/config.json")).unwrap();
    let script = "echo evil > churn/config.json; echo evil > churn/x.py; cat \"$1/config.json\"; ls \"$1\"; \
                  stat -c %a \"$1/..\"; test \"$1\" = \"$TALLYMARK_VERIFIED_MODEL\" && basename \"$1\"";
    for stands in ["churn", "{}"] {
        fs::write(bench.path("churn/config.json"), &before).unwrap();
        drop(fs::remove_file(bench.path("churn/x.py")));
        let (code, out, err) = bench.exec(&["churn", "--", "sh", "-c", script, "sh", stands]);
        assert_eq!(code, 0, "{out}{err}");
        assert_eq!(
            out,
            format!("{before}config.json\nmodel.safetensors\ntallymark.jsonl\ntokenizer\n700\nchurn\n")
        );
        assert!(err.contains("acme/churn:2.1.3 VERIFIED; sh reads a private copy"), "{err}");
    }
}

#[test]
fn a_model_that_is_not_verified_starts_nothing() {
    let bench = Bench::new();
    for (words, wanted) in [
        (&["changed"][..], 1),
        (&["churn", "--name", "acme/other"], 3),
        (&["churn", "--trust", "absent.toml"], 5),
        (&["absent"], 5),
    ] {
        let (code, out, err) = bench.exec(&[words, &["--", "touch", "started", "{}"]].concat());
        assert_eq!(code, wanted, "{words:?}: {out}{err}");
        assert!(out.is_empty() && err.contains("exit code"), "{out}{err}");
        assert!(!bench.path("started").exists(), "{words:?}");
    }
}

/// Debug builds have a place in each step where they panic if the environment says so.
#[cfg(debug_assertions)]
#[test]
fn a_panic_in_any_step_starts_nothing_and_leaves_no_copy() {
    let bench = Bench::new();
    for step in 1..=9 {
        let mut command = bench.command(&["churn", "--", "touch", "started", "{}"]);
        command.env("TALLYMARK_TEST_PANIC_AT_STEP", step.to_string());
        assert_eq!(command.output().unwrap().status.code(), Some(101), "step {step}");
        assert!(!bench.path("started").exists(), "step {step}");
        assert_eq!(
            fs::read_dir(bench.path("room")).unwrap().count(),
            0,
            "step {step}: a copy was left behind"
        );
    }
}

#[test]
fn a_command_line_that_would_read_something_else_is_refused() {
    let bench = Bench::new();
    for words in [&["touch", "started"][..], &["churn"], &["touch", "./churn", "started"]] {
        let (code, _, err) = bench.exec(&[&["churn", "--"], words].concat());
        assert_eq!(code, 2, "{words:?}");
        assert!(err.contains("hint: "), "{err}");
        assert!(!bench.path("started").exists());
    }
    let (code, _, err) = bench.exec(&["churn", "--", "no-such-program", "{}"]);
    assert_eq!(code, 5, "{err}");
    let (code, _, err) = bench.exec(&["churn", "--copy-in", "absent", "--", "touch", "started", "{}"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("private directory in absent") && !bench.path("started").exists(), "{err}");
}

#[test]
fn the_exit_status_is_the_programs_and_a_request_to_end_reaches_it_first() {
    let bench = Bench::new();
    assert_eq!(bench.exec(&["churn", "--", "sh", "-c", "exit 7", "sh", "{}"]).0, 7);
    assert_eq!(bench.exec(&["churn", "--", "sh", "-c", "kill -9 $$", "sh", "{}"]).0, 137);
    let script = "trap 'ls \"$1\" > seen; exit 9' TERM; touch ready; while :; do sleep 0.05; done";
    let mut child = bench.command(&["churn", "--", "sh", "-c", script, "sh", "{}"]).spawn().unwrap();
    let begun = Instant::now();
    while !bench.path("ready").exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert!(fs::read_to_string(bench.path("seen")).unwrap().contains("config.json"));
    assert_eq!(fs::read_dir(bench.path("room")).unwrap().count(), 0, "a copy was left behind");
}

#[test]
fn a_single_file_is_copied_under_its_name() {
    let bench = Bench::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/single-file");
    copy(&case, &bench.path("single"));
    let model = fs::read_dir(bench.path("single")).unwrap().map(|file| file.unwrap().path()).find(|path| {
        path.is_file()
            && !path.extension().is_some_and(|extension| extension == "toml" || extension == "jsonl")
    });
    let model = model.unwrap();
    let name = model.to_str().unwrap();
    let (code, out, err) = bench.exec(&[
        name,
        "--trust",
        "single/trust.toml",
        "--",
        "sh",
        "-c",
        "stat -c '%s %a' \"$1\"; basename \"$1\"",
        "sh",
        "{}",
    ]);
    assert_eq!(code, 0, "{err}");
    let (len, name) = (fs::metadata(&model).unwrap().len(), model.file_name().unwrap().to_str().unwrap());
    assert_eq!(out, format!("{len} 444\n{name}\n"));
}

#[test]
fn evidence_of_ancestors_is_read_and_what_was_verified_is_remembered() {
    let bench = Bench::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/lineage-whole");
    copy(&case.join("model"), &bench.path("made"));
    copy(&case.join("lineage"), &bench.path("lineage"));
    fs::copy(case.join("trust.toml"), bench.path("lineage.toml")).unwrap();
    let words = |more: &[&'static str]| -> Vec<&'static str> {
        let known = ["made", "--trust", "lineage.toml", "--state", "seen.json"];
        [&known[..], more, &["--", "touch", "started", "{}"]].concat()
    };
    let (code, _, err) = bench.exec(&words(&[]));
    assert!(code != 0 && err.contains("lineage-missing"), "{code}: {err}");
    assert!(!bench.path("started").exists() && !bench.path("seen.json").exists());
    let (code, _, err) = bench.exec(&words(&["--lineage", "lineage"]));
    assert_eq!(code, 0, "{err}");
    assert!(bench.path("started").exists() && bench.path("seen.json").exists());
}
