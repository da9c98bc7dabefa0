//! The passphrase of a private key: from a file, from the environment, or from a person on a terminal.
//!
//! Nobody is asked where there is no terminal, so that a machine gets an error and never waits.

use std::fs::File;
use std::io::IsTerminal as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::key_file::{KeyFileError, read_text};

/// Longest passphrase file, in bytes; only its first line counts.
const MAX_PASSPHRASE_BYTES: u64 = 4 << 10;
/// The variable that holds a passphrase.
pub(crate) const PASSPHRASE_VARIABLE: &str = "TALLYMARK_PASSPHRASE";

/// How often to ask a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// To open a key: a wrong answer shows at once.
    Once,
    /// To make one: a slip would lock the key for ever.
    Twice,
}

/// Finds the passphrase for the key at `path`: in the file, else in the variable, else by asking on the terminal.
///
/// # Errors
/// [`KeyFileError::NoPassphrase`] where there is nobody to ask: it never waits without a terminal.
pub(crate) fn passphrase_for(
    path: &Path,
    file: Option<&Path>,
    asking: Asking,
) -> Result<Zeroizing<String>, KeyFileError> {
    if let Some(file) = file {
        let opened = File::open(file).map_err(|source| KeyFileError::Io {
            act: "open passphrase file",
            path: file.to_owned(),
            source,
        })?;
        let text = read_text(&opened, file, MAX_PASSPHRASE_BYTES)?;
        let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
        return refuse_empty(line, || file.display().to_string());
    }
    match std::env::var(PASSPHRASE_VARIABLE) {
        Ok(passphrase) => {
            return refuse_empty(Zeroizing::new(passphrase), || PASSPHRASE_VARIABLE.to_owned());
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            return Err(KeyFileError::NotText { path: PASSPHRASE_VARIABLE.into() });
        }
        Err(std::env::VarError::NotPresent) => {}
    }
    if !std::io::stdin().is_terminal() {
        return Err(KeyFileError::NoPassphrase { path: path.to_owned() });
    }
    let ask = |prompt: String| {
        let answer = rpassword::prompt_password(prompt);
        answer.map(Zeroizing::new).map_err(|source| KeyFileError::Io {
            act: "ask on the terminal for",
            path: path.to_owned(),
            source,
        })
    };
    let passphrase = ask(format!("passphrase for {}: ", path.display()))?;
    let passphrase = refuse_empty(passphrase, || "the terminal".to_owned())?;
    if asking == Asking::Twice && ask("the same again: ".to_owned())? != passphrase {
        return Err(KeyFileError::PassphrasesDiffer);
    }
    Ok(passphrase)
}

fn refuse_empty(
    passphrase: Zeroizing<String>,
    origin: impl FnOnce() -> String,
) -> Result<Zeroizing<String>, KeyFileError> {
    if passphrase.is_empty() {
        return Err(KeyFileError::PassphraseEmpty { origin: origin() });
    }
    Ok(passphrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passphrase_is_the_first_line_of_its_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("passphrase");
        for (text, want) in [("correct horse\n", "correct horse"), ("a\r\nb\n", "a"), ("a ", "a ")] {
            std::fs::write(&file, text).expect("write");
            let read = passphrase_for(Path::new("k"), Some(&file), Asking::Twice).expect("a passphrase");
            assert_eq!(read.as_str(), want);
        }
        for text in ["", "\nb"] {
            std::fs::write(&file, text).expect("write");
            let refused = passphrase_for(Path::new("k"), Some(&file), Asking::Once).expect_err("empty");
            assert!(matches!(refused, KeyFileError::PassphraseEmpty { .. }), "{refused}");
        }
    }
}
