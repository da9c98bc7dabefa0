//! Which field a fact belongs to.

use attest::provenance::{Fact, Topic};

use crate::field::Field;

/// The field that takes the fact; `None` if the bill has no place for it.
pub(super) fn field_of(fact: &Fact) -> Option<Field> {
    let (about, key) = (fact.about(), fact.key());
    match fact.topic() {
        Topic::Identity => identity(key),
        Topic::Data => data(key),
        Topic::Code => code(key),
        Topic::BaseModel => base_model(key),
        Topic::Parameter => Some(Field::Hyperparameters),
        Topic::Metric => Some(Field::Metrics),
        Topic::Package => package(about, key),
        Topic::Hardware => hardware(about, key),
        Topic::Run => Some(run(key)),
        Topic::Document => (key != "section").then_some(Field::Documents),
        Topic::Custody => Some(custody(key)),
    }
}

fn identity(key: &str) -> Option<Field> {
    Some(match key {
        "license" | "license-name" | "license-uri" => Field::License,
        "format" | "format-version" | "library" | "framework" | "flavor" | "chat-template" => Field::Format,
        "architecture" | "model-type" | "adapter" | "layer" => Field::Architecture,
        "parameters" | "size-label" => Field::Parameters,
        "dtype" | "quantization" | "quantization-version" => Field::NumberType,
        "task" | "domain" | "language" => Field::Task,
        "description" => Field::Description,
        "author" | "organization" => Field::Producer,
        "code" | "remote-code" => Field::LoadsCode,
        "stage" | "stage-status" | "status" => Field::Stage,
        "name" | "alias" | "repository" | "revision" | "ref" | "version" | "uri" | "model-id"
        | "artifact-uri" | "created" | "digest" | "tag" => Field::OtherNames,
        _ => return None,
    })
}

fn data(key: &str) -> Option<Field> {
    Some(match key {
        "name" => Field::DatasetName,
        "version" | "revision" | "alias" | "tracker-digest" => Field::DatasetVersion,
        "digest" => Field::DatasetDigest,
        "bytes" | "files" | "rows" | "size" => Field::DatasetSize,
        "uri" | "path" | "source-type" | "upstream-path" | "branch" => Field::DatasetSource,
        "license" => Field::DatasetLicense,
        "author" => Field::DatasetOwner,
        "sensitive" => Field::DatasetSensitivity,
        "biases" | "limitations" => Field::DatasetBias,
        "collection" | "annotations-per-item" | "output-of" => Field::DatasetPreparation,
        "description" | "context" | "direction" | "format" | "media-type" | "use-cases" | "published"
        | "input-of" => Field::DatasetContent,
        _ => return None,
    })
}

fn code(key: &str) -> Option<Field> {
    Some(match key {
        "commit" => Field::Commit,
        "dirty" | "patch" => Field::WorkTree,
        "digest" => Field::CodeDigest,
        "uri" | "branch" => Field::Repository,
        _ => return None,
    })
}

fn base_model(key: &str) -> Option<Field> {
    Some(match key {
        "name" | "relation" | "organization" => Field::BaseModel,
        "repository-uri" | "artifact-uri" | "revision" | "version" | "created" => Field::BaseSource,
        _ => return None,
    })
}

fn package(about: &str, key: &str) -> Option<Field> {
    Some(match (about, key) {
        ("python", "version" | "requirement") => Field::Language,
        ("", "digest" | "form" | "packages" | "tool" | "installer") => Field::EnvironmentDigest,
        (_, "version" | "requirement" | "digest" | "record" | "uri" | "installer" | "extras" | "channel")
            if !about.is_empty() =>
        {
            Field::Packages
        }
        _ => return None,
    })
}

fn hardware(about: &str, key: &str) -> Option<Field> {
    Some(match (about, key) {
        (_, "driver" | "cuda") => Field::Driver,
        ("cpu" | "memory", _) => Field::Processor,
        ("os" | "kernel", _) | (_, "os") => Field::OperatingSystem,
        (_, "model" | "count" | "firmware" | "uuid" | "serial" | "total-bytes") => Field::Accelerator,
        _ => return None,
    })
}

fn run(key: &str) -> Field {
    match key {
        "command" | "program" | "argument" | "executable" => Field::Command,
        "started" | "finished" | "runtime-seconds" => Field::RunTime,
        "image" | "image-digest" => Field::Container,
        "user" | "host" | "email" | "entity" => Field::NamedPeople,
        _ => Field::RunRecord,
    }
}

fn custody(key: &str) -> Field {
    match key {
        "approval" | "approval-description" => Field::Approval,
        "alias" | "tag" => Field::Stage,
        _ => Field::NamedPeople,
    }
}
