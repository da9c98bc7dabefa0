//! `cargo xtask vectors`: regenerates our own test cases. `git diff` must stay empty afterwards.
//!
//! A generator is an example of a crate whose name begins with `vectors`; it is called with the folder below `testdata`
//! that it fills. Cases made by other people's tools have no generator here and are never touched.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{Arguments, command};

/// Runs every generator there is.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    let told = command::read(command::bare_cargo().args([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--offline",
    ]))?;
    let told: Value = serde_json::from_str(&told).context("cargo metadata is not JSON")?;
    for generator in generators(&told) {
        println!("{} {}", generator.package, generator.example);
        let mut call = command::cargo()?;
        call.args(["run", "--quiet", "--package", &generator.package, "--example", &generator.example, "--"]);
        command::run(call.arg(Path::new("testdata").join(generator.folder())))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Generator {
    package: String,
    example: String,
}

impl Generator {
    /// `vectors` of the verifier fills `bundle`; `vectors-NOUN` and `vectors_NOUN` of any crate fill `NOUN`.
    fn folder(&self) -> String {
        match self.example.trim_start_matches("vectors").trim_start_matches(['-', '_']) {
            "" => "bundle".to_owned(),
            noun => noun.replace('_', "-"),
        }
    }
}

fn generators(described: &Value) -> Vec<Generator> {
    let mut found = Vec::new();
    for package in described["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_example =
                target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "example"));
            if is_example
                && let (Some(package), Some(example)) = (package["name"].as_str(), target["name"].as_str())
                && example.starts_with("vectors")
            {
                found.push(Generator { package: package.to_owned(), example: example.to_owned() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_are_examples_by_name_and_know_their_folder() {
        let described = serde_json::json!({"packages": [{"name": "verifier", "targets": [
            {"kind": ["example"], "name": "vectors"},
            {"kind": ["example"], "name": "vectors_log_proof"},
            {"kind": ["example"], "name": "verify"},
            {"kind": ["bin"], "name": "vectors"},
        ]}]});
        let found = generators(&described);
        let folders: Vec<String> = found.iter().map(Generator::folder).collect();
        assert_eq!(folders, ["bundle", "log-proof"]);
    }
}
