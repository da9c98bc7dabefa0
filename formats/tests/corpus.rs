//! The corpus: every case is what its case file says, for the reasons it says and for no others.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use formats::{Format, Reason, Report, Rules, scan};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// The cases of one verdict: their folders, sorted. There is at least one.
fn cases(verdict: &str) -> Vec<PathBuf> {
    let folder = testdata().join("formats").join(verdict);
    let mut cases: Vec<_> =
        fs::read_dir(&folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} is empty", folder.display());
    cases
}

/// `key = "value"` of a case file.
fn value(case: &str, key: &str) -> String {
    let line = case.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")));
    line.and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("no {key}")).to_owned()
}

fn report(case: &Path) -> (String, Report) {
    let text = fs::read_to_string(case.join("case.toml")).expect("a case file");
    let rules = if value(&text, "rules") == "torch" { Rules::with_torch() } else { Rules::strict() };
    let report =
        scan(&case.join("model"), &rules).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    (text, report)
}

fn reasons(report: &Report) -> String {
    let codes: BTreeSet<&str> = report.findings().map(|finding| finding.reason().code()).collect();
    codes.into_iter().collect::<Vec<_>>().join(", ")
}

/// What is said of each case of a verdict, beside what its file says.
fn compare(verdict: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in cases(verdict) {
        let (text, report) = report(&case);
        let file = report
            .files()
            .iter()
            .find(|file| file.path() == value(&text, "file"))
            .expect("the file of the case");
        let seen = (file.format().as_str().to_owned(), reasons(&report));
        let wanted = (value(&text, "format"), value(&text, "reasons"));
        if seen != wanted || report.is_allowed() != (verdict == "allowed") {
            let found: Vec<_> =
                report.findings().map(|found| format!("{} {}", found.place(), found.what())).collect();
            wrong.push(format!("{}: {seen:?}, want {wanted:?}: {found:?}", case.display()));
        }
    }
    wrong
}

#[test]
fn every_malicious_case_is_refused_for_its_reasons() {
    assert_eq!(compare("refused"), [""; 0]);
}

#[test]
fn every_benign_case_is_allowed() {
    assert!(cases("allowed").len() >= 40);
    assert_eq!(compare("allowed"), [""; 0]);
}

#[test]
fn every_reason_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases("refused") {
        let text = fs::read_to_string(case.join("case.toml")).expect("a case file");
        seen.extend(value(&text, "reasons").split(", ").map(str::to_owned));
    }
    let without: Vec<_> =
        Reason::ALL.iter().map(|reason| reason.code()).filter(|code| !seen.contains(*code)).collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn every_report_says_what_was_not_looked_at() {
    for verdict in ["refused", "allowed"] {
        for case in cases(verdict) {
            assert!(report(&case).1.not_evaluated().count() >= 2, "{}", case.display());
        }
    }
}

/// What the tools themselves wrote, and for what it is refused: `None` is allowed by the strict rules.
const REAL: [(&str, Option<&str>); 22] = [
    ("gguf-quantised", None),
    ("gguf-vocabulary", None),
    ("joblib-zlib", Some("compressed, pickle")),
    ("keras-h5", Some("format-not-allowed")),
    ("keras-lambda", Some("format-not-allowed, keras-code")),
    ("keras-plain", Some("format-not-allowed")),
    ("npy-fields", None),
    ("npy-objects", Some("pickle, pickle-global")),
    ("npy-plain", None),
    ("npz-deflated", None),
    ("npz-stored", None),
    ("onnx-external", None),
    ("onnx-inline", None),
    ("onnx-subgraph", None),
    ("pickle", Some("pickle")),
    ("safetensors-dtypes", None),
    ("safetensors-numpy", None),
    ("safetensors-sharded", None),
    ("torch-export", Some("format-not-allowed, pickle")),
    ("torch-legacy", Some("pickle")),
    ("torch-script", Some("format-not-allowed, pickle, pickle-global")),
    ("torch-zip", Some("pickle")),
];

#[test]
fn what_tools_wrote_is_allowed_or_refused_for_what_it_is() {
    let folder = testdata().join("collect/weights");
    for (name, wanted) in REAL {
        let report = scan(&folder.join(name).join("model"), &Rules::strict()).expect(name);
        let found: Vec<_> =
            report.findings().map(|found| format!("{} {}", found.place(), found.what())).collect();
        assert_eq!(reasons(&report), wanted.unwrap_or_default(), "{name}: {found:?}");
    }
    let folders = fs::read_dir(folder)
        .expect("the weights")
        .filter(|entry| entry.as_ref().is_ok_and(|one| one.path().is_dir()));
    assert_eq!(folders.count(), REAL.len());
}

#[test]
fn what_torch_wrote_is_allowed_where_torch_is() {
    for (name, format) in [("torch-zip", Format::Torch), ("torch-legacy", Format::TorchLegacy)] {
        let folder = testdata().join("collect/weights").join(name).join("model");
        let report = scan(&folder, &Rules::with_torch()).expect(name);
        let found: Vec<_> =
            report.findings().map(|found| format!("{} {}", found.place(), found.what())).collect();
        assert!(report.is_allowed(), "{name}: {found:?}");
        assert_eq!(report.files().first().map(formats::FileReport::format), Some(format));
    }
}

#[test]
fn a_directory_without_files_is_no_yes() {
    let empty = tempfile::tempdir().expect("a directory");
    assert!(matches!(scan(empty.path(), &Rules::strict()), Err(formats::GateError::NoFiles { .. })));
}
