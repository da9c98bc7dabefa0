//! Facts that a tracker recorded, and what every text of one must pass before it becomes a fact.
//!
//! In scope: the grade ([`Source::Imported`] throughout), addresses, commits, times, digests that prove nothing. Out of scope: the
//! formats, each in the module of its tracker.

use attest::provenance::Source;

use crate::collected::MAX_PLACE_CHARS;
use crate::excerpt::{excerpt, one_line};
use crate::location::Location;
use crate::notes::is_hex;
use crate::rfc3339;
use crate::{Collected, Fact, Privacy, ReadFile, Topic, Value, WarningReason};

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

    /// Notes a file that was read.
    pub(crate) fn note_file(&mut self, file: ReadFile) {
        self.0.note_file(file);
    }

    /// Notes that something was left out.
    pub(crate) fn warn(&mut self, reason: WarningReason, at: &str, text: &str) {
        self.0.warn(reason, at, text);
    }

    /// States a text.
    pub(crate) fn text(&mut self, about: About<'_>, key: &'static str, text: &str) {
        self.push(about, key, text, Privacy::Public);
    }

    /// States a text that names people, hosts or places on their disks.
    pub(crate) fn personal(&mut self, about: About<'_>, key: &'static str, text: &str) {
        self.push(about, key, text, Privacy::Personal);
    }

    /// States an address without what is secret in it; personal if it tells of a person's machine.
    pub(crate) fn address(&mut self, about: About<'_>, key: &'static str, address: &str) {
        let location = Location::of(address);
        if location.had_secrets() {
            let text = format!("credentials in {} are left out", named(key, about.name));
            self.warn(WarningReason::NotRead, about.at, &text);
        }
        self.push(about, key, location.as_str(), location.privacy());
    }

    /// States the commit of a checkout, if it is an id of git.
    pub(crate) fn commit(&mut self, about: About<'_>, key: &'static str, commit: &str) {
        if is_hex(commit, 40) || is_hex(commit, 64) {
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
        assert!(collected.facts().is_empty());
        assert_eq!(collected.warnings().len(), 3);
        for warning in collected.warnings() {
            assert_eq!(warning.reason(), WarningReason::Malformed);
            assert!(!warning.to_string().chars().any(char::is_control), "{warning}");
        }
    }

    #[test]
    fn credentials_are_left_out_of_an_address_and_that_is_said() {
        let mut imported = Imported::new("test");
        imported.address(RUN, "uri", "https://me:secret@host/a@b");
        imported.address(RUN, "uri", "https://host/a@b");
        let collected = imported.finish();
        assert!(collected.facts().iter().all(|fact| fact.value().to_text() == "https://host/a@b"));
        assert_eq!((collected.facts().len(), collected.warnings().len()), (2, 1));
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
