//! The schemas that are shipped say what the reader takes and what the reports are.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;
use verifier::Requirements;
use verifier::load::Request;
use verifier::report::{json, json_all, usage_json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema(name: &str) -> Validator {
    let text = fs::read_to_string(root().join("spec").join(name)).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn folders(of: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        root().join("testdata").join(of).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

/// A trust file as JSON; `None` if it is not TOML.
fn as_json(text: &str) -> Option<Value> {
    toml::from_str::<toml::Table>(text).ok().and_then(|table| serde_json::to_value(table).ok())
}

#[test]
fn every_trust_file_that_is_read_is_valid_by_the_schema() {
    let schema = schema("trust.schema.json");
    let cases = ["bundle/accept", "bundle/reject"].into_iter().flat_map(folders);
    let paths = cases.map(|case| case.join("trust.toml")).chain(folders("trust/accept"));
    let mut seen = 0;
    for path in paths.filter(|path| path.is_file()) {
        let text = fs::read_to_string(&path).unwrap();
        if Requirements::parse(text.as_bytes()).is_err() {
            continue;
        }
        let wrong: Vec<String> =
            schema.iter_errors(&as_json(&text).unwrap()).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

/// What a schema cannot say, such as that a key is one, the reader says. But it must not be an empty page.
#[test]
fn the_schema_refuses_most_of_what_is_refused() {
    let schema = schema("trust.schema.json");
    let refused = |text: &str| as_json(text).is_some_and(|value| !schema.is_valid(&value));
    let good = "version = 1\npolicy = \"log x\"\n[[publisher]]\nname = \"a/*\"\nkeys = [\"AA==\"]\n";
    assert!(!refused(good));
    for bad in [
        good.replace("version = 1", "version = 2"),
        good.replace("keys", "key"),
        good.replace("[\"AA==\"]", "[]"),
        good.replace("name = \"a/*\"", "name = \"A/*\""),
        format!("{good}may = [\"everything\"]\n"),
        format!("{good}until-index = 0\n"),
        format!("{good}[[require]]\nname = \"a/*\"\n"),
        format!("{good}[[require]]\nname = \"a/*\"\napprovals = 256\n"),
        format!("{good}[[require]]\nname = \"a/*\"\nformats = \"pickle\"\n"),
        format!("{good}[[require]]\nname = \"a/*\"\ncheckpoint-age = \"0d\"\n"),
        format!("{good}[[require]]\nname = \"a/*\"\nlineage-depth = 1\n"),
        format!("{good}[[anchor]]\ndigest = \"x\"\n"),
        "version = 1\npolicy = \"log x\"\n".to_owned(),
    ] {
        assert!(refused(&bad), "{bad}");
    }
}

#[test]
fn every_report_in_json_is_valid_by_the_schema() {
    let schema = schema("verdict.schema.json");
    let valid = |text: &str| {
        let value = serde_json::from_str(text).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{text}: {wrong:?}");
    };
    let mut verdicts = Vec::new();
    for case in ["bundle/accept", "bundle/reject"].into_iter().flat_map(folders) {
        let trust = Some(case.join("trust.toml")).filter(|path| path.is_file());
        let lineage = Some(case.join("lineage")).filter(|path| path.is_dir());
        let request = Request::new(case.join("model")).trust(trust).lineage(lineage.into_iter().collect());
        let verdict = request.verify(&|_, _| {});
        valid(&json(&verdict));
        verdicts.push(verdict);
    }
    valid(&json_all(&verdicts));
    valid(&usage_json(2));
}

#[test]
fn a_yes_with_a_reason_and_a_no_without_are_not_valid() {
    let schema = schema("verdict.schema.json");
    let case = root().join("testdata/bundle/accept/plain");
    let verdict = Request::new(case.join("model")).trust(Some(case.join("trust.toml"))).verify(&|_, _| {});
    let yes: Value = serde_json::from_str(&json(&verdict)).unwrap();
    assert!(schema.is_valid(&yes));
    for (key, value) in
        [("exit_code", Value::from(1)), ("reason", "revoked".into()), ("verdict", "ok".into())]
    {
        let mut other = yes.clone();
        other[key] = value;
        assert!(!schema.is_valid(&other), "{key}");
    }
    let mut less = yes.clone();
    less.as_object_mut().unwrap().remove("not_checked");
    assert!(!schema.is_valid(&less));
}
