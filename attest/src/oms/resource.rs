//! One line of a manifest: a file or a part of one, and its digest.

use super::hash_type::HashType;
use super::manifest::Place;
use crate::digest::Sha256Digest;
use crate::model_path::ModelPath;

/// Part of a file, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    start: u64,
    end: u64,
}

impl Shard {
    /// The bytes from `start` to before `end`; `None` if there are none.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The first byte.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// One behind the last byte.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }
}

/// A file or a shard of one, with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    place: Place,
    shard: Option<Shard>,
    hash: HashType,
    digest: Vec<u8>,
}

impl Resource {
    /// A whole file below the model's root.
    #[must_use]
    pub fn file(path: ModelPath, digest: Sha256Digest) -> Self {
        Self::read(Place::File(path), None, HashType::Sha256, digest.as_bytes().to_vec())
    }

    /// The model that is a single file: it has the name `.`.
    #[must_use]
    pub fn single_file(digest: Sha256Digest) -> Self {
        Self::read(Place::Model, None, HashType::Sha256, digest.as_bytes().to_vec())
    }

    /// The length of `digest` is known to be that of `hash`.
    pub(super) const fn read(place: Place, shard: Option<Shard>, hash: HashType, digest: Vec<u8>) -> Self {
        Self { place, shard, hash, digest }
    }

    /// The path below the model's root; `None` for the name `.`, which is the model itself, a single file.
    #[must_use]
    pub const fn path(&self) -> Option<&ModelPath> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Model => None,
        }
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Which part of the file; `None` for all of it.
    #[must_use]
    pub const fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// What it is hashed with.
    #[must_use]
    pub const fn hash(&self) -> HashType {
        self.hash
    }

    /// The digest's bytes, as many as the manifest's hash has.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// What stands for the digest in a comparison, as in [`crate::scan::Content::digests`]: itself if it has 32 bytes, else its
    /// SHA-256.
    #[must_use]
    pub fn stand_in(&self) -> Sha256Digest {
        HashType::stand_in(&self.digest)
    }

    /// The name as a manifest has it: `path`, or `path:start:end`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.shard {
            None => self.place.to_string(),
            Some(shard) => format!("{}:{}:{}", self.place, shard.start, shard.end),
        }
    }
}
