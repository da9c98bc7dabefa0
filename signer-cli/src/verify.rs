//! `tallymark verify`: the verifier's library and its report, so that both programs say the same.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use verifier::load::{MemoryPlace, Request, find_trust};
use verifier::oms::{self, AnchorPath, OmsRequest};
use verifier::report::{self, Style};
use verifier::requirements::Expectation;

use crate::args::{Color, Manner, VerifyArgs};
use crate::message::{OutputError, print};
use crate::progress::Progress;

/// Runs it, and gives the exit status of the verdict.
pub(crate) fn run(args: &VerifyArgs, manner: Manner) -> Result<u8, OutputError> {
    if let Some(bundle) = &args.oms {
        return run_oms(args, bundle.clone(), manner);
    }
    let mut request = Request::new(&args.model)
        .bundle(args.bundle.clone())
        .trust(args.trust.clone().or_else(|| find_trust(&args.model)))
        .lineage(args.lineage.clone())
        .memory(match &args.state {
            Some(path) => MemoryPlace::At(path.clone()),
            None if args.no_state => MemoryPlace::Nowhere,
            None => MemoryPlace::AsTrusted,
        })
        .expecting(
            Expectation::new(args.name.clone(), args.version.clone())
                .at_stage(args.stage.clone())
                .as_of(args.at.unwrap_or_else(oms::now)),
        );
    if let Some(threads) = args.threads {
        request = request.threads(threads);
    }
    let verdict = Progress::start(manner, 0).part("hashing", |progress| request.verify(progress));
    if args.json {
        print(&report::json(&verdict))?;
    } else if !manner.quiet {
        let style = if is_coloured(manner.color) { Style::Colour } else { Style::Plain };
        print(&report::text(&verdict, style))?;
    }
    Ok(verdict.exit_code())
}

/// The same for an OMS signature.
fn run_oms(args: &VerifyArgs, bundle: Option<PathBuf>, manner: Manner) -> Result<u8, OutputError> {
    let key = args.oms_key.clone().map(AnchorPath::Key);
    let anchor = key.or_else(|| args.oms_ca.clone().map(AnchorPath::Authorities));
    let at = args.oms_time.unwrap_or_else(oms::now);
    let mut request = OmsRequest::new(&args.model, at).bundle(bundle).anchor(anchor);
    if let Some(threads) = args.threads {
        request = request.threads(threads);
    }
    let verdict = Progress::start(manner, 0).part("hashing", |progress| request.verify(progress));
    if args.json {
        print(&oms::json(&verdict))?;
    } else if !manner.quiet {
        let style = if is_coloured(manner.color) { Style::Colour } else { Style::Plain };
        print(&oms::text(&verdict, style))?;
    }
    Ok(verdict.exit_code())
}

/// Whether text on standard output is coloured; by the same rules as in `tallymark-verify`.
fn is_coloured(color: Color) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !set("NO_COLOR") && (std::io::stdout().is_terminal() || set("CLICOLOR_FORCE")),
    }
}
