//! What is wrong with a log, found by recomputing it: one finding, its place, its code.
//!
//! The searches are [`crate::fsck`] (a directory at rest) and [`crate::audit`] (any log, over HTTP or from files).

use std::fmt;

use merkle::Hash;
use tlog::entry_bundle::EntryBundleError;

use crate::storage::Table;

/// Findings after which a search stops; a log with more is damaged through and through.
pub const MAX_DAMAGES: usize = 100;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// An entry bundle does not come apart into as many entries as the tree has there.
    BundleUnusable {
        /// Index of the bundle.
        index: u64,
        /// What stands in the way.
        fault: EntryBundleError,
    },
    /// An entry bundle is not there; nothing after it can be recomputed.
    BundleMissing {
        /// Index of the bundle.
        index: u64,
    },
    /// An entry of a log of signed entries is not one, or is not signed by the key it carries.
    EntryBad {
        /// Its index.
        index: u64,
    },
    /// An entry below the tree size is not there; nothing after it can be recomputed.
    EntryMissing {
        /// Its index.
        index: u64,
    },
    /// The ledger remembers a larger tree than is stored.
    LedgerAhead {
        /// Size in the ledger.
        size_signed: u64,
        /// Size in the database.
        size_stored: u64,
    },
    /// The database is more than one step beyond the ledger, which therefore lost records.
    LedgerBehind {
        /// Last size in the ledger.
        size_signed: u64,
        /// Size in the database.
        size_stored: u64,
    },
    /// A head in the ledger is not a head of this tree.
    LedgerHeadDiffers {
        /// Its size.
        size: u64,
        /// Root from the entries.
        seen: Hash,
        /// Root in the ledger.
        wanted: Hash,
    },
    /// The duplicate index has another index for an entry, or none.
    LeafMisfiled {
        /// Index of the entry.
        index: u64,
        /// What the duplicate index says.
        found: Option<u64>,
    },
    /// The stored root is not that of the entries.
    RootDiffers {
        /// Size of the tree.
        size: u64,
        /// Root from the entries.
        seen: Hash,
        /// Root in the head.
        wanted: Hash,
    },
    /// The log signed a status with another map than its entries make.
    StatusMapDiffers {
        /// Size of the tree of the status.
        size: u64,
        /// Root of the map from the entries.
        seen: Hash,
        /// Root of the map that was signed.
        wanted: Hash,
    },
    /// The log signed a status of another tree than this one.
    StatusTreeDiffers {
        /// Size of the tree of the status.
        size: u64,
        /// Root from the entries.
        seen: Hash,
        /// Root in the status.
        wanted: Hash,
    },
    /// More or fewer records of a kind than the tree has.
    Surplus {
        /// Which kind.
        table: Table,
        /// Records stored.
        seen: u64,
        /// Records the tree has.
        wanted: u64,
    },
    /// A tile's hash is not that of the entries below it.
    TileDiffers {
        /// Tile level.
        level: u8,
        /// Index within the level.
        index: u64,
        /// First hash that is wrong or missing, counted from 0.
        hash: usize,
    },
    /// A tile is not stored.
    TileMissing {
        /// Tile level.
        level: u8,
        /// Index within the level.
        index: u64,
    },
}

impl Damage {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BundleMissing { .. } => "bundle-missing",
            Self::BundleUnusable { .. } => "bundle-unusable",
            Self::EntryBad { .. } => "entry-bad",
            Self::EntryMissing { .. } => "entry-missing",
            Self::LedgerAhead { .. } => "ledger-ahead",
            Self::LedgerBehind { .. } => "ledger-behind",
            Self::LedgerHeadDiffers { .. } => "ledger-head-differs",
            Self::LeafMisfiled { .. } => "leaf-misfiled",
            Self::RootDiffers { .. } => "root-differs",
            Self::StatusMapDiffers { .. } => "status-map-differs",
            Self::StatusTreeDiffers { .. } => "status-tree-differs",
            Self::Surplus { .. } => "surplus-records",
            Self::TileDiffers { .. } => "tile-differs",
            Self::TileMissing { .. } => "tile-missing",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BundleMissing { index } => write!(f, "entry bundle {index} is not there"),
            Self::BundleUnusable { index, fault } => write!(f, "entry bundle {index}: {fault}"),
            Self::EntryBad { index } => {
                write!(f, "entry {index} is no signed entry, or not signed by the key it carries")
            }
            Self::EntryMissing { index } => write!(f, "entry {index} is not stored"),
            Self::LedgerAhead { size_signed, size_stored } => {
                write!(
                    f,
                    "the database holds {size_stored} entries, the ledger says {size_signed} were signed for"
                )
            }
            Self::LedgerBehind { size_signed, size_stored } => write!(
                f,
                "the ledger ends at size {size_signed}, the database holds {size_stored} entries, more than one \
                 step beyond"
            ),
            Self::LedgerHeadDiffers { size, seen, wanted } => {
                write!(f, "root at size {size} is {seen} by the entries, the ledger says {wanted} was signed")
            }
            Self::LeafMisfiled { index, found: Some(found) } => {
                write!(f, "the duplicate index has entry {index} under {found}")
            }
            Self::LeafMisfiled { index, found: None } => {
                write!(f, "the duplicate index does not have entry {index}")
            }
            Self::RootDiffers { size, seen, wanted } => {
                write!(f, "root at size {size} is {seen} by the entries, the stored head says {wanted}")
            }
            Self::StatusMapDiffers { size, seen, wanted } => {
                write!(f, "map at size {size} has root {seen} by the entries, the status says {wanted}")
            }
            Self::StatusTreeDiffers { size, seen, wanted } => {
                write!(f, "root at size {size} is {seen} by the entries, the status says {wanted}")
            }
            Self::Surplus { table, seen, wanted } => {
                write!(f, "table {table} holds {seen} records, the tree has {wanted}")
            }
            Self::TileDiffers { level, index, hash } => {
                write!(f, "hash {hash} of tile {index} of level {level} is not that of the entries below it")
            }
            Self::TileMissing { level, index } => write!(f, "tile {index} of level {level} is not stored"),
        }
    }
}
