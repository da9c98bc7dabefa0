//! The file store: directories and small files, every name of which somebody else chose.
//!
//! No link is followed, nothing is opened but regular files, and only names that a listing gave are joined to a path, so
//! that no name can lead out. Whoever can write to the directory while it is read can make the reading wrong, and that
//! is all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::imported::{Imported, excerpt};
use crate::mlflow::error::MlflowError;
use crate::mlflow::record::{self, Dataset, LoggedModel, Run, Version};
use crate::mlflow::selection::{Candidate, MAX_CANDIDATES};
use crate::reading::{self, MAX_TEXT_FILE_BYTES};
use crate::{Topic, WarningReason, typed_yaml};

/// The file that says what a directory is.
const META: &str = "meta.yaml";
/// Where the registry lies among the experiments.
const REGISTRY: &str = "models";
/// Directories of an experiment that are no runs.
const RESERVED: [&str; 5] = ["assessments", "datasets", "models", "tags", "traces"];
/// Most entries of one directory.
const MAX_ENTRIES: usize = 10_000;
/// Most directories that a key with slashes may need.
const MAX_KEY_DEPTH: usize = 16;
/// Most bytes of a parameter or tag: MLflow allows 6000 and 8000.
const MAX_VALUE_BYTES: u64 = 1 << 16;

/// A file store.
pub(super) struct Files {
    root: Place,
}

/// A path in the store, and what reports call it.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    shown: String,
}

impl Place {
    /// What has this name in it. The name comes from a listing, or is a constant.
    fn join(&self, name: &str) -> Self {
        let shown = if self.shown.is_empty() { name.to_owned() } else { format!("{}/{name}", self.shown) };
        Self { path: self.path.join(name), shown }
    }

    /// Whether it is a directory, and not by way of a link.
    fn is_directory(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.is_dir())
    }

    /// Whether anything is there, be it only a link to nowhere.
    fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }
}

/// What a listing gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
}

/// `meta.yaml` of an experiment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExperimentMeta {
    name: Option<String>,
}

/// `meta.yaml` of a run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RunMeta {
    artifact_uri: Option<String>,
    end_time: Option<String>,
    entry_point_name: Option<String>,
    lifecycle_stage: Option<String>,
    run_id: Option<String>,
    run_name: Option<String>,
    source_name: Option<String>,
    source_type: Option<String>,
    start_time: Option<String>,
    status: Option<String>,
    user_id: Option<String>,
}

/// `meta.yaml` of an input.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputMeta {
    source_id: Option<String>,
    source_type: Option<String>,
    tags: BTreeMap<String, String>,
}

/// `meta.yaml` of a dataset.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DatasetMeta {
    name: Option<String>,
    digest: Option<String>,
    source_type: Option<String>,
    source: Option<String>,
    profile: Option<String>,
}

/// `meta.yaml` of a logged model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModelMeta {
    artifact_location: Option<String>,
    creation_timestamp: Option<String>,
    model_type: Option<String>,
    name: Option<String>,
    source_run_id: Option<String>,
    status: Option<String>,
}

/// `meta.yaml` of a registered version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VersionMeta {
    creation_timestamp: Option<String>,
    current_stage: Option<String>,
    description: Option<String>,
    model_id: Option<String>,
    run_id: Option<String>,
    source: Option<String>,
    status: Option<String>,
    user_id: Option<String>,
    version: Option<String>,
}

impl Files {
    /// The store in a directory.
    pub(super) fn new(path: &Path, shown: &str) -> Self {
        Self { root: Place { path: path.to_owned(), shown: shown.to_owned() } }
    }

    /// Whether a directory is a file store: one of its directories says that it is an experiment.
    pub(super) fn is_store(path: &Path) -> bool {
        let root = Place { path: path.to_owned(), shown: String::new() };
        // What cannot be listed is no store; nothing is lost, since the caller then says that there is none.
        let mut unseen = Imported::new("");
        directories(&root, &mut unseen).any(|(name, place)| name != REGISTRY && place.join(META).exists())
    }

    /// What reports call it.
    pub(super) fn shown(&self) -> &str {
        &self.root.shown
    }

    /// The runs that may be meant; without a name, those that are not deleted.
    pub(super) fn candidates(&self, wanted: Option<&str>) -> Result<Vec<Candidate>, MlflowError> {
        let mut unseen = Imported::new("");
        let mut candidates = Vec::new();
        for (id, place) in self.runs(&mut unseen) {
            // A `meta.yaml` that cannot be read makes a run without a name; reading the run then says what is wrong with it.
            let meta: RunMeta = meta(&place, &mut Imported::new("")).unwrap_or_default();
            let is_deleted = meta.lifecycle_stage.as_deref() == Some("deleted");
            let candidate = Candidate::new(id, meta.run_name.unwrap_or_default());
            if wanted == Some(candidate.id()) {
                return Ok(vec![candidate]);
            }
            let is_meant = wanted.map_or(!is_deleted, |wanted| candidate.answers(wanted));
            if is_meant && candidates.len() < MAX_CANDIDATES {
                candidates.push(candidate);
            }
        }
        Ok(candidates)
    }

