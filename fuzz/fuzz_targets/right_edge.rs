//! A tree grown tile by tile: the same root as a frontier, each tile of each size there, and proofs that
//! verify.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use merkle::{ConsistencyProof, Frontier, InclusionProof, LeafHash, LeafIndex};
use tlog::tile::{RightEdge, TileCoord, TileReader, TileWidth, read_node, tiles_of_size};

/// Enough for a few tiles of level 0 and one of level 1 in each input.
const MAX_LEAVES: u64 = 700;

/// A batch may be empty, and each is followed by a look at all that was written.
const MAX_BATCHES: usize = 5;

fuzz_target!(|input: &[u8]| {
    let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
    let mut tiles = HashMap::new();
    let mut leaves = Vec::new();
    let mut old = None;
    let batches = input.chunks_exact(2).map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]]) % 600));
    for batch in batches.take(MAX_BATCHES) {
        let size = frontier.size().get();
        if size + batch > MAX_LEAVES {
            break;
        }
        let added: Vec<_> = (size..size + batch).map(|i| LeafHash::of(&i.to_be_bytes())).collect();
        for leaf in &added {
            frontier.append(*leaf).expect("far from the largest tree");
        }
        for tile in edge.append(&added).expect("far from the largest tree") {
            tiles.insert((tile.coord(), tile.width()), tile.bytes().to_vec());
        }
        leaves.extend(added);

        let (head, size) = (frontier.head(), frontier.size());
        assert_eq!((edge.size(), edge.root()), (size, head.root()));
        let get = |coord: TileCoord, width: TileWidth| tiles.get(&(coord, width)).cloned().ok_or(coord);
        assert!(tiles_of_size(size).all(|(coord, width)| get(coord, width).is_ok()));
        assert_eq!(RightEdge::from_tiles(size, get).as_ref(), Ok(&edge));
        let reader = TileReader::new(&head, get).expect("our own tiles");

        if let Some(last) = size.get().checked_sub(1) {
            for index in [0, last / 2, last] {
                let leaf = &leaves[usize::try_from(index).expect("below MAX_LEAVES")];
                let index = LeafIndex::new(index).expect("below MAX_LEAVES");
                let proof = InclusionProof::build(index, size, |node| read_node(node, size, get));
                assert_eq!(proof, InclusionProof::build(index, size, |node| reader.node(node, get)));
                proof.expect("our own tiles").verify(leaf, &head).expect("a proof just built verifies");
            }
        }
        if let Some(old) = old.replace(head).filter(|old| old.size().get() > 0) {
            let proof = ConsistencyProof::build(old.size(), size, |node| read_node(node, size, get));
            proof.expect("our own tiles").verify(&old, &head).expect("a proof just built verifies");
        }
    }
});
