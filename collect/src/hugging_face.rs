//! The Hugging Face hub: model cards, configurations, and what its client recorded of a download.
//!
//! ```text
//! models--acme--churn/                      in the client's cache; datasets--... likewise
//!   refs/main                               the commit that a branch or tag was at
//!   blobs/6f1c...                           the bytes; named by SHA-256 (64 digits) or git's id of a blob (40)
//!   snapshots/9a3e.../README.md             -> ../../blobs/...
//!   trees/9a3e....json                      what the whole commit holds
//!
//! churn/                                    downloaded to a directory of one's own, or a checkout
//!   README.md  config.json  adapter_config.json  model.safetensors.index.json
//!   .cache/huggingface/download/config.json.metadata
//!   .cache/huggingface/trees/9a3e....json
//! ```
//!
//! Source of the formats: huggingface_hub 2.4, transformers 5.24, peft 0.21, and the hub's documentation of model cards.
//!
//! | Topic, about | Key | From |
//! |---|---|---|
//! | identity | `license`, `license-name`, `license-uri`, `language`, `library`, `task`, `tag`, `superseded-by` | card, declared |
//! | data: name | `name` | card: `datasets`, declared |
//! | base-model: name | `name`, `relation` | card: `base_model`, `base_model_relation`, declared |
//! | metric: `type (dataset, config, split)` | `value`, `name`, `dataset`, `dataset-revision`, `task`, `source` | card: `model-index`, declared |
//! | identity | `architecture`, `model-type`, `dtype`, `quantization`, `loaded-from` | `config.json`, declared |
//! | package: `transformers`, `peft` | `version` | `config.json`, `adapter_config.json`, declared |
//! | identity: class | `remote-code` | `auto_map` of `config.json`, declared: code that a loader may run |
//! | identity | `weight-bytes`, `weight-file`, `tensors` | `*.index.json`, declared |
//! | base-model: name | `name`, `revision`, `relation` | `adapter_config.json`, declared |
//! | identity | `adapter`, `task` | `adapter_config.json`: `peft_type`, `task_type`, declared |
//! | identity (data: name, for a dataset) | `repository`, `revision`, `ref`, `files` | the cache's names, imported |
//! | identity: path (data: `name/path`) | `digest`, `bytes`, `downloaded`, `not-downloaded` (its size) | the cache's names and lists, imported |
//!
//! A blob's name is what the hub said, until somebody hashes it. A link is followed only from a snapshot to a file in `blobs` of the
//! same repository; anything else is an [`Escape`](crate::WarningReason::Escape). Since version 2 of the client such a file may
//! itself be a link, to `blobs/xx/...` beside the repositories, where several share it: its name is noted, nothing is read through it.
//!
//! Bounds: 16 MiB a file. In scope: the files above at the top of the directory that is given. Out of scope: the network; weights and
//! tokenizers, which other modules read; parts of pipelines in directories below; whether the code that is named is harmless.

mod adapter;
mod cache;
mod card;
mod configuration;
mod download;
mod files;
mod listing;
mod weight_index;

use std::path::Path;

use attest::provenance::Source;

use self::cache::Layout;
use self::files::Files;
use crate::folder::{Folder, Kind};
use crate::location::Location;
use crate::notes::{Notes, Subject};
use crate::{Collected, Privacy, Topic, WarningReason};

/// What this source is called.
const SOURCE: &str = "hugging-face";

/// The lists of weights that a loader goes by, in its own order.
const WEIGHT_INDEXES: [&str; 2] = ["model.safetensors.index.json", "pytorch_model.bin.index.json"];

/// Whom a file speaks of.
#[derive(Clone, Copy, Debug)]
struct Whom<'a> {
    topic: Topic,
    /// Empty for a model.
    name: &'a str,
}

impl<'a> Whom<'a> {
    const MODEL: Self = Self { topic: Topic::Identity, name: "" };

    /// What a file of it is called.
    fn file(&self, path: &str) -> String {
        if self.name.is_empty() { path.to_owned() } else { format!("{}/{path}", self.name) }
    }

