//! Bringing a signed entry into the log, and believing the log only as far as its proof goes.
//!
//! The answer is put into the bundle, and the bundle goes through the very code that strangers use, with the
//! log's key and our own as the only trust. Only a bundle that passes leaves this module.
//!
//! In scope: `tallymark submit`, and the step that `sign` shares with it. Out of scope: HTTP
//! ([`crate::log_client`]).

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use attest::bundle::{Bundle, BundleFile, LogEntry, LogEntryError};
use attest::entry::{Entry, EntryError, EntryPayload};
use attest::scan::{Scan, ScanOptions, Snapshot};
use attest::statement::{Statement, StatementError};
use attest::tree::{Tree, TreeDigest};
use tlog::policy::{Policy, Quorum};
use verifier::outcome::Outcome;
use verifier::requirements::Right;
use verifier::{Expectation, LoggedStatement, Refusal, Step};

use crate::args::{LogArgs, Manner, SubmitArgs};
use crate::bundle_file::{BundleFileError, Writer, place, read};
use crate::inputs::refuse_change;
use crate::log_client::{LogClient, LogError};
use crate::log_token::LogToken;
use crate::message::{Failure, note, one_line, print};
use crate::preview::{self, KeptBack};
use crate::progress::Progress;
use crate::report::Report;
use crate::sign::SignError;
use crate::trust::{policy, requirements_for};

/// Why an entry is not known to be in the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    /// Not a `TransparencyLogEntry`.
    #[error("the log's answer is not a log entry")]
    AnswerMalformed { source: LogEntryError },
    /// Well formed, and does not prove what it should.
    #[error("the log's answer does not verify ({})", refusal.reason())]
    AnswerNotVerified { refusal: Box<Refusal> },
    /// The person said no.
    #[error("not published")]
    Declined,
    /// The log did not take it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A line that is judged by files, in a bundle file that lies alone.
    #[error("line {line} of {path} is about the files of a model, which is not named")]
    NoModel { line: usize, path: PathBuf },
    /// Every line has its proof.
    #[error("no line of {path} is pending")]
    NothingPending { path: PathBuf },
    /// The answer is about another entry than the one sent.
    #[error("the log answered with another entry than the one sent")]
    OtherEntry,
    /// The model is not the one that was signed.
    #[error("line {line} is about a model with tree digest {signed}, this one has {found}")]
    OtherModel { line: usize, signed: TreeDigest, found: TreeDigest },
    /// A pending line holds no entry that a log would take.
    #[error("line {line} holds no entry for a log")]
    PendingEntry { line: usize, source: PendingFault },
    /// What is to be sent does not pass the steps of a verifier that need no log.
    #[error("the pending signature of {name} does not hold: step {step} fails")]
    Unsound { name: String, step: Step },
}

/// What is wrong with a pending line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PendingFault {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Statement(#[from] StatementError),
}

/// A log, and the policy that says how it is known again.
pub(crate) struct Log {
    client: LogClient,
    policy: Policy,
}

impl Log {
    /// Finds address and policy before anything slow begins.
    pub(crate) fn find(args: &LogArgs, model: &Path) -> Result<Self, Failure> {
        let policy = policy(args, model)?;
        let addresses: Vec<&str> = policy.logs().iter().filter_map(|log| log.url()).collect();
        let url = match (&args.log, addresses.as_slice()) {
            (Some(url), _) => url.as_str(),
            (None, [url]) => *url,
            (None, _) => return Err(SignError::NoLog.into()),
        };
        let token = LogToken::find(args.token_file.as_deref())?;
        let client = LogClient::new(url, Duration::from_secs(args.timeout));
        let client = client.and_then(|client| client.with_token(token)).map_err(SubmitError::from)?;
        let client = match policy.quorum() {
            Quorum::Of(_) => client.until_cosigned(),
            Quorum::None => client,
        };
        Ok(Self { client, policy })
    }

    /// Where the log takes entries, as given.
    pub(crate) fn url(&self) -> &str {
        self.client.url()
    }

