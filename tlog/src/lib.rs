//! How a transparency log speaks: C2SP note, checkpoint, tile, cosignature, proof, policy.
//!
//! One module per noun of the specifications, lowest first:
//!
//! | module | noun | follows |
//! |---|---|---|
//! | [`text`] | decimals, base64, lines, limits | shared by all below |
//! | [`vkey`] | key name, key id, verifier key | [c2sp.org/signed-note](https://c2sp.org/signed-note) |
//! | [`signature_line`] | one line below a note | c2sp.org/signed-note |
//! | [`cosignature`] | a witness's timestamped signature | [c2sp.org/tlog-cosignature](https://c2sp.org/tlog-cosignature) |
//! | [`note`] | text signed by several keys | c2sp.org/signed-note |
//! | [`checkpoint`] | a tree head with an origin, as note | [c2sp.org/tlog-checkpoint](https://c2sp.org/tlog-checkpoint) |
//! | [`tile`] | tiles: paths, growing a tree, reading nodes | [c2sp.org/tlog-tiles](https://c2sp.org/tlog-tiles) |
//! | [`entry_bundle`] | up to 256 entries in a file | c2sp.org/tlog-tiles |
//! | [`policy`] | trusted logs, witnesses, quorum | [c2sp.org/tlog-policy](https://c2sp.org/tlog-policy) |
//! | [`proof`] | a proof of logging, as one text | [c2sp.org/tlog-proof](https://c2sp.org/tlog-proof) |
//! | [`status`] | the root of a map of a log's entries, signed | ours, spec/status.md |
//! | [`witness`] | add-checkpoint, its request and answers | [c2sp.org/tlog-witness](https://c2sp.org/tlog-witness) |
//!
//! In scope: bytes to types and back, signatures over them, and the arithmetic of tiles. Out of scope: disks, clocks and
//! sockets; the tree itself, which is [`merkle`]; what an entry means, which is the caller's.
//!
//! Every parser here accepts one spelling of a value only: what parses is written back byte for byte. (A policy may have
//! comments; it is written back without them.)
//!
//! ```
//! use ed25519_dalek::SigningKey;
//! use merkle::{InclusionProof, LeafHash, LeafIndex};
//! use tlog::checkpoint::{CheckpointSigner, SignedCheckpoint};
//! use tlog::policy::Policy;
//! use tlog::proof::LogProof;
//! use tlog::tile::{RightEdge, read_node};
//!
//! // The log appends two entries, stores the tiles, and signs the tree head.
//! let leaves = [LeafHash::of(b"one"), LeafHash::of(b"two")];
//! let mut edge = RightEdge::new();
//! let tiles = edge.append(&leaves)?;
//! let head = merkle::TreeHead::new(edge.size(), edge.root())?;
//! let log = CheckpointSigner::ed25519("log.example.org".parse()?, SigningKey::from_bytes(&[7; 32]))?;
//! let checkpoint = SignedCheckpoint::parse(&log.sign(&head))?;
//!
//! // It proves from its tiles that it has the second one.
//! let stored = |coord, _width| {
//!     let tile = tiles.iter().find(|tile| tile.coord() == coord);
//!     tile.map(|tile| tile.bytes().to_vec()).ok_or(std::io::Error::from(std::io::ErrorKind::NotFound))
//! };
//! let node = |node| read_node(node, head.size(), stored);
//! let inclusion = InclusionProof::build(LeafIndex::new(1)?, head.size(), node)?;
//! let proof = LogProof::new(inclusion, checkpoint).to_bytes();
//!
//! // Somebody who knows the log's key verifies that, without the log.
//! let policy: Policy = format!("log {}\nquorum none\n", log.vkey()).parse()?;
//! let verified = LogProof::parse(&proof)?.verify(&leaves[1], &policy)?;
//! assert_eq!(verified.index().get(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod checkpoint;
pub mod cosignature;
pub mod entry_bundle;
pub mod error;
pub mod note;
pub mod policy;
pub mod proof;
pub mod signature_line;
pub mod status;
pub mod subtree_message;
pub mod text;
pub mod tile;
pub mod vkey;
pub mod witness;
