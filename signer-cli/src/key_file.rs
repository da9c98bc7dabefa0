//! Key files: where they lie and who may read them.
//!
//! A private key is PKCS#8 in PEM, encrypted unless asked otherwise, in a file that only its owner may open
//! (0600). The public key lies beside it with `.pub` added to the name. Files are created, never overwritten.
//!
//! In scope: files and permissions. Out of scope: what is inside, which is [`attest::key`], and what opens it,
//! which is [`crate::passphrase`].

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use attest::key::{KeyError, PrivateKey, PublicKey, is_encrypted};
use zeroize::Zeroizing;

use crate::passphrase::{Asking, passphrase_for};

/// Largest key file, in bytes. An encrypted P-256 key has about 400.
const MAX_KEY_BYTES: u64 = 16 << 10;

/// Why a key could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// A file is in the place where a new one should go.
    #[error("{path} exists already, want a new file")]
    Exists { path: PathBuf },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    /// Others than the owner may read or change the private key.
    #[error("private key {path} has mode {mode:04o}, want 0600")]
    Loose { path: PathBuf, mode: u32 },
    /// Not a key, or the passphrase is another one.
    #[error("{path} cannot be used as a private key")]
    Malformed { path: PathBuf, source: KeyError },
    /// There is no key there.
    #[error("no private key at {path}")]
    Missing { path: PathBuf },
    /// Neither XDG_DATA_HOME nor HOME is set.
    #[error("neither XDG_DATA_HOME nor HOME is set, want one of them or --key")]
    NoHome,
    /// The key is encrypted and there is nobody to ask.
    #[error("a passphrase is needed for {path} and there is no terminal to ask on")]
    NoPassphrase { path: PathBuf },
    /// Not a file with text in it.
    #[error("{path} is not a regular file, want a key file")]
    NotAFile { path: PathBuf },
    /// Not UTF-8.
    #[error("{path} is not text")]
    NotText { path: PathBuf },
    /// What is there cannot be a token.
    #[error("{origin} holds no token: wanted one line without spaces")]
    TokenUnfit { origin: String },
    /// The passphrase has no character.
    #[error("the passphrase from {origin} is empty")]
    PassphraseEmpty { origin: String },
    /// Typed twice and not the same.
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    /// The public half, where the private one is needed.
    #[error("{path} holds a public key, want a private one")]
    Public { path: PathBuf },
    /// More bytes than a key has.
    #[error("{path} has {size} bytes, want at most {limit}")]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
}

/// Where the private key lies: as given, else the default place.
///
/// # Errors
/// [`KeyFileError::NoHome`].
pub(crate) fn locate(given: Option<&Path>) -> Result<PathBuf, KeyFileError> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("tallymark/key.pem")).ok_or(KeyFileError::NoHome)
}

/// The public key's place: `.pub` added to the private key's name.
pub(crate) fn public_path(private: &Path) -> PathBuf {
    let mut name = OsString::from(private);
    name.push(".pub");
    name.into()
}

/// Reads the private key at `path`, asking for its passphrase if it is encrypted.
///
/// # Errors
/// [`KeyFileError::Loose`] for a file that others may open, before a byte is read; [`KeyFileError::Malformed`] for a wrong
/// passphrase too; else as the variants say.
pub(crate) fn read_private(path: &Path, passphrase_file: Option<&Path>) -> Result<PrivateKey, KeyFileError> {
    let (pem, passphrase) = read_pem(path, passphrase_file)?;
    PrivateKey::from_pem(&pem, passphrase.as_ref().map(|passphrase| passphrase.as_bytes()))
        .map_err(|source| KeyFileError::Malformed { path: path.to_owned(), source })
}

/// Reads the text of a private key of any kind, and asks for its passphrase if it is encrypted.
///
/// # Errors
/// As [`read_private`], but for what is inside.
pub(crate) fn read_pem(
    path: &Path,
    passphrase_file: Option<&Path>,
) -> Result<(Zeroizing<String>, Option<Zeroizing<String>>), KeyFileError> {
    let io = |act| move |source| KeyFileError::Io { act, path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => KeyFileError::Missing { path: path.to_owned() },
        _ => KeyFileError::Io { act: "open", path: path.to_owned(), source },
    })?;
    // The open file is looked at, not the path: the path may be another file by now.
    let metadata = file.metadata().map_err(io("look at"))?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let pem = read_text(&file, path, MAX_KEY_BYTES)?;
    if pem.contains("BEGIN PUBLIC KEY") {
        return Err(KeyFileError::Public { path: path.to_owned() });
    }
    refuse_loose(path, &metadata)?;
    let passphrase =
        if is_encrypted(&pem) { Some(passphrase_for(path, passphrase_file, Asking::Once)?) } else { None };
    Ok((pem, passphrase))
}

