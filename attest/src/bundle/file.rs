use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Bundle, BundleError, MAX_LINE_BYTES};
use crate::status::{Snapshot, SnapshotError};

/// Longest bundle file, in bytes.
pub const MAX_BUNDLE_FILE_BYTES: usize = 64 << 20;

/// Most lines of a bundle file.
pub const MAX_BUNDLE_FILE_LINES: usize = 1024;

/// Name of the bundle file in the root of a model.
pub const FILE_NAME: &str = "tallymark.jsonl";

/// Where the bundles of a model lie: `DIR/tallymark.jsonl`, or `FILE.tallymark.jsonl` beside a single file.
///
/// The caller says which of the two it is: this module does not look at the disk.
#[must_use]
pub fn bundle_path_for(model: &Path, shape: ModelShape) -> PathBuf {
    match shape {
        ModelShape::Directory => model.join(FILE_NAME),
        ModelShape::SingleFile => {
            let mut beside = OsString::from(model);
            beside.push(".");
            beside.push(FILE_NAME);
            PathBuf::from(beside)
        }
    }
}

/// Whether a model is a directory or one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum ModelShape {
    /// A directory: its bundles lie in it.
    Directory,
    /// One file: its bundles lie beside it.
    SingleFile,
}

/// The bundles of a model, one to a line, at least one, and what logs knew to have been said about it. A line that is not touched
/// is written back byte for byte.
///
/// The file is not signed as a whole: that a line is missing is seen from a [`Snapshot`] at best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    lines: Vec<BundleLine>,
}

/// One line: a bundle or a snapshot, and how it is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleLine {
    bytes: Vec<u8>,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Bundle(Box<Bundle>),
    Snapshot(Box<Snapshot>),
}

impl BundleLine {
    fn of(bundle: Bundle) -> Self {
        Self { bytes: bundle.to_json_line(), content: Content::Bundle(Box::new(bundle)) }
    }

    fn parse(bytes: &[u8], line: usize) -> Result<Self, BundleFileError> {
        let content = if Snapshot::is_meant(bytes) {
            let read = Snapshot::parse(bytes).map_err(|source| BundleFileError::Snapshot { line, source })?;
            Content::Snapshot(Box::new(read))
        } else {
            let read = Bundle::parse(bytes).map_err(|source| BundleFileError::Line { line, source })?;
            Content::Bundle(Box::new(read))
        };
        Ok(Self { bytes: bytes.to_vec(), content })
    }

    /// The line as it stands in the file, without its line feed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bundle, if it is one.
    #[must_use]
    pub fn bundle(&self) -> Option<&Bundle> {
        match &self.content {
            Content::Bundle(bundle) => Some(bundle),
            Content::Snapshot(_) => None,
        }
    }

    /// The snapshot, if it is one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match &self.content {
            Content::Bundle(_) => None,
            Content::Snapshot(snapshot) => Some(snapshot),
        }
    }
}

impl BundleFile {
    /// A file of one bundle.
    ///
    /// # Errors
    /// [`BundleFileError::LineTooLong`] if the bundle is longer than [`MAX_LINE_BYTES`].
    pub fn of(bundle: Bundle) -> Result<Self, BundleFileError> {
        Self::from_lines(vec![BundleLine::of(bundle)])
    }

