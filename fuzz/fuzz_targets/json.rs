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
    // A lax reader drops all but one of several equal keys; in the text each still has its colon.
    assert_eq!(members(&value), colons(input), "a key that is there twice");
    let again = value.to_string();
    assert_eq!(json::parse(again.as_bytes(), MAX_BYTES), Ok(value));
});

/// How many members the objects of a value have, at all depths.
fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

/// How many colons a JSON text has outside of strings.
fn colons(text: &[u8]) -> usize {
    let (mut colons, mut in_string, mut escaped) = (0, false, false);
    for byte in text {
        match (in_string, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (_, _, b'"') => in_string = !in_string,
            (false, _, b':') => colons += 1,
            _ => {}
        }
    }
    colons
}