#[cfg(unix)]
fn refuse_loose(path: &Path, metadata: &std::fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::Loose { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_loose(_: &Path, _: &std::fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

/// Reads a small text whose bytes are wiped when they are no longer needed.
pub(crate) fn read_text(file: &File, path: &Path, limit: u64) -> Result<Zeroizing<String>, KeyFileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|source| KeyFileError::Io {
        act: "read",
        path: path.to_owned(),
        source,
    })?;
    let size = bytes.len() as u64;
    if size > limit {
        return Err(KeyFileError::TooLarge { path: path.to_owned(), size, limit });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyFileError::NotText { path: path.to_owned() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Refuses if a private or public key is already where a new pair should go.
///
/// # Errors
/// [`KeyFileError::Exists`]. The files are created exclusively all the same; this one asks before the passphrase is.
pub(crate) fn refuse_existing(private: &Path) -> Result<(), KeyFileError> {
    for path in [private.to_owned(), public_path(private)] {
        if path.symlink_metadata().is_ok() {
            return Err(KeyFileError::Exists { path });
        }
    }
    Ok(())
}

/// Makes the directory of the default place, for nobody but the owner.
///
/// # Errors
/// [`KeyFileError::Io`].
pub(crate) fn make_parent(private: &Path) -> Result<(), KeyFileError> {
    let Some(parent) = private.parent() else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent).map_err(|source| KeyFileError::Io {
        act: "make directory",
        path: parent.to_owned(),
        source,
    })
}

/// Writes a new pair of files: the private key (0600) and the public one. Both or none.
///
/// # Errors
/// [`KeyFileError::Exists`] if either is there, [`KeyFileError::Io`] if the system refuses.
pub(crate) fn write_pair(private: &Path, pem: &str, public: &PublicKey) -> Result<(), KeyFileError> {
    write_new(private, 0o600, pem)?;
    write_new(&public_path(private), 0o644, &public.to_pem()).inspect_err(|_| {
        // We created it a moment ago and nobody has used it. If it cannot be removed, the first error says
        // enough.
        drop(std::fs::remove_file(private));
    })
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let io = |act| move |source| KeyFileError::Io { act, path: path.to_owned(), source };
    let mut file = options.open(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Io { act: "create", path: path.to_owned(), source },
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io("write"))?;
    sync_parent(path).map_err(io("sync the directory of"))
}

/// Makes the entry of `path` in its directory durable.
pub(crate) fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use attest::key::Algorithm;

    use super::*;

    fn pair(dir: &Path) -> (PathBuf, PublicKey) {
        let key = PrivateKey::generate(Algorithm::Ed25519).expect("randomness");
        let path = dir.join("key.pem");
        write_pair(&path, &key.to_pem_plain().expect("PEM"), &key.public_key()).expect("a new pair");
        (path, key.public_key())
    }

    #[test]
    fn new_pair_is_private_and_read_back() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (path, public) = pair(dir.path());
        let mode = |path: &Path| path.metadata().expect("exists").permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&public_path(&path)) & 0o600, 0o600);
        let read = read_private(&path, None).expect("readable").public_key();
        assert_eq!(read.key_id(), public.key_id());
        let text = std::fs::read_to_string(public_path(&path)).expect("readable");
        assert_eq!(PublicKey::from_pem(&text).expect("a public key").key_id(), public.key_id());
    }

    #[test]
    fn neither_half_is_overwritten_and_no_half_pair_stays() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (path, public) = pair(dir.path());
        let before = std::fs::read(&path).expect("readable");
        let refused = write_pair(&path, "other", &public).expect_err("it exists");
        assert!(matches!(refused, KeyFileError::Exists { .. }), "{refused}");
        assert_eq!(std::fs::read(&path).expect("readable"), before);

        std::fs::remove_file(&path).expect("remove");
        let refused = write_pair(&path, "other", &public).expect_err("the public half exists");
        assert!(matches!(refused, KeyFileError::Exists { .. }), "{refused}");
        assert!(!path.exists());
    }

    #[test]
    fn key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (path, _) = pair(dir.path());
        for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("chmod");
            let refused = read_private(&path, None).expect_err("loose");
            assert!(matches!(refused, KeyFileError::Loose { mode: seen, .. } if seen == mode), "{refused}");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).expect("chmod");
        read_private(&path, None).expect("tighter than 0600 is well");
    }

    #[test]
    fn other_files_are_refused_by_what_they_are() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (path, _) = pair(dir.path());
        let refused = |path: &Path| read_private(path, None).expect_err("not a private key");
        assert!(matches!(refused(&public_path(&path)), KeyFileError::Public { .. }));
        assert!(matches!(refused(dir.path()), KeyFileError::NotAFile { .. }));
        assert!(matches!(refused(&dir.path().join("none")), KeyFileError::Missing { .. }));
        let large = dir.path().join("large");
        std::fs::write(&large, vec![b'a'; 20_000]).expect("write");
        assert!(matches!(refused(&large), KeyFileError::TooLarge { .. }));
        let binary = dir.path().join("binary");
        std::fs::write(&binary, [0xff]).expect("write");
        assert!(matches!(refused(&binary), KeyFileError::NotText { .. }));
    }
}
