//! The tree once more, from the bytes that are about to be written.
//!
//! Logs have died of one flipped bit in memory: an entry or a hash changed between the moment it was hashed and the
//! moment it was stored, and what was signed can then never be proven again. So the sequencer lets a second path look at
//! the *encoded* step before it is written: this module decodes it, hashes every entry anew, and wants to find exactly
//! the rows that follow: each entry under the next index, its row in the duplicate index, every tile that grew, and the
//! head. It shares no tree code with the first path ([`tlog::tile::RightEdge`]); SHA-256 is all they have in common.
//!
//! ```text
//! levels[0]  hashes of the last, partial tile of leaves          at most 255
//! levels[1]  roots of full tiles of level 0, since the last full tile of these
//! ```
//!
//! In scope: one step's bytes against one head. Out of scope: what happens on a mismatch (the process ends), tiles
//! and entries that are on disk already ([`crate::fsck`]).

use std::collections::BTreeMap;

use merkle::{Hash, TreeHead, TreeSize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::storage::encoded::{EncodedStep, EncodingError, HEAD_KEY, Row};
use crate::storage::{StorageError, Table};

/// Levels of tiles: 8 of 8 rows each reach a tree of 2^63 leaves.
const LEVELS: usize = 8;
/// Hashes of a full tile.
const FULL: usize = 256;

/// Hashes of one tile, or of the part of it that exists.
type TileHashes = Vec<[u8; 32]>;

/// The right edge of the tree, kept a second time.
#[derive(Debug, Clone)]
pub struct SecondTree {
    size: u64,
    levels: [TileHashes; LEVELS],
}

impl SecondTree {
    /// The tree without leaves.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, levels: [const { Vec::new() }; LEVELS] }
    }

    /// The edge of a stored tree. `tile` hands out the bytes stored for a level and an index; they are believed
    /// until the caller compares [`SecondTree::root`] with a root it knows.
    ///
    /// # Errors
    /// [`SecondRootError::TileUnusable`] if a partial tile is missing or too short, and what `tile` says.
    pub fn from_tiles(
        size: TreeSize,
        mut tile: impl FnMut(u8, u64) -> Result<Option<Vec<u8>>, StorageError>,
    ) -> Result<Self, SecondRootError> {
        let mut tree = Self { size: size.get(), ..Self::empty() };
        let mut hashes = size.get();
        for (level, partial) in (0..).zip(&mut tree.levels) {
            let (index, width) = (hashes / FULL as u64, (hashes % FULL as u64) as usize);
            hashes = index;
            if width == 0 {
                continue;
            }
            let unusable = || SecondRootError::TileUnusable { level, index };
            let bytes = tile(level, index)?.ok_or_else(unusable)?;
            let stored = bytes.as_chunks::<32>().0;
            *partial = stored.get(..width).ok_or_else(unusable)?.to_vec();
        }
        Ok(tree)
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root, from the right: each one-bit of a level's width is one perfect tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut root: Option<[u8; 32]> = None;
        for hashes in &self.levels {
            let mut end = hashes.len();
            for bit in 0..8 {
                let width = 1 << bit;
                if hashes.len() & width == 0 {
                    continue;
                }
                let peak = perfect(hashes[end - width..end].to_vec());
                end -= width;
                root = Some(root.map_or(peak, |below| node(&peak, &below)));
            }
        }
        Hash::from_bytes(root.unwrap_or_else(|| Sha256::digest([]).into()))
    }

    /// Reads an encoded step, grows by it, and compares every row with what it must be.
    ///
    /// After an error the tree here is neither the old nor the new one; the caller must stop.
    ///
    /// # Errors
    /// [`SecondRootError`], see its variants.
    pub fn check(&mut self, step: &EncodedStep, head_new: &TreeHead) -> Result<(), SecondRootError> {
        let mut rows = step.rows()?.peekable();
        let mut tiles = Tiles::default();
        while let Some(Ok(Row { table: Table::Entry, key, value })) = rows.peek().copied() {
            rows.next();
            let index = self.size;
            if key != index.to_be_bytes() {
                return Err(SecondRootError::EntryMisplaced { index });
            }
            let leaf: [u8; 32] = Sha256::new().chain_update([0]).chain_update(value).finalize().into();
            let row = rows.next().transpose()?;
            let place = &index.to_be_bytes()[index.leading_zeros() as usize / 8..];
            let wanted = Row { table: Table::Leaf, key: &leaf, value: place };
            if row != Some(wanted) {
                return Err(SecondRootError::LeafDiffers { index });
            }
            self.push(leaf, &mut tiles);
        }
        if self.size != head_new.size().get() {
            return Err(SecondRootError::SizesDisagree {
                size_seen: self.size,
                size_wanted: head_new.size().get(),
            });
        }
        let root = self.root();
        if root != head_new.root() {
            return Err(SecondRootError::RootsDisagree {
                size: self.size,
                root_of_rows: root,
                root_of_edge: head_new.root(),
            });
        }
        let mut wanted = self.grown(tiles);
        for row in rows {
            let row = row?;
            match row.table {
                Table::Tile => {
                    let tile = wanted.remove(row.key);
                    if tile.as_deref().map(<[[u8; 32]]>::as_flattened) != Some(row.value) {
                        return Err(SecondRootError::TileDiffers);
                    }
                }
                // The last row, and only once.
                Table::Meta if wanted.remove(HEAD_KEY).is_some() => {
                    let mut head = [0; 40];
                    head[..8].copy_from_slice(&self.size.to_be_bytes());
                    head[8..].copy_from_slice(root.as_bytes());
                    if row.key != HEAD_KEY || row.value != head {
                        return Err(SecondRootError::HeadDiffers);
                    }
                }
                table => return Err(SecondRootError::RowUnexpected { table }),
            }
        }
        if wanted.is_empty() { Ok(()) } else { Err(SecondRootError::RowsMissing { count: wanted.len() }) }
    }

    /// Adds a leaf, and to `tiles` every tile it fills.
    fn push(&mut self, leaf: [u8; 32], tiles: &mut Tiles) {
        let (mut hash, mut before) = (leaf, self.size);
        for (level, hashes) in (0..).zip(&mut self.levels) {
            hashes.push(hash);
            tiles.grown = tiles.grown.max(level + 1);
            if hashes.len() < FULL {
                break;
            }
            let full = std::mem::take(hashes);
            before /= FULL as u64;
            tiles.full.insert(key(level, before), full.clone());
            hash = perfect(full);
        }
        self.size += 1;
    }

    /// All rows that a step must still have: full tiles, the partial tile of each level that grew, the head.
    fn grown(&self, tiles: Tiles) -> BTreeMap<Vec<u8>, TileHashes> {
        let mut wanted = tiles.full;
        for (level, hashes) in (0..tiles.grown).zip(&self.levels) {
            if !hashes.is_empty() {
                let index = self.size >> (8 * (u32::from(level) + 1));
                wanted.insert(key(level, index), hashes.clone());
            }
        }
        wanted.insert(HEAD_KEY.to_vec(), TileHashes::new());
        wanted
    }
}

