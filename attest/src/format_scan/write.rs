//! The predicate's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json::Sha256Json;

use super::{FormatScan, ListedTemplate, ScanFinding, ScanPlace};

/// `scan/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PredicateJson<'a> {
    scanner: ScannerJson<'a>,
    rules: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exceptions: &'a [String],
    result: &'static str,
    files: u64,
    bytes: String,
    formats: Vec<FormatJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted_findings: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    templates: Vec<TemplateJson<'a>>,
    not_evaluated: &'a [String],
}

#[derive(Serialize)]
struct ScannerJson<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct FormatJson<'a> {
    format: &'a str,
    files: u64,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    members: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<String>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    reason: &'a str,
    what: &'a str,
    #[serde(flatten)]
    place: PlaceJson<'a>,
}

#[derive(Serialize)]
struct TemplateJson<'a> {
    key: &'a str,
    #[serde(flatten)]
    place: PlaceJson<'a>,
    digest: Sha256Json,
    bytes: String,
}

fn place(place: &ScanPlace) -> PlaceJson<'_> {
    let offset = place.offset().map(|offset| offset.to_string());
    PlaceJson { file: place.file().as_str(), members: place.members(), offset }
}

fn finding(finding: &ScanFinding) -> FindingJson<'_> {
    FindingJson { reason: finding.reason(), what: finding.what(), place: place(finding.place()) }
}

fn template(template: &ListedTemplate) -> TemplateJson<'_> {
    TemplateJson {
        key: template.key(),
        place: place(template.place()),
        digest: Sha256Json::of(template.digest()),
        bytes: template.bytes().to_string(),
    }
}

impl FormatScan {
    /// The predicate, ready to be written.
    pub(crate) fn predicate_json(&self) -> PredicateJson<'_> {
        let (name, version) = self.scanner();
        PredicateJson {
            scanner: ScannerJson { name, version },
            rules: self.rules(),
            exceptions: self.exceptions(),
            result: self.result(),
            files: self.extent().files(),
            bytes: self.extent().bytes().to_string(),
            formats: self
                .formats()
                .iter()
                .map(|(format, files)| FormatJson { format, files: *files })
                .collect(),
            findings: self.findings().iter().map(finding).collect(),
            omitted_findings: Some(self.omitted()).filter(|omitted| *omitted > 0),
            templates: self.templates().iter().map(template).collect(),
            not_evaluated: self.not_evaluated(),
        }
    }
}
