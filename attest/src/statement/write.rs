//! A statement's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json::{self, Sha256Json};
use crate::dataset::Dataset;
use crate::dsse::MAX_PAYLOAD_BYTES;
use crate::evaluation::Evaluation;
use crate::event::Event;
use crate::form::Form;
use crate::format_scan::FormatScan;
use crate::model_name::{ModelName, VersionLabel};
use crate::provenance::{Extent, Provenance};
use crate::tree::{FileLeaf, Tree, TreeDigest};
use crate::types;
use crate::verdict::Summary;

use super::{MAX_FILE_SUBJECTS, StatementKind};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatementJson<'a, P: Serialize> {
    #[serde(rename = "_type")]
    statement_type: &'static str,
    subject: Vec<SubjectJson<'a>>,
    predicate_type: &'static str,
    predicate: P,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    name: &'a str,
    digest: Sha256Json,
    annotations: AnnotationsJson<'a>,
}

#[derive(Serialize)]
struct AnnotationsJson<'a> {
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

impl Provenance {
    /// Writes the statement that says this provenance of a model: compact JSON in one fixed order, the same bytes
    /// for the same arguments.
    ///
    /// The files are subjects too, in path order, if they are at most [`MAX_FILE_SUBJECTS`] and the statement stays
    /// within [`MAX_PAYLOAD_BYTES`].
    #[must_use]
    pub fn to_statement_bytes(&self, name: &ModelName, version: &VersionLabel, tree: &Tree) -> Vec<u8> {
        if tree.files().len() <= MAX_FILE_SUBJECTS {
            let bytes = self.write_statement(name, version, tree, tree.files());
            if bytes.len() <= MAX_PAYLOAD_BYTES {
                return bytes;
            }
        }
        self.write_statement(name, version, tree, &[])
    }

    /// The same without file subjects, for a model whose paths are private.
    #[must_use]
    pub fn to_statement_bytes_without_files(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        tree: &Tree,
    ) -> Vec<u8> {
        self.write_statement(name, version, tree, &[])
    }

    fn write_statement(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        tree: &Tree,
        files: &[FileLeaf],
    ) -> Vec<u8> {
        let model = first_subject(name, version, tree.digest(), Some(Extent::of(tree)));
        let subject = core::iter::once(model).chain(files.iter().map(file_subject)).collect();
        write(StatementKind::Provenance, subject, self.predicate_json())
    }
}

impl Dataset {
    /// Writes the statement that says this of the dataset with that tree digest: compact JSON in one fixed order.
    #[must_use]
    pub fn to_statement_bytes(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        digest: TreeDigest,
    ) -> Vec<u8> {
        let subject = vec![first_subject(name, version, digest, None)];
        write(StatementKind::Dataset, subject, self.predicate_json())
    }
}

impl Evaluation {
    /// Writes the statement that says this of the model with that tree digest: compact JSON in one fixed order.
    #[must_use]
    pub fn to_statement_bytes(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        digest: TreeDigest,
    ) -> Vec<u8> {
        let subject = vec![first_subject(name, version, digest, None)];
        write(StatementKind::Evaluation, subject, self.predicate_json())
    }
}

impl Event {
    /// Writes the statement that says this of the model with that tree digest: compact JSON in one fixed order.
    #[must_use]
    pub fn to_statement_bytes(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        digest: TreeDigest,
    ) -> Vec<u8> {
        let subject = vec![first_subject(name, version, digest, None)];
        write(StatementKind::Event, subject, self.predicate_json())
    }
}

impl FormatScan {
    /// Writes the statement that says this of the model with that tree digest: compact JSON in one fixed order.
    #[must_use]
    pub fn to_statement_bytes(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        digest: TreeDigest,
    ) -> Vec<u8> {
        let subject = vec![first_subject(name, version, digest, None)];
        write(StatementKind::Scan, subject, self.predicate_json())
    }
}

impl Summary {
    /// Writes the statement that says this of the model with that tree digest: compact JSON in one fixed order.
    #[must_use]
    pub fn to_statement_bytes(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        digest: TreeDigest,
    ) -> Vec<u8> {
        let subject = vec![first_subject(name, version, digest, None)];
        write(StatementKind::Verdict, subject, self.predicate_json())
    }
}

fn write<P: Serialize>(kind: StatementKind, subject: Vec<SubjectJson<'_>>, predicate: P) -> Vec<u8> {
    compact_json::to_vec(&StatementJson {
        statement_type: types::STATEMENT_TYPE,
        subject,
        predicate_type: kind.predicate_type(),
        predicate,
    })
}

fn first_subject<'a>(
    name: &'a ModelName,
    version: &'a VersionLabel,
    digest: TreeDigest,
    extent: Option<Extent>,
) -> SubjectJson<'a> {
    SubjectJson {
        name: name.as_str(),
        digest: Sha256Json::of(digest.digest()),
        annotations: AnnotationsJson {
            form: Form::ModelTree.as_str(),
            version: Some(version.as_str()),
            files: extent.map(Extent::files),
            bytes: extent.map(|extent| extent.bytes().to_string()),
        },
    }
}

fn file_subject(file: &FileLeaf) -> SubjectJson<'_> {
    SubjectJson {
        name: file.path().as_str(),
        digest: Sha256Json::of(file.sha256()),
        annotations: AnnotationsJson {
            form: Form::File.as_str(),
            version: None,
            files: None,
            bytes: Some(file.size().to_string()),
        },
    }
}
