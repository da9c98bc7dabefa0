//! Recomputes any tlog-tiles log from its entry bundles, as an outsider: over HTTP or from a directory.
//!
//! The checkpoint's signature says which tree the log stands for. From the entries come the leaf hashes, from these
//! every tile of every level, the partial ones too, and the root, by two code paths. Each is compared with what the
//! log hands out. Nothing the log says is believed but its signature, and that only to hold it to it.
//!
//! With [`Options::entries`] the status of the log, if it signs one, is made again too (`spec/status.md`): the map of exactly the
//! entries of the tree that it names. It is read before the checkpoint, so that the tree of it is not larger.
//!
//! Memory: the bundles and tiles under way (see [`crate::tile_source`]), one partial tile a level, and at most
//! [`MAX_DAMAGES`] findings, whatever the size of the log.

use std::collections::HashMap;

use merkle::{Frontier, LeafHash, SizeError, TreeHead};
use thiserror::Error;
use tlog::checkpoint::{CheckpointError, CheckpointOpenError, Origin, SignedCheckpoint, VerifiedCheckpoint};
use tlog::entry_bundle::EntryBundle;
use tlog::status::{SignedStatus, Status, StatusError};
use tlog::text::MAX_NOTE_BYTES;
use tlog::tile::{RightEdge, TilePath, TileWrite};
use tlog::vkey::Vkey;

use crate::admission::Admission;
use crate::admission::mentions::Mentions;
use crate::config::Mode;
use crate::damage::{Damage, MAX_DAMAGES};
use crate::tile_source::{self, SourceError, TileSource};

/// Tiles that wait to be compared before a round of reading begins.
const TILES_AT_ONCE: usize = 64;

/// What to check, and how hard to pull.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers name what they want")]
pub struct Options {
    /// The log's origin, where its key is not called like it.
    pub origin: Option<Origin>,
    /// Check that each entry is a signed entry of ours, and its signature; and the log's status.
    pub entries: bool,
    /// Files read at the same time, 1 to [`tile_source::MAX_THREADS`].
    pub threads: usize,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    origin: Origin,
    head: TreeHead,
    entries: u64,
    tiles: u64,
    damages: Vec<Damage>,
}

impl Report {
    /// The log's origin, by its signed checkpoint.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The signed head.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Entries read and hashed.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Tiles recomputed and compared.
    #[must_use]
    pub fn tiles(&self) -> u64 {
        self.tiles
    }

    /// Everything that is wrong, at most [`MAX_DAMAGES`] and a few.
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }
}

/// Reads the newest checkpoint and verifies the log's signature on it.
///
/// # Errors
/// [`AuditError::NoCheckpoint`], [`AuditError::Checkpoint`], [`AuditError::NotSigned`], [`AuditError::Source`].
pub fn signed_head(
    source: &dyn TileSource,
    vkey: &Vkey,
    origin: Option<&Origin>,
) -> Result<VerifiedCheckpoint, AuditError> {
    let bytes = tile_source::checkpoint(source)?.ok_or(AuditError::NoCheckpoint)?;
    let signed = SignedCheckpoint::parse(&bytes)?;
    Ok(match origin {
        Some(origin) => signed.open_foreign(origin, &[vkey])?,
        None => signed.open(vkey)?,
    })
}

