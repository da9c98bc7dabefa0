//! Proofs about one key of a map.
//!
//! ```text
//! u16 BE   number n of siblings, 0 to 256
//! ⌈n/8⌉    one bit for each sibling from the root downwards, most significant bit first: 1 if there is something in it;
//!          bits to spare are 0
//! 32 each  the hashes of the siblings in which there is something, in the same order
//! u8       what is at the end: 0 nothing, 1 a leaf
//! 64       of a leaf: key, value
//! ```
//!
//! Each proof has one spelling, but for a lowest sibling that is a leaf beside nothing: no map has that, and it cannot be
//! seen from a hash. It proves nothing that is false.

use core::error::Error;
use core::fmt;

use super::{EMPTY_MAP_ROOT, MapKey, leaf_hash, node_hash};
use crate::hash::Hash;

/// Most siblings of a proof: one for each bit of a key.
pub const MAX_MAP_SIBLINGS: usize = 256;

/// Longest proof in bytes.
pub const MAX_MAP_PROOF_BYTES: usize = 2 + MAX_MAP_SIBLINGS / 8 + MAX_MAP_SIBLINGS * 32 + 1 + 64;

/// What stands beside the way of a key, from the root downwards, and where the way ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapProof {
    siblings: Vec<Hash>,
    end: Option<(MapKey, Hash)>,
}

/// Why bytes are no proof, or a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapProofError {
    /// Nothing beside the end of the way, which would then have ended above.
    EmptySibling,
    /// The kind of the end is neither 0 nor 1.
    End {
        /// The byte seen.
        seen: u8,
    },
    /// Another number of bytes than siblings and end call for.
    Length {
        /// The number of bytes.
        seen: usize,
    },
    /// The leaf at the end is that of a key whose way does not lead there.
    OtherWay {
        /// The key of the leaf.
        seen: MapKey,
        /// The key that was asked for.
        wanted: MapKey,
        /// How many steps they should have in common.
        steps: usize,
    },
    /// The proof leads to another root.
    RootMismatch {
        /// The root that the proof leads to.
        seen: Hash,
        /// The root of the map.
        wanted: Hash,
    },
    /// A bit is set behind the last sibling.
    SpareBits,
    /// More than [`MAX_MAP_SIBLINGS`].
    TooManySiblings {
        /// The number seen.
        seen: usize,
    },
    /// A sibling with something in it has the hash of nothing.
    ZeroHash {
        /// Which, counted from 0 at the root.
        position: usize,
    },
}

impl fmt::Display for MapProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptySibling => write!(f, "the lowest sibling of the map proof is empty"),
            Self::End { seen } => write!(f, "the map proof ends in {seen}, neither 0 nor 1"),
            Self::Length { seen } => write!(f, "a map proof of {seen} bytes is cut off or too long"),
            Self::OtherWay { seen, wanted, steps } => {
                write!(f, "the leaf of {seen} does not stand in the way of {wanted} after {steps} steps")
            }
            Self::RootMismatch { seen, wanted } => {
                write!(f, "the map proof leads to root {seen}, the map has {wanted}")
            }
            Self::SpareBits => write!(f, "the map proof has bits set behind its last sibling"),
            Self::TooManySiblings { seen } => {
                write!(f, "the map proof has {seen} siblings, above {MAX_MAP_SIBLINGS}")
            }
            Self::ZeroHash { position } => {
                write!(f, "sibling {position} of the map proof is the hash of nothing")
            }
        }
    }
}

impl Error for MapProofError {}

impl MapProof {
    /// For siblings that a map collected.
    pub(super) const fn built(siblings: Vec<Hash>, end: Option<(MapKey, Hash)>) -> Self {
        Self { siblings, end }
    }

