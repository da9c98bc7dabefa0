//! `pylock.toml`: the lock file that package managers have agreed on.
//!
//! Follows PEP 751, lock version 1.0.
//!
//! ```toml
//! lock-version = "1.0"
//! requires-python = ">=3.11"
//! created-by = "uv"
//!
//! [[packages]]
//! name = "idna"
//! version = "3.10"
//! index = "https://pypi.org/simple"
//! sdist = { url = "https://...", size = 190490, hashes = { sha256 = "..." } }
//! wheels = [{ url = "https://...", size = 70442, hashes = { sha256 = "..." } }]
//! # or vcs = { type, url, commit-id }, archive = { url, hashes }, directory = { path, editable }
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `requirement` | `python` | `requires-python` |
//! | `tool` | (empty) | `created-by` |
//! | `version`, `marker` | package | as they are called |
//! | `uri` | package | `index`, or `url` or `path` of `vcs`, `archive` and `directory`; without credentials, personal if it tells of a machine |
//! | `commit` | package | `vcs.commit-id`, if `vcs.type` is git |
//! | `digest` | package | every hash of sdist, wheels and archive |
//!
//! A minor version above 0 is a warning, and what is known of it is read, as the PEP demands; another major version is not read.
//! Bounds: 20,000 packages; the size of the file is the caller's. In scope: packages. Out of scope: groups, attestations.

use std::collections::BTreeMap;

use attest::provenance::Source;
use serde::Deserialize;

use super::sheet::{Sheet, utf8};
use crate::excerpt::excerpt;
use crate::{Collected, WarningReason};

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "lock-version")]
    lock_version: String,
}

#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "requires-python")]
    requires_python: Option<String>,
    #[serde(rename = "created-by")]
    created_by: Option<String>,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    index: Option<String>,
    vcs: Option<Vcs>,
    directory: Option<Directory>,
    archive: Option<File>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Deserialize)]
struct Vcs {
    #[serde(rename = "type")]
    kind: String,
    url: Option<String>,
    path: Option<String>,
    #[serde(rename = "commit-id")]
    commit_id: String,
}

#[derive(Deserialize)]
struct Directory {
    path: String,
}

#[derive(Deserialize)]
struct File {
    url: Option<String>,
    path: Option<String>,
    hashes: BTreeMap<String, String>,
}

/// Reads a lock that facts are to call `name`.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Imported);
    let Some(text) = utf8(bytes, &mut sheet) else { return sheet.finish() };
    let malformed = |error: &toml::de::Error| format!("not a pylock: {}", error.message());
    match toml::from_str(text) {
        Ok(Version { lock_version }) if is_known(&lock_version, &mut sheet) => match toml::from_str(text) {
            Ok(lock) => describe(&lock, &mut sheet),
            Err(error) => sheet.warn(WarningReason::Malformed, "", malformed(&error)),
        },
        Ok(_) => {}
        Err(error) => sheet.warn(WarningReason::Malformed, "", malformed(&error)),
    }
    sheet.finish()
}

/// Whether this version is read; one that is not quite known is a warning.
fn is_known(version: &str, sheet: &mut Sheet) -> bool {
    if version == "1.0" {
        return true;
    }
    let text = format!("lock-version {:?}, want 1.0", excerpt(version));
    sheet.warn(WarningReason::UnknownVersion, "lock-version", text);
    version
        .strip_prefix("1.")
        .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn describe(lock: &Lock, sheet: &mut Sheet) {
    if let Some(requirement) = &lock.requires_python {
        sheet.text("python", "requirement", requirement, "requires-python");
    }
    if let Some(tool) = &lock.created_by {
        sheet.text("", "tool", tool, "created-by");
    }
    for (index, package) in lock.packages.iter().enumerate() {
        let place = format!("packages[{index}]");
        if let Some(about) = sheet.package(&package.name, &place) {
            describe_package(package, &about, &place, sheet);
        }
    }
}

fn describe_package(package: &Package, about: &str, place: &str, sheet: &mut Sheet) {
    if let Some(version) = &package.version {
        sheet.version(about, version, place);
    }
    if let Some(marker) = &package.marker {
        sheet.text(about, "marker", marker, place);
    }
    if let Some(index) = &package.index {
        sheet.uri(about, "uri", index, place);
    }
    if let Some(vcs) = &package.vcs {
        if let Some(uri) = vcs.url.as_ref().or(vcs.path.as_ref()) {
            sheet.uri(about, "uri", &format!("{}+{uri}", vcs.kind), place);
        }
        if vcs.kind == "git" {
            sheet.commit(about, &vcs.commit_id, place);
        } else {
            sheet.text(about, "commit", &vcs.commit_id, place);
        }
    }
    if let Some(directory) = &package.directory {
        sheet.uri(about, "uri", &directory.path, place);
    }
    if let Some(uri) =
        package.archive.as_ref().and_then(|archive| archive.url.as_ref().or(archive.path.as_ref()))
    {
        sheet.uri(about, "uri", uri, place);
    }
    for file in package.archive.iter().chain(&package.sdist).chain(&package.wheels) {
        for (algorithm, hex) in &file.hashes {
            sheet.hash(about, &format!("{algorithm}:{hex}"), place);
        }
    }
}
