//! Skeleton: tree nodes out of tiles.
use crate::right_edge::RightEdge;
use crate::tile::{TileCoord, TileWidth};
use merkle::{Hash, NodeId, TreeHead, TreeSize};
use thiserror::Error;
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileReadError<E> {
    /// Read failed.
    #[error("cannot read tile")]
    Read {
        /// Which.
        coord: TileCoord,
        /// Why.
        source: E,
    },
}
/// Unauthenticated: for one's own tiles, or where the proof is verified afterwards.
pub fn read_node<E>(
    node: NodeId,
    size: TreeSize,
    get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
) -> Result<Hash, TileReadError<E>> {
    let _ = (node, size, get);
    todo!()
}
/// Reads nodes from tiles of others: every tile is compared with its parent up to a tree head.
#[derive(Clone, Debug)]
pub struct TileReader {
    _edge: RightEdge,
}
impl TileReader {
    /// Reads and verifies the right edge against `head`.
    pub fn new<E>(
        head: &TreeHead,
        get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Self, TileReadError<E>> {
        let _ = (head, get);
        todo!()
    }
    /// A node that is proven to belong to the tree head.
    pub fn node<E>(
        &self,
        node: NodeId,
        get: impl FnMut(TileCoord, TileWidth) -> Result<Vec<u8>, E>,
    ) -> Result<Hash, TileReadError<E>> {
        let _ = (node, get);
        todo!()
    }
}
