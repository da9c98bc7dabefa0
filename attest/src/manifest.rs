//! The list of a tree's files as a file of its own, one line each, for trees that are too large for a statement.
//!
//! Follows spec/manifest.md. In scope: a line, and a list read line by line in the order of the tree. Out of scope: how the list is
//! packed and where it lies (the programs), and whether the tree is the one that was meant ([`crate::tree::TreeDigest`]).
//!
//! ```text
//! {"path":"a.txt","bytes":"6","sha256":"b6a9..."} LF
//! {"path":"b/empty","bytes":"0","sha256":"e3b0..."} LF
//! ```
//!
//! A file has one line: what is read would be written as the same bytes. Nothing but the line before is kept, so a list of any
//! length is read in the memory of one line.

use std::io::{self, BufRead, Read as _};

use serde::Serialize;

use crate::compact_json;
use crate::decimal::parse_decimal;
use crate::digest::{DigestError, Sha256Digest};
use crate::json::{self, FieldError, JsonError, Located};
use crate::model_path::{ModelPath, ModelPathError};
use crate::tree::{FileLeaf, MAX_FILES};

/// Media type of a list that is packed with Zstandard.
pub const MEDIA_TYPE: &str = "application/vnd.tallymark.manifest.v1+zstd";

/// Longest line, in bytes, with its LF: a path of which every byte is escaped, and the rest.
pub const MAX_LINE_BYTES: usize = 6 * ModelPath::MAX_BYTES + 256;

/// Why a list of files is none. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A size that is not an unsigned decimal string.
    #[error("line {line}: bytes is no decimal string")]
    BadDecimal {
        /// Which line.
        line: usize,
    },
    /// A digest that is none.
    #[error("line {line}: sha256 is none")]
    BadDigest {
        /// Which line.
        line: usize,
        /// Why.
        source: DigestError,
    },
    /// A path that is none.
    #[error("line {line}: no path")]
    BadPath {
        /// Which line.
        line: usize,
        /// Why.
        source: ModelPathError,
    },
    /// A member is missing, unknown or of another type.
    #[error("line {line} has not the members it should have")]
    Field {
        /// Which line.
        line: usize,
        /// Which member.
        source: FieldError,
    },
    /// The system refused, or what it is packed in is damaged.
    #[error("the list cannot be read to its end")]
    Io(#[from] io::Error),
    /// Not JSON as we read it.
    #[error("line {line} is not strict JSON")]
    Json {
        /// Which line.
        line: usize,
        /// Why.
        source: JsonError,
    },
    /// Not written as we write it, so that there would be two lists of one tree.
    #[error("line {line} is not in its one form")]
    NotCanonical {
        /// Which line.
        line: usize,
    },
    /// A line longer than a line may be, or the last one without LF.
    #[error("line {line} is longer than {MAX_LINE_BYTES} bytes, or does not end")]
    NoEnd {
        /// Which line.
        line: usize,
    },
    /// More lines than a tree may have files.
    #[error("more than {MAX_FILES} lines")]
    TooManyFiles,
    /// A path that does not come after the one before it.
    #[error("line {line} does not ascend")]
    Unsorted {
        /// Which line.
        line: usize,
    },
}

#[derive(Serialize)]
struct LineJson<'a> {
    path: &'a str,
    bytes: String,
    sha256: String,
}

/// Writes the line of a file, with its LF.
#[must_use]
pub fn line(file: &FileLeaf) -> Vec<u8> {
    let mut line = compact_json::to_vec(&LineJson {
        path: file.path().as_str(),
        bytes: file.size().to_string(),
        sha256: file.sha256().to_string(),
    });
    line.push(b'\n');
    line
}

/// Files from a list, one after the other, strictly ascending by path. Nothing comes after an error.
#[derive(Debug)]
pub struct ManifestReader<R> {
    from: R,
    line: usize,
    before: Option<ModelPath>,
    is_over: bool,
}

impl<R: BufRead> ManifestReader<R> {
    /// Reads from there.
    pub const fn new(from: R) -> Self {
        Self { from, line: 0, before: None, is_over: false }
    }