    /// Reads a file. A line that is no bundle and no snapshot makes the whole file malformed: half a file is not evidence.
    ///
    /// # Errors
    /// [`BundleFileError::Line`] and [`BundleFileError::Snapshot`] say which line is malformed, and why; the other variants are
    /// limits.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleFileError> {
        if bytes.len() > MAX_BUNDLE_FILE_BYTES {
            return Err(BundleFileError::TooLong { len: bytes.len() });
        }
        if bytes.is_empty() {
            return Err(BundleFileError::Empty);
        }
        let text = bytes.strip_suffix(b"\n").ok_or(BundleFileError::NoFinalLineFeed)?;
        let mut lines = Vec::new();
        for (line, bytes) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            if line > MAX_BUNDLE_FILE_LINES {
                return Err(BundleFileError::TooManyLines);
            }
            if bytes.len() > MAX_LINE_BYTES {
                return Err(BundleFileError::LineTooLong { line, len: bytes.len() });
            }
            lines.push(BundleLine::parse(bytes, line)?);
        }
        if lines.iter().all(|line| line.bundle().is_none()) {
            return Err(BundleFileError::NoBundle);
        }
        Ok(Self { lines })
    }

    /// Writes the file: each line and a line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len_bytes());
        for line in &self.lines {
            bytes.extend_from_slice(&line.bytes);
            bytes.push(b'\n');
        }
        bytes
    }

    /// The lines, in their order; at least one.
    #[must_use]
    pub fn lines(&self) -> &[BundleLine] {
        &self.lines
    }

    /// The bundles, in the order of their lines.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        self.lines.iter().filter_map(BundleLine::bundle)
    }

    /// The bundles, each with the index of its line, which counts from 0.
    pub fn indexed_bundles(&self) -> impl Iterator<Item = (usize, &Bundle)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| Some((index, line.bundle()?)))
    }

    /// The snapshots, each with the index of its line, which counts from 0.
    pub fn indexed_snapshots(&self) -> impl Iterator<Item = (usize, &Snapshot)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| Some((index, line.snapshot()?)))
    }

    /// The file with a bundle more, below the others.
    ///
    /// # Errors
    /// [`BundleFileError::LineTooLong`], [`BundleFileError::TooManyLines`] or [`BundleFileError::TooLong`] if a
    /// limit would be broken.
    pub fn with(mut self, bundle: Bundle) -> Result<Self, BundleFileError> {
        self.lines.push(BundleLine::of(bundle));
        Self::from_lines(self.lines)
    }

    /// The file with this snapshot: in the place of the one it has of the same log about the same thing, otherwise below the others.
    ///
    /// # Errors
    /// As [`BundleFile::with`].
    pub fn with_snapshot(mut self, snapshot: Snapshot) -> Result<Self, BundleFileError> {
        let origin = |one: &Snapshot| one.status().unverified().origin().clone();
        let is_older =
            |one: &Snapshot| one.subject() == snapshot.subject() && origin(one) == origin(&snapshot);
        let place = self.lines.iter().position(|line| line.snapshot().is_some_and(is_older));
        let bytes = snapshot.to_json_line();
        let line = BundleLine { bytes, content: Content::Snapshot(Box::new(snapshot)) };
        match place.and_then(|place| self.lines.get_mut(place)) {
            Some(older) => *older = line,
            None => self.lines.push(line),
        }
        Self::from_lines(self.lines)
    }

    /// The file with another bundle in line `index`, which counts from 0: how a pending bundle is completed.
    ///
    /// # Errors
    /// [`BundleFileError::NoSuchLine`] if there are not so many; otherwise as [`BundleFile::with`].
    pub fn replacing(mut self, index: usize, bundle: Bundle) -> Result<Self, BundleFileError> {
        let lines = self.lines.len();
        let place = self.lines.get_mut(index).ok_or(BundleFileError::NoSuchLine { index, lines })?;
        *place = BundleLine::of(bundle);
        Self::from_lines(self.lines)
    }

    /// The one place that puts lines together, within the limits that [`BundleFile::parse`] has.
    fn from_lines(lines: Vec<BundleLine>) -> Result<Self, BundleFileError> {
        let long = (1..).zip(&lines).find(|(_, line)| line.bytes.len() > MAX_LINE_BYTES);
        if let Some((line, BundleLine { bytes, .. })) = long {
            return Err(BundleFileError::LineTooLong { line, len: bytes.len() });
        }
        if lines.len() > MAX_BUNDLE_FILE_LINES {
            return Err(BundleFileError::TooManyLines);
        }
        let file = Self { lines };
        match file.len_bytes() {
            len if len > MAX_BUNDLE_FILE_BYTES => Err(BundleFileError::TooLong { len }),
            _ => Ok(file),
        }
    }

    fn len_bytes(&self) -> usize {
        self.lines.iter().map(|line| line.bytes.len() + 1).sum()
    }
}

/// Why some bytes are not a bundle file, or may not become one. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFileError {
    /// No byte at all.
    #[error("empty bundle file, want at least one line")]
    Empty,
    /// No line is a bundle: what a log knew says nothing by itself.
    #[error("no line is a bundle")]
    NoBundle,
    /// A line that is meant to be a snapshot and is none.
    #[error("line {line} is no status snapshot")]
    Snapshot {
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: SnapshotError,
    },
    /// A line that is no bundle; an empty line is one.
    #[error("line {line} is no bundle")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: BundleError,
    },
    /// A line that is too long.
    #[error("line {line} has {len} bytes, want at most {max}", max = MAX_LINE_BYTES)]
    LineTooLong {
        /// Which line, from 1.
        line: usize,
        /// The length seen, in bytes, without line feed.
        len: usize,
    },
    /// The last line does not end in a line feed: something may be missing.
    #[error("last line does not end in a line feed")]
    NoFinalLineFeed,
    /// There is no line to replace.
    #[error("no line at index {index} of {lines}")]
    NoSuchLine {
        /// The index asked for, from 0.
        index: usize,
        /// How many lines there are.
        lines: usize,
    },
    /// A file that is too long.
    #[error("bundle file of {len} bytes, want at most {max}", max = MAX_BUNDLE_FILE_BYTES)]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A file of too many lines.
    #[error("more than {max} lines", max = MAX_BUNDLE_FILE_LINES)]
    TooManyLines,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;
    use crate::dsse::Envelope;

    /// No bundle of ours gets so long, since its parts are bounded; the limit is the file's own all the same.
    #[test]
    fn a_line_over_the_limit_is_not_written() {
        let envelope = Envelope::new(vec![1], vec![2]).expect("lengths within their bounds");
        let bundle = Bundle::new(envelope, Sha256Digest::of(b""), None);
        let content = Content::Bundle(Box::new(bundle));
        let line = |len| BundleLine { bytes: vec![b' '; len], content: content.clone() };
        let file = |len| BundleFile::from_lines(vec![line(2), line(len)]).map(|file| file.lines().len());
        let len = MAX_LINE_BYTES + 1;
        assert_eq!(file(MAX_LINE_BYTES), Ok(2));
        assert_eq!(file(len), Err(BundleFileError::LineTooLong { line: 2, len }));
    }

    #[test]
    fn bundles_lie_in_a_directory_and_beside_a_file() {
        let at = |path: &str, shape| bundle_path_for(Path::new(path), shape);
        assert_eq!(at("models/churn", ModelShape::Directory), Path::new("models/churn/tallymark.jsonl"));
        assert_eq!(at("churn/", ModelShape::Directory), Path::new("churn/tallymark.jsonl"));
        assert_eq!(at("a/churn.gguf", ModelShape::SingleFile), Path::new("a/churn.gguf.tallymark.jsonl"));
    }
}