    /// Takes a proof apart. Nothing is implied about its truth.
    ///
    /// # Errors
    ///
    /// * [`MapProofError::TooManySiblings`], [`MapProofError::SpareBits`], [`MapProofError::EmptySibling`] for the head;
    /// * [`MapProofError::ZeroHash`] for a hash, [`MapProofError::End`] for the end;
    /// * [`MapProofError::Length`] if it is shorter or longer than these say.
    pub fn parse(bytes: &[u8]) -> Result<Self, MapProofError> {
        let wrong_length = || MapProofError::Length { seen: bytes.len() };
        let (count, rest) = bytes.split_first_chunk::<2>().ok_or_else(wrong_length)?;
        let count = usize::from(u16::from_be_bytes(*count));
        if count > MAX_MAP_SIBLINGS {
            return Err(MapProofError::TooManySiblings { seen: count });
        }
        let (bits, mut rest) = rest.split_at_checked(count.div_ceil(8)).ok_or_else(wrong_length)?;
        let is_set = |at: usize| bits.get(at / 8).is_some_and(|byte| (byte >> (7 - at % 8)) & 1 == 1);
        if (count..bits.len() * 8).any(is_set) {
            return Err(MapProofError::SpareBits);
        }
        let mut siblings = Vec::with_capacity(count);
        for position in 0..count {
            if !is_set(position) {
                siblings.push(EMPTY_MAP_ROOT);
                continue;
            }
            let (hash, after) = rest.split_first_chunk::<32>().ok_or_else(wrong_length)?;
            if *hash == EMPTY_MAP_ROOT.to_bytes() {
                return Err(MapProofError::ZeroHash { position });
            }
            siblings.push(Hash::from_bytes(*hash));
            rest = after;
        }
        if siblings.last() == Some(&EMPTY_MAP_ROOT) {
            return Err(MapProofError::EmptySibling);
        }
        let end = match rest.split_first().ok_or_else(wrong_length)? {
            (0, []) => None,
            (1, leaf) => match leaf.as_chunks::<32>() {
                ([key, value], []) => Some((MapKey::from_bytes(*key), Hash::from_bytes(*value))),
                _ => return Err(wrong_length()),
            },
            (0, _) => return Err(wrong_length()),
            (seen, _) => return Err(MapProofError::End { seen: *seen }),
        };
        Ok(Self { siblings, end })
    }

    /// Writes the proof as [`MapProof::parse`] reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A way has at most 256 steps.
        bytes.extend((self.siblings.len() as u16).to_be_bytes());
        for eight in self.siblings.chunks(8) {
            let bit = |(at, hash): (usize, &Hash)| u8::from(*hash != EMPTY_MAP_ROOT) << (7 - at);
            bytes.push(eight.iter().enumerate().map(bit).sum());
        }
        for hash in self.siblings.iter().filter(|hash| **hash != EMPTY_MAP_ROOT) {
            bytes.extend_from_slice(hash.as_bytes());
        }
        bytes.push(u8::from(self.end.is_some()));
        if let Some((key, value)) = &self.end {
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes
    }

