//! The predicate's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json::Sha256Json;
use crate::form::Form;
use crate::provenance::DependencyJson;

use super::{DataSource, Dataset, Document};

/// `dataset/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PredicateJson<'a> {
    form: &'static str,
    files: u64,
    bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_content: Option<Sha256Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<DocumentJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    derived_from: Vec<DependencyJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform: Option<String>,
    personal_data: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<CollectionJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datasheet: Option<DocumentJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    croissant: Option<DocumentJson<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    licences: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentJson<'a> {
    media_type: &'a str,
    digest: Sha256Json,
    bytes: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceJson<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retrieved_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Sha256Json>,
}

#[derive(Serialize)]
struct CollectionJson {
    start: String,
    end: String,
}

impl Dataset {
    /// The predicate, ready to be written.
    pub(crate) fn predicate_json(&self) -> PredicateJson<'_> {
        PredicateJson {
            form: Form::ModelTree.as_str(),
            files: self.extent.files(),
            bytes: self.extent.bytes().to_string(),
            by_content: self.by_content.map(Sha256Json::of),
            manifest: self.manifest.as_ref().map(document),
            sources: self.sources.iter().map(source).collect(),
            derived_from: self.derived_from.iter().map(DependencyJson::of).collect(),
            transform: self.transform.map(crate::digest::Sha256Digest::to_named),
            personal_data: self.personal_data.as_str(),
            collection: self
                .collection
                .map(|(start, end)| CollectionJson { start: start.to_string(), end: end.to_string() }),
            datasheet: self.datasheet.as_ref().map(document),
            croissant: self.croissant.as_ref().map(document),
            licences: &self.licences,
        }
    }
}

fn document(document: &Document) -> DocumentJson<'_> {
    DocumentJson {
        media_type: document.media_type(),
        digest: Sha256Json::of(document.digest()),
        bytes: document.bytes().to_string(),
    }
}

fn source(source: &DataSource) -> SourceJson<'_> {
    SourceJson {
        uri: source.uri().as_str(),
        version: source.version(),
        retrieved_at: source.retrieved_at().map(|time| time.to_string()),
        licence: source.licence(),
        digest: source.digest().map(Sha256Json::of),
    }
}
