//! `DIR/witness.toml`: what the witness is, and its settings, in one file.
//!
//! ```toml
//! format = "tallymark-witness/v1"
//! vkey = "witness.example.org/w1+…"
//! vkey-ml-dsa = "…"                     # left out: no such key
//! [signer]                              # left out: the Ed25519 key is DIR/key.pem
//! kind = "ssh-agent"                    # or "pkcs11"; the rest is in held_key::place, spelled as in log.toml
//! [settings]
//! ```
//!
//! What stands above `[settings]` is written by `init`. Name and keys never change; where the Ed25519 key is may, as long as it is that key.
//! The settings are the operator's; flags and variables are put over them by the program.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use held_key::place::Place;
use serde::Deserialize;
use thiserror::Error;
use tlog::vkey::{KeyAlgorithm, KeyName, Vkey, VkeyError};

use crate::data_dir::{self, DataDirError};

/// First line of the file, and what it has to say.
const FORMAT: &str = "tallymark-witness/v1";
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The Ed25519 verifier key; its name is that of the witness.
    pub vkey: Vkey,
    /// The ML-DSA-44 verifier key as text, if there is one.
    pub vkey_ml_dsa: Option<String>,
    /// Who holds the Ed25519 key; `None` if it is in `DIR/key.pem`.
    pub signer: Option<Place>,
    /// What the operator set.
    pub settings: Settings,
}

/// What an operator may set in the file, by flag or by variable. Absent is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "made by the program and by tests")]
pub struct Settings {
    /// Where to listen for logs and monitors.
    pub listen: Option<SocketAddr>,
    /// Where to serve metrics.
    pub listen_admin: Option<SocketAddr>,
    /// Path in front of everything, as `/witness`.
    pub path: Option<String>,
    /// Lists of logs that others keep.
    pub log_lists: Option<Vec<PathBuf>>,
    /// `text` or `json`.
    pub log_format: Option<LineFormat>,
    /// Open connections.
    pub max_connections: Option<usize>,
    /// Open connections of one address.
    pub max_connections_per_address: Option<usize>,
    /// File with the passphrase of the keys.
    pub passphrase_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there are these two")]
pub enum LineFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Raw {
    format: String,
    vkey: String,
    vkey_ml_dsa: Option<String>,
    signer: Option<Place>,
    #[serde(default)]
    settings: Settings,
}

impl Config {
    /// Reads `DIR/witness.toml`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(dir: &Path) -> Result<Self, ConfigError> {
        use std::io::Read as _;
        let path = Self::path(dir);
        let io = |source| ConfigError::Io { path: path.clone(), source };
        let mut text = String::new();
        let file = std::fs::File::open(&path).map_err(io)?;
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(io)?;
        Self::parse(&path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let path = || path.to_owned();
        let raw: Raw = toml::from_str(text)
            .map_err(|source| ConfigError::Toml { path: path(), source: Box::new(source) })?;
        if raw.format != FORMAT {
            return Err(ConfigError::Format { path: path(), seen: raw.format });
        }
        let vkey: Vkey = raw.vkey.parse().map_err(|source| ConfigError::Vkey { path: path(), source })?;
        if vkey.algorithm() != KeyAlgorithm::CosignatureEd25519 {
            return Err(ConfigError::KeyAlgorithm { path: path(), seen: vkey.algorithm() });
        }
        if let Some(prefix) = raw.settings.path.as_deref().filter(|prefix| !is_prefix(prefix)) {
            return Err(ConfigError::Prefix { seen: prefix.to_owned() });
        }
        Ok(Self { vkey, vkey_ml_dsa: raw.vkey_ml_dsa, signer: raw.signer, settings: raw.settings })
    }

    /// Writes the file of a new witness.
    ///
    /// # Errors
    /// [`DataDirError::Io`], also if a path in `signer` is not UTF-8.
    pub fn create(
        dir: &Path,
        vkey: &Vkey,
        vkey_ml_dsa: Option<&str>,
        signer: Option<&Place>,
    ) -> Result<(), DataDirError> {
        // A name may have quotes and backslashes; a string of JSON is one of TOML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!("format = \"{FORMAT}\"\nvkey = {}\n", quoted(&vkey.to_string()));
        if let Some(vkey) = vkey_ml_dsa {
            text.push_str(&format!("vkey-ml-dsa = {}\n", quoted(vkey)));
        }
        if let Some(place) = signer {
            text.push_str("\n[signer]\n");
            // Strings all of them, so again what JSON writes TOML reads.
            let fields = serde_json::to_value(place);
            let fields =
                fields.map_err(|source| DataDirError::io(&Self::path(dir), "write", source.into()))?;
            for (name, value) in fields.as_object().into_iter().flatten() {
                text.push_str(&format!("{name} = {value}\n"));
            }
        }
        text.push_str(
            "\n# Flags and TALLYMARK_WITNESS_* win over these.\n[settings]\n# listen = \"127.0.0.1:7380\"\n",
        );
        data_dir::replace(&Self::path(dir), text.as_bytes())
    }

