//! A segment of the search index: bytes from a disk that nobody vouches for.
//!
//! The checks would stop nearly every input at the door, so this target makes them right: of the head, and of the part
//! that the look-up reads first. What lies behind them must be total without them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_server::term_index::probe;
use sha2::{Digest as _, Sha256};

const KEY: [u8; 16] = [7; 16];
/// Before the ends of the buckets, and how long a check is: the layout of `term_index::segment`.
const FIXED_BYTES: usize = 52;
const CHECK_BYTES: usize = 4;
const FINGERPRINT_BITS: u8 = 26;

fuzz_target!(|input: (u32, &[u8])| {
    let (fingerprint, bytes) = input;
    let fingerprint = fingerprint >> (32 - FINGERPRINT_BITS);
    look(bytes, fingerprint);
    let mut repaired = bytes.to_vec();
    if repair(&mut repaired, fingerprint).is_some() {
        look(&repaired, fingerprint);
    }
});

fn look(bytes: &[u8], fingerprint: u32) {
    let Ok(places) = probe(bytes, &KEY, fingerprint) else { return };
    assert!(places.is_sorted_by(|a, b| a < b), "places ascend");
}

fn repair(bytes: &mut [u8], fingerprint: u32) -> Option<()> {
    let bits = *bytes.get(16)?;
    if bits > 12 {
        return None;
    }
    let head_end = FIXED_BYTES + (4_usize << bits);
    let first = u64::from_be_bytes(*bytes.first_chunk()?);
    put_check(bytes, first, u32::MAX, 0, head_end)?;
    let bucket = (fingerprint >> (FINGERPRINT_BITS - bits)) as usize;
    let end_of = |bucket: usize| {
        let at = FIXED_BYTES + 4 * bucket;
        bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
    };
    let start = bucket.checked_sub(1).map_or(Some(0), end_of)?;
    let end = end_of(bucket)?;
    let body = head_end + CHECK_BYTES;
    let content_end = body + (end as usize).checked_sub(CHECK_BYTES)?;
    put_check(bytes, first, start, body + start as usize, content_end)
}

/// Puts the check of `bytes[from..to]` behind them.
fn put_check(bytes: &mut [u8], first: u64, offset: u32, from: usize, to: usize) -> Option<()> {
    let mut hash = Sha256::new();
    hash.update(KEY);
    hash.update(first.to_be_bytes());
    hash.update(offset.to_be_bytes());
    hash.update(bytes.get(from..to)?);
    let check = hash.finalize();
    bytes.get_mut(to..to + CHECK_BYTES)?.copy_from_slice(check.get(..CHECK_BYTES)?);
    Some(())
}
