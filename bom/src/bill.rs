//! The bill itself: six sections of fields, each with values and proofs, or missing with the reason.
//!
//! [`Bill::of`] takes what the verifier made and nothing else, so that a statement whose signature or proof does not hold cannot
//! put a value in. [`Bill::unverified`] is the one lax way in; its values are all [`Grade::Declared`] and without proof, and
//! whoever writes it out says so on top.

mod custody;
mod dataset;
mod facts;
mod fill;

use std::collections::{BTreeMap, BTreeSet};

pub use self::dataset::is_of_an_input;
use attest::digest::Sha256Digest;
use attest::model_name::{ModelName, VersionLabel};
use attest::private_value::Openings;
use attest::provenance::{Extent, Input, Relation};
use attest::role::Role;
use attest::statement::Statement;
use attest::tree::TreeDigest;
use attest::utc_time::UtcTime;
use verifier::{LoggedStatement, VerifiedModel};

use crate::field::{Field, Missing, Section};
use crate::proof::Proof;
use crate::value::{Grade, Value};

/// What the place of a value ends with that the statement commits to and does not show. It is as well known as the statement: the
/// commitment is signed, and no other value has it.
const OPENED: &str = " (opened)";

/// Whether the bill stands on a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum Standing {
    /// The verifier passed the model.
    Verified,
    /// It did not, or was not asked. Nothing in the bill is proven.
    Unverified,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillFile {
    path: String,
    digest: Sha256Digest,
    bytes: u64,
}

impl BillFile {
    /// Its path in the model.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// SHA-256 of its content.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Its size, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A bill of materials of one model.
#[derive(Clone, Debug)]
pub struct Bill {
    standing: Standing,
    name: ModelName,
    version: VersionLabel,
    tree_digest: TreeDigest,
    extent: Option<Extent>,
    files: Vec<BillFile>,
    relation: Option<Relation>,
    inputs: Vec<Input>,
    proofs: Vec<Proof>,
    values: BTreeMap<Field, Vec<Value>>,
    unplaced: usize,
    time: Option<UtcTime>,
    openings: Openings,
}

impl Bill {
    /// The bill of a verified model. `beside` are other statements that verified. Those count that are about the same bytes under the
    /// same name, and those of a dataset that the provenance names by its digest; the one that made the verdict counts once. What
    /// `openings` open is shown, and marked in the place of the value.
    #[must_use]
    pub fn of(model: &VerifiedModel, beside: &[LoggedStatement], openings: Openings) -> Self {
        let logged = model.logged();
        let statement = logged.signed().statement();
        let mut bill = Self::about(statement, Standing::Verified, openings);
        bill.proofs.push(Proof::of(logged));
        let mut seen = BTreeSet::from([(statement.digest(), logged.signed().key().key_id())]);
        bill.fill_from(statement);
        let mut others: Vec<&LoggedStatement> = beside
            .iter()
            .filter(|other| {
                let statement = other.signed().statement();
                let is_of_the_model =
                    statement.tree_digest() == bill.tree_digest && *statement.name() == bill.name;
                is_of_the_model || is_of_an_input(statement, &bill.inputs)
            })
            .filter(|other| seen.insert((other.signed().statement().digest(), other.signed().key().key_id())))
            .collect();
        // Order is the log's. Two logs have no common order; their names stand in for one.
        others.sort_by_key(|other| (other.origin().to_string(), other.position().index()));
        for other in others {
            bill.proofs.push(Proof::of(other));
            bill.fill_beside(other.signed().statement());
        }
        bill.sorted()
    }

    /// The bill of a statement that nobody verified.
    #[must_use]
    pub fn unverified(statement: &Statement, openings: Openings) -> Self {
        let mut bill = Self::about(statement, Standing::Unverified, openings);
        bill.fill_from(statement);
        bill.sorted()
    }

    /// Sets the time at which the bill says it was made.
    #[must_use]
    pub fn at(mut self, time: Option<UtcTime>) -> Self {
        self.time = time;
        self
    }

