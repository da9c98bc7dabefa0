//! Making a proof from the files, one after the other: of each a hash is kept, and of two more.

use merkle::{Frontier, Hash, InclusionProof, LeafIndex, NodeId, node_hash};

use crate::model_path::ModelPath;
use crate::tree::FileLeaf;

use super::{Answer, FileProof, ProvenFile};

/// Takes the files of a tree in their order, and makes the proof about one path.
#[derive(Debug)]
pub struct FileProofBuilder {
    path: ModelPath,
    frontier: Frontier,
    hashes: Vec<Hash>,
    total_bytes: u64,
    last: Option<ModelPath>,
    found: Option<(u64, FileLeaf)>,
    before: Option<(u64, FileLeaf)>,
    after: Option<(u64, FileLeaf)>,
}

/// A file that does not come after the one before it, or one too many: there is no proof about such a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file {index} of the list does not ascend, or is one too many")]
pub struct UnsortedFiles {
    index: u64,
}

impl FileProofBuilder {
    /// Begins a proof about a path.
    #[must_use]
    pub const fn new(path: ModelPath) -> Self {
        Self {
            path,
            frontier: Frontier::new(),
            hashes: Vec::new(),
            total_bytes: 0,
            last: None,
            found: None,
            before: None,
            after: None,
        }
    }

    /// Takes the next file.
    ///
    /// # Errors
    /// [`UnsortedFiles`] unless its path is greater than that of the file before it.
    pub fn push(&mut self, file: &FileLeaf) -> Result<(), UnsortedFiles> {
        let index = self.hashes.len() as u64;
        if self.last.as_ref().is_some_and(|last| last >= file.path()) {
            return Err(UnsortedFiles { index });
        }
        let leaf = file.leaf_hash();
        self.frontier.append(leaf).map_err(|_| UnsortedFiles { index })?;
        self.total_bytes = self.total_bytes.checked_add(file.size()).ok_or(UnsortedFiles { index })?;
        self.hashes.push(leaf.hash());
        self.last = Some(file.path().clone());
        match file.path().cmp(&self.path) {
            core::cmp::Ordering::Less => self.before = Some((index, file.clone())),
            core::cmp::Ordering::Equal => self.found = Some((index, file.clone())),
            core::cmp::Ordering::Greater if self.after.is_none() => self.after = Some((index, file.clone())),
            core::cmp::Ordering::Greater => {}
        }
        Ok(())
    }

    /// The proof, of presence or of absence. `None` never happens for files that were taken.
    #[must_use]
    pub fn finish(self) -> Option<FileProof> {
        let head = self.frontier.head();
        let prove = |(index, file): &(u64, FileLeaf)| {
            let index = LeafIndex::new(*index).ok()?;
            let inclusion =
                InclusionProof::build(index, head.size(), |node| self.node(node).ok_or(NoNode)).ok()?;
            Some(ProvenFile { file: file.clone(), inclusion })
        };
        let answer = match &self.found {
            Some(found) => Answer::Present(prove(found)?),
            None => {
                let beside = |one: &Option<(u64, FileLeaf)>| match one {
                    None => Some(None),
                    Some(one) => prove(one).map(Some),
                };
                Answer::Absent(beside(&self.before)?, beside(&self.after)?)
            }
        };
        Some(FileProof { head, total_bytes: self.total_bytes, path: self.path, answer })
    }

    /// The hash of a perfect node, from its leaves.
    fn node(&self, node: NodeId) -> Option<Hash> {
        let at = |index: u64| usize::try_from(index).ok();
        let leaves = self.hashes.get(at(node.start())?..at(node.end())?)?;
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            let (pairs, _) = level.as_chunks::<2>();
            level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        level.first().copied()
    }
}

/// A node that a tree of this size does not have; a proof never asks for one.
struct NoNode;
