//! Every bill in `testdata/bom` is valid by the official schema of its format, and a fault makes it invalid.

#![expect(clippy::expect_used, reason = "a test that cannot set its scene fails by panicking")]

use std::path::{Path, PathBuf};

use jsonschema::{Registry, Resource, Validator};
use serde_json::{Value, json};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("testdata/bom")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a file of the evidence");
    serde_json::from_str(&text).expect("JSON")
}

fn schema(name: &str) -> Value {
    read(&testdata().join("schema").join(format!("{name}.schema.json")))
}

/// Schemas that refer to each other, without a network.
fn validator(name: &str) -> Validator {
    let parts = ["spdx", "jsf-0.82", "cryptography-defs"];
    let parts = parts.map(|part| (format!("http://cyclonedx.org/schema/{part}.schema.json"), schema(part)));
    let mut registry = Registry::new();
    for (uri, part) in parts {
        registry = registry.add(uri, Resource::from_contents(part)).expect("a schema");
    }
    let registry = registry.prepare().expect("schemas that fit");
    jsonschema::options().with_registry(&registry).build(&schema(name)).expect("a schema")
}

/// The pictures of that name, one a case.
fn pictures(name: &str) -> Vec<(PathBuf, Value)> {
    let cases = testdata().read_dir().expect("the evidence");
    let paths = cases.map(|case| case.expect("readable").path().join(name)).filter(|path| path.exists());
    let mut found: Vec<_> = paths
        .map(|path| {
            let value = read(&path);
            (path, value)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(found.len() >= 3, "{} bills called {name}", found.len());
    found
}

#[track_caller]
fn assert_valid(name: &str, picture: &str) {
    let validator = validator(name);
    for (path, value) in pictures(picture) {
        let faults: Vec<String> = validator
            .iter_errors(&value)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}\n{}", path.display(), faults.join("\n"));
    }
}

#[test]
fn bills_are_valid_cyclonedx_1_7() {
    assert_valid("bom-1.7", "cyclonedx-1.7.json");
}

#[test]
fn bills_are_valid_cyclonedx_1_6() {
    assert_valid("bom-1.6", "cyclonedx-1.6.json");
}

#[test]
fn bills_are_valid_spdx_3_0_1() {
    assert_valid("spdx-3.0.1", "spdx-3.0.json");
}

/// The traps of the format that the writer goes around are traps for this validator too.
#[test]
fn what_the_schema_forbids_is_noticed() {
    let validator = validator("bom-1.7");
    for (path, mut value) in pictures("cyclonedx-1.7.json") {
        let data = value["components"].as_array_mut().expect("components");
        let hash = json!([{ "alg": "SHA-256", "content": "00" }]);
        if let Some(dataset) = data.iter_mut().find(|component| component["data"].is_array()) {
            dataset["data"][0]["hashes"] = hash;
            assert!(!validator.is_valid(&value), "{}", path.display());
        }
    }
    let spdx = self::validator("spdx-3.0.1");
    for (_, mut value) in pictures("spdx-3.0.json") {
        value["@graph"][0]["created"] = json!("yesterday");
        assert!(!spdx.is_valid(&value));
    }
}

/// Each pointer of each citation leads to a text, and whom it is attributed to is there.
#[test]
fn citations_lead_to_values_and_to_log_entries() {
    for (path, value) in pictures("cyclonedx-1.7.json") {
        let citations = value["citations"].as_array().expect("citations");
        let components = value["components"].as_array().expect("components");
        let mut cited = 0;
        for citation in citations {
            let entry = components.iter().find(|component| component["bom-ref"] == citation["attributedTo"]);
            assert!(entry.is_some(), "{}: {}", path.display(), citation["attributedTo"]);
            for pointer in citation["pointers"].as_array().expect("pointers") {
                let pointer = pointer.as_str().expect("a pointer");
                assert!(value.pointer(pointer).is_some_and(Value::is_string), "{pointer}");
                cited += 1;
            }
        }
        assert!(cited > 5, "{}: {cited} values are cited", path.display());
        for must in ["/metadata/component/name", "/metadata/component/hashes/0/content"] {
            let is_cited = |citation: &Value| {
                citation["pointers"].as_array().is_some_and(|all| all.contains(&must.into()))
            };
            assert!(citations.iter().any(is_cited), "{must}");
        }
    }
}

/// No reference is given twice, and every reference leads somewhere.
#[test]
fn references_are_unique_and_lead_somewhere() {
    for name in ["cyclonedx-1.7.json", "cyclonedx-1.6.json"] {
        for (path, value) in pictures(name) {
            let (mut refs, mut links) = (Vec::new(), Vec::new());
            walk(&value, &mut refs, &mut links);
            let all = refs.len();
            refs.sort_unstable();
            refs.dedup();
            assert_eq!(refs.len(), all, "{}", path.display());
            assert!(links.iter().all(|link| refs.contains(link)), "{}: {links:?}", path.display());
        }
    }
}

fn walk<'a>(value: &'a Value, refs: &mut Vec<&'a str>, links: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, refs, links)),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("bom-ref", Value::String(text)) => refs.push(text),
                    ("ref" | "attributedTo", Value::String(text)) => links.push(text),
                    ("dependsOn", Value::Array(items)) => {
                        links.extend(items.iter().filter_map(Value::as_str))
                    }
                    _ => walk(member, refs, links),
                }
            }
        }
        _ => {}
    }
}
