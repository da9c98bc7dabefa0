//! A private key of the log at rest, as PKCS#8 PEM (RFC 5958; Ed25519 by RFC 8410, ML-DSA-44 as its seed by RFC 9881), encrypted with
//! PBES2 (RFC 8018, scrypt and AES-256-CBC) unless the operator asked for a plain file.
//!
//! In scope: making, writing and reading the file, its permissions, where the passphrase comes from.
//! Out of scope: what is signed with the key.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use thiserror::Error;
use zeroize::Zeroizing;

/// Permission bits a key file may not have: anything for group or others.
const FORBIDDEN_MODE: u32 = 0o077;
/// No key file or passphrase file is longer; an encrypted Ed25519 key takes under 400 bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024;
const ENCRYPTED_LABEL: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
/// Name of the environment variable that may hold the passphrase.
pub const PASSPHRASE_ENV: &str = "TALLYMARK_LOG_PASSPHRASE";

/// A passphrase, wiped from memory when dropped and never printed.
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
        let file = File::open(path).map_err(|source| KeyFileError::io(path, Act::Open, source))?;
        let text = read_text(path, &file)?;
        Self::new(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// How a new key is to be kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum AtRest {
    /// Under this passphrase.
    Encrypted(Passphrase),
    /// As it is: whoever reads the file can sign as the log.
    Plain,
}

/// Makes a new signing key from the operating system's randomness.
///
/// # Errors
/// [`KeyFileError::NoRandomness`] if the system has none to give.
pub fn generate() -> Result<SigningKey, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|source| KeyFileError::NoRandomness { source })?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Writes a new key file, readable by its owner only, and waits until it is on disk.
///
/// # Errors
/// [`KeyFileError::Io`] if the file exists or cannot be written, [`KeyFileError::Encoding`].
pub fn create(path: &Path, key: &impl EncodePrivateKey, at_rest: &AtRest) -> Result<(), KeyFileError> {
    let pem = match at_rest {
        AtRest::Encrypted(passphrase) => key.to_pkcs8_encrypted_pem(passphrase.0.as_bytes(), LineEnding::LF),
        AtRest::Plain => key.to_pkcs8_pem(LineEnding::LF),
    };
    let pem = pem.map_err(|source| KeyFileError::Encoding { path: path.to_owned(), source })?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| KeyFileError::io(path, Act::Create, source))?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|source| KeyFileError::io(path, Act::Write, source))
}

/// Reads a key file. `passphrase` is called only if the file is encrypted.
///
/// # Errors
/// [`KeyFileError::Permissions`] if others may read or change the file; [`KeyFileError::Decoding`] if it holds
/// no such key, the passphrase is wrong or the file is damaged; [`KeyFileError::Io`],
/// [`KeyFileError::NotText`], and what `passphrase` returns.
pub fn read<K: DecodePrivateKey>(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, KeyFileError>,
) -> Result<K, KeyFileError> {
    let file = File::open(path).map_err(|source| KeyFileError::io(path, Act::Open, source))?;
    let mode = file.metadata().map_err(|source| KeyFileError::io(path, Act::Read, source))?.mode() & 0o777;
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

/// The passphrase for an existing key: from `file` if named, else from the environment, else from the
/// terminal.
///
/// # Errors
/// As [`Passphrase::from_file`]; [`KeyFileError::NoPassphrase`] if nobody can be asked.
pub fn existing_passphrase(file: Option<&Path>) -> Result<Passphrase, KeyFileError> {
    match given_passphrase(file) {
        Some(given) => given,
        None => Passphrase::new(ask("passphrase of the log key: ")?),
    }
}

/// The passphrase for a new key, from the same places; asked for twice on the terminal.
///
/// # Errors
/// As [`existing_passphrase`]; [`KeyFileError::PassphrasesDiffer`] if the two answers differ.
pub fn new_passphrase(file: Option<&Path>) -> Result<Passphrase, KeyFileError> {
    if let Some(given) = given_passphrase(file) {
        return given;
    }
    let first = Zeroizing::new(ask("new passphrase for the log key: ")?);
    let second = Zeroizing::new(ask("the same again: ")?);
    if first != second {
        return Err(KeyFileError::PassphrasesDiffer);
    }
    Passphrase::new(first.as_str().to_owned())
}

/// The passphrase that was given without asking anybody, if any was.
pub(crate) fn given_passphrase(file: Option<&Path>) -> Option<Result<Passphrase, KeyFileError>> {
    if let Some(path) = file {
        return Some(Passphrase::from_file(path));
    }
    std::env::var(PASSPHRASE_ENV).ok().map(Passphrase::new)
}

fn ask(prompt: &str) -> Result<String, KeyFileError> {
    rpassword::prompt_password(prompt).map_err(|source| KeyFileError::NoPassphrase { source })
}

fn read_text(path: &Path, file: &File) -> Result<Zeroizing<String>, KeyFileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes);
    read.map_err(|source| KeyFileError::io(path, Act::Read, source))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyFileError::NotText { path: path.to_owned() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What was done to the file when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Create it.
    Create,
    /// Open it.
    Open,
    /// Read from it.
    Read,
    /// Write to it.
    Write,
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// Why there is no key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Not an Ed25519 key in PKCS#8 PEM, or the passphrase is wrong.
    #[error("{}: no Ed25519 key could be read; wrong passphrase, or a damaged file", path.display())]
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
        act: Act,
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
    fn io(path: &Path, act: Act, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let key = generate().unwrap();
        create(&path, &key, &AtRest::Encrypted(passphrase("right"))).unwrap();
        let read_back = read::<SigningKey>(&path, || Ok(passphrase("right"))).unwrap();
        assert_eq!(read_back.to_bytes(), key.to_bytes());
        let refused = read::<SigningKey>(&path, || Ok(passphrase("wrong")));
        assert!(matches!(refused, Err(KeyFileError::Decoding { .. })));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("BEGIN PRIVATE KEY"));
    }

    #[test]
    fn a_plain_key_reads_back_without_asking() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let key = generate().unwrap();
        create(&path, &key, &AtRest::Plain).unwrap();
        assert_eq!(read::<SigningKey>(&path, never_asked).unwrap().to_bytes(), key.to_bytes());
    }

    #[test]
    fn a_new_key_file_is_for_its_owner_only_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        create(&path, &generate().unwrap(), &AtRest::Plain).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let refused = create(&path, &generate().unwrap(), &AtRest::Plain);
        assert!(matches!(refused, Err(KeyFileError::Io { act: Act::Create, .. })));
    }

    #[test]
    fn a_key_file_that_others_may_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        create(&path, &generate().unwrap(), &AtRest::Plain).unwrap();
        for loose in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, Permissions::from_mode(loose)).unwrap();
            let refused = read::<SigningKey>(&path, never_asked);
            assert!(matches!(refused, Err(KeyFileError::Permissions { mode, .. }) if mode == loose));
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        read::<SigningKey>(&path, never_asked).unwrap();
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        for text in ["", "hello\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(
                matches!(read::<SigningKey>(&path, never_asked), Err(KeyFileError::Decoding { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_passphrase_file_is_read_up_to_its_first_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passphrase");
        std::fs::write(&path, "two words\nand a remark\n").unwrap();
        assert_eq!(Passphrase::from_file(&path).unwrap().0.as_str(), "two words");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(Passphrase::from_file(&path), Err(KeyFileError::PassphraseEmpty)));
    }

    #[test]
    fn a_passphrase_is_never_printed() {
        assert_eq!(format!("{:?}", passphrase("secret")), "Passphrase(..)");
    }
}
