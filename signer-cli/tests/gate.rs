//! `tallymark gate` over models that were signed for the tests of the verifier.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A directory with three models: as signed, changed, unsigned; and what the pipeline trusts.
struct Pipeline(tempfile::TempDir);

impl Pipeline {
    fn new() -> Self {
        let pipeline = Self(tempfile::tempdir().unwrap());
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle");
        copy(&cases.join("accept/plain/model"), &pipeline.path("models/good"));
        copy(&cases.join("reject/byte-appended/model"), &pipeline.path("models/changed"));
        fs::copy(cases.join("accept/plain/trust.toml"), pipeline.path("tallymark.toml")).unwrap();
        fs::write(pipeline.path("models/a, b.bin"), b"weights").unwrap();
        pipeline
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
        command.current_dir(self.0.path()).env_clear().arg("gate").args(words).stdin(Stdio::null());
        command
    }

    fn gate(&self, words: &[&str]) -> (i32, String, String) {
        told(self.command(words).output().unwrap())
    }
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
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
fn every_model_in_a_directory_is_judged_and_one_without_a_bundle_is_refused() {
    let pipeline = Pipeline::new();
    let (code, out, _) = pipeline.gate(&["--each", "models"]);
    assert_eq!(code, 1);
    let rows: Vec<&str> = out.lines().filter(|line| line.contains("models/")).collect();
    assert_eq!(
        rows[..4],
        [
            "  NO  models/a, b.bin  REFUSED: bundle-missing",
            "        bundle-missing: no bundle file at models/a, b.bin.tallymark.jsonl",
            "  NO  models/changed  FALSE: file-changed",
            "  ok  models/good  acme/churn:2.1.3",
        ]
    );
    assert!(out.contains("2 of 3 models  NOT VERIFIED"), "{out}");
}

/// Debug builds have a place in each step where they panic if the environment says so.
#[cfg(debug_assertions)]
#[test]
fn a_panic_in_any_step_is_no_yes_and_writes_no_report() {
    let pipeline = Pipeline::new();
    for step in 1..=9 {
        let words = ["models/good", "--report", "sarif=report.sarif", "--report", "junit=report.xml"];
        let mut command = pipeline.command(&words);
        let (code, out, err) =
            told(command.env("TALLYMARK_TEST_PANIC_AT_STEP", step.to_string()).output().unwrap());
        assert_eq!(code, 101, "step {step}: {out}{err}");
        assert!(!out.contains("VERIFIED"), "step {step}: {out}");
        assert!(
            !pipeline.path("report.sarif").exists() && !pipeline.path("report.xml").exists(),
            "step {step}"
        );
    }
}

#[test]
fn the_exit_status_is_that_of_the_worst_verdict_and_zero_only_if_all_are_verified() {
    let pipeline = Pipeline::new();
    fs::write(pipeline.path("empty.toml"), b"").unwrap();
    for (models, wanted) in [
        (&["models/good"][..], 0),
        (&["models/good", "models/good"], 0),
        (&["models/good", "models/changed", "absent"], 1),
        (&["models/good", "models/a, b.bin", "absent"], 3),
        (&["absent", "models/good"], 5),
        (&["models/good", "absent", "--trust", "empty.toml"], 4),
    ] {
        let (code, out, err) = pipeline.gate(models);
        assert_eq!(code, wanted, "{models:?}: {out}{err}");
        let (code, _, err) = pipeline.gate(&[models, &["--warn"]].concat());
        assert_eq!(code, 0, "{models:?}: {err}");
        assert_eq!(err.contains(&format!("would be {wanted}")), wanted != 0);
    }
}

#[test]
fn a_gate_without_a_model_is_a_wrong_command_line_even_if_it_only_warns() {
    let pipeline = Pipeline::new();
    fs::create_dir(pipeline.path("empty")).unwrap();
    fs::write(pipeline.path("empty/.hidden"), b"").unwrap();
    for words in [&["--each", "empty"][..], &["-"], &["--each", "empty", "--warn"], &[]] {
        assert_eq!(pipeline.gate(words).0, 2, "{words:?}");
    }
    assert_eq!(pipeline.gate(&["--each", "absent", "--warn"]).0, 5);
}

#[test]
fn a_directory_that_poses_as_the_bundle_of_a_file_is_a_model_and_the_bundle_is_none() {
    let pipeline = Pipeline::new();
    fs::write(pipeline.path("models/a, b.bin.tallymark.jsonl"), b"").unwrap();
    let (_, out, _) = pipeline.gate(&["--each", "models"]);
    assert!(out.contains("of 3 models"), "{out}");
    fs::remove_file(pipeline.path("models/a, b.bin.tallymark.jsonl")).unwrap();
    fs::create_dir(pipeline.path("models/a, b.bin.tallymark.jsonl")).unwrap();
    let (_, out, _) = pipeline.gate(&["--each", "models"]);
    assert!(out.contains("of 4 models"), "{out}");
}

#[test]
fn models_are_read_from_standard_input() {
    let pipeline = Pipeline::new();
    let mut child = pipeline
        .command(&["-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"models/good\r\n\nmodels/a, b.bin").unwrap();
    let (code, out, _) = told(child.wait_with_output().unwrap());
    assert_eq!(code, 3);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["exit_code"], &said["verdict"]), (&3.into(), &"not-verified".into()));
    let models = said["models"].as_array().unwrap();
    let verdicts: Vec<_> = models.iter().map(|model| (&model["model"], &model["verdict"])).collect();
    assert_eq!(
        verdicts,
        [(&"models/good".into(), &"verified".into()), (&"models/a, b.bin".into(), &Value::from("refused"))]
    );
}

#[test]
fn reports_are_written_whole_and_name_each_file_that_differs() {
    let pipeline = Pipeline::new();
    let words = [
        "--each",
        "models",
        "--report",
        "sarif=g.sarif",
        "--report",
        "junit=g.xml",
        "--report",
        "github=g.txt",
    ];
    assert_eq!(pipeline.gate(&words).0, 1);
    // Again, over what is there.
    assert_eq!(pipeline.gate(&words).0, 1);
    let sarif: Value = serde_json::from_slice(&fs::read(pipeline.path("g.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    let place = |result: &Value| {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().to_owned()
    };
    let found: Vec<_> =
        results.iter().map(|result| (result["ruleId"].as_str().unwrap(), place(result))).collect();
    assert_eq!(
        found,
        [
            ("bundle-missing", "models/a%2C%20b.bin".to_owned()),
            ("file-changed", "models/changed/model.safetensors".to_owned())
        ]
    );
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    }
    let junit = fs::read_to_string(pipeline.path("g.xml")).unwrap();
    assert!(junit.contains(r#"<testsuites tests="3" failures="2" errors="0">"#), "{junit}");
    let github = fs::read_to_string(pipeline.path("g.txt")).unwrap();
    assert!(github.contains("::error file=models/a%2C b.bin,title=tallymark bundle-missing::"), "{github}");
    let left: Vec<_> = fs::read_dir(pipeline.0.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("part"))
        .collect();
    assert_eq!(left, [""; 0]);
    assert_eq!(pipeline.gate(&["models/good", "--report", "sarif=absent/g.sarif"]).0, 5);
    assert_eq!(pipeline.gate(&["models/good", "--report", "word=g"]).0, 2);
}

#[test]
fn a_job_of_github_gets_its_summary() {
    let pipeline = Pipeline::new();
    let summary = pipeline.path("summary.md");
    fs::write(&summary, "before\n").unwrap();
    let mut command = pipeline.command(&["models/good", "models/a, b.bin", "--format", "github"]);
    let (code, out, _) = told(command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap());
    assert_eq!((code, out.lines().count()), (3, 1));
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("before\n### tallymark: 1 of 2 models verified\n"), "{summary}");
    assert!(summary.contains("| models/good | verified |  |  |"), "{summary}");
}

/// Renamed over it, a report would take the place of `/dev/stdout`.
#[test]
fn a_report_is_written_to_a_device_and_not_put_in_its_place() {
    let pipeline = Pipeline::new();
    let link = pipeline.path("full");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    let (code, _, err) = pipeline.gate(&["models/good", "--report", "sarif=full"]);
    assert_eq!(code, 5, "{err}");
    assert!(link.symlink_metadata().unwrap().is_symlink(), "the link was replaced");
    let (code, out, err) = pipeline.gate(&["models/good", "--quiet", "--report", "json=/dev/stdout"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("\"verdict\""), "{out}");
}

/// A lineage that the trust file demands, in a folder beside the models; and a file in which what was verified is remembered.
#[test]
fn evidence_of_ancestors_is_read_and_what_was_verified_is_remembered() {
    let pipeline = Pipeline::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/lineage-whole");
    copy(&case.join("model"), &pipeline.path("made"));
    copy(&case.join("lineage"), &pipeline.path("lineage"));
    fs::copy(case.join("trust.toml"), pipeline.path("lineage.toml")).unwrap();
    let words = ["made", "--trust", "lineage.toml", "--state", "seen.json"];
    let (code, out, _) = pipeline.gate(&words);
    assert!(code != 0 && out.contains("lineage-missing"), "{code}: {out}");
    assert!(!pipeline.path("seen.json").exists(), "a refusal was remembered");
    let (code, out, err) = pipeline.gate(&[&words[..], &["--lineage", "lineage"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    assert!(fs::read_to_string(pipeline.path("seen.json")).unwrap().contains("acme/"));
    fs::write(pipeline.path("seen.json"), "{").unwrap();
    let (code, out, _) = pipeline.gate(&[&words[..], &["--lineage", "lineage"]].concat());
    assert!(code != 0 && out.contains("memory-unreadable"), "{code}: {out}");
}
