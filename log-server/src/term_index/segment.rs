//! A sealed segment: the postings of up to 65,536 consecutive entries, in about as few bits as there can be.
//!
//! ```text
//! head   u64 BE  first index
//!        u32 BE  entries, 1..=65,536
//!        u32 BE  bytes of the body
//!        u8      bucket bits b, 0..=20
//!        u8      k of the gaps, 0..=26
//!        u16     zero
//!        32 B    root of the tree of size first + entries
//!        2^b x u32 BE  where each bucket ends in the body
//!        4 B     check of all that
//! body   2^b buckets, then the long lists, each followed by a 4-byte check
//!
//! bucket     gamma(terms + 1), then for each term, ascending:
//!              rice(fingerprint - the one before - 1, k)      the first: fingerprint - start of the bucket
//!              gamma(c)                                       c entries have it, 1..=65,536
//!              c = 1        16 bits: index of the entry - first
//!              2 <= c < 64  a list
//!              64 <= c      32 bits: offset of a list in the body, 24 bits: its length in bytes
//! list       rice(place - the one before - 1, k(c)) for each place; the first: rice(place, k(c))
//!            k(c) = floor(log2(65,536 / c))
//! check      first 4 bytes of SHA-256(key ‖ u64 first index ‖ u32 offset in the body, or ff ff ff ff ‖ bytes)
//! ```
//!
//! A fingerprint is 26 bits. A term of its own costs log2(2^26 / terms) + 1.5 + 17 bits, 25 to 26 in a segment of
//! 400 thousand; a term that every entry has costs one bit per entry. Two terms share a fingerprint with a
//! probability of 2^-26, so among 50 million terms a look-up meets a stranger about once; the caller reads each
//! entry it is led to, so that costs a read and nothing else. The key keeps others from making strangers.
//!
//! In scope: bytes to postings and back, without trust in the bytes. Out of scope: where they lie
//! ([`super::store`]), what a term is.

use std::io;

use merkle::Hash;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::bits::{BitReader, BitWriter};
use super::store::SegmentStore;

/// Most entries in a segment: their places have 16 bits.
pub(super) const MAX_ENTRIES: u32 = 1 << 16;
/// Bits of a fingerprint.
pub(super) const FINGERPRINT_BITS: u8 = 26;
/// Bytes of the key that fingerprints and checks are made with.
pub(super) const KEY_BYTES: usize = 16;
/// Before the ends of the buckets.
const FIXED_BYTES: usize = 8 + 4 + 4 + 1 + 1 + 2 + 32;
const CHECK_BYTES: usize = 4;
/// Terms in a bucket, on average: one look-up reads and decodes 64 to 128, some 300 bytes.
const BUCKET_TERMS: usize = 128;
/// More buckets than these would hold fewer than [`BUCKET_TERMS`] even if all 2^26 fingerprints were there.
const MAX_BUCKET_BITS: u8 = 20;
/// From this many entries on, the list of a term lies outside its bucket.
const LONG: u32 = 64;
/// In place of an offset in the check of the head.
const HEAD: u32 = u32::MAX;

/// The secret of one index.
pub(super) type Key = [u8; KEY_BYTES];

/// A fingerprint and the place of an entry: `fingerprint << 16 | place`.
pub(super) type Posting = u64;

/// Joins the two.
pub(super) fn posting(fingerprint: u32, place: u16) -> Posting {
    (u64::from(fingerprint) << 16) | u64::from(place)
}

/// The fingerprint of a posting.
pub(super) fn fingerprint_of(posting: Posting) -> u32 {
    u32::try_from(posting >> 16).unwrap_or(u32::MAX)
}

/// The place of a posting.
pub(super) fn place_of(posting: Posting) -> u16 {
    (posting & 0xffff) as u16
}

/// What is known of a segment without reading its body.
#[derive(Debug)]
pub struct Segment {
    offset: u64,
    first: u64,
    entries: u32,
    body_bytes: u32,
    bucket_bits: u8,
    gap_k: u8,
    root: Hash,
    ends: Box<[u32]>,
}

