//! The logs that a witness knows, put together from its own list and those of others.
//!
//! | what two lists say | what holds |
//! |---|---|
//! | its own list names an origin twice, with two keys | both keys are the log's: it changes its key |
//! | another list names an origin that is known already | what was known first; the other list may not add a key |
//! | a log has the name of the witness | refused: nobody could tell its signature from a cosignature |
//!
//! Lists only add while the witness runs: a log that left a list is known until the next start, so that nobody who writes
//! lists can make a witness forget. What was cosigned is never forgotten.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tlog::checkpoint::Origin;
use tlog::vkey::{KeyName, Vkey};

use crate::log_list::{ListError, LogList, MAX_LIST_BYTES, Qpd};
use crate::origin_hash::OriginHash;

/// Most keys of one log: an old one, a new one, and room.
const MAX_KEYS: usize = 8;

/// A log that may ask for cosignatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLog {
    origin: Origin,
    hash: OriginHash,
    keys: Vec<Vkey>,
    qpd: Qpd,
}

impl KnownLog {
    /// Its name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The hash of its name.
    #[must_use]
    pub const fn hash(&self) -> &OriginHash {
        &self.hash
    }

    /// Its keys, at least one; no two share name and id.
    #[must_use]
    pub fn keys(&self) -> &[Vkey] {
        &self.keys
    }

    /// How often it may ask.
    #[must_use]
    pub const fn qpd(&self) -> Qpd {
        self.qpd
    }
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    by_origin: HashMap<Origin, Arc<KnownLog>>,
    notes: Vec<String>,
}

impl Logs {
    /// The log of that name.
    #[must_use]
    pub fn get(&self, origin: &Origin) -> Option<&Arc<KnownLog>> {
        self.by_origin.get(origin)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_origin.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_origin.is_empty()
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<KnownLog>> {
        self.by_origin.values()
    }

    /// What was passed over in the lists, and why.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Puts lists together for the witness `name`. `own` is the first that is believed; then the others in their order.
    #[must_use]
    pub fn of(name: &KeyName, own: &LogList, others: &[LogList]) -> Self {
        let mut logs: HashMap<Origin, KnownLog> = HashMap::new();
        let mut notes = Vec::new();
        for (position, list) in [own].into_iter().chain(others).enumerate() {
            if list.unknown_algorithm > 0 {
                notes.push(format!("{} logs have keys of an unknown algorithm", list.unknown_algorithm));
            }
            for listed in &list.logs {
                let origin = listed.origin();
                if origin.as_str() == name.as_str() || listed.vkey().name() == name {
                    notes.push(format!("{origin}: has the name of this witness"));
                    continue;
                }
                let Some(known) = logs.get_mut(origin) else {
                    let hash = OriginHash::of(origin);
                    let keys = vec![listed.vkey().clone()];
                    logs.insert(
                        origin.clone(),
                        KnownLog { origin: origin.clone(), hash, keys, qpd: listed.qpd() },
                    );
                    continue;
                };
                if known.keys.contains(listed.vkey()) {
                    continue;
                }
                let shared =
                    |key: &Vkey| key.name() == listed.vkey().name() && key.key_id() == listed.vkey().key_id();
                if position > 0 {
                    notes.push(format!("{origin}: another list has another key for it"));
                } else if known.keys.iter().any(shared) {
                    notes.push(format!("{origin}: two keys share a name and an id"));
                } else if known.keys.len() == MAX_KEYS {
                    notes.push(format!("{origin}: more than {MAX_KEYS} keys"));
                } else {
                    known.keys.push(listed.vkey().clone());
                }
            }
        }
        let by_origin = logs.into_iter().map(|(origin, log)| (origin, Arc::new(log))).collect();
        Self { by_origin, notes }
    }

    /// These, and what `before` knew besides.
    #[must_use]
    pub fn over(mut self, before: &Self) -> Self {
        for (origin, log) in &before.by_origin {
            self.by_origin.entry(origin.clone()).or_insert_with(|| Arc::clone(log));
        }
        self
    }
}

/// Where the lists are.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "made by the program and by tests")]
pub struct ListFiles {
    /// The witness's own list, which `add-log` writes.
    pub own: PathBuf,
    /// Lists of others.
    pub others: Vec<PathBuf>,
}

impl ListFiles {
    /// Reads all of them.
    ///
    /// # Errors
    /// [`ListFileError`] for the first that cannot be read.
    pub fn load(&self, name: &KeyName) -> Result<Logs, ListFileError> {
        let own = read(&self.own)?;
        let others = self.others.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Logs::of(name, &own, &others))
    }

