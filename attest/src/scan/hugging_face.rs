//! The one place where links are followed: a snapshot in the cache of the Hugging Face hub client.
//!
//! ```text
//! models--acme--churn/
//!   blobs/6f1c...                                  the bytes, named by their digest
//!   snapshots/9a3e.../model.safetensors            -> ../../blobs/6f1c...
//! ```
//! The client never writes anything but such links into a snapshot, so nothing else is believed to be one.

use std::path::{Path, PathBuf};

use super::{ScanError, disk};

/// The repository whose snapshot is being scanned.
#[derive(Debug)]
pub(super) struct CacheRepository {
    /// Without any link in it.
    blobs: PathBuf,
}

impl CacheRepository {
    /// Recognises a root `models--*/snapshots/<revision>` whose repository has a directory `blobs`.
    pub(super) fn of_snapshot(root: &Path) -> Result<Option<Self>, ScanError> {
        let root = disk::resolve(root)?;
        let Some(snapshots) = root.parent().filter(|parent| parent.ends_with("snapshots")) else {
            return Ok(None);
        };
        let Some(repository) = snapshots.parent() else {
            return Ok(None);
        };
        let is_model = repository
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("models--"));
        let blobs = repository.join("blobs");
        // Not there, or a link itself: then no link is followed, and the first one met is refused.
        let has_blobs = disk::look(&blobs).is_ok_and(|seen| seen.is_directory());
        Ok((is_model && has_blobs).then_some(Self { blobs }))
    }

    /// Follows a link of the snapshot to its blob.
    ///
    /// # Errors
    /// [`ScanError::LinkOutsideBlobs`] unless the link ends at a regular file directly in `blobs`; [`ScanError::Io`] if it
    /// ends nowhere.
    pub(super) fn follow(&self, link: &Path) -> Result<PathBuf, ScanError> {
        let blob = disk::resolve(link)?;
        if blob.parent() == Some(self.blobs.as_path()) && disk::look(&blob)?.is_file() {
            Ok(blob)
        } else {
            Err(ScanError::LinkOutsideBlobs { path: link.to_owned() })
        }
    }
}