/// Why a segment cannot be used. It is made again from the entries.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// Bytes are not what was written.
    #[error("the index is damaged in the segment of entry {first}: {what}")]
    Damaged {
        /// First index of the segment.
        first: u64,
        /// Which part.
        what: &'static str,
    },
    /// The bytes could not be read.
    #[error("the index could not be read")]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
    /// More in it than a segment may hold: a fault of the caller.
    #[error("a segment of {bytes} bytes is too large to be written")]
    TooLarge {
        /// Its body.
        bytes: usize,
    },
}

impl Segment {
    /// Reads the head at `offset` and checks that the whole segment is inside the store.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`], [`SegmentError::Io`].
    pub(super) fn read(store: &dyn SegmentStore, offset: u64, key: &Key) -> Result<Self, SegmentError> {
        let mut bytes = vec![0; FIXED_BYTES];
        store.read(offset, &mut bytes)?;
        let bucket_bits = bytes.get(16).copied().filter(|bits| *bits <= MAX_BUCKET_BITS);
        let Some(bucket_bits) = bucket_bits else {
            return Err(SegmentError::Damaged { first: 0, what: "bucket bits" });
        };
        let rest = (4_usize << bucket_bits) + CHECK_BYTES;
        // Before memory is taken for a head that cannot be there.
        if store.size()?.saturating_sub(offset) < (FIXED_BYTES + rest) as u64 {
            return Err(SegmentError::Damaged { first: 0, what: "head" });
        }
        bytes.resize(FIXED_BYTES + rest, 0);
        store.read(offset, &mut bytes)?;
        let segment = Self::parse_head(&bytes, offset, key)?;
        if segment.end() > store.size()? {
            return Err(segment.damaged("body"));
        }
        Ok(segment)
    }

    /// Reads a head: exactly its bytes.
    fn parse_head(bytes: &[u8], offset: u64, key: &Key) -> Result<Self, SegmentError> {
        let damaged = |what| SegmentError::Damaged { first: 0, what };
        let (head, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(damaged("head"))?;
        let (first, rest) = head.split_first_chunk::<8>().ok_or(damaged("head"))?;
        let first = u64::from_be_bytes(*first);
        let damaged = |what| SegmentError::Damaged { first, what };
        if *check != make_check(key, first, HEAD, head) {
            return Err(damaged("check of the head"));
        }
        let (entries, rest) = rest.split_first_chunk().ok_or(damaged("head"))?;
        let (body_bytes, rest) = rest.split_first_chunk().ok_or(damaged("head"))?;
        let ([bucket_bits, gap_k, 0, 0], rest) = rest.split_first_chunk().ok_or(damaged("head"))? else {
            return Err(damaged("reserved bytes"));
        };
        let (root, rest) = rest.split_first_chunk::<32>().ok_or(damaged("head"))?;
        let (entries, body_bytes) = (u32::from_be_bytes(*entries), u32::from_be_bytes(*body_bytes));
        let (bucket_bits, gap_k) = (*bucket_bits, *gap_k);
        if !(1..=MAX_ENTRIES).contains(&entries) || first.checked_add(u64::from(entries)).is_none() {
            return Err(damaged("number of entries"));
        }
        if bucket_bits > MAX_BUCKET_BITS || gap_k > FINGERPRINT_BITS {
            return Err(damaged("parameters"));
        }
        let (ends, odd) = rest.as_chunks::<4>();
        let ends: Box<[u32]> = ends.iter().map(|end| u32::from_be_bytes(*end)).collect();
        let last = ends.last().is_some_and(|last| *last <= body_bytes);
        if !odd.is_empty() || ends.len() != 1 << bucket_bits || !ends.is_sorted() || !last {
            return Err(damaged("ends of the buckets"));
        }
        let root = Hash::from_bytes(*root);
        Ok(Self { offset, first, entries, body_bytes, bucket_bits, gap_k, root, ends })
    }

    /// First index.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The index after the last one.
    pub(super) fn after(&self) -> u64 {
        self.first + u64::from(self.entries)
    }

    /// Root of the tree that ends with this segment.
    pub(super) fn root(&self) -> Hash {
        self.root
    }

    /// Where it begins in the store.
    #[cfg(test)]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the next one begins in the store.
    pub(super) fn end(&self) -> u64 {
        self.body() + u64::from(self.body_bytes)
    }

    fn body(&self) -> u64 {
        self.offset + (FIXED_BYTES + CHECK_BYTES) as u64 + (4 << self.bucket_bits)
    }

    fn damaged(&self, what: &'static str) -> SegmentError {
        SegmentError::Damaged { first: self.first, what }
    }

    /// The places of the entries with this fingerprint, ascending.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`], [`SegmentError::Io`]. "Not here" is never an error, and an error never "not here".
    pub(super) fn find(
        &self,
        store: &dyn SegmentStore,
        key: &Key,
        fingerprint: u32,
    ) -> Result<Vec<u16>, SegmentError> {
        let span = FINGERPRINT_BITS - self.bucket_bits;
        let bucket = (fingerprint >> span) as usize;
        let start = match bucket.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
        };
        let end = self.ends.get(bucket).copied().ok_or_else(|| self.damaged("bucket"))?;
        let bytes = self.checked(store, key, start, end.saturating_sub(start))?;
        match self.find_in_bucket(&bytes, fingerprint).ok_or_else(|| self.damaged("bucket"))? {
            Found::Nothing => Ok(Vec::new()),
            Found::Places(places) => Ok(places),
            Found::Elsewhere { offset, bytes, count } => {
                let list = self.checked(store, key, offset, bytes)?;
                read_list(&mut BitReader::new(&list), count).ok_or_else(|| self.damaged("list"))
            }
        }
    }

