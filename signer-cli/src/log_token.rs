//! The token with which a log lets us in: from a file or from the environment, never from an argument, which every
//! user of the machine could read.

use std::fs::File;
use std::path::Path;

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::key_file::{KeyFileError, read_text};

/// Longest token file, in bytes; only its first line counts.
const MAX_TOKEN_FILE_BYTES: u64 = 4 << 10;
/// The variable that holds a token.
pub(crate) const TOKEN_VARIABLE: &str = "TALLYMARK_LOG_TOKEN";

/// A token, wiped from memory when dropped and never printed.
pub(crate) struct LogToken(Zeroizing<String>);

impl LogToken {
    /// Finds a token in the file, else in the variable; `None` if neither is named.
    ///
    /// # Errors
    /// [`KeyFileError::Io`], [`KeyFileError::NotText`], [`KeyFileError::TooLarge`], and [`KeyFileError::TokenUnfit`] if
    /// it could not stand in a line of HTTP.
    pub(crate) fn find(file: Option<&Path>) -> Result<Option<Self>, KeyFileError> {
        if let Some(path) = file {
            let act = "open token file";
            let opened =
                File::open(path).map_err(|source| KeyFileError::Io { act, path: path.to_owned(), source })?;
            let text = read_text(&opened, path, MAX_TOKEN_FILE_BYTES)?;
            return Self::new(text.lines().next().unwrap_or_default(), &path.display().to_string()).map(Some);
        }
        Self::in_variable(TOKEN_VARIABLE)
    }

    /// The token in a variable of the environment; `None` if it is not set. A hub's tokens have the form of a log's.
    ///
    /// # Errors
    /// [`KeyFileError::NotText`] and [`KeyFileError::TokenUnfit`].
    pub(crate) fn in_variable(name: &str) -> Result<Option<Self>, KeyFileError> {
        match std::env::var(name) {
            Ok(text) => Self::new(&Zeroizing::new(text), name).map(Some),
            Err(std::env::VarError::NotUnicode(_)) => Err(KeyFileError::NotText { path: name.into() }),
            Err(std::env::VarError::NotPresent) => Ok(None),
        }
    }

    fn new(text: &str, origin: &str) -> Result<Self, KeyFileError> {
        let is_fit = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_fit {
            return Err(KeyFileError::TokenUnfit { origin: origin.to_owned() });
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The value of `Authorization`, marked so that no log of the HTTP client shows it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let line = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&line).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl std::fmt::Debug for LogToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_the_first_line_of_its_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        std::fs::write(&path, "tallymark_abc\nmore\n").expect("written");
        let token = LogToken::find(Some(&path)).expect("a token").expect("one");
        assert_eq!(token.header().expect("a value"), "Bearer tallymark_abc");
        assert_eq!(format!("{token:?} {:?}", token.header()), "LogToken(..) Some(Sensitive)");
        for unfit in ["", "\n", "a b\n", "a\tb", "é"] {
            std::fs::write(&path, unfit).expect("written");
            let refused = LogToken::find(Some(&path)).expect_err("unfit");
            assert!(matches!(refused, KeyFileError::TokenUnfit { .. }), "{unfit:?}");
        }
    }
}