/// Reads the newest status and verifies the log's signature on it; `None` if the log has none, or none yet.
fn signed_status(source: &dyn TileSource, vkey: &Vkey) -> Result<Option<Status>, AuditError> {
    let bytes = match source.read("status", MAX_NOTE_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) | Err(SourceError::Answer { status: 503, .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let signed = SignedStatus::parse(&bytes)?;
    Ok(Some(signed.open(vkey).map_err(AuditError::StatusNotSigned)?.status().clone()))
}

/// Checks a whole log. `progress` is told the entries done and the entries there are, now and then.
///
/// # Errors
/// [`AuditError`] if it could not be checked to its end; damage that was found is in the [`Report`].
pub fn audit(
    source: &dyn TileSource,
    vkey: &Vkey,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, AuditError> {
    let status = if options.entries { signed_status(source, vkey)? } else { None };
    let checkpoint = signed_head(source, vkey, options.origin.as_ref())?;
    let head = *checkpoint.head();
    let size = head.size().get();
    // As much as it takes: this is no server that others may fill.
    let mentions = status.is_some().then(|| Mentions::new(usize::MAX));
    let mut run = Run {
        source,
        options,
        frontier: Frontier::new(),
        edge: RightEdge::new(),
        full: Vec::new(),
        partial: HashMap::new(),
        tiles: 0,
        damages: Vec::new(),
        status,
        mentions,
    };
    run.compare_status();
    tile_source::walk_bundles(source, head.size(), options.threads, &mut |index, width, bytes| {
        let Some(bytes) = bytes else {
            run.damages.push(Damage::BundleMissing { index: index.get() });
            return Ok(false);
        };
        let bundle = match EntryBundle::parse(&bytes, width) {
            Ok(bundle) => bundle,
            Err(fault) => {
                run.damages.push(Damage::BundleUnusable { index: index.get(), fault });
                return Ok(false);
            }
        };
        run.take(index.first_leaf(), &bundle)?;
        progress(run.frontier.size().get(), size);
        Ok::<_, AuditError>(run.damages.len() < MAX_DAMAGES)
    })?;
    if run.frontier.size() == head.size() {
        run.full.extend(std::mem::take(&mut run.partial).into_values());
        for root in [run.frontier.root(), run.edge.root()] {
            if root != head.root() {
                run.damages.push(Damage::RootDiffers { size, seen: root, wanted: head.root() });
                break;
            }
        }
    }
    run.compare()?;
    Ok(Report {
        origin: checkpoint.origin().clone(),
        head,
        entries: run.frontier.size().get(),
        tiles: run.tiles,
        damages: run.damages,
    })
}

/// One run over one log.
struct Run<'a> {
    source: &'a dyn TileSource,
    options: &'a Options,
    frontier: Frontier,
    edge: RightEdge,
    /// Tiles that are complete and wait to be compared.
    full: Vec<TileWrite>,
    /// The newest partial tile of each level: compared once, after the last entry.
    partial: HashMap<u8, TileWrite>,
    tiles: u64,
    damages: Vec<Damage>,
    /// What the log signed of the entries; `None` once it was compared.
    status: Option<Status>,
    /// What the entries mention; `None` if nobody asks any more.
    mentions: Option<Mentions>,
}

impl Run<'_> {
    fn take(&mut self, first: u64, bundle: &EntryBundle<'_>) -> Result<(), AuditError> {
        if self.options.entries {
            for (index, entry) in (first..).zip(bundle.entries()) {
                if Admission::new(Mode::Service).admit_signed(entry.to_vec()).is_err() {
                    self.damages.push(Damage::EntryBad { index });
                }
            }
        }
        let leaves: Vec<LeafHash> = bundle.leaf_hashes().collect();
        for (leaf, entry) in leaves.iter().zip(bundle.entries()) {
            self.frontier.append(*leaf)?;
            // What is no entry was found to be bad, and nothing can be said of the map.
            if self.mentions.as_mut().is_some_and(|mentions| mentions.add(entry).is_err()) {
                self.mentions = None;
            }
            self.compare_status();
        }
        for tile in self.edge.append(&leaves)? {
            if tile.width().is_full() {
                self.partial.remove(&tile.coord().level());
                self.full.push(tile);
            } else {
                self.partial.insert(tile.coord().level(), tile);
            }
        }
        if self.full.len() >= TILES_AT_ONCE { self.compare() } else { Ok(()) }
    }

    /// Compares the status, once its tree is complete.
    fn compare_status(&mut self) {
        let size = self.frontier.size();
        let Some(status) = self.status.take_if(|status| status.head().size() == size) else { return };
        let (seen, wanted) = (self.frontier.root(), status.head().root());
        if seen != wanted {
            self.damages.push(Damage::StatusTreeDiffers { size: size.get(), seen, wanted });
        }
        if let Some(mentions) = self.mentions.take() {
            let (seen, wanted) = (mentions.map().root(), *status.map());
            if seen != wanted {
                self.damages.push(Damage::StatusMapDiffers { size: size.get(), seen, wanted });
            }
        }
    }

    /// Reads the tiles that wait and compares them.
    fn compare(&mut self) -> Result<(), AuditError> {
        let wanted = std::mem::take(&mut self.full);
        let paths: Vec<_> =
            wanted.iter().map(|tile| TilePath::Tile { coord: tile.coord(), width: tile.width() }).collect();
        for (wanted, seen) in
            wanted.iter().zip(tile_source::tiles(self.source, &paths, self.options.threads)?)
        {
            self.tiles += 1;
            let (level, index) = (wanted.coord().level(), wanted.coord().index());
            match seen {
                None => self.damages.push(Damage::TileMissing { level, index }),
                Some(seen) if seen != wanted.bytes() => {
                    let same = seen.iter().zip(wanted.bytes()).take_while(|(seen, wanted)| seen == wanted);
                    self.damages.push(Damage::TileDiffers { level, index, hash: same.count() / 32 });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Why a log could not be checked to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The checkpoint is not one.
    #[error("the checkpoint does not parse")]
    Checkpoint(#[from] CheckpointError),
    /// There is no checkpoint.
    #[error("there is no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is another log's, or not signed by it.
    #[error("the checkpoint is not that of the log with this key")]
    NotSigned(#[from] CheckpointOpenError),
    /// The tree has an impossible size.
    #[error("the tree has an impossible size")]
    Size(#[from] SizeError),
    /// A file could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The status is not one.
    #[error("the status does not parse")]
    Status(#[from] StatusError),
    /// The status is another log's, or not signed by it.
    #[error("the status is not that of the log with this key")]
    StatusNotSigned(#[source] CheckpointOpenError),
}

impl AuditError {
    /// Whether the log is to blame, not the way to it.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Checkpoint(_) | Self::NotSigned(_) | Self::Size(_) => true,
            Self::Status(_) | Self::StatusNotSigned(_) => true,
            Self::NoCheckpoint => false,
            Self::Source(source) => matches!(source, SourceError::TooLarge { .. }),
        }
    }

    /// What the caller can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSigned(CheckpointOpenError::OtherOrigin { .. }) => {
                Some("if the log's key is not called like its origin, say which is meant with --origin NAME")
            }
            Self::NotSigned(_) => Some("get the log's vkey from where you trust it, not from the log itself"),
            Self::NoCheckpoint => Some("give the prefix under which the log has `checkpoint` and `tile/`"),
            _ => None,
        }
    }
}
