//! Tree nodes out of tiles, so that proofs can be built from them.

use std::ops::Range;

use merkle::{Hash, NodeId, TreeHead, TreeSize};
use thiserror::Error;

use super::coord::{FULL_WIDTH, TILE_HEIGHT, TileCoord, TileWidth};
use super::path::TilePath;
use super::right_edge::{RightEdge, RightEdgeError};
use super::{hashes_of_tile, perfect_root};

/// Why a node could not be read from tiles. `E` is what reading a tile fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileReadError<E> {
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
    /// The tree has no such node: some of the leaves it covers are not there.
    #[error("node {node} is outside of a tree of {size} leaves")]
    NodeOutsideTree {
        /// The node asked for.
        node: NodeId,
        /// The size of the tree.
        size: TreeSize,
    },
    /// A full tile does not hash to what its parent tile says.
    #[error("{tile} hashes to {seen}, its parent tile has {wanted}")]
    ParentMismatch {
        /// The tile.
        tile: TilePath,
        /// The hash over the tile.
        seen: Hash,
        /// The hash in the parent, which is authentic.
        wanted: Hash,
    },
    /// A tile could not be read.
    #[error("cannot read {tile}")]
    Read {
        /// The tile.
        tile: TilePath,
        /// Why.
        source: E,
    },
    /// The partial tiles of a tree do not hash to its root.
    #[error("partial tiles hash to root {seen}, tree head has {wanted}")]
    RootMismatch {
        /// The root that the tiles lead to.
        seen: Hash,
        /// The root of the tree head.
        wanted: Hash,
    },
    /// The tree has no hash in this tile.
    #[error("{tile} is outside of a tree of {size} leaves")]
    TileOutsideTree {
        /// The tile asked for, as a full one.
        tile: TilePath,
        /// The size of the tree.
        size: TreeSize,
    },
}

impl<E> From<RightEdgeError<E>> for TileReadError<E> {
    fn from(error: RightEdgeError<E>) -> Self {
        match error {
            RightEdgeError::Length { tile, seen, wanted } => Self::Length { tile, seen, wanted },
            RightEdgeError::Read { tile, source } => Self::Read { tile, source },
        }
    }
}

/// Reads a node of the tree of `size` leaves from the one tile that has it, or the hashes below it.
///
/// `get` is asked for that tile at its width in this tree, and hands out `32·width` bytes; whoever holds a longer tile
/// cuts it.
///
/// **The tile is believed**, and a forged one goes unnoticed. This is for tiles of one's own, and for a proof that is
/// verified against a signed tree head before anybody acts on it: a proof that verifies is right, wherever its hashes came
/// from. For anything else that is read from another's tiles, leaf hashes above all, use [`TileReader`].
///
/// # Errors
///
/// * [`TileReadError::NodeOutsideTree`] if the node covers a leaf that the tree does not have;
/// * [`TileReadError::Length`] if the tile has the wrong number of bytes;
/// * [`TileReadError::Read`] if `get` fails.
pub fn read_node<E>(
    node: NodeId,
    size: TreeSize,
    mut get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
) -> Result<Hash, TileReadError<E>> {
    let outside = || TileReadError::NodeOutsideTree { node, size };
    if node.end() > size.get() {
        return Err(outside());
    }
    let place = Place::of(node);
    let width = place.tile.width_in(size).ok_or_else(outside)?;
    let hashes = read_tile(place.tile, width, &mut get)?;
    place.hash_in(&hashes).ok_or_else(outside)
}

/// Reads nodes from tiles that somebody else serves, and believes none that does not lead to a tree head.
///
/// ```text
/// tree head   ← root over all partial tiles, the right edge: checked by TileReader::new
/// right edge  ← a full tile whose hash stands in a partial tile
/// full tile   ← a full tile whose hash stands in it, and so on down to the leaf hashes
/// ```
///
/// Every full tile has its hash in one tile of the level above, so each tile that is read is compared with its parent, up
/// to the right edge. Nothing is compared by number of hashes read, nothing is skipped, and no tile is kept: a node costs
/// at most 8 tiles, and `get` may cache.
#[derive(Clone, Debug)]
pub struct TileReader {
    edge: RightEdge,
}

