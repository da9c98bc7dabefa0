//! What `--dvc TARGET` names: paths to be hashed with SHA-256, with what DVC knew of them.

use std::path::Path;

use attest::model_path::ModelPath;

use super::entry::{Entry, LineEnds, Place, Role};
use super::manifest::Manifest;
use super::md5_id::{ContentKind, Md5Id};
use super::project::Project;
use super::record::Stage;
use crate::folder::join;
use crate::{Collected, ReadFile, Warning, WarningReason};

/// A file or directory below the root that DVC keeps track of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    role: Role,
    path: ModelPath,
    md5: Option<Md5Id>,
    line_ends: LineEnds,
    bytes: Option<u64>,
    files: Option<u64>,
    manifest: Option<Manifest>,
}

impl Tracked {
    /// Whether it went in or came out.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Where it lies, below the root.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        &self.path
    }

    /// What DVC knows it by, if it was ever saved.
    #[must_use]
    pub const fn md5(&self) -> Option<&Md5Id> {
        self.md5.as_ref()
    }

    /// Which bytes the MD5 stands for.
    #[must_use]
    pub const fn line_ends(&self) -> LineEnds {
        self.line_ends
    }

    /// Its size in bytes, that of all files together for a directory.
    #[must_use]
    pub const fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// The number of files of a directory.
    #[must_use]
    pub const fn files(&self) -> Option<u64> {
        self.files
    }

    /// The files of a directory, if its list lies in the cache and is the one with this id.
    #[must_use]
    pub const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }
}

/// What a target names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    tracked: Vec<Tracked>,
    elsewhere: Vec<String>,
    read: Vec<ReadFile>,
}

impl Target {
    /// What lies below the root, in the order of the file; what came out before what went in of a `.dvc` file, what went in first
    /// of a stage.
    #[must_use]
    pub fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    /// What lies elsewhere and cannot be hashed here: URLs without secrets.
    #[must_use]
    pub fn elsewhere(&self) -> &[String] {
        &self.elsewhere
    }

    /// The files that said so.
    #[must_use]
    pub fn read(&self) -> &[ReadFile] {
        &self.read
    }
}

/// Why a target names nothing that can be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Neither a `.dvc` file, nor a stage of `dvc.lock`, nor a path that one of them keeps track of.
    #[error("DVC keeps track of no {name:?} here")]
    NotFound {
        /// As it was given.
        name: String,
    },
    /// A stage and a path, or several.
    #[error("{name:?} is {matches} things here, name the file: dvc.yaml:{name} or {name}.dvc")]
    Ambiguous {
        /// As it was given.
        name: String,
        /// How many.
        matches: usize,
    },
    /// Something that belongs to it could not be read, or says two things.
    #[error("the target was not read in full: {0}")]
    Incomplete(Warning),
}

/// Finds what `name` names below `root`, as DVC's own commands do: a `.dvc` file, a stage (`train`, `model/dvc.yaml:train`), or the path
/// of something tracked.
///
/// # Errors
/// See [`TargetError`]. An id of DVC 2 is no error; see [`Tracked::line_ends`].
pub fn target(root: &Path, name: &str) -> Result<Target, TargetError> {
    let mut collected = Collected::new(super::SOURCE);
    let project = Project::new(root);
    let entries = named(&project, name, &mut collected)?;
    // Before the cache is looked at: what could not be read may be what was named.
    complete(&collected)?;
    let mut target = Target { tracked: Vec::new(), elsewhere: Vec::new(), read: Vec::new() };
    for entry in entries {
        match entry.place.clone() {
            Place::Elsewhere(location) => target.elsewhere.push(location.into_text()),
            Place::Inside(path) => target.tracked.push(tracked(entry, path, &project, &mut collected)),
        }
    }
    complete(&collected)?;
    target.read = collected.files().to_vec();
    Ok(target)
}

/// The entries that a name names.
fn named(project: &Project<'_>, name: &str, collected: &mut Collected) -> Result<Vec<Entry>, TargetError> {
    let not_found = || TargetError::NotFound { name: name.to_owned() };
    let (file, stage) = match name.rsplit_once(':') {
        Some((file, stage)) => (file, Some(stage)),
        None => (name, None),
    };
    // What lies outside of the root was not meant, whoever named it.
    let file = join("", file).ok_or_else(not_found)?;
    if let Some(wanted) = stage {
        let stages = project.locked(&file, collected);
        let stage = stages.into_iter().find(|stage| stage.name == wanted);
        complete(collected)?;
        return stage.map(|stage| stage.entries).ok_or_else(not_found);
    }
    if file.ends_with(".dvc") {
        let stage = project.dot_dvc(&file, collected);
        complete(collected)?;
        return stage.map(|stage| stage.entries).ok_or_else(not_found);
    }
    let stages = project.locked("dvc.yaml", collected);
    let by_stage = stages.iter().find(|stage| stage.name == name).map(|stage| stage.entries.clone());
    let by_path = outputs_at(project, stages, &file, collected);
    match (by_stage, by_path.len()) {
        (None, 0) => complete(collected).and(Err(not_found())),
        (Some(entries), 0) => Ok(entries),
        (None, 1) => Ok(by_path),
        (by_stage, paths) => {
            let matches = paths.saturating_add(usize::from(by_stage.is_some()));
            Err(TargetError::Ambiguous { name: name.to_owned(), matches })
        }
    }
}

/// The outputs that lie at a path: that of a `.dvc` file beside it, and those of the stages.
fn outputs_at(
    project: &Project<'_>,
    stages: Vec<Stage>,
    name: &str,
    collected: &mut Collected,
) -> Vec<Entry> {
    let beside = format!("{name}.dvc");
    let dot_dvc = if project.has(&beside) { project.dot_dvc(&beside, collected) } else { None };
    let is_it = |entry: &Entry| {
        entry.role == Role::Output && matches!(&entry.place, Place::Inside(path) if path.as_str() == name)
    };
    let entries = dot_dvc.into_iter().chain(stages).flat_map(|stage| stage.entries);
    entries.filter(is_it).collect()
}

fn tracked(entry: Entry, path: ModelPath, project: &Project<'_>, collected: &mut Collected) -> Tracked {
    let directory = entry.md5.as_ref().filter(|md5| md5.kind() == ContentKind::Directory);
    let manifest = directory.and_then(|md5| project.manifest(md5, entry.line_ends, collected));
    let Entry { role, md5, line_ends, bytes, files, .. } = entry;
    Tracked { role, path, md5, line_ends, bytes, files, manifest }
}

/// Whether all was read. That an MD5 is weak is known to whoever hashes again.
fn complete(collected: &Collected) -> Result<(), TargetError> {
    let fault = collected.warnings().iter().find(|warning| warning.reason() != WarningReason::WeakDigest);
    fault.map_or(Ok(()), |warning| Err(TargetError::Incomplete(warning.clone())))
}
