//! `os-release`: which system this is.
//!
//! Follows os-release(5) of systemd 258: assignments of the shell without expansion.
//!
//! ```text
//! ID=debian
//! VERSION_ID="12"
//! PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `id`, `version`, `name` | `os` | `ID`, `VERSION_ID`, `PRETTY_NAME`; topic hardware, observed |
//!
//! Everything else is not taken. A value that a shell would expand is a warning.

use std::path::Path;

use attest::provenance::Source;

use super::SOURCE;
use crate::{Collected, Fact, Topic, Value, WarningReason, reading};

/// Longest file, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Keys and the facts they become.
const KEYS: [(&str, &str); 3] = [("ID", "id"), ("VERSION_ID", "version"), ("PRETTY_NAME", "name")];

/// Reads the file at `path`, which is `/etc/os-release` but for tests. The path may be a symbolic link, as that one is.
#[must_use]
pub fn read(path: &Path) -> Collected {
    const NAME: &str = "os-release";
    let resolved = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match reading::read(&resolved, NAME, MAX_BYTES) {
        Ok(reading) => {
            let mut collected = read_bytes(&reading.bytes, NAME);
            collected.note_file(reading.file);
            collected
        }
        Err(error) => {
            let mut collected = Collected::new(SOURCE);
            collected.warn(error.reason(), NAME, error.words());
            collected
        }
    }
}

/// Reads a file that facts are to call `name`.
#[must_use]
pub fn read_bytes(bytes: &[u8], name: &str) -> Collected {
    let mut collected = Collected::new(SOURCE);
    let Ok(text) = str::from_utf8(bytes) else {
        collected.warn(WarningReason::Malformed, name, "not UTF-8");
        return collected;
    };
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let Some((_, fact)) = KEYS.iter().find(|(known, _)| *known == key) else { continue };
        let at = format!("{name}: line {}", index + 1);
        match unquote(value) {
            Some(value) => {
                let value = Value::Text(value);
                collected.push(Fact::new(Topic::Hardware, "os", fact, value, Source::Observed, at));
            }
            None => {
                collected.warn(WarningReason::Malformed, &at, format!("value of {key} is not a plain text"))
            }
        }
    }
    collected
}

/// The value of an assignment: quoted or not, with backslashes before what the shell holds special; `None` if anything would be
/// expanded.
fn unquote(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inside = match quote {
        Some(quote) => value.strip_prefix(quote)?.strip_suffix(quote)?,
        None => value,
    };
    let mut text = String::new();
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some('"')) => text.push(chars.next()?),
            ('$' | '`' | '"', Some('"') | None) | ('\'', _) | ('\\' | ' ', None) => return None,
            (c, _) => text.push(c),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_unquoted_as_a_shell_would() {
        assert_eq!(unquote("debian").as_deref(), Some("debian"));
        assert_eq!(unquote("\"Debian GNU/Linux 12\"").as_deref(), Some("Debian GNU/Linux 12"));
        assert_eq!(unquote("\"a\\\"b\\$c\"").as_deref(), Some("a\"b$c"));
        assert_eq!(unquote("'$HOME'").as_deref(), Some("$HOME"));
        assert_eq!(unquote("").as_deref(), Some(""));
        for value in ["\"$HOME\"", "`id`", "a b", "\"a", "\"a\\", "'a'b'", "\"a\"b\""] {
            assert_eq!(unquote(value), None, "{value}");
        }
    }
}
