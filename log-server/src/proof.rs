//! Inclusion proofs for the entries this log has just answered, from tiles in memory where possible.
//!
//! A proof for an entry of the newest step touches only tiles of that step and the right edge of the tree.
//! Both are kept with the publication, each with its inner nodes computed once and shared by the up to 256
//! entries below it, so a fresh answer costs no storage access and about one hash per entry. An older entry
//! (a duplicate) reads its tiles from storage.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use merkle::{
    BuildError, ConsistencyProof, Hash, InclusionProof, LeafHash, LeafIndex, NodeId, ProofError, TreeSize,
    node_hash,
};
use thiserror::Error;
use tlog::tile::{TileCoord, TileWrite};

use crate::publisher::Publication;
use crate::storage::{Storage, StorageError};

/// Levels of the tree in one tile (C2SP tlog-tiles: height 8, 256 hashes).
const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile, entries in a full bundle.
pub(crate) const TILE_HASHES: u64 = 1 << TILE_HEIGHT;

/// One tile with the nodes above its hashes.
#[derive(Debug)]
struct TileNodes {
    hashes: Vec<Hash>,
    // Row `h` holds the complete nodes of height `h + 1` above `hashes`; filled by the first proof.
    above: OnceLock<Vec<Vec<Hash>>>,
}

impl TileNodes {
    /// Reads a tile's bytes; `None` unless they are 1..=256 hashes.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.is_empty() || hashes.len() as u64 > TILE_HASHES {
            return None;
        }
        let hashes = hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect();
        Some(Self { hashes, above: OnceLock::new() })
    }

    fn is_full(&self) -> bool {
        self.hashes.len() as u64 == TILE_HASHES
    }

    /// The node `height` rows above the hashes, `at` places from the left.
    fn node(&self, height: u8, at: u64) -> Option<Hash> {
        let at = usize::try_from(at).ok()?;
        let Some(row) = height.checked_sub(1) else { return self.hashes.get(at).copied() };
        let above = self.above.get_or_init(|| rows_above(&self.hashes));
        above.get(usize::from(row))?.get(at).copied()
    }
}

fn rows_above(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let pair_up = |row: &[Hash]| row.as_chunks::<2>().0.iter().map(|[l, r]| node_hash(l, r)).collect();
    let mut rows: Vec<Vec<Hash>> = Vec::with_capacity(usize::from(TILE_HEIGHT) - 1);
    let mut row: Vec<Hash> = pair_up(hashes);
    while !row.is_empty() && rows.len() + 1 < usize::from(TILE_HEIGHT) {
        let next = pair_up(&row);
        rows.push(row);
        row = next;
    }
    rows
}

/// The tiles of the newest step and of the right edge.
#[derive(Debug, Clone)]
pub struct RecentTiles {
    tiles: HashMap<(u8, u64), Arc<TileNodes>>,
}

impl RecentTiles {
    /// No tiles: every proof reads storage.
    #[must_use]
    pub fn none() -> Self {
        Self { tiles: HashMap::new() }
    }

    /// The partial tiles on the right edge of a stored tree of `size` leaves.
    ///
    /// # Errors
    /// What storage says.
    pub fn right_edge(size: TreeSize, storage: &dyn Storage) -> Result<Self, StorageError> {
        let mut tiles = HashMap::new();
        let (mut level, mut hashes) = (0, size.get());
        while hashes > 0 {
            let index = hashes / TILE_HASHES;
            let coord = TileCoord::new(level, index).ok().filter(|_| hashes % TILE_HASHES != 0);
            let bytes = coord.map(|coord| storage.tile(coord)).transpose()?.flatten();
            if let Some(nodes) = bytes.as_deref().and_then(TileNodes::parse) {
                tiles.insert((level, index), Arc::new(nodes));
            }
            (level, hashes) = (level + 1, hashes / TILE_HASHES);
        }
        Ok(Self { tiles })
    }

    /// The tiles after a step: those it wrote, and the partial ones it left as they were.
    #[must_use]
    pub fn after(&self, written: &[TileWrite]) -> Self {
        let mut tiles: HashMap<_, _> = self
            .tiles
            .iter()
            .filter(|(_, nodes)| !nodes.is_full())
            .map(|(coord, nodes)| (*coord, Arc::clone(nodes)))
            .collect();
        for tile in written {
            if let Some(nodes) = TileNodes::parse(tile.bytes()) {
                tiles.insert((tile.coord().level(), tile.coord().index()), Arc::new(nodes));
            }
        }
        Self { tiles }
    }
}

