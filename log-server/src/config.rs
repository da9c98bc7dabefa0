//! `log.toml`: what a log is. Written once by `init`, read at every start, never changed by the program.
//!
//! ```toml
//! version = 1
//! vkey = "example.org/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
//! conformance = false
//! ```
//!
//! A `[signer]` table says where the key is if not in the directory ([`crate::signing::place`]).
//!
//! The vkey holds the origin (its name) and ties the directory to one key: a key file put in from elsewhere is
//! noticed before anything is signed with it. How the server listens is not here; that is said on each start.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;
use tlog::checkpoint::Origin;
use tlog::vkey::Vkey;

use crate::signing::place::KeyPlace;

/// The one format of the data directory that this program knows.
pub const FORMAT_VERSION: u32 = 1;
/// Far above what `init` writes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Which entries a log takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Signed entries only.
    Service,
    /// Any bytes, through `POST /add` besides: for test tools written for other logs.
    Conformance,
}

/// What a log is.
#[derive(Debug, Clone)]
pub struct Config {
    vkey: Vkey,
    origin: Origin,
    mode: Mode,
    key_place: KeyPlace,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    vkey: String,
    conformance: bool,
    #[serde(default)]
    signer: KeyPlace,
}

impl Config {
    /// The configuration of a new log.
    #[must_use]
    pub fn new(vkey: Vkey, mode: Mode) -> Self {
        Self { origin: Origin::from(vkey.name()), vkey, mode, key_place: KeyPlace::File }
    }

    /// The same log with its key in another place.
    #[must_use]
    pub fn with_key_at(self, key_place: KeyPlace) -> Self {
        Self { key_place, ..self }
    }

    /// Reads `log.toml`.
    ///
    /// # Errors
    /// [`ConfigError::NotALog`] if there is none, [`ConfigError::Syntax`], [`ConfigError::Version`],
    /// [`ConfigError::BadVkey`], [`ConfigError::Io`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ConfigError::NotALog { path: path.to_owned() },
            _ => ConfigError::Io { path: path.to_owned(), source },
        })?;
        let mut text = String::new();
        let read = file.take(MAX_FILE_BYTES).read_to_string(&mut text);
        read.map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        let document: Document =
            toml::from_str(&text).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })?;
        if document.version != FORMAT_VERSION {
            return Err(ConfigError::Version { path: path.to_owned(), version: document.version });
        }
        let vkey = document.vkey.parse().map_err(|_| ConfigError::BadVkey { text: document.vkey })?;
        let mode = if document.conformance { Mode::Conformance } else { Mode::Service };
        Ok(Self::new(vkey, mode).with_key_at(document.signer))
    }

    /// Writes `log.toml`, which must not exist, and waits until it is on disk.
    ///
    /// # Errors
    /// [`ConfigError::Io`].
    pub fn create(&self, path: &Path) -> Result<(), ConfigError> {
        // Neither a vkey nor a bool needs escaping in TOML: a vkey has no white space, quote or control byte
        // (the name is checked by its type, the rest is hex and base64).
        let mut text = format!(
            "version = {FORMAT_VERSION}\nvkey = {:?}\nconformance = {}\n",
            self.vkey.to_string(),
            self.mode == Mode::Conformance
        );
        if self.key_place != KeyPlace::File {
            text.push_str("\n[signer]\n");
            // A table of strings: JSON escapes in them what TOML does.
            let fields = serde_json::to_value(&self.key_place);
            let fields = fields.map_err(|source| ConfigError::Place { source })?;
            for (name, value) in fields.as_object().into_iter().flatten() {
                text.push_str(&format!("{name} = {value}\n"));
            }
        }
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        written.map_err(|source| ConfigError::Io { path: path.to_owned(), source })
    }

    /// The log's public key with its name.
    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The log's name; equal to the vkey's.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Which entries it takes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Where its key is.
    #[must_use]
    pub fn key_place(&self) -> &KeyPlace {
        &self.key_place
    }

    /// The line that names this log in a policy (C2SP tlog-policy).
    #[must_use]
    pub fn policy_line(&self) -> String {
        format!("log {}", self.vkey)
    }
}

