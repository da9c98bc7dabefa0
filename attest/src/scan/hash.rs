//! From the list of files to their digests: in parallel over files, the large ones first, each read once.
//!
//! Each thread reads up to four files in turn, a piece of each, and hashes the pieces side by side (crate `lanes`): one
//! file alone leaves more than half of a core's SHA-256 unit idle. So a model of several shards is hashed at nearly twice the
//! speed of one file of the same size, which is bound by one chain of hashing and cannot be helped.
//!
//! Of many small files the system calls are the work. They are opened relative to their directory, which each thread holds open
//! for as long as files in it follow one another; one read finds the end as well; and whether a file changed is asked of the open file.

use std::fs::File;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use lanes::MAX_LANES;

use super::directory::Directory;
use super::disk::{self, io};
use super::reading::{Reading, advance, refuse_change};
use super::walk::{FoundFile, Walk};
use super::{Act, HashCache, Progress, Scan, ScanError, ScanOptions};
use crate::digest::Sha256Digest;
use crate::tree::{FileLeaf, Tree};

/// Bytes read of a file at once: large enough that system calls do not count, small enough that those of all lanes stay in a
/// core's second-level cache until they are hashed.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Files of at least so many bytes are hashed before all others, so that no thread is left alone with one at the end.
const LARGE_BYTES: u64 = 1 << 20;

/// Most threads, so that all buffers together stay within 16 MiB.
const MAX_THREADS: usize = 64;

impl Walk {
    /// Hashes all files into a tree, and looks at all directories again.
    pub(super) fn hash(
        mut self,
        options: &ScanOptions<'_>,
        progress: Progress<'_>,
    ) -> Result<Scan, ScanError> {
        self.sort();
        let digests = Mutex::new(vec![None; self.files.len()]);
        let cached = self.hash_all(None, options, progress, &|position, digest| {
            if let Some(place) = lock(&digests).get_mut(position) {
                *place = Some(digest);
            }
        })?;
        let stamps = self.files.iter().map(|file| file.stamp).collect();
        let (root, origin) = (self.root, self.origin);
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
        Ok(Scan { root, origin, tree: Tree::new(leaves)?, stamps, inert: self.left_out, cached })
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
    /// Positions of the large files, the largest first.
    large: Vec<usize>,
    /// The next turn nobody has taken; a turn is taken by whoever increments past it. First come the large files, then all in the
    /// order of their paths.
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
        let size = |position: &usize| walk.files.get(*position).map_or(0, |file| file.stamp.size());
        let mut large: Vec<usize> =
            (0..walk.files.len()).filter(|position| size(position) >= LARGE_BYTES).collect();
        large.sort_by_key(|position| std::cmp::Reverse(size(position)));
        Self {
            walk,
            large,
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

    /// The next file, with its position.
    fn take(&self) -> Option<(usize, &'a FoundFile)> {
        loop {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let large = self.large.get(turn).copied();
            let position = large.unwrap_or(turn.wrapping_sub(self.large.len()));
            let file = self.walk.files.get(position)?;
            if large.is_some() || file.stamp.size() < LARGE_BYTES {
                return Some((position, file));
            }
        }
    }

    fn hash_files(&self, lanes: usize) -> Share {
        let mut cached = 0;
        // Each is paid for when it is filled: small files touch but the beginning.
        let mut buffers: Vec<Vec<u8>> = (0..lanes).map(|_| vec![0; BUFFER_BYTES]).collect();
        let mut near = None;
        let mut readings: Vec<Reading<'_>> = Vec::with_capacity(lanes);
        loop {
            while let Some(buffer) = buffers.pop() {
                let Some((position, file)) = self.take() else { break };
                match self.cache.and_then(|cache| cache.look(&file.stamp)) {
                    Some(digest) => {
                        refuse_change(&self.walk.on_disk(file), file)?;
                        self.count(file.stamp.size());
                        (self.ended)(position, digest);
                        cached += 1;
                        buffers.push(buffer);
                    }
                    None => {
                        let open = self.open(file, &mut near)?;
                        readings.push(Reading::begin(
                            (self.walk, self.pieces),
                            (position, file),
                            open,
                            buffer,
                        )?);
                    }
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
                    (self.ended)(reading.position(), digest);
                }
                if reading.is_at_end() {
                    buffers.push(readings.swap_remove(at).finish(self.cache)?);
                }
            }
        }
    }

    /// Opens a file, relative to the directory of the last one if it is in the same.
    fn open(&self, found: &'a FoundFile, near: &mut Option<Near<'a>>) -> Result<File, ScanError> {
        let on_disk = || self.walk.on_disk(found);
        if found.elsewhere.is_some() {
            return disk::open(&on_disk());
        }
        let (path, name) = found.path.as_str().rsplit_once('/').unwrap_or(("", found.path.as_str()));
        if near.as_ref().is_none_or(|near| near.path != path) {
            let directory = Directory::reach(&self.walk.root.join(path));
            let directory = directory.map_err(|source| io(Act::Open, &on_disk())(source))?;
            *near = Some(Near { path, directory });
        }
        match near {
            Some(near) => near.directory.open_file(name).map_err(|source| io(Act::Open, &on_disk())(source)),
            None => disk::open(&on_disk()),
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

/// The directory of the file that was opened last.
struct Near<'a> {
    path: &'a str,
    directory: Directory,
}
