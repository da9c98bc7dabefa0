//! The file store: directories and small files, every name of which somebody else chose ([`Place`] deals with those).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::excerpt::excerpt;
use crate::imported::Imported;
use crate::mlflow::error::MlflowError;
use crate::mlflow::record::{self, Dataset, LoggedModel, Run, Version};
use crate::mlflow::selection::{Candidate, MAX_CANDIDATES};
use crate::place::{MAX_ENTRIES, Place};
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Topic, WarningReason, yaml};

/// The file that says what a directory is.
const META: &str = "meta.yaml";
/// Where the registry lies among the experiments.
const REGISTRY: &str = "models";
/// Directories of an experiment that are no runs.
const RESERVED: [&str; 5] = ["assessments", "datasets", "models", "tags", "traces"];
/// Most bytes of a `meta.yaml`; one of a dataset holds its schema.
const MAX_META_BYTES: u64 = 1 << 20;
/// Most datasets of one run.
const MAX_DATASETS: usize = 1000;
/// Most bytes of a parameter or tag: MLflow allows 6000 and 8000.
const MAX_VALUE_BYTES: u64 = 1 << 16;

/// A file store.
pub(super) struct Files {
    root: Place,
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
        Self { root: Place::new(path, shown) }
    }

    /// Whether a directory is a file store: one of its directories says that it is an experiment.
    pub(super) fn is_store(path: &Path) -> bool {
        let root = Place::new(path, "");
        // What cannot be listed is no store; nothing is lost, since the caller then says that there is none.
        let mut unseen = Imported::new("");
        root.directories(&mut unseen)
            .iter()
            .any(|(name, place)| name != REGISTRY && place.join(META).exists())
    }

    /// What reports call it.
    pub(super) fn shown(&self) -> &str {
        self.root.shown()
    }

    /// The runs that may be meant; without a name, those that are not deleted.
    pub(super) fn candidates(&self, wanted: Option<&str>) -> Result<Vec<Candidate>, MlflowError> {
        let mut unseen = Imported::new("");
        let mut candidates = Vec::new();
        let runs = self.runs(&mut unseen);
        if runs.len() > MAX_ENTRIES {
            return Err(MlflowError::TooManyRuns { path: self.root.path().to_owned(), limit: MAX_ENTRIES });
        }
        for (id, place) in runs {
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

    /// The directories of all runs of all experiments; if there are more than [`MAX_ENTRIES`], some more than that.
    fn runs(&self, out: &mut Imported) -> Vec<(String, Place)> {
        let mut runs = Vec::new();
        for (name, experiment) in self.root.directories(out) {
            if name == REGISTRY || name == ".trash" {
                continue;
            }
            let in_experiment = experiment.directories(out).into_iter();
            runs.extend(in_experiment.filter(|(name, place)| {
                !RESERVED.contains(&name.as_str()) && is_id(name) && place.join(META).exists()
            }));
            if runs.len() > MAX_ENTRIES {
                break;
            }
        }
        runs
    }

    /// States all that there is about a run.
    pub(super) fn read_run(&self, id: &str, out: &mut Imported) {
        let place = self.runs(out).into_iter().find(|(name, _)| name == id).map(|(_, place)| place);
        let Some((experiment, place)) = place.and_then(|place| Some((self.experiment_of(&place)?, place)))
        else {
            out.warn(WarningReason::Absent, self.root.shown(), &format!("run {id:?} went away"));
            return;
        };
        self.run(id, &place, &experiment, out);
        for (key, file) in place.join("params").files(out) {
            if let Some(value) = value(&file, out) {
                record::state_param(out, &key, &value, file.shown());
            }
        }
        for (key, file) in place.join("metrics").files(out) {
            state_metric(&key, &file, out);
        }
        datasets(&place, &experiment, out);
        let models = logged_models(id, &place, &experiment, out);
        self.versions(id, &models, out);
    }

    /// The experiment that a run lies in.
    fn experiment_of(&self, run: &Place) -> Option<Place> {
        let name = run.path().parent()?.file_name()?.to_str()?;
        Some(self.root.join(name))
    }

    fn run(&self, id: &str, place: &Place, experiment: &Place, out: &mut Imported) {
        let meta_of_run: RunMeta = meta(place, out).unwrap_or_default();
        if let Some(other) = meta_of_run.run_id.as_deref().filter(|other| *other != id) {
            let text = format!("run_id is {:?}, the directory is {id:?}", excerpt(other));
            out.warn(WarningReason::Disagreement, place.join(META).shown(), &text);
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
        run.state(out, place.join(META).shown());
        for (key, file) in place.join("tags").files(out) {
            if let Some(value) = value(&file, out) {
                run.state_tag(out, &key, &value, file.shown());
            }
        }
    }

    /// States the registered versions that came of the run, or of a model that it logged.
    fn versions(&self, run: &str, models: &[String], out: &mut Imported) {
        let mut seen = 0;
        for (model, place) in self.root.join(REGISTRY).directories(out) {
            for (name, version) in place.directories(out) {
                if !name.starts_with("version-") {
                    continue;
                }
                seen += 1;
                if seen > MAX_ENTRIES {
                    out.warn(
                        WarningReason::TooLarge,
                        version.shown(),
                        &format!("more than {MAX_ENTRIES} versions"),
                    );
                    return;
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
    for (_, input) in run.join("inputs").directories(out) {
        if found.len() >= MAX_DATASETS {
            out.warn(WarningReason::TooLarge, input.shown(), &format!("more than {MAX_DATASETS} datasets"));
            break;
        }
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
        found.push((dataset, place.join(META).shown().to_owned()));
    }
    Dataset::state_all(found, out);
}

/// States the models that a run logged or started from, and gives the ids of the former.
fn logged_models(run: &str, place: &Place, experiment: &Place, out: &mut Imported) -> Vec<String> {
    let mut inputs = Vec::new();
    for (_, input) in place.join("inputs").directories(out) {
        let mut said_already = Imported::new("");
        let input: InputMeta = meta(&input, &mut said_already).unwrap_or_default();
        // The other store writes the run as the source and the model as the destination.
        if input.source_type.as_deref() == Some("MODEL") {
            inputs.extend(input.source_id);
        }
    }
    let mut logged = Vec::new();
    for (id, model) in experiment.join("models").directories(out) {
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
        .state(out, topic, model.join(META).shown());
        if topic == Topic::Identity {
            logged.push(id);
        }
    }
    logged
}

fn state_version(model: &str, place: &Place, version: &Place, meta: VersionMeta, out: &mut Imported) {
    let number = meta.version.unwrap_or_default();
    let mut aliases = Vec::new();
    for (alias, file) in place.join("aliases").files(out) {
        if value(&file, out).as_deref() == Some(number.as_str()) {
            aliases.push(alias);
        }
    }
    let mut tags = Vec::new();
    for (key, file) in version.join("tags").files(out) {
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
    .state(out, version.join(META).shown());
}

/// States the value of a metric that MLflow shows: of the highest step, and of those the latest.
///
/// A line is `time-in-ms value step`, then perhaps name and digest of a dataset; lines of before steps existed have two words.
fn state_metric(key: &str, file: &Place, out: &mut Imported) {
    let Some(text) = file.text(MAX_TEXT_FILE_BYTES, out) else {
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
            let at = format!("{}: line {}", file.shown(), number + 1);
            let text = format!("{:?}, want a time, a number and a step", excerpt(line));
            out.warn(WarningReason::Malformed, &at, &text);
            continue;
        };
        if last.is_none_or(|last| last.0 <= parsed.0) {
            last = Some(parsed);
        }
    }
    if let Some((_, value, step)) = last {
        record::state_metric(out, key, value, Some(step), file.shown());
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
    out.warn(WarningReason::Escape, place.shown(), &text);
    None
}

/// Reads the `meta.yaml` of a directory; what cannot be read is a warning.
fn meta<T: DeserializeOwned>(place: &Place, out: &mut Imported) -> Option<T> {
    let file = place.join(META);
    let bytes = file.bytes(MAX_META_BYTES, out)?;
    match yaml::typed(&bytes) {
        Ok(meta) => Some(meta),
        Err(error) => {
            out.warn(error.reason(), file.shown(), &error.to_string());
            None
        }
    }
}

/// The text of a small file without white space around it, as MLflow reads it.
fn value(file: &Place, out: &mut Imported) -> Option<String> {
    file.text(MAX_VALUE_BYTES, out).map(|text| text.trim().to_owned())
}
