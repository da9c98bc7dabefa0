//! The programs of the loop, built and found.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command;

/// Where the programs are after a build.
pub(crate) struct Programs {
    /// `tallymark`, the hand that signs.
    pub(crate) signer: PathBuf,
    /// `tallymark-verify`, the judgement.
    pub(crate) verifier: PathBuf,
    /// `tallymark-log`, the log.
    pub(crate) log: PathBuf,
    /// `tallymark-monitor`, the auditor's eye.
    pub(crate) monitor: PathBuf,
}

impl Programs {
    /// Builds them, in the profile the tests use unless `release`.
    pub(crate) fn build(release: bool) -> Result<Self> {
        let built = build(&["signer-cli", "verifier", "log-server", "monitor"], release)?;
        let find = |name: &str| find(&built, name);
        Ok(Self {
            signer: find("tallymark")?,
            verifier: find("tallymark-verify")?,
            log: find("tallymark-log")?,
            monitor: find("tallymark-monitor")?,
        })
    }
}

/// Builds the programs of these crates and returns the paths of what cargo built.
pub(crate) fn build(crates: &[&str], release: bool) -> Result<Vec<PathBuf>> {
    build_by(command::cargo()?, crates, release)
}

/// Builds the programs of one crate of tools: as for tests, with all assertions, but optimised.
pub(crate) fn build_optimised(tools: &str) -> Result<Vec<PathBuf>> {
    let mut cargo = command::cargo()?;
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "2");
    build_by(cargo, &[tools], false)
}

fn build_by(mut call: Command, crates: &[&str], release: bool) -> Result<Vec<PathBuf>> {
    call.args(["build", "--bins", "--message-format=json-render-diagnostics"]);
    for name in crates {
        call.args(["--package", name]);
    }
    if release {
        call.arg("--release");
    }
    let output = call.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`{}` ended with {}", command::shown(&call), output.status);
    }
    let told = String::from_utf8_lossy(&output.stdout);
    Ok(told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect())
}

/// The built program of that name.
pub(crate) fn find(built: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = built.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found.cloned().with_context(|| format!("cargo built no program {name}"))
}

/// Cargo's target directory, wherever it was put.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let told = command::read(command::bare_cargo().args([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--offline",
    ]))?;
    let told: Value = serde_json::from_str(&told).context("cargo metadata is not JSON")?;
    Ok(Path::new(told["target_directory"].as_str().context("cargo names no target directory")?).to_path_buf())
}

/// A call of one of the programs that nothing in the caller's environment can bend.
pub(crate) fn call(program: &Path) -> Command {
    let mut call = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TALLYMARK_") {
            call.env_remove(&name);
        }
    }
    // A disk that is short of space must not matter to what is shown.
    for (name, value) in [("BALLAST", "0"), ("READ_ONLY", "64MiB"), ("STOP", "32MiB")] {
        call.env(format!("TALLYMARK_LOG_DISK_{name}"), value);
    }
    call.stdin(Stdio::null());
    call
}

/// The first word that looks like `name+hash+key`.
pub(crate) fn vkey_among(printed: &str) -> Option<&str> {
    printed
        .split(|c: char| c.is_whitespace() || c == '"')
        .find(|word| word.split('+').count() >= 3 && word.split('+').nth(1).is_some_and(|id| id.len() == 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vkey_is_found_among_words_and_in_quotes() {
        let printed = "made log\nlog demo.localhost/log+530d903a+AekyeRrm/6h+pGFk\n";
        assert_eq!(vkey_among(printed), Some("demo.localhost/log+530d903a+AekyeRrm/6h+pGFk"));
        assert_eq!(vkey_among("vkey = \"a+530d903a+AQ==\""), Some("a+530d903a+AQ=="));
        assert_eq!(vkey_among("a + b + c"), None);
    }
}
