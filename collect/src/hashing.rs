//! Files that are too large to be held in memory: hashed, and copied if need be, in one pass.

use std::fs::File;
use std::io::{self, Read, Take, Write};
use std::path::Path;

use attest::digest::Sha256;

use crate::ReadFile;
use crate::reading::{self, ReadError};

/// Hashes a regular file of at most `limit` bytes. `name` is what reports call it.
pub(crate) fn hash_file(path: &Path, name: &str, limit: u64) -> Result<ReadFile, ReadError> {
    let (file, _) = open_at_most(path, limit)?;
    hash_and_copy(file, path, name, limit, &mut io::sink())
}

/// Opens a regular file that has at most `limit` bytes now.
pub(crate) fn open_at_most(path: &Path, limit: u64) -> Result<(File, u64), ReadError> {
    let (file, bytes) = reading::open(path)?;
    if bytes > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), bytes, limit });
    }
    Ok((file, bytes))
}

/// Hashes what is left of an open file and copies it to `copy`. It may have grown: no more than `limit` bytes are read.
pub(crate) fn hash_and_copy(
    file: File,
    path: &Path,
    name: &str,
    limit: u64,
    copy: &mut dyn Write,
) -> Result<ReadFile, ReadError> {
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    let mut file = HashingReader::new(file, limit.saturating_add(1));
    let bytes = io::copy(&mut file, copy).map_err(io_error)?;
    if bytes > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), bytes, limit });
    }
    file.finish(name).map_err(io_error)
}

/// Hashes a file while somebody reads it.
#[derive(Debug)]
pub(crate) struct HashingReader {
    file: Take<File>,
    hasher: Sha256,
    bytes: u64,
}

impl HashingReader {
    /// Reads an open file that has at most `limit` bytes.
    pub(crate) fn new(file: File, limit: u64) -> Self {
        Self { file: file.take(limit), hasher: Sha256::new(), bytes: 0 }
    }

    /// Reads what nobody has read, and gives what to note about the file.
    pub(crate) fn finish(mut self, name: &str) -> io::Result<ReadFile> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(ReadFile { name: name.to_owned(), bytes: self.bytes, sha256: self.hasher.finish() })
    }
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        self.hasher.update(read);
        self.bytes = self.bytes.saturating_add(read.len() as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::digest::Sha256Digest;

    #[test]
    fn a_file_is_hashed_and_copied_within_its_bound() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let content = vec![7; 100_001];
        std::fs::write(&path, &content).expect("write");
        let limit = content.len() as u64;
        let (file, size) = open_at_most(&path, limit).expect("within the bound");
        let mut copy = Vec::new();
        let read = hash_and_copy(file, &path, "a", limit, &mut copy).expect("read");
        assert_eq!((read.bytes(), read.sha256(), size), (limit, Sha256Digest::of(&content), limit));
        assert_eq!(copy, content);
        assert!(matches!(hash_file(&path, "a", limit - 1), Err(ReadError::TooLarge { .. })));
    }
}
