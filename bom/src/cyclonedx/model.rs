//! The model: `metadata.component`.

use attest::role::Role;

use super::{MODEL, as_property, hashes, is_address, licenses, property};
use crate::bill::Bill;
use crate::cited_json::Json;
use crate::cyclonedx::components;
use crate::field::{Field, Section};
use crate::value::Value;

/// Fields that stand elsewhere: in members of the model, in components, or in the formulation.
const ELSEWHERE: [Field; 23] = [
    Field::Name,
    Field::Version,
    Field::Digest,
    Field::License,
    Field::Description,
    Field::DatasetName,
    Field::DatasetVersion,
    Field::DatasetDigest,
    Field::DatasetSize,
    Field::DatasetSource,
    Field::DatasetLicense,
    Field::DatasetOwner,
    Field::DatasetAccess,
    Field::DatasetSensitivity,
    Field::DatasetBias,
    Field::DatasetPreparation,
    Field::DatasetContent,
    Field::BaseModel,
    Field::BaseDigest,
    Field::BaseSource,
    Field::Hyperparameters,
    Field::Packages,
    Field::Metrics,
];

pub(super) fn component(bill: &Bill) -> Json {
    let first = |field: Field| bill.values(field).first();
    let (group, name) = match bill.name().as_str().rsplit_once('/') {
        Some((group, name)) => (Some(group), name),
        None => (None, bill.name().as_str()),
    };
    let proven = |field: Field, text: &str| match first(field) {
        Some(value) => Json::as_proven_by(value, text),
        None => Json::text(text),
    };
    let mut members = vec![("type", Json::text("machine-learning-model")), ("bom-ref", Json::text(MODEL))];
    members.extend(organization(bill).map(|producer| ("manufacturer", producer)));
    members.extend(group.map(|group| ("group", proven(Field::Name, group))));
    members.push(("name", proven(Field::Name, name)));
    members.push(("version", proven(Field::Version, bill.version().as_str())));
    members.extend(first(Field::Description).map(|value| ("description", Json::of(value))));
    members.extend(hashes(bill.values(Field::Digest).iter()).map(|hashes| ("hashes", hashes)));
    members.extend(licenses(bill.values(Field::License).iter()).map(|licenses| ("licenses", licenses)));
    members.extend(pedigree(bill).map(|pedigree| ("pedigree", pedigree)));
    members.extend(references(bill).map(|references| ("externalReferences", references)));
    members.extend(Json::list(files(bill)).map(|files| ("components", files)));
    members.extend(card(bill).map(|card| ("modelCard", card)));
    members.extend(Json::list(properties(bill)).map(|properties| ("properties", properties)));
    Json::Object(members)
}

fn organization(bill: &Bill) -> Option<Json> {
    let named = |value: &&Value| value.key() == "organization";
    let value = bill.values(Field::Producer).iter().find(named)?;
    Some(Json::Object(vec![("name", Json::of(value))]))
}

fn properties(bill: &Bill) -> Vec<Json> {
    let mut properties = vec![property("tallymark:digest-form", Json::text("model-tree/v1"))];
    for field in Field::ALL.into_iter().filter(|field| !ELSEWHERE.contains(field)) {
        properties.extend(bill.values(field).iter().map(|value| as_property(field, value)));
    }
    // What tools name and no input stands for has a component only if it has a name; the rest would be lost.
    let orphans =
        Field::ALL.into_iter().filter(|field| field.section() == Section::Data && field.role().is_some());
    for field in orphans {
        properties.extend(bill.values_about(field, "").map(|value| as_property(field, value)));
    }
    properties
}

/// The files with the hashes that other tools compute.
fn files(bill: &Bill) -> Vec<Json> {
    let files = bill.files().iter();
    files
        .map(|file| {
            let digest = bill.values(Field::Digest).first();
            let text = file.digest().to_string();
            // The tree digest is over these, so what proves it proves them.
            let content = digest.map_or_else(|| Json::text(&text), |value| Json::as_proven_by(value, &text));
            let hash = Json::Object(vec![("alg", Json::text("SHA-256")), ("content", content)]);
            Json::Object(vec![
                ("type", Json::text("file")),
                ("bom-ref", Json::text(format!("file:{}", file.path()))),
                ("name", Json::text(file.path())),
                ("hashes", Json::List(vec![hash])),
                (
                    "properties",
                    Json::List(vec![property("tallymark:bytes", Json::text(file.bytes().to_string()))]),
                ),
            ])
        })
        .collect()
}

