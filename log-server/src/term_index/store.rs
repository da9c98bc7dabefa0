//! Where the segments lie: one run of bytes that is written at its end and cut off at its end.
//!
//! Nothing here is synced. The index is derived, every part of it carries a check, and what a power cut took is
//! made again from the entries.

use std::fmt::Debug;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes under offsets. One writer, many readers.
pub trait SegmentStore: Debug + Send + Sync + 'static {
    /// How many bytes there are.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Fills `bytes` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are not as many; otherwise what the system says.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Puts `bytes` at `offset`.
    ///
    /// # Errors
    /// What the system says; some of the bytes may be there then.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts everything off from `len`.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// `DIR/index/terms`.
#[derive(Debug)]
pub struct FileStore {
    file: File,
}

impl FileStore {
    /// Opens the file in a directory; makes what is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Self { file: options.open(dir.join("terms"))? })
    }
}

impl SegmentStore for FileStore {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
}

/// For a log in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    bytes: Mutex<Vec<u8>>,
}

impl SegmentStore for MemoryStore {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset).ok().and_then(|from| held.get(from..)?.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        if held.len() < from + bytes.len() {
            held.resize(from + bytes.len(), 0);
        }
        if let Some(to) = held.get_mut(from..from + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        held.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }
}
