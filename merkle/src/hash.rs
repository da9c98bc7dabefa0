//! The two hashes of RFC 6962 §2.1, kept apart by type.
//!
//! In scope: computing a leaf hash, a node hash and the empty root; showing a hash in hex. Out of scope:
//! base64, which belongs to the text formats in `tlog`.

use core::fmt;

use sha2::{Digest, Sha256};

/// Put before an entry, so that an entry of 65 bytes cannot pass for a node (RFC 6962 §2.1).
const LEAF_PREFIX: [u8; 1] = [0x00];
/// Put before two children (RFC 6962 §2.1).
const NODE_PREFIX: [u8; 1] = [0x01];

/// A SHA-256 value that stands in a tree: the hash of a leaf, of an inner node or of a whole tree. 32 bytes.
///
/// There is no default: no hash is the natural one, and an all-zero hash is never right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Takes 32 bytes as a hash. Nothing is implied about where they come from.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes a slice as a hash; `None` unless it is exactly 32 bytes long.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Lends the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hands out the 32 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Lower-case hex, 64 digits.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The same text as `Display`: what a failed assertion prints can be searched for in a log.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The root of a tree without leaves: SHA-256 of nothing (RFC 6962 §2.1).
pub const EMPTY_ROOT: Hash = Hash::from_bytes([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// The hash of an entry at the bottom of the tree.
///
/// A type of its own, because a verifier that takes any [`struct@Hash`] as a leaf can be shown an inner node
/// instead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafHash(Hash);

impl LeafHash {
    /// Hashes an entry: `SHA-256(0x00 ‖ entry)`. The entry may be empty and may have any length.
    #[must_use]
    pub fn of(entry: &[u8]) -> Self {
        Self(Hash(Sha256::new().chain_update(LEAF_PREFIX).chain_update(entry).finalize().into()))
    }

    /// Declares a stored hash to be that of a leaf; the caller vouches for it, for instance because it was
    /// read from a level-0 tile.
    #[must_use]
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    /// Gives the hash as a node of the tree, at level 0.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.0
    }
}

impl fmt::Display for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Hashes two children into their parent: `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let digest =
        Sha256::new().chain_update(NODE_PREFIX).chain_update(left.0).chain_update(right.0).finalize();
    Hash(digest.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_root_is_the_sha256_of_nothing() {
        assert_eq!(EMPTY_ROOT.to_bytes(), <[u8; 32]>::from(Sha256::digest(b"")));
    }

    #[test]
    fn a_leaf_made_of_two_children_is_not_their_parent() {
        let (left, right) = (LeafHash::of(b"l").hash(), LeafHash::of(b"r").hash());
        let children = [left.as_bytes().as_slice(), right.as_bytes()].concat();
        assert_ne!(LeafHash::of(&children).hash(), node_hash(&left, &right));
    }

    #[test]
    fn node_hash_depends_on_the_order_of_the_children() {
        let (left, right) = (LeafHash::of(b"l").hash(), LeafHash::of(b"r").hash());
        assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
    }

    #[test]
    fn from_slice_takes_exactly_32_bytes() {
        for length in [0, 31, 33, 64] {
            assert_eq!(Hash::from_slice(&vec![7; length]), None, "{length} bytes");
        }
        assert_eq!(Hash::from_slice(&[7; 32]), Some(Hash::from_bytes([7; 32])));
    }

    #[test]
    fn display_and_debug_are_lower_case_hex() {
        let wanted = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(EMPTY_ROOT.to_string(), wanted);
        assert_eq!(format!("{EMPTY_ROOT:?}"), wanted);
        assert_eq!(LeafHash::from_hash(EMPTY_ROOT).to_string(), wanted);
    }
}
