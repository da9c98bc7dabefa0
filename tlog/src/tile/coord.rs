//! Which tiles there are, and how wide each is.

use merkle::{Hash, LeafIndex, NodeId, TreeSize};
use thiserror::Error;

use super::HASH_BYTES;

/// log2 of the number of hashes in a full tile.
pub(super) const TILE_HEIGHT: u8 = 8;

/// Hashes in a full tile.
pub(super) const FULL_WIDTH: u64 = 1 << TILE_HEIGHT;

/// Levels that a tree of 2^63-1 leaves has: 256^8 is already beyond it.
pub(super) const LEVELS: usize = 8;

/// Coordinates or a width that no tile can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileError {
    /// The first hash of the bundle's tile would stand for a leaf at or above 2^63-1.
    #[error("entry bundle {index} lies outside of every tree")]
    BundleOutsideTree {
        /// The index asked for.
        index: u64,
    },
    /// The first hash of the tile would stand for a leaf at or above 2^63-1.
    #[error("tile {index} of level {level} lies outside of every tree")]
    OutsideTree {
        /// The level asked for.
        level: u8,
        /// The index asked for.
        index: u64,
    },
    /// Not 1 to 256.
    #[error("tile width {seen} is not 1 to 256")]
    Width {
        /// The width asked for.
        seen: u16,
    },
}

/// The place of a tile: its level, counted from the leaves, and its index within the level, both from 0.
///
/// Some tree of at most 2^63-1 leaves has a tile there. It follows that the level is at most 7, and that
/// `index · 256^(level+1)`, the first leaf that the tile speaks of, does not overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileCoord {
    level: u8,
    index: u64,
}

impl TileCoord {
    /// Names a tile.
    ///
    /// # Errors
    ///
    /// [`TileError::OutsideTree`] if no tree is large enough to have it.
    pub fn new(level: u8, index: u64) -> Result<Self, TileError> {
        let outside = TileError::OutsideTree { level, index };
        // The tile exists once its first hash does, and that hash is a node of the tree.
        let height = level.checked_mul(TILE_HEIGHT).ok_or(outside)?;
        let first = index.checked_mul(FULL_WIDTH).ok_or(outside)?;
        NodeId::new(height, first).map_err(|_| outside)?;
        Ok(Self { level, index })
    }

    /// For a level and index inside a tree.
    pub(super) const fn inside(level: u8, index: u64) -> Self {
        Self { level, index }
    }

    /// The tile above, and the position in it of the hash over this one, if this one is full. `level < 7`, as for every
    /// full tile.
    pub(super) const fn parent(self) -> (Self, usize) {
        let position = (self.index % FULL_WIDTH) as usize;
        (Self { level: self.level + 1, index: self.index / FULL_WIDTH }, position)
    }

    /// The level, 0 to 7; level 0 has the leaf hashes.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The position within the level.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes the tile has in the tree of `size` leaves; `None` if it has none there.
    #[must_use]
    pub const fn width_in(self, size: TreeSize) -> Option<TileWidth> {
        width_of(self.index, hashes_at(self.level, size))
    }
}

/// The number of an entry bundle, which holds the entries of the level 0 tile with that index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleIndex(u64);

impl BundleIndex {
    /// Names an entry bundle.
    ///
    /// # Errors
    ///
    /// [`TileError::BundleOutsideTree`] if no tree is large enough to have it.
    pub fn new(index: u64) -> Result<Self, TileError> {
        TileCoord::new(0, index).map(|_| Self(index)).map_err(|_| TileError::BundleOutsideTree { index })
    }

    /// The bundle that holds the entry at `leaf`, as its entry number `leaf % 256`.
    #[must_use]
    pub const fn of_leaf(leaf: LeafIndex) -> Self {
        Self(leaf.get() / FULL_WIDTH)
    }

    /// The number, counted from 0.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The index of the first entry in the bundle, `256 · index`.
    #[must_use]
    pub const fn first_leaf(self) -> u64 {
        self.0 * FULL_WIDTH
    }

    /// The tile that has the leaf hashes of these entries.
    #[must_use]
    pub const fn tile(self) -> TileCoord {
        TileCoord { level: 0, index: self.0 }
    }

    /// How many entries the bundle has in the tree of `size` leaves; `None` if it has none there.
    #[must_use]
    pub const fn width_in(self, size: TreeSize) -> Option<TileWidth> {
        self.tile().width_in(size)
    }
}

/// How many hashes a tile has, or entries a bundle: 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileWidth(u16);

impl TileWidth {
    /// 256: nothing will be added any more.
    pub const FULL: Self = Self(1 << TILE_HEIGHT);

    /// Takes a number of hashes.
    ///
    /// # Errors
    ///
    /// [`TileError::Width`] unless it is 1 to 256.
    pub const fn new(hashes: u16) -> Result<Self, TileError> {
        match hashes {
            1..=256 => Ok(Self(hashes)),
            seen => Err(TileError::Width { seen }),
        }
    }

    /// The number of hashes, 1 to 256.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether the tile has all of its 256 hashes.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.0 == Self::FULL.0
    }

    /// Bytes of a tile of this width, 32 to 8192.
    #[must_use]
    pub const fn byte_len(self) -> usize {
        self.0 as usize * HASH_BYTES
    }
}

