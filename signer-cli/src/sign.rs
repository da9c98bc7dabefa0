//! `tallymark sign`: from files on a disk to a bundle that strangers can verify.
//!
//! In this order: find everything that can be found wrong without waiting; open the key; hash; write the
//! statement; sign statement and entry; make sure that nothing changed meanwhile; ask; send; verify the answer;
//! write. Until the last step the disk is as it was.
//!
//! The statement has no time and no random number in it, so signing the same thing again gives the same bytes:
//! a second run after a crash finds the first one's entry in the log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest::bundle::{Bundle, LogEntry, LogEntryError};
use attest::dsse::{Envelope, EnvelopeError};
use attest::entry::{Entry, EntryError, EntryPayload};
use attest::key::{PrivateKey, PublicKey};
use attest::model_name::{NameError, NameVersion};
use attest::provenance::{Input, InputNameError, Provenance, Run};
use attest::statement::{Statement, StatementError};
use tlog::proof::LogProof;

use crate::args::{Manner, MaterialArgs, PublishArgs, SignArgs};
use crate::bundle_file::{Writer, place, read};
use crate::entry_view;
use crate::inputs::{Hashed, Materials};
use crate::key_file;
use crate::message::{Failure, note, one_line, print, warn};
use crate::oms::OmsPlan;
use crate::report::Report;
use crate::submit::{Log, confirm, refuse_unsound};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// An input was not the same before and after the run.
    #[error("{role} {name} changed during the run")]
    ChangedDuringRun { role: String, name: String },
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

/// A statement with its signature and its entry: everything but the log's word.
struct Signed {
    statement: Statement,
    entry: Entry,
    bundle: Bundle,
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
}

/// Runs it.
pub(crate) fn run(args: &SignArgs, manner: Manner) -> Result<(), Failure> {
    let (name_version, materials, publish) = (&args.name_version, &args.materials, &args.publish);
    let (model, run, inputs_before) = (&args.model, Run::default(), None);
    let oms = if publish.dry_run { None } else { OmsPlan::of(args)? };
    Release { model, name_version, materials, publish, run, inputs_before, oms }.sign(manner)
}

impl Release<'_> {
    /// Hashes, signs, and publishes or keeps, as the arguments say.
    pub(crate) fn sign(&self, manner: Manner) -> Result<(), Failure> {
        let key_path = key_file::locate(self.publish.key.key.as_deref())?;
        if self.publish.dry_run {
            return show(self, &key_path, manner);
        }
        let log = if self.publish.pending { None } else { Some(Log::find(&self.publish.log, self.model)?) };
        let materials = Materials::find(self.model, self.materials, manner)?;
        read(&place(self.model))?;
        let key = key_file::read_private(&key_path, self.publish.key.passphrase_file.as_deref())?;
        let hashed = materials.hash(self.materials, manner)?;
        self.refuse_other_inputs(&hashed)?;
        let statement = self.statement(&hashed)?;
        let oms = self.oms.as_ref().map(|plan| plan.sign(self.model, &hashed.model, &key)).transpose()?;
        let signed = sign(statement, &key)?;
        hashed.refuse_change()?;
        match log {
            Some(log) => publish(self, &log, &signed, &hashed, manner)?,
            None => keep(self, &signed, &hashed, manner)?,
        }
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

    fn statement(&self, hashed: &Hashed) -> Result<Statement, Failure> {
        if hashed.model.file_count() == 0 {
            return Err(SignError::EmptyModel { model: self.model.to_owned() }.into());
        }
        let fault = |source| SignError::Statement { source };
        let version = env!("CARGO_PKG_VERSION").parse().map_err(|error: NameError| fault(error.into()))?;
        let relation = self.materials.relation.map(Into::into);
        let run = self.run.clone().with_facts(hashed.cached.clone())?;
        let provenance = Provenance::new(relation, hashed.inputs.clone(), version)?.with_run(run);
        let (name, version) = (self.name_version.name(), self.name_version.version());
        let bytes = provenance.to_statement_bytes(name, version, &hashed.model);
        // Read as a verifier will: what we cannot read we do not sign.
        Ok(Statement::parse(&bytes).map_err(|error| fault(error.into()))?)
    }
}

fn sign(statement: Statement, key: &PrivateKey) -> Result<Signed, SignError> {
    let fault = |source| SignError::Entry { source };
    let envelope = Envelope::sign(statement.as_bytes().to_vec(), key)
        .map_err(|error| SignError::Statement { source: error.into() })?;
    let payload = EntryPayload::from_statement(&statement, &key.public_key());
    let entry = Entry::sign(payload, key).map_err(|error| fault(error.into()))?;
    let pending = LogEntry::pending(entry.as_bytes().to_vec()).map_err(|error| fault(error.into()))?;
    let bundle = Bundle::new(envelope, key.public_key().key_id(), Some(pending));
    Ok(Signed { statement, entry, bundle })
}

