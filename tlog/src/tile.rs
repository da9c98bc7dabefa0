//! Tile coordinates, widths and paths.
use merkle::TreeSize;
use thiserror::Error;
/// Skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileCoord {
    level: u8,
    index: u64,
}
impl TileCoord {
    /// Skeleton.
    pub fn new(level: u8, index: u64) -> Result<Self, TileError> {
        let _ = (level, index);
        todo!()
    }
    /// Level.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }
    /// Index.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }
}
/// Skeleton: index of an entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleIndex(u64);
impl BundleIndex {
    /// Skeleton.
    pub fn new(index: u64) -> Result<Self, TileError> {
        let _ = index;
        todo!()
    }
    /// Index.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}
/// 1..=256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileWidth(u16);
impl TileWidth {
    /// 256.
    pub const FULL: Self = Self(256);
    /// Skeleton.
    pub const fn new(width: u16) -> Result<Self, TileError> {
        if width >= 1 && width <= 256 {
            Ok(Self(width))
        } else {
            Err(TileError::Width { seen: width as u64 })
        }
    }
    /// 1..=256.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
    /// 256 or not.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.0 == 256
    }
}
/// Skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileError {
    /// Skeleton.
    #[error("width {seen}")]
    Width {
        /// Seen.
        seen: u64,
    },
}
/// Path below the log's prefix, without leading slash; `FromStr` and `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TilePath {
    /// `tile/entries/<N>[.p/<W>]`.
    Entries {
        /// N.
        index: BundleIndex,
        /// W.
        width: TileWidth,
    },
    /// `tile/<L>/<N>[.p/<W>]`.
    Tile {
        /// L and N.
        coord: TileCoord,
        /// W.
        width: TileWidth,
    },
}
impl TilePath {
    /// Skeleton.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let _ = path;
        todo!()
    }
}
impl std::str::FromStr for TilePath {
    type Err = TileError;
    fn from_str(s: &str) -> Result<Self, TileError> {
        Self::parse(s)
    }
}
impl std::fmt::Display for TilePath {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
/// A tile as it has to be stored after an append: all its hashes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWrite {
    pub(crate) coord: TileCoord,
    pub(crate) width: TileWidth,
    pub(crate) bytes: Vec<u8>,
}
impl TileWrite {
    /// Where.
    #[must_use]
    pub const fn coord(&self) -> TileCoord {
        self.coord
    }
    /// How wide.
    #[must_use]
    pub const fn width(&self) -> TileWidth {
        self.width
    }
    /// 32 * width bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
/// All tiles of a tree.
pub fn tiles_of_size(size: TreeSize) -> impl Iterator<Item = (TileCoord, TileWidth)> {
    let _ = size;
    [].into_iter()
}
/// All entry bundles of a tree.
pub fn bundles_of_size(size: TreeSize) -> impl Iterator<Item = (BundleIndex, TileWidth)> {
    let _ = size;
    [].into_iter()
}
