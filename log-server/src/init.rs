//! Making a new log: key, empty database, ledger with the empty tree, and last of all `log.toml`.

use std::path::Path;

use ed25519_dalek::SigningKey;
use merkle::TreeHead;
use thiserror::Error;
use tlog::checkpoint::Origin;
use tlog::vkey::{KeyNameError, Vkey};

use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError, Mode};
use crate::data_dir::{DataDir, DataDirError};
use crate::key_file::{self, AtRest, KeyFileError};
use crate::ledger::{Ledger, LedgerError};
use crate::opening::Class;
use crate::signing::KeyError;
use crate::signing::place::KeyPlace;
use crate::signing::remote::ask;
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
    let config = Config::new(vkey_of(origin, &key)?, mode);
    let dir = DataDir::create(path)?;
    key_file::create(&dir.key(), &key, at_rest)?;
    drop(RocksStorage::create(&dir.database())?);
    finish(&dir, &config)?;
    Ok(config)
}

/// Makes a new log whose key is somewhere else already.
///
/// # Errors
/// [`InitError`], see its variants.
pub fn init_elsewhere(
    path: &Path,
    origin: &Origin,
    mode: Mode,
    place: KeyPlace,
    public_key: &[u8; 32],
) -> Result<Config, InitError> {
    let vkey = Vkey::ed25519(origin.as_str().parse()?, public_key).map_err(|_| KeyError::NotAKey)?;
    if let KeyPlace::Process { socket } = &place {
        let remote = ask(socket)?;
        if remote.origin != *origin || remote.head != TreeHead::empty() {
            let (seen, size) = (remote.origin, remote.head.size().get());
            return Err(InitError::SignerInUse { seen, size });
        }
    }
    let config = Config::new(vkey, mode).with_key_at(place);
    let dir = DataDir::create(path)?;
    drop(RocksStorage::create(&dir.database())?);
    finish(&dir, &config)?;
    Ok(config)
}

/// Makes the directory of a signing process: a key and a ledger, no database.
///
/// # Errors
/// [`InitError`], see its variants.
pub fn init_signer(path: &Path, origin: &Origin, at_rest: &AtRest) -> Result<Config, InitError> {
    let key = key_file::generate()?;
    let config = Config::new(vkey_of(origin, &key)?, Mode::Service);
    let dir = DataDir::create(path)?;
    key_file::create(&dir.key(), &key, at_rest)?;
    finish(&dir, &config)?;
    Ok(config)
}

fn vkey_of(origin: &Origin, key: &SigningKey) -> Result<Vkey, InitError> {
    let vkey = Vkey::ed25519(origin.as_str().parse()?, key.verifying_key().as_bytes());
    Ok(vkey.map_err(|_| KeyError::NotAKey)?)
}

/// The ledger, and `log.toml` last of all.
fn finish(dir: &DataDir, config: &Config) -> Result<(), InitError> {
    Ledger::create(&dir.ledger(), config.vkey(), SystemClock::new().wall().as_secs())?;
    dir.sync()?;
    config.create(&dir.config())?;
    dir.sync()?;
    Ok(())
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
    /// The key is not where it is said to be, or could not be reached.
    #[error("the log's key cannot be used")]
    Key(#[from] KeyError),
    /// The key could not be made or written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The ledger could not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The origin cannot be the name of a key.
    #[error("the origin cannot name a key")]
    Name(#[from] KeyNameError),
    /// The signing process is another log's, or has signed heads already.
    #[error(
        "the signing process signs for {seen} and has signed size {size}, a new log needs one of its own"
    )]
    SignerInUse {
        /// The log it signs for.
        seen: Origin,
        /// The last size it signed.
        size: u64,
    },
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
            Self::Key(error) if !error.is_refusal() => Class::Unavailable,
            Self::DataDir(_) | Self::Key(_) | Self::KeyFile(_) | Self::Name(_) | Self::SignerInUse { .. } => {
                Class::Refused
            }
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
            Self::SignerInUse { .. } => Some(
                "`tallymark-log init-signer DIR --origin NAME` makes the directory of a new signing process",
            ),
            Self::Name(_) => Some("an origin is a URL without scheme, such as log.example.org/2026"),
            _ => None,
        }
    }
}
