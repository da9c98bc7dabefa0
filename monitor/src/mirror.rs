//! A verified copy of a log as files in the POSIX tile layout, which any web server can hand out when the log is gone.
//!
//! ```text
//! OUT/tile/entries/000, x001/234, ...   entry bundles; a partial one is 000.p/17
//! OUT/tile/0/000, tile/1/000, ...       tiles, likewise
//! OUT/checkpoint                        written last, with the lines of its witnesses
//! OUT/mirror.lock                       held with flock(2) while a process writes
//! ```
//!
//! Nothing is copied that does not hash into the signed tree, and the tree extends the one that is there already. Tiles are computed
//! from the leaves, not copied. A run goes on behind the checkpoint of the one before; one that was broken off is repeated from there.
//! Partial files of older sizes stay: they are still true.
//!
//! In scope: any C2SP tlog-tiles log. Out of scope: what the entries say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use merkle::{LeafHash, SizeError, TreeHead};
use thiserror::Error;
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry_bundle::{EntryBundleError, push_entry};
use tlog::text::MAX_NOTE_BYTES;
use tlog::tile::{BundleIndex, RightEdge, TilePath, TileWidth, TileWrite};

use crate::alert::now;
use crate::check::{Fault, with_bundle};
use crate::disk::{self, DiskError};
use crate::reason::Reason;
use crate::round::{self, CHECKPOINT};
use crate::seen::{Concern, Demand, Seen};
use crate::source::Source;
use crate::tree::Tree;

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mirrored {
    /// The head the copy stands for.
    pub head: TreeHead,
    /// Files that were not there before.
    pub written: u64,
}

/// Why a copy was not made, or not to its end. What was written is true and stays; the checkpoint is the old one, if any.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// An entry that no bundle can hold, or a tree beyond the largest size.
    #[error("the log cannot be written as files")]
    Bundle(#[from] EntryBundleError),
    /// What is wrong with the log.
    #[error("{}: {}", .0.reason, .0.detail)]
    Concern(Concern),
    /// A file is there already and has other bytes.
    #[error("{}: is there already, with other bytes than the log's", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// The copy itself cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another process writes there.
    #[error("{}: another mirror writes there", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("could not write {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What lies there is no copy of this log, or a damaged one.
    #[error("{}: {what}", path.display())]
    NotACopy {
        /// The directory.
        path: PathBuf,
        /// What was seen.
        what: String,
    },
    /// More entries than a tree can have.
    #[error(transparent)]
    Size(#[from] SizeError),
}

impl From<Concern> for MirrorError {
    fn from(concern: Concern) -> Self {
        Self::Concern(concern)
    }
}

impl From<Fault> for MirrorError {
    fn from(fault: Fault) -> Self {
        Self::Concern(Concern::of(fault.reason(), &fault))
    }
}

impl MirrorError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Brings the copy in `out` up to what the log shows. `progress` is told the entries done and the entries there are.
///
/// # Errors
/// [`MirrorError`].
pub fn mirror(
    demand: &Demand,
    source: &Source,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Mirrored, MirrorError> {
    fs::create_dir_all(out).map_err(MirrorError::io(out))?;
    let _lock = lock(out)?;
    let missing = || Concern::new(Reason::LogUnreachable, "no checkpoint is served");
    let seen = demand.fetch(source, CHECKPOINT, now())?.ok_or_else(missing)?;
    if let Some(concern) = seen.concerns.first() {
        return Err(concern.clone().into());
    }
    let old = there(demand, out)?;
    let tree = extended(demand, source, old.as_ref(), &seen)?;
    let head = *tree.head();
    let mut files = Files { out, dirs: BTreeSet::new(), written: 0 };
    let mut edge = match &old {
        Some(old) => edge(out, old.unverified().head())?,
        None => RightEdge::new(),
    };
    let mut partial: BTreeMap<u8, TileWrite> = BTreeMap::new();
    while edge.size() < head.size() {
        let done = edge.size().get();
        let index = BundleIndex::new(done / 256).map_err(|_| Fault::Outside { bundle: done / 256 })?;
        let known = usize::try_from(done % 256).unwrap_or_default();
        let (leaves, bundle, width) = with_bundle(&tree, index, |leaves, entries| {
            let mut bundle = Vec::new();
            entries.iter().try_for_each(|entry| push_entry(&mut bundle, entry))?;
            let new: Vec<LeafHash> = leaves.get(known..).unwrap_or_default().to_vec();
            Ok::<_, EntryBundleError>((new, bundle, leaves.len()))
        })??;
        for tile in edge.append(&leaves)? {
            if tile.width().is_full() {
                partial.remove(&tile.coord().level());
                files.put_tile(&tile)?;
            } else {
                partial.insert(tile.coord().level(), tile);
            }
        }
        let width = u16::try_from(width).ok().and_then(|width| TileWidth::new(width).ok());
        let width = width.ok_or(Fault::Outside { bundle: index.get() })?;
        files.put(&TilePath::Entries { index, width }.to_string(), &bundle)?;
        progress(edge.size().get(), head.size().get());
    }
    partial.values().try_for_each(|tile| files.put_tile(tile))?;
    // Each leaf was linked to the signed root; this says that the tiles that were made of them are its tiles too.
    if edge.root() != head.root() {
        return Err(Concern::new(Reason::TileDiffers, "the tiles do not lead to the signed root").into());
    }
    files.sync_dirs()?;
    replace(&out.join(CHECKPOINT), seen.checkpoint.signed().note().as_bytes())?;
    sync(out)?;
    Ok(Mirrored { head, written: files.written })
}

/// The checkpoint of the copy, if there is one; signed by the log.
fn there(demand: &Demand, out: &Path) -> Result<Option<SignedCheckpoint>, MirrorError> {
    let Some(bytes) = disk::read(&out.join(CHECKPOINT), MAX_NOTE_BYTES as u64)? else { return Ok(None) };
    let seen = demand.open(&bytes, now());
    let not_ours = |concern: Concern| MirrorError::NotACopy {
        path: out.to_owned(),
        what: format!("its checkpoint is not this log's: {}", concern.detail),
    };
    Ok(Some(seen.map_err(not_ours)?.checkpoint.signed().clone()))
}

/// The tree that the log shows, if it extends the one that is there.
fn extended<'a>(
    demand: &Demand,
    source: &'a Source,
    old: Option<&SignedCheckpoint>,
    seen: &Seen,
) -> Result<Tree<'a>, MirrorError> {
    let head = *seen.checkpoint.head();
    let open = |head: &TreeHead| {
        let tree = Tree::open(source, head, head.size());
        tree.map_err(|error| Concern::of(crate::check::reason_of(&error), &error))
    };
    let Some(old) = old else { return Ok(open(&head)?) };
    let old_head = *old.unverified().head();
    if head.size() < old_head.size() {
        let detail = format!("shows {} entries, the copy has {}", head.size(), old_head.size());
        return Err(Concern::new(Reason::CheckpointReplayed, detail).into());
    }
    let tree = open(&head)?;
    match round::contradiction(&tree, &old_head)? {
        None => Ok(tree),
        Some(proof) => Err(round::fork(Reason::Fork, demand, proof, old, seen.checkpoint.signed()).into()),
    }
}

