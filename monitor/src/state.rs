//! How far each log was read, and what is still to be told: one file, replaced as a whole.
//!
//! ```text
//! tallymark-monitor-state/v1
//! <SHA-256 of what follows, in hex>
//! {"logs":{"log.example.org/models":{"checkpoint":"...","next":4711,"quiet_until":0,"concerns":{}}},"names":{},"pending":[]}
//! ```
//!
//! `checkpoint` is the largest that was seen, whole: what comes later is proven to extend it. All entries below `next` were read
//! under it or under one that it extends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::alert::Alert;
use crate::disk::{self, DiskError};
use crate::reason::Reason;

/// Most pairs of name and key that are remembered. Each is some hundred bytes, here and in memory.
pub const MAX_NAMES: usize = 16_384;
/// Most messages that wait for a receiver that does not take them.
pub const MAX_PENDING: usize = 1_000;
const MAX_STATE_BYTES: u64 = 32 * 1024 * 1024;
const HEADER: &str = "tallymark-monitor-state/v1";

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct State {
    /// By origin.
    pub logs: BTreeMap<String, LogState>,
    /// Key ids that signed each watched name.
    pub names: BTreeMap<String, BTreeSet<String>>,
    /// What a receiver has not taken yet, oldest first.
    pub pending: Vec<Pending>,
}

/// How far one log was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogState {
    /// The largest checkpoint that was seen, as it was seen.
    pub checkpoint: Option<String>,
    /// The next entry to read.
    pub next: u64,
    /// Entries below this one are learnt from and not told: the baseline.
    pub quiet_until: u64,
    /// What is wrong with the log and was told, with the alert's id.
    pub concerns: BTreeMap<Reason, String>,
}

/// A message that somebody has not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pending {
    /// The message.
    pub alert: Alert,
    /// Who has not taken it.
    pub sinks: BTreeSet<String>,
}

/// Why the state cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Not what was written.
    #[error("{}: damaged, or not a state of this monitor", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl State {
    /// Reads the state in a directory; a new one if there is none.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn read(dir: &Path) -> Result<Self, StateError> {
        let path = dir.join("state");
        let Some(bytes) = disk::read(&path, MAX_STATE_BYTES)? else { return Ok(Self::default()) };
        let parsed = std::str::from_utf8(&bytes).ok().and_then(Self::parse);
        parsed.ok_or(StateError::Damaged { path })
    }

    fn parse(text: &str) -> Option<Self> {
        let (header, rest) = text.split_once('\n')?;
        let (digest, json) = rest.split_once('\n')?;
        let is_whole = header == HEADER && digest == Sha256Digest::of(json.as_bytes()).to_string();
        if is_whole { serde_json::from_str(json).ok() } else { None }
    }

    /// Writes it in the place of what is there.
    ///
    /// # Errors
    /// [`StateError::Disk`].
    pub fn save(&self, dir: &Path) -> Result<(), StateError> {
        // All members are text, numbers, lists and maps by text, which always have a form in JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256Digest::of(json.as_bytes());
        Ok(disk::replace(&dir.join("state"), format!("{HEADER}\n{digest}\n{json}").as_bytes())?)
    }

    /// Remembers who signed a name; says whether the name was known and the key was not. Once there are too many, nothing is
    /// learnt any more, and every key of a name that is not known is new.
    pub(crate) fn learn(&mut self, name: &str, key: &str) -> bool {
        let count: usize = self.names.values().map(BTreeSet::len).sum();
        let known = self.names.get(name);
        if known.is_some_and(|keys| keys.contains(key)) {
            return false;
        }
        let is_new = known.is_some() || count >= MAX_NAMES;
        if count < MAX_NAMES {
            self.names.entry(name.to_owned()).or_default().insert(key.to_owned());
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written_and_not_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(State::read(dir.path()).unwrap(), State::default());
        let mut state = State::default();
        state.logs.entry("log.test/1".to_owned()).or_default().next = 7;
        state.learn("acme/churn", "k1");
        state.save(dir.path()).unwrap();
        assert_eq!(State::read(dir.path()).unwrap(), state);
        let path = dir.path().join("state");
        let good = std::fs::read(&path).unwrap();
        for at in [0, 30, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(State::read(dir.path()), Err(StateError::Damaged { .. })), "{at}");
        }
    }

    #[test]
    fn a_known_name_with_another_key_is_news_and_a_new_name_is_not() {
        let mut state = State::default();
        assert!(!state.learn("a", "k1"));
        assert!(!state.learn("a", "k1"));
        assert!(state.learn("a", "k2"));
        assert!(!state.learn("a", "k2"));
        assert!(!state.learn("b", "k2"));
    }

    #[test]
    fn no_more_names_are_remembered_than_there_is_room_for() {
        let mut state = State::default();
        for number in 0..MAX_NAMES {
            assert!(!state.learn(&format!("n{number}"), "k"));
        }
        assert!(state.learn("one more", "k"), "what is not remembered is told");
        assert_eq!(state.names.len(), MAX_NAMES);
    }
}