/// What a step adds to the tiles.
#[derive(Debug, Default)]
struct Tiles {
    full: BTreeMap<Vec<u8>, TileHashes>,
    /// Levels that took a hash: all below this one.
    grown: u8,
}

/// Key of a tile's row. Its nine bytes are never the head's four.
fn key(level: u8, index: u64) -> Vec<u8> {
    [&[level][..], &index.to_be_bytes()].concat()
}

/// The root over 2^n hashes.
fn perfect(mut hashes: TileHashes) -> [u8; 32] {
    while hashes.len() > 1 {
        hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node(left, right)).collect();
    }
    hashes.pop().unwrap_or_default()
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// What the second path saw differently: a fault of the program or of the machine's memory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecondRootError {
    /// The bytes are not a step.
    #[error("the encoded step does not decode")]
    Encoding {
        /// Why.
        #[from]
        source: EncodingError,
    },
    /// An entry does not stand under the next index.
    #[error("the entry that was to be number {index} stands under another index")]
    EntryMisplaced {
        /// The index it has to have.
        index: u64,
    },
    /// The row of the head holds something else than size and root.
    #[error("the row of the new head is not the new head")]
    HeadDiffers,
    /// The row of an entry in the duplicate index is missing, or holds another hash or index.
    #[error("entry {index} does not have its own hash in the duplicate index")]
    LeafDiffers {
        /// Its index.
        index: u64,
    },
    /// Two ways to compute the new root gave two roots.
    #[error(
        "root at size {size} is {root_of_edge} by the edge and {root_of_rows} by the bytes to be written"
    )]
    RootsDisagree {
        /// Size of the new tree.
        size: u64,
        /// Root from the encoded entries.
        root_of_rows: Hash,
        /// Root from the right edge.
        root_of_edge: Hash,
    },
    /// A row that no step has at its place.
    #[error("a row of table {table} was not expected")]
    RowUnexpected {
        /// Where it would go.
        table: Table,
    },
    /// Tiles or the head are not there.
    #[error("{count} rows of tiles or of the head are missing")]
    RowsMissing {
        /// How many.
        count: usize,
    },
    /// The encoded entries do not make a tree of the new size.
    #[error("the encoded entries reach size {size_seen}, the head says {size_wanted}")]
    SizesDisagree {
        /// Size after the encoded entries.
        size_seen: u64,
        /// Size in the head.
        size_wanted: u64,
    },
    /// A tile could not be read.
    #[error("a tile could not be read")]
    Storage {
        /// Why.
        #[from]
        source: StorageError,
    },
    /// A tile's row holds other hashes than those of the entries, or no such tile grew.
    #[error("a tile to be written is not that of the entries below it")]
    TileDiffers,
    /// A stored tile cannot be gone on from.
    #[error("tile {index} of level {level} is missing or too short")]
    TileUnusable {
        /// Tile level.
        level: u8,
        /// Index within the level.
        index: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStorage;
    use crate::storage::{NewEntry, Step, Storage};
    use merkle::{Frontier, LeafHash};
    use tlog::tile::RightEdge;

    /// A log that grows by both paths.
    struct Case {
        storage: MemoryStorage,
        edge: RightEdge,
        frontier: Frontier,
        second: SecondTree,
    }

    impl Case {
        fn new() -> Self {
            Self {
                storage: MemoryStorage::new(),
                edge: RightEdge::new(),
                frontier: Frontier::new(),
                second: SecondTree::empty(),
            }
        }

        /// The next step, which adds `count` entries, as its engine would write it.
        fn encode(&mut self, count: u64) -> (EncodedStep, TreeHead) {
            let head_old = self.frontier.head();
            let start = head_old.size().get();
            let entries: Vec<_> = (start..start + count)
                .map(|number| {
                    NewEntry::new(LeafHash::of(&number.to_le_bytes()), number.to_le_bytes().to_vec())
                })
                .collect();
            let leaves: Vec<_> = entries.iter().map(|entry| *entry.leaf()).collect();
            for leaf in &leaves {
                self.frontier.append(*leaf).unwrap();
            }
            let tiles = self.edge.append(&leaves).unwrap();
            let head = self.frontier.head();
            (self.storage.encode(&Step::new(head_old, head, entries, tiles).unwrap()).unwrap(), head)
        }
    }

    #[test]
    fn both_paths_agree_at_every_kind_of_size_and_after_each_reopening() {
        let mut case = Case::new();
        for count in [0, 1, 1, 253, 1, 1, 1, 255, 256, 300, 1024, 1024, 62_000, 700, 1] {
            let (step, head) = case.encode(count);
            case.second.check(&step, &head).unwrap();
            case.storage.commit(step).unwrap();
            assert_eq!(case.second.root(), head.root());
            let coord = |level, index| tlog::tile::TileCoord::new(level, index).unwrap();
            case.second =
                SecondTree::from_tiles(head.size(), |level, index| case.storage.tile(coord(level, index)))
                    .unwrap();
            assert_eq!((case.second.size(), case.second.root()), (head.size().get(), head.root()));
        }
    }

    #[test]
    fn every_flipped_bit_of_an_encoded_step_is_found() {
        // A step inside one tile, every bit; and one that fills a tile, a bit here and there.
        for (before, count, stride) in [(3, 4, 1), (254, 4, 127)] {
            let mut case = Case::new();
            let (step, head) = case.encode(before);
            case.second.check(&step, &head).unwrap();
            let (step, head) = case.encode(count);
            // The first eight bytes are a number that RocksDB fills in itself.
            for bit in (64..step.bytes().len() * 8).step_by(stride) {
                let mut bytes = step.bytes().to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let flipped = EncodedStep::new(*step.head_old(), bytes);
                assert!(case.second.clone().check(&flipped, &head).is_err(), "bit {bit}");
            }
            case.second.check(&step, &head).unwrap();
        }
    }

    #[test]
    fn a_head_that_is_not_that_of_the_entries_is_found_though_all_rows_say_so() {
        let mut case = Case::new();
        let (step, _) = case.encode(3);
        let other = TreeHead::new(TreeSize::new(3).unwrap(), Hash::from_bytes([1; 32])).unwrap();
        assert!(matches!(
            case.second.clone().check(&step, &other),
            Err(SecondRootError::RootsDisagree { size: 3, .. })
        ));
        let (_, longer) = case.encode(1);
        assert!(matches!(
            case.second.check(&step, &longer),
            Err(SecondRootError::SizesDisagree { size_seen: 3, size_wanted: 4 })
        ));
    }
}
