//! What a model is called: the name in the log, and the label of one version.
//!
//! Names are labels: trust comes from who signed, identity from the tree digest. They are narrow (ASCII, lower
//! case, short) so that two names that look alike are alike, and so that the log carries no free text.
//! Follows spec/entry.md. Out of scope: patterns over names
//! ([`name_pattern`](crate::name_pattern)).

use core::fmt;
use core::str::FromStr;

/// The name of a model, `acme/churn`: `[a-z0-9][a-z0-9._/-]*`, at most [`ModelName::MAX_BYTES`] bytes, with no
/// empty, `.` or `..` component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName(String);

impl ModelName {
    /// Longest name, in bytes; the log's entry has room for it beside 80 digests.
    pub const MAX_BYTES: usize = 128;

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between `/`; at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

/// The label of one version, `2025.1`: `[A-Za-z0-9][A-Za-z0-9._+-]*`, at most [`VersionLabel::MAX_BYTES`] bytes.
///
/// A label has no order and no meaning here; a new version is whatever the publisher signs under a new label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionLabel(String);

impl VersionLabel {
    /// Longest label, in bytes; twice a hex SHA-1, so a git description fits.
    pub const MAX_BYTES: usize = 64;

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name and a version label as people write them together: `acme/churn:2025.1`.
///
/// Neither part may hold a colon, so the text has one reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameVersion {
    name: ModelName,
    version: VersionLabel,
}

impl NameVersion {
    /// Joins the two.
    #[must_use]
    pub const fn new(name: ModelName, version: VersionLabel) -> Self {
        Self { name, version }
    }

    /// The model's name.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        &self.name
    }

    /// The version label.
    #[must_use]
    pub const fn version(&self) -> &VersionLabel {
        &self.version
    }
}

/// Why a text is not a name, a version label, or the two joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A character outside the alphabet.
    #[error("character {found:?} at offset {offset} of a {part}, want {part} characters only")]
    BadCharacter {
        /// Which part of the text.
        part: NamePart,
        /// The character seen.
        found: char,
        /// Its byte offset in that part.
        offset: usize,
    },
    /// The first character is in the alphabet but may not come first.
    #[error("{part} begins with {found:?}, want a letter or a digit first")]
    BadFirst {
        /// Which part of the text.
        part: NamePart,
        /// The character seen.
        found: char,
    },
    /// A name with a component `.` or `..`.
    #[error("dot component at offset {offset} of a name")]
    DotComponent {
        /// Where the component begins, in bytes.
        offset: usize,
    },
    /// Nothing at all.
    #[error("empty {part}")]
    Empty {
        /// Which part of the text.
        part: NamePart,
    },
    /// A name with a trailing or doubled `/`.
    #[error("empty component at offset {offset} of a name")]
    EmptyComponent {
        /// Where the component would begin, in bytes.
        offset: usize,
    },
    /// No colon between name and version.
    #[error("no colon, want a name and a version written NAME:VERSION")]
    NoColon,
    /// Longer than the part may be.
    #[error("{part} of {len} bytes, want at most {max}")]
    TooLong {
        /// Which part of the text.
        part: NamePart,
        /// The length seen, in bytes.
        len: usize,
        /// The most it may be, in bytes.
        max: usize,
    },
}

/// The part of a text that a [`NameError`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamePart {
    /// A [`ModelName`].
    Name,
    /// A [`VersionLabel`].
    Version,
}

impl fmt::Display for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Version => "version label",
        })
    }
}

/// The rules that name and version share: length, alphabet, first character.
fn read_word(part: NamePart, text: &str, max: usize, allowed: fn(char) -> bool) -> Result<(), NameError> {
    let Some(first) = text.chars().next() else {
        return Err(NameError::Empty { part });
    };
    if text.len() > max {
        return Err(NameError::TooLong { part, len: text.len(), max });
    }
    if let Some((offset, found)) = text.char_indices().find(|(_, c)| !allowed(*c)) {
        return Err(NameError::BadCharacter { part, found, offset });
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::BadFirst { part, found: first });
    }
    Ok(())
}

impl FromStr for ModelName {
    type Err = NameError;

