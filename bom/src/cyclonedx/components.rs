//! What the model was made from and with: `components` and `dependencies`.

use std::collections::BTreeSet;

use attest::role::Role;

use super::{MODEL, as_property, hashes, is_address, licenses, proof_ref, property};
use crate::bill::Bill;
use crate::cited_json::Json;
use crate::field::Field;
use crate::proof::Proof;
use crate::purl;
use crate::value::Value;

/// Fields about one dataset that have no member of their own.
const OF_A_DATASET: [Field; 6] = [
    Field::DatasetName,
    Field::DatasetVersion,
    Field::DatasetSize,
    Field::DatasetBias,
    Field::DatasetPreparation,
    Field::DatasetContent,
];

/// All of them, sorted by kind and name.
pub(super) fn all(bill: &Bill) -> Vec<Json> {
    let mut all = Vec::new();
    all.extend(datasets(bill).into_iter().map(|name| dataset(bill, name)));
    for name in bases(bill) {
        let reference = reference(Role::BaseModel, name);
        all.push(base_model(bill, name, Some(&reference)));
    }
    all.extend(packages(bill).into_iter().map(|name| package(bill, name)));
    all.extend(platform(bill, Field::Language, "platform"));
    all.extend(platform(bill, Field::OperatingSystem, "operating-system"));
    all.extend(platform(bill, Field::Processor, "device"));
    all.extend(platform(bill, Field::Accelerator, "device"));
    all.extend(platform(bill, Field::Driver, "device-driver"));
    all.extend(bill.proofs().iter().map(statement));
    all
}

/// Every dataset that has a name, whether it was hashed or only named.
fn datasets(bill: &Bill) -> Vec<&str> {
    named(bill, Role::Dataset)
}

fn bases(bill: &Bill) -> Vec<&str> {
    named(bill, Role::BaseModel)
}