/// A tile that an append makes or lengthens, with all of its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWrite {
    coord: TileCoord,
    width: TileWidth,
    bytes: Vec<u8>,
}

impl TileWrite {
    /// Precondition: there are 1 to 256 hashes.
    pub(super) fn of_hashes(coord: TileCoord, hashes: &[Hash]) -> Self {
        let bytes = hashes.iter().flat_map(Hash::as_bytes).copied().collect();
        Self { coord, width: TileWidth(hashes.len() as u16), bytes }
    }

    /// Where the tile stands.
    #[must_use]
    pub const fn coord(&self) -> TileCoord {
        self.coord
    }

    /// How many hashes it has.
    #[must_use]
    pub const fn width(&self) -> TileWidth {
        self.width
    }

    /// All hashes of the tile from its first one on, 32 bytes each.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Lists every tile of the tree of `size` leaves: level by level from the leaves, from left to right, none of them
/// empty. There are about `size / 255` of them; the list is made as it is read.
pub fn tiles_of_size(size: TreeSize) -> impl Iterator<Item = (TileCoord, TileWidth)> {
    (0..LEVELS as u8).flat_map(move |level| {
        tiles_of_level(level, size).map(move |(index, width)| (TileCoord { level, index }, width))
    })
}

/// Lists every entry bundle of the tree of `size` leaves, from left to right, none of them empty.
pub fn bundles_of_size(size: TreeSize) -> impl Iterator<Item = (BundleIndex, TileWidth)> {
    tiles_of_level(0, size).map(|(index, width)| (BundleIndex(index), width))
}

fn tiles_of_level(level: u8, size: TreeSize) -> impl Iterator<Item = (u64, TileWidth)> {
    let hashes = hashes_at(level, size);
    (0..hashes.div_ceil(FULL_WIDTH)).filter_map(move |index| Some((index, width_of(index, hashes)?)))
}

/// The last tile of a level in the tree of `size` leaves; `None` if that tile is full or there is none. `level < LEVELS`.
pub(super) fn partial_tile(level: u8, size: TreeSize) -> Option<(TileCoord, TileWidth)> {
    let coord = TileCoord { level, index: hashes_at(level, size) / FULL_WIDTH };
    Some((coord, coord.width_in(size)?))
}

/// Hashes that a level has in the tree of `size` leaves: those whose `256^level` leaves all exist.
const fn hashes_at(level: u8, size: TreeSize) -> u64 {
    // Levels are at most 7, so that the shift is at most 56.
    size.get() >> (level * TILE_HEIGHT)
}

/// Width of a tile in a level that has `hashes` hashes.
const fn width_of(index: u64, hashes: u64) -> Option<TileWidth> {
    // The first hash of a tile that exists somewhere is below 2^63, see TileCoord::new.
    match hashes.saturating_sub(index * FULL_WIDTH) {
        0 => None,
        FULL_WIDTH.. => Some(TileWidth::FULL),
        width => Some(TileWidth(width as u16)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(leaves: u64) -> TreeSize {
        TreeSize::new(leaves).unwrap()
    }

    #[test]
    fn the_largest_tree_has_its_last_tiles() {
        let largest = size(merkle::MAX_TREE_SIZE);
        // 2^63-1 leaves: 2^55-1 full tiles and one of width 255 at level 0, and one of width 127 at level 7.
        let last = TileCoord::new(0, (1 << 55) - 1).unwrap();
        assert_eq!(last.width_in(largest), TileWidth::new(255).ok());
        assert_eq!(TileCoord::new(7, 0).unwrap().width_in(largest), TileWidth::new(127).ok());
    }

    #[test]
    fn coordinates_end_where_trees_do() {
        assert_eq!(TileCoord::new(0, 1 << 55), Err(TileError::OutsideTree { level: 0, index: 1 << 55 }));
        assert_eq!(TileCoord::new(7, 1), Err(TileError::OutsideTree { level: 7, index: 1 }));
        assert_eq!(TileCoord::new(8, 0), Err(TileError::OutsideTree { level: 8, index: 0 }));
        assert_eq!(TileCoord::new(63, 0), Err(TileError::OutsideTree { level: 63, index: 0 }));
        assert_eq!(TileCoord::new(0, u64::MAX), Err(TileError::OutsideTree { level: 0, index: u64::MAX }));
        assert_eq!(BundleIndex::new(1 << 55), Err(TileError::BundleOutsideTree { index: 1 << 55 }));
    }

    #[test]
    fn widths_are_1_to_256() {
        assert_eq!(TileWidth::new(0), Err(TileError::Width { seen: 0 }));
        assert_eq!(TileWidth::new(257), Err(TileError::Width { seen: 257 }));
        assert_eq!(TileWidth::new(256), Ok(TileWidth::FULL));
        assert_eq!(TileWidth::FULL.byte_len(), 8192);
    }

    #[test]
    fn a_leaf_lies_in_the_bundle_of_its_tile() {
        let bundle = BundleIndex::of_leaf(LeafIndex::new(70_000 - 1).unwrap());
        assert_eq!((bundle.get(), bundle.first_leaf()), (273, 69_888));
        assert_eq!(bundle.width_in(size(70_000)), TileWidth::new(112).ok());
        assert_eq!(bundle.width_in(size(69_888)), None);
    }
}
