//! The files of a model by name, wherever the bytes lie.

use attest::provenance::Source;

use super::cache::Snapshot;
use crate::folder::{Folder, Kind, Presence, join};
use crate::notes::Notes;
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, WarningReason};

/// Where files are looked up.
pub(super) enum Files<'a> {
    /// In a directory, no link followed.
    Plain(Folder<'a>),
    /// In a snapshot, whose links lead to blobs.
    Snapshot(&'a Snapshot),
}

impl Files<'_> {
    /// Reads a file, if there is one, and notes what it declares.
    pub(super) fn note(
        &self,
        name: &str,
        collected: &mut Collected,
        note: impl FnOnce(&[u8], &mut Notes<'_>),
    ) {
        let bytes = match self {
            Self::Plain(folder) => folder.read(name, MAX_TEXT_FILE_BYTES, Presence::Optional, collected),
            Self::Snapshot(snapshot) => snapshot.read(name, collected),
        };
        if let Some(bytes) = bytes {
            note(&bytes, &mut Notes::new(collected, name, Source::Declared));
        }
    }

    /// Warns of files that `index` names and that are not there.
    pub(super) fn want(&self, index: &str, names: &[String], collected: &mut Collected) {
        for name in names {
            let Some(path) = join("", name).filter(|path| path == name) else {
                collected.warn(
                    WarningReason::Escape,
                    index,
                    format!("names {name:?}, which is no file below"),
                );
                continue;
            };
            let is_there = match self {
                Self::Plain(folder) => folder.kind(&path) == Kind::File,
                Self::Snapshot(snapshot) => snapshot.has(&path),
            };
            if !is_there {
                collected.warn(WarningReason::Absent, index, format!("names {name}, which is not there"));
            }
        }
    }
}
