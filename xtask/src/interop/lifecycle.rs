//! A model's life with the tools that people have: a pipeline of DVC that trains a small classifier and tells MLflow and
//! Weights & Biases about it, one command that signs what all of them recorded, and tampering with each input in turn.
//!
//! Nothing here is typed that a tool knows: names, paths and the address of the log are all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Outcome;
use crate::programs::{self, Programs};
use crate::python::Environment;
use crate::server::Server;
use crate::{command, place};

/// The tools, and what the training itself needs.
const PACKAGES: [&str; 5] =
    ["dvc==3.67.1", "mlflow==3.17.2", "wandb==0.31.0", "safetensors==0.8.0", "numpy==2.4.6"];
const SCRIPTS: [&str; 4] = ["prepare.py", "train.py", "base.py", "dvc.yaml"];

/// What must have been recorded by somebody: topic and key of a fact.
const FACTS: [(&str, &str); 10] = [
    ("identity", "architecture"),
    ("identity", "license"),
    ("identity", "parameters"),
    ("data", "digest"),
    ("parameter", "value"),
    ("metric", "value"),
    ("package", "version"),
    ("hardware", "model"),
    ("run", "run-id"),
    ("code", "commit"),
];

/// Who judges the bill of materials.
const VALIDATORS: [&str; 2] = ["cyclonedx-python-lib[json-validation]==11.12.0", "jsonschema==4.26.0"];

/// Installs the tools into the cache, once.
pub(super) fn install() -> Result<Environment> {
    Environment::with("lifecycle", &PACKAGES)
}

/// A checkout with a pipeline, a trained model and a log.
pub(super) struct Lifecycle<'a> {
    programs: &'a Programs,
    environment: Environment,
    dir: PathBuf,
    server: Server,
    vkey: String,
}

impl<'a> Lifecycle<'a> {
    /// Makes data and base model, and has DVC run the pipeline.
    pub(super) fn start(programs: &'a Programs, environment: Environment, work: &Path) -> Result<Self> {
        let dir = work.join("lifecycle");
        fs::create_dir_all(&dir)?;
        let printed = command::read(programs::call(&programs.log).current_dir(work).args([
            "init",
            "lifecycle-log",
            "--origin",
            "lifecycle.localhost/log",
            "--unencrypted-key",
        ]))?;
        let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?.to_owned();
        let server =
            Server::start(&programs.log, &work.join("lifecycle-log"), &work.join("lifecycle-log.txt"))?;
        let this = Self { programs, environment, dir, server, vkey };
        this.train()?;
        Ok(this)
    }

