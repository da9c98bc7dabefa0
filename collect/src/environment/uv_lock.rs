//! The lock file of uv, version 1.
//!
//! Follows what uv 0.13 writes (revision 5); its documentation calls the format uv's own.
//!
//! ```toml
//! version = 1
//! revision = 5
//! requires-python = ">=3.11"
//!
//! [[package]]
//! name = "idna"
//! version = "3.10"                                       # not there for a project whose version is computed
//! source = { registry = "https://pypi.org/simple" }      # or git, url, path, directory, editable, virtual
//! sdist = { url = "https://...", hash = "sha256:...", size = 190490 }
//! wheels = [{ url = "https://...", hash = "sha256:...", size = 70442 }]
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `requirement` | `python` | `requires-python` |
//! | `version` | package | `version` |
//! | `uri` | package | `source` of any kind; without credentials, personal if it tells of a machine |
//! | `commit` | package | what follows `#` in `source.git` |
//! | `digest` | package | `hash` of the sdist and of each wheel |
//!
//! Sizes are in bytes and not taken. Markers and dependencies are not taken either: the lock is for all platforms at once, and
//! which of its packages were used is what [`super::installed`] tells. Bounds: 20,000 packages; the size of the file is the
//! caller's. In scope: packages. Out of scope: groups, markers, resolution.

use attest::provenance::Source;
use serde::Deserialize;

use super::sheet::{Sheet, utf8};
use crate::excerpt::excerpt;
use crate::{Collected, WarningReason};

/// The version that is read.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "requires-python")]
    requires_python: Option<String>,
    #[serde(default, rename = "package")]
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    source: Origin,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

/// Where a package comes from: exactly one of these.
#[derive(Deserialize)]
struct Origin {
    registry: Option<String>,
    git: Option<String>,
    url: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    #[serde(rename = "virtual")]
    virtual_: Option<String>,
}

#[derive(Deserialize)]
struct File {
    hash: Option<String>,
}

/// Reads a lock that facts are to call `name`.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Imported);
    if let Some(text) = utf8(bytes, &mut sheet) {
        // The version comes first, because another one may have other tables.
        match toml::from_str(text) {
            Ok(Version { version: VERSION }) => match toml::from_str(text) {
                Ok(lock) => describe(&lock, &mut sheet),
                Err(error) => {
                    sheet.warn(WarningReason::Malformed, "", format!("not a lock of uv: {}", error.message()))
                }
            },
            Ok(Version { version }) => {
                sheet.warn(
                    WarningReason::UnknownVersion,
                    "version",
                    format!("version {version}, want {VERSION}"),
                );
            }
            Err(error) => {
                sheet.warn(WarningReason::Malformed, "", format!("not a lock of uv: {}", error.message()));
            }
        }
    }
    sheet.finish()
}

fn describe(lock: &Lock, sheet: &mut Sheet) {
    if let Some(requirement) = &lock.requires_python {
        sheet.text("python", "requirement", requirement, "requires-python");
    }
    for (index, package) in lock.packages.iter().enumerate() {
        let place = format!("package[{index}]");
        let Some(about) = sheet.package(&package.name, &place) else { continue };
        if let Some(version) = &package.version {
            sheet.version(&about, version, &place);
        }
        origin(&package.source, &about, &place, sheet);
        for file in package.sdist.iter().chain(&package.wheels) {
            if let Some(hash) = &file.hash {
                sheet.hash(&about, hash, &place);
            }
        }
    }
}

fn origin(origin: &Origin, about: &str, place: &str, sheet: &mut Sheet) {
    let Origin { registry, git, url, path, directory, editable, virtual_ } = origin;
    let kinds = [registry, git, url, path, directory, editable, virtual_];
    let mut given = kinds.into_iter().flatten();
    let (Some(uri), None) = (given.next(), given.next()) else {
        let text = format!("source of {:?} is not exactly one", excerpt(about));
        return sheet.warn(WarningReason::Malformed, place, text);
    };
    if git.is_some() {
        let (uri, commit) = uri.split_once('#').unwrap_or((uri, ""));
        sheet.uri(about, "uri", &format!("git+{uri}"), place);
        sheet.commit(about, commit, place);
    } else {
        sheet.uri(about, "uri", uri, place);
    }
}
