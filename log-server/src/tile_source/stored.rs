//! The files of a log that is open in this process, made from its storage.

use std::sync::Arc;

use tlog::entry_bundle::push_entry;
use tlog::tile::TilePath;

use super::{CHECKPOINT, SourceError, TileSource};
use crate::publisher::Publication;
use crate::storage::{Storage, StorageError, Table};

/// One published tree of an open log.
#[derive(Debug)]
pub struct StoredSource {
    storage: Arc<dyn Storage>,
    publication: Arc<Publication>,
}

impl StoredSource {
    /// The files of `publication`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, publication: Arc<Publication>) -> Self {
        Self { storage, publication }
    }

    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        if name == CHECKPOINT {
            return Ok(Some(self.publication.checkpoint().to_vec()));
        }
        let size = self.publication.head().size();
        match TilePath::parse(name) {
            Ok(TilePath::Tile { coord, width })
                if coord.width_in(size).is_some_and(|there| width <= there) =>
            {
                let mut bytes = self.storage.tile(coord)?.unwrap_or_default();
                bytes.truncate(width.byte_len());
                Ok(Some(bytes))
            }
            Ok(TilePath::Entries { index, width })
                if index.width_in(size).is_some_and(|there| width <= there) =>
            {
                let (start, mut bytes, mut too_long) = (index.first_leaf(), Vec::new(), None);
                self.storage.entries(start..start + u64::from(width.get()), &mut |_, entry| {
                    if push_entry(&mut bytes, entry).is_err() {
                        too_long = Some(entry.len());
                    }
                })?;
                match too_long {
                    None => Ok(Some(bytes)),
                    Some(len) => Err(StorageError::BadRecord { table: Table::Entry, len }),
                }
            }
            _ => Ok(None),
        }
    }
}

impl TileSource for StoredSource {
    fn read(&self, name: &str, _limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
        self.find(name).map_err(|source| SourceError::Stored { name: name.to_owned(), source })
    }
}
