//! SLSA provenance v1 with our own build type: what a model was made from.
//!
//! Follows spec/statement.md and SLSA provenance v1. In scope: relation and inputs, and what is known of the run; the
//! predicate, written in one way and read strictly. Out of scope: the subjects around it ([`crate::statement`]), and the
//! clock of whoever signs, and random numbers: signing the same thing twice gives the same bytes, so that a second
//! submission is a duplicate. A run has times; they are its own.
//!
//! ```json
//! {"buildDefinition":{"buildType":"https://tallymark.dev/build/train/v1",
//!   "externalParameters":{"relation":"finetune","inputs":{"dataset":["train"],"base-model":["bert-base"]}},
//!   "resolvedDependencies":[{"name":"train",...},{"name":"bert-base",...}]},
//!  "runDetails":{"builder":{"id":"https://tallymark.dev/builder/local/v1","version":{"tallymark":"0.1.0"}}}}
//! ```
//!
//! A [`Run`] adds `externalParameters.entrypoint`, `internalParameters.facts`, `runDetails.metadata` and
//! `runDetails.byproducts`, each only if there is something to say. Other members of `internalParameters` and of the
//! metadata are passed over.

mod error;
mod fact;
mod git_id;
mod input;
mod input_name;
mod read;
mod relation;
mod run;
mod source;
mod source_uri;
mod write;

use crate::model_name::VersionLabel;
use crate::role::Role;

pub use error::ProvenanceError;
pub use fact::{Fact, MAX_FACT_TEXT_BYTES, MAX_FACTS, Topic};
pub use git_id::{GitId, GitIdError};
pub use input::{Checkout, Extent, Input, InputDigest, WorkTreeState};
pub use input_name::{InputName, InputNameError};
pub use relation::Relation;
pub use run::{Byproduct, ByproductRole, Entrypoint, MAX_ARGS, MAX_BYPRODUCTS, Run};
pub use source::Source;
pub use source_uri::{SourceUri, SourceUriError};
pub(crate) use write::DependencyJson;

/// Most digests among the inputs: as many as an entry has room for. A checkout with a tree digest has two.
pub const MAX_INPUT_DIGESTS: usize = 64;

/// The key under `builder.version` that holds our own version.
const TOOL: &str = "tallymark";

/// The form of a checkout without a tree digest.
const FORM_GIT: &str = "git";

/// The form of a digest that is not shown.
const FORM_PRIVATE: &str = "private/v1";

/// What a model was made from, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    relation: Relation,
    inputs: Vec<Input>,
    run: Run,
    tool_version: VersionLabel,
}

impl Provenance {
    /// Joins relation and inputs, sorted by role and name. Without a relation given, a model with a base model is
    /// fine-tuned, and one without is pretrained.
    ///
    /// `tool_version` is the version of the program that signs.
    ///
    /// # Errors
    /// [`ProvenanceError::DuplicateInput`] if two inputs share role and name;
    /// [`ProvenanceError::TooManyInputs`] if their digests are more than [`MAX_INPUT_DIGESTS`].
    pub fn new(
        relation: Option<Relation>,
        inputs: Vec<Input>,
        tool_version: VersionLabel,
    ) -> Result<Self, ProvenanceError> {
        let inputs = sort_inputs(inputs);
        refuse_duplicates(&inputs)?;
        let has_base = inputs.iter().any(|input| input.role() == Role::BaseModel);
        let implied = if has_base { Relation::Finetune } else { Relation::Pretrain };
        Ok(Self { relation: relation.unwrap_or(implied), inputs, run: Run::default(), tool_version })
    }

    /// Adds what is known of the run.
    #[must_use]
    pub fn with_run(self, run: Run) -> Self {
        Self { run, ..self }
    }

    /// How the model came out of its inputs.
    #[must_use]
    pub const fn relation(&self) -> Relation {
        self.relation
    }

    /// What it was made from, sorted by role and name.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// What is known of the run that made the model; empty if nothing is.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// SLSA's `builder.id`: whether the signing program started the run itself, or came afterwards.
    #[must_use]
    pub const fn builder_id(&self) -> &'static str {
        match self.run.entrypoint() {
            Some(_) => crate::types::BUILDER_WRAPPER_V1,
            None => crate::types::BUILDER_LOCAL_V1,
        }
    }

    /// Version of the program that signed.
    #[must_use]
    pub const fn tool_version(&self) -> &VersionLabel {
        &self.tool_version
    }

    /// The names of the inputs with this role, sorted.
    fn names(&self, role: Role) -> impl Iterator<Item = &InputName> {
        self.inputs.iter().filter(move |input| input.role() == role).map(Input::name)
    }
}

/// Sorts inputs as statements list them.
pub(crate) fn sort_inputs(mut inputs: Vec<Input>) -> Vec<Input> {
    inputs.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    inputs
}

/// Whether inputs stand as statements list them; equal ones are left to [`refuse_duplicates`].
pub(crate) fn inputs_ascend(inputs: &[Input]) -> bool {
    inputs.is_sorted_by(|before, after| sort_key(before) <= sort_key(after))
}

/// Refuses sorted inputs of which two share role and name, or that are too many for an entry.
pub(crate) fn refuse_duplicates(inputs: &[Input]) -> Result<(), ProvenanceError> {
    for (before, after) in inputs.iter().zip(inputs.iter().skip(1)) {
        if sort_key(before) == sort_key(after) {
            return Err(ProvenanceError::DuplicateInput { role: after.role(), name: after.name().clone() });
        }
    }
    let is_logged_twice = |input: &&Input| input.role() == Role::Code && input.digest().sha256().is_some();
    let seen = inputs.len() + inputs.iter().filter(is_logged_twice).count();
    if seen > MAX_INPUT_DIGESTS {
        return Err(ProvenanceError::TooManyInputs { seen });
    }
    Ok(())
}

/// What inputs are sorted by.
const fn sort_key(input: &Input) -> (Role, &InputName) {
    (input.role(), input.name())
}
