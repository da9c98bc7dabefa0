//! The elements of the document.

use std::collections::BTreeSet;

use attest::role::Role;
use attest::types::BUILD_TYPE_TRAIN_V1;

use super::{Graph, entry, extension, is_address, moment, verified_using};
use crate::bill::Bill;
use crate::cited_json::Json;
use crate::field::{Field, Section};
use crate::purl;
use crate::value::Value;

/// Fields of the model that have a member; all others of its sections go into the extension.
const OF_THE_MODEL: [Field; 9] = [
    Field::Name,
    Field::Version,
    Field::Digest,
    Field::License,
    Field::Description,
    Field::Hyperparameters,
    Field::Metrics,
    Field::Packages,
    Field::KnownBias,
];

type Members = Vec<(&'static str, Json)>;

/// Adds everything; gives the identifier of the model.
pub(super) fn all(graph: &mut Graph<'_>) -> String {
    let bill = graph.bill;
    let signer = bill.proofs().first().map(|proof| {
        let members = vec![(
            "name",
            Json::text(format!("key sha256:{}, admitted for {}", proof.key_id(), proof.pattern())),
        )];
        graph.add("signer", "Agent", members)
    });
    let model = graph.add("model", "ai_AIPackage", model(bill, signer.as_deref()));
    let files: Vec<String> =
        bill.files().iter().map(|file| graph.add("file", "software_File", self::file(bill, file))).collect();
    let datasets: Vec<(&str, String)> = named(bill, Role::Dataset)
        .into_iter()
        .map(|name| {
            let id = graph.add("dataset", "dataset_DatasetPackage", dataset(bill, name));
            licence(graph, &id, Field::DatasetLicense, name);
            (name, id)
        })
        .collect();
    let bases: Vec<(&str, String)> = named(bill, Role::BaseModel)
        .into_iter()
        .map(|name| (name, graph.add("base-model", "ai_AIPackage", base_model(bill, name))))
        .collect();
    let names: BTreeSet<&str> = bill.values(Field::Packages).iter().map(Value::about).collect();
    let packages: Vec<String> =
        names.into_iter().map(|name| graph.add("package", "software_Package", package(bill, name))).collect();
    licence(graph, &model, Field::License, "");
    graph.relate(&model, "contains", files);
    graph.relate(&model, "dependsOn", packages);
    super::relations::all(graph, &model, signer, &datasets, &bases);
    model
}

/// Names of what has that role, hashed or only spoken of.
fn named(bill: &Bill, role: Role) -> Vec<&str> {
    let fields = Field::ALL.into_iter().filter(|field| field.role() == Some(role));
    let names: BTreeSet<&str> = fields.flat_map(|field| bill.values(field)).map(Value::about).collect();
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The licences about one thing, as elements of their own.
fn licence(graph: &mut Graph<'_>, of: &str, field: Field, about: &str) {
    let bill = graph.bill;
    let is_about = |value: &&Value| field == Field::License || value.about() == about;
    let words = bill.values(field).iter().filter(is_about).filter(|value| value.key() == "license");
    let mut licences = Vec::new();
    for value in words {
        licences.push(match crate::licence::known(value.text()) {
            Some(id) => {
                let members = vec![("simplelicensing_licenseExpression", Json::as_proven_by(value, id))];
                graph.add("licence", "simplelicensing_LicenseExpression", members)
            }
            // Not an expression, or not one that is known to be: it stands as the text that it is.
            None => {
                let members = vec![("simplelicensing_licenseText", Json::of(value))];
                graph.add("licence", "simplelicensing_SimpleLicensingText", members)
            }
        });
    }
    graph.relate(of, "hasDeclaredLicense", licences);
}

fn model(bill: &Bill, signer: Option<&str>) -> Members {
    let first = |field: Field| bill.values(field).first();
    let texts = |field: Field, keys: &[&str]| {
        let values = bill.values(field).iter().filter(|value| keys.contains(&value.key()));
        Json::list(values.map(Json::of).collect())
    };
    let mut members: Members = Vec::new();
    members.extend(first(Field::Name).map(|value| ("name", Json::of(value))));
    members.extend(first(Field::Description).map(|value| ("description", Json::of(value))));
    members.extend(first(Field::Version).map(|value| ("software_packageVersion", Json::of(value))));
    members.push(("software_primaryPurpose", Json::text("model")));
    members.extend(verified_using(bill.values(Field::Digest).iter()).map(|hashes| ("verifiedUsing", hashes)));
    members.extend(signer.map(|signer| ("suppliedBy", Json::text(signer))));
    let built = bill.value(Field::RunTime, "", "finished").and_then(moment);
    members.extend(built.map(|time| ("builtTime", time)));
    members.extend(
        texts(Field::Architecture, &["architecture", "model-type"]).map(|kinds| ("ai_typeOfModel", kinds)),
    );
    members.extend(texts(Field::Task, &["task", "domain"]).map(|domains| ("ai_domain", domains)));
    let parameters = bill.values(Field::Hyperparameters).iter();
    let parameters = Json::list(parameters.map(|value| entry(value.about(), value)).collect());
    members.extend(parameters.map(|parameters| ("ai_hyperparameter", parameters)));
    let metrics = bill.values(Field::Metrics).iter().filter(|value| value.key() == "value");
    let metrics = Json::list(metrics.map(|value| entry(value.about(), value)).collect());
    members.extend(metrics.map(|metrics| ("ai_metric", metrics)));
    members.extend(first(Field::Relation).map(|value| ("ai_informationAboutTraining", Json::of(value))));
    members.extend(first(Field::KnownBias).map(|value| ("ai_limitation", Json::of(value))));
    let rest = Field::ALL
        .into_iter()
        .filter(|field| !OF_THE_MODEL.contains(field) && field.role() != Some(Role::Dataset));
    let rest = rest.filter(|field| field.role() != Some(Role::BaseModel));
    let rest = rest.flat_map(|field| bill.values(field).iter().map(move |value| (field, value)));
    members.extend(extension(rest).map(|rest| ("extension", rest)));
    members
}

fn file(bill: &Bill, file: &crate::bill::BillFile) -> Members {
    let proven = bill.values(Field::Digest).first();
    let digits = file.digest().to_string();
    let hash = proven.map_or_else(|| Json::text(&digits), |value| Json::as_proven_by(value, &digits));
    vec![
        ("name", Json::text(file.path())),
        ("software_fileKind", Json::text("file")),
        (
            "verifiedUsing",
            Json::List(vec![Json::Object(vec![
                ("type", Json::text("Hash")),
                ("algorithm", Json::text("sha256")),
                ("hashValue", hash),
            ])]),
        ),
    ]
}

fn dataset(bill: &Bill, name: &str) -> Members {
    let of = |field: Field, key: &str| bill.value(field, name, key);
    let texts = |field: Field, key: &str| {
        let values = bill.values_about(field, name).filter(|value| value.key() == key);
        Json::list(values.map(Json::of).collect())
    };
    let label = of(Field::DatasetName, "name");
    let mut members: Members =
        vec![("name", label.map_or_else(|| Json::text(name), |value| Json::as_proven_by(value, name)))];
    members.extend(of(Field::DatasetContent, "description").map(|value| ("description", Json::of(value))));
    let version = of(Field::DatasetVersion, "version").or_else(|| of(Field::DatasetVersion, "revision"));
    members.extend(version.map(|value| ("software_packageVersion", Json::of(value))));
    members.push(("software_primaryPurpose", Json::text("data")));
    // What kind of data it is nobody says.
    members.push(("dataset_datasetType", Json::List(vec![Json::text("noAssertion")])));
    let size = of(Field::DatasetSize, "bytes").and_then(|value| value.text().parse().ok());
    members.extend(size.map(|bytes| ("dataset_datasetSize", Json::Number(bytes))));
    let digests = bill.values_about(Field::DatasetDigest, name);
    members.extend(verified_using(digests).map(|hashes| ("verifiedUsing", hashes)));
    let uri = of(Field::DatasetSource, "uri").filter(|value| is_address(value));
    members.extend(uri.map(|value| ("software_downloadLocation", Json::of(value))));
    members.extend(
        of(Field::DatasetPreparation, "collection")
            .map(|value| ("dataset_dataCollectionProcess", Json::of(value))),
    );
    members.extend(texts(Field::DatasetBias, "biases").map(|biases| ("dataset_knownBias", biases)));
    members
        .extend(of(Field::DatasetContent, "use-cases").map(|value| ("dataset_intendedUse", Json::of(value))));
    if let Some(presence) = personal_information(bill, name) {
        members.push(("dataset_hasSensitivePersonalInformation", Json::text(presence)));
    }
    let fields = Section::Data.fields().filter(|field| field.role().is_some());
    let rest = fields.flat_map(|field| bill.values_about(field, name).map(move |value| (field, value)));
    members.extend(extension(rest).map(|rest| ("extension", rest)));
    members
}

/// Whether the dataset holds data about people, as SPDX has it: if two disagree, it does.
fn personal_information(bill: &Bill, name: &str) -> Option<&'static str> {
    let presence = |value: &Value| match (value.key(), value.text()) {
        ("personal-data", "none") => "no",
        ("personal-data", "possible") => "noAssertion",
        _ => "yes",
    };
    let presences: Vec<_> = bill.values_about(Field::DatasetSensitivity, name).map(presence).collect();
    ["yes", "noAssertion", "no"].into_iter().find(|presence| presences.contains(presence))
}

fn base_model(bill: &Bill, name: &str) -> Members {
    let label = bill.value(Field::BaseModel, name, "name");
    let mut members: Members =
        vec![("name", label.map_or_else(|| Json::text(name), |value| Json::as_proven_by(value, name)))];
    let of = |key: &str| bill.value(Field::BaseSource, name, key);
    members.extend(
        of("version").or_else(|| of("revision")).map(|value| ("software_packageVersion", Json::of(value))),
    );
    members.push(("software_primaryPurpose", Json::text("model")));
    let digests = bill.values_about(Field::BaseDigest, name);
    members.extend(verified_using(digests).map(|hashes| ("verifiedUsing", hashes)));
    let uri = of("uri").filter(|value| is_address(value));
    let member = |value: &Value| {
        if value.text().starts_with("pkg:") { "software_packageUrl" } else { "software_downloadLocation" }
    };
    members.extend(uri.map(|value| (member(value), Json::of(value))));
    let fields = [Field::BaseModel, Field::BaseSource];
    let rest =
        fields.into_iter().flat_map(|field| bill.values_about(field, name).map(move |value| (field, value)));
    members.extend(extension(rest).map(|rest| ("extension", rest)));
    members
}

fn package(bill: &Bill, name: &str) -> Members {
    let of = |key: &str| bill.value(Field::Packages, name, key);
    let version = of("version");
    let mut members: Members =
        vec![("name", version.map_or_else(|| Json::text(name), |value| Json::as_proven_by(value, name)))];
    members.extend(version.map(|value| ("software_packageVersion", Json::of(value))));
    let purl = purl::of_package(name, version.map(Value::text), of("channel").is_some());
    members.extend(
        purl.zip(version).map(|(purl, value)| ("software_packageUrl", Json::as_proven_by(value, purl))),
    );
    let rest = bill.values_about(Field::Packages, name).filter(|value| value.key() != "version");
    members.extend(extension(rest.map(|value| (Field::Packages, value))).map(|rest| ("extension", rest)));
    members
}

/// The run: SPDX's build.
pub(super) fn build(bill: &Bill) -> Members {
    let mut members: Members = vec![("build_buildType", Json::text(BUILD_TYPE_TRAIN_V1))];
    members.extend(bill.values(Field::Relation).first().map(|value| ("name", Json::of(value))));
    let time = |key: &str| bill.value(Field::RunTime, "", key).and_then(moment);
    members.extend(time("started").map(|time| ("build_buildStartTime", time)));
    members.extend(time("finished").map(|time| ("build_buildEndTime", time)));
    let program = bill.value(Field::Command, "", "program");
    members.extend(program.map(|value| ("build_configSourceEntrypoint", Json::List(vec![Json::of(value)]))));
    let repositories =
        bill.values(Field::Repository).iter().filter(|value| value.key() == "uri" && is_address(value));
    let repositories = Json::list(repositories.map(Json::of).collect());
    members.extend(repositories.map(|list| ("build_configSourceUri", list)));
    members.extend(
        verified_using(bill.values(Field::CodeDigest).iter()).map(|list| ("build_configSourceDigest", list)),
    );
    let environment = [
        Field::Language,
        Field::OperatingSystem,
        Field::Processor,
        Field::Accelerator,
        Field::Driver,
        Field::Container,
    ];
    let entries = environment.into_iter().flat_map(|field| bill.values(field));
    let entries =
        entries.map(|value| entry(format!("{} {}", value.about(), value.key()).trim_start(), value));
    members.extend(Json::list(entries.collect()).map(|entries| ("build_environment", entries)));
    members
}
