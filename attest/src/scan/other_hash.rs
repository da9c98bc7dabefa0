//! Digests by the other hash functions of OMS: one file after the other. No command line writes such manifests, so that this
//! is for the few that a library wrote, and speed is not asked of it.

use std::io::Read as _;
use std::num::NonZeroU64;

use super::disk;
use super::hash::BUFFER_BYTES;
use super::reading::refuse_change;
use super::walk::{FoundFile, Walk};
use super::{Act, Progress, ScanError};
use crate::digest::Sha256Digest;
use crate::oms::{HashType, Hasher};

impl Walk {
    /// Hashes all files, each whole or in pieces, and looks at all directories again; as [`Walk::digests`] does by SHA-256.
    pub(super) fn digests_by(
        &self,
        hash: HashType,
        pieces: Option<NonZeroU64>,
        progress: Progress<'_>,
    ) -> Result<Vec<Vec<Sha256Digest>>, ScanError> {
        let total = self.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.stamp.size()));
        let mut done = 0;
        let mut digests = Vec::with_capacity(self.files.len());
        for file in &self.files {
            digests.push(self.digests_of(file, hash, pieces)?);
            done += file.stamp.size();
            progress(done, total);
        }
        self.recheck_directories()?;
        Ok(digests)
    }

    fn digests_of(
        &self,
        found: &FoundFile,
        hash: HashType,
        pieces: Option<NonZeroU64>,
    ) -> Result<Vec<Sha256Digest>, ScanError> {
        let path = self.on_disk(found);
        let changed = || ScanError::Changed { path: path.clone() };
        let mut file = disk::open(&path)?;
        // Not a byte is read of a device, or of anything else the walk did not see.
        let opened = disk::look_open(&file).map_err(disk::io(Act::Stat, &path))?;
        if !opened.is_file() || opened.stamp != found.stamp {
            return Err(changed());
        }
        let piece = pieces.map_or(u64::MAX, NonZeroU64::get);
        let (mut digests, mut hasher, mut in_piece) = (Vec::new(), Hasher::new(hash), 0);
        let (mut buffer, mut left) = (vec![0; BUFFER_BYTES], found.stamp.size());
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(disk::read_error(&path, error)),
            };
            left = left.checked_sub(read as u64).ok_or_else(changed)?;
            let mut bytes = buffer.get(..read).unwrap_or_default();
            while !bytes.is_empty() {
                let room = usize::try_from(piece - in_piece).unwrap_or(usize::MAX).min(bytes.len());
                let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
                hasher.update(now);
                in_piece += now.len() as u64;
                bytes = later;
                if in_piece == piece {
                    digests.push(std::mem::replace(&mut hasher, Hasher::new(hash)).finish());
                    in_piece = 0;
                }
            }
        }
        // A whole file has one digest, and of pieces a file without bytes has none.
        if pieces.is_none() || in_piece > 0 {
            digests.push(hasher.finish());
        }
        if left != 0 {
            return Err(changed());
        }
        refuse_change(&path, found)?;
        Ok(digests)
    }
}
