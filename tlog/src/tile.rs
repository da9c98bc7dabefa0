//! Tiles: the Merkle tree as files of up to 256 hashes (c2sp.org/tlog-tiles).
//!
//! ```text
//! level 1   tile 0: one hash for each full tile below      [h0 h1 … h255]
//!                                                          ┌┘  └┐
//! level 0   leaf hashes, 256 to a tile            [tile 0 ] [tile 1 ] … [tile 273, 112 wide]
//!
//! tile n of level l, hash i  =  hash over the leaves [(256n+i)·256^l, (256n+i+1)·256^l)
//! tile of width w            =  32·w bytes, hashes from left to right; full if w = 256
//! path                       =  tile/<l>/<n>  or, if not full,  tile/<l>/<n>.p/<w>
//! ```
//!
//! A hash stands in a tile once all its leaves exist, and then never changes: a partial tile only ever grows at its
//! end, and only full tiles have a hash in the level above. A tree of 70,000 leaves has 273 full tiles and one of width 112
//! at level 0, one full and one of width 17 at level 1, and one of width 1 at level 2.
//!
//! In scope: coordinates and paths, growing a tree ([`RightEdge`]), finding tree nodes in tiles ([`read_node`],
//! [`TileReader`]). Out of scope: where the files are, and the entries themselves, see [`crate::entry_bundle`].

mod coord;
mod path;
mod reader;
mod right_edge;

pub use coord::{BundleIndex, TileCoord, TileError, TileWidth, TileWrite, bundles_of_size, tiles_of_size};
pub use path::{TilePath, TilePathError};
pub use reader::{TileReadError, TileReader, read_node};
pub use right_edge::{RightEdge, RightEdgeError};

use merkle::Hash;

/// Bytes of one hash in a tile.
const HASH_BYTES: usize = 32;

/// Takes the bytes of a tile apart; `None` unless there are exactly as many as the width calls for.
fn hashes_of_tile(bytes: &[u8], width: TileWidth) -> Option<Vec<Hash>> {
    if bytes.len() != width.byte_len() {
        return None;
    }
    let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
    Some(hashes.iter().copied().map(Hash::from_bytes).collect())
}

/// Computes the hash over a perfect tree from its leaf level: `hashes.len()` is a power of two.
fn perfect_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => merkle::EMPTY_ROOT,
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            merkle::node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}
