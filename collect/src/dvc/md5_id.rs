//! The id that DVC gives to content.

use core::fmt;
use core::str::FromStr;

use md5::Digest as _;

use crate::notes::is_hex;

/// What content is behind an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "DVC knows files and directories")]
pub enum ContentKind {
    /// The bytes of a file.
    File,
    /// The list of the files of a directory: 32 hex digits, then `.dir`.
    Directory,
}

/// An MD5 by which DVC finds content. It proves nothing: whoever supplies data can make two files with one MD5.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5Id {
    hex: String,
    kind: ContentKind,
}

/// Why a text is not the id of content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Md5IdError {
    /// Not 32 lower-case hex digits, `.dir` taken off.
    #[error("an id of {len} characters, want 32 lower-case hex digits, and .dir for a directory")]
    NotMd5 {
        /// The length seen, in bytes.
        len: usize,
    },
}

impl Md5Id {
    /// The 32 hex digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// What is behind it.
    #[must_use]
    pub const fn kind(&self) -> ContentKind {
        self.kind
    }

    /// The id of a directory whose list is this text, piece by piece.
    pub(super) fn of_list<'t>(pieces: impl Iterator<Item = std::borrow::Cow<'t, str>>) -> Self {
        let mut hasher = md5::Md5::new();
        pieces.for_each(|piece| hasher.update(piece.as_bytes()));
        let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { hex, kind: ContentKind::Directory }
    }

    /// The name of the object below a directory of the cache: two digits, the rest, and `.dir`.
    pub(super) fn object_name(&self) -> String {
        let (head, tail) = self.hex.split_at_checked(2).unwrap_or((&self.hex, ""));
        match self.kind {
            ContentKind::File => format!("{head}/{tail}"),
            ContentKind::Directory => format!("{head}/{tail}.dir"),
        }
    }
}

impl FromStr for Md5Id {
    type Err = Md5IdError;

    /// Reads 32 lower-case hex digits and perhaps `.dir`.
    ///
    /// # Errors
    /// [`Md5IdError::NotMd5`] for anything else.
    fn from_str(text: &str) -> Result<Self, Md5IdError> {
        let (hex, kind) = match text.strip_suffix(".dir") {
            Some(hex) => (hex, ContentKind::Directory),
            None => (text, ContentKind::File),
        };
        if !is_hex(hex, 32) {
            return Err(Md5IdError::NotMd5 { len: hex.len() });
        }
        Ok(Self { hex: hex.to_owned(), kind })
    }
}

impl fmt::Display for Md5Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex)?;
        match self.kind {
            ContentKind::File => Ok(()),
            ContentKind::Directory => f.write_str(".dir"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0cc175b9c0f1b6a831c399e269772661";

    #[test]
    fn an_id_is_read_and_written_back() {
        for text in [HEX.to_owned(), format!("{HEX}.dir")] {
            assert_eq!(text.parse::<Md5Id>().map(|id| id.to_string()), Ok(text));
        }
        let directory: Md5Id = format!("{HEX}.dir").parse().expect("an id");
        assert_eq!(directory.kind(), ContentKind::Directory);
        assert_eq!(directory.object_name(), "0c/c175b9c0f1b6a831c399e269772661.dir");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            ".dir",
            &HEX[1..],
            &HEX.to_uppercase(),
            "1.2e+45",
            &format!("{HEX}.dir.dir"),
            &format!("{HEX}\n"),
        ] {
            assert!(matches!(text.parse::<Md5Id>(), Err(Md5IdError::NotMd5 { .. })), "{text:?}");
        }
    }
}