    /// Reads a name.
    ///
    /// # Errors
    /// Any [`NameError`] but [`NameError::NoColon`], with the part [`NamePart::Name`].
    fn from_str(text: &str) -> Result<Self, NameError> {
        read_word(
            NamePart::Name,
            text,
            Self::MAX_BYTES,
            |c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '/' | '-'),
        )?;
        let mut offset = 0;
        for component in text.split('/') {
            match component {
                "" => return Err(NameError::EmptyComponent { offset }),
                "." | ".." => return Err(NameError::DotComponent { offset }),
                _ => offset += component.len() + 1,
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for VersionLabel {
    type Err = NameError;

    /// Reads a version label.
    ///
    /// # Errors
    /// [`NameError::Empty`], [`NameError::TooLong`], [`NameError::BadCharacter`] or [`NameError::BadFirst`],
    /// with the part [`NamePart::Version`].
    fn from_str(text: &str) -> Result<Self, NameError> {
        read_word(NamePart::Version, text, Self::MAX_BYTES, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-')
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for NameVersion {
    type Err = NameError;

    /// Reads `NAME:VERSION`.
    ///
    /// # Errors
    /// [`NameError::NoColon`], else what [`ModelName`] or [`VersionLabel`] refuse.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (name, version) = text.split_once(':').ok_or(NameError::NoColon)?;
        Ok(Self::new(name.parse()?, version.parse()?))
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for VersionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: NamePart = NamePart::Name;
    const VERSION: NamePart = NamePart::Version;

    #[test]
    fn accepted_names_are_written_back() {
        for text in
            ["a", "0", "acme/churn", "acme/churn-v2", "a.b_c-d/e", "a..b", "a/-", "a/..b", &"a".repeat(128)]
        {
            let name: ModelName = text.parse().expect(text);
            assert_eq!((name.to_string().as_str(), name.as_str()), (text, text));
            assert_eq!(name.components().collect::<Vec<_>>().join("/"), text);
        }
    }

    #[test]
    fn refused_names_are_refused_for_their_reason() {
        let bad = |found, offset| NameError::BadCharacter { part: NAME, found, offset };
        let cases = [
            ("", NameError::Empty { part: NAME }),
            ("Acme/churn", bad('A', 0)),
            ("acme/chürn", bad('ü', 7)),
            ("acme churn", bad(' ', 4)),
            ("acme\nchurn", bad('\n', 4)),
            ("acme:churn", bad(':', 4)),
            ("acme\\churn", bad('\\', 4)),
            ("a+b", bad('+', 1)),
            ("acme/churn\0", bad('\0', 10)),
            ("/acme", NameError::BadFirst { part: NAME, found: '/' }),
            (".acme", NameError::BadFirst { part: NAME, found: '.' }),
            ("-acme", NameError::BadFirst { part: NAME, found: '-' }),
            ("_acme", NameError::BadFirst { part: NAME, found: '_' }),
            ("..", NameError::BadFirst { part: NAME, found: '.' }),
            ("acme/", NameError::EmptyComponent { offset: 5 }),
            ("acme//churn", NameError::EmptyComponent { offset: 5 }),
            ("acme/./churn", NameError::DotComponent { offset: 5 }),
            ("acme/..", NameError::DotComponent { offset: 5 }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<ModelName>(), Err(reason), "{text:?}");
        }
        let long = "a".repeat(129);
        assert_eq!(long.parse::<ModelName>(), Err(NameError::TooLong { part: NAME, len: 129, max: 128 }));
    }

    #[test]
    fn accepted_version_labels_are_written_back() {
        for text in ["1", "2025.1", "v1.0.0-rc.1+build_7", "Final", &"9".repeat(64)] {
            let label: VersionLabel = text.parse().expect(text);
            assert_eq!((label.to_string().as_str(), label.as_str()), (text, text));
        }
    }

    #[test]
    fn refused_version_labels_are_refused_for_their_reason() {
        let bad = |found, offset| NameError::BadCharacter { part: VERSION, found, offset };
        let cases = [
            ("", NameError::Empty { part: VERSION }),
            ("1/2", bad('/', 1)),
            ("1:2", bad(':', 1)),
            ("1 2", bad(' ', 1)),
            ("é", bad('é', 0)),
            (".1", NameError::BadFirst { part: VERSION, found: '.' }),
            ("-1", NameError::BadFirst { part: VERSION, found: '-' }),
            ("+1", NameError::BadFirst { part: VERSION, found: '+' }),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<VersionLabel>(), Err(reason), "{text:?}");
        }
        let long = "1".repeat(65);
        assert_eq!(long.parse::<VersionLabel>(), Err(NameError::TooLong { part: VERSION, len: 65, max: 64 }));
    }

    #[test]
    fn name_and_version_are_split_at_the_one_colon() {
        let both: NameVersion = "acme/churn:2025.1".parse().expect("a name and a version");
        assert_eq!((both.name().as_str(), both.version().as_str()), ("acme/churn", "2025.1"));
        assert_eq!(both.to_string(), "acme/churn:2025.1");
        assert_eq!(both, NameVersion::new(both.name().clone(), both.version().clone()));
        let refuse = |text: &str| text.parse::<NameVersion>().expect_err(text);
        assert_eq!(refuse("acme/churn"), NameError::NoColon);
        assert_eq!(refuse("acme/churn:"), NameError::Empty { part: VERSION });
        assert_eq!(refuse(":1"), NameError::Empty { part: NAME });
        assert_eq!(refuse("a:1:2"), NameError::BadCharacter { part: VERSION, found: ':', offset: 1 });
    }
}
