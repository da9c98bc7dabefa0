//! What lies in `files/` beside the log.

use attest::digest::Sha256Digest;

use crate::fact::Value;
use crate::imported::{About, Imported};
use crate::json::Json;
use crate::place::Place;
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::wandb::environment::Environment;
use crate::wandb::python_json;
use crate::wandb::run::Run;
use crate::wandb::values::leaves_of;
use crate::{Topic, WarningReason, yaml};

/// Largest file that is hashed: the output of a long run, or a patch.
const MAX_HASHED_BYTES: u64 = 1 << 30;

/// Hashes all files that are there, and reads those that repeat the log.
pub(super) fn read(files: &Place, run: &mut Run, out: &mut Imported) {
    if let Some(json) = read_json(&files.join("wandb-metadata.json"), out) {
        run.compare_environment(Environment::from_json(&json), "files/wandb-metadata.json", out);
    }
    if let Some(json) = read_json(&files.join("wandb-summary.json"), out) {
        run.compare_summary(leaves_of(&json, "files/wandb-summary.json", out));
    }
    if let Some(config) = read_config(&files.join("config.yaml"), out) {
        run.compare_config(leaves_of(&config, "files/config.yaml", out));
    }
    let patch = files.join("diff.patch");
    if let Some(file) = patch.exists().then(|| patch.hash(MAX_HASHED_BYTES, out)).flatten() {
        state_patch(file.bytes(), file.sha256(), out);
    }
    for name in ["requirements.txt", "output.log"] {
        let file = files.join(name);
        if file.exists() {
            file.hash(MAX_HASHED_BYTES, out);
        }
    }
    for (_, file) in files.join("code").files(out) {
        file.hash(MAX_HASHED_BYTES, out);
    }
}

/// W&B writes a patch only if something differs from the commit.
fn state_patch(bytes: u64, sha256: Sha256Digest, out: &mut Imported) {
    let about = About { topic: Topic::Code, name: "", at: "files/diff.patch" };
    if bytes > 0 {
        out.text(about, "dirty", "true");
        out.digest(about, "patch", Value::Digest { algorithm: "sha256", hex: sha256.to_string() });
    }
}

fn read_json(file: &Place, out: &mut Imported) -> Option<Json> {
    let bytes = file.exists().then(|| file.bytes(MAX_TEXT_FILE_BYTES, out)).flatten()?;
    match python_json::parse(&bytes) {
        Ok(json @ Json::Object(_)) => Some(json),
        Ok(_) => {
            out.warn(WarningReason::Malformed, file.shown(), "no object");
            None
        }
        Err(error) => {
            out.warn(WarningReason::Malformed, file.shown(), &error.to_string());
            None
        }
    }
}

/// `config.yaml` has, under each name, an object with the `value` and perhaps a description.
fn read_config(file: &Place, out: &mut Imported) -> Option<Json> {
    let bytes = file.exists().then(|| file.bytes(MAX_TEXT_FILE_BYTES, out)).flatten()?;
    match yaml::by_looks(&bytes) {
        Ok(Json::Object(members)) => {
            let value = |(name, json): (String, Json)| Some((name, json.get("value")?.clone()));
            Some(Json::Object(members.into_iter().filter_map(value).collect()))
        }
        Ok(_) => {
            out.warn(WarningReason::Malformed, file.shown(), "no mapping");
            None
        }
        Err(error) => {
            out.warn(error.reason(), file.shown(), &error.to_string());
            None
        }
    }
}