    fn read(&mut self) -> Result<Option<FileLeaf>, ManifestError> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE_BYTES as u64;
        self.from.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let line = self.line;
        if line > MAX_FILES {
            return Err(ManifestError::TooManyFiles);
        }
        if bytes.last() != Some(&b'\n') {
            return Err(ManifestError::NoEnd { line });
        }
        let file = parse(&bytes, line)?;
        if self.before.as_ref().is_some_and(|before| before >= file.path()) {
            return Err(ManifestError::Unsorted { line });
        }
        self.before = Some(file.path().clone());
        Ok(Some(file))
    }
}

impl<R: BufRead> Iterator for ManifestReader<R> {
    type Item = Result<FileLeaf, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

fn parse(bytes: &[u8], line: usize) -> Result<FileLeaf, ManifestError> {
    let value = json::parse(bytes, MAX_LINE_BYTES).map_err(|source| ManifestError::Json { line, source })?;
    let field = |source| ManifestError::Field { line, source };
    let fields = Located::root(&value).closed_object(&["path", "bytes", "sha256"]).map_err(field)?;
    let text = |key| fields.required(key).and_then(|value| value.string()).map_err(field);
    let path = text("path")?.parse().map_err(|source| ManifestError::BadPath { line, source })?;
    let size = parse_decimal(text("bytes")?).ok_or(ManifestError::BadDecimal { line })?;
    let sha256: Sha256Digest =
        text("sha256")?.parse().map_err(|source| ManifestError::BadDigest { line, source })?;
    let file = FileLeaf::new(path, size, sha256);
    if self::line(&file) != bytes {
        return Err(ManifestError::NotCanonical { line });
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> FileLeaf {
        FileLeaf::new(path.parse().expect("a path"), 3, Sha256Digest::of(path.as_bytes()))
    }

    fn read(bytes: &[u8]) -> Result<Vec<FileLeaf>, ManifestError> {
        ManifestReader::new(bytes).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let files = ["a \"b\"", "a/b", "b", "\u{e9}"].map(file);
        let bytes: Vec<u8> = files.iter().flat_map(line).collect();
        assert_eq!(read(&bytes).expect("a list"), files);
        assert_eq!(read(b"").expect("an empty list"), []);
        let long = "a".repeat(ModelPath::MAX_BYTES);
        if let Ok(path) = long.parse() {
            assert!(line(&FileLeaf::new(path, u64::MAX, Sha256Digest::of(b""))).len() <= MAX_LINE_BYTES);
        }
    }

    #[test]
    fn another_list_of_the_same_tree_is_refused() {
        let [one, two] = ["a", "b"].map(|path| line(&file(path)));
        let text = String::from_utf8(one.clone()).expect("UTF-8");
        let edited = |from: &str, to: &str| read(text.replacen(from, to, 1).as_bytes()).expect_err(from);
        assert!(matches!(edited("{", "{ "), ManifestError::NotCanonical { line: 1 }));
        assert!(matches!(edited("\"a\"", "\"\\u0061\""), ManifestError::NotCanonical { line: 1 }));
        assert!(matches!(edited("\n", "\r\n"), ManifestError::NotCanonical { line: 1 }));
        assert!(matches!(edited("\"3\"", "\"03\""), ManifestError::BadDecimal { line: 1 }));
        assert!(matches!(edited("\"a\"", "\"../a\""), ManifestError::BadPath { line: 1, .. }));
        assert!(matches!(edited("sha256\":\"", "sha256\":\"0"), ManifestError::BadDigest { line: 1, .. }));
        assert!(matches!(edited("}", ",\"mode\":\"x\"}"), ManifestError::Field { line: 1, .. }));
        assert!(matches!(
            edited("{\"path\"", "{\"path\":\"b\",\"path\""),
            ManifestError::Json { line: 1, .. }
        ));
        assert!(matches!(edited("\n", ""), ManifestError::NoEnd { line: 1 }));
        assert!(matches!(edited("\n", "\n\n"), ManifestError::Json { line: 2, .. }));
        for (first, second) in [(&two, &one), (&one, &one)] {
            let unsorted = read(&[first.as_slice(), second.as_slice()].concat());
            assert!(matches!(unsorted, Err(ManifestError::Unsorted { line: 2 })));
        }
        let mut files = ManifestReader::new(&b"x\n{}\n"[..]);
        assert!(files.next().is_some_and(|file| file.is_err()) && files.next().is_none());
        let endless = vec![b' '; MAX_LINE_BYTES + 1];
        assert!(matches!(read(&endless), Err(ManifestError::NoEnd { line: 1 })));
    }
}
