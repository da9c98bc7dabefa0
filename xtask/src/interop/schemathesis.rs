//! schemathesis reads our OpenAPI document and looks for answers that it does not describe, and for server errors.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Outcome, last_lines};
use crate::python::Environment;
use crate::{command, place};

const VERSION: &str = "4.32.5";
/// Cases made for each operation beyond those that cover its schema.
const EXAMPLES: &str = "50";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// Installs it into the cache, once.
pub(super) fn install() -> Result<PathBuf> {
    let environment = Environment::with("schemathesis", &[&format!("schemathesis=={VERSION}")])?;
    Ok(environment.program("schemathesis"))
}

/// Runs it against the server at `url`.
pub(super) fn run(program: &Path, url: &str, work: &Path) -> Result<Outcome> {
    let repository = place::repository();
    let mut call = Command::new(program);
    call.current_dir(work).arg("run").arg(repository.join("spec/openapi.yaml"));
    call.args(["--url", url, "--no-color", "-n", EXAMPLES, "--checks", CHECKS]);
    call.env("SCHEMATHESIS_HOOKS", "media")
        .env("PYTHONPATH", repository.join("xtask/interop"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TALLYMARK_ENTRIES", repository.join("testdata/entry/accept"));
    let output = command::capture(&mut call)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    std::fs::write(work.join("schemathesis.txt"), &said).context("cannot keep what schemathesis said")?;
    let passed =
        said.lines().map(str::trim).find(|line| line.ends_with(" passed") && line.contains("generated"));
    Ok(match (output.status.success(), passed) {
        (true, Some(line)) => Outcome::Held(line.to_owned()),
        _ => Outcome::Failed(last_lines(said.trim_end())),
    })
}
