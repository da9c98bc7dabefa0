//! What is sent for a cosignature of a subtree (sign-subtree).

use merkle::subtree::Subtree;
use merkle::{ConsistencyProof, Hash, SizeError, TreeSize};
use thiserror::Error;

use super::MAX_BODY_BYTES;
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::text::{MAX_PROOF_LINES, TextError, decimal, encode_base64, hash, plain};

/// The body of a sign-subtree request as received: nobody has verified the checkpoint or the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSubtreeRequest {
    subtree: Subtree,
    hash: Hash,
    proof: ConsistencyProof,
    checkpoint: SignedCheckpoint,
}

/// Bytes that are no sign-subtree request; a witness answers 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignSubtreeRequestError {
    /// What follows the empty line is no checkpoint.
    #[error("checkpoint of the request is refused")]
    Checkpoint {
        /// Why.
        #[from]
        source: CheckpointError,
    },
    /// The subtree ends behind the checkpoint's last leaf.
    #[error("subtree {subtree} ends beyond the checkpoint's size {size}")]
    EndBeyondTree {
        /// The subtree.
        subtree: Subtree,
        /// The size in the checkpoint.
        size: TreeSize,
    },
    /// A hash line is refused: the first is the subtree's own, the others are the proof.
    #[error("hash {position} is refused")]
    Hash {
        /// Which, counted from 0.
        position: usize,
        /// What the reader saw.
        source: TextError,
    },
    /// No empty line, so there is no checkpoint.
    #[error("request has no empty line before its checkpoint")]
    NoEmptyLine,
    /// The line with the subtree's hash is missing.
    #[error("request has no hash of the subtree")]
    NoHash,
    /// The first line is not `subtree`, start and end, with one space between each.
    #[error("request does not start with the subtree's range")]
    NoRange,
    /// Start or end is refused.
    #[error("range of the subtree is refused")]
    Range {
        /// What the reader saw.
        source: TextError,
    },
    /// Leaves that form no subtree.
    #[error("leaves that are no subtree")]
    Subtree {
        /// Why.
        #[from]
        source: SizeError,
    },
    /// Not plain text.
    #[error("request is no plain text")]
    Text {
        /// What the reader saw.
        #[from]
        source: TextError,
    },
    /// More than [`MAX_BODY_BYTES`].
    #[error("request of {seen} bytes is above {MAX_BODY_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// More than [`MAX_PROOF_LINES`].
    #[error("consistency proof has {seen} hashes, above {MAX_PROOF_LINES}")]
    TooManyHashes {
        /// The number of hash lines in the proof.
        seen: usize,
    },
}

impl SignSubtreeRequest {
    /// Puts a request together. Nothing is verified.
    ///
    /// # Errors
    ///
    /// [`SignSubtreeRequestError::EndBeyondTree`], [`SignSubtreeRequestError::TooManyHashes`],
    /// [`SignSubtreeRequestError::TooLong`].
    pub fn new(
        subtree: Subtree,
        hash: Hash,
        proof: ConsistencyProof,
        checkpoint: SignedCheckpoint,
    ) -> Result<Self, SignSubtreeRequestError> {
        let request = Self { subtree, hash, proof, checkpoint }.checked()?;
        match request.to_bytes().len() {
            seen if seen > MAX_BODY_BYTES => Err(SignSubtreeRequestError::TooLong { seen }),
            _ => Ok(request),
        }
    }

    fn checked(self) -> Result<Self, SignSubtreeRequestError> {
        let size = self.checkpoint.unverified().head().size();
        if self.subtree.end() > size.get() {
            return Err(SignSubtreeRequestError::EndBeyondTree { subtree: self.subtree, size });
        }
        match self.proof.hashes().len() {
            seen if seen > MAX_PROOF_LINES => Err(SignSubtreeRequestError::TooManyHashes { seen }),
            _ => Ok(self),
        }
    }

