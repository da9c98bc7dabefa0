//! What MLflow recorded of a run: parameters, metrics, tags, datasets, models, registered versions.
//!
//! The formats are those of MLflow 3.17 (`mlflow/store/tracking/dbmodels/models.py`, `file_store.py`,
//! `mlflow/models/model.py` of its sources), read off files that it wrote. Nothing of MLflow is asked or run.
//!
//! ```text
//! mlflow.db                       SQLite, the default since MLflow 3.7; mlflow.db-wal may lie beside it
//!   runs            run_uuid, name, experiment_id, status, start_time, end_time, user_id, lifecycle_stage
//!   experiments     experiment_id, name
//!   params          run_uuid, key, value
//!   latest_metrics  run_uuid, key, value, step, is_nan
//!   tags            run_uuid, key, value
//!   inputs          source_type, source_id, destination_type, destination_id, input_uuid
//!   input_tags, datasets, logged_models, model_versions, model_version_tags, registered_model_aliases
//!
//! mlruns/                         the file store, which MLflow 3.17 starts only with MLFLOW_ALLOW_FILE_STORE=true
//!   <experiment>/meta.yaml
//!   <experiment>/<run>/meta.yaml  status and source type are numbers here and words in the database
//!   <experiment>/<run>/params/<key>     the file is the value; a key with slashes is a file in directories
//!   <experiment>/<run>/metrics/<key>    lines of: time in ms, value, step
//!   <experiment>/<run>/tags/<key>
//!   <experiment>/<run>/inputs/<id>/meta.yaml, <experiment>/datasets/<id>/meta.yaml
//!   <experiment>/models/m-<hex>/meta.yaml
//!   models/<name>/version-<n>/meta.yaml, models/<name>/aliases/<alias>   the registry
//!
//! <model>/MLmodel                 YAML: flavors, model_id, run_id, mlflow_version, utc_time_created
//! ```
//!
//! | topic, about | key | where it comes from |
//! |---|---|---|
//! | run | `run-id`, `name`, `status`, `lifecycle`, `experiment` | `runs`, `experiments` |
//! | run | `started`, `finished` | `runs`; ms since 1970-01-01T00:00:00Z, stated as RFC 3339 |
//! | run | `user`, `program`, `artifact-uri` (all personal) | `runs`, tags `mlflow.user`, `mlflow.source.name` |
//! | run | `source-type`, `entry-point`, `description`, `parent-run`, `image`, `image-id` | `runs` and tags `mlflow.*` |
//! | run | `store-version` | `alembic_version` |
//! | run, tag | `tag` | other tags; those that begin with `mlflow.` are personal |
//! | code | `commit`, `branch`, `uri` | tags `mlflow.source.git.*` |
//! | parameter, name | `value` | `params` |
//! | metric, name | `value`, `step` | `latest_metrics`, last line by step and time of a file |
//! | data, name | `tracker-digest`, `source-type`, `uri`, `revision`, `context`, `rows` | `inputs`, `datasets`, `input_tags` |
//! | identity, `m-<hex>` | `name`, `status`, `model-type`, `created`, `artifact-uri` (personal) | `logged_models` of the run |
//! | base-model, `m-<hex>` | `name`, `status`, ... | `logged_models` that are inputs of the run |
//! | identity, name/version | `name`, `version`, `status`, `uri`, `created`, `description` | `model_versions` of the run |
//! | identity, name/version | `user` (personal) | `model_versions` of the run |
//! | custody, name/version | `alias`, `stage`, `tag` | `registered_model_aliases`, `model_versions`, `model_version_tags` |
//! | identity | `model-id`, `created`, `artifact-uri`, `bytes`, `flavor`, `task` | `MLmodel` |
//! | run | `run-id`, `tool-version` | `MLmodel` |
//! | package, flavor or python | `version`, `loader`, `serialization`, `model-file` | `MLmodel`, `flavors.*` |
//! | base-model, name | `name`, `revision` | `MLmodel`, `flavors.transformers.source_model_name` |
//!
//! What MLflow calls the digest of a dataset is MD5 over a sample of at most 10,000 rows, cut to 8 hex digits. It is no
//! digest of anything that can be hashed again, so it is a text under `tracker-digest` and always comes with a warning.
//!
//! The database holds metrics in binary, so they are stated with the fewest digits that read as the same number; the file
//! store holds what Python printed, and that is stated as it is. MLflow itself puts the largest finite number into the
//! database where a metric is infinite.
//!
//! Bounds: a database of 4 GiB, a copy of 256 MiB where there is a `-wal`; for all questions together 256 MiB of cells, 200
//! million steps of SQLite and a minute; 2^16 rows of one answer; 100,000 entries of one directory and as many runs, 1000 datasets, 16 MiB of a
//! metric's file and 1 MiB of a `meta.yaml`.
//!
//! In scope: the two stores and `MLmodel`. Out of scope: the history of a metric, traces, prompts, schemas of datasets,
//! parameters and metrics that are attached to a logged model rather than to the run, artefacts, the environment files
//! beside `MLmodel` (another module), whether the work tree was dirty, which MLflow does not record, and a tracking server:
//! who has one exports the run.

