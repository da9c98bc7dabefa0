//! Whose entries a log takes before it has looked at them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// Who may submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum Writes {
    /// Nobody; the log can only be read.
    Off,
    /// Anybody.
    Open,
    /// Who has a token.
    Token,
}

impl FromStr for Writes {
    type Err = WritesError;

    fn from_str(text: &str) -> Result<Self, WritesError> {
        match text {
            "off" => Ok(Self::Off),
            "open" => Ok(Self::Open),
            "token" => Ok(Self::Token),
            _ => Err(WritesError { text: text.chars().take(64).collect() }),
        }
    }
}

impl TryFrom<String> for Writes {
    type Error = WritesError;

    fn try_from(text: String) -> Result<Self, WritesError> {
        text.parse()
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Open => "open",
            Self::Token => "token",
        })
    }
}

/// None of the three.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("writes is {text:?}, wanted open, token or off")]
pub struct WritesError {
    /// The first 64 characters of what was given.
    pub text: String,
}
