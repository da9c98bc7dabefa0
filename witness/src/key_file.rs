//! Private keys at rest: one key as PKCS#8 PEM (RFC 5958; Ed25519 by RFC 8410, ML-DSA-44 as its seed by RFC 9881), encrypted with
//! PBES2 (RFC 8018, scrypt and AES-256-CBC) unless the operator asked for a plain file.
//!
//! In scope: making, writing and reading the file, its permissions, where the passphrase comes from.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use thiserror::Error;
use zeroize::Zeroizing;

/// Permission bits a key file may not have: anything for group or others.
const FORBIDDEN_MODE: u32 = 0o077;
/// No key file or passphrase file is longer; an encrypted key takes under 400 bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024;
const ENCRYPTED_LABEL: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
/// Name of the environment variable that may hold the passphrase.
pub const PASSPHRASE_ENV: &str = "TALLYMARK_WITNESS_PASSPHRASE";

/// A passphrase, wiped from memory when dropped and never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase as it was typed.
    ///
    /// # Errors
    /// [`KeyFileError::PassphraseEmpty`] if it has no characters.
    pub fn new(text: String) -> Result<Self, KeyFileError> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            return Err(KeyFileError::PassphraseEmpty);
        }
        Ok(Self(text))
    }

    /// Reads the first line of a file.
    ///
    /// # Errors
    /// [`KeyFileError::Io`], [`KeyFileError::NotText`], [`KeyFileError::PassphraseEmpty`].
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let file = File::open(path).map_err(|source| KeyFileError::io(path, "open", source))?;
        let text = read_text(path, &file)?;
        Self::new(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// A new seed from the operating system's randomness, for either kind of key.
///
/// # Errors
/// [`KeyFileError::NoRandomness`] if the system has none to give.
pub fn new_seed() -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|source| KeyFileError::NoRandomness { source })?;
    Ok(seed)
}

/// Writes a new key file, readable by its owner only, and waits until it is on disk. Encrypted if there is a passphrase.
///
/// # Errors
/// [`KeyFileError::Io`] if the file exists or cannot be written, [`KeyFileError::Encoding`].
pub fn create(
    path: &Path,
    key: &impl EncodePrivateKey,
    passphrase: Option<&Passphrase>,
) -> Result<(), KeyFileError> {
    let pem = match passphrase {
        Some(passphrase) => key.to_pkcs8_encrypted_pem(passphrase.0.as_bytes(), LineEnding::LF),
        None => key.to_pkcs8_pem(LineEnding::LF),
    };
    let pem = pem.map_err(|source| KeyFileError::Encoding { path: path.to_owned(), source })?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|source| KeyFileError::io(path, "create", source))?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|source| KeyFileError::io(path, "write", source))
}

/// Reads a key file. `passphrase` is called only if the file is encrypted.
///
/// # Errors
/// [`KeyFileError::Permissions`] if others may read or change the file; [`KeyFileError::Decoding`] if it holds no such key, the
/// passphrase is wrong or the file is damaged; [`KeyFileError::Io`], [`KeyFileError::NotText`], and what `passphrase` returns.
pub fn read<K: DecodePrivateKey>(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, KeyFileError>,
) -> Result<K, KeyFileError> {
    let file = File::open(path).map_err(|source| KeyFileError::io(path, "open", source))?;
    let mode = file.metadata().map_err(|source| KeyFileError::io(path, "read", source))?.mode() & 0o777;
    if mode & FORBIDDEN_MODE != 0 {
        return Err(KeyFileError::Permissions { path: path.to_owned(), mode });
    }
    let pem = read_text(path, &file)?;
    let key = if pem.trim_start().starts_with(ENCRYPTED_LABEL) {
        K::from_pkcs8_encrypted_pem(&pem, passphrase()?.0.as_bytes())
    } else {
        K::from_pkcs8_pem(&pem)
    };
    key.map_err(|source| KeyFileError::Decoding { path: path.to_owned(), source })
}

/// The passphrase for an existing key: from `file` if named, else from the environment, else from the terminal.
///
/// # Errors
/// As [`Passphrase::from_file`]; [`KeyFileError::NoPassphrase`] if nobody can be asked.
pub fn existing_passphrase(file: Option<&Path>) -> Result<Passphrase, KeyFileError> {
    match given_passphrase(file) {
        Some(given) => given,
        None => Passphrase::new(ask("passphrase of the witness keys: ")?),
    }
}

