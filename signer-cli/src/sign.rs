//! `tallymark sign`: from files on a disk to the provenance of a model.
//!
//! In this order: find everything that can be found wrong without waiting; open the key; hash; write the
//! statement. From there on it is one way for all kinds of statement: [`crate::publication`].

use std::path::{Path, PathBuf};

use attest::bundle::LogEntryError;
use attest::dsse::EnvelopeError;
use attest::entry::EntryError;
use attest::model_name::{NameError, NameVersion};
use attest::provenance::{Input, InputNameError, Provenance, Run};
use attest::statement::{Statement, StatementError};

use crate::args::{Manner, MaterialArgs, PublishArgs, SignArgs};
use crate::hidden::Hidden;
use crate::inputs::{Hashed, Materials};
use crate::message::Failure;
use crate::oms::OmsPlan;
use crate::preview::KeptBack;
use crate::publication::{Place, Publication, read_back};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// An input was not the same before and after the run.
    #[error("{role} {name} changed during the run")]
    ChangedDuringRun { role: String, name: String },
    /// Not the file that was hashed.
    #[error("{path} changed while it was being signed")]
    Changed { path: PathBuf },
    /// Our own name for code is not a name.
    #[error("the name of the code is not a name of an input")]
    CodeName(#[source] InputNameError),
    /// The checkout lies below the model.
    #[error("code {code} lies inside the model {model}")]
    CodeInsideModel { code: PathBuf, model: PathBuf },
    /// A directory without a file that counts.
    #[error("model {model} holds no file")]
    EmptyModel { model: PathBuf },
    /// An entry that no log would take.
    #[error("no log entry can be made of this statement")]
    Entry { source: EntryFault },
    /// An input is the model or lies below it.
    #[error("input {input} lies inside the model {model}")]
    InputInsideModel { input: PathBuf, model: PathBuf },
    /// Git lists files of the model as code.
    #[error("file {file} of the code lies inside the model {model}")]
    ModelInsideCode { model: PathBuf, file: String },
    /// The model lies below an input.
    #[error("model {model} lies inside the input {input}")]
    ModelInsideInput { model: PathBuf, input: PathBuf },
    /// Nobody said where to.
    #[error("no log is named, neither on the command line nor by exactly one address in the policy")]
    NoLog,
    /// The statement that was written is not one that is read.
    #[error("the statement cannot be written")]
    Statement { source: StatementFault },
    /// A path that is not there, or may not be looked at.
    #[error("cannot look at {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryFault {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    LogEntry(#[from] LogEntryError),
}

/// What is wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatementFault {
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Version(#[from] NameError),
}

/// A release to sign: the model, what it was made from, and what is known of the run.
pub(crate) struct Release<'a> {
    pub(crate) model: &'a Path,
    pub(crate) name_version: &'a NameVersion,
    pub(crate) materials: &'a MaterialArgs,
    pub(crate) publish: &'a PublishArgs,
    pub(crate) run: Run,
    /// What the inputs were before the run, if we saw that.
    pub(crate) inputs_before: Option<Vec<Input>>,
    /// The signature for other people's tools, if one is wanted.
    pub(crate) oms: Option<OmsPlan>,
    /// What it does not say.
    pub(crate) kept: KeptBack,
}

/// Runs it.
pub(crate) fn run(args: &SignArgs, manner: Manner) -> Result<(), Failure> {
    let (name_version, materials, publish) = (&args.name_version, &args.materials, &args.publish);
    let (model, run, inputs_before) = (&args.model, Run::default(), None);
    let oms = if publish.dry_run { None } else { OmsPlan::of(args)? };
    let kept = KeptBack { hidden: Hidden::begin(&args.private, model)?, ..KeptBack::default() };
    Release { model, name_version, materials, publish, run, inputs_before, oms, kept }.sign(manner)
}

impl Release<'_> {
    /// Hashes, signs, and publishes or keeps, as the arguments say.
    pub(crate) fn sign(mut self, manner: Manner) -> Result<(), Failure> {
        let publication = Publication::find(self.publish, Place::Beside(self.model))?;
        let materials = Materials::find(self.model, self.materials, manner)?;
        let open = publication.open()?;
        let hashed = materials.hash(self.materials, manner)?;
        self.refuse_other_inputs(&hashed)?;
        let statement = self.statement(&hashed)?;
        let oms = match (&self.oms, open.private_key()) {
            (Some(plan), Some(key)) => Some(plan.sign(self.model, hashed.model.tree(), key)?),
            _ => None,
        };
        open.finish(statement, Some(hashed.model.tree()), &mut self.kept, || hashed.refuse_change(), manner)?;
        Ok(oms.map_or(Ok(()), |oms| oms.write(manner))?)
    }

    /// An input that changed while the run read it is none of the two things it was.
    fn refuse_other_inputs(&self, hashed: &Hashed) -> Result<(), SignError> {
        let Some(before) = &self.inputs_before else { return Ok(()) };
        let changed = before.iter().find(|input| !hashed.inputs.contains(input));
        match changed {
            None => Ok(()),
            Some(input) => Err(SignError::ChangedDuringRun {
                role: input.role().to_string(),
                name: input.name().to_string(),
            }),
        }
    }

    fn statement(&mut self, hashed: &Hashed) -> Result<Statement, Failure> {
        let tree = hashed.model.tree();
        if tree.file_count() == 0 {
            return Err(SignError::EmptyModel { model: self.model.to_owned() }.into());
        }
        let fault = |error: NameError| SignError::Statement { source: error.into() };
        let version = env!("CARGO_PKG_VERSION").parse().map_err(fault)?;
        let relation = self.materials.relation.map(Into::into);
        let run = self.run.clone().with_facts(hashed.cached.clone())?;
        // Two inputs of one name are refused by that name, not by what hides it.
        let provenance = Provenance::new(relation, hashed.inputs.clone(), version)?.with_run(run);
        let hidden = &mut self.kept.hidden;
        let (name, version) = (self.name_version.name(), self.name_version.version());
        if !hidden.is_on() {
            return Ok(read_back(&provenance.to_statement_bytes(name, version, tree))?);
        }
        let run = hidden.run(provenance.run().clone())?;
        let inputs = hidden.inputs(provenance.inputs().to_vec())?;
        let relation = Some(provenance.relation());
        let provenance = Provenance::new(relation, inputs, provenance.tool_version().clone())?.with_run(run);
        Ok(read_back(&provenance.to_statement_bytes_without_files(name, version, tree))?)
    }
}