    fn about(statement: &Statement, standing: Standing, openings: Openings) -> Self {
        let opened = |input: &Input| input.clone().opened(&openings).0;
        let mut inputs: Vec<Input> = statement.inputs().iter().map(opened).collect();
        inputs.sort_by(|a, b| (a.role(), a.name()).cmp(&(b.role(), b.name())));
        let files = statement.files().map(attest::tree::Tree::files).unwrap_or_default();
        Self {
            standing,
            name: statement.name().clone(),
            version: statement.version().clone(),
            tree_digest: statement.tree_digest(),
            extent: statement.extent(),
            files: files
                .iter()
                .map(|file| BillFile {
                    path: file.path().to_string(),
                    digest: file.sha256(),
                    bytes: file.size(),
                })
                .collect(),
            relation: statement.provenance().map(attest::provenance::Provenance::relation),
            inputs,
            proofs: Vec::new(),
            values: BTreeMap::new(),
            unplaced: 0,
            time: None,
            openings,
        }
    }

    /// Adds a value that the newest proof holds up. What is private in it and opened is shown; its place says so.
    fn put(&mut self, field: Field, about: &str, key: &str, text: impl Into<String>, grade: Grade, at: &str) {
        let grade = self.standing_grade(grade);
        let proof = self.proofs.len().checked_sub(1);
        let shown = |text: &str| match self.openings.open_text(text) {
            Some(opened) => (opened, true),
            None => (text.to_owned(), false),
        };
        let [(about, is_a), (text, is_b), (mut at, is_c)] = [about, &text.into(), at].map(shown);
        if (is_a || is_b || is_c) && !at.ends_with(OPENED) {
            at.push_str(OPENED);
        }
        self.values.entry(field).or_default().push(Value::new(about, key, text, grade, at, proof));
    }

    /// The grade, or [`Grade::Declared`] if nothing was verified.
    pub(crate) const fn standing_grade(&self, grade: Grade) -> Grade {
        match self.standing {
            Standing::Verified => grade,
            Standing::Unverified => Grade::Declared,
        }
    }

    fn sorted(mut self) -> Self {
        for values in self.values.values_mut() {
            values.sort();
            values.dedup();
        }
        self
    }

    /// Whether it stands on a verdict.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// The name that was signed.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        &self.name
    }

    /// The version label that was signed.
    #[must_use]
    pub const fn version(&self) -> &VersionLabel {
        &self.version
    }

    /// What the model is.
    #[must_use]
    pub const fn tree_digest(&self) -> TreeDigest {
        self.tree_digest
    }

    /// How large it is, if the statement says so.
    #[must_use]
    pub const fn extent(&self) -> Option<Extent> {
        self.extent
    }

    /// Its files, if the statement lists them.
    #[must_use]
    pub fn files(&self) -> &[BillFile] {
        &self.files
    }

    /// How it came out of its inputs, if a provenance says so.
    #[must_use]
    pub const fn relation(&self) -> Option<Relation> {
        self.relation
    }

