//! A log as files in the POSIX tile layout, which other people's tools read.
//!
//! ```text
//! OUT/tile/entries/000, x001/234, ...   entry bundles; a partial one is 000.p/17
//! OUT/tile/0/000, tile/1/000, ...       tiles, likewise
//! OUT/checkpoint                        written last, so that what it stands for is all there
//! ```
//!
//! Bundles are copied, tiles are computed from them, and the root must be the signed one before the checkpoint is
//! written: an export never says more than it holds. Each file is written beside its place, synced and renamed. What
//! is there already must be equal; a file with other bytes refuses the export, because it belongs to another log or is
//! damaged. The export of a log that grew adds to the one before; partial files of the old size stay, they are still
//! true.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use merkle::{Frontier, LeafHash, TreeHead};
use thiserror::Error;
use tlog::checkpoint::Origin;
use tlog::entry_bundle::EntryBundle;
use tlog::tile::{RightEdge, TilePath, TileWrite};
use tlog::vkey::Vkey;

use crate::audit::{self, AuditError};
use crate::damage::Damage;
use crate::tile_source::{self, CHECKPOINT, DirSource, SourceError, TileSource};

/// What an export did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The head it stands for.
    pub head: TreeHead,
    /// Files that were not there before.
    pub written: u64,
    /// Files that were there already, with the same bytes.
    pub kept: u64,
}

/// Writes the newest signed tree of a log to `out`. `progress` is told the entries done and the entries there are.
///
/// # Errors
/// [`ExportError`]. What was written so far is true and stays; the checkpoint in `out` is the old one, if any.
pub fn export(
    source: &dyn TileSource,
    vkey: &Vkey,
    origin: Option<&Origin>,
    threads: usize,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let checkpoint = audit::signed_head(source, vkey, origin)?;
    let head = *checkpoint.head();
    refuse_older(out, vkey, origin, &head)?;
    let mut files = Files { out, dirs: BTreeSet::new(), written: 0, kept: 0 };
    let (mut frontier, mut edge, mut partial) =
        (Frontier::new(), RightEdge::new(), HashMap::<u8, TileWrite>::new());
    tile_source::walk_bundles(source, head.size(), threads, &mut |index, width, bytes| {
        let missing = || ExportError::Damaged(Damage::BundleMissing { index: index.get() });
        let bytes = bytes.ok_or_else(missing)?;
        let bundle = EntryBundle::parse(&bytes, width)
            .map_err(|fault| ExportError::Damaged(Damage::BundleUnusable { index: index.get(), fault }))?;
        let leaves: Vec<LeafHash> = bundle.leaf_hashes().collect();
        for leaf in &leaves {
            frontier.append(*leaf).map_err(AuditError::from)?;
        }
        for tile in edge.append(&leaves).map_err(AuditError::from)? {
            if tile.width().is_full() {
                partial.remove(&tile.coord().level());
                files.put_tile(&tile)?;
            } else {
                partial.insert(tile.coord().level(), tile);
            }
        }
        files.put(&TilePath::Entries { index, width }.to_string(), &bytes)?;
        progress(frontier.size().get(), head.size().get());
        Ok::<_, ExportError>(true)
    })?;
    for tile in partial.values() {
        files.put_tile(tile)?;
    }
    for root in [frontier.root(), edge.root()] {
        if root != head.root() {
            let (size, wanted) = (head.size().get(), head.root());
            return Err(ExportError::Damaged(Damage::RootDiffers { size, seen: root, wanted }));
        }
    }
    files.sync_dirs()?;
    replace(&out.join(CHECKPOINT), checkpoint.signed().as_bytes())?;
    files.sync(out)?;
    Ok(Exported { head, written: files.written, kept: files.kept })
}

/// An export goes forward only: `out` must not hold a signed head that is larger.
fn refuse_older(
    out: &Path,
    vkey: &Vkey,
    origin: Option<&Origin>,
    head: &TreeHead,
) -> Result<(), ExportError> {
    let there = match audit::signed_head(&DirSource::new(out.to_owned()), vkey, origin) {
        Err(AuditError::NoCheckpoint) => return Ok(()),
        there => there?,
    };
    let same = there.head().size() == head.size() && there.head().root() != head.root();
    if there.head().size() > head.size() || same {
        let (seen, wanted) = (head.size().get(), there.head().size().get());
        return Err(ExportError::Older { out: out.to_owned(), seen, wanted });
    }
    Ok(())
}

/// The files below one directory.
struct Files<'a> {
    out: &'a Path,
    /// Directories that got a new name in them.
    dirs: BTreeSet<PathBuf>,
    written: u64,
    kept: u64,
}

impl Files<'_> {
    fn put_tile(&mut self, tile: &TileWrite) -> Result<(), ExportError> {
        self.put(&TilePath::Tile { coord: tile.coord(), width: tile.width() }.to_string(), tile.bytes())
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.out.join(name);
        // One byte more than wanted is enough to see that it is another file.
        let there = match DirSource::new(self.out.to_owned()).read(name, bytes.len()) {
            Err(SourceError::TooLarge { .. }) => return Err(ExportError::Differs { path }),
            there => there.map_err(AuditError::from)?,
        };
        match there {
            Some(there) if there == bytes => self.kept += 1,
            Some(_) => return Err(ExportError::Differs { path }),
            None => {
                let dir = path.parent().unwrap_or(self.out);
                fs::create_dir_all(dir).map_err(|source| ExportError::io(dir, source))?;
                let above = dir.ancestors().take_while(|dir| dir.starts_with(self.out));
                self.dirs.extend(above.map(Path::to_owned));
                replace(&path, bytes)?;
                self.written += 1;
            }
        }
        Ok(())
    }

    fn sync_dirs(&self) -> Result<(), ExportError> {
        self.dirs.iter().try_for_each(|dir| self.sync(dir))
    }

    fn sync(&self, dir: &Path) -> Result<(), ExportError> {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| ExportError::io(dir, source))
    }
}

/// Writes beside the place, waits for the disk, renames.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| ExportError::io(path, source))
}

/// Why an export did not come to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The log does not hold what it signed.
    #[error("the log is damaged: {0}")]
    Damaged(Damage),
    /// A file is there already and has other bytes.
    #[error("{}: is there already, with other bytes than the log's", path.display())]
    Differs {
        /// The file.
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
    /// The directory holds a newer tree of this log, or another one of the same size.
    #[error("{}: holds a signed tree of size {wanted}, the log offers one of size {seen}", out.display())]
    Older {
        /// The directory.
        out: PathBuf,
        /// Size that the log offers.
        seen: u64,
        /// Size that is there.
        wanted: u64,
    },
    /// The log could not be read, or its checkpoint is not its own.
    #[error(transparent)]
    Source(#[from] AuditError),
}

impl From<SourceError> for ExportError {
    fn from(source: SourceError) -> Self {
        Self::Source(source.into())
    }
}

impl ExportError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Whether the log or the directory is to blame, not the way to them.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::Differs { .. } | Self::Older { .. } => true,
            Self::Io { .. } => false,
            Self::Source(source) => source.is_damage(),
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged(_) => Some("`tallymark-log fsck` says what else is damaged"),
            Self::Differs { .. } => Some("export to an empty directory, and find out what changed this one"),
            Self::Older { .. } => {
                Some("an old copy of the log is being exported, or the log was forked; do not serve it")
            }
            Self::Io { .. } => None,
            Self::Source(source) => source.hint(),
        }
    }
}
