//! A look at the engine's own logs before it opens them: the manifest and the write-ahead logs.
//!
//! ```text
//! block   32 KiB of records; what is left of it below 7 bytes is filler
//! record  u32 LE masked CRC-32C of type and payload ‖ u16 LE length ‖ u8 type ‖ payload
//! type    1 whole, 2 first, 3 middle, 4 last; 5..=8, 11, 131 the same in a file that was used before
//! ```
//!
//! Source: RocksDB's `db/log_format.h`. A log that is never recycled holds no record of the last kind, but one flipped bit makes
//! type 1 a type 5, and RocksDB 11.8 asks for that record's number before its checksum: a reader that stands on the first such
//! record behind others tries it again for ever, without an error and without an end. The server would neither serve nor say why. So
//! such a record is refused here. Everything else that can be wrong is left to the engine, which finds it; to see no record that the
//! engine would not see, this walk goes on where the engine does, at the next block after a record that is cut or fails its checksum.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Bytes of a block.
const BLOCK_BYTES: usize = 32 * 1024;
/// Bytes of a record before its payload.
const HEADER_BYTES: usize = 7;
/// What is added to a checksum that stands beside its data, so that a checksum of checksums is not degenerate.
const MASK_DELTA: u32 = 0xa282_ead8;
/// A file that names the manifest, bytes at most.
const CURRENT_BYTES: u64 = 64;

/// A record in one of the engine's logs that only a recycled log has.
#[derive(Debug, Error)]
#[error("{} has at byte {offset} a record of type {kind}, which is never written here", file.display())]
pub(super) struct RecycledRecord {
    file: PathBuf,
    offset: u64,
    kind: u8,
}

/// Why the engine must not open a directory.
#[derive(Debug, Error)]
pub(super) enum RecordLogError {
    /// The engine would not come to an end.
    #[error(transparent)]
    Recycled(#[from] RecycledRecord),
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Refuses a database whose manifest or write-ahead logs hold a record of a recycled log.
///
/// A directory without a database passes: that is for the engine to say.
///
/// # Errors
/// [`RecordLogError`]; a file that could not be read is not passed.
pub(super) fn refuse_recycled(dir: &Path) -> Result<(), RecordLogError> {
    for path in logs(dir)? {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(RecordLogError::Read { path, source }),
        };
        match first_recycled(file) {
            Ok(None) => {}
            Ok(Some((offset, kind))) => return Err(RecycledRecord { file: path, offset, kind }.into()),
            Err(source) => return Err(RecordLogError::Read { path, source }),
        }
    }
    Ok(())
}

/// The files the engine will read record by record: the manifest that `CURRENT` names, and every write-ahead log.
fn logs(dir: &Path) -> Result<Vec<PathBuf>, RecordLogError> {
    let failed = |path: &Path, source| RecordLogError::Read { path: path.to_owned(), source };
    let listed = match std::fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(dir, source)),
    };
    let mut logs = Vec::new();
    for file in listed {
        let path = file.map_err(|source| failed(dir, source))?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            logs.push(path);
        }
    }
    let current = dir.join("CURRENT");
    let mut name = String::new();
    match File::open(&current).and_then(|file| file.take(CURRENT_BYTES).read_to_string(&mut name)) {
        Ok(_) => {}
        // No manifest then, or none that the engine would find.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
        Err(source) => return Err(failed(&current, source)),
    }
    let name = name.trim_end();
    if name.starts_with("MANIFEST-") && !name.contains('/') {
        logs.push(dir.join(name));
    }
    logs.sort_unstable();
    Ok(logs)
}

/// Offset and type of the first record of a recycled log that a reader would come to.
fn first_recycled(mut log: impl Read) -> io::Result<Option<(u64, u8)>> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut block_start = 0;
    loop {
        block.clear();
        log.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(None);
        }
        if let Some((offset, kind)) = first_recycled_in(&block) {
            return Ok(Some((block_start + offset as u64, kind)));
        }
        block_start += block.len() as u64;
    }
}

fn first_recycled_in(block: &[u8]) -> Option<(usize, u8)> {
    let mut rest = block;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let [crc_0, crc_1, crc_2, crc_3, len_0, len_1, kind] = *header;
        if matches!(kind, 5..=8 | 11 | 131) {
            return Some((block.len() - rest.len(), kind));
        }
        let len = usize::from(u16::from_le_bytes([len_0, len_1]));
        let payload = after.get(..len)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
        if (kind, len) == (0, 0) || mask(crc) != u32::from_le_bytes([crc_0, crc_1, crc_2, crc_3]) {
            return None;
        }
        rest = after.get(len..)?;
    }
    None
}

fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(MASK_DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let crc = mask(crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload));
        let len = u16::try_from(payload.len()).unwrap();
        [&crc.to_le_bytes()[..], &len.to_le_bytes(), &[kind], payload].concat()
    }

    fn seen(log: &[u8]) -> Option<(u64, u8)> {
        first_recycled(log).unwrap()
    }

    #[test]
    fn a_record_of_a_recycled_log_is_found_wherever_a_reader_comes_to_it() {
        for kind in [5, 6, 7, 8, 11, 131] {
            assert_eq!(seen(&record(kind, b"x")), Some((0, kind)));
            assert_eq!(seen(&[record(1, b"first"), record(kind, b"x")].concat()), Some((12, kind)));
            // Its checksum and its length do not count: the engine looks at the type first.
            let mut torn = [record(1, b"first"), record(kind, b"x")].concat();
            torn[12] ^= 1;
            assert_eq!(seen(&torn[..19]), Some((12, kind)));
        }
        for kind in [0, 1, 2, 3, 4, 9, 10, 12, 130, 255] {
            assert_eq!(seen(&record(kind, b"x")), None);
        }
    }

    #[test]
    fn behind_a_record_that_is_damaged_the_walk_goes_on_at_the_next_block() {
        let mut log = [record(1, &[0; 100]), record(5, b"never seen")].concat();
        log[20] ^= 1;
        assert_eq!(seen(&log), None);
        log.resize(BLOCK_BYTES, 0);
        log.extend(record(5, b"seen"));
        assert_eq!(seen(&log), Some((BLOCK_BYTES as u64, 5)));
        let zeros = [&[0; HEADER_BYTES][..], &record(5, b"never seen")].concat();
        let mut too_long = [record(1, b"first"), record(5, b"never seen")].concat();
        too_long[4..6].copy_from_slice(&[0xff, 0xff]);
        let filled = record(1, &[7; BLOCK_BYTES - HEADER_BYTES - 6]);
        for mut block in [zeros, too_long, filled] {
            block.resize(BLOCK_BYTES, 5);
            assert_eq!(seen(&[block, record(8, b"seen")].concat()), Some((BLOCK_BYTES as u64, 8)));
        }
    }

    #[test]
    fn a_directory_without_a_database_passes_and_one_that_cannot_be_read_does_not() {
        let dir = tempfile::tempdir().unwrap();
        refuse_recycled(dir.path()).unwrap();
        refuse_recycled(&dir.path().join("absent")).unwrap();
        std::fs::create_dir(dir.path().join("000001.log")).unwrap();
        assert!(matches!(refuse_recycled(dir.path()), Err(RecordLogError::Read { .. })));
    }
}
