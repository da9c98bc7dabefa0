//! Growing a tree and its tiles.

use merkle::{EMPTY_ROOT, Hash, LeafHash, SizeError, TreeSize, node_hash};
use thiserror::Error;

use super::coord::{LEVELS, TILE_HEIGHT, TileCoord, TileWidth, TileWrite, partial_tile};
use super::path::TilePath;
use super::{hashes_of_tile, perfect_root};

/// The last partial tile of each level: all that is needed to append to a tree and to tell its root.
///
/// At most 255 hashes in each of 8 levels, about 64 KiB.
///
/// ```text
/// size 70,000    level 0   112 hashes     leaves 69,888 to 69,999
///                level 1    17 hashes     full tiles 256 to 272 of level 0
///                level 2     1 hash       full tile 0 of level 1
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightEdge {
    size: TreeSize,
    /// `levels[l]` has the hashes of the partial tile of level `l`: none if the last tile there is full, or if the tree
    /// does not reach that level.
    levels: [Vec<Hash>; LEVELS],
}

/// Why the right edge could not be read from tiles. `E` is what reading a tile fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RightEdgeError<E> {
    /// A tile has another number of bytes than its width calls for.
    #[error("{tile} has {seen} bytes, not {}", .wanted.byte_len())]
    Length {
        /// The tile.
        tile: TilePath,
        /// The bytes it has.
        seen: usize,
        /// The width it has to have.
        wanted: TileWidth,
    },
    /// A tile could not be read.
    #[error("cannot read {tile}")]
    Read {
        /// The tile.
        tile: TilePath,
        /// Why.
        source: E,
    },
}

impl RightEdge {
    /// The edge of the tree without leaves.
    #[expect(clippy::new_without_default, reason = "an empty tree is a decision, not a default")]
    #[must_use]
    pub const fn new() -> Self {
        Self { size: TreeSize::ZERO, levels: [const { Vec::new() }; LEVELS] }
    }

    /// Reads the edge of the tree of `size` leaves. `get` is asked for the partial tile of each level, at most 8, and hands
    /// out `32·width` bytes; whoever holds a longer tile cuts it.
    ///
    /// The tiles are believed. The root depends on every byte of them: **compare [`RightEdge::root`] with the root of a
    /// signed tree head before building on the edge.** [`TileReader::new`](super::TileReader::new) does.
    ///
    /// # Errors
    ///
    /// * [`RightEdgeError::Length`] if a tile has the wrong number of bytes;
    /// * [`RightEdgeError::Read`] if `get` fails.
    pub fn from_tiles<E>(
        size: TreeSize,
        mut get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Self, RightEdgeError<E>> {
        let mut edge = Self { size, ..Self::new() };
        for (level, hashes) in (0..).zip(&mut edge.levels) {
            let Some((coord, width)) = partial_tile(level, size) else { continue };
            let tile = TilePath::Tile { coord, width };
            let bytes = get(coord, width).map_err(|source| RightEdgeError::Read { tile, source })?;
            *hashes = hashes_of_tile(&bytes, width).ok_or(RightEdgeError::Length {
                tile,
                seen: bytes.len(),
                wanted: width,
            })?;
        }
        Ok(edge)
    }

    /// Appends leaves at the indices from [`RightEdge::size`] on, and returns every tile that is new or longer than
    /// before, lowest level first, from left to right, each with all of its hashes. A tile that became full is followed by
    /// the partial one beside it, if that has any hash.
    ///
    /// Nothing changes if there is an error.
    ///
    /// # Errors
    ///
    /// [`SizeError::TreeSize`] if the tree would have more than 2^63-1 leaves.
    pub fn append(&mut self, leaves: &[LeafHash]) -> Result<Vec<TileWrite>, SizeError> {
        let size = TreeSize::new(self.size.get().saturating_add(leaves.len() as u64))?;
        let mut writes = Vec::new();
        let mut added: Vec<Hash> = leaves.iter().map(LeafHash::hash).collect();
        let mut hashes_before = self.size.get();
        for (level, tile) in (0..).zip(&mut self.levels) {
            if added.is_empty() {
                break;
            }
            let mut index = hashes_before >> TILE_HEIGHT;
            let mut rolled_up = Vec::new();
            for hash in added {
                tile.push(hash);
                if tile.len() == usize::from(TileWidth::FULL.get()) {
                    writes.push(TileWrite::of_hashes(TileCoord::inside(level, index), tile));
                    rolled_up.push(perfect_root(tile));
                    tile.clear();
                    index += 1;
                }
            }
            if !tile.is_empty() {
                writes.push(TileWrite::of_hashes(TileCoord::inside(level, index), tile));
            }
            added = rolled_up;
            hashes_before >>= TILE_HEIGHT;
        }
        self.size = size;
        Ok(writes)
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// Computes the root of the tree from the edge, with at most 2039 node hashes.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut root = None;
        for mut hashes in self.levels.iter().map(Vec::as_slice) {
            // From the right, where the smallest perfect trees are: 1, 2, 4 … hashes, one tree for each one-bit.
            while !hashes.is_empty() {
                let perfect = 1 << hashes.len().trailing_zeros();
                let (left, right) = hashes.split_at(hashes.len() - perfect);
                let hash = perfect_root(right);
                root = Some(root.map_or(hash, |below| node_hash(&hash, &below)));
                hashes = left;
            }
        }
        root.unwrap_or(EMPTY_ROOT)
    }

    /// The hashes of the partial tile of `level`.
    pub(super) fn partial_tile(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }
}
