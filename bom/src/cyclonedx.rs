//! CycloneDX in JSON: 1.7, in which `citations` bind each value to the log entry that proves it, and 1.6, which has none.
//!
//! Follows ECMA-424 (CycloneDX 1.6 and 1.7). Two traps of the schema shape this: a dataset's `componentData` takes no hash, so a
//! dataset is a component of type `data` with hashes of its own; and a model card has no hyperparameters, so they are properties.
//! What has no member in CycloneDX is a property of the model, `tallymark:FIELD:THING:KEY`.

mod components;
mod formulation;
mod model;

use attest::utc_time::UtcTime;

use crate::bill::{Bill, Standing};
use crate::cited_json::{Json, note};
use crate::field::Field;
use crate::proof::Proof;
use crate::value::Value;
use crate::{TOOL_NAME, TOOL_VERSION, serial};

/// Which version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the versions that spec/bom.md has")]
pub enum SpecVersion {
    /// Without citations.
    V1_6,
    /// With citations.
    V1_7,
}

impl SpecVersion {
    const fn number(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }

    const fn schema(self) -> &'static str {
        match self {
            Self::V1_6 => "http://cyclonedx.org/schema/bom-1.6.schema.json",
            Self::V1_7 => "http://cyclonedx.org/schema/bom-1.7.schema.json",
        }
    }
}

/// Reference to the model.
const MODEL: &str = "model";

/// Writes the bill. A bill without a time has no citations, since each needs one.
#[must_use]
pub fn document(bill: &Bill, version: SpecVersion) -> String {
    let mut members = vec![
        ("$schema", Json::text(version.schema())),
        ("bomFormat", Json::text("CycloneDX")),
        ("specVersion", Json::text(version.number())),
        ("serialNumber", Json::text(format!("urn:uuid:{}", serial::of(bill, version.number())))),
        ("version", Json::Number(1)),
        ("metadata", metadata(bill)),
    ];
    let components = components::all(bill);
    members.extend(Json::list(components).map(|list| ("components", list)));
    members.push(("dependencies", components::dependencies(bill)));
    members.extend(formulation::of(bill).map(|formulation| ("formulation", formulation)));
    let tree = Json::Object(members);
    let citations = match (version, bill.time()) {
        (SpecVersion::V1_7, Some(time)) => citations(bill, &tree, time),
        _ => Vec::new(),
    };
    let Json::Object(mut members) = tree else { return String::new() };
    members.extend(Json::list(citations).map(|list| ("citations", list)));
    Json::Object(members).to_document()
}

fn metadata(bill: &Bill) -> Json {
    let tool = Json::Object(vec![
        ("type", Json::text("application")),
        ("name", Json::text(TOOL_NAME)),
        ("version", Json::text(TOOL_VERSION)),
    ]);
    let mut members: Vec<(&'static str, Json)> = Vec::new();
    members.extend(bill.time().map(|time| ("timestamp", Json::text(time.to_string()))));
    members.push(("lifecycles", Json::List(vec![Json::Object(vec![("phase", Json::text("post-build"))])])));
    members.push(("tools", Json::Object(vec![("components", Json::List(vec![tool]))])));
    members.push(("component", model::component(bill)));
    members.push(("properties", Json::List(standing(bill))));
    Json::Object(members)
}

/// How each field is known, or why it is missing.
fn standing(bill: &Bill) -> Vec<Json> {
    let word = match bill.standing() {
        Standing::Verified => "verified",
        Standing::Unverified => "UNVERIFIED: nothing in this bill was proven",
    };
    let mut properties = vec![property("tallymark:bill", Json::text(word))];
    for field in Field::ALL {
        let name = format!("tallymark:field:{}", field.name());
        let text = match (bill.grade(field), bill.missing(field)) {
            (Some(grade), _) => grade.to_string(),
            (None, Some(missing)) if bill.values(field).is_empty() => {
                format!("missing ({}): {missing}", missing.code())
            }
            (None, _) => {
                format!("missing for {}: no verified statement says it", bill.gaps(field).join(", "))
            }
        };
        properties.push(property(name, Json::text(text)));
    }
    properties
}

/// One citation for all values with the same proof, grade and place.
fn citations(bill: &Bill, tree: &Json, time: UtcTime) -> Vec<Json> {
    let cited = tree.cited();
    cited
        .into_iter()
        .filter_map(|(cite, pointers)| {
            let proof = bill.proofs().get(cite.proof)?;
            Some(Json::Object(vec![
                ("pointers", Json::List(pointers.into_iter().map(Json::text).collect())),
                ("timestamp", Json::text(proof.logged_by().unwrap_or(time).to_string())),
                ("attributedTo", Json::text(proof_ref(proof))),
                ("note", Json::text(note(bill, &cite)?)),
            ]))
        })
        .collect()
}

/// Reference to a statement's entry. No two statements have one place in one log.
fn proof_ref(proof: &Proof) -> String {
    format!("log-entry:{}#{}", proof.origin(), proof.index())
}

fn property(name: impl Into<String>, value: Json) -> Json {
    Json::Object(vec![("name", Json::text(name)), ("value", value)])
}

/// A value that has no member of its own.
fn as_property(field: Field, value: &Value) -> Json {
    let about = if value.about().is_empty() { String::new() } else { format!("{}:", value.about()) };
    property(format!("tallymark:{}:{about}{}", field.name(), value.key()), Json::of(value))
}

/// Whether the text can stand where the schema wants an address. Others stay properties.
fn is_address(value: &Value) -> bool {
    value.text().parse::<attest::provenance::SourceUri>().is_ok()
}

/// Hashes among the values, in the algorithms that CycloneDX knows.
fn hashes<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Json> {
    let mut hashes = Vec::new();
    for value in values {
        let Some((name, digits)) = value.text().split_once(':') else { continue };
        let (algorithm, digits_wanted) = match name {
            "sha256" => ("SHA-256", 64),
            "sha512" => ("SHA-512", 128),
            "md5" => ("MD5", 32),
            _ => continue,
        };
        if digits.len() == digits_wanted && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            hashes.push(Json::Object(vec![
                ("alg", Json::text(algorithm)),
                ("content", Json::as_proven_by(value, digits)),
            ]));
        }
    }
    Json::list(hashes)
}

/// Licences: an identifier where there is one, else the name, which may be an address.
fn licenses<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Json> {
    let licence = |value: &Value| {
        let (member, text) = match crate::licence::known(value.text()) {
            Some(id) => ("id", id),
            None => ("name", value.text()),
        };
        Json::Object(vec![(
            "license",
            Json::Object(vec![
                (member, Json::as_proven_by(value, text)),
                ("acknowledgement", Json::text("declared")),
            ]),
        )])
    };
    let named = values.filter(|value| matches!(value.key(), "license" | "license-name"));
    Json::list(named.filter(|value| !value.text().is_empty()).map(licence).collect())
}
