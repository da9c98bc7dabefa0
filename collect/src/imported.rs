//! Facts that a tracker recorded, and what every text of one must pass before it becomes a fact.
//!
//! In scope: the grade ([`Source::Imported`] throughout), control characters, credentials in addresses, paths of this
//! machine, digests that prove nothing. Out of scope: the formats, each in the module of its tracker.

use attest::provenance::Source;

use crate::rfc3339;
use crate::{Collected, Fact, MAX_TEXT_BYTES, Privacy, ReadFile, Topic, Value, WarningReason};

/// Most characters of a stranger's text that a warning or an error repeats.
const MAX_EXCERPT_CHARS: usize = 64;
/// Most characters of a warning: an error of a library may quote a whole file.
const MAX_WARNING_CHARS: usize = 400;
/// Most characters of a place: a file and a key in it.
const MAX_PLACE_CHARS: usize = 1024;

/// The beginning of a text. Errors print it with `{:?}`, which escapes control characters.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(MAX_EXCERPT_CHARS).collect()
}

/// A text in one line, its control characters escaped, cut after `max` characters.
fn one_line(text: &str, max: usize) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().take(max).map(escaped).collect()
}

/// What facts are about, and where they were read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) topic: Topic,
    /// Name of the dataset, parameter, metric; empty where there is only one such thing.
    pub(crate) name: &'a str,
    /// File and place in it.
    pub(crate) at: &'a str,
}

/// Where the facts of one tracker gather.
#[derive(Debug)]
pub(crate) struct Imported(Collected);

impl Imported {
    /// Nothing yet, of the tracker with this name.
    pub(crate) const fn new(source: &'static str) -> Self {
        Self(Collected::new(source))
    }

    /// Ends.
    pub(crate) fn finish(self) -> Collected {
        self.0
    }

    /// Notes a file that was read, whatever its name does to a terminal.
    pub(crate) fn note_file(&mut self, file: ReadFile) {
        self.0.note_file(ReadFile { name: one_line(&file.name, MAX_PLACE_CHARS), ..file });
    }

    /// Notes that something was left out. `at` and `text` may hold what a stranger wrote.
    pub(crate) fn warn(&mut self, reason: WarningReason, at: &str, text: &str) {
        self.0.warn(reason, &one_line(at, MAX_PLACE_CHARS), one_line(text, MAX_WARNING_CHARS));
    }

    /// States a text.
    pub(crate) fn text(&mut self, about: About<'_>, key: &'static str, text: &str) {
        self.push(about, key, text, Privacy::Public);
    }

    /// States a text that names people, hosts or places on their disks.
    pub(crate) fn personal(&mut self, about: About<'_>, key: &'static str, text: &str) {
        self.push(about, key, text, Privacy::Personal);
    }

    /// States an address: without user name and password, and personal if it leads into somebody's disk or has a query,
    /// for that is where signed addresses keep their secret.
    pub(crate) fn address(&mut self, about: About<'_>, key: &'static str, address: &str) {
        let (address, had_credentials) = without_credentials(address);
        if had_credentials {
            let text = format!("credentials in {} are left out", named(key, about.name));
            self.warn(WarningReason::NotRead, about.at, &text);
        }
        if is_local(&address) || address.contains('?') {
            self.personal(about, key, &address);
        } else {
            self.text(about, key, &address);
        }
    }

    /// States the commit of a checkout, if it is an id of git.
    pub(crate) fn commit(&mut self, about: About<'_>, key: &'static str, commit: &str) {
        if matches!(commit.len(), 40 | 64) && is_lower_hex(commit) {
            self.digest(about, key, Value::Digest { algorithm: "gitCommit", hex: commit.to_owned() });
        } else {
            let text = format!("commit {:?}, want 40 or 64 lower-case hex digits", excerpt(commit));
            self.warn(WarningReason::Malformed, about.at, &text);
        }
    }

    /// States a digest.
    pub(crate) fn digest(&mut self, about: About<'_>, key: &'static str, digest: Value) {
        let at = one_line(about.at, MAX_PLACE_CHARS);
        self.0.push(Fact::new(about.topic, about.name, key, digest, Source::Imported, at));
    }

    /// States a digest that only the tracker can make use of, under the key `tracker-digest`, and says why it proves
    /// nothing: `why` completes the sentence "digest X of Y ...".
    pub(crate) fn weak_digest(&mut self, about: About<'_>, digest: &str, why: &str) {
        self.text(about, "tracker-digest", digest);
        let text = format!("digest {:?} of {:?} {why}", excerpt(digest), excerpt(about.name));
        self.warn(WarningReason::WeakDigest, about.at, &text);
    }

