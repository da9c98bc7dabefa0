//! `MLmodel`: what MLflow says about a model in the model's own directory.
//!
//! ```yaml
//! artifact_path: file:///tmp/mlruns/0/models/m-5f1e.../artifacts
//! flavors:
//!   python_function:
//!     loader_module: mlflow.sklearn
//!     python_version: 3.11.4
//!   sklearn:
//!     pickled_model: model.skops
//!     serialization_format: skops
//!     sklearn_version: 1.7.2
//! mlflow_version: 3.17.2
//! model_id: m-5f1e...
//! run_id: 3c90...
//! utc_time_created: '2026-11-22 08:00:00.123456'
//! ```
//!
//! The key `pickled_model` names the file whatever is in it, so it says nothing about pickles; only a look at the file does,
//! and that is another module's.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::imported::{About, Imported};
use crate::mlflow::error::MlflowError;
use crate::mlflow::record::text;
use crate::reading::{self, MAX_TEXT_FILE_BYTES};
use crate::{Topic, WarningReason, yaml};

/// The name of the file.
pub(super) const FILE_NAME: &str = "MLmodel";
/// Most flavors of one model; MLflow knows some thirty.
const MAX_FLAVORS: usize = 64;

/// The fields of use; MLflow writes more, and flavors may bring their own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model {
    artifact_path: Option<String>,
    flavors: BTreeMap<String, Flavor>,
    mlflow_version: Option<String>,
    model_id: Option<String>,
    model_size_bytes: Option<String>,
    run_id: Option<String>,
    utc_time_created: Option<String>,
}

/// What a flavor says. The library's version has another key in each.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Flavor {
    catboost_version: Option<String>,
    code: Option<String>,
    keras_version: Option<String>,
    lgb_version: Option<String>,
    loader_module: Option<String>,
    model_binary: Option<String>,
    model_path: Option<String>,
    onnx_version: Option<String>,
    paddle_version: Option<String>,
    pickled_model: Option<String>,
    pmdarima_version: Option<String>,
    prophet_version: Option<String>,
    pyspark_version: Option<String>,
    python_version: Option<String>,
    pytorch_version: Option<String>,
    sentence_transformers_version: Option<String>,
    serialization_format: Option<String>,
    sklearn_version: Option<String>,
    source_model_name: Option<String>,
    source_model_revision: Option<String>,
    spacy_version: Option<String>,
    statsmodels_version: Option<String>,
    task: Option<String>,
    tensorflow_version: Option<String>,
    transformers_version: Option<String>,
    xgb_version: Option<String>,
}

/// States what the `MLmodel` of a directory says.
pub(super) fn read(directory: &Path, out: &mut Imported) -> Result<(), MlflowError> {
    let path = directory.join(FILE_NAME);
    let reading = reading::read(&path, FILE_NAME, MAX_TEXT_FILE_BYTES)?;
    out.note_file(reading.file);
    let model: Model =
        yaml::typed(&reading.bytes).map_err(|source| MlflowError::Model { path, source: source.into() })?;
    let about = About { topic: Topic::Identity, name: "", at: FILE_NAME };
    text(out, about, "model-id", model.model_id.as_deref());
    text(out, about, "created", model.utc_time_created.as_deref());
    text(out, about, "bytes", model.model_size_bytes.as_deref());
    if let Some(address) = model.artifact_path.as_deref().filter(|address| !address.is_empty()) {
        out.address(about, "artifact-uri", address);
    }
    let run = About { topic: Topic::Run, ..about };
    text(out, run, "run-id", model.run_id.as_deref());
    text(out, run, "tool-version", model.mlflow_version.as_deref());
    if model.flavors.len() > MAX_FLAVORS {
        out.warn(WarningReason::TooLarge, FILE_NAME, &format!("more than {MAX_FLAVORS} flavors"));
    }
    for (name, flavor) in model.flavors.iter().take(MAX_FLAVORS) {
        flavor.state(out, name);
    }
    Ok(())
}

impl Flavor {
    /// The version of its library; a flavor has one.
    fn version(&self) -> Option<&str> {
        [
            &self.catboost_version,
            &self.keras_version,
            &self.lgb_version,
            &self.onnx_version,
            &self.paddle_version,
            &self.pmdarima_version,
            &self.prophet_version,
            &self.pyspark_version,
            &self.python_version,
            &self.pytorch_version,
            &self.sentence_transformers_version,
            &self.sklearn_version,
            &self.spacy_version,
            &self.statsmodels_version,
            &self.tensorflow_version,
            &self.transformers_version,
            &self.xgb_version,
        ]
        .into_iter()
        .find_map(Option::as_deref)
    }

    fn state(&self, out: &mut Imported, name: &str) {
        let at = format!("{FILE_NAME}: flavors.{name}");
        let model = About { topic: Topic::Identity, name: "", at: &at };
        out.text(model, "flavor", name);
        text(out, model, "task", self.task.as_deref());
        // What `python_function` gives the version of is Python.
        let name = if name == "python_function" { "python" } else { name };
        let package = About { topic: Topic::Package, name, at: &at };
        text(out, package, "version", self.version());
        text(out, package, "loader", self.loader_module.as_deref());
        text(out, package, "serialization", self.serialization_format.as_deref());
        let file = [&self.pickled_model, &self.model_binary, &self.model_path]
            .into_iter()
            .find_map(Option::as_deref);
        text(out, package, "model-file", file);
        if let Some(code) = self.code.as_deref().filter(|code| !code.is_empty()) {
            let text = format!("code that is loaded with the model lies in {code:?}");
            out.warn(WarningReason::NotRead, &at, &text);
        }
        if let Some(base) = self.source_model_name.as_deref().filter(|base| !base.is_empty()) {
            let about = About { topic: Topic::BaseModel, name: base, at: &at };
            // transformers gives the name on the Hub, or the directory that the model came from.
            out.address(about, "name", base);
            text(out, about, "revision", self.source_model_revision.as_deref());
        }
    }
}
