//! `tallymark pack`: one file with a model and its evidence, written whole or not at all.
//!
//! In scope: which files, and where the pack goes. Out of scope: what a pack is and whether it can be judged (crate `verifier`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use attest::bundle::{MAX_BUNDLE_FILE_BYTES, ModelShape, bundle_path_for};
use attest::inert::is_inert_found;
use attest::oms::Symlinks;
use attest::scan::{ScanError, Survey};
use verifier::load::{MemoryPlace, Request, Verdict, evidence_files, find_trust, read_bounded};
use verifier::oms::now;
use verifier::pack::PackWriter;
use verifier::report::{self, Style};
use verifier::requirements::Expectation;

use crate::args::{Manner, PackArgs};
use crate::message::{Failure, complain, note};
use crate::progress::Progress;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackCommandError {
    /// A file is in the way.
    #[error("{} exists", path.display())]
    Exists { path: PathBuf },
    /// The pack would be a part of what it packs.
    #[error("{} lies inside the model", path.display())]
    InsideModel { path: PathBuf },
    /// The system refused.
    #[error("cannot {act} {}", path.display())]
    Io { act: &'static str, path: PathBuf, source: io::Error },
    /// What was given with --lineage is not there any more.
    #[error("the bundle files about the lineage cannot be packed")]
    Lineage(#[source] Box<verifier::Failure>),
    /// The files could not be listed.
    #[error("the model's files cannot be packed")]
    Scan(#[from] ScanError),
}

/// Runs it: the exit status of the verdict, about the model and then about the pack.
pub(crate) fn run(args: &PackArgs, manner: Manner) -> Result<u8, Failure> {
    let failed = |act, path: &Path| {
        let path = path.to_owned();
        move |source| PackCommandError::Io { act, path, source }
    };
    if args.out.symlink_metadata().is_ok() {
        return Err(PackCommandError::Exists { path: args.out.clone() }.into());
    }
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inside = folder.canonicalize().and_then(|folder| Ok(folder.starts_with(args.model.canonicalize()?)));
    if inside.unwrap_or(false) {
        return Err(PackCommandError::InsideModel { path: args.out.clone() }.into());
    }
    let mut progress = Progress::start(manner, 0);
    let verdict = progress.part("verifying", |progress| request(args, &args.model).verify(progress));
    if verdict.result().is_err() {
        return Ok(refused(&verdict));
    }
    let mut part = args.out.clone().into_os_string();
    part.push(format!(".{}.part", std::process::id()));
    let part = Part(part.into());
    write(args, verdict.bundle(), &part.0)?;
    // What was packed a moment later than it was verified may be something else.
    let checked = request(args, &part.0).bundle(None).lineage(Vec::new());
    let verdict = progress.part("verifying the pack", |progress| checked.verify(progress));
    drop(progress);
    if verdict.result().is_err() {
        return Ok(refused(&verdict));
    }
    // A link and not a rename: what came to be there meanwhile is not replaced.
    fs::hard_link(&part.0, &args.out).map_err(failed("write", &args.out))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))?;
    let bytes = args.out.metadata().map_or(0, |metadata| metadata.len());
    note(manner, &format!("{}: {}, VERIFIED", args.out.display(), report::size(bytes)));
    Ok(0)
}

/// A file that goes away.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(&self.0);
    }
}

fn request(args: &PackArgs, model: &Path) -> Request {
    Request::new(model)
        .bundle(args.bundle.clone())
        .trust(args.trust.clone().or_else(|| find_trust(&args.model)))
        .lineage(args.lineage.clone())
        // Packing is no use of the model.
        .memory(MemoryPlace::Nowhere)
        .expecting(Expectation::default().at_stage(args.stage.clone()).as_of(now()))
}

fn refused(verdict: &Verdict) -> u8 {
    complain(&report::text(verdict, Style::Plain));
    verdict.exit_code()
}

fn write(args: &PackArgs, bundle: &Path, out: &Path) -> Result<(), PackCommandError> {
    let failed = |act, path: &Path| {
        let path = path.to_owned();
        move |source| PackCommandError::Io { act, path, source }
    };
    let read = |path: &Path| read_bounded(path, MAX_BUNDLE_FILE_BYTES as u64).map_err(failed("read", path));
    let single_file = args.model.file_name().filter(|_| args.model.is_file());
    let single_file = single_file.map(|name| name.to_string_lossy().into_owned());
    let shape = if single_file.is_some() { ModelShape::SingleFile } else { ModelShape::Directory };
    let own = if args.bundle.is_some() { bundle.to_owned() } else { bundle_path_for(&args.model, shape) };
    let mut lineage = Vec::new();
    for path in &args.lineage {
        for file in evidence_files(path).map_err(|failure| PackCommandError::Lineage(Box::new(failure)))? {
            lineage.push(read(&file)?);
        }
    }
    let file = OpenOptions::new().write(true).create_new(true).open(out).map_err(failed("write", out))?;
    let writer = BufWriter::with_capacity(1 << 20, file);
    let mut writer = PackWriter::new(writer, single_file.as_deref(), &lineage, &read(&own)?)
        .map_err(failed("write", out))?;
    let survey =
        Survey::of(&args.model, Symlinks::Refused, &|path, kind| is_inert_found(path, kind.is_file()))?;
    for found in survey.files() {
        let path = match &single_file {
            Some(_) => args.model.clone(),
            None => args.model.join(found.path().as_str()),
        };
        let content = File::open(&path).map_err(failed("open", &path))?;
        writer.add(found.path(), found.size(), content).map_err(failed("pack", &path))?;
    }
    let file = writer.finish().and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error));
    file.and_then(|file| file.sync_all()).map_err(failed("write", out))
}
