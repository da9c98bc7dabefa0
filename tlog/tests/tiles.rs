//! Trees grown tile by tile, held against `merkle`, and read back from honest and from forged tiles.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::HashMap;
use std::convert::Infallible;

use merkle::{
    ConsistencyProof, Frontier, Hash, InclusionProof, LeafHash, LeafIndex, NodeId, TreeHead, TreeSize,
};
use proptest::prelude::*;
use tlog::tile::{
    RightEdge, RightEdgeError, TileCoord, TileReadError, TileReader, TileWidth, TileWrite, read_node,
    tiles_of_size,
};

/// Tiles as a log keeps them: the longest one written for each place.
#[derive(Clone, Default)]
struct Tiles(HashMap<TileCoord, Vec<u8>>);

impl Tiles {
    fn store(&mut self, writes: Vec<TileWrite>) {
        for tile in writes {
            let before = self.0.insert(tile.coord(), tile.bytes().to_vec()).unwrap_or_default();
            assert!(tile.bytes().starts_with(&before), "{:?} was changed, not lengthened", tile.coord());
        }
    }

    fn get(&self, coord: TileCoord, width: TileWidth) -> Result<Vec<u8>, Missing> {
        let tile = self.0.get(&coord).and_then(|tile| tile.get(..width.byte_len()));
        tile.map(<[u8]>::to_vec).ok_or(Missing)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Missing;

fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

fn size(leaves: u64) -> TreeSize {
    TreeSize::new(leaves).unwrap()
}

/// A tree grown in one batch, and its tiles.
fn grown(leaves: u64) -> (Tiles, TreeHead) {
    let (mut tiles, mut edge) = (Tiles::default(), RightEdge::new());
    tiles.store(edge.append(&(0..leaves).map(leaf).collect::<Vec<_>>()).unwrap());
    let head = TreeHead::new(edge.size(), edge.root()).unwrap();
    (tiles, head)
}

/// The head of the first `leaves` leaves, by another way.
fn head_of(leaves: u64) -> TreeHead {
    let mut tree = Frontier::new();
    for index in 0..leaves {
        tree.append(leaf(index)).unwrap();
    }
    tree.head()
}

#[test]
fn root_is_that_of_the_frontier_at_every_size_up_to_600() {
    let (mut edge, mut tree) = (RightEdge::new(), Frontier::new());
    for index in 0..=600 {
        assert_eq!(edge.size(), tree.size());
        assert_eq!(edge.root(), tree.root(), "size {index}");
        edge.append(&[leaf(index)]).unwrap();
        tree.append(leaf(index)).unwrap();
    }
}

#[test]
fn root_is_that_of_the_frontier_where_level_2_begins() {
    for leaves in [65_535, 65_536, 65_537, 70_000] {
        assert_eq!(grown(leaves).1, head_of(leaves), "size {leaves}");
    }
}

#[test]
fn appending_nothing_writes_nothing() {
    let mut edge = RightEdge::new();
    assert_eq!(edge.append(&[]), Ok(Vec::new()));
    edge.append(&[leaf(0)]).unwrap();
    let before = edge.clone();
    assert_eq!(edge.append(&[]), Ok(Vec::new()));
    assert_eq!(edge, before);
}

#[test]
fn every_inclusion_proof_from_tiles_holds() {
    for leaves in [1, 2, 3, 255, 256, 257, 448, 511, 512, 513, 600] {
        let (tiles, head) = grown(leaves);
        for index in 0..leaves {
            let get = |node| read_node(node, head.size(), |coord, width| tiles.get(coord, width));
            let proof = InclusionProof::build(LeafIndex::new(index).unwrap(), head.size(), get).unwrap();
            assert_eq!(proof.verify(&leaf(index), &head), Ok(()), "leaf {index} of {leaves}");
        }
    }
}

#[test]
fn consistency_proofs_from_tiles_hold() {
    let (tiles, head) = grown(600);
    for old in (1..=600).filter(|old| old % 7 == 0 || old % 256 < 2) {
        let get = |node| read_node(node, head.size(), |coord, width| tiles.get(coord, width));
        let proof = ConsistencyProof::build(size(old), head.size(), get).unwrap();
        assert_eq!(proof.verify(&head_of(old), &head), Ok(()), "{old} to 600");
    }
}

#[test]
fn proofs_across_three_levels_hold() {
    let (tiles, head) = grown(70_000);
    let reader = TileReader::new(&head, |coord, width| tiles.get(coord, width)).unwrap();
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let get = |node| reader.node(node, |coord, width| tiles.get(coord, width));
        let proof = InclusionProof::build(LeafIndex::new(index).unwrap(), head.size(), get).unwrap();
        assert_eq!(proof.verify(&leaf(index), &head), Ok(()), "leaf {index}");
    }
}

#[test]
fn at_most_eight_tiles_are_read_for_a_node() {
    let (tiles, head) = grown(70_000);
    let reader = TileReader::new(&head, |coord, width| tiles.get(coord, width)).unwrap();
    let mut read = Vec::new();
    let node = NodeId::leaf(LeafIndex::new(0).unwrap());
    let get = |coord, width| {
        read.push((coord, width));
        tiles.get(coord, width)
    };
    assert_eq!(reader.node(node, get), Ok(leaf(0).hash()));
    let full = |level| (TileCoord::new(level, 0).unwrap(), TileWidth::FULL);
    assert_eq!(read, [full(0), full(1)]);
}

/// Each tile in turn is forged in each of its hashes: no reader may hand out a hash that is not the tree's.
///
/// 448 is the first size at which a well-known checker of tiles believed forged ones.
#[test]
fn no_forged_tile_is_believed() {
    for leaves in [1, 3, 255, 256, 257, 448, 513, 769] {
        let (tiles, head) = grown(leaves);
        for (coord, width) in tiles_of_size(head.size()) {
            for position in 0..width.byte_len() / 32 {
                let mut forged = tiles.clone();
                forged.0.get_mut(&coord).unwrap()[32 * position] ^= 1;
                let get = |coord, width| forged.get(coord, width);
                let Ok(reader) = TileReader::new(&head, get) else { continue };
                assert!(width.is_full(), "forged edge tile {coord:?} of {leaves} was believed");
                let refused = reader.tile(coord, get);
                assert!(matches!(refused, Err(TileReadError::ParentMismatch { .. })), "{refused:?}");
            }
        }
    }
}

/// A forger who also makes the levels above fit, up to the edge, has to change the edge.
#[test]
fn a_forged_leaf_with_forged_parents_is_not_believed() {
    for leaves in [448, 513, 70_000] {
        let (honest, head) = grown(leaves);
        let mut hashes: Vec<LeafHash> = (0..leaves).map(leaf).collect();
        hashes[5] = LeafHash::of(b"never submitted");
        let (mut forged, mut edge) = (Tiles::default(), RightEdge::new());
        forged.store(edge.append(&hashes).unwrap());
        let refused = TileReader::new(&head, |coord, width| forged.get(coord, width)).map(drop);
        assert!(matches!(refused, Err(TileReadError::RootMismatch { .. })), "{refused:?}");

        // With an honest edge the lie shows where the two meet.
        let reader = TileReader::new(&head, |coord, width| honest.get(coord, width)).unwrap();
        let leaf = NodeId::leaf(LeafIndex::new(5).unwrap());
        let refused = reader.node(leaf, |coord, width| forged.get(coord, width));
        assert!(matches!(refused, Err(TileReadError::ParentMismatch { .. })), "{refused:?}");
    }
}

#[test]
fn tiles_of_the_wrong_length_are_refused() {
    let (tiles, head) = grown(300);
    for longer in [true, false] {
        let get = |coord, width| {
            let mut tile = tiles.get(coord, width)?;
            tile.resize(if longer { tile.len() + 1 } else { tile.len() - 1 }, 0);
            Ok::<_, Missing>(tile)
        };
        let edge = RightEdge::from_tiles(head.size(), get);
        assert!(matches!(edge, Err(RightEdgeError::Length { .. })), "{edge:?}");
        let node = read_node(NodeId::leaf(LeafIndex::new(0).unwrap()), head.size(), get);
        assert!(matches!(node, Err(TileReadError::Length { .. })), "{node:?}");
    }
}

#[test]
fn a_tile_that_cannot_be_read_is_told_from_a_bad_one() {
    let nothing = |_, _| Err::<Vec<u8>, _>(Missing);
    assert!(matches!(
        RightEdge::from_tiles(size(3), nothing),
        Err(RightEdgeError::Read { source: Missing, .. })
    ));
    let leaf = NodeId::leaf(LeafIndex::new(0).unwrap());
    assert!(matches!(read_node(leaf, size(3), nothing), Err(TileReadError::Read { source: Missing, .. })));
}

#[test]
fn nodes_that_are_not_perfect_in_the_tree_are_refused() {
    let (tiles, head) = grown(300);
    let get = |coord, width| tiles.get(coord, width);
    let reader = TileReader::new(&head, get).unwrap();
    for (level, index) in [(0, 300), (1, 150), (8, 1), (9, 0), (16, 0), (62, 0)] {
        let node = NodeId::new(level, index).unwrap();
        let outside = Err(TileReadError::NodeOutsideTree { node, size: head.size() });
        assert_eq!(read_node(node, head.size(), get), outside);
        assert_eq!(reader.node(node, get), outside);
    }
    let refused = reader.tile(TileCoord::new(0, 2).unwrap(), get);
    assert!(matches!(refused, Err(TileReadError::TileOutsideTree { .. })), "{refused:?}");
}

#[test]
fn the_edge_of_a_tree_of_no_leaves_needs_no_tile() {
    let nothing = |_, _| -> Result<Vec<u8>, Infallible> { panic!("a tile of the empty tree was asked for") };
    assert_eq!(RightEdge::from_tiles(TreeSize::ZERO, nothing), Ok(RightEdge::new()));
    assert!(TileReader::new(&TreeHead::empty(), nothing).is_ok());
}

#[test]
fn a_tree_does_not_grow_beyond_its_largest_size() {
    // An edge of the largest size, made up: 255 hashes in each level but the highest, which has 127.
    let made_up = |_, width: TileWidth| Ok::<_, Infallible>(vec![1; width.byte_len()]);
    let mut edge = RightEdge::from_tiles(size(merkle::MAX_TREE_SIZE), made_up).unwrap();
    let before = edge.clone();
    assert!(edge.append(&[leaf(0)]).is_err());
    assert_eq!(edge, before);
    assert_ne!(edge.root(), Hash::from_bytes([1; 32]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn batches_do_not_matter(batches in prop::collection::vec(0_u64..400, 1..8)) {
        let (mut tiles, mut edge, mut leaves) = (Tiles::default(), RightEdge::new(), 0);
        for batch in batches {
            let writes = edge.append(&(leaves..leaves + batch).map(leaf).collect::<Vec<_>>()).unwrap();
            leaves += batch;
            for tile in &writes {
                prop_assert!(tile.width().is_full() || tile.coord().width_in(edge.size()) == Some(tile.width()));
            }
            tiles.store(writes);
            let head = head_of(leaves);
            prop_assert_eq!(edge.root(), head.root());
            prop_assert_eq!(&RightEdge::from_tiles(head.size(), |c, w| tiles.get(c, w)).unwrap(), &edge);
            let reader = TileReader::new(&head, |c, w| tiles.get(c, w)).unwrap();
            for (coord, width) in tiles_of_size(head.size()) {
                let hashes = reader.tile(coord, |c, w| tiles.get(c, w)).unwrap();
                prop_assert_eq!(hashes.len(), usize::from(width.get()));
            }
        }
        prop_assert_eq!(tiles.0, grown(leaves).0.0);
    }
}
