//! Skeleton: append.
use crate::tile::{TileCoord, TileWidth, TileWrite};
use crate::tile_reader::TileReadError;
use merkle::{Hash, LeafHash, SizeError, TreeHead, TreeSize};
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightEdge(());
impl RightEdge {
    /// Empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
    /// Reads the partial tiles of a tree.
    pub fn from_tiles<E>(
        size: TreeSize,
        get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Self, TileReadError<E>> {
        let _ = (size, get);
        todo!()
    }
    /// Appends.
    pub fn append(&mut self, leaves: &[LeafHash]) -> Result<Vec<TileWrite>, SizeError> {
        let _ = leaves;
        todo!()
    }
    /// Root.
    #[must_use]
    pub fn root(&self) -> Hash {
        todo!()
    }
    /// Size.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        todo!()
    }
    /// Head.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        todo!()
    }
}
