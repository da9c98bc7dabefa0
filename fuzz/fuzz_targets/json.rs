//! The strict JSON reader: whatever it takes, a lax reader takes as the same value, and so does it itself
//! when written anew.

#![no_main]

use attest::json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Above every input that libFuzzer makes.
const MAX_BYTES: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let Ok(value) = json::parse(input, MAX_BYTES) else { return };
    let lax: Value = serde_json::from_slice(input).expect("strict JSON is JSON");
    assert_eq!(value, lax);
    let again = value.to_string();
    assert_eq!(json::parse(again.as_bytes(), MAX_BYTES), Ok(value));
});
