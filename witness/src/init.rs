//! A new witness, and opening one that is there.

use std::path::Path;

use ed25519_dalek::SigningKey;
use held_key::KeyError;
use held_key::place::Place;
#[cfg(feature = "ml-dsa")]
use ml_dsa::MlDsa44;
use thiserror::Error;
use tlog::vkey::{KeyName, VkeyError};

use crate::config::{Config, ConfigError};
use crate::cosigner::Cosigner;
use crate::data_dir::{self, DataDir, DataDirError};
use crate::key_file::{self, KeyFileError, Passphrase};
use crate::record::{Record, RecordError};

const KEY: &str = "key.pem";
#[cfg(feature = "ml-dsa")]
const ML_DSA_KEY: &str = "key-ml-dsa.pem";
/// Name of the witness's own list of logs.
pub const LOGS: &str = "logs";
const EMPTY_LIST: &str = "# The logs of this witness; `tallymark-witness add-log` adds to them.\nlogs/v0\n";

/// The Ed25519 key of a new witness.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "made by the program and by tests")]
pub enum FirstKey {
    /// Somebody else holds it already.
    Held {
        /// Who.
        place: Place,
        /// Which of an agent's keys, if it holds several.
        agent_key: Option<[u8; 32]>,
    },
    /// Made now, and kept in the directory.
    New,
}

/// Makes a witness in `dir`. The keys that are made, that with ML-DSA-44 always, are kept there under `passphrase` if there is one.
///
/// # Errors
/// [`InitError`]; what was made so far stays, and the directory is not a witness yet.
pub fn init(
    dir: &Path,
    name: &KeyName,
    key: &FirstKey,
    passphrase: Option<&Passphrase>,
    with_ml_dsa: bool,
) -> Result<Cosigner, InitError> {
    // Before the directory: a keeper that does not answer leaves nothing behind.
    let held = match key {
        FirstKey::Held { place, agent_key } => {
            Some((place, Cosigner::held(name.clone(), place, agent_key.as_ref())?))
        }
        FirstKey::New => None,
    };
    let lock = DataDir::create(dir)?;
    let (place, cosigner) = match held {
        Some((place, cosigner)) => (Some(place), cosigner),
        None => {
            let key = SigningKey::from_bytes(&*key_file::new_seed()?);
            key_file::create(&dir.join(KEY), &key, passphrase)?;
            (None, Cosigner::new(name.clone(), key)?)
        }
    };
    #[cfg(feature = "ml-dsa")]
    let cosigner = if with_ml_dsa {
        let seed = key_file::new_seed()?;
        let key = ml_dsa::SigningKey::<MlDsa44>::from_seed((&*seed).into());
        key_file::create(&dir.join(ML_DSA_KEY), &key, passphrase)?;
        cosigner.with_ml_dsa(&seed)
    } else {
        cosigner
    };
    #[cfg(not(feature = "ml-dsa"))]
    let _ = with_ml_dsa;
    Record::create(dir, &cosigner.identity())?;
    data_dir::replace(&dir.join(LOGS), EMPTY_LIST.as_bytes())?;
    lock.sync()?;
    Config::create(dir, cosigner.vkey(), ml_dsa_vkey(&cosigner).as_deref(), place)?;
    Ok(cosigner)
}

/// A witness whose directory this process holds, its keys read and its record proven.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by tests too, with keys of their own")]
pub struct OpenWitness {
    /// Its keys.
    pub cosigner: Cosigner,
    /// What it cosigned.
    pub record: Record,
    /// Its lock; to be dropped last.
    pub dir: DataDir,
}

impl OpenWitness {
    /// Takes the lock of `dir`, reads the keys and the record.
    ///
    /// # Errors
    /// [`InitError`], among them [`InitError::OtherKey`] if a key is not the one that `witness.toml` names.
    pub fn open(
        dir: &Path,
        config: &Config,
        passphrase: impl FnOnce() -> Result<Passphrase, KeyFileError>,
    ) -> Result<Self, InitError> {
        let dir = DataDir::lock(dir)?;
        let cosigner = read_keys(dir.path(), config, passphrase)?;
        let record = Record::open(dir.path(), &cosigner.identity())?;
        Ok(Self { cosigner, record, dir })
    }
}

