//! Tiles from a stranger, one byte of one of them changed: a node is read as it is in the tree, or not at
//! all.
//!
//! The tree has any size up to 2^63 − 1, so that all levels of tiles come up.

#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use merkle::{NodeId, Subtree, TreeHead, TreeSize, range_hash};
use tallymark_fuzz::{UniformTree, number};
use tlog::tile::{RightEdge, TileCoord, TileReader, TileWidth};

fuzz_target!(|input: &[u8]| {
    run(input);
});

fn run(mut input: &[u8]) -> Option<()> {
    let tree = UniformTree::new();
    let size = TreeSize::new(number(&mut input)?).ok()?;
    let index = number(&mut input)?;
    let (&[level, changed_level, changed_width, place, bit], rest) = input.split_first_chunk()?;
    let node = NodeId::new(level % 63, index).ok()?;
    let any_tile = rest.is_empty();

    let Ok(root) = range_hash(Subtree::whole(size), |node| tree.get(node));
    let head = TreeHead::new(size, root).expect("the root of a tree fits its size");
    let right = |coord: TileCoord, width: TileWidth| -> Result<Vec<u8>, Infallible> {
        let Ok(hash) = tree.get(NodeId::new(coord.level() * 8, 0).expect("a level below 64"));
        Ok(hash.as_bytes().repeat(usize::from(width.get())))
    };
    let edge = RightEdge::from_tiles(size, right).expect("right tiles");
    assert_eq!(edge.root(), root);
    let reader = TileReader::new(&head, right).expect("right tiles");
    assert_eq!(reader.edge(), &edge);
    let wanted = reader.node(node, right);
    assert_eq!(wanted.is_ok(), node.end() <= size.get());
    if let Ok(hash) = &wanted {
        assert_eq!(Ok(*hash), tree.get(node));
    }

    let wrong = |coord: TileCoord, width: TileWidth| {
        let Ok(mut bytes) = right(coord, width);
        let chosen = coord.level() == changed_level % 8 && width.get() == u16::from(changed_width) + 1;
        if any_tile || chosen {
            let place = usize::from(place) * 37 % bytes.len();
            bytes[place] ^= 1 << (bit % 8);
        }
        Ok::<_, Infallible>(bytes)
    };
    if let (Ok(seen), Ok(wanted)) = (reader.node(node, wrong), &wanted) {
        assert_eq!(seen, *wanted);
    }
    if let Ok(misled) = TileReader::new(&head, wrong) {
        assert_eq!(misled.edge(), &edge);
    }
    Some(())
}
