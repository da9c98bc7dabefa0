//! `tallymark gate`: the verdict of `verify` about many models, in the forms that pipelines read.
//!
//! In scope: which models, where reports go, the exit status. Out of scope: the judgement and every form of it (crate `verifier`).

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use attest::bundle::{ModelShape, bundle_path_for};
use verifier::load::{Request, Verdict, find_trust};
use verifier::oms::now;
use verifier::report::{self, Style};
use verifier::requirements::Expectation;

use crate::args::{GateArgs, GateFormat, Manner};
use crate::message::{Failure, note, print};
use crate::progress::Progress;
use crate::verify::is_coloured;

/// Bytes of a list of models on standard input.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;
/// Models in one run.
const MAX_MODELS: usize = 100_000;

/// Why nothing was judged, or not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GateCommandError {
    /// The list could not be read.
    #[error("the list of models on standard input cannot be read")]
    List(#[source] io::Error),
    /// The list is longer than anybody's.
    #[error("more than {MAX_MODELS} models")]
    TooMany,
    /// A pipeline that judges nothing lets everything pass.
    #[error("no model to judge in {}", _0.join(", "))]
    Nothing(Vec<String>),
    /// A directory of models could not be listed.
    #[error("cannot list the models in {}", path.display())]
    Unlisted {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A report could not be written.
    #[error("cannot write the report {}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs it, and gives the exit status of the worst verdict.
pub(crate) fn run(args: &GateArgs, manner: Manner) -> Result<u8, Failure> {
    let models = models(args)?;
    let mut progress = Progress::start(manner, 0);
    let verdicts: Vec<Verdict> = models
        .iter()
        .map(|model| {
            let request = request(args, model);
            progress.part(&model.to_string_lossy(), |progress| request.verify(progress))
        })
        .collect();
    drop(progress);
    for file in &args.report {
        write(&file.path, &said(file.format, &verdicts, Style::Plain))?;
    }
    if let (GateFormat::Github, Some(summary)) = (args.format, std::env::var_os("GITHUB_STEP_SUMMARY")) {
        append(Path::new(&summary), &report::markdown(&verdicts))?;
    }
    let style = if is_coloured(manner.color) { Style::Colour } else { Style::Plain };
    if !(manner.quiet && args.format == GateFormat::Human) {
        print(&said(args.format, &verdicts, style))?;
    }
    match report::overall(&verdicts) {
        status @ 1.. if args.warn => {
            note(manner, &format!("only warned: without --warn the exit status would be {status}"));
            Ok(0)
        }
        status => Ok(status),
    }
}

fn request(args: &GateArgs, model: &Path) -> Request {
    let expectation = Expectation::default().at_stage(args.stage.clone()).as_of(args.at.unwrap_or_else(now));
    let trust = args.trust.clone().or_else(|| find_trust(model));
    let request = Request::new(model)
        .trust(trust)
        .cache(args.trust_cache.clone())
        .lineage(args.beside.lineage.clone())
        .memory(args.beside.memory())
        .expecting(expectation);
    match args.threads {
        Some(threads) => request.threads(threads),
        None => request,
    }
}

fn said(format: GateFormat, verdicts: &[Verdict], style: Style) -> String {
    match format {
        GateFormat::Human => report::table(verdicts, style),
        GateFormat::Json => report::json_all(verdicts),
        GateFormat::Sarif => report::sarif(verdicts),
        GateFormat::Junit => report::junit(verdicts),
        GateFormat::Github => report::github(verdicts),
    }
}

/// The models that are named, in the order of the command line.
fn models(args: &GateArgs) -> Result<Vec<PathBuf>, GateCommandError> {
    let mut named = Vec::new();
    for path in &args.models {
        if path == Path::new("-") { named.extend(listed()?) } else { named.push(path.clone()) }
    }
    let mut models = Vec::new();
    for path in &named {
        if args.each {
            models.extend(inside(path)?);
        } else {
            models.push(path.clone());
        }
        if models.len() > MAX_MODELS {
            return Err(GateCommandError::TooMany);
        }
    }
    if models.is_empty() {
        let named = if named.is_empty() { &args.models } else { &named };
        return Err(GateCommandError::Nothing(
            named.iter().map(|path| report::plain(&path.to_string_lossy())).collect(),
        ));
    }
    Ok(models)
}

/// The list on standard input: a path a line, empty lines passed over.
fn listed() -> Result<Vec<PathBuf>, GateCommandError> {
    let mut models = Vec::new();
    let mut input = io::stdin().lock().take(MAX_LIST_BYTES + 1);
    let mut line = String::new();
    while input.read_line(&mut line).map_err(GateCommandError::List)? > 0 {
        if input.limit() == 0 || models.len() > MAX_MODELS {
            return Err(GateCommandError::TooMany);
        }
        let path = line.strip_suffix('\n').unwrap_or(&line);
        let path = path.strip_suffix('\r').unwrap_or(path);
        if !path.is_empty() {
            models.push(path.into());
        }
        line.clear();
    }
    Ok(models)
}

/// Everything in a directory, by name. What has no bundle is a model too, one that will not be verified.
fn inside(dir: &Path) -> Result<Vec<PathBuf>, GateCommandError> {
    let unlisted = |source| GateCommandError::Unlisted { path: dir.to_owned(), source };
    let entries = std::fs::read_dir(dir).map_err(unlisted)?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unlisted)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable();
    // The bundle of a single file belongs to that file, if it is there.
    let bundles: Vec<PathBuf> = paths
        .iter()
        .filter(|path| path.is_file())
        .map(|path| bundle_path_for(path, ModelShape::SingleFile))
        .collect();
    // Only a regular file is passed over: a directory of that name is one that an engine may load.
    paths.retain(|path| !(path.is_file() && bundles.contains(path)));
    Ok(paths)
}

/// Writes a report, a file whole or not at all. The name beside it is made from ours, so that two runs do not meet.
fn write(path: &Path, text: &str) -> Result<(), GateCommandError> {
    let failed = |source| GateCommandError::Report { path: path.to_owned(), source };
    let Some(name) = path.file_name() else { return Err(failed(io::ErrorKind::IsADirectory.into())) };
    // A pipe, a device or a link is written to: a file in the place of /dev/stdout would stay there.
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        let file = OpenOptions::new().write(true).truncate(true).open(path);
        return file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed);
    }
    let mut beside = name.to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = OpenOptions::new().write(true).create_new(true).open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written.map_err(|source| {
        // It may never have been made.
        let _ = std::fs::remove_file(&beside);
        failed(source)
    })
}

fn append(path: &Path, text: &str) -> Result<(), GateCommandError> {
    let failed = |source| GateCommandError::Report { path: path.to_owned(), source };
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
