//! `tallymark verify`: the verifier's library and its report, so that both programs say the same; and before a download, what the hub says.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use verifier::load::{Request, find_trust};
use verifier::oms::{self, AnchorPath, OmsRequest};
use verifier::report::{self, Style};
use verifier::requirements::Expectation;

use crate::args::{Color, Manner, VerifyArgs};
use crate::hub::{Hub, HubError, HubName, HubNameError};
use crate::message::{Failure, OutputError, note, print};
use crate::progress::Progress;
use crate::status;
use crate::verdict::{self, Attestor};

/// Why a model on a hub was not judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfferError {
    /// Not a name on the hub.
    #[error("{text:?} is no model on the hub")]
    Name { text: String, source: HubNameError },
    /// A verdict about files needs the files.
    #[error("{text} is not here")]
    NotHere { text: String, name: HubName },
    /// What belongs to files that are here.
    #[error("{text} is on the hub, and so are its bundle file and other signatures")]
    OfFilesHere { text: String },
    /// The other way round.
    #[error("--no-download is for a model on the hub, and {} is none", path.display())]
    Here { path: PathBuf },
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// Runs it, and gives the exit status of the verdict.
pub(crate) fn run(args: &VerifyArgs, manner: Manner) -> Result<u8, Failure> {
    match args.model.to_str().filter(|text| HubName::is_meant(text)) {
        Some(text) => return run_offer(args, text, manner),
        None if args.no_download => return Err(OfferError::Here { path: args.model.clone() }.into()),
        None => {}
    }
    // A single file, or a pack, is whole or it is not.
    if args.partial && args.model.is_dir() {
        return run_part(args, manner);
    }
    if let Some(bundle) = &args.oms {
        return Ok(run_oms(args, bundle.clone(), manner)?);
    }
    let trust = args.trust.clone().or_else(|| find_trust(&args.model));
    let (signing, publish) = (&args.verdict, args.verdict.publish(trust.clone(), args.timeout, args.json));
    let attestor = if signing.attest {
        let place = verdict::place(signing, &args.model, args.bundle.as_deref())?;
        Some(Attestor::open(signing, &publish, place)?)
    } else {
        None
    };
    let time = args.at.unwrap_or_else(oms::now);
    let mut request = Request::new(&args.model)
        .bundle(args.bundle.clone())
        .cache(args.trust_cache.clone())
        .trust(trust)
        .lineage(args.beside.lineage.clone())
        .memory(args.beside.memory())
        .expecting(expectation(args).as_of(time));
    if let Some(threads) = args.threads {
        request = request.threads(threads);
    }
    if args.online {
        let fetched = status::fetch_online(args, &request)?;
        request = request.fetched(fetched);
    }
    let verdict = Progress::start(manner, 0).part("hashing", |progress| request.verify(progress));
    let is_signed = attestor.is_some() && verdict.result().is_ok();
    if args.json {
        // One document: what is signed names the verdict.
        if !is_signed {
            print(&report::json(&verdict))?;
        }
    } else if !manner.quiet {
        let style = if is_coloured(manner.color) { Style::Colour } else { Style::Plain };
        print(&report::text(&verdict, style))?;
    }
    if let Some(attestor) = attestor {
        attestor.sign(&verdict, time, manner)?;
    }
    Ok(verdict.exit_code())
}

fn expectation(args: &VerifyArgs) -> Expectation {
    Expectation::new(args.name.clone(), args.version.clone())
        .at_stage(args.stage.clone())
        .as_of(args.at.unwrap_or_else(oms::now))
}

/// The same for what the hub says of a model, before it is downloaded.
fn run_offer(args: &VerifyArgs, text: &str, manner: Manner) -> Result<u8, Failure> {
    let name: HubName = text.parse().map_err(|source| OfferError::Name { text: text.to_owned(), source })?;
    if !args.no_download {
        return Err(OfferError::NotHere { text: text.to_owned(), name }.into());
    }
    if args.bundle.is_some() || args.oms.is_some() {
        return Err(OfferError::OfFilesHere { text: text.to_owned() }.into());
    }
    let hub = Hub::find().map_err(OfferError::from)?;
    let ask = |progress: attest::scan::Progress<'_>| hub.ask(&name, progress);
    let offered = Progress::start(manner, 0).part("asking", ask).map_err(OfferError::from)?;
    let (repository, commit) = (name.repository(), &offered.commit);
    let (files, bytes) = (offered.tree.file_count(), offered.tree.total_bytes());
    let trust = args.trust.clone().or_else(|| find_trust(&args.model));
    let place = format!("hf://{repository}@{commit}");
    let request = Request::new(&place).trust(trust).expecting(expectation(args));
    let offer = request.judge_offer(offered.bundle.as_deref(), offered.tree);
    if args.json {
        print(&report::offer_json(&offer))?;
    } else if !manner.quiet {
        let style = if is_coloured(manner.color) { Style::Colour } else { Style::Plain };
        let mut text = report::offer_text(&offer, style);
        if offer.refusal().is_none() {
            let next = format!("hf download {repository} --revision {commit} --local-dir DIR");
            text.push_str(&format!("  to fetch exactly this:  {next}\n  and then:  tallymark verify DIR\n"));
        }
        print(&text)?;
    }
    let (read, of) = (offered.read.0, offered.read.1);
    let words = format!(
        "{files} files of {bytes} bytes on the hub; {read} of them read, {of} bytes, the others by their digests"
    );
    note(manner, &words);
    Ok(offer.exit_code())
}

/// The same for a directory in which not every file is.
fn run_part(args: &VerifyArgs, manner: Manner) -> Result<u8, Failure> {
    let trust = args.trust.clone().or_else(|| find_trust(&args.model));
    let mut request = Request::new(&args.model)
        .bundle(args.bundle.clone())
        .trust(trust)
        .lineage(args.beside.lineage.clone())
        .memory(args.beside.memory())
        .expecting(expectation(args));
    if let Some(threads) = args.threads {
        request = request.threads(threads);
    }
    let part = Progress::start(manner, 0).part("hashing", |progress| request.judge_part(progress));
    if args.json {
        print(&report::part_json(&part))?;
    } else if !manner.quiet {
        let style = if is_coloured(manner.color) { Style::Colour } else { Style::Plain };
        print(&report::part_text(&part, style))?;
    }
    Ok(part.exit_code())
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
pub(crate) fn is_coloured(color: Color) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !set("NO_COLOR") && (std::io::stdout().is_terminal() || set("CLICOLOR_FORCE")),
    }
}