    /// The directories of all runs of all experiments.
    fn runs(&self, out: &mut Imported) -> Vec<(String, Place)> {
        let mut runs = Vec::new();
        for (name, experiment) in directories(&self.root, out) {
            if name == REGISTRY || name == ".trash" {
                continue;
            }
            let in_experiment = directories(&experiment, out);
            runs.extend(in_experiment.filter(|(name, place)| {
                !RESERVED.contains(&name.as_str()) && is_id(name) && place.join(META).exists()
            }));
            if runs.len() > MAX_ENTRIES {
                runs.truncate(MAX_ENTRIES);
                break;
            }
        }
        runs
    }

    /// States all that there is about a run.
    pub(super) fn read_run(&self, id: &str, out: &mut Imported) {
        let Some((_, place)) = self.runs(out).into_iter().find(|(name, _)| name == id) else {
            return;
        };
        let Some(experiment) = self.experiment_of(&place) else {
            return;
        };
        self.run(id, &place, &experiment, out);
        for (key, file) in keys(&place.join("params"), out) {
            if let Some(value) = value(&file, out) {
                record::state_param(out, &key, &value, &file.shown);
            }
        }
        for (key, file) in keys(&place.join("metrics"), out) {
            state_metric(&key, &file, out);
        }
        datasets(&place, &experiment, out);
        let models = logged_models(id, &place, &experiment, out);
        self.versions(id, &models, out);
    }

    /// The experiment that a run lies in.
    fn experiment_of(&self, run: &Place) -> Option<Place> {
        let name = run.path.parent()?.file_name()?.to_str()?;
        Some(self.root.join(name))
    }

    fn run(&self, id: &str, place: &Place, experiment: &Place, out: &mut Imported) {
        let meta_of_run: RunMeta = meta(place, out).unwrap_or_default();
        if let Some(other) = meta_of_run.run_id.as_deref().filter(|other| *other != id) {
            let text = format!("run_id is {:?}, the directory is {id:?}", excerpt(other));
            out.warn(WarningReason::Disagreement, &place.join(META).shown, &text);
        }
        let experiment: ExperimentMeta = meta(experiment, out).unwrap_or_default();
        let run = Run {
            id: id.to_owned(),
            name: meta_of_run.run_name,
            experiment: experiment.name,
            status: meta_of_run.status,
            lifecycle: meta_of_run.lifecycle_stage,
            user: meta_of_run.user_id,
            source_type: meta_of_run.source_type,
            source_name: meta_of_run.source_name,
            entry_point: meta_of_run.entry_point_name,
            artifact_uri: meta_of_run.artifact_uri,
            started_ms: meta_of_run.start_time,
            ended_ms: meta_of_run.end_time,
        };
        run.state(out, &place.join(META).shown);
        for (key, file) in keys(&place.join("tags"), out) {
            if let Some(value) = value(&file, out) {
                run.state_tag(out, &key, &value, &file.shown);
            }
        }
    }

    /// States the registered versions that came of the run, or of a model that it logged.
    fn versions(&self, run: &str, models: &[String], out: &mut Imported) {
        for (model, place) in directories(&self.root.join(REGISTRY), out).collect::<Vec<_>>() {
            for (name, version) in directories(&place, out).collect::<Vec<_>>() {
                if !name.starts_with("version-") {
                    continue;
                }
                let Some(meta_of_version) = meta::<VersionMeta>(&version, out) else { continue };
                let is_of_run = meta_of_version.run_id.as_deref() == Some(run);
                let is_of_model = meta_of_version.model_id.as_ref().is_some_and(|id| models.contains(id));
                if is_of_run || is_of_model {
                    state_version(&model, &place, &version, meta_of_version, out);
                }
            }
        }
    }
}

/// States the datasets that are inputs of a run.
fn datasets(run: &Place, experiment: &Place, out: &mut Imported) {
    let mut found = Vec::new();
    for (_, input) in directories(&run.join("inputs"), out).collect::<Vec<_>>() {
        let Some(input_meta) = meta::<InputMeta>(&input, out) else { continue };
        if input_meta.source_type.as_deref() != Some("DATASET") {
            continue;
        }
        let Some(source) = input_meta.source_id else { continue };
        let Some(place) = child(&experiment.join("datasets"), &source, out) else { continue };
        let Some(dataset) = meta::<DatasetMeta>(&place, out) else { continue };
        let dataset = Dataset {
            name: dataset.name.unwrap_or_default(),
            digest: dataset.digest,
            source_type: dataset.source_type,
            source: dataset.source,
            profile: dataset.profile,
            context: input_meta.tags.get("mlflow.data.context").cloned(),
        };
        found.push((dataset, place.join(META).shown));
    }
    Dataset::state_all(found, out);
}

