//! SPDX 3.0.1 in JSON-LD: the model as `ai_AIPackage`, its data as `dataset_DatasetPackage`, the run as `build_Build`.
//!
//! Follows the SPDX specification 3.0.1. SPDX has no citation, so each element has an annotation for each statement that holds it
//! up: which member is known how well, and the log entry. Values that SPDX has no member for are properties in the extension that
//! SPDX shares with CycloneDX. Of the profiles only those are claimed whose every demand is met; the AI profile wants a place to
//! download from and a date of release, which no statement has.

mod elements;
mod relations;

use std::collections::BTreeMap;

use crate::bill::{Bill, Standing};
use crate::cited_json::Json;
use crate::field::Field;
use crate::serial;
use crate::value::Value;
use crate::{TOOL_NAME, TOOL_VERSION};

const CONTEXT: &str = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
/// The one creation info, which every element shares.
const CREATION: &str = "_:creation";
/// What a bill says that was given no time: SPDX wants one.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// The elements of a document, each named by kind and number, so that no name of a statement gets into an identifier.
pub(crate) struct Graph<'a> {
    bill: &'a Bill,
    base: String,
    elements: Vec<Json>,
    counts: BTreeMap<&'static str, usize>,
}

/// Writes the bill.
#[must_use]
pub fn document(bill: &Bill) -> String {
    let base = format!("urn:uuid:{}", serial::of(bill, "spdx-3.0.1"));
    let mut graph = Graph { bill, base, elements: Vec::new(), counts: BTreeMap::new() };
    let tool = graph.add("tool", "Tool", vec![("name", Json::text(format!("{TOOL_NAME} {TOOL_VERSION}")))]);
    let writer = graph.add("writer", "SoftwareAgent", vec![("name", Json::text(TOOL_NAME))]);
    let model = elements::all(&mut graph);
    let creation = Json::Object(vec![
        ("type", Json::text("CreationInfo")),
        ("@id", Json::text(CREATION)),
        ("specVersion", Json::text("3.0.1")),
        ("created", Json::text(bill.time().map_or_else(|| NO_TIME.to_owned(), |time| time.to_string()))),
        ("createdBy", Json::List(vec![Json::text(writer)])),
        ("createdUsing", Json::List(vec![Json::text(tool)])),
    ]);
    // The extension profile is used and cannot be named: in SPDX's context its name is that of a property.
    let profiles = ["core", "software", "dataset", "build", "simpleLicensing"];
    let word = match bill.standing() {
        Standing::Verified => "written from verified statements",
        Standing::Unverified => "UNVERIFIED: nothing in this bill was proven",
    };
    graph.add(
        "document",
        "SpdxDocument",
        vec![
            ("name", Json::text(format!("{}:{}", bill.name(), bill.version()))),
            ("comment", Json::text(word)),
            ("profileConformance", Json::List(profiles.into_iter().map(Json::text).collect())),
            ("rootElement", Json::List(vec![Json::text(model)])),
        ],
    );
    let elements = std::iter::once(creation).chain(graph.elements).collect();
    Json::Object(vec![("@context", Json::text(CONTEXT)), ("@graph", Json::List(elements))]).to_document()
}

impl Graph<'_> {
    /// Adds an element, and annotations that say what proves its members. Gives its identifier.
    fn add(&mut self, kind: &'static str, class: &'static str, members: Vec<(&'static str, Json)>) -> String {
        let id = self.next_id(kind);
        let mut all = vec![
            ("type", Json::text(class)),
            ("spdxId", Json::text(&id)),
            ("creationInfo", Json::text(CREATION)),
        ];
        all.extend(members);
        let element = Json::Object(all);
        let cited = element.cited();
        self.elements.push(element);
        let mut by_proof: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (cite, pointers) in cited {
            let lines = by_proof.entry(cite.proof).or_default();
            lines
                .extend(pointers.into_iter().map(|pointer| format!("{pointer} {}, {}", cite.grade, cite.at)));
        }
        for (place, mut lines) in by_proof {
            let Some(proof) = self.bill.proofs().get(place) else { continue };
            lines.sort();
            lines.insert(0, proof.citation());
            self.annotate(&id, lines.join("\n"));
        }
        id
    }

    fn annotate(&mut self, subject: &str, statement: String) {
        let id = self.next_id("citation");
        self.elements.push(Json::Object(vec![
            ("type", Json::text("Annotation")),
            ("spdxId", Json::text(id)),
            ("creationInfo", Json::text(CREATION)),
            ("annotationType", Json::text("other")),
            ("subject", Json::text(subject)),
            ("contentType", Json::text("text/plain")),
            ("statement", Json::text(statement)),
        ]));
    }

    /// A relation from one element to others; nothing if there are none.
    fn relate(&mut self, from: &str, kind: &'static str, to: Vec<String>) {
        if to.is_empty() {
            return;
        }
        let id = self.next_id("relation");
        self.elements.push(Json::Object(vec![
            ("type", Json::text("Relationship")),
            ("spdxId", Json::text(id)),
            ("creationInfo", Json::text(CREATION)),
            ("from", Json::text(from)),
            ("relationshipType", Json::text(kind)),
            ("to", Json::List(to.into_iter().map(Json::text).collect())),
        ]));
    }

    fn next_id(&mut self, kind: &'static str) -> String {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        format!("{}#{kind}-{count}", self.base)
    }
}

/// A SHA-256 among the values.
fn verified_using<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Json> {
    let mut hashes = Vec::new();
    for value in values {
        let Some((algorithm, digits)) = value.text().split_once(':') else { continue };
        if matches!(algorithm, "sha256" | "sha512" | "md5")
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            hashes.push(Json::Object(vec![
                ("type", Json::text("Hash")),
                ("algorithm", Json::text(algorithm)),
                ("hashValue", Json::as_proven_by(value, digits)),
            ]));
        }
    }
    Json::list(hashes)
}

/// Pairs, as SPDX has them.
fn entry(key: &str, value: &Value) -> Json {
    Json::Object(vec![
        ("type", Json::text("DictionaryEntry")),
        ("key", Json::text(key)),
        ("value", Json::of(value)),
    ])
}

/// Values without a member of their own.
fn extension<'a>(values: impl IntoIterator<Item = (Field, &'a Value)>) -> Option<Json> {
    let entries = values.into_iter().map(|(field, value)| {
        let about = if value.about().is_empty() { String::new() } else { format!("{}:", value.about()) };
        Json::Object(vec![
            ("type", Json::text("extension_CdxPropertyEntry")),
            (
                "extension_cdxPropName",
                Json::text(format!("tallymark:{}:{about}{}", field.name(), value.key())),
            ),
            ("extension_cdxPropValue", Json::of(value)),
        ])
    });
    let properties = Json::list(entries.collect())?;
    Some(Json::List(vec![Json::Object(vec![
        ("type", Json::text("extension_CdxPropertiesExtension")),
        ("extension_cdxProperty", properties),
    ])]))
}

/// A time without fraction, as SPDX writes one.
fn moment(value: &Value) -> Option<Json> {
    let text = value.text();
    let whole = text.split_once('.').map_or_else(|| text.to_owned(), |(whole, _)| format!("{whole}Z"));
    let time: attest::utc_time::UtcTime = whole.parse().ok()?;
    text.ends_with('Z').then(|| Json::as_proven_by(value, time.to_string()))
}

/// Whether the text can stand where SPDX wants an address.
fn is_address(value: &Value) -> bool {
    value.text().parse::<attest::provenance::SourceUri>().is_ok()
}
