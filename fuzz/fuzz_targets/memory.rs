//! What a verifier remembers: written back byte for byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use verifier::Memory;

fuzz_target!(|input: &[u8]| {
    let Ok(memory) = Memory::parse(input) else { return };
    assert_eq!(memory.to_bytes(), input);
});
