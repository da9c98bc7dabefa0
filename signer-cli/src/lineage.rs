//! `tallymark lineage`: the verdict first, then a drawing of where the model comes from.
//!
//! In scope: asking the verifier, where the drawing goes. Out of scope: the lineage itself (crate `verifier`), how it is drawn
//! (crate `bom`).

use std::path::PathBuf;

use bom::lineage::{dot, svg, tree};
use verifier::Lineage;
use verifier::load::{MemoryPlace, Request, find_trust};
use verifier::oms;
use verifier::report::{self, Style};
use verifier::requirements::Expectation;

use crate::args::{LineageArgs, LineageFormat, Manner};
use crate::message::{Failure, note, one_line, print};
use crate::plausibility;
use crate::progress::Progress;

/// The drawing cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub(crate) struct LineageError {
    path: PathBuf,
    source: std::io::Error,
}

/// Runs it, and gives the exit status of the verdict.
pub(crate) fn run(args: &LineageArgs, manner: Manner) -> Result<u8, Failure> {
    let expectation = Expectation::default().at_stage(args.stage.clone());
    let mut request = Request::new(&args.model)
        .bundle(args.bundle.clone())
        .trust(args.trust.clone().or_else(|| find_trust(&args.model)))
        .lineage(args.lineage.clone())
        // A drawing is a view; whoever wants to use the model verifies it.
        .memory(MemoryPlace::Nowhere)
        .expecting(expectation.as_of(args.at.unwrap_or_else(oms::now)));
    if let Some(threads) = args.threads {
        request = request.threads(threads);
    }
    let verdict = Progress::start(manner, 0).part("hashing", |progress| request.verify(progress));
    let lineage = match verdict.result() {
        Ok(model) => model.lineage(),
        Err(refusal) => refusal.lineage(),
    };
    if let Some(lineage) = lineage {
        let text = drawn(lineage, args.format);
        match &args.out {
            Some(path) => {
                std::fs::write(path, text).map_err(|source| LineageError { path: path.clone(), source })?
            }
            None => print(&text)?,
        }
    }
    if let Some(lineage) = lineage.filter(|_| !args.base.is_empty()) {
        let lines = plausibility::compare(&args.model, &args.base, lineage, manner)?;
        // A drawing that programs read stays one document.
        let is_text = args.format == LineageFormat::Tree && args.out.is_none();
        for line in lines {
            if is_text { print(&format!("{}\n", one_line(&line)))? } else { note(manner, &one_line(&line)) }
        }
    }
    if verdict.result().is_err() {
        // With a drawing or without: that it does not verify must not go unnoticed.
        note(manner, &report::text(&verdict, Style::Plain));
    }
    Ok(verdict.exit_code())
}

fn drawn(lineage: &Lineage, format: LineageFormat) -> String {
    match format {
        LineageFormat::Tree => tree(lineage),
        LineageFormat::Dot => dot(lineage),
        LineageFormat::Svg => svg(lineage),
        LineageFormat::Json => report::lineage_json(lineage),
    }
}
