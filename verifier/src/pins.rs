//! Who signed a name first, where the trust file believes that: trust on first use.
//!
//! Follows spec/pins.md. [`Pins`] are read from `tallymark.lock` beside the trust file. A name that no publisher covers is believed to
//! the key that signed it when it was first verified, and to no other afterwards. Like a [`Memory`](crate::Memory) they are a value;
//! [`load`](crate::load) keeps them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use attest::key::{KeyError, PublicKey};
use attest::model_name::{ModelName, NameError};
use serde::Deserialize;

/// Most names that are pinned.
pub const MAX_PINS: usize = 1 << 14;

/// Largest file, in bytes.
pub const MAX_PINS_BYTES: usize = 8 << 20;

/// What stands on top of the file, for whoever finds it.
const HEAD: &str =
    "# Who signed each name when it was first verified: tallymark, trust on first use.\nversion = 1\n";

/// For each name the key that signed it first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    keys: BTreeMap<ModelName, PublicKey>,
}

/// Why bytes are no pins, or there is no room for another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinsError {
    /// There is no room for one more, and forgetting is no way out.
    #[error("more than {MAX_PINS} pins or {MAX_PINS_BYTES} bytes")]
    Full,
    /// A key that is none.
    #[error("the key of {name} does not parse")]
    Key {
        /// Whose.
        name: String,
        /// Why.
        source: KeyError,
    },
    /// A name that is none.
    #[error("`{seen}` is no name")]
    Name {
        /// The text.
        seen: String,
        /// Why.
        source: NameError,
    },
    /// Not TOML, or not these members.
    #[error("{}", .0.message())]
    Toml(#[from] Box<toml::de::Error>),
    /// One name stands there twice.
    #[error("{name} is pinned twice")]
    Twice {
        /// Which.
        name: ModelName,
    },
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// A version of the file that is not read here.
    #[error("version {seen}, wanted 1")]
    Version {
        /// The number.
        seen: i64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: i64,
    #[serde(default)]
    pin: Vec<PinTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinTable {
    name: String,
    key: String,
}

impl Pins {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: BTreeMap::new() }
    }

    /// Reads the file. People may have put comments and other lines in between; what it says is taken strictly.
    ///
    /// # Errors
    ///
    /// [`PinsError`], each variant one rule that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, PinsError> {
        if bytes.len() > MAX_PINS_BYTES {
            return Err(PinsError::Full);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| PinsError::Utf8)?;
        let file: File = toml::from_str(text).map_err(Box::new)?;
        if file.version != 1 {
            return Err(PinsError::Version { seen: file.version });
        }
        let mut pins = Self::new();
        for PinTable { name: seen, key } in file.pin {
            let name: ModelName = match seen.parse() {
                Ok(name) => name,
                Err(source) => return Err(PinsError::Name { seen, source }),
            };
            let key = PublicKey::from_base64(&key).map_err(|source| PinsError::Key { name: seen, source })?;
            if pins.keys.insert(name.clone(), key).is_some() {
                return Err(PinsError::Twice { name });
            }
        }
        match pins.keys.len() {
            0..=MAX_PINS => Ok(pins),
            _ => Err(PinsError::Full),
        }
    }

    /// Writes the file, by name.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = HEAD.to_owned();
        for (name, key) in &self.keys {
            // Neither a name nor base64 has a character that means something in TOML. Writing into a string cannot fail.
            let _ = write!(text, "\n[[pin]]\nname = \"{name}\"\nkey = \"{}\"\n", key.to_base64());
        }
        text.into_bytes()
    }

    /// The key to which that name is pinned.
    #[must_use]
    pub fn key(&self, name: &ModelName) -> Option<&PublicKey> {
        self.keys.get(name)
    }

    /// The pins, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ModelName, &PublicKey)> {
        self.keys.iter()
    }

    /// The pins with one more. A name that is pinned already stays as it is.
    ///
    /// # Errors
    ///
    /// [`PinsError::Full`].
    pub fn with(&self, name: &ModelName, key: &PublicKey) -> Result<Self, PinsError> {
        let mut next = self.clone();
        next.keys.entry(name.clone()).or_insert_with(|| key.clone());
        if next.keys.len() > MAX_PINS {
            return Err(PinsError::Full);
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=";

    #[test]
    fn what_is_written_is_read_again() {
        let key = PublicKey::from_base64(KEY).unwrap();
        let pins = Pins::new().with(&"acme/churn".parse().unwrap(), &key).unwrap();
        assert_eq!(Pins::parse(&pins.to_bytes()).unwrap(), pins);
        assert_eq!(pins.to_bytes(), include_bytes!("../../testdata/pins/tallymark.lock"));
        assert_eq!(Pins::parse(&Pins::new().to_bytes()).unwrap(), Pins::new());
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        let pin =
            |name: &str, key: &str| format!("version = 1\n[[pin]]\nname = \"{name}\"\nkey = \"{key}\"\n");
        let twice = format!("{}[[pin]]\nname = \"acme/a\"\nkey = \"{KEY}\"\n", pin("acme/a", KEY));
        let more = format!("{}until = 5\n", pin("acme/a", KEY));
        for text in [
            "",
            "version = 2\n",
            &pin("Acme", KEY),
            &pin("acme/*", KEY),
            &pin("acme/a", "AAAA"),
            &twice,
            &more,
        ] {
            assert!(Pins::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
