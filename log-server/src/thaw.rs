//! Letting a held log sign again, once somebody has shown that it is not behind what it signed.
//!
//! | held because | let go by |
//! |---|---|
//! | restored | the newest ledger, or the newest signed checkpoint that anybody has; the tree must extend it |
//! | damaged | a search of everything ([`crate::fsck`]) that finds nothing |
//! | frozen | the operator's word, said explicitly |
//!
//! The check of a restored log is the one that matters. A log that signs again from an older copy signs a second
//! history, and no later repair makes the first one unsigned.

use std::path::Path;

use merkle::{Hash, TreeHead};
use thiserror::Error;
use tlog::checkpoint::{CheckpointError, CheckpointOpenError, SignedCheckpoint};

use crate::config::{Config, ConfigError};
use crate::damage::Damage;
use crate::data_dir::{DataDir, DataDirError};
use crate::fsck::{self, FsckError};
use crate::hold::{Hold, HoldError, Reason};
use crate::ledger::{self, LedgerError};
use crate::opening::{self, OpeningError};
use crate::proof::ProveError;
use crate::storage::rocks::RocksStorage;
use crate::storage::{Storage as _, StorageError};

/// What is brought forward for the log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Evidence {
    /// The newest signed checkpoint: from a witness, a mirror, a client that kept one.
    Checkpoint(Vec<u8>),
    /// A ledger that is not older than the last one: from the old machine's disk, as a rule.
    Ledger(std::path::PathBuf),
    /// The operator answers for it. Nothing is proven.
    Word,
}

/// Lets the log in a directory go, if the evidence is good for why it is held. Returns the reason it was held for.
///
/// # Errors
/// [`ThawError`]; the log is held as before.
pub fn thaw(path: &Path, evidence: &Evidence) -> Result<Reason, ThawError> {
    Config::read(&path.join("log.toml"))?;
    let hold = Hold::read(path)?.ok_or(ThawError::NotHeld)?;
    match hold.reason() {
        Reason::Damaged => {
            let report = fsck::fsck(path, &mut |_, _| {})?;
            if let Some(damage) = report.damages().first() {
                return Err(ThawError::Damaged(*damage));
            }
            let dir = DataDir::lock(path)?;
            Hold::remove(dir.path())?;
        }
        Reason::Frozen => {
            let dir = DataDir::lock(path)?;
            if !matches!(evidence, Evidence::Word) {
                return Err(ThawError::WantsWord);
            }
            Hold::remove(dir.path())?;
        }
        Reason::Restored => {
            let dir = DataDir::lock(path)?;
            not_behind(&dir, evidence)?;
            Hold::remove(dir.path())?;
        }
    }
    Ok(hold.reason())
}

/// Checks that the log's tree is, or extends, the newest head that the evidence knows.
fn not_behind(dir: &DataDir, evidence: &Evidence) -> Result<(), ThawError> {
    let config = Config::read(&dir.config())?;
    let storage = RocksStorage::open_read_only(&dir.database())?;
    let head = storage.head()?;
    let mut own = TreeHead::empty();
    ledger::read(&dir.ledger(), config.vkey(), &mut |record| own = *record.head())?;
    opening::prove(&storage, &head, &own)?;
    let require = |known: &TreeHead| {
        if known.size() > head.size() {
            let (size_seen, size_signed) = (head.size().get(), known.size().get());
            return Err(ThawError::Behind { size_seen, size_signed });
        }
        let seen = opening::root_at(known.size(), &storage)?;
        if seen != known.root() {
            return Err(ThawError::Forked { size: known.size().get(), seen, wanted: known.root() });
        }
        Ok(())
    };
    match evidence {
        Evidence::Checkpoint(bytes) => {
            let checkpoint = SignedCheckpoint::parse(bytes)?.open(config.vkey())?;
            require(checkpoint.head())
        }
        Evidence::Ledger(path) => {
            let mut newest = TreeHead::empty();
            ledger::read(path, config.vkey(), &mut |record| newest = *record.head())?;
            // A ledger older than the log's own shows nothing about what came after it.
            if newest.size() < own.size() {
                let (size_seen, size_own) = (newest.size().get(), own.size().get());
                return Err(ThawError::EvidenceOld { size_seen, size_own });
            }
            require(&newest)
        }
        Evidence::Word => Ok(()),
    }
}

/// Why a log stays held.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ThawError {
    /// The log signed more than this copy holds.
    #[error("this copy holds {size_seen} entries, {size_signed} were signed for")]
    Behind {
        /// Size of the copy.
        size_seen: u64,
        /// Size of the newest head that is known.
        size_signed: u64,
    },
    /// The checkpoint does not parse.
    #[error("the checkpoint does not parse")]
    Checkpoint(#[from] CheckpointError),
    /// `log.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log is still damaged.
    #[error("the log is damaged: {0}")]
    Damaged(Damage),
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The ledger brought forward is older than the log's own.
    #[error("that ledger ends at size {size_seen}, the log's own at {size_own}")]
    EvidenceOld {
        /// Where it ends.
        size_seen: u64,
        /// Where the log's own ends.
        size_own: u64,
    },
    /// What was signed is not in this tree.
    #[error("root at size {size} is {seen} by this copy, {wanted} was signed")]
    Forked {
        /// Size of the signed head.
        size: u64,
        /// Root from the tiles of the copy.
        seen: Hash,
        /// Root that was signed.
        wanted: Hash,
    },
    /// The log could not be searched for damage.
    #[error(transparent)]
    Fsck(#[from] FsckError),
    /// The hold could not be read or taken away.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// A ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Nothing holds the log.
    #[error("the log is not held")]
    NotHeld,
    /// The checkpoint is not this log's.
    #[error("the checkpoint is not this log's")]
    NotSigned(#[from] CheckpointOpenError),
    /// The log does not hold together.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The tree cannot be read.
    #[error("the stored tree cannot be read")]
    Prove(#[from] ProveError),
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Storage(#[from] StorageError),
    /// A frozen log is let go by nothing but the operator's word.
    #[error("the log was frozen on purpose; only the operator's word lets it go")]
    WantsWord,
}

impl ThawError {
    /// Whether it is refused, and not just impossible to read.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Config(_) | Self::Hold(_) | Self::Storage(_) => false,
            Self::DataDir(error) => !matches!(error, DataDirError::Io { .. }),
            Self::Ledger(error) => !matches!(error, LedgerError::Io { .. }),
            Self::Fsck(error) => error.is_damage(),
            _ => true,
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Behind { .. } => Some(
                "never let this copy sign: it would sign a second history. Restore a newer backup, or bring back the \
                 newest directory. If no newer copy exists, this log is over: keep serving it frozen and begin another",
            ),
            Self::EvidenceOld { .. } => Some(
                "bring the ledger of the last machine that signed, or the newest checkpoint that anybody has",
            ),
            Self::Forked { .. } => {
                Some("this copy belongs to another history than what was signed; do not let it sign")
            }
            Self::Damaged(_) => Some("restore a backup; `tallymark-log fsck DIR` lists all damage"),
            Self::WantsWord => Some("say `--unfreeze` if the log is to take entries again"),
            Self::NotSigned(_) => Some("bring a checkpoint that is signed by this log's own key"),
            _ => None,
        }
    }
}
