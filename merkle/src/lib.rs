//! The RFC 6962 Merkle tree: hashes, frontier, inclusion proofs and consistency proofs.
//!
//! Follows RFC 6962 §2.1 for the tree, RFC 9162 §2.1.3.2 and §2.1.4.2 for verification, and
//! draft-ietf-plants-merkle-tree-certs for [`subtree`]s. The only hash is SHA-256:
//!
//! ```text
//! leaf hash   SHA-256(0x00 ‖ entry)
//! node hash   SHA-256(0x01 ‖ left child, 32 bytes ‖ right child, 32 bytes)
//! empty tree  SHA-256("")
//! ```
//!
//! The two prefixes keep a leaf from being read as a node and the reverse. A tree of `n > 1` leaves is split
//! at the largest power of two below `n`; the left side is then always perfect, and a lone node is carried up
//! unchanged.
//!
//! Beside the tree there is a [`map`] of keys to values, hashed apart from it.
//!
//! In scope: hashing, which nodes a proof needs, building proofs from stored nodes, verifying proofs against
//! a [`TreeHead`]. Out of scope: where nodes are stored and how tiles are laid out (`tlog::tile`), who signed
//! a tree head (`tlog::checkpoint`), what an entry means (`attest`). There is no I/O, no clock and no text
//! form but hex for people.
//!
//! ```
//! use merkle::{ConsistencyProof, Frontier, Hash, InclusionProof, LeafHash, LeafIndex, NodeId, node_hash};
//!
//! let leaves = [b"one".as_slice(), b"two", b"three"].map(LeafHash::of);
//! let mut tree = Frontier::new();
//! tree.append(leaves[0])?;
//! tree.append(leaves[1])?;
//! let old = tree.head();
//! tree.append(leaves[2])?;
//! let new = tree.head();
//!
//! // A real log reads these from tiles.
//! let stored = |node: NodeId| -> Result<Hash, std::io::Error> {
//!     match (node.level(), node.index()) {
//!         (0, index @ 0..=2) => Ok(leaves[index as usize].hash()),
//!         (1, 0) => Ok(node_hash(&leaves[0].hash(), &leaves[1].hash())),
//!         _ => Err(std::io::ErrorKind::NotFound.into()),
//!     }
//! };
//! InclusionProof::build(LeafIndex::new(1)?, new.size(), stored)?.verify(&leaves[1], &new)?;
//! ConsistencyProof::build(old.size(), new.size(), stored)?.verify(&old, &new)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod consistency;
mod error;
mod frontier;
mod hash;
mod inclusion;
pub mod map;
mod node;
#[cfg(test)]
mod reference;
pub mod subtree;
mod tree_head;

pub use consistency::{ConsistencyProof, MAX_CONSISTENCY_HASHES};
pub use error::{BuildError, FrontierError, HeadError, ProofError, SizeError};
pub use frontier::Frontier;
pub use hash::{EMPTY_ROOT, Hash, LeafHash, node_hash};
pub use inclusion::{InclusionProof, MAX_INCLUSION_HASHES};
pub use map::{EMPTY_MAP_ROOT, Map, MapKey, MapProof, MapProofError};
pub use node::NodeId;
pub use subtree::{Subtree, range_hash};
pub use tree_head::{LeafIndex, MAX_TREE_SIZE, TreeHead, TreeSize};
