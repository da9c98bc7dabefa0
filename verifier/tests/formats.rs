//! What the files are is part of the verdict where a rule asks, and is never taken for granted.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use attest::scan::{ScanOptions, scan};
use formats::Rules;
use verifier::gate::Gate;
use verifier::{Expectation, Question, Reason, Refusal, Requirements, VerifiedModel};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept").join(name)
}

/// Judges the model of a case with what the gate found, if it found anything.
fn judge(case: &Path, gate: Option<Gate>) -> Result<VerifiedModel, Refusal> {
    let requirements = Requirements::parse(&std::fs::read(case.join("trust.toml")).unwrap()).unwrap();
    let (expectation, found) = (Expectation::default(), OnceCell::new());
    let bundle = std::fs::read(case.join("model/tallymark.jsonl")).unwrap();
    let files = |_| {
        gate.into_iter().for_each(|gate| drop(found.set(gate)));
        scan(&case.join("model"), &ScanOptions::new(), &|_, _| {})
    };
    Question::new(Some(&requirements), &expectation).through(&found).verify(&bundle, files)
}

#[test]
fn formats_at_which_nobody_looked_are_not_allowed() {
    let case = case("formats-strict");
    let reason = |gate| judge(&case, gate).err().map(|refusal| refusal.reason());
    let report = |rules| Gate::of(vec![formats::scan(&case.join("model"), &rules).unwrap()]);
    assert_eq!(reason(None), Some(Reason::FormatsUnknown));
    // A look by other rules is none by these.
    assert_eq!(reason(Some(report(Rules::with_torch()))), Some(Reason::FormatsUnknown));
    let path = case.join("nowhere");
    assert_eq!(
        reason(Some(Gate::closed(formats::GateError::NoFiles { path }))),
        Some(Reason::FormatsUnknown)
    );
    assert_eq!(reason(Some(report(Rules::strict()))), None);
}

#[test]
fn every_file_has_its_place_in_the_verdict() {
    let request = verifier::load::Request::new(case("formats-only-warn").join("model"));
    let verdict = request.trust(Some(case("formats-only-warn").join("trust.toml"))).verify(&|_, _| {});
    let report: serde_json::Value = serde_json::from_str(&verifier::report::json(&verdict)).unwrap();
    assert_eq!((&report["verdict"], &report["formats"]["result"]), (&"verified".into(), &"refused".into()));
    let files = report["formats"]["files"].as_array().unwrap().iter();
    let files: Vec<_> =
        files.map(|file| (file["path"].as_str().unwrap(), file["result"].as_str().unwrap())).collect();
    let expected = [("config.json", "allowed"), ("model.pkl", "refused"), ("model.safetensors", "allowed")];
    assert_eq!(files, expected);
    assert_eq!(report["warnings"][0]["reason"], "format-refused");
}
