//! `cargo xtask env`: the environment of every cargo call here, as lines for a shell.

use anyhow::Result;

use crate::{Arguments, rocksdb};

/// Prints `export NAME='VALUE'` lines. Whatever has to be built first is built, with progress on standard error.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    for (name, value) in rocksdb::environment()? {
        println!("export {name}={}", quoted(value));
    }
    Ok(())
}

/// The word in single quotes, as POSIX shells read it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_inside_a_word_survives_a_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