mod database;
mod error;
mod files;
mod model;
mod record;
mod selection;

use std::path::Path;
use std::{fs, io};

use crate::imported::Imported;
use crate::reading::ReadError;
use crate::{Collected, WarningReason};

use self::database::Database;
use self::files::Files;
use self::selection::Found;

pub use self::error::{DatabaseError, MlflowError, SqliteError};
pub use self::selection::{Candidate, Candidates};

/// What reports call this source.
const SOURCE: &str = "mlflow";
/// The database that MLflow makes where nothing else is configured.
const DATABASE_NAME: &str = "mlflow.db";
/// The directory of the file store.
const DIRECTORY_NAME: &str = "mlruns";

/// Reads one run. `path` is a database, a `mlruns` directory, or a project directory that holds either or both.
///
/// `run` is a run id, the beginning of just one, or the name of just one; without it, the only run that is not deleted.
///
/// # Errors
/// [`MlflowError::NoStore`] if there is neither, [`MlflowError::Absent`] and [`MlflowError::Ambiguous`] if `run` does not
/// name one run, [`MlflowError::Database`], [`MlflowError::TooManyRuns`] and [`MlflowError::Read`] if a store cannot be asked at
/// all. Whatever of the run cannot be read is a warning.
pub fn read(path: &Path, run: Option<&str>) -> Result<Collected, MlflowError> {
    let mut out = Imported::new(SOURCE);
    let mut stores = stores_at(path, &mut out)?;
    let mut found = Vec::new();
    for (index, store) in stores.iter_mut().enumerate() {
        for candidate in store.candidates(run)? {
            found.push(Found { store: index, candidate });
        }
    }
    let chosen = selection::choose(found, run);
    let chosen = match chosen {
        Err(MlflowError::Absent { wanted, .. }) => {
            return Err(MlflowError::Absent { wanted, candidates: some_runs(&mut stores)? });
        }
        other => other?,
    };
    if let Some(other) = chosen.also_in.and_then(|index| stores.get(index)) {
        let text = format!("run {:?} is here too and was read elsewhere", chosen.run.id());
        out.warn(WarningReason::NotRead, other.shown(), &text);
    }
    if let Some(store) = stores.into_iter().nth(chosen.store) {
        store.read_run(chosen.run.id(), &mut out);
    }
    Ok(out.finish())
}

/// Reads `MLmodel` in the directory of a model.
///
/// # Errors
/// [`MlflowError::Read`] if there is none or it cannot be read, [`MlflowError::Model`] if it is not YAML as we take it.
pub fn read_model(directory: &Path) -> Result<Collected, MlflowError> {
    let mut out = Imported::new(SOURCE);
    model::read(directory, &mut out)?;
    Ok(out.finish())
}

/// A place where MLflow keeps runs.
enum Store {
    Database(Box<Database>),
    Files(Files),
}

impl Store {
    fn candidates(&mut self, run: Option<&str>) -> Result<Vec<Candidate>, MlflowError> {
        match self {
            Self::Database(database) => database.candidates(run),
            Self::Files(files) => files.candidates(run),
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Database(database) => database.shown(),
            Self::Files(files) => files.shown(),
        }
    }

    fn read_run(self, run: &str, out: &mut Imported) {
        match self {
            Self::Database(database) => database.read_run(run, out),
            Self::Files(files) => files.read_run(run, out),
        }
    }
}

/// What a person may have meant who named a run that is not there.
fn some_runs(stores: &mut [Store]) -> Result<Candidates, MlflowError> {
    let mut runs = Vec::new();
    for store in stores {
        runs.extend(store.candidates(None)?);
    }
    Ok(Candidates::of(runs))
}

/// The stores at a path, the database first: it is what MLflow uses if both are there.
fn stores_at(path: &Path, out: &mut Imported) -> Result<Vec<Store>, MlflowError> {
    let no_store = || MlflowError::NoStore { path: path.to_owned() };
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => no_store(),
        _ => ReadError::Io { path: path.to_owned(), source }.into(),
    })?;
    if !metadata.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return Ok(vec![Store::Database(Box::new(Database::open(path, &name, out)?))]);
    }
    if Files::is_store(path) {
        return Ok(vec![Store::Files(Files::new(path, ""))]);
    }
    let mut stores = Vec::new();
    match Database::open(&path.join(DATABASE_NAME), DATABASE_NAME, out) {
        Ok(database) => stores.push(Store::Database(Box::new(database))),
        Err(MlflowError::Read(ReadError::Absent { .. })) => {}
        Err(other) => return Err(other),
    }
    // With a database, MLflow puts artefacts into a directory of the same name, which then is no store.
    let directory = path.join(DIRECTORY_NAME);
    if Files::is_store(&directory) {
        stores.push(Store::Files(Files::new(&directory, DIRECTORY_NAME)));
    }
    if stores.is_empty() { Err(no_store()) } else { Ok(stores) }
}

#[cfg(test)]
mod tests;
