//! Where a status waits for the key: the sequencer's thread has it and looks here whenever it comes round.
//!
//! One order lies here at a time; a later one takes the place of one that nobody has taken yet.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use merkle::{Hash, TreeHead};
use thiserror::Error;
use tlog::status::SignedStatus;

use crate::clock::Behind;
use crate::gate::Closed;
use crate::proof::ProveError;
use crate::signing::SigningError;

/// What is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a status says these two things")]
pub struct Order {
    /// A published tree.
    pub head: TreeHead,
    /// The root of the map of its entries.
    pub map: Hash,
}

/// What becomes of an order.
pub type Signed = Result<SignedStatus, DeskError>;

/// The place for one order.
#[derive(Debug, Default)]
pub struct Desk {
    // Held only to put an order here or to take it.
    order: Mutex<Option<(Order, SyncSender<Signed>)>>,
}

impl Desk {
    /// An empty desk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an order here. The answer comes where this returns.
    #[must_use]
    pub fn ask(&self, order: Order) -> Receiver<Signed> {
        // Room for the answer: whoever signs never waits for whoever asked.
        let (tell, told) = sync_channel(1);
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = Some((order, tell));
        told
    }

    /// Takes what lies here.
    pub(crate) fn take(&self) -> Option<(Order, SyncSender<Signed>)> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Why an order was not carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The wall clock stands before the last signed time.
    #[error(transparent)]
    ClockBehind(#[from] Behind),
    /// Nothing may be signed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// It could not be proven that the tree is the beginning of the last signed one.
    #[error("the tree cannot be proven to be the beginning of the last one")]
    Proof(#[from] ProveError),
    /// The signer refused, or its key failed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}
