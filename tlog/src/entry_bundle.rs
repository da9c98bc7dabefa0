//! Entry bundles: up to 256 entries in one file (c2sp.org/tlog-tiles, "Log entries").
//!
//! ```text
//! 00 03 6f 6e 65          length 3, big-endian, then "one"
//! 00 03 74 77 6f          "two"
//! 00 05 74 68 72 65 65    "three"
//! ```
//!
//! Bundle `n` holds the entries `256n` to `256n+255`, fewer if it is the last one of the tree; their leaf hashes are the
//! tile of level 0 with the same index.
//!
//! In scope: the framing. Out of scope: what an entry means; whether the entries are the log's, which takes the tile, see
//! [`crate::tile::TileReader::tile`].

use merkle::LeafHash;
use thiserror::Error;

use crate::tile::TileWidth;

/// Largest entry in bytes: its length is written in two bytes.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// Largest entry bundle in bytes, about 16 MiB: 256 entries of the largest size. Whoever inflates a compressed bundle stops
/// here.
pub const MAX_BUNDLE_BYTES: usize = 256 * (LENGTH_BYTES + MAX_ENTRY_BYTES);

/// Bytes of the length in front of an entry.
const LENGTH_BYTES: usize = 2;

/// An entry bundle taken apart: 1 to 256 entries, lent from the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBundle<'a> {
    bytes: &'a [u8],
    entries: Vec<&'a [u8]>,
}

/// Bytes that are no entry bundle, or an entry that fits into none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryBundleError {
    /// An entry above [`MAX_ENTRY_BYTES`].
    #[error("entry of {seen} bytes is above {MAX_ENTRY_BYTES}")]
    EntryTooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// Bytes follow the last entry that the width calls for.
    #[error("{seen} bytes after the last of {wanted} entries")]
    TrailingBytes {
        /// The number of bytes.
        seen: usize,
        /// The entries that the width calls for.
        wanted: u16,
    },
    /// The bytes end within an entry, or before the last one that the width calls for.
    #[error("bundle ends in entry {entry} of {wanted}")]
    Truncated {
        /// The entry that is cut short or missing, counted from 0.
        entry: u16,
        /// The entries that the width calls for.
        wanted: u16,
    },
}

impl<'a> EntryBundle<'a> {
    /// Takes a bundle of exactly `width` entries apart.
    ///
    /// # Errors
    ///
    /// * [`EntryBundleError::Truncated`] if there are fewer entries, or the last one is cut short;
    /// * [`EntryBundleError::TrailingBytes`] if anything follows the last entry.
    pub fn parse(bytes: &'a [u8], width: TileWidth) -> Result<Self, EntryBundleError> {
        let wanted = width.get();
        let mut rest = bytes;
        let mut entries = Vec::with_capacity(usize::from(wanted));
        for entry in 0..wanted {
            let (taken, left) = take_entry(rest).ok_or(EntryBundleError::Truncated { entry, wanted })?;
            entries.push(taken);
            rest = left;
        }
        if rest.is_empty() {
            Ok(Self { bytes, entries })
        } else {
            Err(EntryBundleError::TrailingBytes { seen: rest.len(), wanted })
        }
    }

    /// The entries in their order, 1 to 256 of them.
    #[must_use]
    pub fn entries(&self) -> &[&'a [u8]] {
        &self.entries
    }

    /// Computes the leaf hash of each entry. Compare them with the tile before believing an entry.
    pub fn leaf_hashes(&self) -> impl Iterator<Item = LeafHash> {
        self.entries.iter().map(|entry| LeafHash::of(entry))
    }

    /// The bundle exactly as it was parsed.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Adds one entry at the end of a bundle. How many there are is the caller's to count.
///
/// # Errors
///
/// [`EntryBundleError::EntryTooLong`] above [`MAX_ENTRY_BYTES`]; `bundle` is then as it was.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryBundleError> {
    let length =
        u16::try_from(entry.len()).map_err(|_| EntryBundleError::EntryTooLong { seen: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

fn take_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
