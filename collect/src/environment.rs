//! The packages that a model was made with: what a lock file asks for, and what is installed.
//!
//! One module for each file: [`uv_lock`], [`pylock`], [`requirements`], [`conda`] say what was wanted; [`installed`] looks at what
//! lies in `site-packages`; [`pyvenv`] and [`os_release`] name the interpreter and the system. Each draws its format and lists
//! its facts. Names of packages are those of PEP 503: lower case, with single hyphens.
//!
//! | key | about | from | grade |
//! |---|---|---|---|
//! | `version` | package | all | observed if installed, imported from a lock or beside a hash, else declared |
//! | `digest` | package | hashes of the files a package may be installed from | as above |
//! | `record` | package | SHA-256 of the package's `RECORD` | observed |
//! | `digest`, `form`, `packages` | (empty) | one digest over all `RECORD`s, see [`installed`] | observed |
//! | `requirement`, `marker`, `extras`, `uri`, `commit`, `installer` | package | where a source has them | as above |
//! | `version` | `python` | `pyvenv.cfg` | imported |
//!
//! A lock is what a tool wrote down, so it is imported; its own digest is in [`Collected::files`], and that is observed. What
//! is installed was hashed here.
//!
//! In scope: the files of a Python environment. Out of scope: asking an index, resolving, running anything; what environment
//! variables were set.

pub mod conda;
pub mod installed;
mod name;
pub mod os_release;
pub mod pylock;
pub mod pyvenv;
pub mod requirements;
mod sheet;
pub mod uv_lock;

use std::path::Path;

use crate::reading::{self, MAX_TEXT_FILE_BYTES};
use crate::{Collected, WarningReason};

/// The name of this source.
const SOURCE: &str = "environment";

/// Most packages, of a file or installed.
pub const MAX_PACKAGES: usize = 20_000;

/// Reads the lock files, requirements and environments that lie directly in a project's directory.
///
/// ```text
/// uv.lock   pylock.toml   pylock.NAME.toml   requirements.txt   requirements-NAME.txt   requirements_NAME.txt
/// conda.yaml   conda.yml   environment.yaml   environment.yml
/// ```
pub fn read(dir: &Path) -> Collected {
    let mut collected = Collected::new(SOURCE);
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            collected.warn(WarningReason::Unreadable, ".", format!("cannot be listed: {error}"));
            return collected;
        }
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| reader(name).is_some()).collect();
    names.sort();
    if names.is_empty() {
        collected.warn(WarningReason::Absent, ".", "no lock file, requirements or environment");
    }
    for name in names {
        if let Some(read) = reader(&name) {
            collected.absorb(read_file(&dir.join(&name), &name, read));
        }
    }
    collected
}

/// Reads one such file, told by its name; `None` if no reader is known for that name.
pub fn read_one(path: &Path) -> Option<Collected> {
    let name = path.file_name()?.to_str()?;
    Some(read_file(path, name, reader(name)?))
}

/// What reads a file's bytes under its name.
type Reader = fn(&[u8], &str) -> Collected;

fn reader(name: &str) -> Option<Reader> {
    let is_requirements = |name: &str| {
        let rest = name.strip_prefix("requirements").and_then(|rest| rest.strip_suffix(".txt"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.']))
    };
    match name {
        "uv.lock" => Some(uv_lock::read),
        "conda.yaml" | "conda.yml" | "environment.yaml" | "environment.yml" => Some(conda::read),
        "pylock.toml" => Some(pylock::read),
        _ if name.starts_with("pylock.") && name.ends_with(".toml") => Some(pylock::read),
        _ if is_requirements(name) => Some(requirements::read),
        _ => None,
    }
}

fn read_file(path: &Path, name: &str, read: Reader) -> Collected {
    match reading::read(path, name, MAX_TEXT_FILE_BYTES) {
        Ok(reading) => {
            let mut collected = read(&reading.bytes, name);
            collected.note_file(reading.file);
            collected
        }
        Err(error) => {
            let mut collected = Collected::new(SOURCE);
            collected.warn(error.reason(), name, error.words());
            collected
        }
    }
}
