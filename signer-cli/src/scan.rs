//! `tallymark scan`: what the files of a model are, and whether loading them can run code.
//!
//! In scope: printing a report, and signing it. Out of scope: the judgement (crate `formats`).

use attest::provenance::Extent;
use attest::scan::{ScanOptions, Snapshot};
use formats::{GateError, Report, Rules, StatementError};

use crate::args::{Allowed, Manner, ScanArgs, ScanFormat};
use crate::inputs::refuse_change;
use crate::message::{Exit, Failure, note, print};
use crate::preview::KeptBack;
use crate::progress::Progress;
use crate::publication::{Place, Publication, read_back};

/// Why there is no report, or no statement about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanCommandError {
    /// The files could not be looked at.
    #[error("the files could not be looked at")]
    Gate(#[from] GateError),
    /// The report makes no statement.
    #[error("what was found cannot be signed")]
    Statement(#[from] StatementError),
}

/// Runs it; 3 if a file is refused.
pub(crate) fn run(args: &ScanArgs, manner: Manner) -> Result<u8, Failure> {
    let rules = match args.allow {
        Some(Allowed::Torch) => Rules::with_torch(),
        None => Rules::strict(),
    };
    match &args.attest {
        None => {
            let report = scan(args, &rules)?;
            show(args, &report)?;
            Ok(status(&report, manner))
        }
        Some(name_version) => {
            let publication = Publication::find(&args.publish, Place::Beside(&args.model))?;
            let snapshot = Snapshot::take(&args.model)?;
            let open = publication.open()?;
            let report = scan(args, &rules)?;
            if !args.publish.json {
                show(args, &report)?;
            }
            // Fails if a file is not as it was before the gate read it: what is signed is about the bytes that were looked at.
            let mut progress = Progress::start(manner, snapshot.total_bytes());
            let hashed = progress.part("model", |progress| snapshot.hash(&ScanOptions::new(), progress))?;
            let tree = hashed.tree();
            let predicate = report.to_predicate(env!("CARGO_PKG_VERSION"), Extent::of(tree));
            let predicate = predicate.map_err(ScanCommandError::from)?;
            let (name, version) = (name_version.name(), name_version.version());
            let statement = read_back(&predicate.to_statement_bytes(name, version, tree.digest()))?;
            open.finish(statement, None, &mut KeptBack::default(), || refuse_change(&hashed), manner)?;
            Ok(status(&report, manner))
        }
    }
}

fn scan(args: &ScanArgs, rules: &Rules) -> Result<Report, ScanCommandError> {
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
