//! The register: all mentions of a log's entries, and the map they make.

use std::collections::HashMap;

use merkle::map::Map;
use merkle::{Frontier, LeafIndex, SizeError, TreeSize};

use crate::digest::Sha256Digest;
use crate::entry::EntryPayload;

use super::{Mention, subject_key, subjects};

/// How many mentions a register takes unless somebody says otherwise: some 400 MB if each is of another thing.
pub const STANDARD_MAX_MENTIONS: usize = 1_000_000;

/// What was said about everything, as the entries of a log say it, read in their order from the first on.
///
/// A log makes it to sign its status, and an auditor to see that the log did not lie; both with this code, so there is one
/// reading of what an entry mentions.
#[derive(Debug)]
pub struct Register {
    size: TreeSize,
    map: Map,
    things: HashMap<Sha256Digest, Thing>,
    mentions: usize,
    max_mentions: usize,
}

#[derive(Debug)]
struct Thing {
    mentions: Vec<Mention>,
    // Over all of them: a thing that is mentioned a million times costs no more than others.
    tree: Frontier,
}

/// Why a register does not take an entry. It is what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// So many mentions that the memory set apart for them is used up.
    #[error("more than {limit} mentions")]
    Full {
        /// The most there may be.
        limit: usize,
    },
    /// No tree has an entry there.
    #[error("no tree has so many entries")]
    Size {
        /// Why.
        #[from]
        source: SizeError,
    },
}

impl Register {
    /// The register of a log without entries, which takes at most so many mentions.
    #[must_use]
    pub fn new(max_mentions: usize) -> Self {
        let (size, things) = (TreeSize::ZERO, HashMap::new());
        Self { size, map: Map::new(), things, mentions: 0, max_mentions }
    }

    /// Takes the next entry of the log.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn add(&mut self, entry: &EntryPayload) -> Result<(), RegisterError> {
        let index = LeafIndex::new(self.size.get())?;
        let size = TreeSize::new(self.size.get() + 1)?;
        let subjects: Vec<_> = subjects(entry).collect();
        if self.mentions.saturating_add(subjects.len()) > self.max_mentions {
            return Err(RegisterError::Full { limit: self.max_mentions });
        }
        let mention = Mention::of(index, entry);
        for subject in subjects {
            let new = || Thing { mentions: Vec::new(), tree: Frontier::new() };
            let thing = self.things.entry(subject).or_insert_with(new);
            thing.tree.append(mention.leaf())?;
            thing.mentions.push(mention);
            self.map.insert(subject_key(&subject), thing.tree.root());
            self.mentions += 1;
        }
        self.size = size;
        Ok(())
    }

    /// How many entries it has taken.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The map of these entries. A clone of it stays what it is when the register goes on.
    #[must_use]
    pub const fn map(&self) -> &Map {
        &self.map
    }

    /// How many mentions there are, of all things together.
    #[must_use]
    pub const fn mentions(&self) -> usize {
        self.mentions
    }

    /// The mentions of a thing among the first `size` entries, oldest first.
    #[must_use]
    pub fn mentions_of(&self, subject: &Sha256Digest, size: TreeSize) -> &[Mention] {
        let all = self.things.get(subject).map_or(&[][..], |thing| &thing.mentions);
        let until = all.partition_point(|mention| mention.index().get() < size.get());
        all.get(..until).unwrap_or_default()
    }
}