    /// What it was made from, sorted by role and name.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The inputs with that role.
    pub fn inputs_as(&self, role: Role) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(move |input| input.role() == role)
    }

    /// The statements that hold the bill up; the first is that of the verdict.
    #[must_use]
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// The proof of that value, if it has one.
    #[must_use]
    pub fn proof_of(&self, value: &Value) -> Option<&Proof> {
        value.proof().and_then(|place| self.proofs.get(place))
    }

    /// The values of that field, sorted; none if it is missing.
    #[must_use]
    pub fn values(&self, field: Field) -> &[Value] {
        self.values.get(&field).map_or(&[], Vec::as_slice)
    }

    /// The values of that field about that thing.
    pub fn values_about<'a>(&'a self, field: Field, about: &'a str) -> impl Iterator<Item = &'a Value> {
        self.values(field).iter().filter(move |value| value.about() == about)
    }

    /// The first value of that field with that key, about that thing.
    #[must_use]
    pub fn value(&self, field: Field, about: &str, key: &str) -> Option<&Value> {
        self.values(field).iter().find(|value| value.about() == about && value.key() == key)
    }

    /// How many facts of the statements have no place in the bill: sizes of single files and the like.
    #[must_use]
    pub const fn unplaced(&self) -> usize {
        self.unplaced
    }

    /// When the bill says it was made.
    #[must_use]
    pub const fn time(&self) -> Option<UtcTime> {
        self.time
    }

    /// Whether the field counts in the shares of this bill: a model that was made from no other needs no digest of one.
    #[must_use]
    pub fn counts(&self, field: Field) -> bool {
        let no_base = self.value(Field::BaseModel, "", "name").is_some();
        field.counts() && !(no_base && matches!(field, Field::BaseDigest | Field::BaseSource))
    }

    /// The things that the field has to say something about: the inputs with the field's role, or, if there is none, whatever its
    /// section names.
    #[must_use]
    pub fn things(&self, field: Field) -> Vec<&str> {
        let Some(role) = field.role() else {
            return distinct(self.values(field).iter().map(Value::about));
        };
        let inputs = distinct(self.inputs_as(role).map(|input| input.name().as_str()));
        if !inputs.is_empty() {
            return inputs;
        }
        let siblings = Field::ALL.into_iter().filter(|other| other.role() == Some(role));
        distinct(siblings.flat_map(|other| self.values(other)).map(Value::about))
    }

    /// Those of its things about which the field says nothing.
    #[must_use]
    pub fn gaps(&self, field: Field) -> Vec<&str> {
        let silent = |thing: &&str| self.values_about(field, thing).next().is_none();
        self.things(field).into_iter().filter(silent).collect()
    }

    /// How well the field is known: as well as its weakest thing, and each thing as well as its strongest value. `None` if it is
    /// missing, if only for one thing.
    #[must_use]
    pub fn grade(&self, field: Field) -> Option<Grade> {
        let of_thing = |thing: &str| self.values_about(field, thing).map(Value::grade).min();
        let grades: Option<Vec<Grade>> = self.things(field).into_iter().map(of_thing).collect();
        grades?.into_iter().max()
    }

    /// Why the field is missing; `None` if it is not.
    #[must_use]
    pub fn missing(&self, field: Field) -> Option<Missing> {
        if self.grade(field).is_some() {
            return None;
        }
        let usual = field.usual_gap();
        let there = |role| self.inputs_as(role).next().is_some();
        Some(match (field.section(), usual) {
            (Section::Custody, _) if self.standing == Standing::Unverified => Missing::NotVerified,
            // There is one, and the field says nothing about it.
            (_, Missing::NoDataset) if there(Role::Dataset) => Missing::NotStated,
            (_, Missing::NoCode) if there(Role::Code) => Missing::NotStated,
            // Without a dataset nobody can say anything about it.
            (Section::Data, _) if field.role().is_some() && self.things(field).is_empty() => {
                Missing::NoDataset
            }
            _ => usual,
        })
    }
}

impl Field {
    /// The role of the inputs that the field is about, if it is about inputs.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::DatasetName
            | Self::DatasetVersion
            | Self::DatasetDigest
            | Self::DatasetSize
            | Self::DatasetSource
            | Self::DatasetLicense
            | Self::DatasetOwner
            | Self::DatasetAccess
            | Self::DatasetSensitivity
            | Self::DatasetBias
            | Self::DatasetPreparation
            | Self::DatasetContent => Some(Role::Dataset),
            Self::Commit | Self::WorkTree | Self::CodeDigest | Self::Repository => Some(Role::Code),
            Self::BaseModel | Self::BaseDigest | Self::BaseSource => Some(Role::BaseModel),
            _ => None,
        }
    }
}

/// Each text once, sorted.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}