/// Why `log.toml` cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The vkey does not parse.
    #[error("{text:?} is not the vkey of a log")]
    BadVkey {
        /// What stands there.
        text: String,
    },
    /// The file could not be read or written.
    #[error("could not use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no `log.toml`.
    #[error("{}: no such file, this is not the directory of a log", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// The place of the key cannot be written down: a path is not UTF-8.
    #[error("the place of the key cannot be written down")]
    Place {
        /// Why.
        source: serde_json::Error,
    },
    /// Not TOML, or unknown, missing or mistyped keys.
    #[error("{}: not a log configuration", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where reading stopped.
        source: toml::de::Error,
    },
    /// Written by another version of this program.
    #[error("{}: format version {version}, this program knows {FORMAT_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it states.
        version: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vkey() -> Vkey {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        Vkey::ed25519("example.org/log".parse().unwrap(), key.verifying_key().as_bytes()).unwrap()
    }

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn a_configuration_reads_back_as_written() {
        for mode in [Mode::Service, Mode::Conformance] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log.toml");
            Config::new(vkey(), mode).create(&path).unwrap();
            let config = Config::read(&path).unwrap();
            assert_eq!(config.vkey().to_string(), vkey().to_string());
            assert_eq!(config.origin().to_string(), "example.org/log");
            assert_eq!(config.mode(), mode);
        }
    }

    #[test]
    fn every_place_of_a_key_reads_back_as_written() {
        let token = held_key::place::TokenPlace {
            module: "/usr/lib/\"odd\\ name\".so".into(),
            token: "log\u{1}".to_owned(),
            key: "log key".to_owned(),
            pin_file: Some("/pin".into()),
        };
        for place in [
            KeyPlace::File,
            KeyPlace::SshAgent { socket: None },
            KeyPlace::SshAgent { socket: Some("/run/agent".into()) },
            KeyPlace::Process { socket: "/run/signer".into() },
            KeyPlace::Pkcs11(token),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log.toml");
            Config::new(vkey(), Mode::Service).with_key_at(place.clone()).create(&path).unwrap();
            assert_eq!(Config::read(&path).unwrap().key_place(), &place);
        }
    }

    #[test]
    fn an_unknown_kind_or_field_of_a_signer_is_refused() {
        for signer in
            ["kind = \"paper\"", "kind = \"process\"", "kind = \"file\"\nsocket = \"x\"", "socket = \"x\""]
        {
            let text =
                format!("version = 1\nvkey = \"{}\"\nconformance = false\n[signer]\n{signer}\n", vkey());
            assert!(matches!(read(&text), Err(ConfigError::Syntax { .. })), "{signer}");
        }
    }

    #[test]
    fn another_format_version_is_refused() {
        let text = format!("version = 2\nvkey = \"{}\"\nconformance = false\n", vkey());
        assert!(matches!(read(&text), Err(ConfigError::Version { version: 2, .. })));
    }

    #[test]
    fn an_unknown_or_missing_key_is_refused() {
        let text = format!("version = 1\nvkey = \"{}\"\nconformance = false\nextra = 1\n", vkey());
        assert!(matches!(read(&text), Err(ConfigError::Syntax { .. })));
        assert!(matches!(read("version = 1\nconformance = false\n"), Err(ConfigError::Syntax { .. })));
    }

    #[test]
    fn a_damaged_vkey_is_refused() {
        let text = "version = 1\nvkey = \"example.org/log+00000000+AQ==\"\nconformance = false\n";
        assert!(matches!(read(text), Err(ConfigError::BadVkey { .. })));
    }

    #[test]
    fn a_directory_without_configuration_is_no_log() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Config::read(&dir.path().join("log.toml")), Err(ConfigError::NotALog { .. })));
    }
}
