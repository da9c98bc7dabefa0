//! Running other programs: one way to start them, one way to fail.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::{place, rocksdb};

/// Cargo in the checkout, with the environment in which `log-server` finds its RocksDB.
///
/// Every cargo call of every verb goes through here: a call without that environment would compile the library
/// again, and the next one with it again.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = bare_cargo();
    for (name, value) in rocksdb::environment()? {
        command.env(name, value);
    }
    Ok(command)
}

/// Cargo in the checkout, for questions that compile nothing.
pub(crate) fn bare_cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(place::repository());
    // `cargo run` describes xtask's own package to us in these. A build script that watches one of them (ring's does)
    // would run again each time plain cargo and xtask take turns.
    for (name, _) in std::env::vars_os() {
        let own = name.to_string_lossy();
        if own.starts_with("CARGO_PKG_") || own.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs it with our own input and output; anything but success is an error that shows the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs it and returns what it printed; anything but success is an error that shows the command and its words.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = capture(command)?;
    if !output.status.success() {
        bail!(
            "`{}` ended with {}\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not text", shown(command)))
}

/// Runs it and returns status and output, whatever they are.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{}`", shown(command)))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"*$".contains(c)) {
                format!("'{word}'")
            } else {
                word.into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_an_error_that_shows_what_was_typed_and_what_it_said() {
        let error = read(Command::new("sh").args(["-c", "echo no luck >&2; exit 7"]))
            .expect_err("exit 7")
            .to_string();
        assert!(error.contains("sh -c 'echo no luck >&2; exit 7'"), "{error}");
        assert!(error.contains("exit status: 7") && error.ends_with("no luck"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/nowhere/at-all")).expect_err("not there").to_string();
        assert!(error.contains("cannot start `/nowhere/at-all`"), "{error}");
    }
}
