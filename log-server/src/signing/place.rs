//! Where a log's key is, as `log.toml` says it.
//!
//! ```toml
//! [signer]                              # left out: the key is DIR/key.pem
//! kind = "process"                      # "ssh-agent", "pkcs11", "process"
//! socket = "/run/tallymark/signer"      # of the process; of the agent, otherwise $SSH_AUTH_SOCK
//! module = "/usr/lib/softhsm/libsofthsm2.so"    # pkcs11 only, these four
//! token = "log"
//! key = "log key"
//! pin_file = "/run/credentials/pin"     # otherwise $TALLYMARK_LOG_PIN
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::agent::{self, AgentKey};
use super::remote::RemoteKey;
use super::{HeadKey, KeyError};

/// Where the key is, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum KeyPlace {
    /// In `DIR/key.pem`.
    #[default]
    #[serde(skip)]
    File,
    /// In an ssh-agent.
    SshAgent {
        /// Its socket; `None` takes `SSH_AUTH_SOCK`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        socket: Option<PathBuf>,
    },
    /// In a PKCS#11 token.
    Pkcs11(TokenPlace),
    /// In a process of its own (`tallymark-log sign-heads`).
    Process {
        /// Its socket.
        socket: PathBuf,
    },
}

/// Where a token's key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPlace {
    /// The module, a shared library.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// Label of the private key and of its public key.
    pub key: String,
    /// File whose first line is the PIN; otherwise `TALLYMARK_LOG_PIN` holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
}

impl KeyPlace {
    /// The key there that has these 32 bytes. `None` for [`KeyPlace::File`], which only the directory knows.
    ///
    /// # Errors
    /// [`KeyError`], see its variants.
    pub fn open(&self, public_key: &[u8; 32]) -> Result<Option<Box<dyn HeadKey>>, KeyError> {
        Ok(match self {
            Self::File => None,
            Self::SshAgent { socket } => {
                Some(Box::new(AgentKey::open(agent_socket(socket.as_ref())?, *public_key)?))
            }
            Self::Pkcs11(place) => Some(token_key(place)?),
            Self::Process { socket } => Some(Box::new(RemoteKey::new(socket.clone(), *public_key))),
        })
    }
}

/// The agent's socket: the named one, else that of the environment.
///
/// # Errors
/// [`KeyError::Io`] if there is neither.
pub fn agent_socket(named: Option<&PathBuf>) -> Result<PathBuf, KeyError> {
    let found = named.cloned().or_else(|| std::env::var_os(agent::SOCKET_ENV).map(PathBuf::from));
    found.ok_or_else(|| KeyError::Io {
        act: "find the ssh-agent",
        source: std::io::Error::other("no socket is named and SSH_AUTH_SOCK is not set"),
    })
}

#[cfg(feature = "pkcs11")]
fn token_key(place: &TokenPlace) -> Result<Box<dyn HeadKey>, KeyError> {
    Ok(Box::new(super::token::TokenKey::open(place)?))
}

#[cfg(not(feature = "pkcs11"))]
fn token_key(_: &TokenPlace) -> Result<Box<dyn HeadKey>, KeyError> {
    let source = "this program was built without PKCS#11".into();
    Err(KeyError::Token { source })
}