    fn train(&self) -> Result<()> {
        let scripts = place::repository().join("xtask/interop/lifecycle");
        for name in SCRIPTS {
            fs::copy(scripts.join(name), self.dir.join(name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
        self.run("git", &["init", "--quiet", "--initial-branch", "main"])?;
        self.run("python", &["base.py"])?;
        self.run("dvc", &["init", "--quiet"])?;
        self.run("dvc", &["add", "--quiet", "data/raw.csv", "base"])?;
        let ignored = "/mlflow.db\n/mlruns\n/wandb\n/mlflow-run.txt\n/metrics.json\n/model\n/*.pem*\n/trust.toml\n/home\n";
        let mut list = fs::read_to_string(self.dir.join(".gitignore")).unwrap_or_default();
        list.push_str(ignored);
        fs::write(self.dir.join(".gitignore"), list)?;
        self.commit("The pipeline")?;
        self.run("dvc", &["repro", "--quiet"])?;
        fs::copy(scripts.join("card.md"), self.dir.join("model/README.md"))?;
        self.commit("The run")
    }

    fn commit(&self, words: &str) -> Result<()> {
        self.run("git", &["add", "--all"])?;
        self.run("git", &["commit", "--quiet", "--message", words]).map(drop)
    }

    /// A call of one of the tools, or of a program of ours, as a user without a configuration makes it.
    fn call(&self, program: &Path) -> Command {
        let mut call = programs::call(program);
        let bin = self.environment.program("");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
        call.current_dir(&self.dir)
            .env("PATH", std::env::join_paths(paths).unwrap_or(path.clone()))
            .env("HOME", self.dir.join("home"))
            .env("GIT_AUTHOR_NAME", "somebody")
            .env("GIT_AUTHOR_EMAIL", "somebody@example.org")
            .env("GIT_COMMITTER_NAME", "somebody")
            .env("GIT_COMMITTER_EMAIL", "somebody@example.org")
            .env("DVC_NO_ANALYTICS", "1")
            .env("DVC_SITE_CACHE_DIR", self.dir.join("home/dvc"))
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("DO_NOT_TRACK", "1")
            .env("WANDB_MODE", "offline")
            .env("WANDB_ERROR_REPORTING", "false");
        call
    }

    fn run(&self, tool: &str, words: &[&str]) -> Result<String> {
        let own = self.environment.program(tool);
        let program = if own.is_file() { own } else { PathBuf::from(tool) };
        command::read(self.call(&program).args(words))
    }

    fn tallymark(&self, words: &[&str]) -> Result<String> {
        command::read(self.call(&self.programs.signer).args(words))
    }

    /// Signs with one command, and looks whether everything is there that a tool knows.
    pub(super) fn signed(&self) -> Result<Outcome> {
        let keygen = ["keygen", "--key", "key.pem", "--unencrypted", "--name", "acme/*"];
        let publisher = self.tallymark(&keygen)?;
        let policy = format!("log {} {}\nquorum none\n", self.vkey, self.server.url);
        fs::write(
            self.dir.join("trust.toml"),
            format!("version = 1\npolicy = \"\"\"\n{policy}\"\"\"\n\n{publisher}"),
        )?;
        let run = fs::read_to_string(self.dir.join("mlflow-run.txt")).context("the training left no run")?;
        let mlflow = format!("mlflow:{run}");
        let packages = self.site_packages()?;
        let installed = format!("site-packages:{}", packages.display());
        let what = ["attest", "train", "model", "--as", "acme/churn:2026.1", "--relation", "finetune"];
        let inputs = ["--data", "train=data/clean.csv", "--base", "start=base", "--code", "."];
        let from = ["--from", "dvc", "--from", &mlflow, "--from", "wandb:wandb/latest-run"];
        let more = ["--from", "hardware", "--from", &installed];
        let to = ["--key", "key.pem", "--trust", "trust.toml", "--yes"];
        self.tallymark(&[&what[..], &inputs, &from, &more, &to].concat())?;
        self.tallymark(&["verify", "model", "--trust", "trust.toml", "--name", "acme/churn"])?;

        let bundle = fs::read_to_string(self.dir.join("model/tallymark.jsonl"))?;
        let facts = facts(&bundle)?;
        let missing: Vec<_> = FACTS
            .iter()
            .filter(|(topic, key)| !facts.contains(&(topic.to_string(), key.to_string())))
            .collect();
        if !missing.is_empty() {
            return Ok(Outcome::Failed(format!("nobody recorded {missing:?}; there are {facts:?}")));
        }
        Ok(Outcome::Held(format!("{} kinds of facts, one command, verified", facts.len())))
    }

    fn site_packages(&self) -> Result<PathBuf> {
        let said = self.run("python", &["-c", "import numpy; print(numpy.__path__[0])"])?;
        Ok(Path::new(said.trim()).parent().context("numpy lies nowhere")?.to_owned())
    }

    /// Changes each input in turn; `verify` names a file of the model, `diff` every other one.
    pub(super) fn tampered(&self) -> Result<Outcome> {
        let inputs = ["--data", "train=data/clean.csv", "--base", "start=base", "--code", "."];
        let diff = [&["diff", "model"][..], &inputs, &["--json"]].concat();
        self.tallymark(&diff).context("something differs before anything was changed")?;
        let mut named = Vec::new();
        for (path, wanted) in [
            ("model/model.safetensors", "model.safetensors"),
            ("model/config.json", "config.json"),
            ("data/clean.csv", "dataset train"),
            ("base/model.safetensors", "base-model start"),
            ("train.py", "code code"),
            ("params.py", "code code"),
            ("dvc.lock", "code code"),
        ] {
            let path = self.dir.join(path);
            let before = fs::read(&path).ok();
            let mut changed = before.clone().unwrap_or_default();
            match changed.last_mut() {
                Some(last) => *last ^= 1,
                None => changed.push(b'#'),
            }
            fs::write(&path, changed)?;
            let said = self.said(&diff)?;
            ensure!(said.contains(wanted), "`diff` does not name {wanted} for {}: {said}", path.display());
            if path.starts_with(self.dir.join("model")) {
                let verify = ["verify", "model", "--trust", "trust.toml"];
                let said = self.said(&verify)?;
                ensure!(said.contains(wanted), "`verify` does not name {wanted}: {said}");
            }
            match before {
                Some(before) => fs::write(&path, before)?,
                None => fs::remove_file(&path)?,
            }
            named.push(wanted);
        }
        self.tallymark(&diff).context("something differs after everything was put back")?;
        Ok(Outcome::Held(format!("{} changes, each named", named.len())))
    }

    /// Evaluates and approves the model, and writes its bill in every format; the makers' validators must find it valid.
    pub(super) fn billed(&self) -> Result<Outcome> {
        let validators = match Environment::with("bom", &VALIDATORS) {
            Ok(validators) => validators,
            Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
        };
        let to = ["--key", "key.pem", "--trust", "trust.toml", "--yes"];
        let name = ["--as", "acme/churn:2026.1"];
        self.tallymark(&[&["attest", "eval", "metrics.json", "--model", "model"][..], &name, &to].concat())?;
        self.tallymark(&[&["approve", "model", "--stage", "production"][..], &name, &to].concat())?;
        let bills = self.dir.join("home/bills");
        fs::create_dir_all(&bills)?;
        for (format, file) in [
            ("cyclonedx-1.7", "cyclonedx-1.7.json"),
            ("cyclonedx-1.6", "cyclonedx-1.6.json"),
            ("spdx-3.0", "spdx-3.0.json"),
            ("markdown", "bill.md"),
            ("html", "bill.html"),
        ] {
            let out = bills.join(file).display().to_string();
            self.tallymark(&["bom", "model", "--trust", "trust.toml", "--format", format, "--out", &out])?;
        }
        let repository = place::repository();
        let mut validate = Command::new(validators.program("python"));
        validate.arg(repository.join("xtask/interop/lifecycle/validate.py"));
        validate.arg(repository.join("testdata/bom/schema/spdx-3.0.1.schema.json")).arg(&bills);
        let said = command::capture(&mut validate)?;
        if !said.status.success() {
            return Ok(Outcome::Failed(String::from_utf8_lossy(&said.stderr).trim_end().to_owned()));
        }
        let check = self.tallymark(&["bom", "model", "--trust", "trust.toml", "--check"])?;
        let share = check.lines().find(|line| line.contains('%')).unwrap_or_default().trim().to_owned();
        Ok(Outcome::Held(format!("five formats, two validators; {share}")))
    }

    /// What a command that refuses says, with differences as `what name`.
    fn said(&self, words: &[&str]) -> Result<String> {
        let output = command::capture(self.call(&self.programs.signer).args(words))?;
        ensure!(output.status.code() == Some(1), "{words:?} ended with {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            return Ok(text + &String::from_utf8_lossy(&output.stderr));
        };
        let list = value["differences"].as_array().cloned().unwrap_or_default();
        let line = |one: &Value| format!("{} {}", one["what"], one["name"]).replace('"', "");
        Ok(list.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    pub(super) fn stop(self) -> Result<()> {
        self.server.stop()
    }
}

/// Topic and key of every fact in the first line of a bundle file.
fn facts(bundles: &str) -> Result<BTreeSet<(String, String)>> {
    use base64::Engine as _;
    let line = bundles.lines().next().context("no bundle")?;
    let bundle: Value = serde_json::from_str(line).context("the bundle is not JSON")?;
    let payload = bundle["dsseEnvelope"]["payload"].as_str().context("no payload")?;
    let payload =
        base64::engine::general_purpose::STANDARD.decode(payload).context("the payload is not base64")?;
    let statement: Value = serde_json::from_slice(&payload).context("the statement is not JSON")?;
    let list = &statement["predicate"]["buildDefinition"]["internalParameters"]["facts"];
    let pair = |fact: &Value| Some((fact["topic"].as_str()?.to_owned(), fact["key"].as_str()?.to_owned()));
    Ok(list.as_array().context("no facts")?.iter().filter_map(pair).collect())
}
