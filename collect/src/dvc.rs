//! Data Version Control: `.dvc` files, `dvc.yaml`, `dvc.lock`, the lists of directories in its cache, and the names of its remotes.
//!
//! ```text
//! data/raw.dvc                     one output, added by hand or imported
//! dvc.yaml                         stages as a person declared them, artefacts, metrics
//! dvc.lock                         stages as they were run: command, inputs, parameters, outputs
//! .dvc/config                      remotes
//! .dvc/cache/files/md5/23/62...1a.dir   the list of a directory
//! .dvc/cache/23/62...1a.dir             the same, as DVC 2 kept it
//! ```
//!
//! Source of the formats: DVC 3.67 and dvc-data 3.18, `dvc.lock` of schema 2.0. That of DVC 1, without `schema`, is
//! [`UnknownVersion`](crate::WarningReason::UnknownVersion).
//!
//! An MD5 only finds data: it can be made to collide, and an entry without `hash: md5` has that of DVC 2, taken from a text after CRLF
//! became LF. [`target()`] names what is to be hashed with SHA-256.
//!
//! | Topic, about | Key | From |
//! |---|---|---|
//! | data (code, for an input with the name of a program): path | `digest` | `md5`; algorithm `md5`, or `md5-dos2unix` for DVC 2 |
//! | | `bytes`, `files` (only of a directory, whose `digest` is that of its list) | `size`, `nfiles`, or the list |
//! | | `input-of`, `output-of` | stages of `dvc.lock` |
//! | | `description`, `type`, `etag`, `version` | `desc`, `type`, `etag`, `version_id` |
//! | | `uri`, `revision`, `upstream-path` | `deps` of an import: `path` or `repo.url`, `repo.rev_lock`, `path` |
//! | data: `remote NAME` | `uri`, `default-remote` | `.dvc/config`, personal: `url`, `core.remote` |
//! | run: stage | `command` | `cmd`, personal |
//! | parameter: key, or `file:key` if the file is not `params.yaml` | `value` | `params` |
//! | metric: key, or `file:key` if there are several files | `value` | files under `metrics`, JSON or YAML |
//! | identity (data, for `type: dataset`): artefact | `path`, `type`, `description`, `label` | `artifacts` of `dvc.yaml`, declared |
//!
//! All but the artefacts are imported. Bounds: 16 MiB a file, 128 MiB a list of a directory, two million entries of directories.
//!
//! In scope: the files above, below one directory. Out of scope: data, which the caller hashes; `.dvc/config.local`, which holds
//! secrets; a cache elsewhere; the state databases, whose values are pickles; plots; running anything.

mod config;
mod entry;
mod manifest;
mod md5_id;
mod pipeline;
mod project;
mod record;
mod target;

use std::path::Path;

use attest::provenance::Source;

use crate::Collected;
use crate::folder::split;
use crate::notes::Notes;

pub use entry::{LineEnds, Role};
pub use manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError, ManifestFile};
pub use md5_id::{ContentKind, Md5Id, Md5IdError};
pub use target::{Target, TargetError, Tracked, target};

/// What this source is called.
const SOURCE: &str = "dvc";

/// Reads all that DVC left below `root`.
#[must_use]
pub fn read(root: &Path) -> Collected {
    project::Project::new(root).read()
}

/// Reads a `.dvc` file that is called `name`, as in `data/raw.dvc`.
#[must_use]
pub fn dot_dvc(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Imported, |notes| {
        let document = notes.yaml(bytes);
        let stage = document.and_then(|document| record::dot_dvc(&document, name, notes));
        stage.iter().for_each(|stage| record::note(stage, notes));
    })
}

/// Reads a `dvc.lock` that is called `name`, without what `dvc.yaml` says of working directories.
#[must_use]
pub fn lock(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Imported, |notes| {
        let document = notes.yaml(bytes);
        let stages = document.and_then(|document| record::lock(&document, split(name).0, |_| None, notes));
        stages.iter().flatten().for_each(|stage| record::note(stage, notes));
    })
}

/// Reads a `dvc.yaml` that is called `name`; the metrics are in other files.
#[must_use]
pub fn pipeline(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Declared, |notes| {
        if let Some(document) = notes.yaml(bytes) {
            pipeline::note_artifacts(&document, split(name).0, notes);
            let _ = pipeline::metric_files(&document, split(name).0, notes);
        }
    })
}

/// Reads a `.dvc/config` that is called `name`.
#[must_use]
pub fn config(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Imported, |notes| config::note(bytes, notes))
}

fn noted(name: &str, grade: Source, note: impl FnOnce(&mut Notes<'_>)) -> Collected {
    let mut collected = Collected::new(SOURCE);
    note(&mut Notes::new(&mut collected, name, grade));
    collected
}

#[cfg(test)]
mod tests;
