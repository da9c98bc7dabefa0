//! Making a new log: key, empty database, ledger with the empty tree, and last of all `log.toml`.

use std::path::Path;

use thiserror::Error;
use tlog::checkpoint::{CheckpointSigner, Origin};
use tlog::vkey::KeyNameError;

use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError, Mode};
use crate::data_dir::{DataDir, DataDirError};
use crate::key_file::{self, AtRest, KeyFileError};
use crate::ledger::{Ledger, LedgerError};
use crate::opening::Class;
use crate::storage::StorageError;
use crate::storage::rocks::RocksStorage;

/// Makes a new log in a directory that does not exist or is empty.
///
/// `log.toml` is written last: a directory without it is no log, so a crash on the way leaves nothing that could
/// be served.
///
/// # Errors
/// [`InitError`], see its variants.
pub fn init(path: &Path, origin: &Origin, mode: Mode, at_rest: &AtRest) -> Result<Config, InitError> {
    let key = key_file::generate()?;
    let signer = CheckpointSigner::ed25519(origin.clone(), key.clone())?;
    let config = Config::new(signer.vkey().clone(), mode);
    let dir = DataDir::create(path)?;
    key_file::create(&dir.key(), &key, at_rest)?;
    drop(RocksStorage::create(&dir.database())?);
    Ledger::create(&dir.ledger(), config.vkey(), SystemClock::new().wall().as_secs())?;
    dir.sync()?;
    config.create(&dir.config())?;
    dir.sync()?;
    Ok(config)
}

/// Why no log was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitError {
    /// `log.toml` could not be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key could not be made or written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The ledger could not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The origin cannot be the name of a key.
    #[error("the origin cannot name a key")]
    Name(#[from] KeyNameError),
    /// The database could not be made.
    #[error("the database could not be made")]
    Storage(#[from] StorageError),
}

impl InitError {
    /// Whether the log refuses or something could not be read or written.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Config(_)
            | Self::DataDir(DataDirError::Io { .. })
            | Self::KeyFile(
                KeyFileError::Io { .. }
                | KeyFileError::NoPassphrase { .. }
                | KeyFileError::NoRandomness { .. },
            )
            | Self::Ledger(_)
            | Self::Storage(_) => Class::Unavailable,
            Self::DataDir(_) | Self::KeyFile(_) | Self::Name(_) => Class::Refused,
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DataDir(DataDirError::NotEmpty { .. }) => {
                Some("name a directory that does not exist yet; a log is never made over something else")
            }
            Self::KeyFile(KeyFileError::NoPassphrase { .. }) => Some(
                "give --passphrase-file FILE, set TALLYMARK_LOG_PASSPHRASE, or, for tests, --unencrypted-key",
            ),
            Self::Name(_) => Some("an origin is a URL without scheme, such as log.example.org/2026"),
            _ => None,
        }
    }
}
