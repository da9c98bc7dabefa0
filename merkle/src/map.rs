//! A map of keys to values under one root, with proofs of what a key has and that a key has nothing.
//!
//! ```text
//! nothing   32 zero bytes
//! leaf      SHA-256(0x02 ‖ key, 32 bytes ‖ value, 32 bytes)
//! node      SHA-256(0x03 ‖ left, 32 bytes ‖ right, 32 bytes)
//! ```
//!
//! The bits of a key, from the most significant one on, are its way from the root: 0 is left, 1 is right. A part of the
//! map with one key in it is that key's leaf, however far down; a part with none is nothing. So a map of `n` keys has
//! `n` leaves and about as many nodes, and one set of keys and values has one root, in whatever order they came:
//!
//! ```text
//!           root                 three keys, which begin 0100…, 0111… and 1…
//!         ┌──┴──┐
//!         ·     leaf 1…
//!      ┌──┴──┐
//!   nothing  ·                   no key begins with 00
//!         ┌──┴──┐
//!  leaf 0100…  leaf 0111…
//! ```
//!
//! **A root says of each key one thing.** Leaf, node and nothing cannot pass for one another, so the way of a key through
//! a root has one end. A proof for a key shows that end: the key's own leaf, or the leaf of another key, or nothing. Two
//! proofs that show two ends need a collision of SHA-256, also if whoever made the map lied in it. A sorted list has not
//! that property, since two neighbours prove an absence only if the list is sorted.
//!
//! The prefixes are not those of the tree (0x00 and 0x01), so neither passes for a part of the other.
//!
//! In scope: keys, growing a map, proofs. Out of scope: what keys and values stand for. Keys are to be hashes: who may
//! choose two keys freely can make their ways part as late as at the last bit, and a proof 256 hashes long.

mod proof;

use core::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::hash::Hash;

pub use proof::{MAX_MAP_PROOF_BYTES, MAX_MAP_SIBLINGS, MapProof, MapProofError};

/// Put before a key and its value.
const LEAF_PREFIX: [u8; 1] = [0x02];
/// Put before two parts.
const NODE_PREFIX: [u8; 1] = [0x03];

/// The root of a map without keys, and of every part of a map without keys. Nobody knows what has this hash.
pub const EMPTY_MAP_ROOT: Hash = Hash::from_bytes([0; 32]);

/// A key of a map: 32 bytes, 256 steps left or right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapKey([u8; 32]);

impl MapKey {
    /// Takes 32 bytes as a key. They are to be a hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Lends the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the way goes right at this depth, counted from 0 at the root.
    fn goes_right(&self, depth: usize) -> bool {
        self.0.get(depth / 8).is_some_and(|byte| (byte >> (7 - depth % 8)) & 1 == 1)
    }

    /// How many steps the ways of two keys have in common: 256 for a key and itself.
    fn common_steps(&self, other: &Self) -> usize {
        let unlike = self.0.iter().zip(other.0).position(|(one, other)| *one != other);
        unlike.map_or(256, |at| {
            let bits = self.0.get(at).zip(other.0.get(at)).map_or(0, |(one, other)| one ^ other);
            at * 8 + bits.leading_zeros() as usize
        })
    }
}

/// Lower-case hex, 64 digits.
impl fmt::Display for MapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hash::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for MapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn leaf_hash(key: &MapKey, value: &Hash) -> Hash {
    let digest = Sha256::new().chain_update(LEAF_PREFIX).chain_update(key.0).chain_update(value.as_bytes());
    Hash::from_bytes(digest.finalize().into())
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let digest = Sha256::new().chain_update(NODE_PREFIX);
    let digest = digest.chain_update(left.as_bytes()).chain_update(right.as_bytes());
    Hash::from_bytes(digest.finalize().into())
}

/// A map in memory, some 200 bytes for each key.
///
/// A clone costs nothing and stays what it is: what is put into the one is not in the other. So one map can be shown to
/// readers while the next is being made.
#[derive(Clone, Debug)]
pub struct Map {
    root: Part,
    len: u64,
}

