//! Where a held key is, as `log.toml` and `witness.toml` say it.
//!
//! ```toml
//! [signer]
//! kind = "ssh-agent"                    # or "pkcs11"
//! socket = "/run/user/990/agent"        # of the agent, otherwise $SSH_AUTH_SOCK
//! module = "/usr/lib/softhsm/libsofthsm2.so"    # pkcs11 only, these four
//! token = "log"
//! key = "log key"
//! pin_file = "/run/credentials/pin"     # otherwise a variable, which each program names
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{KeyError, agent};

/// Where the key is, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Place {
    /// In an ssh-agent.
    SshAgent {
        /// Its socket; `None` takes `SSH_AUTH_SOCK`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        socket: Option<PathBuf>,
    },
    /// In a PKCS#11 token.
    Pkcs11(TokenPlace),
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
    /// File whose first line is the PIN; otherwise a variable holds it, which each program names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
}

impl Place {
    /// Who holds the key, in words.
    #[must_use]
    pub const fn keeper(&self) -> &'static str {
        match self {
            Self::SshAgent { .. } => "the ssh-agent",
            Self::Pkcs11(_) => "the PKCS#11 token",
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_as_written_and_what_is_unknown_is_refused() {
        let token = TokenPlace {
            module: "/usr/lib/\"odd\\ name\".so".into(),
            token: "log\u{1}".to_owned(),
            key: "log key".to_owned(),
            pin_file: Some("/pin".into()),
        };
        for place in [
            Place::SshAgent { socket: None },
            Place::SshAgent { socket: Some("/run/agent".into()) },
            Place::Pkcs11(token),
        ] {
            let text = serde_json::to_string(&place).unwrap();
            assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place, "{text}");
        }
        for bad in [
            r#"{"kind":"paper"}"#,
            r#"{"socket":"x"}"#,
            r#"{"kind":"ssh-agent","sockets":"x"}"#,
            r#"{"kind":"pkcs11","module":"m","token":"t"}"#,
            r#"{"kind":"pkcs11","module":"m","token":"t","key":"k","pin":"4711"}"#,
        ] {
            assert!(serde_json::from_str::<Place>(bad).is_err(), "{bad}");
        }
    }
}
