//! `tallymark attest dataset`: what a dataset is, with the list of its files beside it.

use std::path::{Path, PathBuf};

use attest::content_tree;
use attest::dataset::{DataSource, Dataset, DatasetError, Document};
use attest::provenance::{Extent, Input, InputDigest, Source};
use attest::role::Role;
use attest::scan::{ScanError, ScanOptions, Snapshot};
use collect::dvc::TargetError;

use crate::args::{DatasetArgs, Manner};
use crate::hidden::Hidden;
use crate::inputs::refuse_change;
use crate::manifest_file::{NewManifest, digest_of};
use crate::message::{Failure, note, warn};
use crate::preview::KeptBack;
use crate::progress::Progress;
use crate::publication::{Place, Publication, read_back};
use crate::sign::SignError;

/// Why there is no statement about a dataset.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatasetCommandError {
    /// What was said makes no dataset.
    #[error("that is no dataset")]
    Dataset(#[from] DatasetError),
    /// DVC does not know it.
    #[error("the target of DVC cannot be relied on")]
    Dvc(#[from] TargetError),
    /// The list would become part of what it lists.
    #[error("the list {path} would lie inside the dataset")]
    ManifestInside { path: PathBuf },
    /// Not one dataset.
    #[error("{target} names {seen} things that lie here, want one")]
    NotOne { target: String, seen: usize },
    /// The system refused.
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
}

/// Runs it.
pub(crate) fn run(args: &DatasetArgs, manner: Manner) -> Result<(), Failure> {
    let path = path(args, manner)?;
    let publication = Publication::find(&args.publish, Place::Beside(&path))?;
    let manifest = manifest_path(args, &path)?;
    let mut kept = KeptBack { hidden: Hidden::begin(&args.private, &path)?, ..KeptBack::default() };
    let snapshot = Snapshot::take(&path)?;
    let parents = args.derived_from.iter().map(|parent| Ok((&parent.name, Snapshot::take(&parent.path)?)));
    let parents = parents.collect::<Result<Vec<_>, ScanError>>()?;
    let open = publication.open()?;
    let options = ScanOptions::new().threads(args.threads);
    let bytes = parents.iter().map(|(_, parent)| parent.total_bytes());
    let mut progress = Progress::start(manner, bytes.fold(snapshot.total_bytes(), u64::saturating_add));
    let mut scans = vec![progress.part("dataset", |progress| snapshot.hash(&options, progress))?];
    let mut derived_from = Vec::new();
    for (name, parent) in parents {
        let scan = progress.part(name.as_str(), |progress| parent.hash(&options, progress))?;
        let digest = InputDigest::from(scan.tree());
        derived_from.push(Input::new(Role::Dataset, name.clone(), Source::Observed, digest)?);
        scans.push(scan);
    }
    drop(progress);
    let Some(tree) = scans.first().map(|scan| scan.tree()) else { return Ok(()) };
    if tree.file_count() == 0 {
        return Err(SignError::EmptyModel { model: path }.into());
    }

    let dataset = Dataset::new(Extent::of(tree), args.personal_data.into());
    let dataset = dataset.with_by_content(content_tree::digest(tree)).with_derived_from(derived_from);
    let dataset = describe(args, dataset.map_err(DatasetCommandError::from)?)?;
    let dataset = hide(dataset, args, &mut kept.hidden)?;
    let new = NewManifest::write(tree, (!args.publish.dry_run).then_some(manifest.as_path()))?;
    let dataset = dataset.with_manifest(new.document().clone());
    let (name, version) = (args.name_version.name(), args.name_version.version());
    let statement = read_back(&dataset.to_statement_bytes(name, version, tree.digest()))?;
    open.finish(statement, None, &mut kept, || scans.iter().try_for_each(refuse_change), manner)?;
    if let Some(path) = new.keep()? {
        note(manner, &format!("list of {} files: {}", tree.file_count(), path.display()));
    }
    Ok(())
}

/// Adds where it came from and what it was made from, as far as these are shown.
fn hide(dataset: Dataset, args: &DatasetArgs, hidden: &mut Hidden) -> Result<Dataset, Failure> {
    let parents = hidden.inputs(dataset.derived_from().to_vec())?;
    let sources = hidden.places(args.source.clone())?.into_iter().map(DataSource::new).collect();
    let dataset = dataset.with_sources(sources).and_then(|dataset| dataset.with_derived_from(parents));
    Ok(dataset.map_err(DatasetCommandError::from)?)
}

fn describe(args: &DatasetArgs, dataset: Dataset) -> Result<Dataset, DatasetCommandError> {
    let mut dataset = dataset.with_licences(args.licence.clone())?;
    if let Some(transform) = args.transform {
        dataset = dataset.with_transform(transform);
    }
    if let (Some(start), Some(end)) = (args.collected_from, args.collected_to) {
        dataset = dataset.with_collection(start, end)?;
    }
    if let Some(path) = &args.datasheet {
        let is_markdown = path.extension().is_some_and(|extension| extension == "md");
        dataset = dataset.with_datasheet(document(
            path,
            if is_markdown { "text/markdown" } else { "application/octet-stream" },
        )?);
    }
    if let Some(path) = &args.croissant {
        dataset = dataset.with_croissant(document(path, "application/ld+json")?);
    }
    Ok(dataset)
}

fn document(path: &Path, media_type: &str) -> Result<Document, DatasetCommandError> {
    let unreadable = |source| DatasetCommandError::Unreadable { path: path.to_owned(), source };
    let bytes = path.metadata().map_err(unreadable)?;
    if !bytes.is_file() {
        return Err(unreadable(std::io::ErrorKind::InvalidInput.into()));
    }
    let digest = digest_of(path).map_err(unreadable)?;
    Ok(Document::new(media_type.to_owned(), digest, bytes.len())?)
}

/// The dataset: as given, or the one thing that DVC's target names.
fn path(args: &DatasetArgs, manner: Manner) -> Result<PathBuf, DatasetCommandError> {
    let Some(name) = &args.dvc else { return Ok(args.path.clone().unwrap_or_default()) };
    let target = collect::dvc::target(Path::new("."), name)?;
    for elsewhere in target.elsewhere() {
        warn(manner, &format!("{elsewhere} lies elsewhere and is not hashed"));
    }
    let out = |tracked: &&collect::dvc::Tracked| tracked.role() == collect::dvc::Role::Output;
    let tracked: Vec<_> = target.tracked().iter().filter(out).collect();
    match tracked.as_slice() {
        [one] => Ok(PathBuf::from(one.path().as_str())),
        several => Err(DatasetCommandError::NotOne { target: name.clone(), seen: several.len() }),
    }
}

/// Where the list goes: beside the dataset and never into it.
fn manifest_path(args: &DatasetArgs, dataset: &Path) -> Result<PathBuf, DatasetCommandError> {
    let unreadable = |source| DatasetCommandError::Unreadable { path: dataset.to_owned(), source };
    let resolved = dataset.canonicalize().map_err(unreadable)?;
    let path = match &args.manifest {
        Some(path) => path.clone(),
        None => {
            let mut name = resolved.file_name().unwrap_or_default().to_owned();
            name.push(".manifest.zst");
            // Beside `./data` as it was typed, beside `.` where it really lies.
            match dataset.file_name() {
                Some(_) => dataset.with_file_name(name),
                None => resolved.with_file_name(name),
            }
        }
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize();
    if parent.is_ok_and(|parent| resolved.is_dir() && parent.starts_with(&resolved)) {
        return Err(DatasetCommandError::ManifestInside { path });
    }
    Ok(path)
}
