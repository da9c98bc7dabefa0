//! Words: what an error means to a program, and what a person can type next.
//!
//! Every error of this program becomes a [`Failure`] here and nowhere else: exit status, stable code, what was
//! seen and wanted, and hints, of which at least one is a command or names a thing to change. Data goes to
//! standard output, words to standard error; text that came from files or from a log cannot move the cursor.

mod log;
mod statements;
mod table;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use crate::args::{Color, Manner};

/// Exit status of a failure; 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something was checked and does not hold.
    VerifiedFalse = 1,
    /// The command cannot mean what it says.
    Usage = 2,
    /// A rule says no.
    Refused = 3,
    /// Something could not be found out.
    Undecidable = 4,
    /// The system failed to read or write.
    Io = 5,
}

/// A failure ready to be told.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    code: &'static str,
    seen: String,
    hints: Vec<String>,
}

impl Failure {
    fn new(exit: Exit, code: &'static str, error: &dyn std::error::Error) -> Self {
        Self { exit, code, seen: chain(error), hints: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit status.
    pub(crate) const fn exit(&self) -> u8 {
        self.exit as u8
    }

    /// The stable code.
    #[cfg(test)]
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    /// Says it on standard error; as JSON on standard output too if that was asked for.
    pub(crate) fn tell(&self, manner: Manner, json: bool) {
        if json {
            let error = serde_json::json!({
                "schema_version": 1,
                "error": { "code": self.code, "exit": self.exit(), "message": self.seen, "hints": self.hints },
            });
            // If this cannot be printed the words below still say why the command failed.
            drop(print(&format!("{error}\n")));
        }
        eprint(&self.text(manner));
    }

    /// The error on one line and each hint on one of its own: what a log says in between cannot pose as a hint.
    fn text(&self, manner: Manner) -> String {
        let mut text = format!("{} {}\n", paint(manner, "error:", "1;31"), one_line(&self.seen));
        for hint in &self.hints {
            let _ = writeln!(text, "{} {}", paint(manner, "hint:", "1"), one_line(hint));
        }
        text
    }
}

/// The error and its causes in one line. A cause whose words are already there is left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

/// Says something by the way on standard error, unless asked to be quiet.
pub(crate) fn note(manner: Manner, text: &str) {
    if !manner.quiet {
        eprint(&format!("{}\n", harmless(text)));
    }
}

/// Says that we wait because somebody asked us to.
pub(crate) fn warn_waiting(why: &str, pause: std::time::Duration) {
    eprint(&format!("{}; waiting {:.1} s\n", harmless(why), pause.as_secs_f32()));
}

/// Says that something is not as one might think, unless asked to be quiet.
pub(crate) fn warn(manner: Manner, text: &str) {
    if !manner.quiet {
        eprint(&format!("{} {}\n", paint(manner, "warning:", "1;33"), harmless(text)));
    }
}

/// Writes data to standard output. A reader that went away is no failure: it has what it wanted.
///
/// # Errors
/// What the system says, such as a full disk.
pub(crate) fn print(text: &str) -> Result<(), OutputError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => Err(OutputError { source }),
        _ => Ok(()),
    }
}

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct OutputError {
    source: std::io::Error,
}

/// Writes to standard error what somebody must see before anything else is said.
pub(crate) fn complain(text: &str) {
    eprint(text);
}

fn eprint(text: &str) {
    // There is nowhere left to say that this failed.
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}

fn paint(manner: Manner, text: &str, style: &str) -> String {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let coloured = match manner.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !set("NO_COLOR") && (std::io::stderr().is_terminal() || set("CLICOLOR_FORCE")),
    };
    if coloured { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Text as a terminal may have it: control characters, and those that reorder or hide text, are written as
/// escapes.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if (c.is_control() && c != '\n') || hides {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Like [`harmless`], for what has to stay on one line.
pub(crate) fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_reordering_are_shown_not_obeyed() {
        assert_eq!(harmless("a\x1b[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(harmless("é ü\n"), "é ü\n");
        assert_eq!(one_line("a\nb\r"), "a\\nb\\u{d}");
    }

    #[test]
    fn cause_is_added_once() {
        let inner = std::io::Error::other("no such thing");
        let error = crate::key_file::KeyFileError::Io { act: "open", path: "k".into(), source: inner };
        assert_eq!(chain(&error), "cannot open k: no such thing");
    }
}
