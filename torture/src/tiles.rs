//! R12: every tile that a reader asks for, forged in every way a server could; nothing but a refusal may come of it.
//!
//! A checker of tiles that was in wide use compared some tiles with their parents and skipped others. Its tests changed
//! bits of proofs, never of tiles, and so they passed for years. Here the tiles are the ones that change. A forgery that is
//! read and not refused is a finding, also if the hash that was asked for happens to be right.
//!
//! In scope: [`TileReader`], which believes nothing, and [`read_node`] with a proof that is verified. Only tiles of height
//! 8 are tried, because `tlog` reads no others; what height 2 would show in small trees, many levels, is shown by trees of up
//! to 2^40 leaves of which only the tiles on one path are made.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use merkle::{ConsistencyProof, Hash, InclusionProof, LeafHash, LeafIndex, NodeId, TreeHead, TreeSize};
use tlog::tile::{RightEdge, TileCoord, TileReader, TileWidth, read_node};

use crate::plan::Run;
use crate::seed::Seed;

/// Every this many sizes, proofs are tried besides leaves.
const PROOFS_EVERY: u64 = 25;
/// Paths through large trees for each hundred sizes.
const PATHS: u64 = 20;

type Asked = (TileCoord, TileWidth);

/// Forges tiles of every tree of up to `cycles` leaves, and of some large ones.
///
/// # Errors
/// A forgery that was not refused, or an honest tile that was.
pub fn run(run: &mut Run) -> Result<()> {
    let leaves = every_size(run.cycles, torture_every_leaf)?;
    run.count("leaves", leaves.steps);
    run.count("forgeries on the way to a leaf", leaves.forgeries);
    let proofs = every_size(run.cycles, |count, head, tiles| {
        if head.size().get() % PROOFS_EVERY == PROOFS_EVERY - 2 {
            torture_proofs(count, head, tiles, 311)?;
            torture_believed(count, head, tiles, 61)?;
        }
        Ok(())
    })?;
    run.count("proofs", proofs.steps);
    run.count("forgeries on the way to a proof", proofs.forgeries);
    let mut seed = run.seed.fork();
    let paths = torture_large(&mut seed, run.cycles.div_ceil(100) * PATHS)?;
    run.count("paths in trees of up to 2^40", paths.steps);
    run.count("forgeries on these", paths.forgeries);
    Ok(())
}

/// What the server was asked for and does not have.
#[derive(Debug, thiserror::Error)]
#[error("not served")]
struct Missing;

/// The tiles of a growing tree, the longest of each place, as a log keeps them.
#[derive(Default)]
struct Tiles(HashMap<TileCoord, Vec<u8>>);

impl Tiles {
    fn get(&self, (coord, width): Asked) -> Result<Vec<u8>, Missing> {
        self.0.get(&coord).and_then(|tile| tile.get(..width.byte_len())).map(<[u8]>::to_vec).ok_or(Missing)
    }

    fn append(&mut self, edge: &mut RightEdge, leaves: &[LeafHash]) -> Result<TreeHead> {
        for tile in edge.append(leaves)? {
            self.0.insert(tile.coord(), tile.bytes().to_vec());
        }
        Ok(TreeHead::new(edge.size(), edge.root())?)
    }
}

/// One thing a server can do to a tile of its own choice.
#[derive(Clone, Copy, Debug)]
enum Forgery {
    /// One bit of the hash at this position.
    Bit { position: usize, bit: usize },
    /// Two hashes change places: this one and the one after it.
    Neighbours { position: usize },
    /// Another tile of the same tree, or as much of it as there is.
    OtherTile(TileCoord),
    /// So many bytes less.
    Truncated(usize),
    /// So many zero bytes more.
    Extended(usize),
}

impl Forgery {
    /// The forged bytes; `None` if they would be the honest ones.
    fn of(self, honest: &[u8], tiles: &Tiles) -> Option<Vec<u8>> {
        let mut bytes = honest.to_vec();
        match self {
            Self::Bit { position, bit } => *bytes.get_mut(32 * position + bit / 8)? ^= 1 << (bit % 8),
            Self::Neighbours { position } => {
                bytes.get_mut(32 * position..32 * position + 64)?.rotate_left(32)
            }
            Self::OtherTile(other) => {
                let other = tiles.0.get(&other)?;
                bytes = other.get(..honest.len()).unwrap_or(other).to_vec();
            }
            Self::Truncated(by) => bytes.truncate(bytes.len().checked_sub(by)?),
            Self::Extended(by) => bytes.resize(bytes.len() + by, 0),
        }
        (bytes != honest).then_some(bytes)
    }
}

