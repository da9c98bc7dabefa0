//! A statement's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json;
use crate::dsse::MAX_PAYLOAD_BYTES;
use crate::form::Form;
use crate::model_name::{ModelName, VersionLabel};
use crate::provenance::{PredicateJson, Provenance};
use crate::tree::{FileLeaf, Tree};
use crate::types;

use super::MAX_FILE_SUBJECTS;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatementJson<'a> {
    #[serde(rename = "_type")]
    statement_type: &'static str,
    subject: Vec<SubjectJson<'a>>,
    predicate_type: &'static str,
    predicate: PredicateJson<'a>,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    name: &'a str,
    digest: DigestJson,
    annotations: AnnotationsJson<'a>,
}

#[derive(Serialize)]
struct DigestJson {
    sha256: String,
}

#[derive(Serialize)]
struct AnnotationsJson<'a> {
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    bytes: String,
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

    fn write_statement(
        &self,
        name: &ModelName,
        version: &VersionLabel,
        tree: &Tree,
        files: &[FileLeaf],
    ) -> Vec<u8> {
        let model = SubjectJson {
            name: name.as_str(),
            digest: DigestJson { sha256: tree.digest().to_string() },
            annotations: AnnotationsJson {
                form: Form::ModelTree.as_str(),
                version: Some(version.as_str()),
                files: Some(tree.file_count()),
                bytes: tree.total_bytes().to_string(),
            },
        };
        let statement = StatementJson {
            statement_type: types::STATEMENT_TYPE,
            subject: core::iter::once(model).chain(files.iter().map(file_subject)).collect(),
            predicate_type: types::SLSA_PROVENANCE_V1,
            predicate: self.predicate_json(),
        };
        compact_json::to_vec(&statement)
    }
}

fn file_subject(file: &FileLeaf) -> SubjectJson<'_> {
    SubjectJson {
        name: file.path().as_str(),
        digest: DigestJson { sha256: file.sha256().to_string() },
        annotations: AnnotationsJson {
            form: Form::File.as_str(),
            version: None,
            files: None,
            bytes: file.size().to_string(),
        },
    }
}