    /// What tells whether one of them was written since: for each its length, inode and time.
    #[must_use]
    pub fn stamp(&self) -> Vec<Option<(u64, u64, i64, i64)>> {
        use std::os::unix::fs::MetadataExt as _;
        let stamp = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.len(), found.ino(), found.mtime(), found.mtime_nsec()))
        };
        std::iter::once(&self.own).chain(&self.others).map(stamp).collect()
    }
}

/// Reads one list.
///
/// # Errors
/// [`ListFileError`].
pub fn read(path: &Path) -> Result<LogList, ListFileError> {
    use std::io::Read as _;
    let io = |source| ListFileError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(MAX_LIST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    LogList::parse(&bytes).map_err(|source| ListFileError::List { path: path.to_owned(), source })
}

/// Why a list cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListFileError {
    /// The system refused.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no list.
    #[error("{}: not a list of logs", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ListError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_list::ListedLog;
    use ed25519_dalek::SigningKey;

    fn listed(name: &str, origin: Option<&str>, seed: u8) -> ListedLog {
        let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        let vkey = Vkey::ed25519(name.parse().unwrap(), key.as_bytes()).unwrap();
        ListedLog::new(vkey, origin.map(|origin| origin.parse().unwrap()), Qpd::ONE_A_SECOND, "c").unwrap()
    }

    fn list(logs: &[ListedLog]) -> LogList {
        LogList { logs: logs.to_vec(), unknown_algorithm: 0 }
    }

    fn keys(logs: &Logs, origin: &str) -> Vec<Vkey> {
        logs.get(&origin.parse().unwrap()).map_or_else(Vec::new, |log| log.keys().to_vec())
    }

    #[test]
    fn the_own_list_may_change_a_key_and_no_other_list_may() {
        let (old, new, evil) =
            (listed("log", None, 1), listed("log", None, 2), listed("mallory", Some("log"), 3));
        let other = list(&[evil.clone(), listed("log", None, 4), listed("more", None, 5)]);
        let logs = Logs::of(&"w".parse().unwrap(), &list(&[old.clone(), new.clone(), old.clone()]), &[other]);
        assert_eq!(keys(&logs, "log"), [old.vkey().clone(), new.vkey().clone()]);
        assert_eq!((logs.len(), logs.notes().len()), (2, 2));
        let logs =
            Logs::of(&"w".parse().unwrap(), &list(&[]), &[list(std::slice::from_ref(&evil)), list(&[old])]);
        assert_eq!(keys(&logs, "log"), [evil.vkey().clone()], "the first list");
    }

    #[test]
    fn a_log_with_the_name_of_the_witness_is_refused() {
        let own = list(&[listed("w", Some("log"), 1), listed("log", Some("w"), 1), listed("w", None, 1)]);
        let logs = Logs::of(&"w".parse().unwrap(), &own, &[]);
        assert!(logs.is_empty());
        assert_eq!(logs.notes().len(), 3);
    }

    #[test]
    fn lists_only_add() {
        let name = "w".parse().unwrap();
        let before = Logs::of(&name, &list(&[listed("a", None, 1), listed("b", None, 1)]), &[]);
        let logs = Logs::of(&name, &list(&[listed("b", None, 2), listed("c", None, 1)]), &[]).over(&before);
        assert_eq!(logs.len(), 3);
        assert_eq!(keys(&logs, "b"), [listed("b", None, 2).vkey().clone()], "what is listed now");
    }
}