    /// Reads a part of the body and takes its check off.
    fn checked(
        &self,
        store: &dyn SegmentStore,
        key: &Key,
        offset: u32,
        len: u32,
    ) -> Result<Vec<u8>, SegmentError> {
        if offset.checked_add(len).is_none_or(|end| end > self.body_bytes) {
            return Err(self.damaged("place of a list"));
        }
        let mut bytes = vec![0; len as usize];
        store.read(self.body() + u64::from(offset), &mut bytes)?;
        let (content, check) =
            bytes.split_last_chunk::<CHECK_BYTES>().ok_or_else(|| self.damaged("length of a part"))?;
        if *check != make_check(key, self.first, offset, content) {
            return Err(self.damaged("check"));
        }
        bytes.truncate(bytes.len() - CHECK_BYTES);
        Ok(bytes)
    }

    fn find_in_bucket(&self, bytes: &[u8], wanted: u32) -> Option<Found> {
        let span = FINGERPRINT_BITS - self.bucket_bits;
        let start = wanted >> span << span;
        let last = start | ((1 << span) - 1);
        let reader = &mut BitReader::new(bytes);
        let terms = reader.gamma(1 << FINGERPRINT_BITS)? - 1;
        // The least that the next fingerprint can be.
        let mut least = start;
        for _ in 0..terms {
            let fingerprint = least.checked_add(reader.rice(self.gap_k, last.checked_sub(least)?)?)?;
            let count = reader.gamma(MAX_ENTRIES)?;
            if fingerprint > wanted {
                return Some(Found::Nothing);
            }
            let found = match count {
                1 => Found::Places(vec![reader.fixed(16)? as u16]),
                LONG.. => Found::Elsewhere { offset: reader.fixed(32)?, bytes: reader.fixed(24)?, count },
                _ => Found::Places(read_list(reader, count)?),
            };
            if fingerprint == wanted {
                return Some(found);
            }
            least = fingerprint + 1;
        }
        Some(Found::Nothing)
    }
}

/// What a bucket says of a fingerprint.
enum Found {
    Elsewhere { offset: u32, bytes: u32, count: u32 },
    Nothing,
    Places(Vec<u16>),
}

