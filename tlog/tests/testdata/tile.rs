use merkle::{LeafHash, TreeSize};
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry_bundle::{EntryBundle, push_entry};
use tlog::tile::{RightEdge, TilePath, TileWidth, bundles_of_size, tiles_of_size};

use crate::cases::{list, list_refused};

#[test]
fn accepted_paths_are_written_back() {
    for case in list("tile/path/accept") {
        let path: TilePath = case.accepted(case.line().parse());
        assert_eq!(path.to_string(), case.line(), "{case}");
    }
}

#[test]
fn refused_paths_are_refused_for_their_reason() {
    for case in list_refused("tile/path/reject") {
        case.refused(case.line().parse::<TilePath>());
    }
}

#[test]
fn tiles_of_a_size_are_those_of_the_list() {
    for case in list("tile/of-size") {
        let size = case.name().strip_suffix(".paths").unwrap().parse().unwrap();
        let paths: String = tiles_of_size(TreeSize::new(size).unwrap())
            .map(|(coord, width)| format!("{}\n", TilePath::Tile { coord, width }))
            .collect();
        assert_eq!(paths.as_bytes(), case.bytes(), "{case}");
    }
}

#[test]
fn bundles_of_a_size_are_the_tiles_of_level_0() {
    for size in [0, 1, 255, 256, 257, 70_000] {
        let size = TreeSize::new(size).unwrap();
        let bundles = bundles_of_size(size).map(|(index, width)| (index.tile(), width));
        assert!(bundles.eq(tiles_of_size(size).take_while(|(coord, _)| coord.level() == 0)), "size {size}");
    }
}

#[test]
fn appended_tiles_are_those_of_the_list() {
    for case in list("tile/of-size") {
        let size: u64 = case.name().strip_suffix(".paths").unwrap().parse().unwrap();
        let leaves: Vec<LeafHash> = (0..size).map(|i| LeafHash::of(&i.to_be_bytes())).collect();
        let writes = RightEdge::new().append(&leaves).unwrap();
        let mut paths: Vec<String> = writes
            .iter()
            .map(|tile| TilePath::Tile { coord: tile.coord(), width: tile.width() }.to_string())
            .collect();
        let mut wanted: Vec<String> =
            String::from_utf8(case.bytes()).unwrap().lines().map(str::to_owned).collect();
        paths.sort();
        wanted.sort();
        assert_eq!(paths, wanted, "{case}");
        assert!(writes.iter().all(|tile| tile.bytes().len() == tile.width().byte_len()), "{case}");
    }
}

#[test]
fn one_two_three_gives_the_golden_files() {
    let file = |path: &str| {
        let log = list("tile").into_iter().find(|case| case.name() == "one-two-three").unwrap();
        log.read(path)
    };
    let entries = [b"one".as_slice(), b"two", b"three"];
    let mut edge = RightEdge::new();
    let writes = edge.append(&entries.map(LeafHash::of)).unwrap();
    let [tile] = writes.as_slice() else { panic!("{} tiles", writes.len()) };
    let path = TilePath::Tile { coord: tile.coord(), width: tile.width() };
    assert_eq!(tile.bytes(), file(&path.to_string()));

    let signed = SignedCheckpoint::parse(&file("checkpoint")).unwrap();
    assert_eq!(edge.root(), signed.unverified().head().root());
    assert_eq!(edge.size(), signed.unverified().head().size());

    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry).unwrap();
    }
    assert_eq!(bundle, file("tile/entries/000.p/3"));
    let parsed = EntryBundle::parse(&bundle, TileWidth::new(3).unwrap()).unwrap();
    let hashes: Vec<u8> = parsed.leaf_hashes().flat_map(|leaf| leaf.hash().to_bytes()).collect();
    assert_eq!(hashes, tile.bytes());
}