    /// Where it is.
    #[must_use]
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("witness.toml")
    }

    /// The name of the witness.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        self.vkey.name()
    }
}

/// Whether a path can stand in front of everything: empty, or `/` and plain segments, no slash at the end.
#[must_use]
pub fn is_prefix(path: &str) -> bool {
    path.is_empty()
        || path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|segment| {
                !segment.is_empty()
                    && segment
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
                    && !segment.starts_with('.')
            })
        })
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Another format.
    #[error("{}: format {seen:?}, wanted {FORMAT:?}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says.
        seen: String,
    },
    /// The system refused.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key is no witness's.
    #[error("{}: the key is for {seen}, wanted one for cosignatures", path.display())]
    KeyAlgorithm {
        /// The file.
        path: PathBuf,
        /// What the key is for.
        seen: KeyAlgorithm,
    },
    /// The path in front of everything is none.
    #[error("path {seen:?}, wanted / and segments of letters, digits, - _ . without a / at the end")]
    Prefix {
        /// What was seen.
        seen: String,
    },
    /// Not TOML, or with unknown keys.
    #[error("{}: not understood", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where it stops.
        source: Box<toml::de::Error>,
    },
    /// The key is refused.
    #[error("{}: the key is refused", path.display())]
    Vkey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: VkeyError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "witness.example.org/w1+f3c080b6+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

    #[test]
    fn what_is_written_is_read_and_what_is_unknown_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Config::create(dir.path(), &VKEY.parse().unwrap(), Some("x"), None).unwrap();
        let read = Config::read(dir.path()).unwrap();
        assert_eq!((read.vkey.to_string(), read.vkey_ml_dsa.as_deref()), (VKEY.to_owned(), Some("x")));
        assert_eq!((read.signer, read.settings), (None, Settings::default()));
        let parse = |text: &str| Config::parse(Path::new("w"), text);
        let text = format!("format = \"{FORMAT}\"\nvkey = \"{VKEY}\"\n");
        let set =
            format!("{text}[settings]\nlisten = \"127.0.0.1:1\"\nlog-format = \"json\"\npath = \"/w\"\n");
        assert_eq!(parse(&set).unwrap().settings.log_format, Some(LineFormat::Json));
        assert!(matches!(parse(&format!("{text}x = 1\n")), Err(ConfigError::Toml { .. })));
        assert!(matches!(parse(&format!("{text}[settings]\nlisen = \"\"\n")), Err(ConfigError::Toml { .. })));
        assert!(matches!(parse(&text.replace("/v1\"", "/v2\"")), Err(ConfigError::Format { .. })));
        assert!(matches!(
            parse(&format!("{text}[settings]\npath = \"w\"\n")),
            Err(ConfigError::Prefix { .. })
        ));
    }

    #[test]
    fn where_a_held_key_is_reads_back_as_written() {
        for place in [
            r#"{"kind":"ssh-agent"}"#,
            r#"{"kind":"ssh-agent","socket":"/run/\"odd\\ name\""}"#,
            r#"{"kind":"pkcs11","module":"/m.so","token":"t\u0001","key":"witness key","pin_file":"/pin"}"#,
        ] {
            let place: Place = serde_json::from_str(place).unwrap();
            let dir = tempfile::tempdir().unwrap();
            Config::create(dir.path(), &VKEY.parse().unwrap(), None, Some(&place)).unwrap();
            let read = Config::read(dir.path()).unwrap();
            assert_eq!((read.signer.as_ref(), read.vkey_ml_dsa.as_deref()), (Some(&place), None));
        }
        let parse = |text: &str| Config::parse(Path::new("w"), text);
        for signer in
            ["kind = \"file\"", "kind = \"pkcs11\"", "socket = \"x\"", "kind = \"ssh-agent\"\nx = 1"]
        {
            let text = format!("format = \"{FORMAT}\"\nvkey = \"{VKEY}\"\n[signer]\n{signer}\n");
            assert!(matches!(parse(&text), Err(ConfigError::Toml { .. })), "{signer}");
        }
    }

    #[test]
    fn a_path_in_front_is_plain() {
        assert!(["", "/w", "/a/b-c_1.0"].into_iter().all(is_prefix));
        assert!(
            !["/", "w", "/w/", "//w", "/a//b", "/..", "/a/../b", "/%2e", "/a?"].into_iter().any(is_prefix)
        );
    }
}