/// Base models as ancestors, and the commit of the code.
fn pedigree(bill: &Bill) -> Option<Json> {
    let ancestors = bill.things(Field::BaseModel).into_iter().filter(|thing| !thing.is_empty());
    let ancestors = ancestors.map(|name| components::base_model(bill, name, None)).collect();
    // Of several that are told only those of the inputs, if there are any: what a tracker says beside them is a property.
    let code = bill.things(Field::Commit);
    let commits = bill.values(Field::Commit).iter().filter(|value| value.key() == "commit");
    let commits = commits.filter(|value| code.contains(&value.about()));
    let commits = commits
        .map(|value| {
            let url = bill.value(Field::Repository, value.about(), "uri");
            let url = url.filter(|value| is_address(value)).map(Json::of);
            let uid = value.text().strip_prefix("gitCommit:").unwrap_or(value.text());
            let members = [("uid", Some(Json::as_proven_by(value, uid))), ("url", url)];
            Json::Object(members.into_iter().filter_map(|(name, member)| Some((name, member?))).collect())
        })
        .collect();
    let notes = bill.values(Field::Relation).first().map(Json::of);
    Json::object([("ancestors", Json::list(ancestors)), ("commits", Json::list(commits)), ("notes", notes)])
}

/// The bundle beside the model, and where its code and log are said to be.
fn references(bill: &Bill) -> Option<Json> {
    let reference = |kind: &str, url: Json, comment: String| {
        Json::Object(vec![("url", url), ("comment", Json::text(comment)), ("type", Json::text(kind))])
    };
    let mut references = Vec::new();
    if !bill.proofs().is_empty() {
        let comment = "signed statements with their proofs of logging".to_owned();
        references.push(reference("attestation", Json::text("tallymark.jsonl"), comment));
    }
    Json::list(references)
}

fn card(bill: &Bill) -> Option<Json> {
    let first =
        |field: Field, key: &str| bill.values(field).iter().find(|value| value.key() == key).map(Json::of);
    let datasets = bill.things(Field::DatasetName).into_iter().filter(|thing| !thing.is_empty());
    let datasets = datasets
        .map(|name| Json::Object(vec![("ref", Json::text(components::reference(Role::Dataset, name)))]))
        .collect();
    let parameters = Json::object([
        ("task", first(Field::Task, "task")),
        ("architectureFamily", first(Field::Architecture, "model-type")),
        ("modelArchitecture", first(Field::Architecture, "architecture")),
        ("datasets", Json::list(datasets)),
    ]);
    let analysis = Json::object([("performanceMetrics", Json::list(metrics(bill)))]);
    let considerations = considerations(bill);
    let hyperparameters = bill.values(Field::Hyperparameters).iter();
    let hyperparameters = hyperparameters
        .map(|value| property(format!("tallymark:hyperparameter:{}", value.about()), Json::of(value)))
        .collect();
    Json::object([
        ("modelParameters", parameters),
        ("quantitativeAnalysis", analysis),
        ("considerations", considerations),
        ("properties", Json::list(hyperparameters)),
    ])
}

/// A metric's value is a text in CycloneDX too.
fn metrics(bill: &Bill) -> Vec<Json> {
    let values = bill.values(Field::Metrics).iter().filter(|value| value.key() == "value");
    values
        .map(|value| {
            let kind = bill.value(Field::Metrics, value.about(), "name");
            let kind = kind.map_or_else(|| Json::as_proven_by(value, value.about()), Json::of);
            let slice = bill.value(Field::Metrics, value.about(), "dataset").map(Json::of);
            let members = [("type", Some(kind)), ("value", Some(Json::of(value))), ("slice", slice)];
            Json::Object(members.into_iter().filter_map(|(name, member)| Some((name, member?))).collect())
        })
        .collect()
}

fn considerations(bill: &Bill) -> Option<Json> {
    let texts = |field: Field| Json::list(bill.values(field).iter().map(Json::of).collect());
    Json::object([("technicalLimitations", texts(Field::KnownBias))])
}
