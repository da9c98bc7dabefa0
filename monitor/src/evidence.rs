//! Evidence of a fork: two checkpoints that a log signed and that cannot both be true, in one file that proves it alone.
//!
//! ```text
//! tallymark-fork/v1
//! log log.example.org/models+83e9b108+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
//! <hash in base64>                                        a consistency proof; none for two trees of one size
//! checkpoint 214
//! <214 bytes: the checkpoint of the smaller tree>
//! checkpoint 214
//! <214 bytes: the checkpoint of the larger tree>
//! ```
//!
//! For trees of different sizes the proof leads to the root of the larger one, and on the way to a root of its first leaves that
//! is not the signed one: whatever the leaves are, the log signed two histories.
//!
//! In scope: the file. Out of scope: whether the key in it is a log's that anybody trusts; the reader compares.

use std::fmt::Write as _;

use merkle::{ConsistencyProof, Hash, ProofError, TreeHead, TreeSize};
use thiserror::Error;
use tlog::checkpoint::{CheckpointError, CheckpointOpenError, Origin, SignedCheckpoint, VerifiedCheckpoint};
use tlog::text::{MAX_NOTE_BYTES, MAX_PROOF_LINES, TextError, decimal, encode_base64, hash};
use tlog::vkey::{Vkey, VkeyError};

/// Largest file: two notes, the proof, and the keys.
pub const MAX_EVIDENCE_BYTES: usize = 2 * MAX_NOTE_BYTES + 64 * 1024;
/// Most keys of one log.
const MAX_KEYS: usize = 8;
const HEADER: &str = "tallymark-fork/v1";

/// Two checkpoints and what shows that they contradict each other. Nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    keys: Vec<Vkey>,
    proof: ConsistencyProof,
    smaller: SignedCheckpoint,
    larger: SignedCheckpoint,
}

/// That a log signed two histories. Made only by [`Evidence::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    origin: Origin,
    size: TreeSize,
    root_signed: Hash,
    root_elsewhere: Hash,
    larger: TreeHead,
}

impl Fork {
    /// The log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The size at which there are two roots.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The root that the log signed for that size.
    #[must_use]
    pub const fn root_signed(&self) -> Hash {
        self.root_signed
    }

    /// The root of that size in the other tree that it signed.
    #[must_use]
    pub const fn root_elsewhere(&self) -> Hash {
        self.root_elsewhere
    }

    /// That other tree.
    #[must_use]
    pub const fn larger(&self) -> &TreeHead {
        &self.larger
    }
}

/// Bytes that are no evidence file.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// A checkpoint is none.
    #[error("checkpoint {number} of the file is refused")]
    Checkpoint {
        /// 1 or 2.
        number: usize,
        /// Why.
        source: CheckpointError,
    },
    /// It ends early.
    #[error("file ends before {wanted}")]
    Ends {
        /// What should be there.
        wanted: &'static str,
    },
    /// Not a key.
    #[error("key of the log is refused")]
    Key {
        /// Why.
        #[from]
        source: VkeyError,
    },
    /// A line that is none of those that may stand there.
    #[error("line {line} is {seen:?}, wanted {wanted}")]
    Line {
        /// Which, counted from 1.
        line: usize,
        /// How it begins.
        seen: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// A number or hash that is refused.
    #[error("line {line} is refused")]
    Text {
        /// Which, counted from 1.
        line: usize,
        /// What the reader saw.
        source: TextError,
    },
    /// Too much of something.
    #[error("{seen} {what}, more than there can be")]
    TooMany {
        /// How many.
        seen: usize,
        /// Of what.
        what: &'static str,
    },
}

/// Why an evidence file proves nothing.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoFork {
    /// The log did not sign one of the two.
    #[error("checkpoint {number} of the file is not signed by the log")]
    NotSigned {
        /// 1 or 2.
        number: usize,
        /// Why.
        source: CheckpointOpenError,
    },
    /// They are of two logs.
    #[error("checkpoints are of {smaller} and of {larger}, wanted two of one log")]
    TwoLogs {
        /// The first one's origin.
        smaller: Origin,
        /// The second one's.
        larger: Origin,
    },
    /// The proof shows that the trees fit.
    #[error("the two checkpoints do not contradict each other")]
    Consistent,
    /// The proof does not lead to the larger tree, so it shows nothing.
    #[error("the proof does not lead to the larger tree")]
    Proof {
        /// Why.
        #[from]
        source: ProofError,
    },
}

impl Evidence {
    /// Puts two checkpoints of one log together, in either order.
    #[must_use]
    pub fn new(
        keys: Vec<Vkey>,
        proof: ConsistencyProof,
        one: SignedCheckpoint,
        other: SignedCheckpoint,
    ) -> Self {
        let is_in_order = one.unverified().head().size() <= other.unverified().head().size();
        let (smaller, larger) = if is_in_order { (one, other) } else { (other, one) };
        Self { keys, proof, smaller, larger }
    }

    /// The keys under which it is to be read. Compare them with one that you have from elsewhere.
    #[must_use]
    pub fn keys(&self) -> &[Vkey] {
        &self.keys
    }

