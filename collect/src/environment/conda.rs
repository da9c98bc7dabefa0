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
//! | `channel` | (empty) | each of `channels`; personal if it may name people |
//! | `version` | package | of `name=1.2.3`, `name==1.2.3` and `name=1.2.3=build` |
//! | `build`, `channel` | package | the third part, and what stands before `::` |
//! | `requirement` | package | any other condition on the version |
//! | as [`super::requirements`] | package | each of `pip` |
//!
//! All declared. `name=1.2` means 1.2 and all that begins with it, so that is a `requirement` if it has no build. `name`, `prefix`
//! and `variables` are not taken: they name people, machines and secrets. Keys that come twice are refused, and so are
//! merge keys and more than one document. Bounds: 20,000 packages, nesting of 16, 1,000 aliases; the size is the caller's. Out of
//! scope: explicit lists and conda-lock.

use core::fmt;

use attest::provenance::Source;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy};

use super::requirements;
use super::sheet::{Sheet, utf8};
use crate::excerpt::excerpt;
use crate::{Collected, WarningReason};

#[derive(Deserialize)]
struct Environment {
    #[serde(default)]
    channels: Vec<String>,
    dependencies: Vec<Dependency>,
}

/// One dependency: a text, or a map with the requirements of pip.
enum Dependency {
    Conda(String),
    Pip(Vec<String>),
}

impl<'de> Deserialize<'de> for Dependency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Dependency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a map with the member pip")
            }

            // No number and no truth is a dependency, so the reader's guess at a type can only turn nonsense into an
            // error. PyYAML guesses likewise.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Dependency::Conda(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pip = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "pip" {
                        pip = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Dependency::Pip(pip))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Reads an environment that facts are to call `name`.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Declared);
    if let Some(text) = utf8(bytes, &mut sheet) {
        match parse(text) {
            Ok(environment) => describe(&environment, name, &mut sheet),
            Err(error) => {
                let reason =
                    if is_bound(&error) { WarningReason::TooLarge } else { WarningReason::Malformed };
                // Its words may quote the file.
                let text = excerpt(error.to_string().lines().next().unwrap_or_default());
                sheet.warn(reason, "", format!("not an environment: {text}"));
            }
        }
    }
    sheet.finish()
}

fn parse(text: &str) -> Result<Environment, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            max_aliases: 1000,
            max_anchors: 1000,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

const fn is_bound(error: &serde_saphyr::Error) -> bool {
    matches!(error, serde_saphyr::Error::Budget { .. })
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