/// The passphrase for new keys, from the same places; asked for twice on the terminal.
///
/// # Errors
/// As [`existing_passphrase`]; [`KeyFileError::PassphrasesDiffer`] if the two answers differ.
pub fn new_passphrase(file: Option<&Path>) -> Result<Passphrase, KeyFileError> {
    if let Some(given) = given_passphrase(file) {
        return given;
    }
    let first = Zeroizing::new(ask("new passphrase for the witness keys: ")?);
    let second = Zeroizing::new(ask("the same again: ")?);
    if first != second {
        return Err(KeyFileError::PassphrasesDiffer);
    }
    Passphrase::new(first.as_str().to_owned())
}

fn given_passphrase(file: Option<&Path>) -> Option<Result<Passphrase, KeyFileError>> {
    match file {
        Some(path) => Some(Passphrase::from_file(path)),
        None => std::env::var(PASSPHRASE_ENV).ok().map(Passphrase::new),
    }
}

fn ask(prompt: &str) -> Result<String, KeyFileError> {
    rpassword::prompt_password(prompt).map_err(|source| KeyFileError::NoPassphrase { source })
}

fn read_text(path: &Path, file: &File) -> Result<Zeroizing<String>, KeyFileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes);
    read.map_err(|source| KeyFileError::io(path, "read", source))?;
    let text = str::from_utf8(&bytes).map_err(|_| KeyFileError::NotText { path: path.to_owned() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Why there is no key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Not a key of that kind in PKCS#8 PEM, or the passphrase is wrong.
    #[error("{}: no key could be read; wrong passphrase, another kind of key, or a damaged file", path.display())]
    Decoding {
        /// The key file.
        path: PathBuf,
        /// Where decoding stopped.
        source: pkcs8::Error,
    },
    /// The key could not be written as PKCS#8.
    #[error("{}: the key could not be encoded", path.display())]
    Encoding {
        /// The key file.
        path: PathBuf,
        /// Where encoding stopped.
        source: pkcs8::Error,
    },
    /// The file could not be used.
    #[error("could not {act} {}", path.display())]
    Io {
        /// What was done.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The terminal could not be asked.
    #[error("no passphrase was given and the terminal could not be asked")]
    NoPassphrase {
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness {
        /// What the system said.
        source: getrandom::Error,
    },
    /// The file is not UTF-8.
    #[error("{}: not a text file", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    PassphraseEmpty,
    /// Two different answers for a new passphrase.
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    /// Others than the owner may use the file.
    #[error("{}: permissions are {mode:03o}, wanted 600 or stricter", path.display())]
    Permissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl KeyFileError {
    fn io(path: &Path, act: &'static str, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }

    /// Whether the system refused, as against what was read being wrong.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::NoPassphrase { .. } | Self::NoRandomness { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned()).unwrap()
    }

    fn never_asked() -> Result<Passphrase, KeyFileError> {
        panic!("a plain key needs no passphrase")
    }

    #[test]
    fn an_encrypted_key_reads_back_with_its_passphrase_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let key = SigningKey::from_bytes(&new_seed().unwrap());
        create(&path, &key, Some(&passphrase("right"))).unwrap();
        let read_back: SigningKey = read(&path, || Ok(passphrase("right"))).unwrap();
        assert_eq!(read_back.to_bytes(), key.to_bytes());
        let refused = read::<SigningKey>(&path, || Ok(passphrase("wrong")));
        assert!(matches!(refused, Err(KeyFileError::Decoding { .. })));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("BEGIN PRIVATE KEY"));
    }

    #[cfg(feature = "ml-dsa")]
    #[test]
    fn an_ml_dsa_key_reads_back_and_is_no_ed25519_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let key = ml_dsa::SigningKey::<ml_dsa::MlDsa44>::from_seed(&[9; 32].into());
        create(&path, &key, None).unwrap();
        let back: ml_dsa::SigningKey<ml_dsa::MlDsa44> = read(&path, never_asked).unwrap();
        assert_eq!(back.to_seed(), key.to_seed());
        assert!(matches!(read::<SigningKey>(&path, never_asked), Err(KeyFileError::Decoding { .. })));
    }

    #[test]
    fn a_new_key_file_is_for_its_owner_only_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let key = SigningKey::from_bytes(&[1; 32]);
        create(&path, &key, None).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(create(&path, &key, None), Err(KeyFileError::Io { act: "create", .. })));
    }

    #[test]
    fn a_key_file_that_others_may_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        create(&path, &SigningKey::from_bytes(&[1; 32]), None).unwrap();
        for loose in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, Permissions::from_mode(loose)).unwrap();
            let refused = read::<SigningKey>(&path, never_asked);
            assert!(matches!(refused, Err(KeyFileError::Permissions { mode, .. }) if mode == loose));
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        read::<SigningKey>(&path, never_asked).unwrap();
    }
}