/// Builds the proof that the entry at `index` is in the published tree, and verifies it.
///
/// # Errors
/// [`ProveError::Storage`] or [`ProveError::MissingNode`] if a tile could not be read or is too short;
/// [`ProveError::Build`] if `index` is not below the published size; [`ProveError::Rejected`] if the finished
/// proof does not lead from `leaf` to the published root, which means damaged tiles.
pub fn prove(
    leaf: &LeafHash,
    index: LeafIndex,
    publication: &Publication,
    storage: &dyn Storage,
) -> Result<InclusionProof, ProveError> {
    let head = publication.head();
    let mut fetched = HashMap::new();
    let built = InclusionProof::build(index, head.size(), |id| {
        node(id, &publication.recent().tiles, &mut fetched, storage)
    });
    let proof = match built {
        Ok(proof) => proof,
        Err(BuildError::Read { source, .. }) => return Err(source),
        Err(_) => return Err(ProveError::Build { index: index.get(), size: head.size().get() }),
    };
    proof.verify(leaf, head).map_err(|source| ProveError::Rejected { index: index.get(), source })?;
    Ok(proof)
}

/// Builds the proof that the tree of size `new` extends that of size `old`, from `recent` tiles where possible. Without
/// hashes if `old` is 0 or equal to `new`. Whoever gets it verifies it.
///
/// # Errors
/// [`ProveError::Storage`] or [`ProveError::MissingNode`] if a tile could not be read or is too short;
/// [`ProveError::Build`] if `old` is larger than `new`.
pub fn consistency(
    old: TreeSize,
    new: TreeSize,
    recent: &RecentTiles,
    storage: &dyn Storage,
) -> Result<ConsistencyProof, ProveError> {
    let unusable = || ProveError::Build { index: old.get(), size: new.get() };
    if old == TreeSize::ZERO || old == new {
        return ConsistencyProof::new(Vec::new()).map_err(|_| unusable());
    }
    let mut fetched = HashMap::new();
    let built = ConsistencyProof::build(old, new, |id| node(id, &recent.tiles, &mut fetched, storage));
    built.map_err(|error| match error {
        BuildError::Read { source, .. } => source,
        _ => unusable(),
    })
}

/// Reads one complete node of a stored tree.
///
/// # Errors
/// [`ProveError::Storage`], [`ProveError::MissingNode`].
pub fn stored_node(id: NodeId, storage: &dyn Storage) -> Result<Hash, ProveError> {
    node(id, &HashMap::new(), &mut HashMap::new(), storage)
}

fn node(
    id: NodeId,
    recent: &HashMap<(u8, u64), Arc<TileNodes>>,
    fetched: &mut HashMap<(u8, u64), TileNodes>,
    storage: &dyn Storage,
) -> Result<Hash, ProveError> {
    let missing = || ProveError::MissingNode { level: id.level(), index: id.index() };
    let (tile_level, height) = (id.level() / TILE_HEIGHT, id.level() % TILE_HEIGHT);
    // A tile at `height` 0 has 256 nodes side by side, one row up 128, and so on.
    let nodes_across = TILE_HASHES >> height;
    let (tile_index, at) = (id.index() / nodes_across, id.index() % nodes_across);
    let key = (tile_level, tile_index);
    if let Some(found) = recent.get(&key).and_then(|tile| tile.node(height, at)) {
        return Ok(found);
    }
    if let Some(tile) = fetched.get(&key) {
        return tile.node(height, at).ok_or_else(missing);
    }
    let coord = TileCoord::new(tile_level, tile_index).map_err(|_| missing())?;
    let bytes = storage.tile(coord).map_err(|source| ProveError::Storage { source })?.ok_or_else(missing)?;
    let tile = TileNodes::parse(&bytes).ok_or_else(missing)?;
    let found = tile.node(height, at).ok_or_else(missing);
    fetched.insert(key, tile);
    found
}

