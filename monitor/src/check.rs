//! One entry bundle: hashed into the tree, then read entry by entry.
//!
//! A find is what may concern somebody; whether it does depends on what came before, which is for
//! [`round`](crate::round).

use attest::entry::{Entry, EntryError};
use attest::key::KeyCache;
use merkle::LeafHash;
use thiserror::Error;
use tlog::entry_bundle::EntryBundleError;
use tlog::tile::{BundleIndex, TileReadError};

use crate::reason::Reason;
use crate::source::SourceError;
use crate::tree::{TileFault, Tree, TreeError};
use crate::watch::{Find, Watchlist};

/// What a log's entries are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "either we can read them or not")]
pub enum EntryKind {
    /// Bytes, of which only the hashes are looked at.
    Raw,
    /// Entries as in spec/entry.md.
    Tallymark,
}

/// Why a bundle is not gone on from.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Other bytes than those whose hash is in the tree.
    #[error("entry {index} is not the one whose hash is in the signed tree")]
    BundleDiffers {
        /// The first entry that differs.
        index: u64,
    },
    /// The tree has a leaf there, and no bytes are served for it.
    #[error("entry {index} is in the signed tree and is not handed out")]
    EntryHidden {
        /// The first such entry.
        index: u64,
    },
    /// The size cannot be.
    #[error("bundle {bundle} is outside of the tree")]
    Outside {
        /// The bundle.
        bundle: u64,
    },
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A tile does not lead to the signed root, or is not there.
    #[error(transparent)]
    Tree(TreeError),
}

impl Fault {
    /// What is told about it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::BundleDiffers { .. } => Reason::BundleDiffers,
            Self::EntryHidden { .. } => Reason::EntryHidden,
            Self::Source(_) => Reason::LogUnreachable,
            Self::Tree(error) => reason_of(error),
            Self::Outside { .. } => Reason::TileDiffers,
        }
    }
}

/// What is told about a tree that cannot be read.
#[must_use]
pub fn reason_of(error: &TreeError) -> Reason {
    match error {
        TileReadError::Read { source: TileFault::Source(_), .. } => Reason::LogUnreachable,
        _ => Reason::TileDiffers,
    }
}

/// A bundle whose entries are those of the tree.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// One past its last entry.
    pub end: u64,
    /// What may concern somebody, in the order of the log.
    pub finds: Vec<Find>,
}

/// Reads a bundle, hashes it into the tree, and hands out its leaves and entries: as many as the tree has there.
///
/// # Errors
/// [`Fault`].
pub(crate) fn with_bundle<T>(
    tree: &Tree<'_>,
    index: BundleIndex,
    work: impl FnOnce(&[LeafHash], &[&[u8]]) -> T,
) -> Result<T, Fault> {
    let outside = || Fault::Outside { bundle: index.get() };
    let width = index.width_in(tree.head().size()).ok_or_else(outside)?;
    let hashes = tree.leaves(index).map_err(Fault::Tree)?;
    let first = index.first_leaf();
    let Some(bundle) = tree.bundle(index, width)? else { return Err(Fault::EntryHidden { index: first }) };
    let entries = match bundle.entries() {
        Ok(entries) => entries,
        Err(EntryBundleError::Truncated { entry, .. }) => {
            return Err(Fault::EntryHidden { index: first + u64::from(entry) });
        }
        Err(_) => return Err(Fault::BundleDiffers { index: first + u64::from(width.get()) }),
    };
    // A bundle that was served may go on behind them.
    let entries = entries.entries().get(..hashes.len()).unwrap_or_default();
    let mut leaves = Vec::with_capacity(hashes.len());
    for ((at, hash), entry) in (first..).zip(&hashes).zip(entries) {
        let leaf = LeafHash::of(entry);
        if leaf.hash() != *hash {
            return Err(Fault::BundleDiffers { index: at });
        }
        leaves.push(leaf);
    }
    if leaves.len() != hashes.len() {
        return Err(Fault::EntryHidden { index: first + leaves.len() as u64 });
    }
    Ok(work(&leaves, entries))
}

/// Checks the entries of a bundle from index `from` on; those before it are hashed only.
///
/// # Errors
/// [`Fault`].
pub fn check(
    tree: &Tree<'_>,
    index: BundleIndex,
    from: u64,
    kind: EntryKind,
    watchlist: &Watchlist,
    keys: &mut KeyCache,
) -> Result<Checked, Fault> {
    let first = index.first_leaf();
    with_bundle(tree, index, |leaves, entries| {
        let mut finds = Vec::new();
        if kind == EntryKind::Tallymark {
            for ((at, leaf), entry) in (first..).zip(leaves).zip(entries) {
                if at >= from {
                    finds.extend(look(at, *leaf, entry, watchlist, keys));
                }
            }
        }
        Checked { end: first + leaves.len() as u64, finds }
    })
}

fn look(at: u64, leaf: LeafHash, bytes: &[u8], watchlist: &Watchlist, keys: &mut KeyCache) -> Option<Find> {
    let verified = Entry::parse_with(bytes, keys).and_then(|entry| entry.verify().map(|()| entry));
    match verified {
        Ok(entry) => watchlist.look(at, leaf, entry.payload()),
        Err(error) => {
            let reason = match error {
                EntryError::AlgorithmMismatch { .. }
                | EntryError::KeyIdMismatch { .. }
                | EntryError::Signature { .. } => Reason::EntrySignatureInvalid,
                _ => Reason::EntryMalformed,
            };
            Some(Find::unreadable(at, leaf, reason, error.to_string()))
        }
    }
}
