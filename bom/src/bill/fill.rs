//! What each member of a statement puts into the bill.

use attest::provenance::{ByproductRole, Extent, Fact, Input, InputDigest, Provenance, Relation, Run, Topic};
use attest::role::Role;
use attest::statement::Statement;

use super::facts::field_of;
use super::{Bill, OPENED, Standing};
use crate::field::Field;
use crate::value::Grade;

impl Bill {
    /// Fills in all that the statement of the verdict says.
    pub(super) fn fill_from(&mut self, statement: &Statement) {
        self.subject(statement);
        if let Some(provenance) = statement.provenance() {
            self.relation_of(provenance);
            for input in provenance.inputs() {
                self.input(input);
            }
            if provenance.relation() == Relation::Pretrain && !self.names_a_base(provenance) {
                let at = "externalParameters.relation";
                self.put(Field::BaseModel, "", "name", "none", Grade::Declared, at);
            }
            self.run(provenance.run());
        }
        self.proof();
    }

    fn subject(&mut self, statement: &Statement) {
        let at = "subject[0]";
        self.put(Field::Name, "", "name", statement.name().to_string(), Grade::Verified, at);
        // The trust file says who may sign the name. The label is the signer's word.
        self.put(Field::Version, "", "version", statement.version().to_string(), Grade::Declared, at);
        let digest = format!("sha256:{}", statement.tree_digest());
        self.put(Field::Digest, "", "model-tree/v1", digest, Grade::Verified, at);
        if let Some(extent) = statement.extent() {
            self.files_and_bytes(Field::Size, "", extent, Grade::Verified, at);
        }
    }

    fn relation_of(&mut self, provenance: &Provenance) {
        let at = "externalParameters.relation";
        self.put(Field::Relation, "", "relation", provenance.relation().to_string(), Grade::Declared, at);
        let builder = provenance.builder_id();
        self.put(Field::RunRecord, "", "builder", builder, Grade::Verified, "runDetails.builder");
        let version = provenance.tool_version().to_string();
        self.put(Field::RunRecord, "", "tallymark", version, Grade::Declared, "runDetails.builder.version");
    }

    fn names_a_base(&self, provenance: &Provenance) -> bool {
        provenance.inputs().iter().any(|input| input.role() == Role::BaseModel)
            || provenance.run().facts().iter().any(|fact| fact.topic() == Topic::BaseModel)
    }

    fn input(&mut self, input: &Input) {
        let (input, opened) = input.clone().opened(&self.openings);
        let (input, opened) = (&input, if opened { OPENED } else { "" });
        let name = input.name().as_str();
        let grade = Grade::from(input.source());
        let at = format!("resolvedDependencies: {} {name}{opened}", input.role());
        match input.role() {
            Role::Dataset => {
                self.put(Field::DatasetName, name, "name", name, Grade::Declared, &at);
                self.digest(Field::DatasetDigest, input, grade, &at);
                self.extent_of(Field::DatasetSize, input, grade, &at);
                self.uri(Field::DatasetSource, input, &at);
            }
            Role::BaseModel => {
                self.put(Field::BaseModel, name, "name", name, Grade::Declared, &at);
                self.digest(Field::BaseDigest, input, grade, &at);
                self.uri(Field::BaseSource, input, &at);
            }
            Role::Code => self.code(input, grade, &at),
            Role::EnvironmentLock | Role::EnvironmentInstalled => {
                self.digest(Field::EnvironmentDigest, input, grade, &at);
            }
            Role::Container => {
                self.digest(Field::Container, input, grade, &at);
                self.uri(Field::Container, input, &at);
            }
            Role::Adapter | Role::Tokenizer | Role::Config => {
                self.put(Field::OtherInputs, name, "role", input.role().as_str(), Grade::Declared, &at);
                self.digest(Field::OtherInputs, input, grade, &at);
                self.uri(Field::OtherInputs, input, &at);
            }
        }
    }

    fn code(&mut self, input: &Input, grade: Grade, at: &str) {
        let name = input.name().as_str();
        if let Some(checkout) = input.digest().checkout() {
            self.put(Field::Commit, name, "commit", checkout.commit().to_string(), grade, at);
            self.put(Field::Commit, name, "tree", checkout.tree().to_string(), grade, at);
            self.put(Field::WorkTree, name, "state", checkout.state().as_str(), grade, at);
        }
        self.digest(Field::CodeDigest, input, grade, at);
        self.uri(Field::Repository, input, at);
    }

    fn digest(&mut self, field: Field, input: &Input, grade: Grade, at: &str) {
        let form = match input.digest() {
            InputDigest::File { .. } => "file",
            _ => "model-tree/v1",
        };
        if let Some(digest) = input.digest().sha256() {
            self.put(field, input.name().as_str(), form, format!("sha256:{digest}"), grade, at);
        }
    }

