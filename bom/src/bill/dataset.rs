//! What the owner of a dataset signed about it: a source of the section on data, beside what the model's publisher says.

use attest::dataset::{DataSource, Dataset, Document, PersonalData};
use attest::digest::Sha256Digest;
use attest::provenance::{Input, InputDigest};
use attest::role::Role;
use attest::statement::{Predicate, Statement};

use super::Bill;
use crate::field::Field;
use crate::value::Grade;

/// Whether the statement is one of a dataset among these inputs: by its tree digest, whatever either calls it.
#[must_use]
pub fn is_of_an_input(statement: &Statement, inputs: &[Input]) -> bool {
    matches!(statement.predicate(), Predicate::Dataset(_)) && inputs_of(statement, inputs).next().is_some()
}

fn inputs_of<'a>(statement: &Statement, inputs: &'a [Input]) -> impl Iterator<Item = &'a Input> {
    let wanted = statement.tree_digest();
    let is_this = move |input: &&Input| match input.digest() {
        InputDigest::Tree { digest, .. } => input.role() == Role::Dataset && *digest == wanted,
        _ => false,
    };
    inputs.iter().filter(is_this)
}

impl Bill {
    /// Fills in what the statement says of each input that is this dataset; the newest proof is the statement's.
    ///
    /// How well a value is known ends with how well the digest is that ties the two: that somebody says which data were used is not
    /// made truer by what their owner says of them.
    pub(super) fn fill_from_dataset(&mut self, statement: &Statement) {
        let (Predicate::Dataset(dataset), Some(proof)) = (statement.predicate(), self.proofs.last()) else {
            return;
        };
        let signer = digest_text(proof.key_id());
        let inputs: Vec<(String, Grade)> = inputs_of(statement, &self.inputs)
            .map(|input| (input.name().to_string(), Grade::from(input.source())))
            .collect();
        for (name, tie) in inputs {
            let mut told = Told::default();
            told.verified(Field::DatasetName, "signed-as", statement.name().to_string(), "subject[0]");
            told.declared(Field::DatasetVersion, "version", statement.version().to_string(), "subject[0]");
            told.verified(Field::DatasetOwner, "signed-by", signer.clone(), "verifier");
            told.of(dataset);
            for (field, key, text, grade, at) in told.values {
                self.put(field, &name, key, text, grade.max(tie), &at);
            }
        }
    }
}

/// What a statement says of its dataset. Sizes and digests its signer took himself; the rest are his words.
#[derive(Default)]
struct Told {
    values: Vec<(Field, &'static str, String, Grade, String)>,
}

impl Told {
    fn verified(&mut self, field: Field, key: &'static str, text: String, at: &str) {
        self.values.push((field, key, text, Grade::Verified, at.to_owned()));
    }

    fn declared(&mut self, field: Field, key: &'static str, text: String, at: &str) {
        self.values.push((field, key, text, Grade::Declared, at.to_owned()));
    }

    fn of(&mut self, dataset: &Dataset) {
        let extent = dataset.extent();
        self.verified(Field::DatasetSize, "files", extent.files().to_string(), "predicate.files");
        self.verified(Field::DatasetSize, "bytes", extent.bytes().to_string(), "predicate.bytes");
        if let Some(digest) = dataset.by_content() {
            let at = "predicate.byContent";
            self.verified(Field::DatasetContent, "digest-of-contents", digest_text(digest), at);
        }
        let documents = [
            (Field::DatasetContent, "manifest", dataset.manifest()),
            (Field::Documents, "datasheet", dataset.datasheet()),
            (Field::Documents, "croissant", dataset.croissant()),
        ];
        for (field, key, document) in documents {
            let text = document.map(Document::digest).map(digest_text);
            text.into_iter().for_each(|text| self.verified(field, key, text, &format!("predicate.{key}")));
        }
        for (place, source) in dataset.sources().iter().enumerate() {
            self.source(source, &format!("predicate.sources[{place}]"));
        }
        for parent in dataset.derived_from() {
            let from = format!("{} {}", parent.name(), parent.digest());
            self.declared(Field::DatasetPreparation, "derived-from", from, "predicate.derivedFrom");
        }
        if let Some(transform) = dataset.transform() {
            let at = "predicate.transform";
            self.declared(Field::DatasetPreparation, "transform", digest_text(transform), at);
        }
        if let Some((start, end)) = dataset.collection() {
            let at = "predicate.collection";
            self.declared(Field::DatasetPreparation, "collected-from", start.to_string(), at);
            self.declared(Field::DatasetPreparation, "collected-to", end.to_string(), at);
        }
        for licence in dataset.licences() {
            self.declared(Field::DatasetLicense, "license", licence.clone(), "predicate.licences");
        }
        // That nobody says is no value.
        if dataset.personal_data() != PersonalData::Unknown {
            let answer = dataset.personal_data().as_str().to_owned();
            self.declared(Field::DatasetSensitivity, "personal-data", answer, "predicate.personalData");
        }
    }

    /// The place ties together what belongs to one source.
    fn source(&mut self, source: &DataSource, at: &str) {
        self.declared(Field::DatasetSource, "uri", source.uri().as_str().to_owned(), at);
        let told = [
            ("source-version", source.version().map(str::to_owned)),
            ("source-license", source.licence().map(str::to_owned)),
            ("retrieved", source.retrieved_at().map(|time| time.to_string())),
            ("source-digest", source.digest().map(digest_text)),
        ];
        for (key, text) in told {
            text.into_iter().for_each(|text| self.declared(Field::DatasetSource, key, text, at));
        }
    }
}

fn digest_text(digest: Sha256Digest) -> String {
    format!("sha256:{digest}")
}
