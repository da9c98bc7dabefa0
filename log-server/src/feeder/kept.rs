//! `DIR/cosigned`: the newest checkpoint that the quorum confirmed, so that readers see it right after a restart, also while witnesses are
//! away. It is believed in nothing: signature, quorum and root are looked at again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::policy::{Policy, QuorumError};
use tlog::text::MAX_NOTE_BYTES;

use crate::opening::root_at;
use crate::proof::{ProveError, RecentTiles};
use crate::publisher::Publication;
use crate::storage::Storage;

/// Why a kept checkpoint is not used, or was not kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeptError {
    /// It is no checkpoint.
    #[error("it is no checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// It could not be read or written.
    #[error("could not {act} {}", path.display())]
    Io {
        /// What was done.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is of another log or tree.
    #[error("it is not of this log")]
    NotOurs,
    /// It is not confirmed as the policy wants it now.
    #[error("the quorum of the policy is not met by it")]
    Quorum(#[from] QuorumError),
    /// The tree cannot be read.
    #[error("the stored tree cannot be read")]
    Tree(#[from] ProveError),
}

/// Reads it; `None` if there is none.
///
/// # Errors
/// [`KeptError`].
pub fn read(
    path: &Path,
    policy: &Policy,
    newest: &Publication,
    storage: &dyn Storage,
) -> Result<Option<Publication>, KeptError> {
    let io = |act| {
        let path = path.to_owned();
        move |source| KeptError::Io { act, path, source }
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io("open"))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_NOTE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io("read"))?;
    let kept = SignedCheckpoint::parse(&bytes)?;
    let ours = SignedCheckpoint::parse(newest.checkpoint())?;
    let head = *kept.unverified().head();
    let is_ours =
        kept.unverified().origin() == ours.unverified().origin() && head.size() <= newest.head().size();
    if !is_ours || root_at(head.size(), storage)? != head.root() {
        return Err(KeptError::NotOurs);
    }
    policy.quorum_met(&kept)?;
    Ok(Some(Publication::new(head, bytes, RecentTiles::none())))
}

/// Writes it in the place of what is there, whole or not at all. It is not waited for the disk: a crash loses one round.
///
/// # Errors
/// [`KeptError::Io`].
pub fn write(path: &Path, note: &[u8]) -> Result<(), KeptError> {
    let next = path.with_extension("next");
    let io = |act, path: &Path| {
        let path = path.to_owned();
        move |source| KeptError::Io { act, path, source }
    };
    let opened = OpenOptions::new().write(true).create(true).truncate(true).open(&next);
    let written = opened.and_then(|mut file| file.write_all(note).and_then(|()| file.sync_data()));
    written.map_err(io("write", &next))?;
    std::fs::rename(&next, path).map_err(io("rename", path))
}
