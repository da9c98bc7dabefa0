//! From the list of files to their digests: in parallel over files, the largest first, each read once.
//!
//! Each thread reads up to four files in turn, a piece of each, and hashes the pieces side by side (crate `lanes`): one
//! file alone leaves more than half of a core's SHA-256 unit idle. So a model of several shards is hashed at nearly twice the
//! speed of one file of the same size, which is bound by one chain of hashing and cannot be helped.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use lanes::{BLOCK_BYTES, MAX_LANES, Message};

use super::disk::{self, Stamp};
use super::walk::{FoundFile, Walk};
use super::{HashCache, Progress, Scan, ScanError, ScanOptions};
use crate::digest::Sha256Digest;
use crate::tree::{FileLeaf, Tree};

/// Bytes read of a file at once: large enough that system calls do not count, small enough that those of all lanes stay in a
/// core's second-level cache until they are hashed.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Most threads, so that all buffers together stay within 16 MiB.
const MAX_THREADS: usize = 64;

impl Walk {
    /// Hashes all files into a tree, and looks at all directories again.
    pub(super) fn hash(
        mut self,
        options: &ScanOptions<'_>,
        progress: Progress<'_>,
    ) -> Result<Scan, ScanError> {
        // The largest first, so that no thread is left alone with a large one at the end.
        self.files
            .sort_unstable_by(|a, b| b.stamp.size().cmp(&a.stamp.size()).then_with(|| a.path.cmp(&b.path)));
        let digests = Mutex::new(vec![None; self.files.len()]);
        let cached = self.hash_all(None, options, progress, &|position, digest| {
            if let Some(place) = lock(&digests).get_mut(position) {
                *place = Some(digest);
            }
        })?;
        let root = self.root;
        // A leaf is smaller than what was found, so the list takes the place of the other: a million files are held once.
        let leaves = self
            .files
            .into_iter()
            .zip(into_inner(digests))
            .map(|(file, digest)| match digest {
                Some(digest) => Ok(FileLeaf::new(file.path, file.stamp.size(), digest)),
                None => Err(ScanError::Changed { path: root.join(file.path.as_str()) }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Scan { tree: Tree::new(leaves)?, inert: self.left_out, cached })
    }

    /// Hashes all files, each whole or in pieces, and looks at all directories again. Gives the digests of each file, in the order of
    /// the files: a whole file has one, and of pieces a file without bytes has none.
    pub(super) fn digests(
        &self,
        pieces: Option<NonZeroU64>,
        options: &ScanOptions<'_>,
        progress: Progress<'_>,
    ) -> Result<Vec<Vec<Sha256Digest>>, ScanError> {
        let digests = Mutex::new(vec![Vec::new(); self.files.len()]);
        self.hash_all(pieces, options, progress, &|position, digest| {
            if let Some(place) = lock(&digests).get_mut(position) {
                place.push(digest);
            }
        })?;
        Ok(into_inner(digests))
    }

    /// Gives how many digests were known before.
    fn hash_all(
        &self,
        pieces: Option<NonZeroU64>,
        options: &ScanOptions<'_>,
        progress: Progress<'_>,
        ended: Ended<'_>,
    ) -> Result<usize, ScanError> {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = options.threads.map_or_else(cores, NonZeroUsize::get).min(MAX_THREADS);
        // The cache knows whole files.
        let cache = if pieces.is_none() { options.cache } else { None };
        let cached = Hashing::new(self, pieces, cache, progress, ended).run(threads)?;
        self.recheck_directories()?;
        Ok(cached)
    }
}

/// Called with each digest and its file's position, from any of the threads; those of one file's pieces come in order.
type Ended<'a> = &'a (dyn Fn(usize, Sha256Digest) + Sync);

/// A thread that panics takes the scan with it, so what it left behind is never looked at.
fn lock<T>(digests: &Mutex<T>) -> MutexGuard<'_, T> {
    digests.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(digests: Mutex<T>) -> T {
    digests.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The work that the threads share.
struct Hashing<'a> {
    walk: &'a Walk,
    /// Bytes after which a digest ends and another begins; `None` for whole files.
    pieces: Option<NonZeroU64>,
    cache: Option<&'a HashCache>,
    progress: Progress<'a>,
    ended: Ended<'a>,
    total_bytes: u64,
    done_bytes: AtomicU64,
    /// The next file nobody has taken; a file is taken by whoever increments past it.
    next: AtomicUsize,
    /// Set by the first thread that fails: the others stop at their next piece.
    stop: AtomicBool,
}

/// How many digests one thread knew before, or what stopped it.
type Share = Result<usize, ScanError>;

impl<'a> Hashing<'a> {
    fn new(
        walk: &'a Walk,
        pieces: Option<NonZeroU64>,
        cache: Option<&'a HashCache>,
        progress: Progress<'a>,
        ended: Ended<'a>,
    ) -> Self {
        let total_bytes = walk.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.stamp.size()));
        Self {
            walk,
            pieces,
            cache,
            progress,
            ended,
            total_bytes,
            done_bytes: AtomicU64::new(0),
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// Hashes all files on this thread and up to `threads - 1` others.
    fn run(&self, threads: usize) -> Share {
        let files = self.walk.files.len();
        let threads = threads.min(files).max(1);
        // A second lane is worth less than a second thread.
        let lanes = files.div_ceil(threads).clamp(1, MAX_LANES);
        let shares: Vec<Share> = thread::scope(|scope| {
            // A system that cannot start a thread, or has none, leaves the work to this one.
            let handles: Vec<_> = (1..threads)
                .map_while(|_| thread::Builder::new().spawn_scoped(scope, || self.work(lanes)).ok())
                .collect();
            let own = self.work(lanes);
            let joined = handles
                .into_iter()
                .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(joined).collect()
        });
        shares.into_iter().sum()
    }

    /// Takes files until none is left or somebody failed.
    fn work(&self, lanes: usize) -> Share {
        let share = self.hash_files(lanes);
        if share.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        share
    }

    fn hash_files(&self, lanes: usize) -> Share {
        let mut cached = 0;
        let mut buffers = vec![vec![0; BUFFER_BYTES]; lanes];
        let mut readings: Vec<Reading<'_>> = Vec::with_capacity(lanes);
        loop {
            while let Some(buffer) = buffers.pop() {
                let position = self.next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = self.walk.files.get(position) else { break };
                match self.cache.and_then(|cache| cache.look(&file.stamp)) {
                    Some(digest) => {
                        refuse_change(&self.walk.on_disk(file), file)?;
                        self.count(file.stamp.size());
                        (self.ended)(position, digest);
                        cached += 1;
                        buffers.push(buffer);
                    }
                    None => readings.push(Reading::open(self, file, position, buffer)?),
                }
            }
            if readings.is_empty() || self.stop.load(Ordering::Relaxed) {
                return Ok(cached);
            }
            advance(&mut readings);
            let mut at = 0;
            while let Some(reading) = readings.get_mut(at) {
                if !reading.blocks().is_empty() {
                    at += 1;
                    continue;
                }
                self.count(reading.read_on()?);
                if !reading.blocks().is_empty() {
                    continue;
                }
                if let Some(digest) = reading.end_piece() {
                    (self.ended)(reading.position, digest);
                }
                if reading.is_at_end() {
                    buffers.push(readings.swap_remove(at).finish(self.cache)?);
                }
            }
        }
    }

    /// Tells of bytes that are done.
    fn count(&self, bytes: u64) {
        if bytes > 0 {
            let done_bytes = self.done_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            (self.progress)(done_bytes, self.total_bytes);
        }
    }
}

/// A file is still the one the walk saw. By path, not by an open file: that may be unlinked by now, and another lie in its
/// place.
pub(super) fn refuse_change(path: &Path, found: &FoundFile) -> Result<(), ScanError> {
    if Stamp::of(&disk::stat(path)?) == found.stamp {
        Ok(())
    } else {
        Err(ScanError::Changed { path: path.to_owned() })
    }
}

/// Hashes a piece of each file, as long as the shortest that was read and is not hashed yet.
fn advance(readings: &mut [Reading<'_>]) {
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
struct Reading<'a> {
    found: &'a FoundFile,
    position: usize,
    path: PathBuf,
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
    /// Opens a file, making sure that it is the one the walk saw.
    fn open(
        hashing: &Hashing<'_>,
        found: &'a FoundFile,
        position: usize,
        buffer: Vec<u8>,
    ) -> Result<Self, ScanError> {
        let path = hashing.walk.on_disk(found);
        let file = disk::open(&path)?;
        // Not a byte is read of a device, or of anything else the walk did not see.
        let opened = disk::stat_open(&file, &path)?;
        if !opened.is_file() || Stamp::of(&opened) != found.stamp {
            return Err(ScanError::Changed { path });
        }
        Ok(Self {
            found,
            position,
            path,
            file,
            message: Message::new(),
            buffer,
            read: 0,
            hashed: 0,
            left: found.stamp.size(),
            ended: false,
            pieces: hashing.pieces,
            in_piece: 0,
            digest: None,
        })
    }

    /// The whole blocks that have been read and not been hashed.
    fn blocks(&self) -> &[[u8; BLOCK_BYTES]] {
        self.buffer.get(self.hashed..self.read).unwrap_or_default().as_chunks().0
    }

    fn lane(&mut self) -> (&mut Message, lanes::Blocks<'_>) {
        let rest = self.buffer.get(self.hashed..self.read).unwrap_or_default();
        (&mut self.message, rest.as_chunks().0)
    }

    /// Fills the buffer, behind the less than a block that it still holds; less than full at the end of the file or of a
    /// piece only. Gives the bytes that were read.
    fn read_on(&mut self) -> Result<u64, ScanError> {
        self.buffer.copy_within(self.hashed..self.read, 0);
        (self.read, self.hashed) = (self.read - self.hashed, 0);
        let mut sum = 0;
        loop {
            let room = self.pieces.map_or(u64::MAX, |pieces| pieces.get().saturating_sub(self.in_piece));
            let free = self.buffer.get_mut(self.read..).unwrap_or_default();
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(free.len());
            let Some(free) = free.get_mut(..most).filter(|free| !free.is_empty()) else { return Ok(sum) };
            let read = match self.file.read(free) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(sum);
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(disk::read_error(&self.path, error)),
            };
            self.read += read;
            self.in_piece += read as u64;
            sum += read as u64;
            // Longer than it was: stop at once, or a file that grows as fast as it is read would never end.
            let left = self.left.checked_sub(read as u64);
            self.left = left.ok_or_else(|| ScanError::Changed { path: self.path.clone() })?;
        }
    }

    /// Ends the piece, or the whole file, of which no whole block is left to hash; gives its digest. A piece without bytes
    /// is none.
    fn end_piece(&mut self) -> Option<Sha256Digest> {
        if self.pieces.is_some() && self.in_piece == 0 {
            return None;
        }
        let rest = self.buffer.get(self.hashed..self.read).unwrap_or_default();
        let digest = Sha256Digest::from_bytes(std::mem::take(&mut self.message).finish(rest));
        (self.read, self.hashed, self.in_piece, self.digest) = (0, 0, 0, Some(digest));
        Some(digest)
    }

    /// Whether nothing is left to read.
    fn is_at_end(&self) -> bool {
        self.ended
    }

    /// Ends, making sure that the file is still the one the walk saw; gives back the buffer.
    fn finish(self, cache: Option<&HashCache>) -> Result<Vec<u8>, ScanError> {
        // A file of the kernel's, or of a file system over a network, may give less than its size.
        if self.left != 0 {
            return Err(ScanError::Changed { path: self.path });
        }
        refuse_change(&self.path, self.found)?;
        if let (Some(cache), Some(digest)) = (cache, self.digest) {
            cache.note(&self.found.stamp, digest);
        }
        Ok(self.buffer)
    }
}
