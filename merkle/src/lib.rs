//! The RFC 6962 Merkle tree: hashes, frontier, inclusion and consistency proofs.
