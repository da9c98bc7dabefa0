//! A checkpoint as a source shows it, and what is wrong with it besides its tree.

use std::time::Duration;

use attest::utc_time::UtcTime;
use tlog::checkpoint::{Origin, SignedCheckpoint, VerifiedCheckpoint};
use tlog::cosignature::Cosignature;
use tlog::policy::{Policy, QuorumError};
use tlog::text::MAX_NOTE_BYTES;
use tlog::vkey::Vkey;

use crate::reason::Reason;
use crate::source::Source;

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concern {
    /// What.
    pub reason: Reason,
    /// What was seen.
    pub detail: String,
    /// The evidence file, if there is one.
    pub evidence: Option<Vec<u8>>,
}

impl Concern {
    pub(crate) fn new(reason: Reason, detail: impl std::fmt::Display) -> Self {
        Self { reason, detail: detail.to_string(), evidence: None }
    }

    /// Says an error with what led to it.
    pub(crate) fn of(reason: Reason, error: &dyn std::error::Error) -> Self {
        let mut detail = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            let text = next.to_string();
            // An error that says what its cause says needs saying once.
            if !detail.ends_with(&text) {
                detail = format!("{detail}: {text}");
            }
            cause = next.source();
        }
        Self::new(reason, detail)
    }
}

/// What a checkpoint of one log is held against.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Demand {
    /// The log.
    pub origin: Origin,
    /// Logs, witnesses, quorum.
    pub policy: std::sync::Arc<Policy>,
    /// How old the youngest cosignature may be.
    pub max_age: Option<Duration>,
}

/// A checkpoint that the log signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// The checkpoint.
    pub checkpoint: VerifiedCheckpoint,
    /// When a witness last confirmed it, in seconds since 1970.
    pub confirmed: Option<u64>,
    /// What is wrong with it all the same.
    pub concerns: Vec<Concern>,
}

impl Demand {
    /// Fetches what a source shows. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// A [`Concern`] if there is no checkpoint of the log.
    pub fn fetch(&self, source: &Source, name: &str, now: u64) -> Result<Option<Seen>, Concern> {
        let bytes = source.read(name, MAX_NOTE_BYTES);
        match bytes.map_err(|error| Concern::of(Reason::LogUnreachable, &error))? {
            Some(bytes) => self.open(&bytes, now).map(Some),
            None => Ok(None),
        }
    }

    /// Opens a checkpoint. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// A [`Concern`] if it is no checkpoint of the log.
    pub fn open(&self, bytes: &[u8], now: u64) -> Result<Seen, Concern> {
        let signed = SignedCheckpoint::parse(bytes)
            .map_err(|error| Concern::of(Reason::CheckpointMalformed, &error))?;
        let keys = self.keys();
        let keys: Vec<&Vkey> = keys.iter().collect();
        let checkpoint =
            signed.open_with(&keys).map_err(|error| Concern::of(Reason::CheckpointUnsigned, &error))?;
        let (cosignatures, concern) = match self.policy.quorum_met(&signed) {
            Ok(cosignatures) => (cosignatures, None),
            Err(error @ QuorumError::NotMet { .. }) => {
                (Vec::new(), Some(Concern::of(Reason::CosignaturesInsufficient, &error)))
            }
            Err(error) => (Vec::new(), Some(Concern::of(Reason::CosignatureInvalid, &error))),
        };
        let mut concerns: Vec<Concern> = concern.into_iter().collect();
        let confirmed = cosignatures.iter().map(Cosignature::timestamp).max().map(|time| time.get());
        concerns.extend(self.is_stale(confirmed, concerns.is_empty(), now));
        Ok(Seen { checkpoint, confirmed, concerns })
    }

    /// The log's keys.
    #[must_use]
    pub fn keys(&self) -> Vec<Vkey> {
        self.policy.logs_for_origin(&self.origin).map(|log| log.vkey().clone()).collect()
    }

    fn is_stale(&self, confirmed: Option<u64>, is_confirmed: bool, now: u64) -> Option<Concern> {
        let max_age = self.max_age?;
        let stale = |detail: String| Some(Concern::new(Reason::CheckpointStale, detail));
        match confirmed {
            Some(time) => {
                let is_old = now.saturating_sub(time) > max_age.as_secs();
                let at = UtcTime::from_unix_seconds(time).unwrap_or(UtcTime::EPOCH);
                // No age, which would be another text each second.
                let wanted = max_age.as_secs();
                if is_old {
                    stale(format!("last confirmed {at}, wanted at most {wanted} s ago"))
                } else {
                    None
                }
            }
            // Without a quorum that is the concern, and not its age.
            None if is_confirmed => stale("no witness of the policy has confirmed it".to_owned()),
            None => None,
        }
    }
}
