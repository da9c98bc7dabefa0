//! Where the files of a log come from when it is read from outside: a directory, HTTP, or a log opened here.
//!
//! C2SP tlog-tiles fixes the names (`checkpoint`, `tile/...`), so one trait is enough for all three. Nothing that comes
//! out of a source is believed; [`crate::audit`] recomputes it.
//!
//! In scope: getting bytes under a name, within bounds. Out of scope: whether they are right.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use merkle::TreeSize;
use thiserror::Error;
use tlog::entry_bundle::{EntryBundle, MAX_BUNDLE_BYTES};
use tlog::text::MAX_NOTE_BYTES;
use tlog::tile::{BundleIndex, TilePath, TileWidth, bundles_of_size};

pub mod http;
pub mod stored;

/// The name of the newest signed tree head.
pub const CHECKPOINT: &str = "checkpoint";
/// Most readers at the same time.
pub const MAX_THREADS: usize = 64;

/// What reading a file gives; `None` if there is no such file.
type Answer = Result<Option<Vec<u8>>, SourceError>;

/// Files by name, as C2SP tlog-tiles names them.
pub trait TileSource: Sync {
    /// All bytes under `name`, `None` if there is nothing under it.
    ///
    /// # Errors
    /// [`SourceError`]; [`SourceError::TooLarge`] if there are more than `limit_bytes`.
    fn read(&self, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError>;
}

/// Why a file could not be had. Says nothing about whether the log is damaged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The other side answered with a status that is neither 200 nor 404.
    #[error("{url} answered {status}, wanted 200 or 404")]
    Answer {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The client could not be set up: certificates, as a rule.
    #[error("cannot set up a connection: {cause}")]
    Setup {
        /// What the client said.
        cause: String,
    },
    /// The storage of a log opened here failed.
    #[error("could not read {name} from storage")]
    Stored {
        /// What was asked for.
        name: String,
        /// What went wrong.
        source: crate::storage::StorageError,
    },
    /// More bytes than such a file can have.
    #[error("{name} has more than {limit_bytes} bytes")]
    TooLarge {
        /// The file.
        name: String,
        /// Most it can have.
        limit_bytes: usize,
    },
    /// No answer.
    #[error("no answer from {url} after {attempts} attempts: {cause}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// How often.
        attempts: usize,
        /// What the client said the last time.
        cause: String,
    },
    /// Not an address.
    #[error(
        "{url:?} is no address of a log; wanted http://, https:// or file://, without user, query and fragment"
    )]
    Url {
        /// What was given.
        url: String,
    },
}

/// A directory with the files of a log, as `tallymark-log export` and other POSIX logs write it.
#[derive(Debug)]
pub struct DirSource {
    root: PathBuf,
}

impl DirSource {
    /// Files below `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl TileSource for DirSource {
    fn read(&self, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.root.join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| SourceError::Io { path: path.clone(), source })?,
        };
        let mut bytes = Vec::new();
        let read = file.take(limit_bytes as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|source| SourceError::Io { path: path.clone(), source })?;
        within(bytes, name, limit_bytes).map(Some)
    }
}

/// The source at an address: `file://` is a directory, all else HTTP.
///
/// # Errors
/// [`SourceError::Url`], [`SourceError::Setup`].
pub fn at(url: &str) -> Result<Box<dyn TileSource>, SourceError> {
    match url.strip_prefix("file://") {
        Some(path) => Ok(Box::new(DirSource::new(PathBuf::from(path)))),
        None => Ok(Box::new(http::HttpSource::new(url)?)),
    }
}

fn within(bytes: Vec<u8>, name: &str, limit_bytes: usize) -> Result<Vec<u8>, SourceError> {
    if bytes.len() > limit_bytes {
        return Err(SourceError::TooLarge { name: name.to_owned(), limit_bytes });
    }
    Ok(bytes)
}

