//! What the world may see: the newest signed checkpoint, and the tiles a proof to it needs first.
//!
//! A [`Publication`] is made only after its step is durable and its head is in the ledger, so nobody can be
//! shown a tree that a crash takes back. Readers clone a pointer and go on with it; a later publication does
//! not change what they hold.
//!
//! In scope: the hand-over. Out of scope: making the checkpoint ([`crate::sequencer`]), serving it
//! ([`crate::http`]).

use std::sync::{Arc, PoisonError, RwLock};

use merkle::TreeHead;

use crate::proof::RecentTiles;

/// A published tree head with the bytes that prove it.
#[derive(Debug)]
pub struct Publication {
    head: TreeHead,
    checkpoint: Vec<u8>,
    recent: RecentTiles,
}

impl Publication {
    /// A signed checkpoint over `head`, and the tiles its newest entries lie in.
    #[must_use]
    pub fn new(head: TreeHead, checkpoint: Vec<u8>, recent: RecentTiles) -> Self {
        Self { head, checkpoint, recent }
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The signed note, as served.
    #[must_use]
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// Tiles kept in memory.
    #[must_use]
    pub fn recent(&self) -> &RecentTiles {
        &self.recent
    }
}

/// The place where the newest publication lies. The sequencer puts it there, readers take it.
#[derive(Debug)]
pub struct Publisher {
    // Held only to clone or to swap the pointer, never while reading what it points to.
    current: RwLock<Arc<Publication>>,
}

impl Publisher {
    /// Starts with what the log had published before.
    #[must_use]
    pub fn new(publication: Publication) -> Self {
        Self { current: RwLock::new(Arc::new(publication)) }
    }

    /// The newest publication.
    #[must_use]
    pub fn current(&self) -> Arc<Publication> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the newest publication and returns it.
    pub(crate) fn publish(&self, publication: Publication) -> Arc<Publication> {
        let publication = Arc::new(publication);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&publication);
        publication
    }
}
