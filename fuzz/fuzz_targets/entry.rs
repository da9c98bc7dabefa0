//! The COSE log entry: deterministic CBOR, so the payload encoded anew lies in the input as it is.

#![no_main]

use attest::entry::Entry;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;

fuzz_target!(|input: &[u8]| {
    let Some(entry) = written_back(input, Entry::parse, |entry| entry.as_bytes().to_vec()) else { return };
    let payload = entry.payload().to_bytes();
    assert!(input.windows(payload.len()).any(|window| window == payload));
    // What has a name shows all of it, and what has none shows nothing of it.
    assert_eq!(entry.payload().is_private(), entry.payload().name().is_none());
    assert_eq!(entry.payload().is_private(), entry.payload().version().is_none());
    // A signature that fits is a matter of seeds; what matters is that looking at one does not panic.
    drop(entry.verify());
});