/// Every kind of forgery of a tile: bits at both ends and in the middle, and tiles that stand elsewhere.
fn all_kinds((coord, width): Asked) -> Vec<Forgery> {
    let width = usize::from(width.get());
    let mut forgeries = vec![
        Forgery::Neighbours { position: 0 },
        Forgery::Neighbours { position: width.saturating_sub(2) },
        Forgery::Truncated(1),
        Forgery::Truncated(32),
        Forgery::Truncated(32 * width),
        Forgery::Extended(1),
        Forgery::Extended(32),
    ];
    for (position, bit) in [(0, 0), (width / 2, 100), (width - 1, 255)] {
        forgeries.push(Forgery::Bit { position, bit });
    }
    for (level, index) in [
        (coord.level(), coord.index() ^ 1),
        (coord.level(), coord.index() + 2),
        (coord.level() + 1, 0),
        (coord.level().saturating_sub(1), 0),
    ] {
        forgeries.extend(TileCoord::new(level, index).map(Forgery::OtherTile));
    }
    forgeries
}

/// One bit of the hash that stands for a leaf in a tile on the way to it.
fn own_bit(index: u64, (coord, width): Asked) -> Forgery {
    let own = (index >> (8 * coord.level())) & 255;
    let position = (own as usize).min(usize::from(width.get()) - 1);
    Forgery::Bit { position, bit: (index % 256) as usize }
}

/// Serves honest tiles but one, and remembers what it was asked for.
struct Server<'a> {
    tiles: &'a Tiles,
    forged: Option<(TileCoord, Vec<u8>)>,
    asked: RefCell<BTreeSet<Asked>>,
}

impl<'a> Server<'a> {
    fn honest(tiles: &'a Tiles) -> Self {
        Self { tiles, forged: None, asked: RefCell::default() }
    }

    fn with(tiles: &'a Tiles, coord: TileCoord, forged: Vec<u8>) -> Self {
        Self { forged: Some((coord, forged)), ..Self::honest(tiles) }
    }

    fn get(&self, coord: TileCoord, width: TileWidth) -> Result<Vec<u8>, Missing> {
        self.asked.borrow_mut().insert((coord, width));
        match &self.forged {
            Some((place, bytes)) if *place == coord => Ok(bytes.clone()),
            _ => self.tiles.get((coord, width)),
        }
    }
}

/// What a reader does with tiles. Each must be refused if a tile it read was forged.
#[derive(Clone, Copy, Debug)]
enum Step {
    Leaf(LeafIndex),
    Inclusion(LeafIndex),
    Consistency(TreeSize),
}

impl Step {
    fn run(self, head: &TreeHead, server: &Server<'_>) -> Result<()> {
        let get = |coord, width| server.get(coord, width);
        let reader = TileReader::new(head, get)?;
        let node = |node| reader.node(node, get);
        match self {
            Self::Leaf(index) => {
                node(NodeId::leaf(index))?;
            }
            Self::Inclusion(index) => {
                InclusionProof::build(index, head.size(), node)?;
            }
            Self::Consistency(old) => {
                ConsistencyProof::build(old, head.size(), node)?;
            }
        }
        Ok(())
    }
}

#[derive(Default, Debug)]
struct Count {
    steps: u64,
    forgeries: u64,
}

impl Count {
    /// Does a step once with honest tiles, then once for each forgery of each tile it asked for.
    fn torture(&mut self, step: Step, head: &TreeHead, tiles: &Tiles) -> Result<()> {
        let honest = Server::honest(tiles);
        step.run(head, &honest).with_context(|| format!("{step:?} in an honest tree of {}", head.size()))?;
        self.steps += 1;
        for asked in honest.asked.take() {
            let bytes = tiles.get(asked)?;
            for forgery in all_kinds(asked) {
                let Some(forged) = forgery.of(&bytes, tiles) else { continue };
                if step.run(head, &Server::with(tiles, asked.0, forged)).is_ok() {
                    bail!("{step:?} in a tree of {} leaves took {forgery:?} of {asked:?}", head.size());
                }
                self.forgeries += 1;
            }
        }
        Ok(())
    }
}

fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

/// Grows a tree leaf by leaf and shows each size of it with its tiles; every thread takes its share.
fn every_size(
    largest: u64,
    visit: impl Fn(&mut Count, &TreeHead, &Tiles) -> Result<()> + Sync,
) -> Result<Count> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        let visit = &visit;
        let grow = |share: u64| {
            move || -> Result<Count> {
                let (mut tiles, mut edge, mut count) = (Tiles::default(), RightEdge::new(), Count::default());
                for size in 1..=largest {
                    let head = tiles.append(&mut edge, &[leaf(size - 1)])?;
                    if size % threads == share {
                        visit(&mut count, &head, &tiles)?;
                    }
                }
                Ok(count)
            }
        };
        let running: Vec<_> = (0..threads).map(|share| scope.spawn(grow(share))).collect();
        let mut all = Count::default();
        for thread in running {
            let count = thread.join().map_err(|_| anyhow!("a thread of R12 panicked"))??;
            all.steps += count.steps;
            all.forgeries += count.forgeries;
        }
        Ok(all)
    })
}

/// For every leaf, one bit of the hash that stands for it, in each tile that is read on the way to it.
fn torture_every_leaf(count: &mut Count, head: &TreeHead, tiles: &Tiles) -> Result<()> {
    let honest = Server::honest(tiles);
    let reader = TileReader::new(head, |coord, width| honest.get(coord, width))?;
    let edge = honest.asked.take();
    for index in 0..head.size().get() {
        let node = NodeId::leaf(LeafIndex::new(index)?);
        if index % 256 == 0 {
            // All leaves of a tile read the same tiles.
            honest.asked.take();
            let hash = reader.node(node, |coord, width| honest.get(coord, width))?;
            ensure!(
                hash == leaf(index).hash(),
                "leaf {index} of {} reads wrong from honest tiles",
                head.size()
            );
        }
        for asked in honest.asked.borrow().iter().chain(&edge).copied() {
            let forgery = own_bit(index, asked);
            let forged = forgery.of(&tiles.get(asked)?, tiles).context("a flipped bit changes the bytes")?;
            let server = Server::with(tiles, asked.0, forged);
            let get = |coord, width| server.get(coord, width);
            let taken = match edge.contains(&asked) {
                true => TileReader::new(head, get).is_ok(),
                false => reader.node(node, get).is_ok(),
            };
            ensure!(!taken, "leaf {index} of {} took {forgery:?} of {asked:?}", head.size());
            count.forgeries += 1;
        }
        count.steps += 1;
    }
    Ok(())
}

fn torture_proofs(count: &mut Count, head: &TreeHead, tiles: &Tiles, stride: u64) -> Result<()> {
    let size = head.size().get();
    for index in (size % stride..size).step_by(stride as usize).chain([size - 1]) {
        let at = LeafIndex::new(index)?;
        count.torture(Step::Leaf(at), head, tiles)?;
        count.torture(Step::Inclusion(at), head, tiles)?;
        if index > 0 {
            count.torture(Step::Consistency(TreeSize::new(index)?), head, tiles)?;
        }
    }
    Ok(())
}

/// Who believes tiles while a proof is made verifies the proof. A forged tile may then go unnoticed only where the proof
/// does not depend on it.
fn torture_believed(count: &mut Count, head: &TreeHead, tiles: &Tiles, stride: u64) -> Result<()> {
    for index in (0..head.size().get()).step_by(stride as usize) {
        let at = LeafIndex::new(index)?;
        let build = |server: &Server<'_>| {
            InclusionProof::build(at, head.size(), |node| {
                read_node(node, head.size(), |coord, width| server.get(coord, width))
            })
        };
        let honest_server = Server::honest(tiles);
        let honest = build(&honest_server)?;
        honest.verify(&leaf(index), head)?;
        count.steps += 1;
        for asked in honest_server.asked.take() {
            let bytes = tiles.get(asked)?;
            for forgery in all_kinds(asked) {
                let Some(forged) = forgery.of(&bytes, tiles) else { continue };
                if let Ok(proof) = build(&Server::with(tiles, asked.0, forged)) {
                    let verified = proof.verify(&leaf(index), head).is_ok();
                    ensure!(
                        verified == (proof == honest),
                        "a proof for leaf {index} of {} with {forgery:?} of {asked:?} verifies: {verified}",
                        head.size()
                    );
                }
                count.forgeries += 1;
            }
        }
    }
    Ok(())
}