/// States the models that a run logged or started from, and gives the ids of the former.
fn logged_models(run: &str, place: &Place, experiment: &Place, out: &mut Imported) -> Vec<String> {
    let mut inputs = Vec::new();
    for (_, input) in directories(&place.join("inputs"), out).collect::<Vec<_>>() {
        let mut said_already = Imported::new("");
        let input: InputMeta = meta(&input, &mut said_already).unwrap_or_default();
        // The other store writes the run as the source and the model as the destination.
        if input.source_type.as_deref() == Some("MODEL") {
            inputs.extend(input.source_id);
        }
    }
    let mut logged = Vec::new();
    for (id, model) in directories(&experiment.join("models"), out).collect::<Vec<_>>() {
        let Some(model_meta) = meta::<ModelMeta>(&model, out) else { continue };
        let topic = match model_meta.source_run_id.as_deref() {
            Some(source) if source == run => Topic::Identity,
            _ if inputs.contains(&id) => Topic::BaseModel,
            _ => continue,
        };
        LoggedModel {
            id: id.clone(),
            name: model_meta.name,
            status: model_meta.status,
            kind: model_meta.model_type,
            artifact_uri: model_meta.artifact_location,
            created_ms: model_meta.creation_timestamp,
        }
        .state(out, topic, &model.join(META).shown);
        if topic == Topic::Identity {
            logged.push(id);
        }
    }
    logged
}

fn state_version(model: &str, place: &Place, version: &Place, meta: VersionMeta, out: &mut Imported) {
    let number = meta.version.unwrap_or_default();
    let mut aliases = Vec::new();
    for (alias, file) in keys(&place.join("aliases"), out) {
        if value(&file, out).as_deref() == Some(number.as_str()) {
            aliases.push(alias);
        }
    }
    let mut tags = Vec::new();
    for (key, file) in keys(&version.join("tags"), out) {
        if let Some(value) = value(&file, out) {
            tags.push((key, value));
        }
    }
    Version {
        model: model.to_owned(),
        number,
        status: meta.status,
        source: meta.source,
        stage: meta.current_stage,
        user: meta.user_id,
        description: meta.description,
        created_ms: meta.creation_timestamp,
        aliases,
        tags,
    }
    .state(out, &version.join(META).shown);
}

/// States the value of a metric that MLflow shows: of the highest step, and of those the latest.
///
/// A line is `time-in-ms value step`, then perhaps name and digest of a dataset; lines of before steps existed have two words.
fn state_metric(key: &str, file: &Place, out: &mut Imported) {
    let Some(text) = text_of(file, MAX_TEXT_FILE_BYTES, out) else {
        return;
    };
    let mut last: Option<((i64, i64), &str, &str)> = None;
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split(' ');
        let (time, value) = (words.next(), words.next());
        let step = words.next().unwrap_or("0");
        let parsed = time.zip(value).and_then(|(time, value)| {
            value.parse::<f64>().ok()?;
            Some(((step.parse::<i64>().ok()?, time.parse::<i64>().ok()?), value, step))
        });
        let Some(parsed) = parsed else {
            let at = format!("{}: line {}", file.shown, number + 1);
            let text = format!("{:?}, want a time, a number and a step", excerpt(line));
            out.warn(WarningReason::Malformed, &at, &text);
            continue;
        };
        if last.is_none_or(|last| last.0 <= parsed.0) {
            last = Some(parsed);
        }
    }
    if let Some((_, value, step)) = last {
        record::state_metric(out, key, value, Some(step), &file.shown);
    }
}

/// Whether a name is what MLflow takes as the id of a run: letters, digits, `_`, `-`, at most 256, no `-` in front.
fn is_id(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.len() <= 256 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(is_word)
}

/// The directory with this id, which a file gave, in another one.
fn child(place: &Place, id: &str, out: &mut Imported) -> Option<Place> {
    if is_id(id) {
        return Some(place.join(id));
    }
    let text = format!("id {:?}, want letters, digits, _ and -", excerpt(id));
    out.warn(WarningReason::Escape, &place.shown, &text);
    None
}