/// The lines, from 0, that hold this statement with this signature and this entry. Both are functions of statement and
/// key, so a line that differs in them is somebody else's, whatever its hint says.
fn lines_with<'a>(writer: &'a Writer, signed: &Signed) -> Vec<(usize, &'a Bundle)> {
    let same = |bundle: &Bundle| {
        bundle.hint() == signed.bundle.hint()
            && bundle.envelope() == signed.bundle.envelope()
            && bundle.log_entry().is_some_and(|entry| entry.entry_bytes() == signed.entry.as_bytes())
    };
    let bundles = writer.file().into_iter().flat_map(|file| file.bundles().enumerate());
    bundles.filter(|(_, bundle)| same(bundle)).collect()
}

/// The log's word in a line, not verified.
fn proof_in(bundle: &Bundle) -> Option<&LogProof> {
    bundle.log_entry().and_then(LogEntry::proof)
}

fn publish(
    release: &Release<'_>,
    log: &Log,
    signed: &Signed,
    hashed: &Hashed,
    manner: Manner,
) -> Result<(), Failure> {
    let writer = Writer::open(release.model, Duration::from_secs(release.publish.log.timeout))?;
    let lines = lines_with(&writer, signed);
    let holds = |bundle: &Bundle| log.judge(bundle, &signed.entry, &hashed.model).is_ok();
    let logged = lines.iter().filter(|(_, bundle)| holds(bundle)).find_map(|(_, bundle)| proof_in(bundle));
    if let Some(proof) = logged {
        let report = Report::already_logged(&signed.statement, &signed.entry, proof, writer.path());
        print(&report.show(release.publish.json))?;
        note(manner, "already signed with this key and logged; nothing was done");
        return Ok(());
    }
    // A line with another log's proof stays as it is.
    let pending = lines.iter().find(|(_, bundle)| proof_in(bundle).is_none()).map(|(index, _)| *index);
    confirm(&release.publish.log, log, &[&signed.entry])?;
    let (bundle, verified) = log.complete(&signed.bundle, &signed.entry, &hashed.model)?;
    let path = writer.write(pending, bundle)?;
    print(&Report::logged(&signed.statement, &signed.entry, &verified, &path).show(release.publish.json))?;
    note(manner, &format!("next: tallymark verify {}", release.model.display()));
    Ok(())
}

fn keep(release: &Release<'_>, signed: &Signed, hashed: &Hashed, manner: Manner) -> Result<(), Failure> {
    let writer = Writer::open(release.model, Duration::from_secs(release.publish.log.timeout))?;
    let lines = lines_with(&writer, signed);
    if !lines.is_empty() {
        // A finished line counts before a pending one.
        let report = match lines.iter().find_map(|(_, bundle)| proof_in(bundle)) {
            Some(proof) => Report::already_logged(&signed.statement, &signed.entry, proof, writer.path()),
            None => Report::already_pending(&signed.statement, &signed.entry, writer.path()),
        };
        print(&report.show(release.publish.json))?;
        note(manner, "already signed with this key; nothing was done");
        return Ok(());
    }
    refuse_unsound(&signed.bundle, &hashed.model)?;
    let path = writer.write(None, signed.bundle.clone())?;
    warn(manner, "this is not logged yet, and no verifier accepts it");
    print(&Report::pending(&signed.statement, &signed.entry, &path).show(release.publish.json))?;
    note(manner, &format!("next: tallymark submit {} --log URL", release.model.display()));
    Ok(())
}

/// `--dry-run`: what would be signed, and what of it would be public.
fn show(release: &Release<'_>, key_path: &Path, manner: Manner) -> Result<(), Failure> {
    let materials = Materials::find(release.model, release.materials, manner)?;
    let key = public_key(release.publish, key_path)?;
    let hashed = materials.hash(release.materials, manner)?;
    release.refuse_other_inputs(&hashed)?;
    let statement = release.statement(&hashed)?;
    let payload = EntryPayload::from_statement(&statement, &key);
    let text = String::from_utf8_lossy(statement.as_bytes());
    let data = if release.publish.json {
        let value = serde_json::json!({
            "schema_version": 1,
            "status": "dry-run",
            "entry": entry_view::json(&payload),
            "statement": text,
        });
        format!("{value}\n")
    } else {
        let public = entry_view::text(&payload);
        let text = one_line(&text);
        format!("public for ever, as the log's entry:\n{public}signed, and kept beside the model:\n{text}\n")
    };
    print(&data)?;
    note(manner, "nothing was signed, sent or written");
    Ok(())
}

/// The public key: from the file beside the private one, so that nobody has to type a passphrase to look.
fn public_key(publish: &PublishArgs, key_path: &Path) -> Result<PublicKey, Failure> {
    let beside = std::fs::read_to_string(key_file::public_path(key_path));
    if let Some(key) = beside.ok().and_then(|pem| PublicKey::from_pem(&pem).ok()) {
        return Ok(key);
    }
    Ok(key_file::read_private(key_path, publish.key.passphrase_file.as_deref())?.public_key())
}
