//! `tallymark scan`: what the files of a model are, and whether loading them can run code.
//!
//! In scope: printing a report, and signing it. Out of scope: the judgement (crate `formats`).

use attest::digest::Sha256Digest;
use attest::oms::HashType;
use attest::provenance::Extent;
use attest::scan::{Content, ScanOptions};
use attest::tree::{FileLeaf, Tree, TreeError};
use formats::{GateError, Report, Rules, Scanned, StatementError};

use crate::args::{Allowed, Manner, ScanArgs, ScanFormat};
use crate::message::{Exit, Failure, note, print};
use crate::preview::KeptBack;
use crate::progress::Progress;
use crate::publication::{Place, Publication, read_back};
use crate::snapshot::Snapshot;

/// Why there is no report, or no statement about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanCommandError {
    /// The files could not be looked at.
    #[error("the files could not be looked at")]
    Gate(#[from] GateError),
    /// The report makes no statement.
    #[error("what was found cannot be signed")]
    Statement(#[from] StatementError),
    /// The files make no tree.
    #[error("the files make no tree")]
    Tree(#[from] TreeError),
}

/// Runs it; 3 if a file is refused.
pub(crate) fn run(args: &ScanArgs, manner: Manner) -> Result<u8, Failure> {
    let rules = match args.allow {
        Some(Allowed::Torch) => Rules::with_torch(),
        None => Rules::strict(),
    };
    let scanned = match &args.attest {
        None => {
            let scanned = scan(args, &rules)?;
            show(args, &scanned.report)?;
            scanned
        }
        Some(name_version) => {
            let publication = Publication::find(&args.publish, Place::Beside(&args.model))?;
            let snapshot = Snapshot::take(&args.model)?;
            let open = publication.open()?;
            let Scanned { report, survey } = scan(args, &rules)?;
            if !args.publish.json {
                show(args, &report)?;
            }
            // Fails if a file is not as it was before the gate read it: what is signed is about the bytes that were looked at.
            let mut progress = Progress::start(manner, snapshot.total_bytes());
            let contents = progress.part("model", |progress| {
                survey.hash(HashType::Sha256, None, &ScanOptions::new(), progress)
            })?;
            let tree = tree(contents)?;
            let predicate = report.to_predicate(env!("CARGO_PKG_VERSION"), Extent::of(&tree));
            let predicate = predicate.map_err(ScanCommandError::from)?;
            let (name, version) = (name_version.name(), name_version.version());
            let statement = read_back(&predicate.to_statement_bytes(name, version, tree.digest()))?;
            open.finish(statement, None, &KeptBack::default(), || Ok(snapshot.refuse_change()?), manner)?;
            return Ok(status(&report, manner));
        }
    };
    Ok(status(&scanned.report, manner))
}

fn scan(args: &ScanArgs, rules: &Rules) -> Result<Scanned, ScanCommandError> {
    Ok(formats::scan(&args.model, rules)?)
}

fn show(args: &ScanArgs, report: &Report) -> Result<(), Failure> {
    let format = if args.publish.json { ScanFormat::Json } else { args.format };
    let text = match format {
        ScanFormat::Text => formats::text(report),
        ScanFormat::Json => format!("{}\n", formats::json(report)),
        ScanFormat::Sarif => format!("{}\n", formats::sarif(report, env!("CARGO_PKG_VERSION"))),
    };
    Ok(print(&text)?)
}

/// The exit status; a refusal names the next step.
fn status(report: &Report, manner: Manner) -> u8 {
    let Some(finding) = report.findings().next() else { return 0 };
    note(manner, &format!("hint: {}", finding.reason().advice()));
    Exit::Refused as u8
}

/// The tree of files that were hashed whole.
fn tree(contents: Vec<Content>) -> Result<Tree, ScanCommandError> {
    let leaf = |content: &Content| {
        // A file that is not cut in pieces has one digest, an empty one that of nothing.
        let digest = content.digests().first().copied().unwrap_or_else(|| Sha256Digest::of(b""));
        FileLeaf::new(content.path().clone(), content.size(), digest)
    };
    Ok(Tree::new(contents.iter().map(leaf).collect())?)
}
