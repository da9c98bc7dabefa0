//! A step as the bytes an engine is about to write, and how to take them apart again.
//!
//! The layout is RocksDB's own for a write batch, of which a step needs one kind of record:
//!
//! ```text
//! u64 LE 0 ‖ u32 LE number of records ‖ records
//! record:  u8 5 ‖ varint family ‖ varint key length ‖ key ‖ varint value length ‖ value
//! family:  1 entry   2 tile   3 leaf   4 meta                    (varint: base 128, low group first)
//! ```
//!
//! RocksDB writes these bytes and [`Rows`] reads them, so the reader shares no code with the writer: what
//! [`crate::second_root`] finds in them is what the disk will get, not what the program believes it sent.
//!
//! In scope: the bytes and their strict reading. Out of scope: whether the rows are right.

use merkle::{Hash, LeafIndex, TreeHead, TreeSize};
use thiserror::Error;

use super::{Step, StorageError, Table};

/// Sequence number and count.
const HEADER_BYTES: usize = 12;
/// "Value in a column family", the one kind of record a step has.
const PUT: u8 = 5;
/// Key of the head in the meta table.
pub(crate) const HEAD_KEY: &[u8] = b"head";
/// Bytes of an encoded head: size ‖ root.
pub(crate) const HEAD_BYTES: usize = 8 + 32;

/// One step, encoded for its engine: made by [`super::Storage::encode`], written by [`super::Storage::commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedStep {
    head_old: TreeHead,
    bytes: Vec<u8>,
}

impl EncodedStep {
    /// Takes the encoding of a step that starts from `head_old`. Nothing is implied about the bytes.
    #[must_use]
    pub fn new(head_old: TreeHead, bytes: Vec<u8>) -> Self {
        Self { head_old, bytes }
    }

    /// The head the step starts from.
    #[must_use]
    pub fn head_old(&self) -> &TreeHead {
        &self.head_old
    }

    /// What will be written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The rows in the bytes, in order.
    ///
    /// # Errors
    /// [`EncodingError::Header`] if the bytes are too few to have any.
    pub fn rows(&self) -> Result<Rows<'_>, EncodingError> {
        let header = || EncodingError::Header { seen: self.bytes.len() };
        let (header, rest) = self.bytes.split_first_chunk::<HEADER_BYTES>().ok_or_else(header)?;
        let [.., a, b, c, d] = *header;
        Ok(Rows { rest, len: self.bytes.len(), left: u32::from_le_bytes([a, b, c, d]) })
    }
}

/// One record of an encoded step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Where it goes.
    pub table: Table,
    /// Under which key.
    pub key: &'a [u8],
    /// What is stored.
    pub value: &'a [u8],
}

/// The rows of an encoded step. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    rest: &'a [u8],
    len: usize,
    left: u32,
}

impl<'a> Rows<'a> {
    fn row(&mut self) -> Option<Row<'a>> {
        let (tag, rest) = self.rest.split_first()?;
        self.rest = rest;
        let table = match (*tag, self.varint()?) {
            (PUT, 1) => Table::Entry,
            (PUT, 2) => Table::Tile,
            (PUT, 3) => Table::Leaf,
            (PUT, 4) => Table::Meta,
            _ => return None,
        };
        Some(Row { table, key: self.slice()?, value: self.slice()? })
    }

    fn slice(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (slice, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(slice)
    }

    /// At most 32 bits, in the shortest form.
    fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if *byte == 0 && shift > 0 { None } else { u32::try_from(value).ok() };
            }
        }
        None
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, EncodingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 && self.rest.is_empty() {
            return None;
        }
        let at = self.len - self.rest.len();
        let row = if self.left == 0 { None } else { self.row() };
        self.left = self.left.saturating_sub(1);
        if row.is_none() {
            (self.left, self.rest) = (0, &[]);
        }
        Some(row.ok_or(EncodingError::Record { at }))
    }
}

/// Why bytes are not an encoded step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Not even a header.
    #[error("an encoded step of {seen} bytes has no header")]
    Header {
        /// How many there are.
        seen: usize,
    },
    /// A record that no step has, one that is cut short, or bytes after the last one.
    #[error("no record of a step stands at byte {at}")]
    Record {
        /// Where it starts.
        at: usize,
    },
}

