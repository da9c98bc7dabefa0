//! Whether a log may write: one place that everybody asks, and anybody may close.
//!
//! A closed gate refuses new entries before any work is spent on them, and the sequencer asks it again before each
//! step, so that what was queued meanwhile is not written either. Reading never asks. Of several reasons the gravest is
//! told.
//!
//! In scope: the one word. Out of scope: who has it closed ([`crate::hold`] at a start; freezing, scrubbing and the
//! disk watch while serving).

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use thiserror::Error;

/// Why a log takes no entries, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum Closed {
    /// What is stored is not what was signed. Nothing may be signed over it.
    #[error("damage was found in what is stored; nothing is signed until it is repaired")]
    Damaged,
    /// A witness has confirmed more than the log has.
    #[error(
        "a witness has confirmed more entries than the log has; nothing is signed until the operator has seen to it"
    )]
    WitnessAhead,
    /// Restored from a backup that nobody has shown to be the newest.
    #[error("the log was restored from a backup and waits to be shown to be the newest copy")]
    Restored,
    /// Frozen for ever, or until the operator says otherwise.
    #[error("the log is frozen; it is read and takes nothing new")]
    Frozen,
    /// Opened for reading only, because the disk was full.
    #[error("the log was opened for reading only, because its disk was full")]
    ReadOnly,
    /// The disk is nearly full.
    #[error("the disk of the log is nearly full")]
    DiskFull,
}

impl Closed {
    const ALL: [Self; 6] =
        [Self::Damaged, Self::WitnessAhead, Self::Restored, Self::Frozen, Self::ReadOnly, Self::DiskFull];

    fn bit(self) -> u8 {
        1 << (self as u8)
    }

    /// A stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::WitnessAhead => "witness-ahead",
            Self::Restored => "restored",
            Self::Frozen => "frozen",
            Self::ReadOnly => "read-only",
            Self::DiskFull => "disk-full",
        }
    }
}

/// How far the scrub has come, for whoever wants to show it. All 0 if there is none.
#[derive(Debug, Default)]
pub struct Position {
    passes: AtomicU64,
    at: AtomicU64,
    of: AtomicU64,
}

impl Position {
    pub(crate) fn pass_done(&self) -> u64 {
        self.passes.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn set_at(&self, entries: u64) {
        self.at.store(entries, Ordering::Relaxed);
    }

    pub(crate) fn set_of(&self, entries: u64) {
        self.of.store(entries, Ordering::Relaxed);
    }

    /// Passes without a finding.
    #[must_use]
    pub fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    /// Entries checked in this pass.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// Entries there are in this pass.
    #[must_use]
    pub fn of(&self) -> u64 {
        self.of.load(Ordering::Relaxed)
    }
}

/// The gate of one log.
pub struct Gate {
    // One bit for each reason. Sequentially consistent: whoever closes it before a step is looked at by that step.
    closed: AtomicU8,
    scrubbed: Position,
}

impl Gate {
    /// A gate that lets everything through.
    #[must_use]
    pub fn open() -> Self {
        Self { closed: AtomicU8::new(0), scrubbed: Position::default() }
    }

    /// A gate that is closed from the start.
    #[must_use]
    pub fn closed(why: Closed) -> Self {
        Self { closed: AtomicU8::new(why.bit()), scrubbed: Position::default() }
    }

    /// How far the search for a reason to close it has come.
    #[must_use]
    pub fn scrubbed(&self) -> &Position {
        &self.scrubbed
    }

    /// Lets through, or says why not.
    ///
    /// # Errors
    /// The gravest [`Closed`].
    pub fn check(&self) -> Result<(), Closed> {
        let bits = self.closed.load(Ordering::SeqCst);
        Closed::ALL.into_iter().find(|why| bits & why.bit() != 0).map_or(Ok(()), Err)
    }

    /// Closes it for this reason; false if it was so already.
    pub fn close(&self, why: Closed) -> bool {
        self.closed.fetch_or(why.bit(), Ordering::SeqCst) & why.bit() == 0
    }

    /// Takes one reason away that passes by itself; false if it was not there. The others stay.
    pub fn reopen_after_disk_full(&self) -> bool {
        let bit = Closed::DiskFull.bit();
        self.closed.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.check()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_reason_is_told_and_only_a_full_disk_passes() {
        let gate = Gate::open();
        assert_eq!(gate.check(), Ok(()));
        assert!(gate.close(Closed::DiskFull) && !gate.close(Closed::DiskFull));
        assert_eq!(gate.check(), Err(Closed::DiskFull));
        gate.close(Closed::Frozen);
        gate.close(Closed::Damaged);
        assert_eq!(gate.check(), Err(Closed::Damaged));
        assert!(gate.reopen_after_disk_full() && !gate.reopen_after_disk_full());
        assert_eq!(gate.check(), Err(Closed::Damaged));
        assert_eq!(Gate::closed(Closed::Restored).check(), Err(Closed::Restored));
    }
}