/// Reads the `meta.yaml` of a directory; what cannot be read is a warning.
fn meta<T: DeserializeOwned>(place: &Place, out: &mut Imported) -> Option<T> {
    let file = place.join(META);
    let bytes = bytes_of(&file, MAX_TEXT_FILE_BYTES, out)?;
    match typed_yaml::parse(&bytes) {
        Ok(meta) => Some(meta),
        Err(error) => {
            out.warn(WarningReason::Malformed, &file.shown, &error.to_string());
            None
        }
    }
}

/// The text of a small file without white space around it, as MLflow reads it.
fn value(file: &Place, out: &mut Imported) -> Option<String> {
    text_of(file, MAX_VALUE_BYTES, out).map(|text| text.trim().to_owned())
}

fn text_of(file: &Place, limit: u64, out: &mut Imported) -> Option<String> {
    let text = String::from_utf8(bytes_of(file, limit, out)?).ok();
    if text.is_none() {
        out.warn(WarningReason::Malformed, &file.shown, "not UTF-8");
    }
    text
}

/// Reads a file and notes it; what cannot be read is a warning.
fn bytes_of(file: &Place, limit: u64, out: &mut Imported) -> Option<Vec<u8>> {
    if fs::symlink_metadata(&file.path).is_ok_and(|metadata| metadata.is_symlink()) {
        out.warn(WarningReason::Escape, &file.shown, "a link; none is followed");
        return None;
    }
    match reading::read(&file.path, &file.shown, limit) {
        Ok(reading) => {
            out.note_file(reading.file);
            Some(reading.bytes)
        }
        Err(error) => {
            out.warn(error.reason(), &file.shown, &error.to_string());
            None
        }
    }
}

/// The files below a directory, each with the key that its path spells.
fn keys(place: &Place, out: &mut Imported) -> Vec<(String, Place)> {
    let mut files = Vec::new();
    let mut to_list = vec![(String::new(), 0, place.clone())];
    while let Some((prefix, depth, directory)) = to_list.pop() {
        if depth >= MAX_KEY_DEPTH {
            let text = format!("nested deeper than {MAX_KEY_DEPTH} directories");
            out.warn(WarningReason::TooLarge, &directory.shown, &text);
            continue;
        }
        for (name, kind, entry) in list(&directory, out) {
            let key = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            match kind {
                Kind::Directory => to_list.push((key, depth + 1, entry)),
                Kind::File => files.push((key, entry)),
            }
        }
        if files.len() > MAX_ENTRIES {
            files.truncate(MAX_ENTRIES);
            out.warn(WarningReason::TooLarge, &place.shown, &format!("more than {MAX_ENTRIES} files"));
            break;
        }
    }
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    files
}

/// The directories in a directory.
fn directories(place: &Place, out: &mut Imported) -> impl Iterator<Item = (String, Place)> + use<> {
    let entries = list(place, out).into_iter();
    entries.filter_map(|(name, kind, entry)| (kind == Kind::Directory).then_some((name, entry)))
}

/// What is in a directory, sorted by name; what may not be opened is a warning. A directory that is not there is empty.
fn list(place: &Place, out: &mut Imported) -> Vec<(String, Kind, Place)> {
    if !place.exists() {
        return Vec::new();
    }
    if !place.is_directory() {
        out.warn(WarningReason::Escape, &place.shown, "no directory, or a link to one");
        return Vec::new();
    }
    let entries = match fs::read_dir(&place.path) {
        Ok(entries) => entries,
        Err(error) => {
            out.warn(WarningReason::Unreadable, &place.shown, &format!("cannot be listed: {error}"));
            return Vec::new();
        }
    };
    let mut listed = Vec::new();
    for entry in entries {
        if listed.len() >= MAX_ENTRIES {
            out.warn(WarningReason::TooLarge, &place.shown, &format!("more than {MAX_ENTRIES} entries"));
            break;
        }
        let entry = entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)));
        let (name, kind) = match entry {
            Ok(entry) => entry,
            Err(error) => {
                out.warn(WarningReason::Unreadable, &place.shown, &format!("cannot be listed: {error}"));
                break;
            }
        };
        let Some(name) = name.to_str() else {
            let text = format!("the name {:?} is not UTF-8", excerpt(&name.to_string_lossy()));
            out.warn(WarningReason::Malformed, &place.shown, &text);
            continue;
        };
        let entry = place.join(name);
        if kind.is_symlink() {
            out.warn(WarningReason::Escape, &entry.shown, "a link; none is followed");
        } else if kind.is_dir() {
            listed.push((name.to_owned(), Kind::Directory, entry));
        } else if kind.is_file() {
            listed.push((name.to_owned(), Kind::File, entry));
        } else {
            out.warn(WarningReason::Malformed, &entry.shown, "neither a file nor a directory");
        }
    }
    listed.sort_unstable_by(|(a, ..), (b, ..)| a.cmp(b));
    listed
}