fn torture_large(seed: &mut Seed, paths: u64) -> Result<Count> {
    let mut count = Count::default();
    for round in 0..paths {
        let size = TreeSize::new(1 + (seed.draw() >> (24 + round % 30)))?;
        let index = LeafIndex::new(seed.within(0..size.get()))?;
        let (tiles, head) = path(size, index.get(), seed)?;
        count.torture(Step::Leaf(index), &head, &tiles)?;
    }
    Ok(count)
}

/// The tiles on the way from one leaf to the right edge, and the right edge, of a tree of any size. All other hashes are
/// made up, as nobody asks for the tiles below them.
fn path(size: TreeSize, index: u64, seed: &mut Seed) -> Result<(Tiles, TreeHead)> {
    let mut tiles = Tiles::default();
    let mut below: Option<Hash> = None;
    for level in 0..8 {
        let coord = TileCoord::new(level, index.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0))?;
        let Some(width) = coord.width_in(size) else { break };
        let mut hashes = made_up(width, seed);
        if let (Some(below), Some(at)) = (below, hashes.get_mut(((index >> (8 * level)) & 255) as usize)) {
            *at = below;
        }
        below = width.is_full().then(|| over(&hashes));
        tiles.0.insert(coord, bytes_of(&hashes));
        if !width.is_full() {
            break;
        }
    }
    let mut edge_tiles = Vec::new();
    let edge = RightEdge::from_tiles(size, |coord, width| {
        let bytes = tiles.get((coord, width)).unwrap_or_else(|_| bytes_of(&made_up(width, seed)));
        edge_tiles.push((coord, bytes.clone()));
        Ok::<_, Missing>(bytes)
    })?;
    tiles.0.extend(edge_tiles);
    Ok((tiles, TreeHead::new(size, edge.root())?))
}

fn made_up(width: TileWidth, seed: &mut Seed) -> Vec<Hash> {
    (0..width.get()).map(|_| LeafHash::of(&seed.draw().to_be_bytes()).hash()).collect()
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.to_bytes()).collect()
}

/// The hash over a full tile, row by row.
fn over(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks().0.iter().map(|[left, right]| merkle::node_hash(left, right)).collect();
    }
    row.first().copied().unwrap_or(merkle::EMPTY_ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_sizes(sizes: &[u64]) -> Count {
        let largest = sizes.iter().copied().max().unwrap();
        every_size(largest, |count, head, tiles| {
            if sizes.contains(&head.size().get()) {
                torture_every_leaf(count, head, tiles)?;
                torture_proofs(count, head, tiles, 201)?;
                torture_believed(count, head, tiles, 101)?;
            }
            Ok(())
        })
        .unwrap()
    }

    #[test]
    fn no_forgery_of_a_tile_is_taken_in_trees_around_full_tiles() {
        let count = at_sizes(&[1, 2, 3, 255, 256, 257, 448, 513]);
        assert!(count.forgeries > 4_000, "{count:?}");
    }

    #[test]
    fn no_forgery_of_a_tile_is_taken_where_level_2_begins() {
        let (mut tiles, mut edge, mut count) = (Tiles::default(), RightEdge::new(), Count::default());
        for size in [65_535, 65_536, 65_537] {
            let leaves: Vec<_> = (edge.size().get()..size).map(leaf).collect();
            let head = tiles.append(&mut edge, &leaves).unwrap();
            for index in [0, 256 * 77 + 5, size - 1] {
                count.torture(Step::Leaf(LeafIndex::new(index).unwrap()), &head, &tiles).unwrap();
            }
        }
        assert!(count.forgeries > 200, "{count:?}");
    }

    #[test]
    fn no_forgery_of_a_tile_is_taken_in_trees_of_up_to_2_to_the_40_leaves() {
        let count = torture_large(&mut Seed::new(12), 30).unwrap();
        assert!(count.forgeries > 500, "{count:?}");
    }
}
