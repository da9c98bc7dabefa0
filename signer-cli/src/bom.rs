//! `tallymark bom`: the verdict first, then the bill of what was verified.
//!
//! In scope: asking the verifier, finding the statements beside the one of the verdict, the time, where the bill goes. Out of
//! scope: what is in it (crate `bom`).

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use attest::bundle::{Bundle, BundleFile, MAX_BUNDLE_FILE_BYTES};
use attest::private_value::Openings;
use attest::statement::Statement;
use attest::utc_time::UtcTime;
use bom::bill::is_of_an_input;
use bom::check::Shares;
use bom::cyclonedx::SpecVersion;
use bom::{Bill, check, cyclonedx, html, markdown, profile, spdx};
use verifier::LoggedStatement;
use verifier::load::{MemoryPlace, Request, Verdict, find_trust, read_bounded};
use verifier::report::{self, Style};
use verifier::requirements::{Expectation, MAX_TRUST_BYTES, Requirements};

use crate::args::{BomArgs, BomFormat, Manner};
use crate::bundle_file;
use crate::hidden::read_shared;
use crate::message::{Failure, note, print, warn};
use crate::progress::Progress;

/// Why there is no bill, beside the verifier's reasons.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BomError {
    /// The file cannot be read, though the verifier could.
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The bundle file or the trust file changed while it was read, or nothing in it is a statement.
    #[error("{path} holds no statement that can be read")]
    NoStatement { path: PathBuf },
    /// The bill cannot be written.
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    /// Fewer fields are verified than were asked for.
    #[error("{verified} of {total} fields are verified, want {percent} per cent")]
    TooFewVerified { verified: usize, total: usize, percent: u8 },
}

/// Runs it; the exit status is that of the verdict if there is no bill.
pub(crate) fn run(args: &BomArgs, manner: Manner) -> Result<u8, Failure> {
    let mut request = Request::new(&args.model)
        .bundle(args.bundle.clone())
        .trust(args.trust.clone().or_else(|| find_trust(&args.model)))
        // A bill is a view; whoever wants to use the model verifies it.
        .memory(MemoryPlace::Nowhere);
    if let Some(threads) = args.threads {
        request = request.threads(threads);
    }
    let verdict = Progress::start(manner, 0).part("hashing", |progress| request.verify(progress));
    let openings = args.openings.as_deref().map(read_shared).transpose()?.unwrap_or_default();
    let bill = match verdict.result() {
        Ok(model) => Bill::of(model, &beside(&verdict, args, &openings, manner)?, openings),
        Err(_) if args.unverified => {
            warn(manner, "the model does not verify; no value of this bill was proven");
            unverified(&verdict, openings)?
        }
        Err(_) => return refuse(&verdict, args, manner),
    };
    let time = args.timestamp.or_else(|| latest_witness(&bill)).or_else(|| end_of_run(&verdict));
    if time.is_none() {
        note(
            manner,
            "no witness and no run tells a time, so the bill has that of now; --timestamp makes it the same each time",
        );
    }
    let bill = bill.at(time.or_else(now));
    deliver(&written(&bill, args), args.out.as_deref())?;
    let shares = Shares::of(&bill);
    match args.require_verified {
        Some(percent) if !shares.has_verified(percent) => {
            let (verified, total) = (shares.verified(), shares.total());
            Err(BomError::TooFewVerified { verified, total, percent }.into())
        }
        _ => Ok(0),
    }
}

/// No verdict, no bill: says why in the words of `verify`.
fn refuse(verdict: &Verdict, args: &BomArgs, manner: Manner) -> Result<u8, Failure> {
    if args.json {
        print(&report::json(verdict))?;
    } else {
        note(manner, &report::text(verdict, Style::Plain));
        note(manner, "no bill was written; to write one of what is claimed: --unverified");
    }
    Ok(verdict.exit_code())
}