/// The right edge of the copy, held against its checkpoint.
fn edge(out: &Path, head: &TreeHead) -> Result<RightEdge, MirrorError> {
    let not_a_copy = |what: String| MirrorError::NotACopy { path: out.to_owned(), what };
    let edge = RightEdge::from_tiles(head.size(), |coord, width| {
        let path = TilePath::Tile { coord, width }.to_string();
        let bytes = disk::read(&out.join(&path), width.byte_len() as u64);
        bytes.map(Option::unwrap_or_default)
    });
    let edge = edge.map_err(|error| not_a_copy(error.to_string()))?;
    if edge.root() == head.root() {
        Ok(edge)
    } else {
        Err(not_a_copy(format!("its tiles do not lead to the root of its {} entries", head.size())))
    }
}

/// Held until the process ends.
fn lock(out: &Path) -> Result<File, MirrorError> {
    let path = out.join("mirror.lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(MirrorError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(MirrorError::InUse { path: out.to_owned() }),
        Err(TryLockError::Error(source)) => Err(MirrorError::io(&path)(source)),
    }
}

/// The files below one directory. Modes are the system's own: a web server reads them.
struct Files<'a> {
    out: &'a Path,
    // Directories that got a new name in them.
    dirs: BTreeSet<PathBuf>,
    written: u64,
}

impl Files<'_> {
    fn put_tile(&mut self, tile: &TileWrite) -> Result<(), MirrorError> {
        self.put(&TilePath::Tile { coord: tile.coord(), width: tile.width() }.to_string(), tile.bytes())
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), MirrorError> {
        let path = self.out.join(name);
        match disk::read(&path, bytes.len() as u64) {
            Ok(Some(there)) if there == bytes => return Ok(()),
            Ok(Some(_)) | Err(DiskError::TooLarge { .. }) => return Err(MirrorError::Differs { path }),
            Ok(None) => {}
            Err(error) => return Err(error.into()),
        }
        let dir = path.parent().unwrap_or(self.out);
        fs::create_dir_all(dir).map_err(MirrorError::io(dir))?;
        self.dirs.extend(dir.ancestors().take_while(|dir| dir.starts_with(self.out)).map(Path::to_owned));
        replace(&path, bytes)?;
        self.written += 1;
        Ok(())
    }

    fn sync_dirs(&self) -> Result<(), MirrorError> {
        self.dirs.iter().try_for_each(|dir| sync(dir))
    }
}

fn sync(dir: &Path) -> Result<(), MirrorError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(MirrorError::io(dir))
}

/// Writes beside the place, waits for the disk, renames.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    let next = PathBuf::from(next);
    let write = || {
        let mut file = File::create(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)
    };
    write().map_err(MirrorError::io(path))
}