impl TileReader {
    /// Reads the right edge of the tree, at most 8 partial tiles, and compares its root with that of `head`. Who signed
    /// `head` is the caller's to know, see [`crate::checkpoint::VerifiedCheckpoint::head`].
    ///
    /// # Errors
    ///
    /// * [`TileReadError::RootMismatch`] if the tiles are not those of the tree;
    /// * [`TileReadError::Length`], [`TileReadError::Read`] as [`RightEdge::from_tiles`].
    pub fn new<E>(
        head: &TreeHead,
        get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Self, TileReadError<E>> {
        let edge = RightEdge::from_tiles(head.size(), get)?;
        let (seen, wanted) = (edge.root(), head.root());
        if seen == wanted { Ok(Self { edge }) } else { Err(TileReadError::RootMismatch { seen, wanted }) }
    }

    /// The right edge, whose root is that of the tree head.
    #[must_use]
    pub const fn edge(&self) -> &RightEdge {
        &self.edge
    }

    /// Reads a node and everything above it. `get` is asked for full tiles only, from the node's upwards.
    ///
    /// # Errors
    ///
    /// * [`TileReadError::NodeOutsideTree`] if the node covers a leaf that the tree does not have;
    /// * [`TileReadError::ParentMismatch`] if a tile on the way up is not the tree's;
    /// * [`TileReadError::Length`], [`TileReadError::Read`] if a tile is unusable or `get` fails.
    pub fn node<E>(
        &self,
        node: NodeId,
        mut get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Hash, TileReadError<E>> {
        let size = self.edge.size();
        let outside = || TileReadError::NodeOutsideTree { node, size };
        if node.end() > size.get() {
            return Err(outside());
        }
        let place = Place::of(node);
        place.hash_in(&self.linked(place.tile, &mut get)?).ok_or_else(outside)
    }

    /// Reads all hashes that a tile has in this tree, as [`TileReader::node`] reads one of them. This is the way to check an
    /// entry bundle: its leaf hashes are the tile of level 0 with the same index.
    ///
    /// # Errors
    ///
    /// * [`TileReadError::TileOutsideTree`] if the tile has no hash in this tree;
    /// * otherwise as [`TileReader::node`].
    pub fn tile<E>(
        &self,
        tile: TileCoord,
        mut get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<Hash>, TileReadError<E>> {
        self.linked(tile, &mut get)
    }

    /// Goes up one level at a time, at most 7 times: a tile of level 7 is never full.
    fn linked<E>(
        &self,
        coord: TileCoord,
        get: &mut impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<Hash>, TileReadError<E>> {
        let size = self.edge.size();
        let tile = TilePath::Tile { coord, width: TileWidth::FULL };
        let outside = TileReadError::TileOutsideTree { tile, size };
        match coord.width_in(size) {
            None => Err(outside),
            Some(width) if !width.is_full() => Ok(self.edge.partial_tile(coord.level()).to_vec()),
            Some(width) => {
                let hashes = read_tile(coord, width, get)?;
                let seen = perfect_root(&hashes);
                let (parent, position) = coord.parent();
                let wanted = self.linked(parent, get)?.get(position).copied().ok_or(outside)?;
                if seen == wanted {
                    Ok(hashes)
                } else {
                    Err(TileReadError::ParentMismatch { tile, seen, wanted })
                }
            }
        }
    }
}

/// Where a node is found: it is the root of a perfect tree whose leaves are hashes of one tile.
struct Place {
    tile: TileCoord,
    hashes: Range<usize>,
}

impl Place {
    const fn of(node: NodeId) -> Self {
        let height = node.level() % TILE_HEIGHT;
        // The node is perfect and lies inside some tree, so neither shift loses a bit.
        let (first, count) = (node.index() << height, 1 << height);
        let position = (first % FULL_WIDTH) as usize;
        let tile = TileCoord::inside(node.level() / TILE_HEIGHT, first / FULL_WIDTH);
        Self { tile, hashes: position..position + count }
    }

    fn hash_in(&self, hashes: &[Hash]) -> Option<Hash> {
        hashes.get(self.hashes.clone()).map(perfect_root)
    }
}

fn read_tile<E>(
    coord: TileCoord,
    width: TileWidth,
    get: &mut impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
) -> Result<Vec<Hash>, TileReadError<E>> {
    let tile = TilePath::Tile { coord, width };
    let bytes = get(coord, width).map_err(|source| TileReadError::Read { tile, source })?;
    hashes_of_tile(&bytes, width).ok_or(TileReadError::Length { tile, seen: bytes.len(), wanted: width })
}