/// A part of a map; `None` if there is no key in it.
type Part = Option<Arc<Node>>;

#[derive(Debug)]
enum Node {
    Leaf { key: MapKey, value: Hash },
    // Has two keys or more.
    Fork { hash: Hash, left: Part, right: Part },
}

impl Node {
    fn fork(left: Part, right: Part) -> Arc<Self> {
        let hash = node_hash(&hash_of(&left), &hash_of(&right));
        Arc::new(Self::Fork { hash, left, right })
    }

    fn hash(&self) -> Hash {
        match self {
            Self::Leaf { key, value } => leaf_hash(key, value),
            Self::Fork { hash, .. } => *hash,
        }
    }
}

fn hash_of(part: &Part) -> Hash {
    part.as_ref().map_or(EMPTY_MAP_ROOT, |node| node.hash())
}

impl Map {
    /// A map without keys.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an empty map is a statement, not a fallback value")]
    pub const fn new() -> Self {
        Self { root: None, len: 0 }
    }

    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The root: one for these keys with these values.
    #[must_use]
    pub fn root(&self) -> Hash {
        hash_of(&self.root)
    }

    /// What the key has.
    #[must_use]
    pub fn get(&self, key: &MapKey) -> Option<Hash> {
        let mut part = &self.root;
        for depth in 0.. {
            match part.as_deref()? {
                Node::Leaf { key: found, value } => return (found == key).then_some(*value),
                Node::Fork { left, right, .. } => part = if key.goes_right(depth) { right } else { left },
            }
        }
        None
    }

    /// Gives the key this value, in place of the one it has if it has one.
    pub fn insert(&mut self, key: MapKey, value: Hash) {
        self.len += u64::from(self.get(&key).is_none());
        self.root = Some(put(self.root.as_ref(), 0, key, value));
    }

    /// Proves what the key has, or that it has nothing.
    #[must_use]
    pub fn prove(&self, key: &MapKey) -> MapProof {
        let (mut part, mut siblings) = (&self.root, Vec::new());
        // Leaves of two keys part at the last of 256 steps at the latest.
        for depth in 0..MAX_MAP_SIBLINGS {
            let Some(Node::Fork { left, right, .. }) = part.as_deref() else { break };
            let (on, beside) = if key.goes_right(depth) { (right, left) } else { (left, right) };
            siblings.push(hash_of(beside));
            part = on;
        }
        let end = match part.as_deref() {
            Some(Node::Leaf { key, value }) => Some((*key, *value)),
            _ => None,
        };
        MapProof::built(siblings, end)
    }
}

/// The part with this value for the key. Two keys have at most 255 steps in common, so this goes 256 deep.
fn put(part: Option<&Arc<Node>>, depth: usize, key: MapKey, value: Hash) -> Arc<Node> {
    match part.map(Arc::as_ref) {
        Some(Node::Leaf { key: found, .. }) if *found != key => {
            let leaf = part.cloned();
            let (left, right) = if found.goes_right(depth) { (None, leaf) } else { (leaf, None) };
            put_below(&left, &right, depth, key, value)
        }
        Some(Node::Fork { left, right, .. }) => put_below(left, right, depth, key, value),
        _ => Arc::new(Node::Leaf { key, value }),
    }
}

