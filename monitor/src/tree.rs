//! The tiles of a log as somebody else serves them, each linked to a signed root before it is believed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use merkle::{BuildError, ConsistencyProof, Hash, TreeHead, TreeSize};
use thiserror::Error;
use tlog::entry_bundle::{EntryBundle, EntryBundleError, MAX_BUNDLE_BYTES};
use tlog::tile::{BundleIndex, TileCoord, TilePath, TileReadError, TileReader, TileWidth};

use crate::source::{Source, SourceError};

/// Tiles above the leaves that are kept: 2 MiB.
const MAX_KEPT: usize = 256;
/// What 256 entries of ours can take, with their lengths. Larger bundles, which other logs may have, are read one at a time.
const OUR_BUNDLE_BYTES: usize = 256 * (2 + attest::entry::MAX_ENTRY_BYTES);

/// Why a tile could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TileFault {
    /// Nothing is served under the name.
    #[error("{path} is not served")]
    Missing {
        /// The name.
        path: TilePath,
    },
    /// It could not be asked for.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Why a part of the tree is not believed.
pub type TreeError = TileReadError<TileFault>;

/// The tree of one signed head, as one source serves it.
#[derive(Debug)]
pub struct Tree<'a> {
    source: &'a Source,
    head: TreeHead,
    newest: TreeSize,
    reader: TileReader,
    // Tiles above the leaves, as bytes; each is linked to the root again whenever it is used.
    kept: Mutex<HashMap<TileCoord, Vec<u8>>>,
}

impl<'a> Tree<'a> {
    /// Reads the right edge and compares it with the root. `newest` is the size up to which the source serves tiles, as far as is
    /// known: a log need not keep the partial tiles of older sizes.
    ///
    /// # Errors
    /// [`TileReadError::RootMismatch`] if the tiles are not those of the head; otherwise what could not be read.
    pub fn open(source: &'a Source, head: &TreeHead, newest: TreeSize) -> Result<Self, TreeError> {
        let reader = TileReader::new(head, |coord, width| read_tile(source, coord, width, newest))?;
        Ok(Self { source, head: *head, newest, reader, kept: Mutex::new(HashMap::new()) })
    }

    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The leaf hashes above a bundle, linked to the root.
    ///
    /// # Errors
    /// As [`TileReader::tile`].
    pub fn leaves(&self, index: BundleIndex) -> Result<Vec<Hash>, TreeError> {
        self.reader.tile(index.tile(), |coord, width| self.get(coord, width))
    }

    /// The proof that this tree begins with the first `old` leaves, from nodes that are linked to the root.
    ///
    /// # Errors
    /// [`BuildError::OldTreeEmpty`], [`BuildError::OldTreeLarger`], or what could not be read.
    pub fn consistency(&self, old: TreeSize) -> Result<ConsistencyProof, BuildError<TreeError>> {
        ConsistencyProof::build(old, self.head.size(), |node| {
            self.reader.node(node, |coord, width| self.get(coord, width))
        })
    }

    fn get(&self, coord: TileCoord, width: TileWidth) -> Result<Vec<u8>, TileFault> {
        if coord.level() == 0 {
            return read_tile(self.source, coord, width, self.newest);
        }
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = kept().get(&coord) {
            return Ok(bytes.clone());
        }
        let bytes = read_tile(self.source, coord, width, self.newest)?;
        let mut kept = kept();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(coord, bytes.clone());
        Ok(bytes)
    }

    /// The bytes of the entries in a bundle, at least the first `width` of them; `None` if they are not served.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn bundle(&self, index: BundleIndex, width: TileWidth) -> Result<Option<Bundle>, SourceError> {
        for width in widths(width, index.width_in(self.newest)) {
            let name = TilePath::Entries { index, width }.to_string();
            if let Some(bytes) = self.read_bundle(&name)? {
                return Ok(Some(Bundle { bytes, width }));
            }
        }
        Ok(None)
    }

    fn read_bundle(&self, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        /// So that memory holds one large bundle, whatever the number of threads.
        static LARGE: Mutex<()> = Mutex::new(());
        match self.source.read(name, OUR_BUNDLE_BYTES) {
            Err(SourceError::TooLarge { .. }) => {
                let _one_at_a_time = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
                self.source.read(name, MAX_BUNDLE_BYTES)
            }
            read => read,
        }
    }
}

/// A bundle as it was served, and how many entries it was asked for.
#[derive(Debug)]
pub struct Bundle {
    bytes: Vec<u8>,
    width: TileWidth,
}

impl Bundle {
    /// Takes it apart.
    ///
    /// # Errors
    /// As [`EntryBundle::parse`].
    pub fn entries(&self) -> Result<EntryBundle<'_>, EntryBundleError> {
        EntryBundle::parse(&self.bytes, self.width)
    }
}

/// Widths to ask for, the wanted one first: as wide as it is by now, and full.
fn widths(wanted: TileWidth, newest: Option<TileWidth>) -> impl Iterator<Item = TileWidth> {
    let wider = [newest, Some(TileWidth::FULL)].into_iter().flatten().filter(move |width| *width > wanted);
    let mut all: Vec<TileWidth> = std::iter::once(wanted).chain(wider).collect();
    all.dedup();
    all.into_iter()
}

fn read_tile(
    source: &Source,
    coord: TileCoord,
    width: TileWidth,
    newest: TreeSize,
) -> Result<Vec<u8>, TileFault> {
    for asked in widths(width, coord.width_in(newest)) {
        let path = TilePath::Tile { coord, width: asked };
        let bytes = match source.read(&path.to_string(), asked.byte_len()) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            // The reader refuses a tile of another length, and says which it was.
            Err(SourceError::TooLarge { .. }) => vec![0; asked.byte_len() + 1],
            Err(error) => return Err(error.into()),
        };
        let is_whole = bytes.len() == asked.byte_len();
        let kept = if is_whole { bytes.into_iter().take(width.byte_len()).collect() } else { bytes };
        return Ok(kept);
    }
    Err(TileFault::Missing { path: TilePath::Tile { coord, width } })
}