/// Why no proof was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The entry is not in the published tree.
    #[error("entry {index} is not below the published size {size}")]
    Build {
        /// Index asked for.
        index: u64,
        /// Published tree size.
        size: u64,
    },
    /// A node below the published size is not stored.
    #[error("node {index} of level {level} is not in any stored tile")]
    MissingNode {
        /// Level of the node, 0 for leaves.
        level: u8,
        /// Its index within the level.
        index: u64,
    },
    /// The log's own proof does not verify.
    #[error("the proof built for entry {index} does not verify")]
    Rejected {
        /// Index of the entry.
        index: u64,
        /// Why not.
        source: ProofError,
    },
    /// A tile could not be read.
    #[error("a tile could not be read")]
    Storage {
        /// What storage said.
        source: StorageError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStorage;
    use crate::storage::{NewEntry, Step};
    use merkle::{Frontier, TreeHead};
    use tlog::tile::RightEdge;

    /// A log grown in steps of these many entries.
    struct Grown {
        storage: MemoryStorage,
        recent: RecentTiles,
        head: TreeHead,
    }

    fn leaf(index: u64) -> LeafHash {
        LeafHash::of(&index.to_be_bytes())
    }

    fn grown(steps: &[u64]) -> Grown {
        let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
        let mut grown =
            Grown { storage: MemoryStorage::new(), recent: RecentTiles::none(), head: TreeHead::empty() };
        for count in steps {
            let start = grown.head.size().get();
            let leaves: Vec<_> = (start..start + count).map(leaf).collect();
            for leaf in &leaves {
                frontier.append(*leaf).unwrap();
            }
            let tiles = edge.append(&leaves).unwrap();
            grown.recent = grown.recent.after(&tiles);
            let entries =
                (start..).zip(leaves).map(|(index, leaf)| NewEntry::new(leaf, index.to_be_bytes().to_vec()));
            let step = Step::new(grown.head, frontier.head(), entries.collect(), tiles).unwrap();
            grown.storage.append(&step).unwrap();
            grown.head = frontier.head();
        }
        grown
    }

    #[test]
    fn every_entry_is_proven_the_same_from_memory_and_from_storage() {
        for steps in [&[1][..], &[2], &[3, 4], &[255, 1], &[256], &[256, 1], &[200, 200, 200], &[512, 1, 1]] {
            let Grown { storage, recent, head } = grown(steps);
            let near = Publication::new(head, Vec::new(), recent);
            let far = Publication::new(head, Vec::new(), RecentTiles::none());
            for index in 0..head.size().get() {
                let at = LeafIndex::new(index).unwrap();
                let proof = prove(&leaf(index), at, &near, &storage).unwrap();
                assert_eq!(proof, prove(&leaf(index), at, &far, &storage).unwrap(), "{steps:?} {index}");
            }
        }
    }

    #[test]
    fn a_proof_for_the_newest_step_reads_no_storage() {
        for steps in [&[1][..], &[3, 4], &[256, 1], &[255, 2], &[65_530, 10], &[65_536, 1], &[70_000, 600]] {
            let Grown { recent, head, .. } = grown(steps);
            let publication = Publication::new(head, Vec::new(), recent);
            let size = head.size().get();
            for index in size - steps.last().unwrap()..size {
                let at = LeafIndex::new(index).unwrap();
                prove(&leaf(index), at, &publication, &MemoryStorage::new()).unwrap();
            }
        }
    }

    #[test]
    fn the_right_edge_is_all_a_restart_needs_for_the_next_step() {
        let Grown { storage, recent, head } = grown(&[70_000]);
        let edge = RecentTiles::right_edge(head.size(), &storage).unwrap();
        let keys = |tiles: &RecentTiles| {
            let mut keys: Vec<_> = tiles.tiles.keys().copied().collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(keys(&edge), [(0, 273), (1, 1), (2, 0)]);
        assert_eq!(keys(&recent.after(&[])), keys(&edge));
    }

    #[test]
    fn a_proof_over_damaged_tiles_is_never_given_out() {
        let Grown { storage, head, .. } = grown(&[300]);
        assert!(storage.damage_tile(0, 0));
        let publication = Publication::new(head, Vec::new(), RecentTiles::none());
        let refused = prove(&leaf(5), LeafIndex::new(5).unwrap(), &publication, &storage);
        assert!(matches!(refused, Err(ProveError::Rejected { index: 5, .. })));
    }

    #[test]
    fn an_entry_outside_the_published_tree_has_no_proof() {
        let Grown { storage, head, recent } = grown(&[3]);
        let publication = Publication::new(head, Vec::new(), recent);
        let refused = prove(&leaf(3), LeafIndex::new(3).unwrap(), &publication, &storage);
        assert!(matches!(refused, Err(ProveError::Build { index: 3, size: 3 })));
    }
}
