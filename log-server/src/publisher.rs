//! What the world may see: the newest signed checkpoint, and the tiles a proof to it needs first.
//!
//! A [`Publication`] is made only after its step is durable and its head is in the ledger, so nobody can be
//! shown a tree that a crash takes back. Readers clone a pointer and go on with it; a later publication does
//! not change what they hold.
//!
//! There are two places: what is *published*, and what is *cosigned*, the newest publication that a quorum of witnesses confirmed,
//! with their lines ([`crate::feeder`]). Where a quorum is asked for, readers of the checkpoint are shown the second and never
//! the first; without one they are shown the first.
//!
//! In scope: the hand-over. Out of scope: making the checkpoint ([`crate::sequencer`]), serving it
//! ([`crate::http`]).

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use merkle::TreeHead;
use tokio::sync::watch;

use crate::feeder::News;
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

    /// The same with more signature lines below the checkpoint.
    #[must_use]
    pub(crate) fn cosigned(&self, checkpoint: Vec<u8>) -> Self {
        Self { head: self.head, checkpoint, recent: self.recent.clone() }
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

/// What readers of the checkpoint are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "with a quorum or without one")]
pub enum Shown {
    /// What a quorum confirmed, and nothing before it has.
    Cosigned,
    /// The newest publication.
    Published,
}

/// A quorum is asked for, and has confirmed nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no checkpoint has been confirmed by the quorum of witnesses yet")]
pub struct NotCosigned;

/// The place where the newest publication lies. The sequencer puts it there, readers take it.
#[derive(Debug)]
pub struct Publisher {
    // Each held only to clone or to swap the pointer, never while reading what it points to.
    current: RwLock<Arc<Publication>>,
    cosigned: RwLock<Option<Arc<Publication>>>,
    // Set once, when the log is taken into service.
    shown: OnceLock<Shown>,
    // Whoever asks witnesses, if anybody does.
    feeder: Mutex<Option<Sender<News>>>,
    // The size that the quorum confirmed, for those who wait for it.
    confirmed: watch::Sender<u64>,
}

impl Publisher {
    /// Starts with what the log had published before.
    #[must_use]
    pub fn new(publication: Publication) -> Self {
        Self {
            current: RwLock::new(Arc::new(publication)),
            cosigned: RwLock::new(None),
            shown: OnceLock::new(),
            feeder: Mutex::new(None),
            confirmed: watch::Sender::new(0),
        }
    }

    /// The newest publication.
    #[must_use]
    pub fn current(&self) -> Arc<Publication> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest publication that a quorum confirmed; without a quorum the newest that a witness did.
    #[must_use]
    pub fn cosigned(&self) -> Option<Arc<Publication>> {
        self.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What readers of the checkpoint are shown.
    ///
    /// # Errors
    /// [`NotCosigned`] where a quorum is asked for and there is none yet: the log rather shows nothing.
    pub fn for_readers(&self) -> Result<Arc<Publication>, NotCosigned> {
        match self.shown.get() {
            Some(Shown::Cosigned) => self.cosigned().ok_or(NotCosigned),
            // The lines of witnesses under the newest one are a gift, and nobody waits for them.
            _ => {
                let current = self.current();
                Ok(self.cosigned().filter(|cosigned| cosigned.head() == current.head()).unwrap_or(current))
            }
        }
    }

    /// Whether a quorum is asked for.
    #[must_use]
    pub fn is_witnessed(&self) -> bool {
        self.shown.get() == Some(&Shown::Cosigned)
    }

    /// Waits until a quorum confirmed a tree of at least so many entries.
    ///
    /// # Errors
    /// [`NotCosigned`] if the log asks for none, or is gone.
    pub async fn until_cosigned(&self, size: u64) -> Result<Arc<Publication>, NotCosigned> {
        if !self.is_witnessed() {
            return Err(NotCosigned);
        }
        let mut confirmed = self.confirmed.subscribe();
        confirmed.wait_for(|confirmed| *confirmed >= size).await.map_err(|_| NotCosigned)?;
        self.cosigned().ok_or(NotCosigned)
    }

    /// Says once what readers are shown, and whom to tell of each publication.
    pub(crate) fn feed(&self, shown: Shown, feeder: Sender<News>) {
        // It is called once, when the log is taken into service; a second call would change nothing.
        let _ = self.shown.set(shown);
        *self.feeder.lock().unwrap_or_else(PoisonError::into_inner) = Some(feeder);
    }

    /// Replaces what a quorum confirmed.
    pub(crate) fn confirm(&self, publication: Publication) {
        let size = publication.head().size().get();
        *self.cosigned.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(publication));
        self.confirmed.send_replace(size);
    }

    /// Replaces the newest publication and returns it.
    pub(crate) fn publish(&self, publication: Publication) -> Arc<Publication> {
        let publication = Arc::new(publication);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&publication);
        if let Some(feeder) = &*self.feeder.lock().unwrap_or_else(PoisonError::into_inner) {
            // Nobody listens any more once the log goes down.
            let _ = feeder.send(News::Published);
        }
        publication
    }
}