/// Hands every row of a step to `put`: each entry followed by its row in the duplicate index, the tiles, the head.
pub(crate) fn each_row<E>(
    step: &Step,
    mut put: impl FnMut(Table, &[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for (index, entry) in (step.head_old().size().get()..).zip(step.entries()) {
        put(Table::Entry, &index.to_be_bytes(), entry.bytes())?;
        put(Table::Leaf, entry.leaf().hash().as_bytes(), short(&index.to_be_bytes()))?;
    }
    for tile in step.tiles() {
        let mut key = [0; 9];
        key[0] = tile.coord().level();
        key[1..].copy_from_slice(&tile.coord().index().to_be_bytes());
        put(Table::Tile, &key, tile.bytes())?;
    }
    put(Table::Meta, HEAD_KEY, &encode_head(step.head_new()))
}

/// An index without the zeros in front of it: three bytes for each of ten million entries instead of eight. Index 0 has none.
fn short(index: &[u8; 8]) -> &[u8] {
    let zeros = index.iter().take_while(|byte| **byte == 0).count();
    index.get(zeros..).unwrap_or_default()
}

/// Reads what [`short`] left. A zero in front is refused: an index has one spelling.
pub(crate) fn decode_index(bytes: &[u8]) -> Result<LeafIndex, StorageError> {
    let bad = || StorageError::BadRecord { table: Table::Leaf, len: bytes.len() };
    if bytes.len() > 8 || bytes.first() == Some(&0) {
        return Err(bad());
    }
    let index = bytes.iter().fold(0, |index, byte| index << 8 | u64::from(*byte));
    LeafIndex::new(index).map_err(|_| bad())
}

pub(crate) fn encode_head(head: &TreeHead) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    bytes[..8].copy_from_slice(&head.size().get().to_be_bytes());
    bytes[8..].copy_from_slice(head.root().as_bytes());
    bytes
}

pub(crate) fn decode_head(bytes: &[u8]) -> Result<TreeHead, StorageError> {
    let bad = || StorageError::BadRecord { table: Table::Meta, len: bytes.len() };
    let (size, root) = bytes.split_first_chunk::<8>().ok_or_else(bad)?;
    let size = TreeSize::new(u64::from_be_bytes(*size)).map_err(|_| bad())?;
    let root = Hash::from_slice(root).ok_or_else(bad)?;
    TreeHead::new(size, root).map_err(|_| bad())
}

/// Writes the layout above for engines that have no writer of their own.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    count: u32,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], count: 0 }
    }

    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        let family = match table {
            Table::Entry => 1,
            Table::Tile => 2,
            Table::Leaf => 3,
            Table::Meta => 4,
        };
        self.bytes.extend([PUT, family]);
        for part in [key, value] {
            let mut len = part.len();
            while len >= 0x80 {
                self.bytes.push((len & 0x7f) as u8 | 0x80);
                len >>= 7;
            }
            self.bytes.push(len as u8);
            self.bytes.extend_from_slice(part);
        }
        self.count += 1;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&self.count.to_le_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(put: impl FnOnce(&mut Writer)) -> EncodedStep {
        let mut writer = Writer::new();
        put(&mut writer);
        EncodedStep::new(TreeHead::empty(), writer.finish())
    }

    #[test]
    fn what_was_put_comes_out_in_order() {
        let long = vec![7; 20_000];
        let step = encoded(|writer| {
            writer.put(Table::Entry, b"k", &long);
            writer.put(Table::Meta, b"", b"");
        });
        let rows: Vec<_> = step.rows().unwrap().map(Result::unwrap).collect();
        assert_eq!(rows[0], Row { table: Table::Entry, key: b"k", value: &long });
        assert_eq!(rows[1], Row { table: Table::Meta, key: b"", value: b"" });
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn an_index_has_one_spelling_without_zeros_in_front() {
        for (index, bytes) in
            [(0, &[][..]), (1, &[1]), (255, &[255]), (256, &[1, 0]), (1 << 32, &[1, 0, 0, 0, 0])]
        {
            assert_eq!(short(&u64::to_be_bytes(index)), bytes);
            assert_eq!(decode_index(bytes).unwrap().get(), index);
        }
        for refused in [&[0][..], &[0, 1], &[0xff; 8], &[1; 9]] {
            assert!(matches!(decode_index(refused), Err(StorageError::BadRecord { .. })), "{refused:?}");
        }
    }

    #[test]
    fn a_step_cut_short_or_with_more_behind_it_is_refused() {
        let whole = encoded(|writer| {
            writer.put(Table::Entry, b"key", b"value");
            writer.put(Table::Leaf, b"key", b"value");
        });
        for len in 0..whole.bytes().len() {
            let cut = EncodedStep::new(TreeHead::empty(), whole.bytes()[..len].to_vec());
            let refused = cut.rows().and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
            assert!(refused.is_err(), "{len}");
        }
        let longer = EncodedStep::new(TreeHead::empty(), [whole.bytes(), &[5]].concat());
        assert_eq!(
            longer.rows().unwrap().last(),
            Some(Err(EncodingError::Record { at: whole.bytes().len() }))
        );
    }

    #[test]
    fn records_that_no_step_has_are_refused() {
        let record = |bytes: &[u8]| {
            let step = EncodedStep::new(TreeHead::empty(), [&[0; 8][..], &[1, 0, 0, 0], bytes].concat());
            step.rows().unwrap().next().unwrap().is_ok()
        };
        assert!(record(&[5, 1, 1, b'k', 1, b'v']));
        // A deletion, an unknown family, a padded length, a length beyond 32 bits.
        assert!(!record(&[4, 1, 1, b'k']));
        assert!(!record(&[5, 5, 1, b'k', 1, b'v']));
        assert!(!record(&[5, 1, 0x81, 0, b'k', 1, b'v']));
        assert!(!record(&[5, 1, 0xff, 0xff, 0xff, 0xff, 0x7f]));
    }
}