    /// How many steps there are to the end of the way.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.siblings.len()
    }

    /// Establishes what the key has in the map with that root; `None` is that it has nothing.
    ///
    /// # Errors
    ///
    /// * [`MapProofError::OtherWay`] if it ends in a leaf that could not stand there;
    /// * [`MapProofError::RootMismatch`] if it leads to another root.
    pub fn verify(&self, key: &MapKey, root: &Hash) -> Result<Option<Hash>, MapProofError> {
        let steps = self.siblings.len();
        if let Some((found, _)) = self.end.filter(|(found, _)| found.common_steps(key) < steps) {
            return Err(MapProofError::OtherWay { seen: found, wanted: *key, steps });
        }
        let end = self.end.map_or(EMPTY_MAP_ROOT, |(key, value)| leaf_hash(&key, &value));
        let climb = |below: Hash, (depth, sibling): (usize, &Hash)| {
            if key.goes_right(depth) { node_hash(sibling, &below) } else { node_hash(&below, sibling) }
        };
        let seen = self.siblings.iter().enumerate().rev().fold(end, climb);
        if seen != *root {
            return Err(MapProofError::RootMismatch { seen, wanted: *root });
        }
        Ok(self.end.filter(|(found, _)| found == key).map(|(_, value)| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Map;
    use crate::map::tests::{keys, value};

    /// A map with every second key, and all keys.
    fn half() -> (Map, Vec<MapKey>) {
        let (mut map, keys) = (Map::new(), keys());
        keys.iter().step_by(2).for_each(|key| map.insert(*key, value(key)));
        (map, keys)
    }

    #[test]
    fn what_a_key_has_is_proven_and_so_is_that_it_has_nothing() {
        let (mut map, keys) = (Map::new(), keys());
        for added in &keys {
            for key in &keys {
                let proof = map.prove(key);
                assert_eq!(proof.verify(key, &map.root()), Ok(map.get(key)));
                assert_eq!(MapProof::parse(&proof.to_bytes()), Ok(proof));
            }
            map.insert(*added, value(added));
        }
    }

    /// Whatever was spliced together: a proof for a key shows what the map has for it, or does not hold.
    #[test]
    fn presence_and_absence_are_never_both_shown() {
        let (map, keys) = half();
        let root = map.root();
        // Among them keys that have most of their steps in common.
        let some: Vec<_> = keys.iter().step_by(11).chain(keys.iter().skip(61)).collect();
        let proofs: Vec<_> = some.iter().map(|key| map.prove(key)).collect();
        let ends: Vec<_> = proofs.iter().map(|proof| proof.end).chain([None]).collect();
        for key in some {
            for proof in &proofs {
                for end in &ends {
                    for length in 0..=proof.siblings.len() {
                        let siblings = proof.siblings.iter().take(length).copied().collect();
                        if let Ok(shown) = MapProof::built(siblings, *end).verify(key, &root) {
                            assert_eq!(shown, map.get(key), "{key}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn any_one_bit_change_of_a_proof_is_refused() {
        let (map, keys) = half();
        for key in keys.iter().take(12).chain(keys.iter().rev().take(10)) {
            let bytes = map.prove(key).to_bytes();
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let verdict = MapProof::parse(&changed).and_then(|proof| proof.verify(key, &map.root()));
                assert!(verdict.is_err(), "bit {bit} of the proof for {key}");
            }
        }
    }

    #[test]
    fn a_proof_does_not_hold_for_another_map() {
        let (map, keys) = half();
        let mut other = map.clone();
        other.insert(keys[1], value(&keys[1]));
        for key in &keys {
            let verdict = map.prove(key).verify(key, &other.root());
            assert!(matches!(verdict, Err(MapProofError::RootMismatch { .. })), "{key}");
        }
    }

    #[test]
    fn the_leaf_of_a_key_that_parts_early_is_no_proof_of_absence() {
        let (map, keys) = half();
        let (here, absent) = (keys[0], keys[1]);
        let wrong = map.prove(&here).verify(&absent, &map.root());
        assert!(matches!(wrong, Err(MapProofError::OtherWay { .. } | MapProofError::RootMismatch { .. })));
        let end = Some((here, value(&here)));
        let swapped = MapProof::built(map.prove(&absent).siblings, end).verify(&absent, &map.root());
        assert!(swapped.is_err());
    }

    #[test]
    fn a_proof_has_one_spelling() {
        let hash = [7; 32];
        let with = |head: &[u8], hashes: usize, end: &[u8]| {
            MapProof::parse(&[head, &hash.repeat(hashes), end].concat())
        };
        assert!(with(&[0, 0], 0, &[0]).is_ok());
        assert!(with(&[0, 1, 0x80], 1, &[0]).is_ok());
        assert!(with(&[0, 2, 0x40], 1, &[0]).is_ok());
        assert_eq!(with(&[0, 2, 0x80], 1, &[0]), Err(MapProofError::EmptySibling));
        assert_eq!(with(&[0, 1, 0xc0], 1, &[0]), Err(MapProofError::SpareBits));
        assert_eq!(with(&[0, 1, 0x80], 1, &[2]), Err(MapProofError::End { seen: 2 }));
        assert_eq!(with(&[1, 1], 0, &[0]), Err(MapProofError::TooManySiblings { seen: 257 }));
        assert_eq!(with(&[0, 0], 0, &[0, 0]), Err(MapProofError::Length { seen: 4 }));
        assert_eq!(with(&[0, 0], 0, &[]), Err(MapProofError::Length { seen: 2 }));
        assert_eq!(with(&[0, 0], 2, &[]), Err(MapProofError::End { seen: 7 }));
        assert_eq!(MapProof::parse(&[0]), Err(MapProofError::Length { seen: 1 }));
        let zero = [&[0, 1, 0x80][..], &[0; 32], &[0]].concat();
        assert_eq!(MapProof::parse(&zero), Err(MapProofError::ZeroHash { position: 0 }));
        assert_eq!(
            MapProof::parse(&[&[0, 0, 1][..], &[9; 63]].concat()),
            Err(MapProofError::Length { seen: 66 })
        );
    }

    #[test]
    fn the_longest_proof_fits_its_bound() {
        let mut map = Map::new();
        let key = MapKey::from_bytes([0; 32]);
        map.insert(key, value(&key));
        for bit in 0..256 {
            let mut near = [0; 32];
            near[bit / 8] = 1 << (7 - bit % 8);
            map.insert(MapKey::from_bytes(near), value(&key));
        }
        let proof = map.prove(&key);
        assert_eq!((proof.steps(), proof.to_bytes().len()), (MAX_MAP_SIBLINGS, MAX_MAP_PROOF_BYTES));
        assert_eq!(proof.verify(&key, &map.root()), Ok(Some(value(&key))));
        assert_eq!(MapProof::parse(&proof.to_bytes()), Ok(proof));
    }
}
