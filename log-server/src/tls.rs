//! TLS on the server's TCP addresses, with a certificate that is taken anew when its files change.
//!
//! rustls with ring, TLS 1.2 and 1.3, HTTP/1.1 only. The files are read again every few seconds and on SIGHUP. A new
//! pair that does not hold together, half written perhaps, is refused with a line in the log, and the old one stays in
//! use; connections that are open keep what they began with.
//!
//! In scope: the pair and its renewal. Out of scope: getting a certificate, and client certificates: a submitter is
//! known by the key that signs its entries.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// How often the files are looked at.
pub const POLL: Duration = Duration::from_secs(10);
/// Far above a chain of certificates.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Permission bits a private key may not have: anything for others. A group may read it, as is usual for such keys.
const FORBIDDEN_MODE: u32 = 0o007;
const HTTP_1: &[u8] = b"http/1.1";

/// Where the certificate and its key are, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair")]
pub struct TlsFiles {
    /// The certificate, and after it those that lead to the authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The certificate in use.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    // Held only to read or to swap, never while files are read or a handshake runs.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    // Of the files as last tried, taken or refused.
    tried: [u8; 32],
}

impl Tls {
    /// Reads the pair.
    ///
    /// # Errors
    /// [`TlsError`], see its variants.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files)?;
        let (config, tried) = (pair.config(&files)?, pair.digest());
        Ok(Self { files, state: Mutex::new(State { config, tried }) })
    }

    /// Reads the files again; true if there was a new pair and it is in use now.
    ///
    /// # Errors
    /// [`TlsError`] if there is a new pair that cannot be used. The old one stays, and the same bytes are not tried
    /// again.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let pair = Pair::read(&self.files)?;
        let digest = pair.digest();
        if self.with(|state| std::mem::replace(&mut state.tried, digest)) == digest {
            return Ok(false);
        }
        let config = pair.config(&self.files)?;
        self.with(|state| state.config = config);
        Ok(true)
    }

    /// As [`Tls::renew`], with a line in the log about what came of it.
    pub fn renew_and_tell(&self) {
        let cert = self.files.cert.display();
        match self.renew() {
            Ok(true) => tracing::info!(%cert, "new certificate in use"),
            Ok(false) => {}
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%cert, %error, source, "certificate not renewed, the old one stays in use");
            }
        }
    }

    /// Looks at the files for ever.
    pub(crate) async fn keep_new(self: Arc<Self>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let tls = Arc::clone(&self);
            // Two small files, but a disk may hang. A panic in there leaves the old pair.
            let _ = tokio::task::spawn_blocking(move || tls.renew_and_tell()).await;
        }
    }

    /// For one handshake with the newest pair.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.with(|state| Arc::clone(&state.config)).into()
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The two files as read at one time.
struct Pair {
    cert: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let key = File::open(&files.key).map_err(|source| TlsError::io(&files.key, source))?;
        let mode = key.metadata().map_err(|source| TlsError::io(&files.key, source))?.mode() & 0o777;
        if mode & FORBIDDEN_MODE != 0 {
            return Err(TlsError::Permissions { path: files.key.clone(), mode });
        }
        let cert = File::open(&files.cert).map_err(|source| TlsError::io(&files.cert, source))?;
        Ok(Self { cert: contents(&files.cert, cert)?, key: contents(&files.key, key)? })
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update((self.cert.len() as u64).to_be_bytes());
        hash.update(self.cert.as_slice());
        hash.update(self.key.as_slice());
        hash.finalize().into()
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&self.cert).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|source| TlsError::Pem { path: files.cert.clone(), source })?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|source| TlsError::Pem { path: files.key.clone(), source })?;
        let unusable = |source| TlsError::Pair { cert: files.cert.clone(), key: files.key.clone(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(Arc::new(config))
    }
}

fn contents(path: &Path, file: File) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|source| TlsError::io(path, source))?;
    Ok(bytes)
}

/// Why there is no certificate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The two files do not make a pair.
    #[error("{} and {} cannot be used together", cert.display(), key.display())]
    Pair {
        /// File of the certificate.
        cert: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// A file is not PEM, or not of the right thing.
    #[error("{}: no PEM of the kind that belongs there", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// Anybody may read the key.
    #[error("{}: permissions are {mode:03o}, wanted 640 or stricter", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl TlsError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Permissions { .. } => Some("chmod 640 the key file, or 600"),
            Self::Pair { .. } => {
                Some("tls.cert holds the server's own certificate first, tls.key the key it was made for")
            }
            Self::Pem { .. } => Some(
                "both files are PEM: tls.cert begins with BEGIN CERTIFICATE, tls.key with BEGIN PRIVATE KEY",
            ),
            Self::Io { .. } => None,
        }
    }
}
