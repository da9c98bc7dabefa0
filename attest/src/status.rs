//! What a log knows to have been said about a thing, provable in a few hundred bytes (spec/status.md).
//!
//! An entry of kind event mentions its subjects. The *status map* of a log has, for each digest that was mentioned, the root
//! over its mentions; the log signs the root of the map ([`tlog::status`]). A [`Snapshot`] is what that map has for one digest,
//! with its proof: these mentions and no others, or none at all.
//!
//! ```text
//! key      SHA-256("tallymark-status/v1\n" ‖ subject digest, 32 bytes)
//! value    root of the RFC 6962 tree over the mentions, oldest first
//! mention  u64 BE index of the entry ‖ key id, 32 bytes ‖ statement digest, 32 bytes
//! ```
//!
//! What an event says the log does not know, so neither does the map: that somebody with this key signed this statement about
//! it, and where that is in the log. Whoever has the entries makes the same map ([`Register`]).
//!
//! In scope: mentions, the register that makes the map, the snapshot. Out of scope: which mentions matter (crate `verifier`).

mod register;
mod snapshot;

use merkle::map::MapKey;
use merkle::{Frontier, Hash, LeafHash, LeafIndex};

use crate::digest::Sha256Digest;
use crate::entry::EntryPayload;
use crate::statement::StatementKind;

pub use register::{Register, RegisterError, STANDARD_MAX_MENTIONS};
pub use snapshot::{MAX_MENTIONS, MAX_SNAPSHOT_BYTES, Snapshot, SnapshotError, SnapshotRefused};

/// Put before a subject digest, so that the keys of a map are hashes whatever somebody logs.
const KEY_PREFIX: &[u8] = b"tallymark-status/v1\n";

/// That an entry of kind event is about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mention {
    index: LeafIndex,
    key_id: Sha256Digest,
    statement: Sha256Digest,
}

impl Mention {
    /// The entry at `index` has a statement with this digest, signed by the key with this key id.
    #[must_use]
    pub const fn new(index: LeafIndex, key_id: Sha256Digest, statement: Sha256Digest) -> Self {
        Self { index, key_id, statement }
    }

    /// The mention that an entry is for each of its [`subjects`].
    fn of(index: LeafIndex, entry: &EntryPayload) -> Self {
        Self::new(index, entry.key().key_id(), entry.statement())
    }

    /// Where the entry stands.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// Whose key signed it.
    #[must_use]
    pub const fn key_id(&self) -> Sha256Digest {
        self.key_id
    }

    /// The digest of the statement.
    #[must_use]
    pub const fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// The mention as a leaf of the tree over all mentions of a thing.
    fn leaf(&self) -> LeafHash {
        let mut bytes = [0; 72];
        let index = self.index.get().to_be_bytes();
        let parts = index.iter().chain(self.key_id.as_bytes()).chain(self.statement.as_bytes());
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        LeafHash::of(&bytes)
    }
}

/// The key under which a map has what was said about that digest.
#[must_use]
pub fn subject_key(subject: &Sha256Digest) -> MapKey {
    MapKey::from_bytes(Sha256Digest::of(&[KEY_PREFIX, subject.as_bytes()].concat()).to_bytes())
}

/// What a map has for a thing with these mentions, oldest first; nothing if there is none.
#[must_use]
pub fn mentions_value(mentions: &[Mention]) -> Option<Hash> {
    let mut tree = Frontier::new();
    for mention in mentions {
        // A slice has never so many elements as a tree may have leaves.
        tree.append(mention.leaf()).ok()?;
    }
    (!mentions.is_empty()).then(|| tree.root())
}

/// The digests that an entry mentions: of an event, those of its subjects that have 32 bytes, whatever their form; of
/// anything else none. Each once.
pub fn subjects(entry: &EntryPayload) -> impl Iterator<Item = Sha256Digest> {
    let is_event = entry.kind() == StatementKind::Event;
    let digests = entry.subjects().iter().filter(move |_| is_event);
    let mut digests: Vec<_> = digests.filter_map(|one| Sha256Digest::from_slice(one.digest())).collect();
    digests.sort_unstable();
    digests.dedup();
    digests.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(index: u64, seed: u8) -> Mention {
        let digest = |seed| Sha256Digest::from_bytes([seed; 32]);
        Mention::new(LeafIndex::new(index).unwrap(), digest(seed), digest(seed + 1))
    }

    #[test]
    fn every_part_of_every_mention_and_their_order_count() {
        let mentions = [mention(1, 10), mention(2, 20), mention(3, 30)];
        let other = [
            [mention(2, 20), mention(1, 10), mention(3, 30)],
            [mention(1, 10), mention(2, 20), mention(4, 30)],
            [mention(1, 10), mention(2, 20), mention(3, 31)],
        ];
        let value = mentions_value(&mentions).unwrap();
        assert!(other.iter().all(|other| mentions_value(other) != Some(value)));
        assert!((0..3).all(|count| mentions_value(&mentions[..count]) != Some(value)));
        assert_eq!(mentions_value(&[]), None);
    }

    #[test]
    fn a_key_is_no_digest_that_somebody_chose() {
        let subject = Sha256Digest::of(b"a model");
        assert_ne!(subject_key(&subject).as_bytes(), subject.as_bytes());
        assert_ne!(subject_key(&subject), subject_key(&Sha256Digest::of(b"another")));
    }
}