/// The checkpoint, as it stands there.
///
/// # Errors
/// As [`TileSource::read`].
pub fn checkpoint(source: &dyn TileSource) -> Result<Option<Vec<u8>>, SourceError> {
    source.read(CHECKPOINT, MAX_NOTE_BYTES)
}

/// A tile or an entry bundle of a width. A log may have replaced a partial one by the full one meanwhile, whose
/// beginning is the same.
fn tile(source: &dyn TileSource, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
    let (width, limit_bytes) = match path {
        TilePath::Tile { width, .. } => (width, width.byte_len()),
        TilePath::Entries { width, .. } => (width, MAX_BUNDLE_BYTES),
    };
    let found = source.read(&path.to_string(), limit_bytes)?;
    if found.is_some() || width.is_full() {
        return Ok(found);
    }
    let full = match path {
        TilePath::Tile { coord, .. } => TilePath::Tile { coord, width: TileWidth::FULL },
        TilePath::Entries { index, .. } => TilePath::Entries { index, width: TileWidth::FULL },
    };
    let Some(mut bytes) = source.read(&full.to_string(), MAX_BUNDLE_BYTES)? else { return Ok(None) };
    match path {
        TilePath::Tile { .. } => bytes.truncate(width.byte_len()),
        TilePath::Entries { .. } => {
            // Bytes that do not come apart stay as they are: the caller says what is wrong with them.
            let cut = EntryBundle::parse(&bytes, TileWidth::FULL).ok().map(|bundle| {
                let kept = bundle.entries().iter().take(usize::from(width.get()));
                kept.map(|entry| 2 + entry.len()).sum::<usize>()
            });
            bytes.truncate(cut.unwrap_or(bytes.len()));
        }
    }
    Ok(Some(bytes))
}

/// Reads several tiles or bundles at once; the answers stand in the order of `paths`.
///
/// # Errors
/// The first [`SourceError`] of any of them.
pub(crate) fn tiles(
    source: &dyn TileSource,
    paths: &[TilePath],
    threads: usize,
) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<(usize, Answer)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, MAX_THREADS).min(paths.len()) {
            scope.spawn(|| {
                while let Some((at, path)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    paths.get(at).map(|path| (at, *path))
                } {
                    let answer = tile(source, path);
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_unstable_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Every bundle of the tree of `size`, in order, `2 * threads` of them read at a time. That many, of at most 16 MiB
/// each, are all that is held. `visit` says whether to go on.
pub(crate) fn walk_bundles<E: From<SourceError>>(
    source: &dyn TileSource,
    size: TreeSize,
    threads: usize,
    visit: &mut dyn FnMut(BundleIndex, TileWidth, Option<Vec<u8>>) -> Result<bool, E>,
) -> Result<(), E> {
    let mut bundles = bundles_of_size(size);
    loop {
        let window: Vec<_> = bundles.by_ref().take(2 * threads.clamp(1, MAX_THREADS)).collect();
        if window.is_empty() {
            return Ok(());
        }
        let paths: Vec<_> =
            window.iter().map(|(index, width)| TilePath::Entries { index: *index, width: *width }).collect();
        for ((index, width), bytes) in window.into_iter().zip(tiles(source, &paths, threads)?) {
            if !visit(index, width, bytes)? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_above_its_bound_is_refused_and_one_that_is_not_there_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("checkpoint"), vec![b'x'; MAX_NOTE_BYTES + 1]).unwrap();
        let source = DirSource::new(dir.path().to_owned());
        assert!(matches!(checkpoint(&source), Err(SourceError::TooLarge { .. })));
        assert!(source.read("tile/0/000", 8192).unwrap().is_none());
    }

    #[test]
    fn addresses_with_secrets_or_queries_are_refused() {
        for url in
            ["ftp://log.test", "http://u:p@log.test/", "http://log.test/?a=b", "http://log.test/#x", "log"]
        {
            assert!(matches!(at(url), Err(SourceError::Url { .. })), "{url}");
        }
        assert!(at("http://127.0.0.1:1/log").is_ok());
    }
}