/// Reads the keys of a witness and compares them with what it says it is.
///
/// # Errors
/// As [`OpenWitness::open`].
pub fn read_keys(
    dir: &Path,
    config: &Config,
    passphrase: impl FnOnce() -> Result<Passphrase, KeyFileError>,
) -> Result<Cosigner, InitError> {
    // Two files under one passphrase: it is asked for once.
    let mut asked: Option<Passphrase> = None;
    let mut ask = Some(passphrase);
    let mut passphrase = || match (&asked, ask.take()) {
        (Some(known), _) => Ok(known.clone()),
        (None, Some(ask)) => {
            let given = ask()?;
            asked = Some(given.clone());
            Ok(given)
        }
        (None, None) => Err(KeyFileError::PassphraseEmpty),
    };
    let name = config.name().clone();
    let (keeper, cosigner) = match &config.signer {
        Some(place) => (place.keeper(), Cosigner::held(name, place, Some(config.vkey.public_key()))?),
        None => (KEY, Cosigner::new(name, key_file::read(&dir.join(KEY), &mut passphrase)?)?),
    };
    #[cfg(feature = "ml-dsa")]
    let cosigner = if config.vkey_ml_dsa.is_some() {
        let key: ml_dsa::SigningKey<MlDsa44> = key_file::read(&dir.join(ML_DSA_KEY), &mut passphrase)?;
        cosigner.with_ml_dsa(key.as_seed().as_ref())
    } else {
        cosigner
    };
    if *cosigner.vkey() != config.vkey {
        return Err(InitError::OtherKey { keeper });
    }
    if ml_dsa_vkey(&cosigner) != config.vkey_ml_dsa {
        return Err(InitError::OtherKey { keeper: "key-ml-dsa.pem" });
    }
    Ok(cosigner)
}

/// The ML-DSA-44 verifier key as text.
#[must_use]
pub fn ml_dsa_vkey(cosigner: &Cosigner) -> Option<String> {
    #[cfg(feature = "ml-dsa")]
    return cosigner.ml_dsa_vkey().map(ToString::to_string);
    #[cfg(not(feature = "ml-dsa"))]
    {
        let _ = cosigner;
        None
    }
}

/// Why there is no witness.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitError {
    /// `witness.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A key that somebody else holds.
    #[error("the key of the witness cannot be used")]
    Key(#[from] KeyError),
    /// A key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A key is not that of this witness, or this program does not know its kind.
    #[error("{keeper}: not the key that witness.toml names")]
    OtherKey {
        /// The key file, or who holds it.
        keeper: &'static str,
    },
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A key that no witness has.
    #[error("the key is refused")]
    Vkey(#[from] VkeyError),
}

impl InitError {
    /// Whether the system refused, as against what was found being wrong.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Config(error) => matches!(error, ConfigError::Io { .. }),
            Self::DataDir(error) => matches!(error, DataDirError::Io { .. }),
            Self::Key(error) => !error.is_refusal(),
            Self::KeyFile(error) => error.is_io(),
            Self::Record(error) => error.is_io(),
            Self::OtherKey { .. } | Self::Vkey(_) => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DataDir(DataDirError::InUse { .. }) => {
                Some("only one process may cosign; stop the other first")
            }
            Self::DataDir(DataDirError::NotEmpty { .. }) => Some("name a directory that does not exist yet"),
            Self::Key(error) if error.is_refusal() => Some(
                "put the witness's own key into the agent or token that is named; `tallymark-witness init --help` has an example",
            ),
            Self::Key(_) => Some(
                "start the agent, or give the token's PIN with pin_file or TALLYMARK_WITNESS_PIN; then start the witness again",
            ),
            Self::KeyFile(KeyFileError::Permissions { .. }) => Some("chmod 600 the key file"),
            Self::KeyFile(KeyFileError::NoPassphrase { .. }) => Some(
                "--passphrase-file FILE, or TALLYMARK_WITNESS_PASSPHRASE, or --unencrypted-key with init",
            ),
            Self::OtherKey { .. } => {
                Some("put the key back that belongs to this directory; a witness never changes its keys")
            }
            Self::Record(error) => error.hint(),
            Self::Config(ConfigError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Some("`tallymark-witness init DIR --name witness.example.org/w1` makes a witness there")
            }
            _ => None,
        }
    }
}
