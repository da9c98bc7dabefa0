//! The description of a conda environment: `conda.yaml` of MLflow, `environment.yml` of conda.
//!
//! Follows conda 25's documentation of the file.
//!
//! ```yaml
//! name: train
//! channels: [conda-forge]
//! dependencies:
//!   - python=3.11
//!   - conda-forge::numpy=2.4.6=py311h1234567_0     # channel, version, build
//!   - pip:
//!       - mlflow==3.17.2                           # as in requirements.txt
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `channel` | (empty) | each of `channels`; without credentials, personal if it tells of a machine |
//! | `version` | package | of `name=1.2.3`, `name==1.2.3` and `name=1.2.3=build` |
//! | `build`, `channel` | package | the third part, and what stands before `::` |
//! | `requirement` | package | any other condition on the version |
//! | as [`super::requirements`] | package | each of `pip` |
//!
//! All declared. `name=1.2` means 1.2 and all that begins with it, so that is a `requirement` if it has no build. `name`, `prefix`
//! and `variables` are not taken: they name people, machines and secrets. Bounds: 20,000 packages, and
//! those of all YAML here. Out of scope: explicit lists and conda-lock.

use attest::provenance::Source;

use super::requirements;
use super::sheet::Sheet;
use crate::json::Json;
use crate::yaml::{self, YamlError};
use crate::{Collected, WarningReason};

/// The part of the description that facts are made of.
struct Environment {
    channels: Vec<String>,
    dependencies: Vec<Dependency>,
}

/// One dependency: a text, or a map with the requirements of pip.
enum Dependency {
    Conda(String),
    Pip(Vec<String>),
}

/// Why a document is no environment.
#[derive(Debug, thiserror::Error)]
enum CondaError {
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("no list of {what}")]
    NoList { what: &'static str },
    #[error("{place} is neither a text nor a map")]
    NoDependency { place: String },
    #[error("an entry of {what} is no text")]
    NoText { what: &'static str },
}

/// Reads an environment that facts are to call `name`.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Declared);
    match Environment::parse(bytes) {
        Ok(environment) => describe(&environment, name, &mut sheet),
        Err(error) => sheet.warn(error.reason(), "", format!("not an environment: {error}")),
    }
    sheet.finish()
}

impl CondaError {
    const fn reason(&self) -> WarningReason {
        match self {
            Self::Yaml(error) => error.reason(),
            Self::NoList { .. } | Self::NoDependency { .. } | Self::NoText { .. } => WarningReason::Malformed,
        }
    }
}

impl Environment {
    fn parse(bytes: &[u8]) -> Result<Self, CondaError> {
        let document = yaml::by_looks(bytes)?;
        let channels =
            document.get("channels").map_or_else(|| Ok(Vec::new()), |list| texts(list, "channels"))?;
        let dependencies = document.get("dependencies").and_then(Json::array);
        let dependencies = dependencies.ok_or(CondaError::NoList { what: "dependencies" })?;
        let dependencies = dependencies.iter().enumerate().map(|(index, entry)| Dependency::of(entry, index));
        Ok(Self { channels, dependencies: dependencies.collect::<Result<_, _>>()? })
    }
}

impl Dependency {
    /// No number and no truth is a dependency: to conda, which guesses at types, it is none either.
    fn of(entry: &Json, index: usize) -> Result<Self, CondaError> {
        match entry {
            Json::Text(text) => Ok(Self::Conda(text.clone())),
            Json::Object(members) => {
                let pip = members.get("pip").map_or_else(|| Ok(Vec::new()), |list| texts(list, "pip"));
                pip.map(Self::Pip)
            }
            _ => Err(CondaError::NoDependency { place: format!("dependencies[{index}]") }),
        }
    }
}

/// The texts of a list, whatever they look like.
fn texts(list: &Json, what: &'static str) -> Result<Vec<String>, CondaError> {
    let entries = list.array().ok_or(CondaError::NoList { what })?;
    entries.iter().map(|entry| entry.scalar().ok_or(CondaError::NoText { what })).collect()
}

fn describe(environment: &Environment, name: &str, sheet: &mut Sheet) {
    for channel in &environment.channels {
        sheet.uri("", "channel", channel, "channels");
    }
    let mut pip = String::new();
    for (index, dependency) in environment.dependencies.iter().enumerate() {
        match dependency {
            Dependency::Conda(text) => conda(text, &format!("dependencies[{index}]"), sheet),
            Dependency::Pip(requirements) => {
                for requirement in requirements {
                    // One requirement is one line, whatever somebody put into it.
                    pip.extend(requirement.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }));
                    pip.push('\n');
                }
            }
        }
    }
    sheet.absorb(requirements::read(pip.as_bytes(), &format!("{name}: pip")));
}

/// `channel::name version build`, with `=` or white space in between.
fn conda(text: &str, place: &str, sheet: &mut Sheet) {
    let (channel, spec) = match text.split_once("::") {
        Some((channel, spec)) => (Some(channel.trim()), spec),
        None => (None, text),
    };
    let spec = spec.trim();
    // What conda keeps under a name with an underscore in front stands for a property of the machine.
    let end = spec
        .find(|c: char| c.is_whitespace() || matches!(c, '=' | '<' | '>' | '!' | '~' | '['))
        .unwrap_or(spec.len());
    let (name, condition) = spec.split_at_checked(end).unwrap_or((spec, ""));
    let Some(about) = sheet.package(name.trim_start_matches('_'), place) else { return };
    if let Some(channel) = channel {
        sheet.uri(&about, "channel", channel, place);
    }
    match exact(condition.trim()) {
        Some((version, build)) => {
            sheet.version(&about, version, place);
            if let Some(build) = build {
                sheet.text(&about, "build", build, place);
            }
        }
        None => sheet.text(&about, "requirement", condition.trim(), place),
    }
}

/// Version and build, if the condition leaves no choice of a version.
fn exact(condition: &str) -> Option<(&str, Option<&str>)> {
    let is_exact = |text: &str| super::name::is_version(text);
    if let Some(version) = condition.strip_prefix("==") {
        return is_exact(version).then_some((version, None));
    }
    let (version, build) = condition.strip_prefix('=')?.split_once('=')?;
    (is_exact(version) && !build.is_empty()).then_some((version, Some(build)))
}