    /// Sends the entry of a pending bundle and completes the bundle with the answer, once that is verified. `statement` is the one
    /// in the bundle.
    ///
    /// # Errors
    /// Any [`SubmitError`]; whatever it is, the bundle is as pending as it was.
    pub(crate) fn complete(
        &self,
        pending: &Bundle,
        statement: &Statement,
        entry: &Entry,
        contents: Option<&Tree>,
    ) -> Result<(Bundle, LoggedStatement), Failure> {
        let answer = self.client.send(entry.as_bytes()).map_err(SubmitError::from)?;
        let answer = LogEntry::parse(&answer).map_err(|source| SubmitError::AnswerMalformed { source })?;
        if answer.entry_bytes() != entry.as_bytes() {
            return Err(SubmitError::OtherEntry.into());
        }
        let bundle = pending.clone().with_log_entry(answer);
        let logged = self.judge(&bundle, statement, entry, contents)?;
        Ok((bundle, logged))
    }

    /// Judges a bundle as a stranger would who trusts this log, and the key of `entry` for the statement's name. A provenance
    /// comes with the files it is about.
    ///
    /// # Errors
    /// [`SubmitError::AnswerNotVerified`].
    pub(crate) fn judge(
        &self,
        bundle: &Bundle,
        statement: &Statement,
        entry: &Entry,
        contents: Option<&Tree>,
    ) -> Result<LoggedStatement, Failure> {
        let (name, version) = (statement.name(), statement.version());
        let requirements =
            requirements_for(&self.policy, name, entry.payload().key(), Right::to_sign(statement))?;
        let expectation = Expectation::new(Some(name.clone()), Some(version.clone()));
        let Some(tree) = contents else {
            let refused = |failure: verifier::Failure| Refusal::from(failure);
            let logged = LoggedStatement::open(bundle, &requirements, &expectation).map_err(refused);
            return logged
                .map_err(|refusal| SubmitError::AnswerNotVerified { refusal: Box::new(refusal) }.into());
        };
        let mut line = bundle.to_json_line();
        line.push(b'\n');
        verifier::verify(&line, Some(&requirements), &expectation, |_| Ok(tree))
            .map(|model| model.logged().clone())
            .map_err(|refusal| SubmitError::AnswerNotVerified { refusal: Box::new(refusal) }.into())
    }
}

/// Sends a pending bundle through the verifier as far as one can come without a log.
///
/// # Errors
/// [`SubmitError::Unsound`] with the first step that does not hold.
pub(crate) fn refuse_unsound(
    pending: &Bundle,
    statement: &Statement,
    contents: Option<&Tree>,
) -> Result<(), SubmitError> {
    let Some(tree) = contents else { return refuse_unsound_line(pending, statement) };
    let mut line = pending.to_json_line();
    line.push(b'\n');
    let verdict = verifier::verify(&line, None, &Expectation::default(), |_| Ok(tree));
    let (outcomes, facts) = match &verdict {
        Ok(model) => (model.outcomes(), model.facts()),
        Err(refusal) => (refusal.outcomes(), refusal.facts()),
    };
    let steps = [Step::Read, Step::Statement, Step::Signature, Step::Entry, Step::Contents];
    match steps.into_iter().find(|step| outcomes.of(*step) != Outcome::Pass) {
        Some(step) => {
            let name = facts.statement().map_or_else(String::new, |statement| statement.name().to_string());
            Err(SubmitError::Unsound { name, step })
        }
        None => Ok(()),
    }
}

/// The same for a statement that is no provenance, of which a verifier gives no verdict: signature and entry.
fn refuse_unsound_line(pending: &Bundle, statement: &Statement) -> Result<(), SubmitError> {
    let unsound = |step| SubmitError::Unsound { name: statement.name().to_string(), step };
    let entry =
        pending.log_entry().and_then(|entry| entry.entry().ok()).ok_or_else(|| unsound(Step::Entry))?;
    let key = entry.payload().key();
    if key.key_id() != pending.hint() || pending.envelope().verify(key).is_err() {
        return Err(unsound(Step::Signature));
    }
    let expected = EntryPayload::of(statement, key, pending.salt());
    if *entry.payload() != expected || entry.verify().is_err() {
        return Err(unsound(Step::Entry));
    }
    Ok(())
}

/// Shows what will be public, and asks once whether to publish. Without a terminal there is nobody to ask, and the command
/// itself is the answer.
///
/// # Errors
/// [`SubmitError::Declined`].
pub(crate) fn confirm(
    args: &LogArgs,
    log: &Log,
    signed: &[(&Statement, &EntryPayload)],
    kept: Option<&KeptBack>,
    manner: Manner,
) -> Result<(), SubmitError> {
    let table = preview::table(signed, kept);
    if args.yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        note(manner, &format!("what will be public:\n{}", table.trim_end()));
        return Ok(());
    }
    let mut err = std::io::stderr().lock();
    let url = one_line(log.url());
    let text = format!("what will be public, in the log for ever:\n{table}publish at {url}? [y/N] ");
    let mut answer = String::new();
    let asked = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(SubmitError::Declined),
    }
}

