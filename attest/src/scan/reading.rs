//! A file while it is read: piece by piece into a buffer, block by block into a digest, and compared with what the walk saw before
//! and after.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use lanes::{BLOCK_BYTES, MAX_LANES, Message};

use super::disk::{self, io};
use super::walk::{FoundFile, Walk};
use super::{Act, HashCache, ScanError};
use crate::digest::Sha256Digest;

/// A file is still the one the walk saw. By path: an open file may be unlinked by now, and another lie in its place.
pub(super) fn refuse_change(path: &Path, found: &FoundFile) -> Result<(), ScanError> {
    if disk::look(path)?.stamp == found.stamp {
        Ok(())
    } else {
        Err(ScanError::Changed { path: path.to_owned() })
    }
}

/// Hashes a piece of each file, as long as the shortest that was read and is not hashed yet.
pub(super) fn advance(readings: &mut [Reading<'_>]) {
    let taken = match readings {
        [a] => lanes::advance([a.lane()]),
        [a, b] => lanes::advance([a.lane(), b.lane()]),
        [a, b, c] => lanes::advance([a.lane(), b.lane(), c.lane()]),
        [a, b, c, d, ..] => lanes::advance([a.lane(), b.lane(), c.lane(), d.lane()]),
        [] => 0,
    };
    readings.iter_mut().take(MAX_LANES).for_each(|reading| reading.hashed += taken * BLOCK_BYTES);
}

/// A file on its way through a lane.
pub(super) struct Reading<'a> {
    walk: &'a Walk,
    found: &'a FoundFile,
    position: usize,
    file: File,
    message: Message,
    buffer: Vec<u8>,
    /// How much of the buffer has been read, and how much of that has been hashed, in whole blocks; bytes.
    read: usize,
    hashed: usize,
    /// Bytes that the file must still have.
    left: u64,
    /// Nothing more came, whether or not something is left.
    ended: bool,
    pieces: Option<NonZeroU64>,
    /// Bytes of this piece so far.
    in_piece: u64,
    /// The digest of the last piece that ended.
    digest: Option<Sha256Digest>,
}

impl<'a> Reading<'a> {
    /// Begins with an open file, making sure that it is the one the walk saw.
    pub(super) fn begin(
        (walk, pieces): (&'a Walk, Option<NonZeroU64>),
        (position, found): (usize, &'a FoundFile),
        file: File,
        buffer: Vec<u8>,
    ) -> Result<Self, ScanError> {
        let reading = Self {
            walk,
            found,
            position,
            file,
            message: Message::new(),
            buffer,
            read: 0,
            hashed: 0,
            left: found.stamp.size(),
            ended: false,
            pieces,
            in_piece: 0,
            digest: None,
        };
        // Not a byte is read of a device, or of anything else the walk did not see.
        reading.refuse_other_file()?;
        Ok(reading)
    }

    /// Where it stands among the files of the walk.
    pub(super) const fn position(&self) -> usize {
        self.position
    }

    fn path(&self) -> PathBuf {
        self.walk.on_disk(self.found)
    }

    fn changed(&self) -> ScanError {
        ScanError::Changed { path: self.path() }
    }

    /// The open file is the one that the walk saw, in the same state.
    fn refuse_other_file(&self) -> Result<(), ScanError> {
        let seen = disk::look_open(&self.file).map_err(|source| io(Act::Stat, &self.path())(source))?;
        if seen.is_file() && seen.stamp == self.found.stamp { Ok(()) } else { Err(self.changed()) }
    }

    /// The whole blocks that have been read and not been hashed.
    pub(super) fn blocks(&self) -> &[[u8; BLOCK_BYTES]] {
        self.buffer.get(self.hashed..self.read).unwrap_or_default().as_chunks().0
    }

    fn lane(&mut self) -> (&mut Message, lanes::Blocks<'_>) {
        let rest = self.buffer.get(self.hashed..self.read).unwrap_or_default();
        (&mut self.message, rest.as_chunks().0)
    }

    /// Fills the buffer, behind the less than a block that it still holds; less than full at the end of the file or of a
    /// piece only. Gives the bytes that were read.
    pub(super) fn read_on(&mut self) -> Result<u64, ScanError> {
        if self.ended {
            return Ok(0);
        }
        self.buffer.copy_within(self.hashed..self.read, 0);
        (self.read, self.hashed) = (self.read - self.hashed, 0);
        let mut sum = 0;
        loop {
            let room = self.pieces.map_or(u64::MAX, |pieces| pieces.get().saturating_sub(self.in_piece));
            let free = self.buffer.get_mut(self.read..).unwrap_or_default();
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(free.len());
            let Some(free) = free.get_mut(..most).filter(|free| !free.is_empty()) else { return Ok(sum) };
            let read = match self.file.read(free) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(disk::read_error(&self.path(), error)),
            };
            self.read += read;
            self.in_piece += read as u64;
            sum += read as u64;
            // Longer than it was: stop at once, or a file that grows as fast as it is read would never end.
            self.left = self.left.checked_sub(read as u64).ok_or_else(|| self.changed())?;
            // More was asked for, and just what had to come came: behind that is nothing, and it need not be asked again.
            if read == 0 || (self.left == 0 && read < most) {
                self.ended = true;
                return Ok(sum);
            }
        }
    }

    /// Ends the piece, or the whole file, of which no whole block is left to hash; gives its digest. A piece without bytes
    /// is none.
    pub(super) fn end_piece(&mut self) -> Option<Sha256Digest> {
        if self.pieces.is_some() && self.in_piece == 0 {
            return None;
        }
        let rest = self.buffer.get(self.hashed..self.read).unwrap_or_default();
        let digest = Sha256Digest::from_bytes(std::mem::take(&mut self.message).finish(rest));
        (self.read, self.hashed, self.in_piece, self.digest) = (0, 0, 0, Some(digest));
        Some(digest)
    }

    /// Whether nothing is left to read.
    pub(super) fn is_at_end(&self) -> bool {
        self.ended
    }

    /// Ends, making sure that the file is still the one the walk saw; gives back the buffer.
    pub(super) fn finish(self, cache: Option<&HashCache>) -> Result<Vec<u8>, ScanError> {
        // A file of the kernel's, or of a file system over a network, may give less than its size.
        if self.left != 0 {
            return Err(self.changed());
        }
        // The change of an inode leaves its mark on the open file too, and that another lies in its place now on the directory, which
        // is looked at again in the end.
        if self.walk.is_in_listed_directory(self.found) {
            self.refuse_other_file()?;
        } else {
            refuse_change(&self.path(), self.found)?;
        }
        if let (Some(cache), Some(digest)) = (cache, self.digest) {
            cache.note(&self.found.stamp, digest);
        }
        Ok(self.buffer)
    }
}
