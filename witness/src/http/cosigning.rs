//! Cosigning for an answer: at once with a key of a file, on a thread that may wait with a key that somebody else holds.
//!
//! The keeper is asked one question at a time, and whoever waits for its turn holds no thread: an agent that hangs costs one, however many
//! logs and strangers ask. What it returns after the asker has gone is kept and given to the next one.
//!
//! The sad path: the checkpoint is in the record and stays there, nobody is shown a cosignature, and the next request for it, a refresh of the
//! log or a look by a monitor, asks the keeper again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tlog::note::NoteSignature;
use tokio::sync::Semaphore;

use super::{Answer, House};
use crate::cosigner::CosignError;
use crate::durable::Durable;

/// Between two log lines about a key that does not sign: strangers can have it asked.
const FAILURE_PAUSE: Duration = Duration::from_secs(60);
/// When to ask again after the keeper failed, seconds.
const RETRY: u64 = 5;

/// Whoever holds the key.
#[derive(Debug)]
pub(crate) struct Keeper {
    turn: Arc<Semaphore>,
    /// When a failure was told last.
    told: Mutex<Option<Instant>>,
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), told: Mutex::new(None) }
    }

    fn tells_failure(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|told| told.elapsed() >= FAILURE_PAUSE);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

impl House {
    /// The cosignatures of a checkpoint that is in the record, or why there are none.
    pub(super) async fn cosign(&self, durable: &Durable) -> Result<Vec<NoteSignature>, Answer> {
        if let Some(made) = durable.made() {
            return Ok(made.to_vec());
        }
        if !self.cosigner.may_wait() {
            let made = self.cosigner.cosign(durable).map(<[_]>::to_vec);
            return made.map_err(|error| self.not_cosigned(&error));
        }
        let fault = || Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "fault", "no cosignature");
        let turn = Arc::clone(&self.keeper.turn).acquire_owned().await.map_err(|_| fault())?;
        let (cosigner, durable) = (Arc::clone(&self.cosigner), durable.clone());
        let asked = tokio::task::spawn_blocking(move || {
            // Not given back before the keeper has answered, whether or not anybody still listens.
            let _turn = turn;
            cosigner.cosign(&durable).map(<[_]>::to_vec)
        });
        match asked.await {
            Ok(made) => made.map_err(|error| self.not_cosigned(&error)),
            Err(_) => Err(fault()),
        }
    }

    /// The answer says that there is no signature; why, with paths and what the system said, is the operator's to know.
    fn not_cosigned(&self, error: &CosignError) -> Answer {
        if self.keeper.tells_failure() {
            tracing::error!(error = %crate::serve::with_sources(error), "nothing is cosigned: the key does not sign");
        }
        match error {
            CosignError::Key { .. } => {
                let words =
                    "the key of this witness made no signature; the checkpoint is remembered, ask again";
                Answer::refused(StatusCode::SERVICE_UNAVAILABLE, "key-unavailable", words).after(RETRY)
            }
            CosignError::Signature { .. } => {
                let words = "the key of this witness made a signature that does not verify; it was not used";
                Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, "key-wrong", words)
            }
        }
    }
}