fn named(bill: &Bill, role: Role) -> Vec<&str> {
    let fields = Field::ALL.into_iter().filter(|field| field.role() == Some(role));
    let names: BTreeSet<&str> = fields.flat_map(|field| bill.values(field)).map(Value::about).collect();
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

fn packages(bill: &Bill) -> Vec<&str> {
    let names: BTreeSet<&str> = bill.values(Field::Packages).iter().map(Value::about).collect();
    names.into_iter().collect()
}

/// How other places refer to it. The kind stands in front, so that a name cannot be another thing's.
pub(super) fn reference(role: Role, name: &str) -> String {
    format!("{role}:{name}")
}

fn package_ref(name: &str) -> String {
    format!("package:{name}")
}

fn dataset(bill: &Bill, name: &str) -> Json {
    let of = |field: Field| bill.values_about(field, name);
    let keyed = |field: Field, key: &str| bill.value(field, name, key);
    let version =
        keyed(Field::DatasetVersion, "version").or_else(|| keyed(Field::DatasetVersion, "revision"));
    let mut members = vec![
        ("type", Json::text("data")),
        ("bom-ref", Json::text(reference(Role::Dataset, name))),
        (
            "name",
            keyed(Field::DatasetName, "name")
                .map_or_else(|| Json::text(name), |value| Json::as_proven_by(value, name)),
        ),
    ];
    members.extend(version.map(|value| ("version", Json::of(value))));
    members.extend(keyed(Field::DatasetContent, "description").map(|value| ("description", Json::of(value))));
    members.extend(hashes(of(Field::DatasetDigest)).map(|hashes| ("hashes", hashes)));
    members.extend(licenses(of(Field::DatasetLicense)).map(|licenses| ("licenses", licenses)));
    members.push(("data", Json::List(vec![data(bill, name)])));
    let mut properties: Vec<Json> = of(Field::DatasetSource)
        .filter(|value| value.key() != "uri" || !is_address(value))
        .map(|value| as_property(Field::DatasetSource, value))
        .collect();
    let of_the_statement = [(Field::DatasetOwner, "signed-by"), (Field::DatasetSensitivity, "personal-data")];
    for (field, key) in of_the_statement {
        let values = of(field).filter(|value| value.key() == key);
        properties.extend(values.map(|value| as_property(field, value)));
    }
    for field in OF_A_DATASET {
        properties.extend(of(field).map(|value| as_property(field, value)));
    }
    members.extend(Json::list(properties).map(|properties| ("properties", properties)));
    Json::Object(members)
}

/// The dataset as `componentData`, which takes everything but a hash.
fn data(bill: &Bill, name: &str) -> Json {
    let sensitive = bill.values_about(Field::DatasetSensitivity, name).filter_map(sensitive).collect();
    let url = bill.value(Field::DatasetSource, name, "uri").filter(|value| is_address(value)).map(Json::of);
    // Who signed it is a key, and no organization's name.
    let owners = bill.values_about(Field::DatasetOwner, name).filter(|value| value.key() != "signed-by");
    let owners = owners
        .map(|value| Json::Object(vec![("organization", Json::Object(vec![("name", Json::of(value))]))]))
        .collect();
    let mut members = vec![("type", Json::text("dataset")), ("name", Json::text(name))];
    members.extend(Json::object([("url", url)]).map(|contents| ("contents", contents)));
    members.extend(Json::list(sensitive).map(|sensitive| ("sensitiveData", sensitive)));
    let governance = Json::object([("owners", Json::list(owners))]);
    members.extend(governance.map(|governance| ("governance", governance)));
    Json::Object(members)
}

/// What makes the data sensitive; that there is nothing about people does not.
fn sensitive(value: &Value) -> Option<Json> {
    match (value.key(), value.text()) {
        ("personal-data", "none") => None,
        ("personal-data", answer) => Some(Json::as_proven_by(value, format!("personal data: {answer}"))),
        _ => Some(Json::of(value)),
    }
}

/// A model that this one was made from. In the pedigree it has no reference of its own.
pub(super) fn base_model(bill: &Bill, name: &str, reference: Option<&str>) -> Json {
    let proven = bill.value(Field::BaseModel, name, "name");
    let source = |key: &str| bill.value(Field::BaseSource, name, key);
    let mut members = vec![("type", Json::text("machine-learning-model"))];
    members.extend(reference.map(|reference| ("bom-ref", Json::text(reference))));
    members.push(("name", proven.map_or_else(|| Json::text(name), |value| Json::as_proven_by(value, name))));
    let version = source("version").or_else(|| source("revision"));
    members.extend(version.map(|value| ("version", Json::of(value))));
    members.extend(hashes(bill.values_about(Field::BaseDigest, name)).map(|hashes| ("hashes", hashes)));
    let purl = source("uri").filter(|value| value.text().starts_with("pkg:"));
    members.extend(purl.map(|value| ("purl", Json::of(value))));
    let mut properties = Vec::new();
    for field in [Field::BaseModel, Field::BaseSource] {
        properties.extend(bill.values_about(field, name).map(|value| as_property(field, value)));
    }
    members.extend(Json::list(properties).map(|properties| ("properties", properties)));
    Json::Object(members)
}

fn package(bill: &Bill, name: &str) -> Json {
    let of = |key: &str| bill.value(Field::Packages, name, key);
    let version = of("version");
    let mut members = vec![
        ("type", Json::text("library")),
        ("bom-ref", Json::text(package_ref(name))),
        ("name", version.map_or_else(|| Json::text(name), |value| Json::as_proven_by(value, name))),
    ];
    members.extend(version.map(|value| ("version", Json::of(value))));
    // A package has a digest for each file it can be installed from: none of them is the one that was.
    let purl = purl::of_package(name, version.map(Value::text), of("channel").is_some());
    members.extend(purl.zip(version).map(|(purl, value)| ("purl", Json::as_proven_by(value, purl))));
    let rest = bill.values_about(Field::Packages, name).filter(|value| value.key() != "version");
    let properties: Vec<Json> = rest.map(|value| as_property(Field::Packages, value)).collect();
    members.extend(Json::list(properties).map(|properties| ("properties", properties)));
    Json::Object(members)
}

/// One component for each thing of a field about machine or language.
fn platform(bill: &Bill, field: Field, kind: &'static str) -> Vec<Json> {
    let things = bill.things(field).into_iter();
    things
        .map(|thing| {
            let of = |key: &str| bill.value(field, thing, key);
            let name = ["name", "model", "os"].into_iter().find_map(of);
            let version = ["version", "release", "driver", "requirement"].into_iter().find_map(of);
            let fallback = if thing.is_empty() { field.name() } else { thing };
            let mut members = vec![
                ("type", Json::text(kind)),
                ("bom-ref", Json::text(format!("{}:{thing}", field.name()))),
                ("name", name.map_or_else(|| Json::text(fallback), Json::of)),
            ];
            members.extend(version.map(|value| ("version", Json::of(value))));
            let properties = bill.values_about(field, thing).map(|value| as_property(field, value)).collect();
            members.extend(Json::list(properties).map(|properties| ("properties", properties)));
            Json::Object(members)
        })
        .collect()
}

/// A statement, to which citations attribute what they cite.
fn statement(proof: &Proof) -> Json {
    let digest = |text: String| {
        Json::List(vec![Json::Object(vec![("alg", Json::text("SHA-256")), ("content", Json::text(text))])])
    };
    let mut properties = vec![
        property("tallymark:log", Json::text(proof.origin())),
        property("tallymark:index", Json::text(proof.index().to_string())),
        property("tallymark:leaf", Json::text(proof.leaf().to_string())),
        property("tallymark:tree-size", Json::text(proof.tree_size().to_string())),
        property("tallymark:root", Json::text(proof.root())),
        property("tallymark:key-id", Json::text(format!("sha256:{}", proof.key_id()))),
    ];
    for (witness, time) in proof.cosignatures() {
        properties.push(property(format!("tallymark:cosigned:{witness}"), Json::text(time.to_string())));
    }
    Json::Object(vec![
        ("type", Json::text("data")),
        ("bom-ref", Json::text(proof_ref(proof))),
        ("name", Json::text(format!("{} statement", proof.kind()))),
        ("hashes", digest(proof.statement().to_string())),
        ("properties", Json::List(properties)),
    ])
}

/// The model depends on its data, base models and libraries; not on what a tool only names beside its inputs.
pub(super) fn dependencies(bill: &Bill) -> Json {
    let used = |field: Field| bill.things(field).into_iter().filter(|thing| !thing.is_empty());
    let mut on: Vec<String> = used(Field::DatasetName).map(|name| reference(Role::Dataset, name)).collect();
    on.extend(used(Field::BaseModel).map(|name| reference(Role::BaseModel, name)));
    on.extend(packages(bill).into_iter().map(package_ref));
    let leaves: Vec<Json> = on.iter().map(|name| Json::Object(vec![("ref", Json::text(name))])).collect();
    let mut members = vec![("ref", Json::text(MODEL))];
    members.extend(Json::list(on.into_iter().map(Json::text).collect()).map(|on| ("dependsOn", on)));
    Json::List(std::iter::once(Json::Object(members)).chain(leaves).collect())
}
