//! One `RECORD`: the files of a package, their digests and sizes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use attest::digest::{Sha256, Sha256Digest};
use attest::model_path::ModelPath;
use attest::provenance::Source;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::csv::{self, CsvError};
use super::{MAX_FILES, Sheet};
use crate::Collected;
use crate::excerpt::excerpt;
use crate::reading::{self, ReadError};

/// Bytes that are hashed at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// The one way out of `site-packages`: to the root of the environment.
const TO_PREFIX: &str = "../../../";

/// What a record says about a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digest {
    /// Nothing, and none is expected: the record itself, its signatures, compiled files.
    Exempt,
    Missing,
    Other,
    Sha256(Sha256Digest),
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// As it is written.
    pub(super) path: String,
    digest: Digest,
    size: Option<u64>,
}

/// A record, in the order of its lines.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) files: Vec<File>,
}

/// Why a record, or a file that it lists, is not as it should be. Paths are excerpts.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Csv(#[from] CsvError),
    #[error("more than {MAX_FILES} files")]
    TooManyFiles,
    #[error("more bytes than are hashed for one environment")]
    TooManyBytes,
    #[error("line {line}: hash {hash:?} is not 43 digits of URL-safe base64")]
    BadHash { line: usize, hash: String },
    #[error("line {line}: size {size:?} is no number of bytes")]
    BadSize { line: usize, size: String },
    #[error("{path:?} twice, with different digests or sizes")]
    Duplicate { path: String },
    #[error("{path:?} leads out of the environment")]
    Outside { path: String },
    #[error("{path:?} leads through a symbolic link")]
    Link { path: String },
    #[error("{path:?} cannot be the path of a file")]
    BadPath { path: String },
    #[error("{path:?} has no digest")]
    NoDigest { path: String },
    #[error("{path:?} has a digest that is not SHA-256, and was not checked")]
    OtherAlgorithm { path: String },
    #[error("{path:?} {}", source.words())]
    Read { path: String, source: ReadError },
    #[error("{path:?} cannot be read: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path:?} was changed since it was installed")]
    Changed { path: String },
}

/// Reads a record that facts are to call `name`, and looks at no file. For fuzzing.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Observed);
    match Record::parse(bytes) {
        Ok(record) => {
            sheet.text("", "files", &record.files.len().to_string(), "");
            let outside = record
                .files
                .iter()
                .map(|file| file.locate(Path::new("/p/lib/python3/s"), Some(Path::new("/p"))));
            for error in outside.filter_map(Result::err) {
                sheet.warn(error.reason(), "", error.to_string());
            }
        }
        Err(error) => sheet.warn(error.reason(), "", error.to_string()),
    }
    sheet.finish()
}

impl Record {
    /// Reads a record.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let text = str::from_utf8(bytes).map_err(|_| RecordError::NotUtf8)?;
        let (mut files, mut places) = (Vec::<File>::new(), BTreeMap::new());
        csv::rows(text, |line, [path, hash, size]| {
            let file = File { digest: digest(line, &path, &hash)?, size: self::size(line, &size)?, path };
            match places.get(&file.path).and_then(|place: &usize| files.get(*place)) {
                // Some installers list a script once for each entry point.
                Some(before) if *before == file => return Ok(()),
                Some(_) => return Err(RecordError::Duplicate { path: excerpt(&file.path) }),
                None => {}
            }
            if files.len() >= MAX_FILES {
                return Err(RecordError::TooManyFiles);
            }
            places.insert(file.path.clone(), files.len());
            files.push(file);
            Ok(())
        })?;
        Ok(Self { files })
    }
}

fn size(line: usize, size: &str) -> Result<Option<u64>, RecordError> {
    if size.is_empty() {
        return Ok(None);
    }
    let number = size.bytes().all(|byte| byte.is_ascii_digit()).then(|| size.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| RecordError::BadSize { line, size: excerpt(size) })
}

fn digest(line: usize, path: &str, hash: &str) -> Result<Digest, RecordError> {
    if hash.is_empty() {
        let is_exempt = [".dist-info/RECORD", ".dist-info/RECORD.jws", ".dist-info/RECORD.p7s", ".pyc"]
            .iter()
            .any(|suffix| path.ends_with(suffix));
        return Ok(if is_exempt { Digest::Exempt } else { Digest::Missing });
    }
    let bad = || RecordError::BadHash { line, hash: excerpt(hash) };
    match hash.split_once('=') {
        Some(("sha256", digits)) => {
            let bytes = URL_SAFE_NO_PAD.decode(digits).map_err(|_| bad())?;
            Sha256Digest::from_slice(&bytes).map(Digest::Sha256).ok_or_else(bad)
        }
        Some((algorithm, _))
            if algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') =>
        {
            Ok(Digest::Other)
        }
        _ => Err(bad()),
    }
}

impl File {
    fn shown(&self) -> String {
        excerpt(&self.path)
    }

    /// Where the file lies: below `site_packages`, or below `prefix` if it climbs there.
    pub(super) fn locate(&self, site_packages: &Path, prefix: Option<&Path>) -> Result<PathBuf, RecordError> {
        let outside = || RecordError::Outside { path: self.shown() };
        let (root, below) = match self.path.strip_prefix(TO_PREFIX) {
            Some(below) => (prefix.ok_or_else(outside)?, below),
            None => (site_packages, self.path.as_str()),
        };
        if below.starts_with('/') || below.split('/').any(|component| component == "..") {
            return Err(outside());
        }
        ModelPath::new(below).map_err(|_| RecordError::BadPath { path: self.shown() })?;
        Ok(root.join(below))
    }

    /// Hashes the file at `path` and compares.
    pub(super) fn refuse_change(&self, path: &Path, bytes_left: &mut u64) -> Result<(), RecordError> {
        let wanted = match self.digest {
            // The record was read already. A compiled file is made again when it is missing, and its content is nobody's promise.
            Digest::Exempt => return Ok(()),
            Digest::Missing => return Err(RecordError::NoDigest { path: self.shown() }),
            Digest::Other => return Err(RecordError::OtherAlgorithm { path: self.shown() }),
            Digest::Sha256(wanted) => wanted,
        };
        self.refuse_links(path)?;
        let read = |source| RecordError::Read { path: self.shown(), source };
        let (file, size) = reading::open(path).map_err(read)?;
        if self.size.is_some_and(|wanted| wanted != size) {
            return Err(RecordError::Changed { path: self.shown() });
        }
        *bytes_left = bytes_left.checked_sub(size).ok_or(RecordError::TooManyBytes)?;
        // One byte more than there was shows that the file grew.
        let seen = hash(file.take(size.saturating_add(1)));
        let seen = seen.map_err(|source| RecordError::Io { path: self.shown(), source })?;
        if seen == (wanted, size) { Ok(()) } else { Err(RecordError::Changed { path: self.shown() }) }
    }

    /// No directory on the way is a link; the file itself is opened without following one.
    fn refuse_links(&self, path: &Path) -> Result<(), RecordError> {
        let depth = self.path.trim_start_matches(TO_PREFIX).split('/').count();
        let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        match path.ancestors().take(depth).find(is_link) {
            Some(_) => Err(RecordError::Link { path: self.shown() }),
            None => Ok(()),
        }
    }
}

fn hash(mut file: impl io::Read) -> io::Result<(Sha256Digest, u64)> {
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; BUFFER_BYTES]);
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        size = size.saturating_add(count as u64);
    }
}
