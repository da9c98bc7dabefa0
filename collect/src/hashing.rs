//! Files that are too large to be held in memory: hashed, and copied if need be, in one pass.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use attest::digest::Sha256;

use crate::ReadFile;
use crate::reading::{self, ReadError};

/// How much is read at a time.
const CHUNK_BYTES: usize = 1 << 16;

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
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut file = file.take(limit.saturating_add(1));
    let mut bytes: u64 = 0;
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(io_error(error)),
        };
        let read = chunk.get(..count).unwrap_or_default();
        hasher.update(read);
        copy.write_all(read).map_err(io_error)?;
        bytes = bytes.saturating_add(read.len() as u64);
    }
    if bytes > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), bytes, limit });
    }
    Ok(ReadFile { name: name.to_owned(), bytes, sha256: hasher.finish() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::digest::Sha256Digest;

    #[test]
    fn a_file_is_hashed_and_copied_within_its_bound() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let content = vec![7; CHUNK_BYTES + 1];
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
