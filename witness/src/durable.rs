//! A checkpoint on its way to a cosignature: [`Latest`] may be written to the record, [`Durable`] is in it, and only a [`Durable`]
//! can be cosigned.

use std::sync::{Arc, OnceLock};

use merkle::TreeHead;
use tlog::checkpoint::{Origin, SignedCheckpoint};
use tlog::cosignature::UnixSeconds;
use tlog::note::NoteSignature;

/// What is to be the latest checkpoint of a log, and the time that its cosignatures carry. It has the log's verified signatures and
/// no other line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    time: UnixSeconds,
    checkpoint: SignedCheckpoint,
}

impl Latest {
    pub(crate) const fn new(time: UnixSeconds, checkpoint: SignedCheckpoint) -> Self {
        Self { time, checkpoint }
    }

    /// When it was cosigned.
    #[must_use]
    pub const fn time(&self) -> UnixSeconds {
        self.time
    }

    /// The checkpoint with the log's signatures.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        self.checkpoint.unverified().origin()
    }

    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        self.checkpoint.unverified().head()
    }

    /// Whether it takes nothing back that `before` said. The proof that both are of one tree is not asked for here.
    pub(crate) fn may_follow(&self, before: &Self) -> bool {
        let (size, size_before) = (self.head().size(), before.head().size());
        size > size_before || size == size_before && self.head().root() == before.head().root()
    }
}

/// A checkpoint that is in the record, on the disk. Made only by [`crate::record::Record`].
#[derive(Clone, Debug)]
pub struct Durable(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    latest: Latest,
    cosignatures: OnceLock<Vec<NoteSignature>>,
}

impl Durable {
    pub(crate) fn on_disk(latest: Latest) -> Self {
        Self(Arc::new(Inner { latest, cosignatures: OnceLock::new() }))
    }

    /// The checkpoint and its time.
    #[must_use]
    pub fn latest(&self) -> &Latest {
        &self.0.latest
    }

    /// The cosignatures, if they were made.
    pub(crate) fn made(&self) -> Option<&[NoteSignature]> {
        self.0.cosignatures.get().map(Vec::as_slice)
    }

    /// The cosignatures, made by the first who asks and kept. Of an error nothing is kept: the next who asks tries again.
    ///
    /// Two who ask at once may both make them, and both get those that were kept. With keys of files these are the same anyway, both
    /// algorithms being deterministic here; how somebody else signs is not known.
    pub(crate) fn cosignatures<E>(
        &self,
        make: impl FnOnce(&Latest) -> Result<Vec<NoteSignature>, E>,
    ) -> Result<&[NoteSignature], E> {
        if let Some(made) = self.made() {
            return Ok(made);
        }
        let made = make(&self.0.latest)?;
        Ok(self.0.cosignatures.get_or_init(|| made))
    }
}