    /// Establishes that one log signed two histories.
    ///
    /// # Errors
    /// [`NoFork`] says why it does not show that.
    pub fn verify(&self) -> Result<Fork, NoFork> {
        let keys: Vec<&Vkey> = self.keys.iter().collect();
        let open = |number, checkpoint: &SignedCheckpoint| -> Result<VerifiedCheckpoint, NoFork> {
            checkpoint.open_with(&keys).map_err(|source| NoFork::NotSigned { number, source })
        };
        let (smaller, larger) = (open(1, &self.smaller)?, open(2, &self.larger)?);
        if smaller.origin() != larger.origin() {
            let (smaller, larger) = (smaller.origin().clone(), larger.origin().clone());
            return Err(NoFork::TwoLogs { smaller, larger });
        }
        let (old, new) = (*smaller.head(), *larger.head());
        let root_elsewhere = match self.proof.verify(&old, &new) {
            Ok(()) => return Err(NoFork::Consistent),
            Err(ProofError::SameSizeDifferentRoots { new, .. }) => new,
            Err(ProofError::OldRootMismatch { seen, .. }) => {
                // The hashes lead to this root; whether they also lead to the larger tree is the question.
                let elsewhere = TreeHead::new(old.size(), seen).map_err(|_| NoFork::Consistent)?;
                self.proof.verify(&elsewhere, &new)?;
                seen
            }
            Err(source) => return Err(source.into()),
        };
        let (origin, size, root_signed) = (smaller.origin().clone(), old.size(), old.root());
        Ok(Fork { origin, size, root_signed, root_elsewhere, larger: new })
    }