    /// What all of it is called.
    const fn whole(&self) -> &'a str {
        self.name
    }
}

/// Reads what lies in a directory: a snapshot of the cache, a repository of the cache with one snapshot, or any other directory.
#[must_use]
pub fn read(root: &Path) -> Collected {
    let mut collected = Collected::new(SOURCE);
    let folder = Folder::new(root);
    if folder.kind("") != Kind::Directory {
        collected.warn(WarningReason::Absent, SOURCE, "what was given is no directory");
        return collected;
    }
    match Layout::of(root, &mut collected) {
        Layout::Plain => {
            let files = Files::Plain(folder);
            read_files(&files, Whom::MODEL, &mut collected);
            download::note(root, &mut collected);
        }
        Layout::Snapshot(snapshot) => {
            snapshot.note(&mut collected);
            read_files(&Files::Snapshot(&snapshot), snapshot.whom(), &mut collected);
        }
        Layout::Unclear => {}
    }
    collected
}

/// The files that a person or a training library wrote.
fn read_files(files: &Files<'_>, whom: Whom<'_>, collected: &mut Collected) {
    files.note("README.md", collected, |bytes, notes| card::note(bytes, whom, notes));
    if whom.topic != Topic::Identity {
        return;
    }
    files.note("config.json", collected, configuration::note);
    files.note("adapter_config.json", collected, adapter::note);
    for name in WEIGHT_INDEXES {
        let mut weights = Vec::new();
        files.note(name, collected, |bytes, notes| weights = weight_index::note(bytes, notes));
        files.want(name, &weights, collected);
    }
}

/// Reads the card of a model, `README.md`.
#[must_use]
pub fn card(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Declared, |notes| card::note(bytes, Whom::MODEL, notes))
}

/// Reads a `config.json`.
#[must_use]
pub fn configuration(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Declared, |notes| configuration::note(bytes, notes))
}

/// Reads a `model.safetensors.index.json`; whether the files are there is not looked up.
#[must_use]
pub fn weight_index(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Declared, |notes| drop(weight_index::note(bytes, notes)))
}

/// Reads an `adapter_config.json`.
#[must_use]
pub fn adapter(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Declared, |notes| adapter::note(bytes, notes))
}

/// Reads the record of one downloaded file, `path.metadata`.
#[must_use]
pub fn download_record(bytes: &[u8], name: &str) -> Collected {
    let path = name.strip_suffix(".metadata").unwrap_or(name);
    noted(name, Source::Imported, |notes| drop(download::note_record(bytes, path, notes)))
}

/// Reads the list of a commit, `trees/COMMIT.json`.
#[must_use]
pub fn listing(bytes: &[u8], name: &str) -> Collected {
    noted(name, Source::Imported, |notes| {
        if let Some(listing) = listing::parse(bytes, notes) {
            listing.note(Whom::MODEL, notes);
        }
    })
}

fn noted(name: &str, grade: Source, note: impl FnOnce(&mut Notes<'_>)) -> Collected {
    let mut collected = Collected::new(SOURCE);
    note(&mut Notes::new(&mut collected, name, grade));
    collected
}

/// Turns to a dataset or model that a person named. A name may be a path on somebody's machine; then all of it is personal.
fn named<'n, 'a>(topic: Topic, name: &str, at: &str, notes: &'n mut Notes<'a>) -> Subject<'n, 'a> {
    let location = Location::of(name);
    let is_personal = location.privacy() == Privacy::Personal;
    let name = location.into_text();
    let mut subject = notes.subject(topic, name.as_str(), at);
    if is_personal {
        subject.personal();
    }
    subject.text("name", name);
    subject
}

/// A digest as the hub names bytes: 64 digits of SHA-256, or 40 of git.
fn algorithm(name: &str) -> Option<&'static str> {
    match name.len() {
        64 if crate::notes::is_hex(name, 64) => Some("sha256"),
        40 if crate::notes::is_hex(name, 40) => Some("gitBlob"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