fn written(bill: &Bill, args: &BomArgs) -> String {
    match (args.profile, args.check, args.format) {
        (Some(name), _, _) if args.json => profile::json(bill, name.into()),
        (Some(name), _, _) => profile::text(bill, name.into()),
        (None, true, _) if args.json => check::json(bill),
        (None, true, _) => check::text(bill),
        (None, false, BomFormat::Cyclonedx1_7) => cyclonedx::document(bill, SpecVersion::V1_7),
        (None, false, BomFormat::Cyclonedx1_6) => cyclonedx::document(bill, SpecVersion::V1_6),
        (None, false, BomFormat::Spdx3) => spdx::document(bill),
        (None, false, BomFormat::Markdown) => markdown::document(bill),
        (None, false, BomFormat::Html) => html::document(bill),
    }
}

fn deliver(text: &str, out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(path) => std::fs::write(path, text)
            .map_err(|source| BomError::Write { path: path.to_owned(), source }.into()),
        None => Ok(print(text)?),
    }
}

/// All statements of the bundle file, and of those of datasets, that verify up to the log. The files are read once more; what changed
/// meanwhile does not verify, or is about other bytes than the verdict and is passed over.
fn beside(
    verdict: &Verdict,
    args: &BomArgs,
    openings: &Openings,
    manner: Manner,
) -> Result<Vec<LoggedStatement>, BomError> {
    let file = bundles(verdict.bundle())?;
    let Some(path) = verdict.trust() else { return Ok(Vec::new()) };
    let bytes = read(path, MAX_TRUST_BYTES as u64)?;
    let Ok(requirements) = Requirements::parse(&bytes) else {
        return Err(BomError::NoStatement { path: path.to_owned() });
    };
    let expectation = Expectation::default();
    let open = |bundle: &Bundle| LoggedStatement::open(bundle, &requirements, &expectation).ok();
    let mut logged: Vec<LoggedStatement> = file.bundles().filter_map(open).collect();
    let inputs = verdict.result().map_or(&[][..], |model| model.logged().signed().statement().inputs());
    let inputs: Vec<_> = inputs.iter().map(|input| input.clone().opened(openings).0).collect();
    let is_of_an_input = |one: &LoggedStatement| is_of_an_input(one.signed().statement(), &inputs);
    for dataset in &args.dataset {
        let path = bundle_path_of(dataset);
        let (before, file) = (logged.len(), bundles(&path)?);
        logged.extend(file.bundles().filter_map(open).filter(is_of_an_input));
        if logged.len() == before {
            let path = path.display();
            warn(
                manner,
                &format!("{path} has no statement that verifies of a dataset this model was made from"),
            );
        }
    }
    Ok(logged)
}

/// The bundle file itself, or that of the data at the path.
fn bundle_path_of(dataset: &Path) -> PathBuf {
    let name = dataset.file_name().unwrap_or_default().to_string_lossy();
    if dataset.is_file() && name.ends_with("tallymark.jsonl") {
        dataset.to_owned()
    } else {
        bundle_file::place(dataset)
    }
}

/// The bill of the first statement that can be read at all.
fn unverified(verdict: &Verdict, openings: Openings) -> Result<Bill, BomError> {
    let file = bundles(verdict.bundle())?;
    let statement = file.bundles().find_map(|bundle| Statement::parse(bundle.envelope().payload()).ok());
    let statement = statement.ok_or_else(|| BomError::NoStatement { path: verdict.bundle().to_owned() })?;
    Ok(Bill::unverified(&statement, openings))
}

fn bundles(path: &Path) -> Result<BundleFile, BomError> {
    let bytes = read(path, MAX_BUNDLE_FILE_BYTES as u64)?;
    BundleFile::parse(&bytes).map_err(|_| BomError::NoStatement { path: path.to_owned() })
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, BomError> {
    read_bounded(path, limit).map_err(|source| BomError::Unreadable { path: path.to_owned(), source })
}

fn latest_witness(bill: &Bill) -> Option<UtcTime> {
    bill.proofs().iter().flat_map(|proof| proof.cosignatures()).map(|(_, time)| *time).max()
}

fn end_of_run(verdict: &Verdict) -> Option<UtcTime> {
    let model = verdict.result().ok()?;
    model.logged().signed().statement().provenance()?.run().span().map(|(_, finished)| finished)
}

fn now() -> Option<UtcTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    UtcTime::from_unix_seconds(since.as_secs())
}