    fn extent_of(&mut self, field: Field, input: &Input, grade: Grade, at: &str) {
        let name = input.name().as_str();
        match input.digest() {
            InputDigest::Tree { extent: Some(extent), .. } => {
                self.files_and_bytes(field, name, *extent, grade, at)
            }
            InputDigest::File { bytes: Some(bytes), .. } => {
                self.put(field, name, "bytes", bytes.to_string(), grade, at);
            }
            _ => {}
        }
    }

    fn files_and_bytes(&mut self, field: Field, name: &str, extent: Extent, grade: Grade, at: &str) {
        self.put(field, name, "files", extent.files().to_string(), grade, at);
        self.put(field, name, "bytes", extent.bytes().to_string(), grade, at);
    }

    /// Where something comes from is never observed: what was hashed is what lay there, wherever it came from.
    fn uri(&mut self, field: Field, input: &Input, at: &str) {
        if let Some(uri) = input.uri() {
            self.put(field, input.name().as_str(), "uri", uri.as_str(), Grade::Declared, at);
        }
    }

    fn run(&mut self, run: &Run) {
        if let Some(entrypoint) = run.entrypoint() {
            let at = "externalParameters.entrypoint";
            self.put(Field::Command, "", "program", entrypoint.program(), Grade::Verified, at);
            for (place, arg) in entrypoint.args().iter().enumerate() {
                let at = format!("{at}.args[{place}]");
                // Zeros keep the order when values are sorted; there are at most 1,024.
                self.put(Field::Command, "", &format!("argument-{place:04}"), arg, Grade::Verified, &at);
            }
        }
        if let Some((started, finished)) = run.span() {
            let at = "runDetails.metadata";
            self.put(Field::RunTime, "", "started", started.to_string(), Grade::Verified, at);
            self.put(Field::RunTime, "", "finished", finished.to_string(), Grade::Verified, at);
        }
        for file in run.byproducts() {
            let (field, key) = match file.role() {
                ByproductRole::TrainingLog => (Field::TrainingLog, "sha256"),
                ByproductRole::Document => (Field::Documents, "sha256"),
                ByproductRole::TrackerRun | ByproductRole::ReadSet | ByproductRole::Patch => {
                    (Field::RunRecord, file.role().as_str())
                }
            };
            let digest = format!("sha256:{}", file.digest());
            let at = format!("byproducts: {} {}", file.role().as_str(), file.name());
            self.put(field, file.name().as_str(), key, digest, Grade::Verified, &at);
        }
        for fact in run.facts() {
            match field_of(fact) {
                Some(field) => {
                    self.name_of(fact);
                    let grade = Grade::from(fact.source());
                    self.put(field, fact.about(), fact.key(), fact.value(), grade, fact.at());
                }
                None => self.unplaced += 1,
            }
        }
    }

    /// What a tool speaks about has at least the name it gives it.
    fn name_of(&mut self, fact: &Fact) {
        let field = match fact.topic() {
            Topic::Data => Field::DatasetName,
            Topic::BaseModel => Field::BaseModel,
            _ => return,
        };
        if fact.key() != "name" && self.value(field, fact.about(), "name").is_none() {
            let grade = Grade::from(fact.source()).max(Grade::Imported);
            self.put(field, fact.about(), "name", fact.about(), grade, fact.at());
        }
    }

    /// What the verifier found about the statement of the verdict.
    fn proof(&mut self) {
        if self.standing == Standing::Unverified {
            return;
        }
        let Some(proof) = self.proofs.last().cloned() else { return };
        let at = "verifier";
        let by = |field, key, text: String| (field, key, text);
        let found = [
            by(Field::TrainedBy, "key-id", format!("sha256:{}", proof.key_id())),
            by(Field::TrainedBy, "algorithm", proof.algorithm().to_owned()),
            by(Field::TrainedBy, "admitted-for", proof.pattern().to_owned()),
            by(Field::LogEntry, "origin", proof.origin().to_owned()),
            by(Field::LogEntry, "index", proof.index().to_string()),
            by(Field::LogEntry, "leaf", proof.leaf().to_string()),
            by(Field::LogEntry, "tree-size", proof.tree_size().to_string()),
            by(Field::LogEntry, "root", proof.root().to_owned()),
        ];
        for (field, key, text) in found {
            self.put(field, "", key, text, Grade::Verified, at);
        }
        for (witness, time) in proof.cosignatures() {
            self.put(Field::LoggedBy, witness, "cosigned", time.to_string(), Grade::Verified, at);
        }
    }
}
