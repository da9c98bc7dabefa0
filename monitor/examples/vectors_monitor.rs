//! Fills testdata/monitor; called by `cargo xtask vectors` with that folder.

use std::io::Error;
use std::path::Path;

use ed25519_dalek::SigningKey;
use merkle::{ConsistencyProof, LeafHash, NodeId, TreeHead};
use monitor::evidence::Evidence;
use tlog::checkpoint::{CheckpointSigner, SignedCheckpoint};
use tlog::tile::{RightEdge, read_node};

/// The tree of these leaves, its checkpoint, and the proof from its first `old` leaves.
fn signed(
    signer: &CheckpointSigner,
    leaves: &[&str],
    old: u64,
) -> Result<(SignedCheckpoint, ConsistencyProof), Error> {
    let leaves: Vec<_> = leaves.iter().map(|leaf| LeafHash::of(leaf.as_bytes())).collect();
    let mut edge = RightEdge::new();
    let tiles = edge.append(&leaves).map_err(Error::other)?;
    let head = TreeHead::new(edge.size(), edge.root()).map_err(Error::other)?;
    let node = |node: NodeId| {
        read_node(node, head.size(), |coord, _| {
            let tile = tiles.iter().find(|tile| tile.coord() == coord);
            tile.map(|tile| tile.bytes().to_vec()).ok_or(Error::from(std::io::ErrorKind::NotFound))
        })
    };
    let old = old.try_into().map_err(Error::other)?;
    let proof =
        ConsistencyProof::build(old, head.size(), node).map_err(|error| Error::other(error.to_string()))?;
    Ok((SignedCheckpoint::parse(&signer.sign(&head)).map_err(Error::other)?, proof))
}

fn main() -> Result<(), Error> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(Error::other("the folder to fill is wanted"));
    };
    let origin = "log.example.org/models".parse().map_err(Error::other)?;
    let signer = CheckpointSigner::ed25519(origin, SigningKey::from_bytes(&[1; 32])).map_err(Error::other)?;
    let (larger, proof) = signed(&signer, &["a", "rewritten", "c", "d", "e"], 3)?;
    let (smaller, _) = signed(&signer, &["a", "b", "c"], 3)?;
    let evidence = Evidence::new(vec![signer.vkey().clone()], proof, smaller, larger);
    evidence.verify().map_err(Error::other)?;
    std::fs::create_dir_all(&folder)?;
    std::fs::write(Path::new(&folder).join("fork"), evidence.to_bytes())
}
