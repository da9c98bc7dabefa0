//! From the list of files to their digests: in parallel over files, the largest first, each read once.

use std::io::{self, Read as _};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::disk::{self, Stamp};
use super::walk::{FoundFile, Walk};
use super::{Progress, Scan, ScanError, ScanOptions};
use crate::digest::{Sha256, Sha256Digest};
use crate::tree::{FileLeaf, Tree};

/// Bytes read at once, and all the memory a thread needs: large enough that system calls do not count, small enough to
/// stay in a core's second-level cache until it is hashed.
const BUFFER_BYTES: usize = 256 * 1024;

/// Most threads, so that all buffers together stay within 16 MiB.
const MAX_THREADS: usize = 64;

impl Walk {
    /// Hashes all files into a tree, and looks at all directories again.
    pub(super) fn hash(mut self, options: &ScanOptions, progress: Progress<'_>) -> Result<Scan, ScanError> {
        // The largest first, so that no thread is left alone with a large one at the end.
        self.files
            .sort_unstable_by(|a, b| b.stamp.size().cmp(&a.stamp.size()).then_with(|| a.path.cmp(&b.path)));
        let digests = self.digests(None, options, progress)?;
        let leaves = self
            .files
            .into_iter()
            .zip(digests)
            .map(|(file, (_, digest))| FileLeaf::new(file.path, file.stamp.size(), digest))
            .collect();
        Ok(Scan { tree: Tree::new(leaves)?, inert: self.left_out })
    }

    /// Hashes all files, each whole or in pieces, and looks at all directories again. The digests come in the order of the
    /// files, each with its file's position; a whole file has one, and of pieces a file without bytes has none.
    pub(super) fn digests(
        &self,
        pieces: Option<NonZeroU64>,
        options: &ScanOptions,
        progress: Progress<'_>,
    ) -> Result<Vec<(usize, Sha256Digest)>, ScanError> {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = options.threads.map_or_else(cores, NonZeroUsize::get).min(MAX_THREADS);
        let digests = Hashing::new(self, pieces, progress).run(threads)?;
        self.recheck_directories()?;
        Ok(digests)
    }
}

/// The work that the threads share.
struct Hashing<'a> {
    walk: &'a Walk,
    /// Bytes after which a digest ends and another begins; `None` for whole files.
    pieces: Option<NonZeroU64>,
    progress: Progress<'a>,
    total_bytes: u64,
    done_bytes: AtomicU64,
    /// The next file nobody has taken; a file is taken by whoever increments past it.
    next: AtomicUsize,
    /// Set by the first thread that fails: the others stop at their next buffer.
    stop: AtomicBool,
}

/// The digests one thread computed, each with its file's position; or what stopped it.
type Share = Result<Vec<(usize, Sha256Digest)>, ScanError>;

impl<'a> Hashing<'a> {
    fn new(walk: &'a Walk, pieces: Option<NonZeroU64>, progress: Progress<'a>) -> Self {
        let total_bytes = walk.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.stamp.size()));
        Self {
            walk,
            pieces,
            progress,
            total_bytes,
            done_bytes: AtomicU64::new(0),
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// Hashes all files on this thread and up to `threads - 1` others; the digests come in the order of the files.
    fn run(&self, threads: usize) -> Share {
        let others = threads.min(self.walk.files.len()).saturating_sub(1);
        let shares: Vec<Share> = thread::scope(|scope| {
            // A system that cannot start a thread, or has none, leaves the work to this one.
            let handles: Vec<_> = (0..others)
                .map_while(|_| thread::Builder::new().spawn_scoped(scope, || self.work()).ok())
                .collect();
            let own = self.work();
            let joined = handles
                .into_iter()
                .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(joined).collect()
        });
        let mut digests = shares.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        // Stable: the pieces of a file stay in order.
        digests.sort_by_key(|(position, _)| *position);
        Ok(digests)
    }

    /// Takes files until none is left or somebody failed.
    fn work(&self) -> Share {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut digests = Vec::new();
        loop {
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = self.walk.files.get(position) else {
                return Ok(digests);
            };
            match self.hash_file(file, &mut buffer, |digest| digests.push((position, digest))) {
                Ok(Stopped::No) => {}
                Ok(Stopped::ByAnother) => return Ok(digests),
                Err(error) => {
                    self.stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    }

    /// Hashes one file, making sure that it is the file the walk saw, from the first byte to the last.
    fn hash_file(
        &self,
        found: &FoundFile,
        buffer: &mut [u8],
        mut ended: impl FnMut(Sha256Digest),
    ) -> Result<Stopped, ScanError> {
        let path = self.walk.on_disk(found);
        let mut file = disk::open(&path)?;
        // Not a byte is read of a device, or of anything else the walk did not see.
        let opened = disk::stat_open(&file, &path)?;
        if !opened.is_file() || Stamp::of(&opened) != found.stamp {
            return Err(ScanError::Changed { path });
        }
        let mut hasher = Pieces::new(self.pieces);
        let mut left = found.stamp.size();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Stopped::ByAnother);
            }
            let read = match file.read(buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(disk::read_error(&path, error)),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            // Longer than it was: stop at once, or a file that grows as fast as it is read would never end.
            left = left.checked_sub(read as u64).ok_or_else(|| ScanError::Changed { path: path.clone() })?;
            hasher.update(bytes, &mut ended);
            let done_bytes = self.done_bytes.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
            (self.progress)(done_bytes, self.total_bytes);
        }
        // A file of the kernel's, or of a file system over a network, may give less than its size.
        if left != 0 {
            return Err(ScanError::Changed { path });
        }
        // By path, not by the open file: that may be unlinked by now, and another lie in its place.
        if Stamp::of(&disk::stat(&path)?) != found.stamp {
            return Err(ScanError::Changed { path });
        }
        hasher.finish(&mut ended);
        Ok(Stopped::No)
    }
}

/// Whether a file was hashed to its end, or another thread failed meanwhile.
enum Stopped {
    No,
    ByAnother,
}

/// A hasher that begins anew after every so many bytes, or never.
struct Pieces {
    hasher: Sha256,
    pieces: Option<NonZeroU64>,
    /// Bytes until the piece is full.
    room: u64,
}

impl Pieces {
    fn new(pieces: Option<NonZeroU64>) -> Self {
        Self { hasher: Sha256::new(), pieces, room: pieces.map_or(u64::MAX, NonZeroU64::get) }
    }

    fn update(&mut self, bytes: &[u8], ended: &mut impl FnMut(Sha256Digest)) {
        let Some(pieces) = self.pieces else { return self.hasher.update(bytes) };
        let mut rest = bytes;
        while !rest.is_empty() {
            let fits = usize::try_from(self.room).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(fits);
            self.hasher.update(now);
            self.room -= fits as u64;
            rest = later;
            if self.room == 0 {
                ended(std::mem::take(&mut self.hasher).finish());
                self.room = pieces.get();
            }
        }
    }

    /// Ends a whole file, or the piece that is begun.
    fn finish(self, ended: &mut impl FnMut(Sha256Digest)) {
        if self.pieces.is_none_or(|pieces| self.room < pieces.get()) {
            ended(self.hasher.finish());
        }
    }
}