/// A pending line.
struct Pending {
    /// From 0.
    index: usize,
    bundle: Bundle,
    statement: Statement,
    entry: Entry,
}

impl Pending {
    /// The files, if the statement is one that is judged by them.
    fn contents<'a>(&self, tree: Option<&'a Tree>) -> Option<&'a Tree> {
        self.statement.provenance().and(tree)
    }
}

/// Runs `tallymark submit`.
pub(crate) fn run(args: &SubmitArgs, manner: Manner) -> Result<(), Failure> {
    let (path, file) = find_file(&args.model)?;
    let pending = find_pending(&file)?;
    if pending.is_empty() {
        return Err(SubmitError::NothingPending { path }.into());
    }
    let log = Log::find(&args.log, &args.model)?;
    // A bundle file that lies alone is about models that are elsewhere.
    let model = if path == args.model { None } else { Some(hash(&args.model, manner)?) };
    let tree = model.as_ref().map(Scan::tree);
    for one in &pending {
        let line = one.index + 1;
        match tree.map(Tree::digest) {
            None if one.statement.provenance().is_some() => {
                return Err(SubmitError::NoModel { line, path }.into());
            }
            Some(found) if found != one.statement.tree_digest() => {
                let signed = one.statement.tree_digest();
                return Err(SubmitError::OtherModel { line, signed, found }.into());
            }
            _ => refuse_unsound(&one.bundle, &one.statement, one.contents(tree))?,
        }
    }
    let signed: Vec<_> = pending.iter().map(|one| (&one.statement, one.entry.payload())).collect();
    confirm(&args.log, &log, &signed, None, manner)?;
    model.as_ref().map_or(Ok(()), refuse_change)?;
    for one in &pending {
        let writer = Writer::at(path.clone(), Duration::from_secs(args.log.timeout))?;
        // Between reading and locking somebody may have added lines or completed this one.
        let same = |(_, other): &(usize, &Bundle)| **other == one.bundle;
        let Some((index, _)) = writer.file().and_then(|file| file.indexed_bundles().find(same)) else {
            note(manner, &format!("line {} is no longer pending", one.index + 1));
            continue;
        };
        let (bundle, logged) = log.complete(&one.bundle, &one.statement, &one.entry, one.contents(tree))?;
        let path = writer.write(Some(index), bundle)?;
        // Printed line by line: should the log fail at the next one, this one is done all the same.
        print(&Report::logged(&one.statement, &one.entry, &logged, &path).show(args.json))?;
    }
    let next = if model.is_some() { "verify" } else { "inspect" };
    note(manner, &format!("next: tallymark {next} {}", args.model.display()));
    Ok(())
}

fn hash(model: &Path, manner: Manner) -> Result<Scan, Failure> {
    let snapshot = Snapshot::take(model)?;
    let mut progress = Progress::start(manner, snapshot.total_bytes());
    Ok(progress.part("model", |progress| snapshot.hash(&ScanOptions::new(), progress))?)
}

/// The bundle file of a model; or the file itself, if it is one and has none.
///
/// # Errors
/// [`BundleFileError::Missing`] if it is neither.
pub(crate) fn find_file(given: &Path) -> Result<(PathBuf, BundleFile), BundleFileError> {
    let beside = place(given);
    match read(&beside)? {
        Some(file) => Ok((beside, file)),
        None => match read(given) {
            Ok(Some(file)) => Ok((given.to_owned(), file)),
            _ => Err(BundleFileError::Missing { path: beside }),
        },
    }
}

/// The pending lines, taken apart.
fn find_pending(file: &BundleFile) -> Result<Vec<Pending>, SubmitError> {
    let mut pending = Vec::new();
    for (index, bundle) in file.indexed_bundles() {
        let Some(log_entry) = bundle.log_entry().filter(|entry| entry.proof().is_none()) else { continue };
        let fault = |source| SubmitError::PendingEntry { line: index + 1, source };
        let entry = log_entry.entry().map_err(|error| fault(error.into()))?;
        let statement = Statement::parse(bundle.envelope().payload()).map_err(|error| fault(error.into()))?;
        pending.push(Pending { index, bundle: bundle.clone(), statement, entry });
    }
    Ok(pending)
}