    /// Takes a request apart.
    ///
    /// # Errors
    ///
    /// * [`SignSubtreeRequestError::TooLong`], [`SignSubtreeRequestError::Text`],
    ///   [`SignSubtreeRequestError::NoEmptyLine`] for the text as a whole;
    /// * [`SignSubtreeRequestError::Checkpoint`] for what follows the empty line;
    /// * any other variant for the line or the limit that it names.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignSubtreeRequestError> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(SignSubtreeRequestError::TooLong { seen: bytes.len() });
        }
        let (above, checkpoint) =
            plain(bytes)?.split_once("\n\n").ok_or(SignSubtreeRequestError::NoEmptyLine)?;
        let mut lines = above.split('\n');
        let range = lines.next().and_then(|line| line.strip_prefix("subtree ")?.split_once(' '));
        let (start, end) = range.ok_or(SignSubtreeRequestError::NoRange)?;
        let number = |text| decimal(text).map_err(|source| SignSubtreeRequestError::Range { source });
        let subtree = Subtree::new(number(start)?..number(end)?)?;
        let mut hashes = lines
            .enumerate()
            .map(|(position, line)| {
                hash(line).map_err(|source| SignSubtreeRequestError::Hash { position, source })
            })
            .collect::<Result<Vec<Hash>, _>>()?;
        if hashes.is_empty() {
            return Err(SignSubtreeRequestError::NoHash);
        }
        let hash = hashes.remove(0);
        let seen = hashes.len();
        let proof =
            ConsistencyProof::new(hashes).map_err(|_| SignSubtreeRequestError::TooManyHashes { seen })?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes())?;
        Self { subtree, hash, proof, checkpoint }.checked()
    }

    /// Writes the request. [`SignSubtreeRequest::parse`] reads it back, and gives these bytes for those it read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("subtree {} {}\n", self.subtree.start(), self.subtree.end());
        for hash in [self.hash].iter().chain(self.proof.hashes()) {
            text.push_str(&encode_base64(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.checkpoint.as_bytes());
        bytes
    }

    /// The leaves that are asked about.
    #[must_use]
    pub const fn subtree(&self) -> Subtree {
        self.subtree
    }

    /// What is said to be their hash.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.hash
    }

    /// The proof from the subtree to the checkpoint, for [`merkle::subtree::verify_consistency`].
    #[must_use]
    pub const fn proof(&self) -> &ConsistencyProof {
        &self.proof
    }

    /// The checkpoint that the witness has cosigned; nobody has verified it.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKPOINT: &str = "log.example.org/models\n14\nWqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=\n\n\
                              — witness.example.org/w1 88CAtgAAAABlU/EAAQ==\n";
    const HASH: &str = "T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=\n";

    fn refused(above: &str) -> SignSubtreeRequestError {
        SignSubtreeRequest::parse(format!("{above}\n{CHECKPOINT}").as_bytes()).unwrap_err()
    }

    #[test]
    fn a_request_is_written_back() {
        let hashes = HASH.repeat(1 + MAX_PROOF_LINES);
        for above in [format!("subtree 8 13\n{HASH}"), format!("subtree 0 14\n{hashes}")] {
            let text = format!("{above}\n{CHECKPOINT}");
            let request = SignSubtreeRequest::parse(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(request.to_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        use SignSubtreeRequestError as E;
        let parse = |text: &str| SignSubtreeRequest::parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse("subtree 8 13\n"), E::NoEmptyLine);
        assert!(matches!(parse(&format!("subtree 8 13\n{HASH}\nx\n")), E::Checkpoint { .. }));
        assert!(matches!(refused(&format!("subtree 8 13\r\n{HASH}")), E::Text { .. }));
        assert_eq!(refused("subtree 8 13\n"), E::NoHash);
        for range in ["old 3", "subtree 8", "subtree\n", "Subtree 8 13"] {
            assert_eq!(refused(&format!("{range}\n{HASH}")), E::NoRange, "{range}");
        }
        for range in ["08 13", "8  13", "8 13 ", "8 9223372036854775808", "-8 13"] {
            assert!(matches!(refused(&format!("subtree {range}\n{HASH}")), E::Range { .. }), "{range}");
        }
        for range in ["13 8", "2 5"] {
            assert!(matches!(refused(&format!("subtree {range}\n{HASH}")), E::Subtree { .. }), "{range}");
        }
        assert!(matches!(refused(&format!("subtree 8 15\n{HASH}")), E::EndBeyondTree { .. }));
        assert!(matches!(refused(&format!("subtree 8 13\n{HASH}AA==\n")), E::Hash { position: 1, .. }));
        let many = HASH.repeat(2 + MAX_PROOF_LINES);
        assert_eq!(refused(&format!("subtree 8 13\n{many}")), E::TooManyHashes { seen: 64 });
    }
}