    /// States a time, given in milliseconds since 1970-01-01T00:00:00Z, as RFC 3339 has it.
    pub(crate) fn time_ms(&mut self, about: About<'_>, key: &'static str, unix_ms: i64) {
        match u64::try_from(unix_ms).ok().and_then(rfc3339::from_unix_ms) {
            Some(time) => self.text(about, key, &time),
            None => {
                let text = format!("{key} is {unix_ms} ms, want a time between 1970 and 9999");
                self.warn(WarningReason::Malformed, about.at, &text);
            }
        }
    }

    fn push(&mut self, about: About<'_>, key: &'static str, text: &str, privacy: Privacy) {
        if let Some(fault) = fault_of(about.name, text) {
            let shown = format!("{}: {fault}", named(key, about.name));
            self.warn(WarningReason::Malformed, about.at, &shown);
            return;
        }
        if text.len() > MAX_TEXT_BYTES {
            let shown =
                format!("{} has {} bytes, want at most {MAX_TEXT_BYTES}", named(key, about.name), text.len());
            self.warn(WarningReason::TooLarge, about.at, &shown);
            return;
        }
        let at = one_line(about.at, MAX_PLACE_CHARS);
        let value = Value::Text(text.to_owned());
        let fact = Fact::new(about.topic, about.name, key, value, Source::Imported, at);
        self.0.push(match privacy {
            Privacy::Public => fact,
            Privacy::Personal => fact.personal(),
        });
    }
}

/// What a warning calls a property: with the name of what has it, if that has one.
fn named(key: &str, name: &str) -> String {
    if name.is_empty() { key.to_owned() } else { format!("{key} of {:?}", excerpt(name)) }
}

/// Why this is no fact: somebody's terminal would obey it. A value may have several lines, a name may not.
fn fault_of(name: &str, text: &str) -> Option<&'static str> {
    if name.chars().any(char::is_control) {
        Some("a control character in the name")
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some("a control character in the value")
    } else {
        None
    }
}

/// Whether all characters are lower-case hex digits.
fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// An address without `user:password@`, and whether it had one. `git@host:path` names an account, not a person, and stays.
fn without_credentials(address: &str) -> (String, bool) {
    let Some((scheme, rest)) = address.split_once("://") else {
        return (address.to_owned(), false);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        None => (address.to_owned(), false),
        Some((_, host)) => (format!("{scheme}://{host}{path}"), true),
    }
}

/// Whether an address leads into the disk of the machine that the run ran on.
fn is_local(address: &str) -> bool {
    let windows_drive =
        matches!(address.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
    windows_drive || ["/", "\\", "~", "./", "../", "file:"].iter().any(|start| address.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: About<'static> = About { topic: Topic::Run, name: "", at: "a file" };

    #[test]
    fn a_text_that_a_terminal_would_obey_is_no_fact() {
        let mut imported = Imported::new("test");
        imported.text(RUN, "name", "red \u{1b}[31m");
        imported.text(About { name: "two\nlines", ..RUN }, "value", "1");
        imported.text(RUN, "name", "two\n\tlines");
        let collected = imported.finish();
        assert_eq!(collected.facts().len(), 1);
        assert_eq!(collected.warnings().len(), 2);
        for warning in collected.warnings() {
            assert_eq!(warning.reason(), WarningReason::Malformed);
            assert!(!warning.to_string().chars().any(char::is_control), "{warning}");
        }
    }

    #[test]
    fn credentials_are_left_out_of_an_address() {
        let cases = [
            ("https://me:secret@host/a@b", "https://host/a@b", true),
            ("https://token@host", "https://host", true),
            ("https://a@b@host?x", "https://host?x", true),
            ("https://host/a@b", "https://host/a@b", false),
            ("git@host:a/b.git", "git@host:a/b.git", false),
            ("/home/me@work", "/home/me@work", false),
        ];
        for (address, without, had) in cases {
            assert_eq!(without_credentials(address), (without.to_owned(), had), "{address}");
        }
    }

    #[test]
    fn an_address_on_a_disk_or_with_a_query_is_personal() {
        let mut imported = Imported::new("test");
        for address in ["/home/me/a", "file:///a", "~/a", "C:\\a", "./a", "https://host/a?token=1"] {
            imported.address(RUN, "uri", address);
        }
        imported.address(RUN, "uri", "s3://bucket/a");
        let collected = imported.finish();
        let (last, first) = collected.facts().split_last().expect("seven facts");
        assert!(first.iter().all(|fact| fact.privacy() == Privacy::Personal));
        assert_eq!(last.privacy(), Privacy::Public);
    }

    #[test]
    fn only_an_id_of_git_is_a_commit() {
        let mut imported = Imported::new("test");
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        imported.commit(RUN, "commit", sha1);
        for commit in ["", "main", &sha1[1..], &sha1.to_uppercase()] {
            imported.commit(RUN, "commit", commit);
        }
        let collected = imported.finish();
        assert_eq!(collected.facts().len(), 1);
        assert_eq!(collected.warnings().len(), 4);
    }
}