fn put_below(left: &Part, right: &Part, depth: usize, key: MapKey, value: Hash) -> Arc<Node> {
    if key.goes_right(depth) {
        Node::fork(left.clone(), Some(put(right.as_ref(), depth + 1, key, value)))
    } else {
        Node::fork(Some(put(left.as_ref(), depth + 1, key, value)), right.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, slow and obvious: the root over keys that are sorted and share their first `depth` steps.
    fn by_definition(entries: &[(MapKey, Hash)], depth: usize) -> Hash {
        match entries {
            [] => EMPTY_MAP_ROOT,
            [(key, value)] => leaf_hash(key, value),
            _ => {
                let left = entries.partition_point(|(key, _)| !key.goes_right(depth));
                let (left, right) = entries.split_at(left);
                node_hash(&by_definition(left, depth + 1), &by_definition(right, depth + 1))
            }
        }
    }

    fn digest(seed: u64) -> [u8; 32] {
        Sha256::digest(seed.to_be_bytes()).into()
    }

    /// Keys as hashes are, and some that have all but a few steps in common.
    pub(super) fn keys() -> Vec<MapKey> {
        let mut keys: Vec<_> = (0..60).map(|seed| MapKey(digest(seed))).collect();
        for bit in [0, 1, 7, 8, 100, 254, 255] {
            let mut near = digest(0);
            near[bit / 8] ^= 1 << (7 - bit % 8);
            keys.push(MapKey(near));
        }
        keys.extend([MapKey([0; 32]), MapKey([0xff; 32])]);
        keys
    }

    pub(super) fn value(key: &MapKey) -> Hash {
        Hash::from_bytes(Sha256::digest(key.as_bytes()).into())
    }

    #[test]
    fn every_map_has_the_root_of_the_definition_in_whatever_order_it_grew() {
        let keys = keys();
        let (mut map, mut entries) = (Map::new(), Vec::new());
        assert_eq!(map.root(), EMPTY_MAP_ROOT);
        for key in &keys {
            map.insert(*key, value(key));
            entries.push((*key, value(key)));
            entries.sort_unstable_by_key(|(key, _)| *key);
            assert_eq!(map.root(), by_definition(&entries, 0), "{} keys", entries.len());
            assert_eq!(map.len(), entries.len() as u64);
        }
        let mut backwards = Map::new();
        for key in keys.iter().rev() {
            backwards.insert(*key, value(key));
        }
        assert_eq!(backwards.root(), map.root());
    }

    #[test]
    fn a_value_takes_the_place_of_the_one_before() {
        let keys = keys();
        let mut map = Map::new();
        for key in &keys {
            map.insert(*key, EMPTY_MAP_ROOT);
        }
        let len = map.len();
        for key in &keys {
            map.insert(*key, value(key));
            assert_eq!(map.get(key), Some(value(key)));
        }
        let mut fresh = Map::new();
        keys.iter().for_each(|key| fresh.insert(*key, value(key)));
        assert_eq!((map.len(), map.root()), (len, fresh.root()));
        assert_eq!(map.get(&MapKey(digest(1_000))), None);
    }

    #[test]
    fn a_clone_stays_what_it_was() {
        let mut map = Map::new();
        map.insert(MapKey(digest(1)), value(&MapKey(digest(1))));
        let (before, root) = (map.clone(), map.root());
        map.insert(MapKey(digest(2)), value(&MapKey(digest(2))));
        assert_eq!((before.root(), before.len()), (root, 1));
        assert_eq!(before.get(&MapKey(digest(2))), None);
        assert_ne!(map.root(), root);
    }

    #[test]
    fn nothing_a_leaf_and_a_node_cannot_pass_for_one_another_nor_for_parts_of_the_tree() {
        let (left, right) = (Hash::from_bytes(digest(1)), Hash::from_bytes(digest(2)));
        let as_leaf = leaf_hash(&MapKey(left.to_bytes()), &right);
        let all = [as_leaf, node_hash(&left, &right), crate::node_hash(&left, &right), EMPTY_MAP_ROOT];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one));
        }
    }

    #[test]
    fn steps_in_common_are_counted_to_the_bit() {
        let key = MapKey(digest(0));
        assert_eq!(key.common_steps(&key), 256);
        for bit in 0..256 {
            let mut near = digest(0);
            near[bit / 8] ^= 1 << (7 - bit % 8);
            assert_eq!(key.common_steps(&MapKey(near)), bit);
            assert_ne!(key.goes_right(bit), MapKey(near).goes_right(bit));
        }
    }
}
