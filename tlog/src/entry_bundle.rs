//! Skeleton: entry bundles.
use crate::tile::TileWidth;
use thiserror::Error;
/// 65,535.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// 256 * 65,537.
pub const MAX_BUNDLE_BYTES: usize = 256 * (2 + MAX_ENTRY_BYTES);
/// Skeleton.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryBundleError {
    /// Too long.
    #[error("entry of {seen} bytes")]
    EntryTooLong {
        /// Seen.
        seen: usize,
    },
}
/// Parsed bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBundle<'a> {
    entries: Vec<&'a [u8]>,
}
impl<'a> EntryBundle<'a> {
    /// Skeleton.
    pub fn parse(bytes: &'a [u8], width: TileWidth) -> Result<Self, EntryBundleError> {
        let _ = (bytes, width);
        todo!()
    }
    /// Entries.
    #[must_use]
    pub fn entries(&self) -> &[&'a [u8]] {
        &self.entries
    }
    /// Inverse.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
}
/// Appends one entry.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryBundleError> {
    let _ = (bundle, entry);
    todo!()
}
