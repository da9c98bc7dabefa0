//! The files of DVC below a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest::provenance::Source;

use super::entry::{LineEnds, Place};
use super::manifest::{MAX_MANIFEST_BYTES, Manifest};
use super::md5_id::{ContentKind, Md5Id};
use super::pipeline;
use super::record::{self, Stage};
use super::{SOURCE, config};
use crate::folder::{Folder, Kind, Presence, child, split};
use crate::json::Json;
use crate::notes::{Notes, flat};
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, Topic, WarningReason};

/// A directory with data that DVC keeps track of.
pub(super) struct Project<'a> {
    folder: Folder<'a>,
}

impl<'a> Project<'a> {
    pub(super) const fn new(root: &'a Path) -> Self {
        Self { folder: Folder::new(root) }
    }

    /// Whether there is something of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.kind(name) != Kind::Absent
    }

    /// All that the files of DVC say.
    pub(super) fn read(&self) -> Collected {
        let mut collected = Collected::new(SOURCE);
        let is_ours = |name: &str| name.ends_with(".dvc") || PIPELINE.contains(&name);
        let names = self.folder.files("", is_ours, |name| self.is_of_others(name), &mut collected);
        let (pipelines, names): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| PIPELINE.contains(&split(name).1));
        let mut stages = Vec::new();
        for name in names {
            if let Some(stage) = self.dot_dvc(name, &mut collected) {
                record::note(&stage, &mut Notes::new(&mut collected, name, Source::Imported));
                stages.push(stage);
            }
        }
        let directories: BTreeSet<&str> = pipelines.into_iter().map(|name| split(name).0).collect();
        let mut metrics = Vec::new();
        for directory in directories {
            let (found, names) = self.pipeline(directory, &mut collected);
            stages.extend(found);
            metrics.extend(names);
        }
        self.note_metrics(&metrics, &mut collected);
        self.note_manifests(&stages, &mut collected);
        note_disagreements(&stages, &mut collected);
        if let Some(bytes) = self.folder.read(CONFIG, MAX_TEXT_FILE_BYTES, Presence::Optional, &mut collected)
        {
            config::note(&bytes, &mut Notes::new(&mut collected, CONFIG, Source::Imported));
        }
        collected
    }

    /// The one stage of a `.dvc` file.
    pub(super) fn dot_dvc(&self, name: &str, collected: &mut Collected) -> Option<Stage> {
        let document = self.document(name, Presence::Wanted, collected)?;
        record::dot_dvc(&document, name, &mut Notes::new(collected, name, Source::Imported))
    }

    /// The stages that the `dvc.lock` beside the `dvc.yaml` of this name has.
    pub(super) fn locked(&self, pipeline: &str, collected: &mut Collected) -> Vec<Stage> {
        let (directory, _) = split(pipeline);
        let definition = self.document(&child(directory, "dvc.yaml"), Presence::Optional, collected);
        self.lock(directory, definition.as_ref(), collected).unwrap_or_default()
    }

    /// The stages of a `dvc.lock`, which may be absent; none if it cannot be read.
    fn lock(
        &self,
        directory: &str,
        definition: Option<&Json>,
        collected: &mut Collected,
    ) -> Option<Vec<Stage>> {
        let name = child(directory, "dvc.lock");
        if !self.has(&name) {
            return Some(Vec::new());
        }
        let document = self.document(&name, Presence::Wanted, collected)?;
        let working = |stage: &str| definition.and_then(|document| pipeline::definition(document, stage));
        record::lock(&document, directory, working, &mut Notes::new(collected, &name, Source::Imported))
    }

    /// Notes what the two files of a pipeline say; gives its stages and the files that hold its metrics.
    fn pipeline(&self, directory: &str, collected: &mut Collected) -> (Vec<Stage>, Vec<String>) {
        let name = child(directory, "dvc.yaml");
        let definition = self.document(&name, Presence::Optional, collected);
        let locked = self.lock(directory, definition.as_ref(), collected);
        // What is missing in a lock that cannot be read was warned of already.
        let is_read = locked.is_some();
        let stages = locked.unwrap_or_default();
        let lock_name = child(directory, "dvc.lock");
        for stage in &stages {
            record::note(stage, &mut Notes::new(collected, &lock_name, Source::Imported));
        }
        let Some(definition) = definition else {
            return (stages, Vec::new());
        };
        let mut notes = Notes::new(collected, &name, Source::Declared);
        let locked: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
        pipeline::note_artifacts(&definition, directory, &mut notes);
        if is_read {
            pipeline::note_unrun(&definition, &locked, &mut notes);
        }
        let metrics = pipeline::metric_files(&definition, directory, &mut notes);
        (stages, metrics)
    }

    /// Notes the metrics in files. With several files a metric carries the name of its own, as DVC writes it.
    fn note_metrics(&self, names: &[String], collected: &mut Collected) {
        for name in names {
            let Some(bytes) = self.folder.read(name, MAX_TEXT_FILE_BYTES, Presence::Wanted, collected) else {
                continue;
            };
            let mut notes = Notes::new(collected, name, Source::Imported);
            let document = match name.rsplit_once('.') {
                Some((_, "json")) => notes.json(&bytes),
                Some((_, "yaml" | "yml")) => notes.yaml(&bytes),
                _ => {
                    notes.warn(WarningReason::NotRead, "", "metrics that are neither JSON nor YAML");
                    None
                }
            };
            for (key, value) in document.iter().flat_map(|document| flat("", document)) {
                let about = if names.len() > 1 { format!("{name}:{key}") } else { key };
                notes.subject(Topic::Metric, about, "").text("value", value);
            }
        }
    }

    /// Looks up the lists of all directories, to see that they are those that the ids name.
    fn note_manifests(&self, stages: &[Stage], collected: &mut Collected) {
        let entries = stages.iter().flat_map(|stage| &stage.entries);
        let directories = entries.filter_map(|entry| {
            let md5 = entry.md5.as_ref().filter(|md5| md5.kind() == ContentKind::Directory)?;
            let Place::Inside(path) = &entry.place else { return None };
            Some((md5, entry.line_ends, entry.files, path))
        });
        // One list may be that of an output and of several inputs.
        let mut directories: Vec<_> = directories.collect();
        directories.sort();
        directories.dedup();
        for (md5, line_ends, files, path) in directories {
            let Some(manifest) = self.manifest(md5, line_ends, collected) else {
                continue;
            };
            let seen = manifest.files().len();
            let mut notes = Notes::new(collected, path.as_str(), Source::Imported);
            if files.is_some_and(|files| usize::try_from(files) != Ok(seen)) {
                notes.warn(
                    WarningReason::Disagreement,
                    "",
                    format!("its list has {seen} files, nfiles says otherwise"),
                );
            } else if files.is_none() {
                notes.subject(Topic::Data, path.as_str(), "").text("files", seen.to_string());
            }
        }
    }

    /// The list of a directory, if it lies in the cache and has this id.
    pub(super) fn manifest(
        &self,
        md5: &Md5Id,
        line_ends: LineEnds,
        collected: &mut Collected,
    ) -> Option<Manifest> {
        let cache = match line_ends {
            LineEnds::Kept => ".dvc/cache/files/md5",
            LineEnds::Unified => ".dvc/cache",
        };
        let name = child(cache, &md5.object_name());
        let bytes = self.folder.read(&name, MAX_MANIFEST_BYTES, Presence::Optional, collected)?;
        match Manifest::parse(&bytes) {
            Err(error) => collected.warn(WarningReason::Malformed, &name, error.to_string()),
            Ok(manifest) if manifest.id() == *md5 => return Some(manifest),
            Ok(manifest) => {
                let text = format!("the list of directory {}, want that of {md5}", manifest.id());
                collected.warn(WarningReason::Disagreement, &name, text);
            }
        }
        None
    }

    /// Whether a directory is not looked into: version control, and other projects with their own `.dvc`.
    fn is_of_others(&self, name: &str) -> bool {
        matches!(split(name).1, ".git" | ".hg" | ".svn" | ".dvc") || self.has(&child(name, ".dvc"))
    }

    fn document(&self, name: &str, presence: Presence, collected: &mut Collected) -> Option<Json> {
        let bytes = self.folder.read(name, MAX_TEXT_FILE_BYTES, presence, collected)?;
        Notes::new(collected, name, Source::Imported).yaml(&bytes)
    }
}

/// The two files of a pipeline.
const PIPELINE: [&str; 2] = ["dvc.lock", "dvc.yaml"];
/// Where the remotes stand.
const CONFIG: &str = ".dvc/config";

/// Warns of a path with two ids: a stage took something else than another one made, or than is tracked now.
fn note_disagreements(stages: &[Stage], collected: &mut Collected) {
    let mut seen = BTreeMap::new();
    for entry in stages.iter().flat_map(|stage| &stage.entries) {
        let (Place::Inside(path), Some(md5)) = (&entry.place, &entry.md5) else { continue };
        // Ids of two generations are made in two ways and need not be equal.
        let before = seen.entry((path, entry.line_ends)).or_insert(md5);
        if *before != md5 {
            let text = format!("is {before} in one place and {md5} in another");
            collected.warn(WarningReason::Disagreement, path.as_str(), text);
        }
    }
}