fn make_check(key: &Key, first: u64, offset: u32, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(first.to_be_bytes());
    hash.update(offset.to_be_bytes());
    hash.update(bytes);
    let hash: [u8; 32] = hash.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// `floor(log2(65,536 / count))`.
fn list_k(count: u32) -> u8 {
    (MAX_ENTRIES / count.clamp(1, MAX_ENTRIES)).ilog2() as u8
}

fn write_list(writer: &mut BitWriter, places: impl ExactSizeIterator<Item = u16>) {
    let k = list_k(places.len() as u32);
    let mut least = 0;
    for place in places.map(u32::from) {
        writer.rice(place.saturating_sub(least), k);
        least = place + 1;
    }
}

fn read_list(reader: &mut BitReader<'_>, count: u32) -> Option<Vec<u16>> {
    let k = list_k(count);
    let mut places = Vec::with_capacity(count as usize);
    let mut least = 0;
    for _ in 0..count {
        let most = u32::from(u16::MAX).checked_sub(least)?;
        let place = least + reader.rice(k, most)?;
        places.push(place as u16);
        least = place + 1;
    }
    Some(places)
}

/// Encodes postings, which ascend and of which none is there twice, as the segment of `entries` entries from
/// `first` on, after which the tree has this root.
///
/// # Errors
/// [`SegmentError::TooLarge`].
pub(super) fn encode(
    key: &Key,
    first: u64,
    entries: u32,
    root: &Hash,
    postings: &[Posting],
) -> Result<Vec<u8>, SegmentError> {
    let terms: Vec<&[Posting]> = postings.chunk_by(|a, b| fingerprint_of(*a) == fingerprint_of(*b)).collect();
    let bucket_bits = (terms.len() / BUCKET_TERMS).checked_ilog2().unwrap_or(0) as u8;
    let bucket_bits = bucket_bits.min(MAX_BUCKET_BITS);
    let gap_k = ((1_usize << FINGERPRINT_BITS) / terms.len().max(1)).checked_ilog2().unwrap_or(0) as u8;
    let span = FINGERPRINT_BITS - bucket_bits;

    // Long lists lie behind the buckets, so their offsets are known only when all buckets have their size: the
    // reference has a fixed width, so a first pass gives the sizes.
    let mut long = Vec::new();
    let mut buckets: Vec<&[&[Posting]]> = Vec::with_capacity(1 << bucket_bits);
    let mut rest = terms.as_slice();
    for bucket in 0..1_u32 << bucket_bits {
        let inside = rest.partition_point(|term| bucket_of(term, span) <= bucket);
        let (these, later) = rest.split_at(inside);
        buckets.push(these);
        rest = later;
    }
    let mut ends = Vec::with_capacity(buckets.len());
    let mut end = 0;
    for (number, terms) in (0_u32..).zip(&buckets) {
        end += write_bucket(terms, number << span, gap_k, &mut |_| (0, 0)).len() + CHECK_BYTES;
        ends.push(end);
    }
    let mut body = Vec::new();
    for (number, terms) in (0_u32..).zip(&buckets) {
        let bytes = write_bucket(terms, number << span, gap_k, &mut |places| {
            let mut writer = BitWriter::default();
            write_list(&mut writer, places.iter().map(|posting| place_of(*posting)));
            let list = writer.finish();
            let offset = end + long.len();
            let check = make_check(key, first, offset as u32, &list);
            let len = list.len() + CHECK_BYTES;
            long.extend_from_slice(&list);
            long.extend_from_slice(&check);
            (offset as u32, len as u32)
        });
        push_checked(&mut body, key, first, &bytes);
    }
    body.extend_from_slice(&long);
    let too_large = |_| SegmentError::TooLarge { bytes: body.len() };
    let body_bytes = u32::try_from(body.len()).map_err(too_large)?;

    let mut bytes = Vec::with_capacity(FIXED_BYTES + 4 * ends.len() + CHECK_BYTES + body.len());
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&entries.to_be_bytes());
    bytes.extend_from_slice(&body_bytes.to_be_bytes());
    bytes.extend_from_slice(&[bucket_bits, gap_k, 0, 0]);
    bytes.extend_from_slice(root.as_bytes());
    for end in ends {
        bytes.extend_from_slice(&u32::try_from(end).map_err(too_large)?.to_be_bytes());
    }
    let check = make_check(key, first, HEAD, &bytes);
    bytes.extend_from_slice(&check);
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn push_checked(body: &mut Vec<u8>, key: &Key, first: u64, bytes: &[u8]) {
    let check = make_check(key, first, body.len() as u32, bytes);
    body.extend_from_slice(bytes);
    body.extend_from_slice(&check);
}

fn bucket_of(term: &[Posting], span: u8) -> u32 {
    term.first().map_or(0, |posting| fingerprint_of(*posting) >> span)
}

fn write_bucket(
    terms: &[&[Posting]],
    start: u32,
    gap_k: u8,
    put_long: &mut dyn FnMut(&[Posting]) -> (u32, u32),
) -> Vec<u8> {
    let mut writer = BitWriter::default();
    writer.gamma(terms.len() as u32 + 1);
    let mut least = start;
    for postings in terms {
        let Some(one) = postings.first() else { continue };
        let fingerprint = fingerprint_of(*one);
        writer.rice(fingerprint.saturating_sub(least), gap_k);
        least = fingerprint + 1;
        let count = postings.len() as u32;
        writer.gamma(count);
        if count == 1 {
            writer.fixed(u32::from(place_of(*one)), 16);
        } else if count < LONG {
            write_list(&mut writer, postings.iter().map(|posting| place_of(*posting)));
        } else {
            let (offset, len) = put_long(postings);
            writer.fixed(offset, 32);
            writer.fixed(len, 24);
        }
    }
    writer.finish()
}

/// Reads bytes as a segment and looks a fingerprint up in it: for tests and the fuzzer.
///
/// # Errors
/// [`SegmentError::Damaged`] for bytes that no segment has.
pub fn probe(bytes: &[u8], key: &[u8; 16], fingerprint: u32) -> Result<Vec<u16>, SegmentError> {
    let store = super::store::MemoryStore::default();
    store.write(0, bytes)?;
    let segment = Segment::read(&store, 0, key)?;
    segment.find(&store, key, fingerprint & ((1 << FINGERPRINT_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term_index::store::MemoryStore;
    use std::collections::BTreeMap;

    const KEY: Key = [7; KEY_BYTES];
    const ROOT: Hash = Hash::from_bytes([9; 32]);

    /// Numbers that look random and are the same in every run (splitmix64).
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = *state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn postings(unique: u32, shared: &[(u32, u32)]) -> BTreeMap<u32, Vec<u16>> {
        let mut state = u64::from(unique);
        let mut by_term: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
        for _ in 0..unique {
            let bits = random(&mut state);
            by_term.entry((bits >> 38) as u32).or_default().push(bits as u16);
        }
        for (fingerprint, step) in shared {
            let places = (0..MAX_ENTRIES).step_by(*step as usize).map(|place| place as u16);
            by_term.entry(*fingerprint).or_default().extend(places);
        }
        for places in by_term.values_mut() {
            places.sort_unstable();
            places.dedup();
        }
        by_term
    }

    fn encoded(by_term: &BTreeMap<u32, Vec<u16>>) -> Vec<u8> {
        let postings: Vec<_> = by_term
            .iter()
            .flat_map(|(fingerprint, places)| places.iter().map(|place| posting(*fingerprint, *place)))
            .collect();
        encode(&KEY, 65_536, MAX_ENTRIES, &ROOT, &postings).unwrap()
    }

    #[test]
    fn every_term_is_found_with_its_places_and_no_other_is() {
        let last = (1 << FINGERPRINT_BITS) - 1;
        for (unique, shared) in [
            (0, &[][..]),
            (1, &[]),
            (0, &[(0, 1), (last, 1)]),
            (100, &[(5, 3), (6, 1024), (7, 1040), (8, 30_000)]),
            (5000, &[(1, 1), (2, 2), (last - 1, 700)]),
        ] {
            let by_term = postings(unique, shared);
            let store = MemoryStore::default();
            store.write(0, &encoded(&by_term)).unwrap();
            let segment = Segment::read(&store, 0, &KEY).unwrap();
            assert_eq!((segment.first(), segment.after(), segment.root()), (65_536, 131_072, ROOT));
            for (fingerprint, places) in &by_term {
                assert_eq!(segment.find(&store, &KEY, *fingerprint).unwrap(), *places, "{fingerprint}");
                for near in [fingerprint.wrapping_sub(1) & last, (fingerprint + 1) & last] {
                    let found = segment.find(&store, &KEY, near).unwrap();
                    assert_eq!(found, by_term.get(&near).cloned().unwrap_or_default());
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_damage_and_never_a_missing_term() {
        let by_term = postings(300, &[(5, 30), (600, 900)]);
        let bytes = encoded(&by_term);
        for at in (0..bytes.len()).step_by(23) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            for (fingerprint, places) in by_term.iter().step_by(29) {
                if let Ok(found) = probe(&bytes, &KEY, *fingerprint) {
                    assert_eq!(found, *places, "byte {at}");
                }
            }
        }
        let clean = by_term.keys().all(|fingerprint| probe(&bytes, &KEY, *fingerprint).is_ok());
        let any = (0..bytes.len()).step_by(61).all(|at| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            by_term.keys().any(|fingerprint| probe(&bytes, &KEY, *fingerprint).is_err())
        });
        assert!(clean && any, "each byte is under a check");
    }

    #[test]
    fn a_cut_segment_and_one_of_another_key_are_damage() {
        let bytes = encoded(&postings(300, &[(5, 3)]));
        for len in [0, 1, FIXED_BYTES, FIXED_BYTES + 7, bytes.len() / 2, bytes.len() - 1] {
            assert!(probe(&bytes[..len], &KEY, 5).is_err(), "{len}");
        }
        assert!(matches!(probe(&bytes, &[8; 16], 5), Err(SegmentError::Damaged { .. })));
    }

    #[test]
    fn any_bytes_under_a_good_check_are_places_in_order_or_damage() {
        // Nobody without the key can make a check; the decoder is total all the same.
        let mut state = 3;
        let (mut found, mut damaged) = (0, 0);
        for round in 0..3000_u32 {
            let len = (random(&mut state) % 60) as usize;
            let mut bytes: Vec<u8> = (0..len).map(|_| random(&mut state) as u8).collect();
            if round % 3 == 0 {
                bytes.iter_mut().for_each(|byte| *byte |= (random(&mut state) | random(&mut state)) as u8);
            }
            let wanted = (random(&mut state) % 200) as u32;
            let (offset, first, entries, root) = (0, 0, MAX_ENTRIES, ROOT);
            let (bucket_bits, gap_k) = ((round % 20) as u8, (round % 27) as u8);
            let (body_bytes, ends) = (0, Box::default());
            let segment = Segment { offset, first, entries, body_bytes, bucket_bits, gap_k, root, ends };
            match segment.find_in_bucket(&bytes, wanted) {
                Some(Found::Places(places)) => {
                    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
                    found += 1;
                }
                Some(_) => {}
                None => damaged += 1,
            }
            let count = 1 + (random(&mut state) % 70_000) as u32;
            if let Some(places) = read_list(&mut BitReader::new(&bytes), count) {
                assert!(places.len() == count as usize && places.is_sorted_by(|a, b| a < b));
            }
        }
        assert!(found > 0 && damaged > 0, "{found} found, {damaged} damaged");
    }

    #[test]
    fn a_full_segment_costs_what_the_page_says() {
        // Five terms of its own per entry, one that all have, one in a hundred, one in ten thousand.
        let mut state = 1;
        let mut all = Vec::new();
        for place in 0..=u16::MAX {
            all.extend((0..5).map(|_| posting((random(&mut state) >> 38) as u32, place)));
            all.push(posting(1, place));
            all.push(posting(100 + (random(&mut state) % 100) as u32, place));
            all.push(posting(10_000 + (random(&mut state) % 10_000) as u32, place));
        }
        all.sort_unstable();
        all.dedup();
        let bytes = encode(&KEY, 0, MAX_ENTRIES, &ROOT, &all).unwrap();
        let per_entry = bytes.len() as f64 / f64::from(MAX_ENTRIES);
        println!("{per_entry:.2} bytes per entry with 8 terms, {} bytes a segment", bytes.len());
        assert!(per_entry < 20.0, "{per_entry}");
    }
}