    /// Reads an evidence file.
    ///
    /// # Errors
    /// [`EvidenceError`] at the first thing that is not as it must be.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        if bytes.len() > MAX_EVIDENCE_BYTES {
            return Err(EvidenceError::TooMany { seen: bytes.len(), what: "bytes" });
        }
        let mut reader = Reader { rest: bytes, line: 0 };
        let header = reader.line("the first line")?;
        if header != HEADER {
            return Err(reader.refuse(header, HEADER));
        }
        let mut keys: Vec<Vkey> = Vec::new();
        let mut line = reader.line("the key of the log")?;
        while let Some(key) = line.strip_prefix("log ") {
            keys.push(key.parse()?);
            line = reader.line("the first checkpoint")?;
        }
        if keys.is_empty() {
            return Err(reader.refuse(line, "log and a verifier key"));
        }
        if keys.len() > MAX_KEYS {
            return Err(EvidenceError::TooMany { seen: keys.len(), what: "keys" });
        }
        let mut hashes = Vec::new();
        while !line.starts_with("checkpoint ") {
            if hashes.len() == MAX_PROOF_LINES {
                return Err(EvidenceError::TooMany { seen: hashes.len() + 1, what: "hashes" });
            }
            hashes.push(hash(line).map_err(|source| EvidenceError::Text { line: reader.line, source })?);
            line = reader.line("the first checkpoint")?;
        }
        let seen = hashes.len();
        let proof =
            ConsistencyProof::new(hashes).map_err(|_| EvidenceError::TooMany { seen, what: "hashes" })?;
        let smaller = reader.checkpoint(1, line)?;
        let line = reader.line("the second checkpoint")?;
        let larger = reader.checkpoint(2, line)?;
        if !reader.rest.is_empty() {
            return Err(EvidenceError::TooMany { seen: reader.rest.len(), what: "bytes at the end" });
        }
        Ok(Self { keys, proof, smaller, larger })
    }

    /// Writes the file. [`Evidence::parse`] reads it back.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        for key in &self.keys {
            // Writing to a string does not fail.
            let _ = writeln!(text, "log {key}");
        }
        for hash in self.proof.hashes() {
            let _ = writeln!(text, "{}", encode_base64(hash.as_bytes()));
        }
        let mut bytes = text.into_bytes();
        for checkpoint in [&self.smaller, &self.larger] {
            bytes.extend_from_slice(format!("checkpoint {}\n", checkpoint.as_bytes().len()).as_bytes());
            bytes.extend_from_slice(checkpoint.as_bytes());
        }
        bytes
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Reader<'a> {
    fn line(&mut self, wanted: &'static str) -> Result<&'a str, EvidenceError> {
        self.line += 1;
        let end = self.rest.iter().position(|byte| *byte == b'\n').ok_or(EvidenceError::Ends { wanted })?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        std::str::from_utf8(line).map_err(|_| self.refuse("bytes that are no text", wanted))
    }

    fn refuse(&self, seen: &str, wanted: &'static str) -> EvidenceError {
        EvidenceError::Line { line: self.line, seen: seen.chars().take(40).collect(), wanted }
    }

    fn checkpoint(&mut self, number: usize, line: &str) -> Result<SignedCheckpoint, EvidenceError> {
        let Some(length) = line.strip_prefix("checkpoint ") else {
            return Err(self.refuse(line, "checkpoint and its length in bytes"));
        };
        let length = decimal(length).map_err(|source| EvidenceError::Text { line: self.line, source })?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let ends = EvidenceError::Ends { wanted: "the end of a checkpoint" };
        let (checkpoint, rest) = self.rest.split_at_checked(length).ok_or(ends)?;
        self.rest = rest;
        self.line += checkpoint.iter().filter(|byte| **byte == b'\n').count();
        SignedCheckpoint::parse(checkpoint).map_err(|source| EvidenceError::Checkpoint { number, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use merkle::{Frontier, LeafHash, NodeId, node_hash};
    use tlog::checkpoint::CheckpointSigner;

    fn signer(seed: u8) -> CheckpointSigner {
        CheckpointSigner::ed25519("log.test/1".parse().unwrap(), SigningKey::from_bytes(&[seed; 32])).unwrap()
    }

    fn head(leaves: &[&str]) -> TreeHead {
        let mut tree = Frontier::new();
        for leaf in leaves {
            tree.append(LeafHash::of(leaf.as_bytes())).unwrap();
        }
        tree.head()
    }

    fn signed(leaves: &[&str]) -> SignedCheckpoint {
        SignedCheckpoint::parse(&signer(1).sign(&head(leaves))).unwrap()
    }

    fn proof(old: u64, leaves: &[&str]) -> ConsistencyProof {
        fn node(node: NodeId, leaves: &[&str]) -> Hash {
            match node.level() {
                0 => LeafHash::of(leaves[node.index() as usize].as_bytes()).hash(),
                level => {
                    let child = |index| self::node(leaves, level - 1, index);
                    node_hash(&child(2 * node.index()), &child(2 * node.index() + 1))
                }
            }
        }
        let (old, new) = (TreeSize::new(old).unwrap(), TreeSize::new(leaves.len() as u64).unwrap());
        ConsistencyProof::build(old, new, |at| Ok::<_, ()>(node(at, leaves))).unwrap()
    }

    fn node(leaves: &[&str], level: u8, index: u64) -> Hash {
        if level == 0 {
            return LeafHash::of(leaves[index as usize].as_bytes()).hash();
        }
        node_hash(&node(leaves, level - 1, 2 * index), &node(leaves, level - 1, 2 * index + 1))
    }

    fn evidence(old: &[&str], new: &[&str]) -> Evidence {
        let proof = if old.len() == new.len() {
            ConsistencyProof::new(vec![]).unwrap()
        } else {
            proof(old.len() as u64, new)
        };
        Evidence::new(vec![signer(1).vkey().clone()], proof, signed(new), signed(old))
    }

    #[test]
    fn two_roots_of_one_size_are_a_fork_and_are_read_back() {
        let evidence = evidence(&["a", "b"], &["a", "c"]);
        let fork = evidence.verify().unwrap();
        assert_eq!((fork.size().get(), fork.origin().as_str()), (2, "log.test/1"));
        assert_eq!(Evidence::parse(&evidence.to_bytes()).unwrap(), evidence);
    }

    #[test]
    fn a_tree_that_grew_out_of_another_one_is_a_fork() {
        let evidence = evidence(&["a", "b", "c"], &["a", "x", "c", "d", "e"]);
        let fork = evidence.verify().unwrap();
        assert_eq!(fork.root_signed(), head(&["a", "b", "c"]).root());
        assert_eq!(fork.root_elsewhere(), head(&["a", "x", "c"]).root());
        assert_eq!(Evidence::parse(&evidence.to_bytes()).unwrap(), evidence);
    }

    #[test]
    fn a_log_that_only_grew_is_accused_of_nothing() {
        let honest = evidence(&["a", "b", "c"], &["a", "b", "c", "d", "e"]);
        assert_eq!(honest.verify(), Err(NoFork::Consistent));
        let same = evidence(&["a", "b"], &["a", "b"]);
        assert_eq!(same.verify(), Err(NoFork::Consistent));
    }

    #[test]
    fn a_proof_that_was_made_up_accuses_nobody() {
        let honest = evidence(&["a", "b", "c"], &["a", "b", "c", "d", "e"]);
        let mut hashes = honest.proof.hashes().to_vec();
        hashes[0] = LeafHash::of(b"made up").hash();
        let proof = ConsistencyProof::new(hashes).unwrap();
        let forged = Evidence { proof, ..honest };
        assert!(matches!(forged.verify(), Err(NoFork::Proof { .. })));
    }

    #[test]
    fn what_the_log_did_not_sign_accuses_nobody() {
        let other = SignedCheckpoint::parse(&signer(2).sign(&head(&["a", "c"]))).unwrap();
        let forged = Evidence { larger: other, ..evidence(&["a", "b"], &["a", "c"]) };
        assert!(matches!(forged.verify(), Err(NoFork::NotSigned { number: 2, .. })));
    }

    #[test]
    fn a_file_that_is_cut_or_has_more_is_refused() {
        let bytes = evidence(&["a", "b", "c"], &["a", "x", "c", "d"]).to_bytes();
        for end in 0..bytes.len() {
            assert!(Evidence::parse(&bytes[..end]).is_err(), "{end}");
        }
        assert!(Evidence::parse(&[bytes.as_slice(), b"\n"].concat()).is_err());
    }
}
