//! Facts about packages, gathered while one file is read.

use attest::provenance::Source;

use super::{MAX_PACKAGES, SOURCE, name};
use crate::excerpt::excerpt;
use crate::location::Location;
use crate::notes::is_hex;
use crate::{Collected, Fact, Privacy, Topic, Value, WarningReason};

/// Facts and warnings out of one file.
#[derive(Debug)]
pub(super) struct Sheet {
    file: String,
    grade: Source,
    packages: usize,
    collected: Collected,
}

impl Sheet {
    /// Nothing yet, out of `file`, whose facts have this grade.
    pub(super) fn new(file: &str, grade: Source) -> Self {
        Self { file: file.to_owned(), grade, packages: 0, collected: Collected::new(SOURCE) }
    }

    /// Gives up what was gathered.
    pub(super) fn finish(self) -> Collected {
        self.collected
    }

    /// What is stated from now on has this grade.
    pub(super) const fn grade(&mut self, grade: Source) {
        self.grade = grade;
    }

    /// Begins a package: gives its one spelling, or a warning and `None`.
    pub(super) fn package(&mut self, name: &str, place: &str) -> Option<String> {
        self.packages += 1;
        if self.packages > MAX_PACKAGES {
            if self.packages == MAX_PACKAGES + 1 {
                self.warn(WarningReason::TooLarge, place, format!("more than {MAX_PACKAGES} packages"));
            }
            return None;
        }
        let normalised = name::normalise(name);
        if normalised.is_none() {
            let text = format!("{:?} is no name of a package", excerpt(name));
            self.warn(WarningReason::Malformed, place, text);
        }
        normalised
    }

    /// States a text.
    pub(super) fn text(&mut self, about: &str, key: &'static str, value: &str, place: &str) {
        let fact = self.fact(about, key, Value::Text(value.to_owned()), place);
        self.collected.push(fact);
    }

    /// States where something comes from, without what is secret in it; personal if it tells of a person's machine.
    pub(super) fn uri(&mut self, about: &str, key: &'static str, uri: &str, place: &str) {
        let location = Location::of(uri);
        let privacy = location.privacy();
        let fact = self.fact(about, key, Value::Text(location.into_text()), place);
        self.collected.push(if privacy == Privacy::Personal { fact.personal() } else { fact });
    }

    /// States a version if it is one.
    pub(super) fn version(&mut self, about: &str, version: &str, place: &str) {
        if name::is_version(version) {
            self.text(about, "version", version, place);
        } else {
            self.warn(WarningReason::Malformed, place, format!("{:?} is no version", excerpt(version)));
        }
    }

    /// States a digest.
    pub(super) fn digest(
        &mut self,
        about: &str,
        key: &'static str,
        algorithm: &'static str,
        hex: &str,
        place: &str,
    ) {
        let value = Value::Digest { algorithm, hex: hex.to_owned() };
        let fact = self.fact(about, key, value, place);
        self.collected.push(fact);
    }

    /// States a hash as package managers spell it, `sha256:` and hexadecimal digits. Those that cannot stand for bytes are
    /// warnings besides; those that are cut off are warnings alone.
    pub(super) fn hash(&mut self, about: &str, hash: &str, place: &str) {
        const ALGORITHMS: [(&str, usize, bool); 7] = [
            ("sha256", 64, true),
            ("sha384", 96, true),
            ("sha512", 128, true),
            ("blake2b", 128, true),
            ("sha224", 56, true),
            ("sha1", 40, false),
            ("md5", 32, false),
        ];
        let (algorithm, hex) = hash.split_once(':').unwrap_or(("", hash));
        let Some((algorithm, digits, is_strong)) = ALGORITHMS.iter().find(|(known, ..)| *known == algorithm)
        else {
            let text = format!("hash {:?} is of no algorithm that is known", excerpt(hash));
            return self.warn(WarningReason::UnknownVersion, place, text);
        };
        if !is_hex(hex, *digits) {
            let text = format!("hash {:?} is not {digits} hexadecimal digits", excerpt(hash));
            return self.warn(WarningReason::Malformed, place, text);
        }
        if !is_strong {
            self.warn(WarningReason::WeakDigest, place, format!("{algorithm} cannot stand for bytes"));
        }
        self.digest(about, "digest", algorithm, hex, place);
    }

    /// States a commit, told by the number of its digits.
    pub(super) fn commit(&mut self, about: &str, commit: &str, place: &str) {
        if is_hex(commit, 40) || is_hex(commit, 64) {
            self.digest(about, "commit", "gitCommit", commit, place);
        } else {
            self.warn(WarningReason::Malformed, place, format!("{:?} is no commit", excerpt(commit)));
        }
    }

    /// Notes something that was left out.
    pub(super) fn warn(&mut self, reason: WarningReason, place: &str, text: impl Into<String>) {
        let at = self.at(place);
        self.collected.warn(reason, &at, text);
    }

    /// Takes over what another file gave.
    pub(super) fn absorb(&mut self, other: Collected) {
        self.collected.absorb(other);
    }

    /// Notes a small file that was read from end to end.
    pub(super) fn note_file(&mut self, file: crate::ReadFile) {
        self.collected.note_file(file);
    }

    fn at(&self, place: &str) -> String {
        if place.is_empty() { self.file.clone() } else { format!("{}: {place}", self.file) }
    }

    fn fact(&self, about: &str, key: &'static str, value: Value, place: &str) -> Fact {
        Fact::new(Topic::Package, about, key, value, self.grade, self.at(place))
    }
}

/// What a line of a hostile file is called in facts and warnings.
pub(super) fn line(number: usize) -> String {
    format!("line {number}")
}

/// Text, or a warning that it is none. A byte order mark is taken off, as the tools do.
pub(super) fn utf8<'a>(bytes: &'a [u8], sheet: &mut Sheet) -> Option<&'a str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            sheet.warn(
                WarningReason::Malformed,
                "",
                format!("not UTF-8 from byte {} on", error.valid_up_to()),
            );
            None
        }
    }
}
