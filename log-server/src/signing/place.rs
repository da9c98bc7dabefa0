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

use held_key::place::{Place, TokenPlace};
use serde::{Deserialize, Serialize};

use super::remote::RemoteKey;
use super::{HeadKey, KeyError, held};

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

impl KeyPlace {
    /// The key there that has these 32 bytes. `None` for [`KeyPlace::File`], which only the directory knows.
    ///
    /// # Errors
    /// [`KeyError`], see its variants.
    pub fn open(&self, public_key: &[u8; 32]) -> Result<Option<Box<dyn HeadKey>>, KeyError> {
        Ok(match self {
            Self::File => None,
            Self::SshAgent { socket } => {
                Some(held::open(&Place::SshAgent { socket: socket.clone() }, public_key)?)
            }
            Self::Pkcs11(place) => Some(held::open(&Place::Pkcs11(place.clone()), public_key)?),
            Self::Process { socket } => Some(Box::new(RemoteKey::new(socket.clone(), *public_key))),
        })
    }
}
