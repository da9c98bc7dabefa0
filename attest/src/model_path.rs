//! The relative, portable path of a file inside a model, and the only way to name one.
//!
//! Follows spec/tree-digest.md. In scope: which texts are paths, and their order. Out of scope: whether two
//! different paths would fall together on somebody's file system ([`crate::tree`] refuses such pairs), and the
//! disk itself ([`crate::scan`]).

use core::fmt;
use core::str::FromStr;

/// A path below a model's root: components joined by `/`, UTF-8, at most [`ModelPath::MAX_BYTES`] bytes.
///
/// No component is empty, `.` or `..`, so a path is never absolute and never climbs; there is no NUL and no
/// backslash, so it means the same on every system. Nothing is normalised: the bytes are what was found on disk.
/// Ordered by raw bytes, which is the order of leaves in a tree.
///
/// Two words and the text, without spare room: there may be millions of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelPath(Box<str>);

impl ModelPath {
    /// Longest path, in bytes: PATH_MAX of the systems models live on.
    pub const MAX_BYTES: usize = 4096;

    /// Checks a text and takes it as a path.
    ///
    /// # Errors
    /// See [`ModelPathError`]: each variant is one rule.
    pub fn new(text: impl Into<String>) -> Result<Self, ModelPathError> {
        let text = text.into();
        if text.len() > Self::MAX_BYTES {
            return Err(ModelPathError::TooLong { len: text.len() });
        }
        if let Some((offset, found)) = text.char_indices().find(|(_, c)| matches!(c, '\0' | '\\')) {
            return Err(ModelPathError::BadCharacter { found, offset });
        }
        let mut offset = 0;
        for component in text.split('/') {
            match component {
                "" => return Err(ModelPathError::EmptyComponent { offset }),
                "." | ".." => return Err(ModelPathError::DotComponent { offset }),
                _ => offset += component.len() + 1,
            }
        }
        Ok(Self(text.into_boxed_str()))
    }

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components from the root down; at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, name)| name)
    }

    /// The directories this path lies in, outermost first, without a final `/`; the root is not among them.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(slash, _)| self.0.get(..slash))
    }
}

impl FromStr for ModelPath {
    type Err = ModelPathError;

    /// The same as [`ModelPath::new`].
    ///
    /// # Errors
    /// See [`ModelPathError`].
    fn from_str(text: &str) -> Result<Self, ModelPathError> {
        Self::new(text)
    }
}

impl fmt::Display for ModelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Quoted and escaped, so that a file's name cannot drive the reader's terminal.
impl fmt::Debug for ModelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text is not a path inside a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelPathError {
    /// NUL or backslash.
    #[error("character {found:?} at offset {offset} of a path, want neither NUL nor backslash")]
    BadCharacter {
        /// The character seen.
        found: char,
        /// Its byte offset in the path.
        offset: usize,
    },
    /// A component `.` or `..`.
    #[error("dot component at offset {offset} of a path, want names only")]
    DotComponent {
        /// Where the component begins, in bytes.
        offset: usize,
    },
    /// An empty path, a leading, trailing or doubled `/`.
    #[error("empty component at offset {offset} of a path, want a relative path without empty names")]
    EmptyComponent {
        /// Where the component would begin, in bytes.
        offset: usize,
    },
    /// Longer than [`ModelPath::MAX_BYTES`].
    #[error("path of {len} bytes, want at most 4096")]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
}
